"""The plan under bands: what is outside is traded, and what is inside only along with it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    FEES,
    LIMITS,
    LINK,
    POLICY,
    POOLS,
    USDC,
    WBTC,
    WETH,
    hold_of,
    planned,
    portfolio_in,
    result_of,
    returning,
    share,
    snapshot_with,
    usd,
    v3_pool,
)

from rebalancer.core.bands import outside
from rebalancer.core.model import Back, Calendar, Hold, Plan, Target
from rebalancer.core.plan import make_plan


def test_make_plan__the_token_outside_its_band_cannot_be_traded__holds_and_leaves_the_others_alone() -> None:
    policy, snapshot = POLICY, replace(snapshot_with(34_000, 40_000, 20_000, 6_000), pools=POOLS[:3])
    reason = hold_of(snapshot, policy)
    assert "WETH for LINK: no pool" in reason
    inside = replace(snapshot_with(34_000, 38_000, 22_000, 6_000), pools=POOLS[:3])
    reason = hold_of(inside, policy)
    assert "WETH for LINK: no pool" in reason and "WETH for USDC waits: neither is outside its band" in reason
    assert isinstance(make_plan(BY_CALENDAR, portfolio_in(inside), inside, FEES), Plan)


BY_CALENDAR = replace(POLICY, trigger=Calendar(86_400))


def test_make_plan__no_weight_outside_its_band__holds() -> None:
    assert "neither is outside its band" in hold_of(snapshot_with(33_000, 37_000, 20_000, 10_000))


def test_make_plan__weight_at_its_edge__waits_and_a_dollar_more_is_planned() -> None:
    assert "waits" in hold_of(snapshot_with(35_000, 35_000, 20_000, 10_000))
    assert planned(snapshot_with(35_001, 34_999, 20_000, 10_000)).left_out == ()


def test_make_plan__dust_of_a_token_to_be_rid_of__does_not_trade_the_others() -> None:
    targets = (Target(WETH, share(60)), Target(USDC, share(40)), Target(WBTC, share(0)), Target(LINK, share(0)))
    dusty = snapshot_with(603_000, 397_000, 0, "0.01")
    assert isinstance(make_plan(POLICY, portfolio_in(dusty, targets), dusty, FEES), Hold)


def test_make_plan__one_token_outside_and_tradable__brings_the_others_to_their_targets_too() -> None:
    plan = planned(snapshot_with(34_000, 38_000, 22_000, 6_000))
    assert {t.sell.token for t in plan.trades} == {WETH, WBTC} and {t.buy for t in plan.trades} == {LINK, USDC}


def test_make_plan__one_token_stays_outside__others_inside_wait_for_the_tick_that_brings_it_home() -> None:
    thin = replace(
        snapshot_with(34_000, 38_000, 22_000, 6_000), pools=(*POOLS[:3], v3_pool(LINK, WETH, 3_000, 150_000))
    )
    plan = planned(thin)
    assert {t.buy for t in plan.trades} == {LINK}
    assert any("for USDC waits: neither is outside its band; left out" in words for words in plan.left_out)
    assert {t.buy for t in planned(thin, BY_CALENDAR).trades} == {LINK, USDC}


@pytest.mark.parametrize("dollars", [(37_000, 37_000, 17_000, 9_000), (36_000, 34_500, 20_000, 9_500)])
def test_make_plan__return_to_the_edge__is_not_called_for_again_by_its_own_costs(dollars: tuple[int, ...]) -> None:
    # Large enough that a hair beyond the edge is worth a trade.
    policy = replace(returning(Back.EDGE), limits=replace(LIMITS, min_trade=usd(1)))
    snapshot = snapshot_with(*(100 * x for x in dollars))
    portfolio = result_of(snapshot, policy)
    assert outside(policy, portfolio_in(snapshot)) and outside(policy, portfolio) == ()
