"""The fields of a venue's answer: JSON that was read in, amounts, addresses and calldata out, or why not.

Each reader names the field, what was seen, and what was expected.
"""

from __future__ import annotations

from binascii import unhexlify
from typing import Any

from rebalancer.adapters.venues.answer import VenueError, excerpt
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Address

MOST_CALLDATA = 32 * 1_024
"""Bytes. Routes over dozens of pools take five thousand; a block's gas would be eaten by ten times this."""
_WORD = 2**256
_ADDRESS = 40
"""Digits."""


class Fields:
    """An object of an answer. `name`: where it stands, for the words of an error."""

    def __init__(self, body: Any, name: str = "answer") -> None:
        if not isinstance(body, dict):
            raise VenueError(f"{name} is {_shown(body)}, expected an object")
        self._body, self._name = body, name

    def of(self, key: str) -> Fields:
        """A member that is an object itself."""
        return Fields(self._get(key), self._at(key))

    def has(self, key: str) -> bool:
        """Whether it is there, and not null."""
        return self._body.get(key) is not None

    def amount(self, key: str) -> int:
        """Base units: digits in a text, or a whole number; from 0, below 2^256."""
        return self.whole(self._get(key), self._at(key))

    def amounts(self, key: str) -> tuple[int, ...]:
        """A list of them."""
        found = self._get(key)
        if not isinstance(found, list):
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected a list of amounts")
        return tuple(self.whole(one, f"{self._at(key)}[{place}]") for place, one in enumerate(found))

    def address(self, key: str) -> Address:
        """Checksummed, whatever its letters."""
        found = self._get(key)
        try:
            return checksum_address(found)
        except (ValueError, TypeError, AttributeError):
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected an address") from None

    def data(self, key: str) -> bytes:
        """Calldata in hex, a selector at least."""
        found = self._get(key)
        if not isinstance(found, str) or not found.startswith("0x"):
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected calldata in hex")
        if len(found) > 2 * MOST_CALLDATA + 2:
            raise VenueError(f"{self._at(key)} has {len(found) // 2 - 1} bytes, expected {MOST_CALLDATA} at most")
        try:
            data = unhexlify(found[2:])  # which takes no blanks
        except ValueError:
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected calldata in hex") from None
        if len(data) < 4:
            raise VenueError(f"{self._at(key)} has {len(data)} bytes, expected a selector at least")
        return data

    def text(self, key: str) -> str:
        """A text that is not empty."""
        found = self._get(key)
        if not isinstance(found, str) or not found:
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected a text")
        return found

    def zero(self, key: str) -> None:
        """VenueError unless it is zero, in whatever form. Where it is missing it is."""
        found = self._body.get(key)
        if found is None:
            return
        raw = int(found, 16) if isinstance(found, str) and _is_hex(found) else self.whole(found, self._at(key))
        if raw != 0:
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected 0: no coin goes with a swap")

    def equals(self, key: str, expected: int | str) -> None:
        """VenueError unless it is that, form of a number and letters aside; but an address in letters of both kinds has
        to be its checksum (EIP-55).
        """
        found = self._get(key)
        if str(found).lower() != str(expected).lower():
            raise VenueError(f"{self._at(key)} is {_shown(found)}, expected {expected}: it answers another question")
        if _is_misspelt(str(found)):
            raise VenueError(f"{self._at(key)} is {_shown(found)}, whose letters are no checksum, expected {expected}")

    def whole(self, found: Any, name: str) -> int:
        """See `amount`."""
        if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= 78:
            found = int(found)
        if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found < _WORD:
            raise VenueError(f"{name} is {_shown(found)}, expected base units, a whole number from 0")
        return found

    def _get(self, key: str) -> Any:
        if self._body.get(key) is None:
            raise VenueError(f"{self._at(key)} is missing")
        return self._body[key]

    def _at(self, key: str) -> str:
        return f"{self._name}.{key}"


def _is_hex(text: str) -> bool:
    return text[:2] in ("0x", "0X") and all(c in "0123456789abcdefABCDEF" for c in text[2:]) and 2 < len(text) <= 66


def _is_misspelt(text: str) -> bool:
    """Whether it is an address whose letters say that one of its digits is wrong."""
    digits = text[2:]
    if not _is_hex(text) or len(digits) != _ADDRESS or digits in (digits.lower(), digits.upper()):
        return False
    return digits != checksum_address(text)[2:]


def _shown(found: Any) -> str:
    return f"{type(found).__name__} {excerpt(str(found))[:40]!r}"
