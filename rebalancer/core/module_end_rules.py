"""What a RebalanceModule refuses after all swaps: balances before and after in, every refusal out, in its order.

A rule is a function with the name of the contract's reason. That the Safe's ether did not fall is told by the
simulation alone: nothing here measures it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rebalancer.core.model.batch import Breach
from rebalancer.core.model.snapshot import ModuleWallet
from rebalancer.core.module_books import (
    Books,
    Holding,
    Order,
    breach,
    least_after,
    loss_left,
    share_of,
    steps,
    turnover_left,
)
from rebalancer.core.module_rules import too_large
from rebalancer.core.module_words import share
from rebalancer.core.render import amount, money
from rebalancer.units import ONE, PPM, Ppm, Usd, Weight, mul_div_down, mul_div_up

Breaches = Iterator[Breach]


@dataclass(frozen=True, slots=True)
class Ending:
    """What an order whose swaps were all let through has done to the books. `read_at`: the time of `before`."""

    wallet: ModuleWallet
    order: Order
    before: Books
    after: Books
    read_at: int

    @property
    def traded(self) -> Usd:
        limits = self.wallet.policy.limits
        return Usd(sum(step.sold for step in steps(self.before, limits, self.order.swaps) if step is not None))


def end_refusals(ending: Ending) -> Breaches:
    """Every rule that the outcome breaks. The swaps name tokens of the portfolio."""
    least = least_after(ending.before, ending.order.swaps)
    for old, wanted, new in zip(ending.before.holdings, least.holdings, ending.after.holdings, strict=True):
        yield from balances(wanted, new)
        if new.balance.raw != old.balance.raw:
            yield from too_large(new)
        yield from in_range(ending.before.worth, old, new)
    yield from drift(ending)
    yield from max_loss(ending)
    yield from max_turnover(ending)


def balances(wanted: Holding, new: Holding) -> Breaches:
    """Of a token there is what was there, less what was sold of it, and the minimums that were to come."""
    if new.balance.raw < wanted.balance.raw:
        observed = f"{amount(new.balance)} ({new.balance.raw}) are left"
        yield breach("balances", observed, f"at least {amount(wanted.balance)} ({wanted.balance.raw})")


def in_range(worth: Usd, old: Holding, new: Holding) -> Breaches:
    """The module's `range`: no token moves out of what the owners allow, nor further out of it.

    Of the wallet's worth before the swaps. A price may have carried it there before.
    """
    least, most = share_of(worth, new.asset.least), share_of(worth, new.asset.most)
    fits = new.value <= most if new.value > old.value else new.value * PPM >= worth * new.asset.least
    if new.balance.raw != old.balance.raw and not fits:
        allowed = f"{money(least)} to {money(most)}, {share(new.asset.least)} to {share(new.asset.most)} of the wallet"
        yield breach("range", f"of {new} there is {money(new.value)} afterwards", allowed)


def drift(ending: Ending) -> Breaches:
    """All distances from the targets together fall by what is traded. The targets are those of the worth before."""
    worth, traded = ending.before.worth, ending.traded
    apart, closer = _apart(ending.before, worth), _apart(ending.after, worth)
    if closer + traded > apart:
        most = f"at most {money(Usd(apart - traded))} after trading {money(traded)}"
        yield breach("drift", f"the tokens are {money(closer)} off their targets afterwards", most)


def max_loss(ending: Ending) -> Breaches:
    """What is lost at oracle prices is left in the window's meter. Gains earn nothing."""
    lost = max(ending.before.worth - ending.after.worth, 0)
    left = loss_left(ending.wallet, ending.read_at, ending.order.at)
    yield from _metered("max_loss", ending, Usd(lost), (left, ending.wallet.policy.limits.max_loss))


def max_turnover(ending: Ending) -> Breaches:
    """What is traded is left in the window's meter."""
    left = turnover_left(ending.wallet, ending.read_at, ending.order.at)
    yield from _metered("max_turnover", ending, ending.traded, (left, ending.wallet.policy.limits.max_turnover))


def _metered(rule: str, ending: Ending, used: Usd, meter: tuple[Weight, Ppm]) -> Breaches:
    worth, (left, most) = max(ending.before.worth, 1), meter
    if mul_div_up(used, ONE, worth) > left:
        verb = "is lost" if rule == "max_loss" else "is traded"
        rest = money(Usd(mul_div_down(worth, left, ONE)))
        yield breach(rule, f"{money(used)} {verb}", f"{rest} at this time, of {share(most)} of the wallet in a window")


def _apart(books: Books, worth: Usd) -> Usd:
    """The sum of all distances from the targets of a wallet that is worth so much."""
    return Usd(sum(abs(holding.value - share_of(worth, holding.target)) for holding in books.holdings))
