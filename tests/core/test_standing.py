"""Where the limits over time stand, in words."""

from __future__ import annotations

from dataclasses import replace

from small_market import NOW, POLICY, portfolio_in, snapshot_with, usd

from rebalancer.core.model import INDEX, NO_HISTORY, History, Past, Policy, Valued
from rebalancer.core.over_time import holdings_of
from rebalancer.core.standing import limit_rows, lost_bps
from rebalancer.units import ONE, Bps, Usd, Wei, Weight

PORTFOLIO = portfolio_in(snapshot_with(30_000, 40_000, 20_000, 10_000))


def past(history: History = NO_HISTORY, failures: int = 0) -> Past:
    return Past(None, None, None, 0, failures, history=history)


def rows(known: Past, policy: Policy = POLICY) -> dict[str, tuple[str, str]]:
    return {name: (now, allowed) for name, now, allowed in limit_rows(policy, known, PORTFOLIO, Wei(ONE), NOW)}


def test_limit_rows__of_a_new_keeper__says_what_is_allowed() -> None:
    found = rows(past())
    assert found["failures in a row"] == ("0", "fewer than 3")
    assert found["drawdown"] == ("0 %", "15 % in 1 d")
    assert found["rebalances in 24 h"] == ("0", "12")
    assert found["turnover in 24 h"] == ("0.00 USD, 0 % of the portfolio", "150 %")
    assert found["cost in 30 d"] == ("0.00 USD, 0 % of the portfolio", "3 %")
    assert found["ramp"] == ("0.00 USD traded in all", "no ramp, or it is over")
    assert found["operator's coin"] == ("1 ETH", "at least 0.05 ETH")


def test_limit_rows__of_a_keeper_that_has_traded__says_what_is_used() -> None:
    history = replace(
        NO_HISTORY,
        trades_of_day=2,
        turnover_of_day=usd(30_000),
        cost_of_month=usd(45),
        turnover_share=Weight(30 * ONE // 100),
        cost_share=Weight(45 * ONE // 100_000),
        gas_of_month=Wei(ONE // 10),
        traded=usd(4_000),
        good_since=NOW - 3_600,
        began=NOW - 8 * 86_400,
    )
    over_time = replace(POLICY.over_time, ramp=Bps(500), ramp_days=3)
    found = rows(past(history, failures=1), replace(POLICY, over_time=over_time))
    assert found["failures in a row"][0] == "1" and found["rebalances in 24 h"][0] == "2"
    assert found["turnover in 24 h"][0] == "30,000.00 USD, 30 % of the portfolio"
    assert found["cost in 30 d"][0] == "45.00 USD, 0.05 % of the portfolio"
    assert found["ramp"][0] == "4,000.00 USD traded in all" and "room for 1,000.00 USD" in found["ramp"][1]
    assert "lasts 76 d at the usual use" in found["operator's coin"][1]


def test_lost_bps__below_the_best_of_the_window__is_rounded_up() -> None:
    seen = Valued(NOW - 60, Usd(PORTFOLIO.value * 2), INDEX, holdings_of(PORTFOLIO))
    history = replace(NO_HISTORY, valued=seen, peak=INDEX)
    assert lost_bps(past(history), PORTFOLIO) == 5_000
    assert rows(past(history))["drawdown"][0] == "50 % since its best"
    assert lost_bps(past(replace(history, peak=INDEX // 3)), PORTFOLIO) == 0


def test_lost_bps__no_look_within_the_window__is_since_the_last_one_as_the_rule_counts_it() -> None:
    seen = Valued(NOW - 7 * 86_400, Usd(PORTFOLIO.value * 2), INDEX, holdings_of(PORTFOLIO))
    history = replace(NO_HISTORY, valued=seen)
    assert lost_bps(past(history), PORTFOLIO) == 5_000
    assert rows(past(history))["drawdown"][0] == "50 % since the last look, 7 d ago"
