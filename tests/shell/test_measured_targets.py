"""The port `Targets` where volatilities are measured: what is asked when, what counts, what is remembered."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from given_rounds import (
    DAY,
    MIDNIGHT,
    NOW,
    KnownRounds,
    Rounds,
    against_rest,
    block_at,
    feed_of,
    rounds_of,
    rule_of,
    token_of,
    walks,
)

from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.targets.measured import BELIEVED, DAYS, LEAST_DAYS, MeasuredTargets
from rebalancer.adapters.targets.remembered import MeasuredFile
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import NOTHING_MEASURED, Measured, Target, Volatility
from rebalancer.core.price import PoolKey, PriceRule, TwapPrice
from rebalancer.ports import Targets
from rebalancer.units import ONE, Usd, Weight

A, B = token_of(1), token_of(2)
FEED_A, FEED_B, FEED_C = feed_of(1), feed_of(2), feed_of(3, DAY)
TARGETS = (Target(A, Weight(6 * ONE // 10)), Target(B, Weight(4 * ONE // 10)))
RULES: tuple[PriceRule, ...] = (rule_of(A, FEED_A), rule_of(B, FEED_B))
STEP = 1_800


def daily(prices: list[int], late: int = 60) -> Rounds:
    """One round before each midnight up to the newest, `late` seconds old then."""
    first = MIDNIGHT - DAY * (len(prices) - 1)
    return [(first + DAY * place - late, price) for place, price in enumerate(prices)]


def zigzag(days: int = DAYS + 1, up: int = 103) -> list[int]:
    return [100 if day % 2 else up for day in range(days)]


def still(days: int = DAYS + 1) -> list[int]:
    return [1] * days


def rounds_with(a: Rounds, b: Rounds) -> KnownRounds:
    return KnownRounds({FEED_A.address: a, FEED_B.address: b})


def measuring(folder: Path, rounds: KnownRounds, targets: tuple[Target, ...] = TARGETS) -> MeasuredTargets:
    return MeasuredTargets(FixedTargets(targets), RULES, rounds, MeasuredFile(folder / "wallet.volatility"))


def figures(measured: Measured) -> list[Weight]:
    return [v.per_year for v in measured.volatilities]


# ---------------------------------------------------------------- what is measured


def test_measured__of_a_price_that_steps_by_three_percent_a_day__is_that_for_both(tmp_path: Path) -> None:
    port: Targets = measuring(tmp_path, rounds_with(daily(zigzag()), daily(still())))
    found = port.measured((A, B), block_at(NOW))
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
        found.append(measuring(tmp_path / str(seed), rounds).measured((A,), block_at(NOW)).volatilities[0].per_year)
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
    assert figures(port.measured((A, B), block_at(NOW))) == [0, 0]


def test_measured__of_other_tokens_than_all__are_those_that_were_asked_for(tmp_path: Path) -> None:
    port = measuring(tmp_path, rounds_with(daily(zigzag()), daily(still())))
    assert [v.token for v in port.measured((B,), block_at(NOW)).volatilities] == [B]


def test_measured__of_no_token__asks_nobody(tmp_path: Path) -> None:
    rounds = rounds_with((), ())
    assert measuring(tmp_path, rounds).measured((), block_at(NOW)) == NOTHING_MEASURED
    assert rounds.asked == 0
    assert FixedTargets(TARGETS).measured((A, B), block_at(NOW)) == NOTHING_MEASURED


# ---------------------------------------------------------------- what is no sample


@pytest.mark.parametrize("answer", [0, -5])
def test_measured__of_answers_that_are_no_price__leaves_their_days_out(tmp_path: Path, answer: int) -> None:
    a = list(daily(zigzag()))
    for day in (3, 4, 50):
        a[day] = (a[day][0], answer)
    found = measuring(tmp_path, rounds_with(a, daily(still()))).measured((A,), block_at(NOW))
    assert found.samples == DAYS - 3
    # Two gaps: of two days with a step in it, and of three days with one. None is lost but where it was undone.
    assert figures(found)[0] == pytest.approx(0.564727 * ONE, rel=0.03)


def test_measured__of_rounds_that_were_stale__leaves_their_days_out(tmp_path: Path) -> None:
    late = FEED_A.heartbeat + FEED_A.margin
    fresh = [*daily(zigzag(), late)]
    assert measuring(tmp_path, rounds_with(fresh, daily(still()))).measured((A,), block_at(NOW)).samples == DAYS
    stale = [(at - 1 if place in (7, 8) else at, price) for place, (at, price) in enumerate(fresh)]
    (tmp_path / "second").mkdir()
    found = measuring(tmp_path / "second", rounds_with(stale, daily(still()))).measured((A,), block_at(NOW))
    assert found.samples == DAYS - 2


@pytest.mark.parametrize(("days", "enough"), [(LEAST_DAYS + 1, True), (LEAST_DAYS, False), (0, False)])
def test_measured__of_a_short_history__is_unavailable_below_thirty_days(
    tmp_path: Path, days: int, enough: bool
) -> None:
    port = measuring(tmp_path, rounds_with(daily(zigzag(days)), daily(still())))
    if enough:
        assert port.measured((A,), block_at(NOW)).samples == LEAST_DAYS
        return
    with pytest.raises(Unavailable, match=rf"on {days} of the last 91 midnights, expected more than 30; wait until"):
        port.measured((A,), block_at(NOW))
    assert not list(tmp_path.iterdir()), "nothing is remembered of it"


def test_measured__beyond_what_markets_do__is_unavailable_for_who_asks_and_no_other(tmp_path: Path) -> None:
    wild = [100 if day % 2 else 125 for day in range(DAYS + 1)]
    port = measuring(tmp_path, rounds_with(daily(wild), daily(still())))
    with pytest.raises(Unavailable, match=r"T1 moved by 426\.\d+ % a year against the rest, expected at most 300 %"):
        port.measured((A,), block_at(NOW))
    calm = (Target(A, Weight(0)), Target(B, Weight(ONE)))
    (tmp_path / "calm").mkdir()
    assert figures(
        measuring(tmp_path / "calm", rounds_with(daily(wild), daily(still())), calm).measured((B,), block_at(NOW))
    ) == [0]


def test_measured__against_an_asset_without_feed__says_so(tmp_path: Path) -> None:
    twap = TwapPrice(B, PoolKey("v3", B, A, 3_000), A, 1_800, Usd(1))
    rounds = rounds_with(daily(zigzag()), ())
    port = MeasuredTargets(FixedTargets(TARGETS), (RULES[0], twap), rounds, MeasuredFile(tmp_path / "f"))
    with pytest.raises(Unavailable, match="T2 has no feed whose rounds could be read"):
        port.measured((A,), block_at(NOW))


# ---------------------------------------------------------------- when it is asked, and what is remembered


def test_measured__again_on_the_same_day__is_remembered_by_the_next_process(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A, B), block_at(MIDNIGHT))
    later = measuring(tmp_path, rounds).measured((A, B), block_at(MIDNIGHT + DAY - 1))
    assert first == later and rounds.asked == 1
    assert [path.name for path in tmp_path.iterdir()] == ["wallet.volatility"], "no draft is left"


def test_measured__on_the_next_day__is_measured_again(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    measuring(tmp_path, rounds).measured((A,), block_at(NOW))
    rounds.rounds[FEED_A.address] = [*daily(zigzag()), (MIDNIGHT + DAY - 9, 100)]
    rounds.rounds[FEED_B.address] = [*daily(still()), (MIDNIGHT + DAY - 9, 1)]
    found = measuring(tmp_path, rounds).measured((A,), block_at(NOW + DAY))
    assert rounds.asked == 2 and (found.until, found.samples) == (MIDNIGHT + DAY, DAYS)


def test_measured__after_the_memory_was_lost__is_the_same_number(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A, B), block_at(NOW))
    (tmp_path / "wallet.volatility").unlink()
    assert measuring(tmp_path, rounds).measured((A, B), block_at(NOW + 40_000)) == first and rounds.asked == 2


def test_measured__of_other_targets__is_measured_again(tmp_path: Path) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    measuring(tmp_path, rounds).measured((A,), block_at(NOW))
    other = (Target(A, Weight(ONE // 2)), Target(B, Weight(ONE // 2)))
    measuring(tmp_path, rounds, other).measured((A,), block_at(NOW))
    assert rounds.asked == 2


@pytest.mark.parametrize("gone", [1, BELIEVED])
def test_measured__while_the_rounds_cannot_be_had__is_the_former_for_a_week(tmp_path: Path, gone: int) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A,), block_at(NOW))
    rounds.refusal = Unavailable("node: too many reads")
    assert measuring(tmp_path, rounds).measured((A,), block_at(NOW + gone * DAY)) == first


@pytest.mark.parametrize("gone", [BELIEVED + 1, -1])
def test_measured__while_the_rounds_cannot_be_had_for_longer__is_unavailable(tmp_path: Path, gone: int) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    measuring(tmp_path, rounds).measured((A,), block_at(NOW))
    rounds.refusal = Unavailable("node: too many reads")
    with pytest.raises(Unavailable, match="too many reads"):
        measuring(tmp_path, rounds).measured((A,), block_at(NOW + gone * DAY))


SPOILT = {
    "empty": "",
    "no JSON": "{",
    "no mapping": "[1]",
    "deep": "[" * 100_000,
    "of another basis": json.dumps({"basis": "x"}),
}


@pytest.mark.parametrize("text", SPOILT.values(), ids=SPOILT.keys())
def test_measured__of_a_memory_that_cannot_be_read__is_measured_again(tmp_path: Path, text: str) -> None:
    rounds = rounds_with(daily(zigzag()), daily(still()))
    first = measuring(tmp_path, rounds).measured((A,), block_at(NOW))
    (tmp_path / "wallet.volatility").write_text(text)
    assert measuring(tmp_path, rounds).measured((A,), block_at(NOW)) == first and rounds.asked == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("until", "1"),
        ("until", True),
        ("since", -1),
        ("samples", None),
        ("samples", 1 << 70),
        ("per_year_e18", []),
        ("per_year_e18", {}),
        ("per_year_e18", {A.address: "5"}),
        ("per_year_e18", {A.address: "-5", B.address: "5"}),
        ("per_year_e18", {A.address: 5, B.address: "5"}),
        ("per_year_e18", {A.address: "9" * 5_000, B.address: "5"}),
    ],
)
def test_file__with_a_figure_that_is_none__remembers_nothing(tmp_path: Path, key: str, value: object) -> None:
    file = MeasuredFile(tmp_path / "f")
    file.write("basis", Measured((Volatility(A, Weight(5)), Volatility(B, Weight(6))), 1, 2, 3))
    assert file.read("basis", (A, B)) is not None
    found = json.loads((tmp_path / "f").read_text())
    (tmp_path / "f").write_text(json.dumps(found | {key: value}))
    assert file.read("basis", (A, B)) is None


def test_file__that_cannot_be_written__is_a_config_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    file = MeasuredFile(tmp_path / "taken" / "f")
    with pytest.raises(ConfigError, match="taken/f.*set XDG_STATE_HOME"):
        file.write("basis", NOTHING_MEASURED)
