"""A node whose blocks cannot be: figures beyond all bounds, a base fee of nothing, two blocks of one number."""

from __future__ import annotations

from typing import Any

import pytest
from given_chain import Change, LyingNode, a_reader, requests_of

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.codec import DecodeError, Words, hex_int
from rebalancer.core.errors import Unavailable
from rebalancer.replica.chain import Replica


def header(**fields: Any) -> Change:
    """Every header with these fields instead of its own."""

    def change(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] == "eth_getBlockByNumber":
            return {**answer, "result": {**answer["result"], **fields}}
        return answer

    return change


def witness(index: int, value: int) -> Change:
    """The block number (0) or time (1) that the calls say they were made at."""

    def change(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_call":
            return answer
        data = bytearray.fromhex(answer["result"][2:])
        start = Words(bytes(data)).at(0).after(1).at(index).at(1).start + 32
        data[start : start + 32] = value.to_bytes(32, "big")
        return {**answer, "result": "0x" + data.hex()}

    return change


LONG = "0x" + "f" * 5_000


@pytest.mark.parametrize(
    "lie",
    [
        ("number", LONG, 20_000, 63),
        ("number", hex(1 << 70), 71, 63),
        ("number", hex(1 << 63), 64, 63),
        ("timestamp", LONG, 20_000, 63),
        ("timestamp", hex(1 << 64), 65, 63),
        ("baseFeePerGas", LONG, 20_000, 128),
        ("baseFeePerGas", hex(1 << 128), 129, 128),
    ],
    ids=lambda lie: f"{lie[0]} of {lie[2]} bits",
)
@pytest.mark.parametrize("ask", ["read", "head"])
def test_header__with_a_figure_beyond_all_bounds__is_unavailable_and_names_it(
    book: Book, lying: LyingNode, ask: str, lie: tuple[str, str, int, int]
) -> None:
    field, value, bits, most = lie
    lying.change = header(**{field: value})
    said = (
        f"^127.0.0.1: the {field} of a block header: '0x[0-9a-f]+' is a number of {bits} bits, expected at most {most};"
    )
    with pytest.raises(Unavailable, match=said):
        getattr(a_reader(lying.url, book), ask)()


@pytest.mark.parametrize("ask", ["read", "head"])
@pytest.mark.parametrize("nothing", ["0x0", "0x000"])
def test_header__with_a_base_fee_of_nothing__is_unavailable(
    book: Book, lying: LyingNode, ask: str, nothing: str
) -> None:
    lying.change = header(baseFeePerGas=nothing)
    with pytest.raises(Unavailable, match=r"127.0.0.1: block \d+ has a base fee of 0, expected 7 wei or more"):
        getattr(a_reader(lying.url, book), ask)()
    lying.change = header(baseFeePerGas="0x7")
    assert a_reader(lying.url, book).head().base_fee == 7


@pytest.mark.parametrize("index", [0, 1])
def test_read__whose_calls_name_a_block_beyond_all_bounds__is_unavailable(
    book: Book, lying: LyingNode, index: int
) -> None:
    lying.change = witness(index, 1 << 70)
    with pytest.raises(Unavailable, match="Multicall3's block number and time: word 0 does not fit in uint63"):
        a_reader(lying.url, book).read()


def test_read__of_a_chain_id_of_5000_digits__is_unavailable(book: Book, lying: LyingNode) -> None:
    lying.change = lambda call, answer: {**answer, "result": LONG} if call["method"] == "eth_chainId" else answer
    with pytest.raises(Unavailable, match="'0xf+' is a number of 20000 bits, expected at most 256"):
        a_reader(lying.url, book).read()


@pytest.mark.parametrize(("value", "bits"), [(1 << 256, 256), (1 << 63, 63)])
def test_hex_int__of_too_many_bits__is_a_decode_error(value: int, bits: int) -> None:
    assert hex_int(hex(value - 1), bits) == value - 1
    assert hex_int("0x" + "0" * 5_000 + "7", bits) == 7
    with pytest.raises(DecodeError, match=f"is a number of {bits + 1} bits, expected at most {bits}"):
        hex_int(hex(value), bits)


# ---------------------------------------------------------------- two blocks of one number


def test_read__where_only_the_times_differ__says_the_times(replica: Replica, book: Book, lying: LyingNode) -> None:
    number, time = int(replica.rpc.call("eth_blockNumber"), 16), replica.now()
    lying.change = header(timestamp=hex(time - 1))
    said = rf"\(header {number} of time {time - 1}, calls {number} of time {time}, {number} of time {time}, then"
    with pytest.raises(Unavailable, match=said):
        a_reader(lying.url, book).read()


@pytest.mark.parametrize("at", [1, 2], ids=["before both calls", "between them"])
def test_read__where_the_newest_block_is_replaced_meanwhile__is_read_again(
    replica: Replica, book: Book, lying: LyingNode, at: int
) -> None:
    mark = replica.snapshot()
    replica.mine()
    old = replica.rpc.call("eth_getBlockByNumber", "latest", False)
    calls: list[str] = []

    def replace_the_block(call: dict[str, Any]) -> None:
        calls.append(call["method"])
        if call["method"] == "eth_call" and calls.count("eth_call") == at:
            replica.revert(mark)
            replica.warp(7)

    lying.before = replace_the_block
    reader = a_reader(lying.url, book)
    block = reader.read().block
    assert (requests_of(reader), hex(block.number)) == (2, old["number"])
    assert block.hash == replica.rpc.call("eth_getBlockByNumber", "latest", False)["hash"] != old["hash"]
