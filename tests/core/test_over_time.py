"""Limits over days: what stops the keeper, what the ramp leaves, and how long the gas lasts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import HELD, costing, holding, looked, priced
from small_market import FEES, LIMITS, NOW, OVER_TIME, POLICY, portfolio_in, snapshot_with, usd

from rebalancer.core.model import INDEX, NO_HISTORY, Breach, History, Horizon, Past, Plan, Policy
from rebalancer.core.over_time import (
    DAY,
    MONTH,
    drawdown,
    failures,
    gas_days_left,
    gas_words,
    guard_spent,
    guard_trade,
    horizon_of,
    lost_since,
    ramp,
    why_stop,
    with_trade,
)
from rebalancer.core.plan import make_plan
from rebalancer.core.room import day_is_full, plan_room, ramp_room, turnover_room
from rebalancer.units import ONE, Bps, Usd, Wei, Weight

PORTFOLIO = holding(*HELD)
"""100,000 dollars."""
RAMPED = replace(POLICY, over_time=replace(OVER_TIME, ramp=Bps(500), ramp_days=3))
COIN = ONE


def rules(breaches: tuple[Breach, ...]) -> list[str]:
    return [breach.rule for breach in breaches]


def past_with(failed: int) -> Past:
    return Past(None, None, None, 0, failed)


def test_horizon_of__now__reaches_back_as_far_as_each_limit() -> None:
    limits = replace(OVER_TIME, drawdown_window=3_600)
    assert horizon_of(NOW, limits) == Horizon(peak=NOW - 3_600, day=NOW - DAY, month=NOW - 30 * DAY)


# ---------------------------------------------------------------- failures


@pytest.mark.parametrize(("failed", "stopped"), [(0, False), (2, False), (3, True), (4, True)])
def test_failures__in_a_row__stop_at_the_limit(failed: int, stopped: bool) -> None:
    assert bool(list(failures(POLICY, past_with(failed)))) is stopped


# ---------------------------------------------------------------- drawdown


@pytest.mark.parametrize(("percent", "stopped"), [(100, False), (85, False), (84, True), (1, True)])
def test_drawdown__since_the_peak__stops_below_the_limit(percent: int, stopped: bool) -> None:
    all_in_weth = looked(100_000, 0, 0, 0)
    assert bool(list(drawdown(POLICY, all_in_weth, priced((100_000, 0, 0, 0), WETH=percent), NOW))) is stopped


def test_drawdown__a_hair_more_than_the_limit__stops() -> None:
    history = replace(looked(*HELD, index=INDEX * 85 // 100 - 1), peak=INDEX)
    (breach,) = drawdown(POLICY, history, PORTFOLIO, NOW)
    assert breach == Breach("drawdown", "what was held has lost 15.01 % of its value since its best", "15 % in 1 d")


def test_drawdown__a_withdrawal_of_nearly_everything__is_none() -> None:
    assert not list(drawdown(POLICY, looked(*HELD), holding(100, 0, 0, 0), NOW))


def test_drawdown__in_small_steps_below_an_older_peak__adds_up() -> None:
    history = replace(looked(*HELD, index=INDEX * 88 // 100), peak=INDEX)
    assert rules(tuple(drawdown(POLICY, history, priced(HELD, WETH=87), NOW))) == ["drawdown"]


def test_drawdown__no_look_within_the_window__counts_from_the_last_one() -> None:
    long_ago = replace(looked(100_000, 0, 0, 0, at=NOW - 7 * DAY), peak=0)
    fallen = priced((100_000, 0, 0, 0), WETH=80)
    (breach,) = drawdown(POLICY, long_ago, fallen, NOW)
    assert breach.observed == "what was held has lost 20 % of its value since the last look, 7 d ago"
    assert lost_since(long_ago, fallen, NOW) == (2_000, "the last look, 7 d ago")


def test_drawdown__a_person_has_resumed_since_the_last_look__begins_anew() -> None:
    resumed = replace(looked(100_000, 0, 0, 0), peak=0, since=NOW - 60)
    assert not list(drawdown(POLICY, resumed, priced((100_000, 0, 0, 0), WETH=80), NOW))


def test_drawdown__before_the_first_look__is_none() -> None:
    assert not list(drawdown(POLICY, NO_HISTORY, PORTFOLIO, NOW))


# ---------------------------------------------------------------- a trade more


def test_with_trade__adds_it_to_every_count() -> None:
    before = replace(NO_HISTORY, trades_of_day=2, turnover_of_day=usd(10), cost_of_month=usd(1), traded=usd(500))
    after = with_trade(before, costing(1_000, shortfall=-3, gas=5), PORTFOLIO)
    assert (after.trades_of_day, after.turnover_of_day, after.cost_of_month) == (3, usd(1_010), usd(3))
    assert after.traded == usd(1_500)
    assert (after.turnover_share, after.cost_share) == (ONE // 100, ONE // 50_000)


AT_THE_LIMITS = replace(
    NO_HISTORY,
    trades_of_day=11,
    turnover_of_day=usd(149_000),
    cost_of_month=usd(2_990),
    turnover_share=Weight(149 * ONE // 100),
    cost_share=Weight(299 * ONE // 10_000),
)


def test_guard_trade__up_to_every_limit__lets_it_through() -> None:
    assert guard_trade(POLICY, AT_THE_LIMITS, PORTFOLIO, costing(1_000, shortfall=7, gas=3), NOW) == ()


@pytest.mark.parametrize(
    ("history", "cost", "rule", "observed", "allowed"),
    [
        (replace(NO_HISTORY, trades_of_day=12), costing(1), "trades_per_day", "13 rebalances in 24 h", "12"),
        (
            AT_THE_LIMITS,
            costing(1_001),
            "turnover_per_day",
            "150.01 % of the portfolio traded in 24 h, 150,001.00 USD",
            "150 %",
        ),
        (
            AT_THE_LIMITS,
            costing(1_000, shortfall=8, gas=3),
            "cost_per_month",
            "3.01 % of the portfolio paid in 30 d, 3,001.00 USD",
            "3 %",
        ),
    ],
)
def test_guard_trade__one_beyond_a_limit__names_it_with_both_figures(
    history: History, cost: object, rule: str, observed: str, allowed: str
) -> None:
    assert guard_trade(POLICY, history, PORTFOLIO, cost, NOW) == (Breach(rule, observed, allowed),)  # type: ignore[arg-type]


def test_guard_spent__of_what_has_settled__counts_it_once() -> None:
    full = with_trade(AT_THE_LIMITS, costing(1_000, shortfall=7, gas=3), PORTFOLIO)
    assert guard_spent(POLICY, full) == ()
    over = with_trade(full, costing(1, gas=1), PORTFOLIO)
    assert rules(guard_spent(POLICY, over)) == ["trades_per_day", "turnover_per_day", "cost_per_month"]


def test_guard_trade__after_nearly_all_was_withdrawn__is_of_what_was_held_then() -> None:
    busy = with_trade(NO_HISTORY, costing(75_000, shortfall=700), PORTFOLIO)
    left = holding(6_000, 8_000, 4_000, 2_000)
    assert guard_trade(POLICY, busy, left, costing(1_000, shortfall=2, gas=1), NOW) == ()


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


# ---------------------------------------------------------------- gas


def using(gas: int, began: int) -> History:
    return replace(NO_HISTORY, gas_of_month=Wei(gas), began=began)


def test_gas_days_left__of_what_is_above_the_least__at_the_use_of_a_month() -> None:
    least = LIMITS.min_operator_balance
    month = using(30 * COIN // 100, NOW - 300 * DAY)
    assert gas_days_left(POLICY, month, Wei(least + 10 * COIN // 100), NOW) == 10
    assert gas_days_left(POLICY, month, Wei(least + 10 * COIN // 100 - 1), NOW) == 9
    assert gas_days_left(POLICY, month, least, NOW) == 0
    assert gas_days_left(POLICY, month, Wei(0), NOW) == 0


def test_gas_days_left__of_a_younger_keeper__counts_its_own_days_and_a_week_at_least() -> None:
    balance = Wei(LIMITS.min_operator_balance + COIN // 10)
    assert gas_days_left(POLICY, using(COIN // 10, NOW - 10 * DAY), balance, NOW) == 10
    assert gas_days_left(POLICY, using(COIN // 10, NOW - 60), balance, NOW) == 7


def test_gas_days_left__nothing_used__is_not_known() -> None:
    assert gas_days_left(POLICY, NO_HISTORY, Wei(COIN), NOW) is None
    assert gas_words(POLICY, NO_HISTORY, Wei(0), NOW) is None


def test_gas_words__when_it_runs_out__say_when_and_what_to_send() -> None:
    month = using(30 * COIN // 100, NOW - MONTH)
    balance = Wei(LIMITS.min_operator_balance + 6 * COIN // 100)
    assert gas_words(POLICY, month, balance, NOW) == (
        "the operator's 0.11 ETH last for 6 d at the usual use, down to min_operator_balance of 0.05 ETH: send it "
        "0.24 ETH, and they last for 30 d"
    )
    assert gas_words(POLICY, month, Wei(balance + COIN // 100), NOW) is None


def test_gas_words__told_long_before__ask_for_as_long() -> None:
    early = replace(POLICY, over_time=replace(OVER_TIME, refill_days=60))
    balance = Wei(LIMITS.min_operator_balance + 45 * COIN // 100)
    assert gas_words(early, using(30 * COIN // 100, NOW - MONTH), balance, NOW) == (
        "the operator's 0.5 ETH last for 45 d at the usual use, down to min_operator_balance of 0.05 ETH: send it "
        "0.15 ETH, and they last for 60 d"
    )


# ---------------------------------------------------------------- words


def test_why_stop__of_nothing__is_nothing() -> None:
    assert why_stop(()) is None


def test_why_stop__of_several_limits__names_each_with_its_next_step() -> None:
    over = with_trade(replace(NO_HISTORY, trades_of_day=12), costing(200_000, gas=4_000), PORTFOLIO)
    said = why_stop((*failures(POLICY, past_with(3)), *guard_spent(POLICY, over)))
    assert said is not None and said.startswith(
        "failures: the last 3 batches failed, allowed is fewer than 3 in a row; trades_per_day: 13 rebalances in 24 h, "
    )
    assert said.count("says what called for each") == 1 and said.endswith("; then resume")


@pytest.mark.parametrize(
    "breaches",
    [
        tuple(failures(POLICY, past_with(3))),
        tuple(drawdown(POLICY, replace(looked(*HELD, index=1), peak=INDEX), PORTFOLIO, NOW)),
        guard_trade(RAMPED, AT_THE_LIMITS, PORTFOLIO, costing(200_000, gas=4_000), NOW),
        guard_spent(POLICY, with_trade(replace(NO_HISTORY, trades_of_day=12), costing(1), PORTFOLIO)),
    ],
)
def test_why_stop__of_every_rule__knows_what_to_look_at(breaches: tuple[Breach, ...]) -> None:
    assert breaches
    said = why_stop(breaches)
    assert said is not None and all(breach.rule in said for breach in breaches)
    assert "until a person has looked: " in said


def test_limits__of_an_empty_wallet__let_nothing_be_traded() -> None:
    empty = holding(0, 0, 0, 0)
    assert rules(guard_trade(POLICY, NO_HISTORY, empty, costing(1, gas=1), NOW)) == [
        "turnover_per_day",
        "cost_per_month",
    ]
