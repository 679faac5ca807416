"""What a hostile router and hostile tokens do to a batch, as settings, and reckoned: what each swap takes and brings,
which rule it breaks in doing so, and what is left in the end. A built swap is paid in advance, one whose calldata is
brought by an approval. Settings become storage words in machine_words.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from given_hostile import Approve, Transfer
from machine_batches import BUILT
from policy_model import PPM, Fill, Swap

ENDLESS = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class Ambush:
    """A call that the router makes, once, after it has paid. `strict`: it fails where the call fails.

    `gift` of a listed token to the Safe; `raid`: the accomplice, a second module, takes so much of a token from the
    Safe; `coins`: it takes a wei. With none of them the call is to the module, by `name`, and fails.
    """

    name: str
    token: int = 0
    gift: int = 0
    raid: int = 0
    coins: int = 0
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Hostile:
    """How the router and one of the tokens differ from honest ones. `token`: which, the count of them for the one that
    is not listed."""

    takes: int = 0
    """Beyond what was approved; nothing is taken of what was paid in advance."""
    pays: int = 0
    keeps: bool = False
    """Pays the attacker and not the Safe."""
    manner: int = 0
    token: int = 0
    fee: int = 0
    approves: Approve = Approve.OBEDIENT
    returns_false: bool = False
    """From approve and transfer, though it does it. The module does not ask, and the router does."""
    transfers: Transfer = Transfer.OBEDIENT
    """Where the holder moves it: what is paid in advance, and what the router pays."""
    theft: int = 0
    """So much of the token is pulled on top, with `allowed` by an allowance of long ago."""
    allowed: int = 0
    ambush: Ambush | None = None


HONEST = Hostile()


@dataclass(frozen=True, slots=True)
class Outcome:
    fills: tuple[Fill, ...]
    at_end: tuple[int, ...]
    ether: int
    allowances: tuple[int, ...]
    """Of the router, afterwards; of the token that is not listed last."""
    unlisted: int
    """What is left of that one. Only an allowance of long ago lets the router at it."""


class Failed(Exception):
    """The rule by which a swap fails."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


@dataclass(slots=True)
class Play:
    """The swaps of one batch, one after the other."""

    hostile: Hostile
    held: list[int]
    """Of each token, the one that is not listed last."""
    allowances: list[int]
    ether: int = 0
    sprung: bool = False

    @classmethod
    def of(cls, hostile: Hostile, balances: Sequence[int], unlisted: int) -> Play:
        held = [*balances, unlisted]
        allowances = [hostile.allowed if token == hostile.token else 0 for token in range(len(held))]
        return cls(hostile, held, allowances)

    def run(self, swaps: Sequence[Swap]) -> Outcome:
        """Up to the first that fails."""
        fills = []
        for swap in swaps:
            before = list(self.held)
            try:
                self._swap(swap)
            except Failed as failed:
                fills.append(Fill(0, 0, failed.rule))
                continue
            spent = before[swap.token_in] - self.held[swap.token_in]
            fills.append(Fill(spent, self.held[swap.token_out] - before[swap.token_out]))
        return Outcome(tuple(fills), tuple(self.held[:-1]), self.ether, tuple(self.allowances), self.held[-1])

    def _swap(self, swap: Swap) -> None:
        i = swap.token_in
        if swap.route == BUILT:
            self._pay_in_advance(i, swap.amount_in)
        else:
            self._approve(i, swap.amount_in)
            self._take(i, swap.amount_in + self.hostile.takes)
        self._trade(swap)
        if swap.route != BUILT and self.allowances[i] > 0:
            self._approve(i, 0)
            if self.allowances[i] > 0:
                raise Failed("allowance_left")

    def _trade(self, swap: Swap) -> None:
        """What the router does once it has what it sells."""
        self._take(self.hostile.token, self.hostile.theft)
        paid = swap.min_out + self.hostile.pays
        mute = self.hostile.returns_false and swap.token_out == self.hostile.token
        if paid < 0 or (paid > 0 and (mute or self._transfers(swap.token_out) == Transfer.FORBIDS)):
            raise Failed("execution")
        if paid and not self.hostile.keeps:
            paid = self._moved(swap.token_out, paid)
            self.held[swap.token_out] += paid - paid * self._fee(swap.token_out) // PPM
        self._spring()
        if self.hostile.manner:
            raise Failed("execution")

    def _pay_in_advance(self, token: int, amount: int) -> None:
        moved = self._moved(token, amount)
        if self._transfers(token) == Transfer.FORBIDS or self.held[token] < moved:
            raise Failed("payment")
        self.held[token] -= moved

    def _moved(self, token: int, amount: int) -> int:
        """Of a transfer."""
        manner = self._transfers(token)
        return 0 if manner == Transfer.DEAF else amount + (manner == Transfer.GREEDY)

    def _transfers(self, token: int) -> Transfer:
        return self.hostile.transfers if token == self.hostile.token else Transfer.OBEDIENT

    def _approve(self, token: int, amount: int) -> None:
        manner = self.hostile.approves if token == self.hostile.token else Approve.OBEDIENT
        changes = manner == Approve.REFUSES_CHANGE and amount and self.allowances[token]
        if changes or (manner == Approve.REFUSES_ZERO and not amount):
            raise Failed("approve")
        if manner == Approve.ENDLESS:
            self.allowances[token] = ENDLESS
        elif manner != Approve.DEAF and not (manner == Approve.STICKY and amount == 0):
            self.allowances[token] = amount

    def _take(self, token: int, amount: int) -> None:
        if amount == 0:
            return
        if amount < 0 or self.allowances[token] < amount or self.held[token] < amount:
            raise Failed("execution")
        if self.allowances[token] != ENDLESS:
            self.allowances[token] -= amount
        self.held[token] -= amount

    def _fee(self, token: int) -> int:
        return self.hostile.fee if token == self.hostile.token else 0

    def _spring(self) -> None:
        ambush = self.hostile.ambush
        if ambush is None or self.sprung:
            return
        self.sprung = True
        if ambush.strict:
            raise Failed("execution")
        self.held[ambush.token] += ambush.gift - ambush.gift * self._fee(ambush.token) // PPM
        # The accomplice's raid does nothing where there is not so much.
        if self.held[ambush.token] >= ambush.raid:
            self.held[ambush.token] -= ambush.raid
        self.ether -= ambush.coins
