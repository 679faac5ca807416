"""The rules of a batch: what was planned, quoted and built goes in, each crossed limit comes out as a breach.

Every figure is worked out again from the oracle's prices; what the trade or the quote says of itself is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.cost import impact_bps_up
from rebalancer.core.floors import floor_of
from rebalancer.core.flows import Through, followed, routed, through
from rebalancer.core.model import Batch, Breach, Policy, Portfolio, Position, Quote, Snapshot
from rebalancer.core.render import amount, bps, duration, money, points
from rebalancer.units import ONE, Amount, Bps, Token, Usd, Weight, bps_of_down, bps_of_up, mul_div_down

Breaches = Iterator[Breach]

TOLERANCE = Bps(5)
"""How far a trade may pass its target, as a share of the portfolio: rounding, and a venue that quotes
better or worse than the plan. One smallest trade comes on top, which an exit may leave with its last buyer."""
POOL_TOLERANCE = Bps(1)
"""How far all that goes through a pool may pass `max_impact`: a plan is searched in floats, and ends at the limit."""


def known_assets(portfolio: Portfolio, batch: Batch) -> Breaches:
    """There is a swap, and each sells one asset of the portfolio for another."""
    assets = {p.balance.token.address for p in portfolio.positions}
    if not batch.quotes:
        yield Breach("known_assets", "a batch without a swap", "at least one")
    for quote in batch.quotes:
        ends = (quote.trade.sell.token, quote.trade.buy)
        strange = [token.symbol for token in ends if token.address not in assets]
        if strange:
            yield Breach("known_assets", f"{_name(quote)} trades {', '.join(strange)}", "assets of the portfolio")
        elif ends[0].address == ends[1].address:
            yield Breach("known_assets", f"{_name(quote)} trades a token for itself", "two different assets")


def trade_value(portfolio: Portfolio, batch: Batch) -> Breaches:
    """A trade is worth what it says, and more than nothing."""
    for quote in batch.quotes:
        worth = _value(portfolio, quote)
        if quote.trade.value != worth or worth <= 0:
            observed = f"{_name(quote)} says it moves {money(quote.trade.value)}"
            yield Breach("trade_value", observed, f"its value at the oracle, {money(worth)}, above zero")


def direction(policy: Policy, portfolio: Portfolio, batch: Batch) -> Breaches:
    """Sold tokens are over their target and bought ones under it, and no trade passes the target or moves what waits.

    The target in dollars is that of the portfolio after all costs of the batch. Those costs, or what pools pay beyond
    the oracle, are shared by the tokens that move: each may pass its target by as much.
    """
    lost = sum(
        _value(portfolio, q) - _position(portfolio, q.trade.buy).price.value_down(q.expected.raw) for q in batch.quotes
    )
    slack = slack_of(policy, portfolio, lost)
    values = {p.balance.token.address: int(p.value) for p in portfolio.positions}
    for quote in batch.quotes:
        sold, bought = _position(portfolio, quote.trade.sell.token), _position(portfolio, quote.trade.buy)
        values[sold.balance.token.address] -= _value(portfolio, quote)
        values[bought.balance.token.address] += bought.price.value_down(quote.expected.raw)
        for position, side in ((sold, 1), (bought, -1)):
            if position.balance.token.address in policy.waits:
                moved = f"{_name(quote)} moves {position.balance.token}, which waits (patience)"
                yield Breach("direction", moved, "tokens that do not wait")
            past = side * (goal_of(portfolio, position, lost) - values[position.balance.token.address])
            yield from _astray(quote, position, side, (past, slack))


def goal_of(portfolio: Portfolio, position: Position, lost: int) -> int:
    """The dollars that a position should have once `lost` dollars went into costs."""
    return mul_div_down(portfolio.value - lost, position.target, ONE)


def slack_of(policy: Policy, portfolio: Portfolio, lost: int) -> int:
    """The dollars by which a trade may pass a target, where a batch loses so many, or gains them."""
    return bps_of_up(portfolio.value, TOLERANCE) + policy.limits.min_trade + abs(lost)


def _astray(quote: Quote, position: Position, side: int, passed: tuple[int, int]) -> Breaches:
    verb, place = ("sells", "over") if side > 0 else ("buys", "under")
    token, (past, slack) = position.balance.token, passed
    if position.drift * side <= 0:
        where = f"{points(Weight(abs(position.drift)))} {'over' if position.drift > 0 else 'under'} its target"
        yield Breach("direction", f"{_name(quote)} {verb} {token}, which is {where}", f"a token {place} its target")
    elif past > slack:
        observed = f"{_name(quote)} {verb} {token} past its target by {money(Usd(past))}"
        yield Breach("direction", observed, f"at most {money(Usd(slack))} past it")


def min_trade(policy: Policy, portfolio: Portfolio, batch: Batch) -> Breaches:
    """No trade is too small for its trouble."""
    for quote in batch.quotes:
        worth = _value(portfolio, quote)
        if worth < policy.limits.min_trade:
            yield Breach(
                "min_trade", f"{_name(quote)} moves {money(worth)}", f"at least {money(policy.limits.min_trade)}"
            )


def max_trade(policy: Policy, portfolio: Portfolio, batch: Batch) -> Breaches:
    """No pair moves too large a share of the portfolio, all its trades together."""
    most = Usd(bps_of_down(portfolio.value, policy.limits.max_trade))
    moved: dict[tuple[Token, Token], int] = {}
    for quote in batch.quotes:
        pair = quote.trade.sell.token, quote.trade.buy
        moved[pair] = moved.get(pair, 0) + _value(portfolio, quote)
    for (sold, bought), worth in moved.items():
        if worth > most:
            allowed = f"at most {money(most)}, {bps(policy.limits.max_trade)} of the portfolio"
            yield Breach("max_trade", f"{sold} for {bought} moves {money(Usd(worth))}", allowed)


def max_impact(policy: Policy, batch: Batch) -> Breaches:
    """No trade moves its own price too far. Not known for a quote without a route: its floor holds all the same."""
    for quote in batch.quotes:
        impact = impact_bps_up(quote.route, quote.trade.sell.raw, quote.expected.raw)
        if impact > policy.limits.max_impact:
            yield Breach(
                "max_impact", f"{_name(quote)} loses {bps(impact)} to its own size", bps(policy.limits.max_impact)
            )


def max_pool_impact(policy: Policy, snapshot: Snapshot, batch: Batch) -> Breaches:
    """No pool's price is moved too far by all that goes through it, in however many routes.

    Each swap is computed anew on the pools of the snapshot; what a route says of its pools is not believed.
    """
    limit = policy.limits.max_impact
    found = followed(routed(batch.quotes), snapshot.pools)
    for why in found.strange:
        yield Breach("max_pool_impact", why, "swaps that the pools of the snapshot can make")
    passed = through(found.swaps)
    if passed is None:
        yield Breach("max_pool_impact", "a pool of the batch has no price", "pools with a price to compare with")
        return
    for one in passed:
        if one.impact > limit + POOL_TOLERANCE:
            yield Breach("max_pool_impact", f"{passage(one)} lose {bps(Bps(one.impact))} to their own size", bps(limit))


def passage(one: Through) -> str:
    """What goes through a pool, in words."""
    swaps = "1 swap" if one.swaps == 1 else f"{one.swaps} swaps"
    pool = f"pool {one.pool.address} ({one.pool.token0}/{one.pool.token1})"
    return f"{swaps} of {amount(Amount(one.token_in, one.amount_in))} through {pool}"


def max_slippage(policy: Policy, portfolio: Portfolio, batch: Batch) -> Breaches:
    """Every floor is our oracle's value less the slippage or above it, whatever the venue says."""
    for quote in batch.quotes:
        sold, bought = _position(portfolio, quote.trade.sell.token), _position(portfolio, quote.trade.buy)
        least = floor_of(quote.trade.sell, sold.price, bought.price, policy.limits.max_slippage)
        given = quote.trade.floor
        if given.token.address != least.token.address or given.raw < least.raw:
            yield Breach("max_slippage", f"{_name(quote)} has a floor of {amount(given)}", f"at least {amount(least)}")


