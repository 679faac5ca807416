"""Where the mocks keep what the state machine turns: found by doing it once and looking what has changed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from given_hostile import Contract, method
from machine_chain import Chain, mapping_slot

MARKS = (0x5151_5151, 0x6262_6262, 0x7373_7373)
"""Values that are told from all others, to find the words that hold them."""
APPROVE, TRANSFER = method("approve(address,uint256)"), method("transfer(address,uint256)")
MOST_SLOTS = 256


@dataclass(frozen=True)
class Slots:
    """Words of the mocks: by name for the router, tokens and feeds each alike."""

    router: dict[str, int]
    token: dict[str, int]
    feed: dict[str, int]


@dataclass(frozen=True)
class Search:
    """On a chain where nothing is mined by itself."""

    chain: Chain

    def changes(self, contract: Contract, function: str, *values: Any) -> dict[int, int]:
        """Slot → word."""
        anybody = self.chain.replica.actor("deployer").address
        return self.chain.changes(anybody, contract.address, contract.data(function, *values))

    def slots(self, contract: Contract, function: str, *values: Any) -> dict[int, int]:
        """Word → slot."""
        return {word: slot for slot, word in self.changes(contract, function, *values).items()}

    def falsehood(self, token: Contract) -> dict[int, int]:
        """What makes its approve and its transfer return false."""
        words = [self.changes(token, "set_returned", each, bytes(32)) for each in (APPROVE, TRANSFER)]
        return words[0] | words[1]

    def all(self, router: Contract, token: Contract, feed: Contract) -> Slots:
        return Slots(self._router(router), self._token(token), self._feed(feed))

    def _router(self, router: Contract) -> dict[str, int]:
        one, two, three = MARKS
        beyond = self.slots(router, "set_beyond", one, two)
        # Token, victim, amount and receiver, one after the other.
        theft = self.slots(router, "set_theft", _address(one), _address(two), three, _address(three + 1))
        return {
            "takes": beyond[one],
            "pays": beyond[two],
            "payee": self.slots(router, "set_payee", _address(one))[one],
            "manner": self.slots(router, "set_manner", 1)[1],
            "theft": theft[one],
        }

    def _token(self, token: Contract) -> dict[str, int]:
        one, two, three = MARKS
        minted = self.slots(token, "mint", _address(one), three).values()
        allowed = self.slots(token, "set_allowance", _address(one), _address(two), three).values()
        return {
            "fee": self.slots(token, "set_fee", 77)[77],
            "approves": self.slots(token, "set_approve_manner", 2)[2],
            "transfers": self.slots(token, "set_transfer_manner", 2)[2],
            "balances": _base(minted, one),
            "allowances": _base(allowed, one, two),
        }

    def _feed(self, feed: Contract) -> dict[str, int]:
        one, two, three = MARKS
        dated = self.slots(feed, "set_round", 1, one, two, three, 1)
        # No other word becomes zero.
        return {"answer": dated[one], "started_at": dated[two], "updated_at": dated[three], "live": dated[0]}


def _address(number: int) -> str:
    return f"0x{number:040x}"


def _base(found: Collection[int], *keys: int) -> int:
    """The slot of the mapping that has a value of these keys in one of the slots found."""
    return next(base for base in range(MOST_SLOTS) if mapping_slot(base, *keys) in found)
