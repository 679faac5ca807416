"""Calldata of a known function: read where it is encoded as the ABI has it, refused in whatever other form."""

from __future__ import annotations

import time

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.calldata import Function, address_of, naming_receiver
from rebalancer.units import Address

TRANSFER = Function("transfer", ("address", "uint256"))
SWAP = Function("swap", ("address", "(address,uint256)[]", "bytes", "string", "bool", "uint24"))
WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
WORD = 32
ARGUMENTS = (WETH.lower(), ((WETH.lower(), 7), (WETH.lower(), 8)), b"route", "name", True, 500)
HEAD = 4


def changed(data: bytes, place: int, word: int) -> bytes:
    """The calldata with another word at a place of its arguments."""
    start = HEAD + place * WORD
    return data[:start] + word.to_bytes(WORD, "big") + data[start + WORD :]


def test_selector__of_a_known_function__is_the_abis() -> None:
    assert TRANSFER.selector.hex() == "a9059cbb"
    exact_input_single = Function("exactInputSingle", ("(address,address,uint24,address,uint256,uint256,uint160)",))
    assert exact_input_single.selector.hex() == "04e45aaf"


def test_read__of_what_call_wrote__is_the_arguments() -> None:
    assert SWAP.read(SWAP.call(*ARGUMENTS)) == ARGUMENTS
    assert address_of(SWAP.read(SWAP.call(*ARGUMENTS))[0]) == WETH


@given(st.integers(0, 2**256 - 1), st.binary(min_size=20, max_size=20))
def test_read__of_any_transfer__is_its_receiver_and_amount(amount: int, receiver: bytes) -> None:
    data = bytes.fromhex("a9059cbb") + bytes(12) + receiver + amount.to_bytes(WORD, "big")
    assert TRANSFER.read(data) == ("0x" + receiver.hex(), amount)
    assert TRANSFER.call("0x" + receiver.hex(), amount) == data


@pytest.mark.parametrize("data", [b"", b"\xa9", bytes.fromhex("a9059cbc") + bytes(64), bytes(68)])
def test_read__of_another_function__names_both(data: bytes) -> None:
    with pytest.raises(
        VenueError, match=f"^its calldata calls 0x{data[:4].hex()}, expected transfer \\(0xa9059cbb\\)$"
    ):
        TRANSFER.read(data)


@pytest.mark.parametrize("cut", [1, 31, 32, 33, 64])
def test_read__of_what_is_cut_off__is_refused(cut: int) -> None:
    with pytest.raises(VenueError, match="cannot be read"):
        TRANSFER.read(TRANSFER.call(WETH, 7)[:-cut])


@pytest.mark.parametrize("more", [b"\x00", bytes(32), b"referral"])
def test_read__with_bytes_behind_the_end__is_refused(more: bytes) -> None:
    with pytest.raises(VenueError, match="is not encoded as the ABI has it"):
        TRANSFER.read(TRANSFER.call(WETH, 7) + more)


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (0, int(WETH, 16) | 1 << 160),  # bits above an address
        (4, 2),  # a bool that is neither
        (5, 1 << 24),  # more than 24 bits
        (1, 2**255),  # an offset out of all
        (1, 2**256 - 32),
        (6, 2**255),  # a list without end
        (6, 2**64),
        (11, 2**255),  # bytes without end
        (11, 2**63 - 1),
    ],
)
def test_read__of_words_that_no_encoder_writes__is_refused_soon(place: int, word: int) -> None:
    start = time.monotonic()
    with pytest.raises(VenueError, match="its calldata for swap"):
        SWAP.read(changed(SWAP.call(*ARGUMENTS), place, word))
    assert time.monotonic() - start < 1


def test_read__of_an_offset_into_another_argument__is_refused() -> None:
    """The contract would follow it; a reader of fixed places would not."""
    data = SWAP.call(*ARGUMENTS)
    of_bytes = int.from_bytes(data[HEAD + 2 * WORD : HEAD + 3 * WORD], "big")
    with pytest.raises(VenueError, match="is not encoded as the ABI has it"):
        SWAP.read(changed(data, 3, of_bytes))


def test_read__of_a_tail_that_two_arguments_share_or_that_stands_apart__is_refused() -> None:
    two = Function("two", ("bytes", "bytes"))
    tail = (4).to_bytes(WORD, "big") + b"same".ljust(WORD, b"\0")
    for first, second, between in ((64, 64, b""), (96, 96, bytes(WORD))):
        data = two.selector + first.to_bytes(WORD, "big") + second.to_bytes(WORD, "big") + between + tail
        with pytest.raises(VenueError, match="is not encoded as the ABI has it"):
            two.read(data)


def test_read__of_padding_that_is_not_zero__is_refused() -> None:
    data = bytearray(SWAP.call(*ARGUMENTS))
    data[-1] = 1
    with pytest.raises(VenueError, match="its calldata for swap"):
        SWAP.read(bytes(data))


def test_read__of_text_that_is_none__is_refused() -> None:
    named = Function("named", ("string",))
    with pytest.raises(VenueError, match="its calldata for named"):
        named.read(named.selector + encode(["bytes"], [b"\xff\xfe"]))


def test_read__of_a_list_whose_members_are_one_and_the_same__is_refused_soon() -> None:
    """A few bytes that a careless reader unfolds into gigabytes."""
    many = Function("many", ("bytes[]",))
    count = 500
    tail = (16_000).to_bytes(WORD, "big") + bytes(16_000)
    offsets = (count * WORD).to_bytes(WORD, "big") * count
    start = time.monotonic()
    with pytest.raises(VenueError, match="its calldata for many"):
        many.read(many.selector + WORD.to_bytes(WORD, "big") + count.to_bytes(WORD, "big") + offsets + tail)
    assert time.monotonic() - start < 2


@given(st.binary(max_size=400))
def test_read__of_any_bytes_behind_the_selector__is_what_it_writes_again_or_refused(tail: bytes) -> None:
    try:
        found = SWAP.read(SWAP.selector + tail)
    except VenueError:
        return
    assert SWAP.call(*found) == SWAP.selector + tail


@given(st.integers(0, len(SWAP.call(*ARGUMENTS)) - HEAD - 1), st.integers(1, 255))
def test_read__with_any_one_byte_changed__is_other_arguments_or_refused(place: int, mask: int) -> None:
    data = bytearray(SWAP.call(*ARGUMENTS))
    data[HEAD + place] ^= mask
    try:
        found = SWAP.read(bytes(data))
    except VenueError:
        return
    assert found != ARGUMENTS


PAID = Function("swap", ("uint256", "(address,address)", "bytes"))
NOBODY, WALLET = "0x" + "00" * 20, Address(WETH)
SOMEBODY = "0x" + "ab" * 20


def test_naming_receiver__where_nobody_stands__writes_the_wallet_and_nothing_else() -> None:
    data = PAID.call(7, (SOMEBODY, NOBODY), b"route")
    assert naming_receiver(PAID, data, (1, 1), WALLET) == PAID.call(7, (SOMEBODY, WALLET), b"route")
    assert naming_receiver(PAID, data, (1, 0), WALLET) == data, "somebody stands there"


def test_naming_receiver__of_calldata_that_cannot_be_read__is_refused() -> None:
    with pytest.raises(VenueError, match="not encoded as the ABI has it"):
        naming_receiver(PAID, PAID.call(7, (SOMEBODY, NOBODY), b"route") + bytes(WORD), (1, 1), WALLET)
