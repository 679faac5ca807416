"""Quotes or measured changes in, what a rebalance costs in dollars out: pool fee, price impact, gas; is it worth it?

The shortfall against the oracle is what counts: it holds the pools' fees, our impact, and the pools' distance
from the oracle. Fee and impact are shown as parts of it, where all pools are known.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.core.flows import fee_ppm, followed, routed, split_of
from rebalancer.core.model import Block, Cost, Fees, Hold, Limits, Quote, Snapshot
from rebalancer.core.render import bps, money
from rebalancer.market.pools import spot_out_down
from rebalancer.market.routing import GasPrice, Route
from rebalancer.units import BPS, PPM, Amount, Bps, Price, Usd, Wei, bps_of_down, mul_div_down, mul_div_up

_STEP = 9, 8
"""An eighth more: geth asks for 10 % (`txpool.pricebump`), other nodes for 12.5 %."""


def fees_for(block: Block, limits: Limits) -> Fees:
    """EIP-1559 fees that hold through several full blocks: twice the base fee and the tip, under the limit.

    The tip is what builders took lately, or the least that is configured where that is more: a tip near zero has
    waited for minutes. Where gas is cheap enough, two steps stay free under the limit: to raise once, and to cancel.
    """
    cap = limits.max_gas_price
    tip = min(max(limits.tip, block.tip), cap)
    spared = _stepped_down(_stepped_down(cap))
    most = Wei(min(2 * block.base_fee + tip, max(spared, block.base_fee + tip), cap))
    return Fees(most, Wei(min(tip, most)))


def stepped_up(fees: Fees) -> Fees:
    """The least fees at which every node takes another transaction of the same nonce, each rounded up."""
    return Fees(Wei(mul_div_up(fees.max_fee, *_STEP)), Wei(mul_div_up(fees.tip, *_STEP)))


def _stepped_down(fee: int) -> int:
    """The most that a step up leaves at `fee` or below."""
    more, less = _STEP
    return mul_div_down(fee, less, more)


def gas_price_now(block: Block, fees: Fees) -> Wei:
    """What a unit of gas costs in the next block, as far as this one tells."""
    return Wei(min(block.base_fee + fees.tip, fees.max_fee))


def gas_price_in(bought: Price, native: Price, price: Wei) -> GasPrice:
    """A gas price in base units of a token, so that routes can be compared net of their gas."""
    return GasPrice(price * native.usd * 10**bought.token.decimals, bought.usd * 10**native.token.decimals)


def cost_of_quotes(quotes: tuple[Quote, ...], snapshot: Snapshot, fees: Fees) -> Cost:
    """What the quotes promise to cost. Fee and impact are known where each has a route over pools of the snapshot."""
    gas = sum(quote.gas for quote in quotes) * gas_price_now(snapshot.block, fees)
    fee, impact = _split_of_quotes(quotes, snapshot) or (None, None)
    return Cost(
        traded=Usd(sum(snapshot.price(q.trade.sell.token).value_down(q.trade.sell.raw) for q in quotes)),
        fee=fee,
        impact=impact,
        shortfall=Usd(
            sum(snapshot.price(q.trade.sell.token).value_up(q.trade.sell.raw) for q in quotes)
            - sum(snapshot.price(q.trade.buy).value_down(q.expected.raw) for q in quotes)
        ),
        gas=snapshot.native.value_up(gas),
    )


def received(quotes: Sequence[Quote], snapshot: Snapshot, fees: Fees) -> Usd:
    """What quotes of the same sales bring at the oracle's prices, their own gas paid, rounded down."""
    gas = sum(quote.gas for quote in quotes) * gas_price_now(snapshot.block, fees)
    brought = sum(snapshot.price(quote.trade.buy).value_down(quote.expected.raw) for quote in quotes)
    return Usd(brought - snapshot.native.value_up(gas))


def cost_of_changes(
    changes: tuple[Amount, ...], prices: tuple[Price, ...], gas: tuple[int, Wei], native: Price, quoted: Cost | None
) -> Cost:
    """What signed changes of the wallet did cost at `prices`; `gas` is (units used, price of a unit).

    Fee and impact cannot be seen in balances: they are those of `quoted`, or not known.
    """
    price_of = {price.token.address: price for price in prices}
    sold = [(price_of[c.token.address], -c.raw) for c in changes if c.raw < 0]
    bought = [(price_of[c.token.address], c.raw) for c in changes if c.raw > 0]
    units, unit_price = gas
    return Cost(
        traded=Usd(sum(price.value_down(raw) for price, raw in sold)),
        fee=quoted.fee if quoted else None,
        impact=quoted.impact if quoted else None,
        shortfall=Usd(sum(p.value_up(raw) for p, raw in sold) - sum(p.value_down(raw) for p, raw in bought)),
        gas=native.value_up(units * unit_price),
    )


def total(cost: Cost) -> Usd:
    """All of it: shortfall and gas. Negative where the pools paid more than the oracle says and gas costs."""
    return Usd(cost.shortfall + cost.gas)


def cost_bps(cost: Cost) -> int:
    """The total as basis points of the value traded, rounded up; negative for a gain, 0 where nothing is traded."""
    return mul_div_up(total(cost), BPS, cost.traded) if cost.traded else 0


def worth_it(cost: Cost, limits: Limits) -> Hold | None:
    """None, or why this rebalance costs more of the value traded than the owners allow."""
    if cost.traded == 0:
        return Hold("nothing would be traded")
    allowed = bps_of_down(cost.traded, limits.max_cost)
    if total(cost) <= allowed:
        return None
    parts = f"{money(cost.shortfall)} against the oracle and {money(cost.gas)} of gas"
    return Hold(
        f"not worth it: trading {money(cost.traded)} would cost {money(total(cost))} ({bps(cost_bps(cost))}): {parts}; "
        f"max_cost allows {bps(limits.max_cost)}"
    )


def impact_bps_up(route: Route | None, amount_in: int, amount_out: int) -> Bps:
    """The share that our own size loses on a route, rounded up; 0 where the route is not known."""
    lost, ideal = (0, 0) if route is None else route_impact(route, amount_in, amount_out)
    return Bps(mul_div_up(lost, BPS, ideal) if ideal else 0)


def _split_of_quotes(quotes: Sequence[Quote], snapshot: Snapshot) -> tuple[Usd, Usd] | None:
    """Of the pools as the snapshot has them, each swap after the ones before."""
    found = followed(routed(quotes), snapshot.pools)
    if found.strange or any(quote.route is None for quote in quotes):
        return None
    return split_of(found.swaps, snapshot.prices)


def route_impact(route: Route, amount_in: int, amount_out: int) -> tuple[int, int]:
    """(what our own size loses on a route, what the mid prices less the fees would give), in the bought token."""
    ideal = amount_in
    for hop in route.hops:
        worth = spot_out_down(hop.pool, hop.token_in, mul_div_down(ideal, PPM - fee_ppm(hop.pool), PPM))
        if worth is None:
            return 0, 0
        ideal = worth
    return max(ideal - amount_out, 0), ideal
