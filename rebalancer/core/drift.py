"""Balances, prices and targets in, the portfolio out: what each asset weighs and how far it has drifted.

An empty wallet is a portfolio worth nothing, with all weights at zero: it can be shown, and `trigger` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Portfolio, Position, Snapshot, Target
from rebalancer.core.render import percent
from rebalancer.units import ONE, Amount, Price, Token, Usd, Weight, mul_div_down


def portfolio_of(assets: tuple[Token, ...], targets: tuple[Target, ...], snapshot: Snapshot) -> Portfolio:
    """The positions in the order of `assets`. Values and weights are rounded down, so weights sum to just under ONE.

    Raises Unavailable where the targets are not one for each asset, not negative, summing to ONE.
    """
    check_targets(assets, targets)
    weight_of = {target.token.address: target.weight for target in targets}
    balance_of = {balance.token.address: balance for balance in snapshot.balances}
    price_of = {price.token.address: price for price in snapshot.prices}
    addresses = [token.address for token in assets]
    return _valued([(balance_of[token], price_of[token], weight_of[token]) for token in addresses])


def moved_by(portfolio: Portfolio, changes: Iterable[Amount]) -> Portfolio:
    """The portfolio after signed changes, at the same prices; no balance falls below 0."""
    raw = {p.balance.token.address: p.balance.raw for p in portfolio.positions}
    for change in changes:
        if change.token.address in raw:
            raw[change.token.address] += change.raw
    held = [Amount(p.balance.token, max(raw[p.balance.token.address], 0)) for p in portfolio.positions]
    return _valued([(balance, p.price, p.target) for balance, p in zip(held, portfolio.positions, strict=True)])


def _valued(held: Sequence[tuple[Amount, Price, Weight]]) -> Portfolio:
    """Of each position its balance, price and target."""
    values = [price.value_down(balance.raw) for balance, price, _ in held]
    total = Usd(sum(values))
    positions = []
    for (balance, price, target), value in zip(held, values, strict=True):
        weight = Weight(mul_div_down(value, ONE, total) if total else 0)
        positions.append(Position(balance, price, value, weight, target, Weight(weight - target)))
    return Portfolio(tuple(positions), total)


def targets_of(portfolio: Portfolio) -> tuple[Target, ...]:
    """What its positions are held to."""
    return tuple(Target(p.balance.token, p.target) for p in portfolio.positions)


def max_drift(portfolio: Portfolio) -> Weight:
    """The largest distance of a weight from its target, without its sign."""
    return Weight(max((abs(p.drift) for p in portfolio.positions), default=0))


def check_targets(assets: tuple[Token, ...], targets: tuple[Target, ...]) -> None:
    """Raises Unavailable where they are not one for each asset, not negative, summing to ONE."""
    wanted, given = [t.address for t in assets], [t.token.address for t in targets]
    if wanted != given and sorted(wanted) != sorted(given):
        raise Unavailable(
            f"targets are for {', '.join(t.token.symbol for t in targets) or 'nothing'}, expected one for each of "
            f"{', '.join(t.symbol for t in assets)}; look at where the targets come from"
        )
    if any(t.weight < 0 for t in targets):
        raise Unavailable("a target weight is negative, expected shares from 0 %; look at where the targets come from")
    total = sum(t.weight for t in targets)
    if total != ONE:
        raise Unavailable(
            f"target weights sum to {percent(Weight(total))} ({total} of {ONE}), expected 100 %; "
            "look at where the targets come from"
        )
