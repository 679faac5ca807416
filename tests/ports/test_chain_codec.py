"""The lean codec against the reference one, and against data that lies."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.adapters.chain import at_block, codec, holdings, lens, oracles, pools, reader
from rebalancer.adapters.chain.codec import (
    CallResult,
    DecodeError,
    EthCall,
    Words,
    address_word,
    decode_aggregate3,
    encode_aggregate3,
    hex_bytes,
    hex_int,
    int_word,
    revert_reason,
    uint_word,
)
from rebalancer.core.errors import Unavailable
from rebalancer.market.addresses import checksum_address, keccak256

CALLS = "(address,bool,bytes)[]"
RESULTS = "(bool,bytes)[]"

addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))
calls = st.lists(st.builds(EthCall, addresses, st.binary(max_size=100)), max_size=8)
results = st.lists(st.builds(CallResult, st.booleans(), st.binary(max_size=100)), max_size=8)

SIGNATURES = {
    "aggregate3((address,bool,bytes)[])": codec.AGGREGATE3,
    "balanceOf(address)": holdings.BALANCE_OF,
    "decimals()": holdings.DECIMALS,
    "allowance(address,address)": holdings.ALLOWANCE,
    "latestRoundData()": oracles.LATEST_ROUND_DATA,
    "observe(uint32[])": oracles.OBSERVE,
    "getReserves()": pools.GET_RESERVES,
    "getBlockNumber()": at_block.GET_BLOCK_NUMBER,
    "getCurrentBlockTimestamp()": at_block.GET_TIMESTAMP,
    "getEthBalance(address)": reader.GET_ETH_BALANCE,
    "around((address,address,address,uint24),int256,uint256)": lens.AROUND,
    "words((address,address,address,uint24),int256,int256)": lens.WORDS,
}


@pytest.mark.parametrize("signature", SIGNATURES)
def test_selector__of_every_read__is_the_hash_of_its_signature(signature: str) -> None:
    assert keccak256(signature.encode())[:4] == SIGNATURES[signature]


def test_lens__stands__where_its_name_hashes_to() -> None:
    assert checksum_address("0x" + keccak256(b"rebalancer.PoolLens")[12:].hex()) == lens.LENS


# ---------------------------------------------------------------- both ways


@given(calls)
def test_encode_aggregate3__of_any_calls__is_the_reference_encoding(given_calls: list[EthCall]) -> None:
    expected = abi_encode([CALLS], [[(call.to, True, call.data) for call in given_calls]])
    assert encode_aggregate3(given_calls) == codec.AGGREGATE3 + expected


@given(results)
def test_decode_aggregate3__of_the_reference_encoding__gives_the_results(given_results: list[CallResult]) -> None:
    data = abi_encode([RESULTS], [[(result.success, result.data) for result in given_results]])
    assert decode_aggregate3(data, len(given_results)) == tuple(given_results)


@given(results.filter(bool), st.data())
def test_decode_aggregate3__of_data_cut_short__is_a_decode_error(
    given_results: list[CallResult], data: st.DataObject
) -> None:
    whole = abi_encode([RESULTS], [[(result.success, result.data) for result in given_results]])
    padding = -len(given_results[-1].data) % 32
    length = data.draw(st.integers(0, len(whole) - padding - 1))
    with pytest.raises(DecodeError):
        decode_aggregate3(whole[:length], len(given_results))


@given(results.filter(bool), st.data())
def test_decode_aggregate3__of_any_changed_word__decodes_or_is_a_decode_error(
    given_results: list[CallResult], data: st.DataObject
) -> None:
    whole = bytearray(abi_encode([RESULTS], [[(result.success, result.data) for result in given_results]]))
    at = data.draw(st.integers(0, len(whole) // 32 - 1)) * 32
    whole[at : at + 32] = data.draw(st.binary(min_size=32, max_size=32))
    try:
        found = decode_aggregate3(bytes(whole), len(given_results))
    except DecodeError:
        return
    assert len(found) == len(given_results)


def test_decode_aggregate3__of_another_count__is_a_decode_error() -> None:
    data = abi_encode([RESULTS], [[(True, b"")]])
    with pytest.raises(DecodeError, match="1 results of 2 calls"):
        decode_aggregate3(data, 2)


@given(st.integers(-(1 << 55), (1 << 55) - 1), st.integers(0, (1 << 160) - 1), addresses, st.booleans())
def test_words__of_the_reference_encoding__give_the_values(
    signed: int, unsigned: int, address: str, flag: bool
) -> None:
    words = Words(abi_encode(["int56", "uint160", "address", "bool"], [signed, unsigned, address, flag]))
    assert words.sint(0, 56) == signed
    assert words.uint(1, 160) == unsigned
    assert words.address(2) == address
    assert words.flag(3) is flag


@given(st.integers(-(1 << 255), (1 << 255) - 1), st.integers(0, (1 << 256) - 1), addresses)
def test_word__of_any_value__is_the_reference_encoding(signed: int, unsigned: int, address: str) -> None:
    encoded = int_word(signed) + uint_word(unsigned) + address_word(address)
    assert encoded == abi_encode(["int256", "uint256", "address"], [signed, unsigned, address])


def test_word__of_a_value_too_large__is_a_value_error() -> None:
    for make, value, bits in ((uint_word, 1 << 24, 24), (uint_word, -1, 24), (int_word, 1 << 23, 24)):
        with pytest.raises(ValueError, match="does not fit in u?int24"):
            make(value, bits)


# ---------------------------------------------------------------- data that lies


@pytest.mark.parametrize(
    ("read", "data", "why"),
    [
        (lambda w: w.uint(0), b"", "short data: 0 bytes, word 0 is not there"),
        (lambda w: w.uint(1), bytes(63), "short data: 63 bytes, word 1 is not there"),
        (lambda w: w.address(0), b"\x01" + bytes(31), "word 0 does not fit in uint160"),
        (lambda w: w.flag(0), uint_word(2), "word 0 does not fit in uint1"),
        (lambda w: w.uint(0, 8), uint_word(256), "word 0 does not fit in uint8"),
        (lambda w: w.sint(0, 24), uint_word(1 << 23), "word 0 does not fit in int24"),
        (lambda w: w.at(0), uint_word(32), "word 0 points outside: offset 32 in 32 bytes"),
        (lambda w: w.at(0), uint_word(1 << 255) + bytes(64), "word 0 points outside"),
        (lambda w: w.at(0), uint_word(33) + bytes(64), "word 0 points outside"),
        (lambda w: w.blob(), uint_word(1) + b"", "data announces 1 bytes, 0 are there"),
        (lambda w: w.length(), uint_word(1 << 200), "an array announces"),
    ],
)
def test_words__of_data_that_lies__are_a_decode_error_that_names_the_read(read: Any, data: bytes, why: str) -> None:
    with pytest.raises(Unavailable) as caught:
        read(Words(data, what="token X: decimals()"))
    assert str(caught.value).startswith(f"token X: decimals(): {why}")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("value", [None, 7, "", "1234", "0x1", "0xzz", "0x 1", ["0x"]])
def test_hex_bytes__of_no_hex_data__is_a_decode_error(value: Any) -> None:
    with pytest.raises(DecodeError, match="is no 0x-hex data"):
        hex_bytes(value)


@pytest.mark.parametrize("value", [None, 7, "", "0x", "12", "0x1_0", "0x-1", "latest"])
def test_hex_int__of_no_quantity__is_a_decode_error(value: Any) -> None:
    with pytest.raises(DecodeError, match="is no 0x-hex number"):
        hex_int(value)


# ---------------------------------------------------------------- reverts


def an_error(text: str) -> bytes:
    return keccak256(b"Error(string)")[:4] + abi_encode(["string"], [text])


def a_panic(code: int) -> bytes:
    return keccak256(b"Panic(uint256)")[:4] + abi_encode(["uint256"], [code])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (an_error("GS013"), "GS013"),
        ("0x" + an_error("Too little received").hex(), "Too little received"),
        ("Reverted 0x" + an_error("STF").hex(), "STF"),
        (an_error("a\nb\x1b[31m"), "a b [31m"),
        (an_error(""), "no reason given"),
        (an_error("x" * 1_000), "x" * 200),
        (a_panic(0x11), "panic 0x11 (arithmetic overflow)"),
        (a_panic(0x99), "panic 0x99 (unknown)"),
        ("0xe450d38c" + "00" * 96, "custom error 0xe450d38c"),
        ("0x08c379a0" + "ff" * 32, "unreadable revert data 0x08c379a0" + "ff" * 28),
        ("0x4e487b71", "unreadable revert data 0x4e487b71"),
        ("0x08", "unreadable revert data 0x08"),
        ("execution failed", "execution failed"),
        ("0x", "no reason given"),
        ("", "no reason given"),
        (b"", "no reason given"),
        (None, "no reason given"),
    ],
)
def test_revert_reason__of_revert_data__says_it_in_words(data: bytes | str | None, reason: str) -> None:
    assert revert_reason(data) == reason


@given(st.binary(max_size=200) | st.text(max_size=50))
def test_revert_reason__of_anything__is_one_short_line(data: bytes | str) -> None:
    reason = revert_reason(data)
    assert reason.isprintable() and 0 < len(reason) <= 200


@given(st.binary(min_size=0, max_size=100))
def test_blob__of_the_reference_encoding__gives_the_bytes(data: bytes) -> None:
    encoded = abi_encode(["bytes"], [data])
    assert Words(encoded).at(0).blob() == data == abi_decode(["bytes"], encoded)[0]
