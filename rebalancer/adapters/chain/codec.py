"""Calldata out of words, values out of return data, Multicall3's aggregate3 both ways, revert reasons.

A lean codec for the read path: 32-byte words and one dynamic type. Decoding believes nothing: short
data, dirty padding and offsets that point outside are a `DecodeError`. ABI: Solidity's contract ABI
specification.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rebalancer.core.errors import Unavailable
from rebalancer.market.addresses import address_bytes, checksum_address
from rebalancer.units import Address

WORD = 32
AGGREGATE3 = bytes.fromhex("82ad56cb")
"""aggregate3((address,bool,bytes)[])"""


class DecodeError(Unavailable, ValueError):
    """Return data is not of the shape that was asked for: what was expected, and what is there."""


@dataclass(frozen=True, slots=True)
class EthCall:
    """One read of one contract."""

    to: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one read gave: return data, or revert data where it failed.

    A contract that does not exist succeeds with no data.
    """

    success: bool
    data: bytes


# ---------------------------------------------------------------- encoding


def uint_word(value: int, bits: int = 256) -> bytes:
    """An unsigned integer of `bits` bits. ValueError where it does not fit."""
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{value} does not fit in uint{bits}")
    return value.to_bytes(WORD, "big")


def int_word(value: int, bits: int = 256) -> bytes:
    """A signed integer of `bits` bits, in two's complement. ValueError where it does not fit."""
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise ValueError(f"{value} does not fit in int{bits}")
    return value.to_bytes(WORD, "big", signed=True)


def address_word(address: str) -> bytes:
    """An address, padded on the left."""
    return bytes(WORD - 20) + address_bytes(address)


def bytes_tail(data: bytes) -> bytes:
    """The tail of a dynamic `bytes`: its length, then the data, padded to whole words."""
    return uint_word(len(data)) + data + bytes(-len(data) % WORD)


def encode_aggregate3(calls: Sequence[EthCall]) -> bytes:
    """Calldata of Multicall3.aggregate3; every call may fail on its own, so that each failure gets its name."""
    heads, tails = [], []
    offset = WORD * len(calls)
    for call in calls:
        tail = address_word(call.to) + uint_word(1) + uint_word(3 * WORD) + bytes_tail(call.data)
        heads.append(uint_word(offset))
        tails.append(tail)
        offset += len(tail)
    return b"".join((AGGREGATE3, uint_word(WORD), uint_word(len(calls)), *heads, *tails))


# ---------------------------------------------------------------- decoding


def hex_bytes(value: Any) -> bytes:
    """The bytes of a JSON 0x-hex string. DecodeError for anything else."""
    if isinstance(value, str) and value[:2] == "0x" and len(value) % 2 == 0:
        try:
            return bytes.fromhex(value[2:])
        except ValueError:
            pass
    raise DecodeError(f"{_shown(value)} is no 0x-hex data")


def hex_int(value: Any, bits: int = 256) -> int:
    """The integer of a JSON-RPC quantity of at most `bits` bits. DecodeError for anything else."""
    digits = value[2:] if isinstance(value, str) and value[:2] == "0x" else ""
    if not digits or any(c not in "0123456789abcdefABCDEF" for c in digits):
        raise DecodeError(f"{_shown(value)} is no 0x-hex number")
    number = int(digits, 16)
    if number >> bits:
        raise DecodeError(f"{_shown(value)} is a number of {number.bit_length()} bits, expected at most {bits}")
    return number


