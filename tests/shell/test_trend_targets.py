"""The port `Targets` where trades wait for a trend: what is asked when, what counts, what is remembered."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from given_measuring import FEED_A, FEED_B, FEED_C, RULES, TARGETS, A, B, a_day_later, daily, rounds_with
from given_rounds import DAY, MIDNIGHT, NOW, KnownRounds, block_at, rule_of

from rebalancer.adapters.targets.daily import AGAIN, BELIEVED, Failed, Kept
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.targets.measured import MeasuredTargets
from rebalancer.adapters.targets.remembered import MeasuredFile, TrendFile
from rebalancer.adapters.targets.trending import TrendTargets
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NO_TRENDS, NOTHING_MEASURED, Delay, Patience, RiskBudget, Trend, Trends
from rebalancer.core.price import FeedAnswer, FeedPrice, PoolKey, PriceRule, TwapPrice, feed_price
from rebalancer.ports import Targets
from rebalancer.units import Bps, Usd

BOTH = Patience(Delay(10, DAY), RiskBudget(Bps(3_000), 4))
UP = [100_000_000 * day for day in range(1, 13)]
"""A dollar more each day, twelve days."""
DOWN = UP[::-1]
DOLLAR = 10**18


def trending(folder: Path, rounds: KnownRounds, rules: tuple[PriceRule, ...] = RULES) -> TrendTargets:
    return TrendTargets(FixedTargets(TARGETS), rules, rounds, TrendFile(folder / "wallet.trends"))


def dollars(trends: Trends) -> list[tuple[float | None, float | None]]:
    def shown(usd: Usd | None) -> float | None:
        return None if usd is None else usd / DOLLAR

    return [(shown(one.average), shown(one.highest)) for one in trends.trends]


def test_trends__of_daily_prices__are_their_mean_and_their_highest(tmp_path: Path) -> None:
    port: Targets = trending(tmp_path, rounds_with(daily(UP), daily(DOWN)))
    found = port.trends(BOTH, (A, B), block_at(NOW))
    assert [trend.token for trend in found.trends] == [A, B]
    assert dollars(found) == [(7.5, 12), (5.5, 4)]
    assert (found.since, found.until) == (MIDNIGHT - 9 * DAY, MIDNIGHT)
    assert port.read(block_at(NOW)) == TARGETS and port.measured((A,), TARGETS, block_at(NOW)) == NOTHING_MEASURED


@pytest.mark.parametrize(
    ("patience", "expected", "since"),
    [
        (replace(BOTH, budget=None), [(7.5, None), (5.5, None)], 9),
        (replace(BOTH, delay=None), [(None, 12), (None, 4)], 3),
    ],
)
def test_trends__of_one_rule_alone__say_nothing_of_the_other(
    tmp_path: Path, patience: Patience, expected: list[object], since: int
) -> None:
    found = trending(tmp_path, rounds_with(daily(UP), daily(DOWN))).trends(patience, (A, B), block_at(NOW))
    assert dollars(found) == expected and found.since == MIDNIGHT - since * DAY


def test_trends__of_a_product_of_two_feeds__are_prices_as_a_tick_reads_them(tmp_path: Path) -> None:
    rounds = KnownRounds(
        {FEED_A.address: daily(UP), FEED_B.address: daily(DOWN), FEED_C.address: daily([99_990_000] * 12)}
    )
    rule = FeedPrice(A, (FEED_A, FEED_C))
    found = trending(tmp_path, rounds, (rule, rule_of(B, FEED_B))).trends(BOTH, (A,), block_at(NOW))
    answers = (FeedAnswer(FEED_A, UP[-1], MIDNIGHT - 60, 1), FeedAnswer(FEED_C, 99_990_000, MIDNIGHT - 60, 1))
    assert found.trends[0].highest == feed_price(rule, answers, MIDNIGHT).usd


def test_trends__at_any_block_of_a_day__are_of_nothing_after_its_midnight(tmp_path: Path) -> None:
    rounds = rounds_with([*daily(UP), (MIDNIGHT + 1, 10**12)], daily(DOWN))
    assert dollars(trending(tmp_path, rounds).trends(BOTH, (A,), block_at(NOW))) == [(7.5, 12)]


def test_trends__again_on_the_same_day__are_remembered_and_on_the_next_are_not(tmp_path: Path) -> None:
    rounds = rounds_with(daily(UP), daily(DOWN))
    first = trending(tmp_path, rounds).trends(BOTH, (A, B), block_at(MIDNIGHT))
    assert trending(tmp_path, rounds).trends(BOTH, (A, B), block_at(MIDNIGHT + DAY - 1)) == first
    assert rounds.asked == 1 and [path.name for path in tmp_path.iterdir()] == ["wallet.trends"]
    rounds.rounds[FEED_A.address], rounds.rounds[FEED_B.address] = a_day_later(UP), a_day_later(DOWN)
    later = trending(tmp_path, rounds).trends(BOTH, (A, B), block_at(NOW + DAY))
    assert later.until == MIDNIGHT + DAY and dollars(later) == dollars(first) and rounds.asked == 2


def test_trends__of_other_days_or_tokens__are_found_anew(tmp_path: Path) -> None:
    rounds = rounds_with(daily(UP), daily(DOWN))
    port = trending(tmp_path, rounds)
    for patience, tokens in ((BOTH, (A, B)), (replace(BOTH, budget=None), (A, B)), (BOTH, (A,))):
        port.trends(patience, tokens, block_at(NOW))
    assert rounds.asked == 3
    # How long it waits, and for which fall, is no part of the figures.
    port.trends(Patience(Delay(10, 5 * DAY), RiskBudget(Bps(1), 4)), (A,), block_at(NOW))
    assert rounds.asked == 3


def test_trends__where_the_rounds_cannot_be_had__are_the_former_for_a_week_and_asked_again_after_an_hour(
    tmp_path: Path,
) -> None:
    rounds = rounds_with(daily(UP), daily(DOWN))
    port = trending(tmp_path, rounds)
    first = port.trends(BOTH, (A,), block_at(NOW))
    rounds.refusal = Unavailable("node: too many reads")
    for seconds in (DAY, DAY + AGAIN - 1, BELIEVED * DAY):
        assert port.trends(BOTH, (A,), block_at(NOW + seconds)) == first
    assert rounds.asked == 3
    with pytest.raises(Unavailable, match="too many reads"):
        port.trends(BOTH, (A,), block_at(NOW + (BELIEVED + 1) * DAY))


@pytest.mark.parametrize(("days", "enough"), [(5, True), (4, False), (0, False)])
def test_trends__of_a_short_history__are_unavailable_below_half_of_its_days(
    tmp_path: Path, days: int, enough: bool
) -> None:
    port = trending(tmp_path, rounds_with(daily(UP[:days]), daily(DOWN)))
    if enough:
        assert dollars(port.trends(BOTH, (A,), block_at(NOW))) == [(3, 5)]
        return
    with pytest.raises(Unavailable, match=rf"patience: .* on {days} of the last 10 midnights, expected one in 2 at"):
        port.trends(BOTH, (A,), block_at(NOW))
    assert "trends" not in json.loads((tmp_path / "wallet.trends").read_text())


def test_trends__whose_newest_price_is_older_than_a_week__are_unavailable(tmp_path: Path) -> None:
    long = Patience(Delay(20, DAY), None)
    stale = [(at - 20_000 if at > MIDNIGHT - 8 * DAY else at, price) for at, price in daily([10**8] * 20)]
    with pytest.raises(Unavailable, match="the newest midnight on which .* is 8 d ago, expected at most 7 d"):
        trending(tmp_path, rounds_with(stale, daily(DOWN))).trends(long, (A,), block_at(NOW))


def test_trends__of_a_token_without_feed__are_unavailable_and_say_so(tmp_path: Path) -> None:
    twap = TwapPrice(B, PoolKey("v3", B, A, 3_000), A, 1_800, Usd(1))
    port = trending(tmp_path, rounds_with(daily(UP), ()), (RULES[0], twap))
    with pytest.raises(Unavailable, match="T2 has no feed whose rounds could be read; leave out `patience`"):
        port.trends(BOTH, (A, B), block_at(NOW))


def test_trends__of_measured_and_fixed_targets__are_those_of_whom_they_stand_on(tmp_path: Path) -> None:
    rounds = rounds_with(daily(UP), daily(DOWN))
    assert FixedTargets(TARGETS).trends(BOTH, (A,), block_at(NOW)) == NO_TRENDS
    below = trending(tmp_path, rounds)
    above = MeasuredTargets(below, RULES, rounds, MeasuredFile(tmp_path / "f"))
    assert above.trends(BOTH, (A,), block_at(NOW)) == below.trends(BOTH, (A,), block_at(NOW))


KEPT = Kept(Trends((Trend(A, Usd(5), None), Trend(B, Usd(6), Usd(7))), 1, 2), MIDNIGHT, Failed(5, "why"))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("since", "1"),
        ("until", -1),
        ("usd_e18", []),
        ("usd_e18", {A.address: ["5", None]}),
        ("usd_e18", {A.address: ["5"], B.address: ["6", "7"]}),
        ("usd_e18", {A.address: "5", B.address: ["6", "7"]}),
        ("usd_e18", {A.address: [5, None], B.address: ["6", "7"]}),
        ("usd_e18", {A.address: ["-5", None], B.address: ["6", "7"]}),
        ("usd_e18", {A.address: ["9" * 5_000, None], B.address: ["6", "7"]}),
    ],
)
def test_file__with_a_figure_that_is_none__remembers_no_trends(tmp_path: Path, key: str, value: object) -> None:
    file = TrendFile(tmp_path / "f")
    file.write("basis", KEPT)
    assert file.read("basis", (A, B)) == KEPT and file.read("another", (A, B)) is None
    found = json.loads((tmp_path / "f").read_text())
    found["trends"][key] = value
    (tmp_path / "f").write_text(json.dumps(found))
    assert file.read("basis", (A, B)) == Kept(None, MIDNIGHT, Failed(5, "why"))
