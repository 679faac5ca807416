"""How much may be traded now: what the day and the ramp leave, and how long the next rebalance waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import AT_THE_LIMITS, PORTFOLIO, RAMPED, costing, rules
from small_market import FEES, LIMITS, NOW, POLICY, portfolio_in, snapshot_with, usd

from rebalancer.core.model import NO_HISTORY, History, Plan, Policy
from rebalancer.core.over_time import DAY, guard_trade, ramp
from rebalancer.core.plan import make_plan
from rebalancer.core.room import day_is_full, plan_room, ramp_room, turnover_room
from rebalancer.units import ONE, Bps, Usd, Weight

# ---------------------------------------------------------------- the day


def test_day_is_full__at_the_limit__waits_until_the_first_is_a_day_old() -> None:
    assert day_is_full(POLICY, replace(NO_HISTORY, trades_of_day=11, day_began=NOW - 3_600), NOW) is None
    hold = day_is_full(POLICY, replace(NO_HISTORY, trades_of_day=12, day_began=NOW - 3_600), NOW)
    assert hold is not None and hold.reason == (
        "12 rebalances have settled in 24 h, and trades_per_day allows 12: the next one waits for 23 h"
    )


def test_turnover_room__of_a_day__is_what_is_left_of_it() -> None:
    fresh = turnover_room(POLICY, NO_HISTORY, PORTFOLIO)
    assert usd(149_999) < fresh.most < usd(150_000)
    used = turnover_room(POLICY, AT_THE_LIMITS, PORTFOLIO)
    assert usd(999) < used.most < usd(1_000)
    assert used.reason == "turnover_per_day leaves room for 1,000.00 USD: 150 % of the portfolio may be traded in 24 h"
    assert turnover_room(POLICY, replace(NO_HISTORY, turnover_share=Weight(2 * ONE)), PORTFOLIO).most == 0


def test_plan_room__of_ramp_and_day__is_the_smaller() -> None:
    assert plan_room(RAMPED, NO_HISTORY, PORTFOLIO, NOW).most == usd(5_000)
    assert plan_room(RAMPED, AT_THE_LIMITS, PORTFOLIO, NOW) == turnover_room(RAMPED, AT_THE_LIMITS, PORTFOLIO)
    assert plan_room(POLICY, NO_HISTORY, PORTFOLIO, NOW) == turnover_room(POLICY, NO_HISTORY, PORTFOLIO)


# ---------------------------------------------------------------- the ramp


def traded(dollars: int, **changes: object) -> History:
    return replace(NO_HISTORY, traded=usd(dollars), **changes)  # type: ignore[arg-type]


def room(history: History, policy: Policy = RAMPED) -> int | None:
    found = ramp_room(policy, history, PORTFOLIO, NOW)
    return None if found is None else found.most


def test_ramp_room__of_a_new_keeper__is_a_share_of_the_portfolio() -> None:
    assert room(NO_HISTORY) == usd(5_000)
    assert room(traded(3_000, good_since=NOW - DAY)) == usd(2_000)


def test_ramp_room__all_of_it_traded__is_none_until_the_days_are_over() -> None:
    used = ramp_room(RAMPED, traded(5_100, good_since=NOW - DAY), PORTFOLIO, NOW)
    assert used is not None and used.most == 0
    assert used.reason == (
        "the ramp leaves room for 0.00 USD: 5 % of the portfolio may be traded in all until rebalances have gone well "
        "for 3 d, in 2 d"
    )


@pytest.mark.parametrize(("since", "there"), [(NOW - 3 * DAY + 1, True), (NOW - 3 * DAY, False)])
def test_ramp_room__after_its_days_have_gone_well__is_without_a_limit(since: int, there: bool) -> None:
    assert (room(traded(5_000, good_since=since)) is not None) is there


def test_ramp_room__a_failure_on_the_way__begins_the_days_anew() -> None:
    assert room(traded(1_000, good_since=NOW - 60, good_before=3 * DAY - 1)) == usd(4_000)


def test_ramp_room__a_failure_after_it_was_over__does_not_bring_it_back() -> None:
    assert room(traded(90_000, good_since=NOW - 60, good_before=3 * DAY)) is None


def test_ramp_room__switched_off__is_without_a_limit() -> None:
    assert room(NO_HISTORY, POLICY) is None


@pytest.mark.parametrize("dollars", [400, 999, 1_001, 1_999, 2_001])
@pytest.mark.parametrize("odd", [0, 1, 7, 33])
def test_ramp_room__of_a_small_wallet__lets_one_trade_through(dollars: int, odd: int) -> None:
    held = snapshot_with(*(f"{dollars * tenths / 10 + odd / 1_000:.3f}" for tenths in (6, 2, 1, 1)))
    held = replace(held, prices=tuple(replace(p, usd=Usd(p.usd + odd * 12_345_677)) for p in held.prices))
    small = portfolio_in(held)
    # Whether so little is worth its gas is another question.
    dear = replace(RAMPED, limits=replace(RAMPED.limits, max_cost=Bps(1_000)))
    plan = make_plan(dear, small, held, FEES, plan_room(RAMPED, NO_HISTORY, small, NOW))
    assert isinstance(plan, Plan) and plan.value >= LIMITS.min_trade
    assert not list(ramp(RAMPED, replace(NO_HISTORY, traded=plan.value), small, NOW))
    spent = ramp_room(RAMPED, traded(200), small, NOW)
    assert spent is not None and spent.most == 0
    assert ("twice min_trade, 100.00 USD, may be traded in all" in spent.reason) is (dollars < 2_000)


def test_ramp__a_plan_larger_than_its_room__is_a_breach_while_it_lasts() -> None:
    assert rules(tuple(ramp(RAMPED, traded(5_001), PORTFOLIO, NOW))) == ["ramp"]
    assert not list(ramp(RAMPED, traded(5_000), PORTFOLIO, NOW))
    assert not list(ramp(RAMPED, traded(90_000, good_since=NOW - 3 * DAY), PORTFOLIO, NOW))
    assert rules(guard_trade(RAMPED, NO_HISTORY, PORTFOLIO, costing(5_001), NOW)) == ["ramp"]
