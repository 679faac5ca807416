"""Limits over days: what stops the keeper, what one trade more adds, and how long the gas lasts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import AT_THE_LIMITS, HELD, PORTFOLIO, RAMPED, costing, holding, looked, priced, rules
from small_market import LIMITS, NOW, OVER_TIME, POLICY, usd

from rebalancer.core.model import INDEX, NO_HISTORY, Breach, History, Horizon, Past
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
    why_stop,
    with_trade,
)
from rebalancer.units import ONE, Wei

COIN = ONE


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
        "failures: 3 batches failed since the last rebalance, allowed is fewer than 3; trades_per_day: 13 rebalances "
        "in 24 h, "
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
