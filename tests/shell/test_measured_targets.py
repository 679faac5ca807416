"""The port `Targets` where volatilities are measured: what is asked when, what counts, what is remembered."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from given_measuring import (
    FEED_A,
    FEED_B,
    FEED_C,
    RULES,
    STEP,
    TARGETS,
    WILD,
    A,
    B,
    daily,
    figures,
    measuring,
    rounds_with,
    still,
    zigzag,
)
from given_retargeting import NoTargets
from given_rounds import (
    DAY,
    MIDNIGHT,
    NOW,
    KnownRounds,
    against_rest,
    block_at,
    rounds_of,
    rule_of,
    walks,
)

from rebalancer.adapters.targets.daily import BELIEVED
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.targets.measured import DAYS, LEAST_DAYS, MeasuredTargets
from rebalancer.adapters.targets.remembered import MeasuredFile
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NOTHING_MEASURED, Target
from rebalancer.core.price import PoolKey, TwapPrice
from rebalancer.ports import Targets
from rebalancer.units import ONE, Usd, Weight

# ---------------------------------------------------------------- what is measured


def test_measured__of_a_price_that_steps_by_three_percent_a_day__is_that_for_both(tmp_path: Path) -> None:
    port: Targets = measuring(tmp_path, rounds_with(daily(zigzag()), daily(still())))
    found = port.measured((A, B), TARGETS, block_at(NOW))
    # ln 1.03 a day, 365 days: 56.5 %, whichever of the two is looked at.
    assert figures(found) == pytest.approx([0.564727 * ONE] * 2, abs=10**13)
    assert (found.samples, found.since, found.until) == (DAYS, MIDNIGHT - DAYS * DAY, MIDNIGHT)
    assert port.read(block_at(NOW)) == TARGETS


def test_measured__of_feeds_with_threshold_and_heartbeat__is_the_walks_own(tmp_path: Path) -> None:
    volatilities, count, tries = (0.8, 0.5), (DAYS + 2) * DAY // STEP, 12
    true, found = against_rest(volatilities, (0.6, 0.4), 0.7, 0), []
    for seed in range(tries):
        a, b = walks(random.Random(seed), volatilities, 0.7, STEP, count)
        start = MIDNIGHT - (DAYS + 1) * DAY
        rounds = rounds_with(rounds_of(a, start, STEP), rounds_of(b, start + 77, STEP))
        (tmp_path / str(seed)).mkdir()
        found.append(
            measuring(tmp_path / str(seed), rounds).measured((A,), TARGETS, block_at(NOW)).volatilities[0].per_year
        )
    # Twelve quarters of a year together: known to 2.2 %.
    squares = sum((one / ONE) ** 2 for one in found) / tries
    assert abs(squares**0.5 / true - 1) < 3 * 0.022


def test_measured__of_a_product_of_two_feeds__is_the_products(tmp_path: Path) -> None:
    rounds = KnownRounds(
        {
            FEED_A.address: daily(zigzag()),
            FEED_B.address: daily(still()),
            # Down when the other is up: their product stands still. Heard of once a day only, and hours before.
            FEED_C.address: [(at - 20_000, 103 if price == 100 else 100) for at, price in daily(zigzag())],
        }
    )
    rules = (rule_of(A, FEED_A, FEED_C), rule_of(B, FEED_B))
    port = MeasuredTargets(FixedTargets(TARGETS), rules, rounds, MeasuredFile(tmp_path / "f"))
    assert figures(port.measured((A, B), TARGETS, block_at(NOW))) == [0, 0]


def test_measured__of_other_tokens_than_all__are_those_that_were_asked_for(tmp_path: Path) -> None:
    port = measuring(tmp_path, rounds_with(daily(zigzag()), daily(still())))
    assert [v.token for v in port.measured((B,), TARGETS, block_at(NOW)).volatilities] == [B]


def test_measured__where_no_weights_can_be_had__is_against_those_that_the_wallet_is_held_to(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    port = MeasuredTargets(NoTargets(), RULES, rounds, MeasuredFile(tmp_path / "f"))
    assert port.measured((A, B), TARGETS, block_at(NOW)) == measuring(tmp_path, rounds).measured(
        (A, B), TARGETS, block_at(NOW)
    )
    with pytest.raises(Unavailable, match="3 days of prices are missing"):
        port.read(block_at(NOW))


def test_measured__of_no_token__asks_nobody(tmp_path: Path) -> None:
    rounds = rounds_with((), ())
    assert measuring(tmp_path, rounds).measured((), TARGETS, block_at(NOW)) == NOTHING_MEASURED
    assert rounds.asked == 0
    assert FixedTargets(TARGETS).measured((A, B), TARGETS, block_at(NOW)) == NOTHING_MEASURED


# ---------------------------------------------------------------- what is no sample


@pytest.mark.parametrize("answer", [0, -5])
def test_measured__of_answers_that_are_no_price__leaves_their_days_out(tmp_path: Path, answer: int) -> None:
    a = list(daily(zigzag()))
    for day in (3, 4, 50):
        a[day] = (a[day][0], answer)
    found = measuring(tmp_path, rounds_with(a, daily(still()))).measured((A,), TARGETS, block_at(NOW))
    assert found.samples == DAYS - 3
    # Two gaps: of two days with a step in it, and of three days with one. None is lost but where it was undone.
    assert figures(found)[0] == pytest.approx(0.564727 * ONE, rel=0.03)


def test_measured__of_rounds_that_were_stale__leaves_their_days_out(tmp_path: Path) -> None:
    late = FEED_A.heartbeat + FEED_A.margin
    fresh = [*daily(zigzag(), late)]
    assert (
        measuring(tmp_path, rounds_with(fresh, daily(still()))).measured((A,), TARGETS, block_at(NOW)).samples == DAYS
    )
    stale = [(at - 1 if place in (7, 8) else at, price) for place, (at, price) in enumerate(fresh)]
    (tmp_path / "second").mkdir()
    found = measuring(tmp_path / "second", rounds_with(stale, daily(still()))).measured((A,), TARGETS, block_at(NOW))
    assert found.samples == DAYS - 2


@pytest.mark.parametrize(("days", "enough"), [(LEAST_DAYS + 1, True), (LEAST_DAYS, False), (0, False)])
def test_measured__of_a_short_history__is_unavailable_below_thirty_days(
    tmp_path: Path, days: int, enough: bool
) -> None:
    port = measuring(tmp_path, rounds_with(daily(zigzag(days)), daily(still())))
    if enough:
        assert port.measured((A,), TARGETS, block_at(NOW)).samples == LEAST_DAYS
        return
    with pytest.raises(Unavailable, match=rf"on {days} of the last 91 midnights, expected more than 30; wait until"):
        port.measured((A,), TARGETS, block_at(NOW))
    assert "measured" not in json.loads((tmp_path / "wallet.volatility").read_text())


@pytest.mark.parametrize("missing", [BELIEVED, BELIEVED + 1])
def test_measured__of_a_newest_price_that_is_old__is_its_age_and_unavailable_beyond_a_week(
    tmp_path: Path, missing: int
) -> None:
    a = list(daily(zigzag()))
    # The feed was late at the newest midnights: older than a tick would have believed.
    a = [(at - 20_000 if place > DAYS - missing else at, price) for place, (at, price) in enumerate(a)]
    port = measuring(tmp_path, rounds_with(a, daily(still())))
    if missing == BELIEVED:
        found = port.measured((A,), TARGETS, block_at(NOW))
        assert (found.until, found.samples) == (MIDNIGHT - BELIEVED * DAY, DAYS - BELIEVED)
        return
    with pytest.raises(Unavailable, match="the newest midnight on which .* is 8 d ago, expected at most 7 d; look at"):
        port.measured((A,), TARGETS, block_at(NOW))


def test_measured__beyond_what_markets_do__is_unavailable_for_who_asks_and_no_other(tmp_path: Path) -> None:
    port = measuring(tmp_path, rounds_with(daily(WILD), daily(still())))
    with pytest.raises(Unavailable, match=r"T1 moved by 426\.\d+ % a year against the rest, expected at most 300 %"):
        port.measured((A,), TARGETS, block_at(NOW))
    calm = (Target(A, Weight(0)), Target(B, Weight(ONE)))
    (tmp_path / "calm").mkdir()
    assert figures(
        measuring(tmp_path / "calm", rounds_with(daily(WILD), daily(still()))).measured((B,), calm, block_at(NOW))
    ) == [0]


def test_measured__against_an_asset_without_feed__says_so(tmp_path: Path) -> None:
    twap = TwapPrice(B, PoolKey("v3", B, A, 3_000), A, 1_800, Usd(1))
    rounds = rounds_with(daily(zigzag()), ())
    port = MeasuredTargets(FixedTargets(TARGETS), (RULES[0], twap), rounds, MeasuredFile(tmp_path / "f"))
    with pytest.raises(Unavailable, match="T2 has no feed whose rounds could be read"):
        port.measured((A,), TARGETS, block_at(NOW))