@dataclass(frozen=True, slots=True)
class Words:
    """Return data as 32-byte words. Every position is a word's index from `start` (a byte offset).

    `what` names the read in a DecodeError.
    """

    data: bytes
    start: int = 0
    what: str = "return data"

    def uint(self, index: int, bits: int = 256) -> int:
        value = int.from_bytes(self._word(index), "big")
        if value >> bits:
            raise self._error(f"word {index} does not fit in uint{bits}")
        return value

    def sint(self, index: int, bits: int = 256) -> int:
        value = int.from_bytes(self._word(index), "big", signed=True)
        if not -(1 << bits - 1) <= value < 1 << bits - 1:
            raise self._error(f"word {index} does not fit in int{bits}")
        return value

    def flag(self, index: int) -> bool:
        return self.uint(index, 1) == 1

    def address(self, index: int) -> Address:
        return checksum_address("0x" + self.uint(index, 160).to_bytes(20, "big").hex())

    def at(self, index: int) -> Words:
        """What the offset at `index` points to: an array, a tuple or bytes, with its own positions."""
        offset = self.uint(index)
        if offset % WORD or not offset or self.start + offset + WORD > len(self.data):
            raise self._error(f"word {index} points outside: offset {offset} in {len(self.data) - self.start} bytes")
        return Words(self.data, self.start + offset, self.what)

    def after(self, count: int) -> Words:
        """The same data, positions counted from `count` words on."""
        return Words(self.data, self.start + count * WORD, self.what)

    def length(self) -> int:
        """The number of elements that an array here announces; each takes a word at least."""
        count = self.uint(0)
        if self.start + WORD + count * WORD > len(self.data):
            raise self._error(f"an array announces {count} elements in {len(self.data) - self.start - WORD} bytes")
        return count

    def blob(self) -> bytes:
        """The dynamic `bytes` that starts here."""
        size, begin = self.uint(0), self.start + WORD
        if begin + size > len(self.data):
            raise self._error(f"data announces {size} bytes, {len(self.data) - begin} are there")
        return self.data[begin : begin + size]

    def _word(self, index: int) -> bytes:
        begin = self.start + index * WORD
        if begin + WORD > len(self.data):
            raise self._error(f"short data: {len(self.data) - self.start} bytes, word {index} is not there")
        return self.data[begin : begin + WORD]

    def _error(self, why: str) -> DecodeError:
        return DecodeError(f"{self.what}: {why}")


def decode_aggregate3(data: bytes, count: int) -> tuple[CallResult, ...]:
    """The (bool,bytes)[] of aggregate3, which must have `count` entries. DecodeError."""
    array = Words(data, what="aggregate3()").at(0)
    if array.length() != count:
        raise DecodeError(f"aggregate3(): {array.length()} results of {count} calls")
    entries = array.after(1)
    results = []
    for index in range(count):
        entry = entries.at(index)
        results.append(CallResult(entry.flag(0), entry.at(1).blob()))
    return tuple(results)


# ---------------------------------------------------------------- reverts

_ERROR = bytes.fromhex("08c379a0")
_PANIC = bytes.fromhex("4e487b71")
_PANICS = {
    0x00: "compiler panic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow",
    0x12: "division by zero",
    0x21: "no such enum value",
    0x22: "broken storage array",
    0x31: "pop of an empty array",
    0x32: "index out of bounds",
    0x41: "out of memory",
    0x51: "call of an unset function",
}
"""Panic(uint256) codes of the Solidity documentation."""
_LONGEST_REASON = 200


def revert_reason(data: bytes | str | None) -> str:
    """Why a call reverted, in words: from revert data as bytes or 0x-hex. Never raises.

    Error(string) gives the string, Panic(uint256) its meaning, a custom error its selector.
    """
    if isinstance(data, str):
        text = data.removeprefix("Reverted ")  # some nodes put the word in front
        try:
            data = hex_bytes(text)
        except DecodeError:
            return printable(text)
    if not data:
        return "no reason given"
    try:
        return _known_reason(data)
    except DecodeError:
        return f"unreadable revert data 0x{data[:WORD].hex()}"


def printable(text: str) -> str:
    """Foreign text in one short line, without control characters."""
    return "".join(c if c.isprintable() else " " for c in text[:_LONGEST_REASON]).strip() or "no reason given"


def _known_reason(data: bytes) -> str:
    if data[:4] == _ERROR:
        return printable(Words(data, 4).at(0).blob().decode("utf-8", "replace"))
    if data[:4] == _PANIC:
        code = Words(data, 4).uint(0)
        return f"panic 0x{code:02x} ({_PANICS.get(code, 'unknown')})"
    if len(data) < 4:
        return f"unreadable revert data 0x{data.hex()}"
    return f"custom error 0x{data[:4].hex()}"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    return repr(value[:40]) if isinstance(value, str) else type(value).__name__
