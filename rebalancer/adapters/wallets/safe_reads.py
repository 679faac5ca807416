"""What a Safe says of itself, as a part of the tick's one read. Interface: Safe 1.3 and 1.4."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.chain.codec import CallResult, DecodeError, EthCall, Words, address_word, uint_word
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import SafeState
from rebalancer.units import Address

VERSION = bytes.fromhex("ffa1ad74")
"""VERSION()"""
NONCE = bytes.fromhex("affed0e0")
"""nonce()"""
GET_THRESHOLD = bytes.fromhex("e75235b8")
"""getThreshold()"""
GET_OWNERS = bytes.fromhex("a0e67e2b")
"""getOwners()"""
GET_MODULES = bytes.fromhex("cc2f8452")
"""getModulesPaginated(address,uint256)"""

MOST_MODULES = 20
"""Read at most. A Safe has one or two."""
_LIST_HEAD = Address("0x0000000000000000000000000000000000000001")
_NAMES = ("VERSION", "nonce", "getThreshold", "getOwners", "getModulesPaginated")


class SafeReads:
    """The reads about one Safe, and what they mean together."""

    def __init__(self, safe: Address) -> None:
        self._safe = safe

    def calls(self) -> tuple[EthCall, ...]:
        """Five reads, in the order in which `decode` expects their results."""
        modules = GET_MODULES + address_word(_LIST_HEAD) + uint_word(MOST_MODULES)
        return tuple(EthCall(self._safe, data) for data in (VERSION, NONCE, GET_THRESHOLD, GET_OWNERS, modules))

    def decode(self, results: Sequence[CallResult]) -> SafeState:
        """Raises ConfigError where the address does not answer as a Safe does."""
        for name, result in zip(_NAMES, results, strict=True):
            if not result.success or not result.data:
                raise self._no_safe(f"{name}() {no_answer(result)}")
        version, nonce, threshold, owners, modules = (Words(result.data) for result in results)
        try:
            return SafeState(
                version=version.at(0).blob().decode("ascii"),
                nonce=nonce.uint(0),
                threshold=threshold.uint(0),
                owners=_addresses(owners.at(0)),
                modules=_addresses(modules.at(0)),
            )
        except (DecodeError, UnicodeDecodeError) as error:
            raise self._no_safe(f"its answers are of another shape ({error})") from None

    def _no_safe(self, seen: str) -> ConfigError:
        return ConfigError(
            f"wallet {self._safe}: {seen}, expected a Safe of version 1.3 or later on this chain; check the address"
        )


def no_answer(result: CallResult) -> str:
    """Why a read gave nothing. Some contracts, such as WETH, take any call and return nothing."""
    return "returns nothing: there is no contract, or one of another kind" if result.success else "reverts"


def _addresses(array: Words) -> tuple[Address, ...]:
    return tuple(array.after(1).address(index) for index in range(array.length()))