def expected_reaches_floor(batch: Batch) -> Breaches:
    """What a quote expects is the bought token, and not below the floor."""
    for quote in batch.quotes:
        if quote.expected.token.address != quote.trade.buy.address or quote.expected.raw < quote.trade.floor.raw:
            observed = f"{_name(quote)} expects {amount(quote.expected)}"
            yield Breach("expected_reaches_floor", observed, f"at least {amount(quote.trade.floor)}")


def sold_within_balance(portfolio: Portfolio, batch: Batch) -> Breaches:
    """All trades of a token together sell no more than there is."""
    for position in portfolio.positions:
        token = position.balance.token
        sold = sum(q.trade.sell.raw for q in batch.quotes if q.trade.sell.token.address == token.address)
        if sold > position.balance.raw:
            yield Breach(
                "sold_within_balance", f"{amount(Amount(token, sold))} are sold", f"at most {amount(position.balance)}"
            )


def deadline(policy: Policy, snapshot: Snapshot, batch: Batch) -> Breaches:
    """The batch is void after a while, and not before it is sent."""
    left = batch.deadline - snapshot.block.timestamp
    if not 0 < left <= policy.limits.deadline:
        allowed = f"in the future, and at most {duration(policy.limits.deadline)} after it"
        yield Breach("deadline", f"the batch is void {duration(left)} after the block", allowed)


def known_spender(snapshot: Snapshot, batch: Batch) -> Breaches:
    """Approvals go to the venues' contracts only: those whose allowances were read."""
    known = {(a.spender, a.amount.token.address) for a in snapshot.allowances}
    for quote in batch.quotes:
        if (quote.spender, quote.trade.sell.token.address) not in known:
            spenders = ", ".join(sorted({a.spender for a in snapshot.allowances})) or "nobody"
            yield Breach("known_spender", f"{_name(quote)} wants an approval for {quote.spender}", f"one of {spenders}")


def _name(quote: Quote) -> str:
    return f"{quote.trade.sell.token} for {quote.trade.buy} ({quote.venue})"


def _position(portfolio: Portfolio, token: Token) -> Position:
    return next(p for p in portfolio.positions if p.balance.token.address == token.address)


def _value(portfolio: Portfolio, quote: Quote) -> Usd:
    return _position(portfolio, quote.trade.sell.token).price.value_down(quote.trade.sell.raw)
