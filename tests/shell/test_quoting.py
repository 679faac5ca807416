"""Who makes which trade: the own router for the whole plan, another venue for a pair that it does better."""

from __future__ import annotations

from given_ports import OFF_TARGET, ports_of, state
from small_market import FEES, NOW, POLICY, USDC, WETH, planned, snapshot_with, v3_pool

from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.core.competition import Question
from rebalancer.core.cost import received
from rebalancer.core.model import Hold, Plan, Quote, Snapshot
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Venue
from rebalancer.quoting import choose_quotes
from rebalancer.units import Bps

ROUTER = UniswapVenue(FakeVenue.spenders[0], POLICY.hubs, POLICY.limits)
MARKET = state(*OFF_TARGET)
# Two pools of one pair and nothing else: what is sold is split between them.
PARALLEL = snapshot_with(
    600_000,
    100_000,
    200_000,
    100_000,
    pools=(v3_pool(USDC, WETH, 500, 40_000_000), v3_pool(USDC, WETH, 3_000, 40_000_000)),
)


def question(plan: Plan, snapshot: Snapshot) -> Question:
    return Question(plan, snapshot, FEES, NOW + 600, POLICY.limits.max_slippage)


def quoted(plan: Plan, *venues: Venue, snapshot: Snapshot = MARKET) -> tuple[Quote, ...]:
    answer = choose_quotes(ports_of(snapshot, venues=venues), question(plan, snapshot))
    assert not isinstance(answer, Hold | MoreTicks), answer
    return answer


def test_choose_quotes__of_the_own_router__are_the_plans_trades_on_the_plans_routes() -> None:
    plan = planned(MARKET)
    quotes = quoted(plan, ROUTER)
    assert [quote.trade for quote in quotes] == list(plan.trades)
    assert [quote.route for quote in quotes] == [found.route for found in plan.routes]
    assert [quote.expected.raw for quote in quotes] == [found.amount_out for found in plan.routes]


def test_choose_quotes__a_venue_that_does_a_pair_better__makes_that_pair_at_once_and_the_router_the_rest() -> None:
    plan = planned(PARALLEL)
    assert len(plan.trades) == 2 and len({(t.sell.token, t.buy) for t in plan.trades}) == 1
    (quote,) = quoted(plan, ROUTER, FakeVenue(spread=Bps(1)), snapshot=PARALLEL)
    assert quote.venue == "fake"
    assert quote.trade.sell.raw == sum(trade.sell.raw for trade in plan.trades)
    assert quote.trade.floor.raw == sum(trade.floor.raw for trade in plan.trades)
    assert quote.trade.value == PARALLEL.price(WETH).value_down(quote.trade.sell.raw)


def test_choose_quotes__a_venue_that_does_nothing_better__makes_nothing() -> None:
    plan = planned(MARKET)
    assert quoted(plan, FakeVenue(spread=Bps(100)), ROUTER) == quoted(plan, ROUTER)


def test_choose_quotes__of_two_that_answer_pair_by_pair__is_the_one_that_brings_more_after_its_gas() -> None:
    plan = planned(MARKET)
    dear, cheap = FakeVenue(spread=Bps(20)), FakeVenue(spread=Bps(10))
    assert quoted(plan, dear, cheap) == quoted(plan, cheap)
    assert received(quoted(plan, dear, cheap), MARKET, FEES) > received(quoted(plan, dear), MARKET, FEES)


def test_choose_quotes__a_pair_that_nobody_quotes__holds_the_whole() -> None:
    plan = planned(MARKET)
    answer = choose_quotes(ports_of(MARKET, venues=()), question(plan, MARKET))
    assert isinstance(answer, Hold) and "none is configured" in answer.reason
