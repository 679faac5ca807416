"""Calldata of a known function, read strictly: bytes in, its arguments out, or why they cannot be believed.

What is read is written again and compared byte for byte. So an encoding of another form, in which the contract would
see other fields than we do, is refused, and so are bytes behind the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.units import Address

_SELECTOR = 4


@dataclass(frozen=True)
class Function:
    """One function of a router: its name, and the types of its arguments as the ABI writes them."""

    name: str
    types: tuple[str, ...]

    @cached_property
    def selector(self) -> bytes:
        """The first four bytes of its calldata."""
        return keccak256(f"{self.name}({','.join(self.types)})".encode())[:_SELECTOR]

    def read(self, data: bytes) -> tuple[Any, ...]:
        """The arguments. VenueError where it is a call of another function, or of another form."""
        from eth_abi.abi import decode, encode  # late: only a tick that asks outside pays for it
        from eth_abi.exceptions import DecodingError, EncodingError

        if data[:_SELECTOR] != self.selector:
            raise VenueError(
                f"its calldata calls 0x{data[:_SELECTOR].hex()}, expected {self.name} (0x{self.selector.hex()})"
            )
        try:
            found = decode(self.types, data[_SELECTOR:])
            again = encode(self.types, found)
        except (DecodingError, EncodingError, ValueError, OverflowError) as error:
            raise VenueError(f"its calldata for {self.name} cannot be read ({type(error).__name__})") from None
        if again != data[_SELECTOR:]:
            raise VenueError(f"its calldata for {self.name} is not encoded as the ABI has it")
        return tuple(found)

    def call(self, *arguments: Any) -> bytes:
        """Calldata with these arguments."""
        from eth_abi.abi import encode

        return self.selector + bytes(encode(self.types, arguments))


def naming_receiver(function: Function, data: bytes, place: tuple[int, int], wallet: Address) -> bytes:
    """The same call with `wallet` written where nobody stands, whom the router takes for whoever calls it.

    A module's checker wants it written. `place`: of the argument, and of the field in it. VenueError: see `read`.
    """
    arguments, (argument, field) = list(function.read(data)), place
    if int(arguments[argument][field], 16):
        return data
    arguments[argument] = (*arguments[argument][:field], wallet, *arguments[argument][field + 1 :])
    return function.call(*arguments)


def address_of(found: Any) -> Address:
    """An address as eth_abi gives it."""
    return checksum_address(str(found))
