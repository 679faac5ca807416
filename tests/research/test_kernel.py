"""The kernel against what comes out by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from given_grids import HOLD, drawn, every, share, threshold
from given_studies import DAY, START, bands, study_of, walk

from rebalancer.config.schedule_text import schedule
from rebalancer.core.model import LAST, Back, Schedule, Window
from rebalancer.research.kernel import compiled
from rebalancer.research.kernel.lanes import study_of as asked
from rebalancer.research.kernel.outcomes import FEE, FINAL, GAS, IMPACT, SOLD, TRADES, outcomes, paths
from rebalancer.research.model import Configuration, Study
from rebalancer.units import Ppm

KINDS = (threshold(0.02), threshold(0.03, Back.HALF), threshold(0.01, Back.EDGE), every(7))


def whole(study: Study) -> tuple[int, int]:
    return 0, len(study.prices.times) - 1


def dates(study: Study, one: Configuration) -> list[int]:
    _, units = paths(study, [one], whole(study))
    return [time for time in range(1, len(units)) if (units[time] != units[time - 1]).any()]


def test_rebalance__two_assets_one_of_them_the_hub__is_what_comes_out_by_hand() -> None:
    # Half and half of 100,000; one doubles: 100,000 and 50,000. K/2 = 50,000 + (100,000 - K/2) 0.997.
    study = study_of([[100, 1], [200, 1]], ("A", "USD"), fee=3_000)
    total = 2 * (50_000 + 100_000 * 0.997) / 1.997
    values, units = paths(study, [threshold(0.05)], (0, 1))
    assert values[1, 0] == pytest.approx(total, rel=1e-14)
    assert units[1, 0] == pytest.approx([total / 2 / 200, total / 2], rel=1e-14)
    table = outcomes(study, [threshold(0.05)], (0, 1))[:, 0]
    sold = 100_000 - total / 2
    assert table[SOLD] == pytest.approx(sold / 150_000, rel=1e-12)
    assert table[FEE] == pytest.approx(0.003 * sold, rel=1e-12)
    assert table[IMPACT] == pytest.approx(0, abs=1e-9)


def test_rebalance__with_a_depth__every_pool_is_a_constant_product() -> None:
    study = study_of(
        [[100, 100, 1], [190, 80, 1]], ("A", "B", "USD"), fee=3_000, depth=1_000_000, weights=[0.4, 0.4, 0.2]
    )
    values, units = paths(study, [threshold(0.05)], (0, 1))
    held, after = np.array([76_000, 32_000, 20_000]), units[1, 0] * [190, 80, 1]
    assert after / values[1, 0] == pytest.approx([0.4, 0.4, 0.2], rel=1e-12)
    sold, bought = (held[0] - after[0]) * 0.997, after[1] - held[1]
    brought, paid = sold / (1 + sold / 1e6), bought / (1 - bought / 1e6) / 0.997
    assert held[2] + brought - paid == pytest.approx(after[2], rel=1e-12)


def test_rebalance__back_to_half_the_band__the_furthest_take_what_does_not_even_out() -> None:
    # 40, 40, 20 %: weights go to 50, 33.33, 16.67 %. A goes to 42.5, B would stay at 37.5 and USD at 17.5 at most; 2.5
    # points are over, and the first of the two that stand as far off takes them.
    study = study_of([[1, 1, 1], [1.5, 1, 1]], ("A", "B", "USD"), fee=0, weights=[0.4, 0.4, 0.2])
    _, units = paths(study, [threshold(0.05, Back.HALF)], (0, 1))
    after = units[1, 0] * [1.5, 1, 1]
    assert after / after.sum() == pytest.approx([0.425, 0.4, 0.175], rel=1e-12)


def test_rebalance__inside_the_band__nothing_is_traded() -> None:
    study = study_of([[1, 1], [1.2, 1], [1.05, 1]], ("A", "USD"))
    assert dates(study, threshold(0.05)) == []
    assert dates(study, threshold(0.045)) == [1]


def test_threshold__relative_and_absolute__the_nearer_edge_counts() -> None:
    # The weight of A goes from 20 % to 23.08 %.
    study = study_of([[1, 1], [1.2, 1]], ("A", "USD"), weights=[0.2, 0.8])
    found = [dates(study, replace(threshold(0.05), relative=share(wide))) for wide in (0.10, 0.20)]
    assert found == [[1], []]


def test_calendar__every_so_many_days__trades_each_of_them() -> None:
    study = study_of(walk(1, 40, 3))
    # The first is due where anything is off at all.
    assert dates(study, every(1)) == list(range(1, 40))
    assert dates(study, every(7)) == [1, 8, 15, 22, 29, 36]
    assert dates(study, HOLD) == []


def test_calendar__by_a_schedule__waits_for_its_first_moment() -> None:
    firsts = Schedule(
        frozenset({0}), frozenset({0}), frozenset({1}), frozenset(range(1, 13)), ANY_WEEKDAY, True, "monthly"
    )
    study = study_of(walk(1, 100, 3))
    found = [int(study.prices.times[at]) for at in dates(study, replace(HOLD, every=firsts))]
    assert [np.datetime64(at, "s").astype(str)[:10] for at in found] == ["2020-10-01", "2020-11-01", "2020-12-01"]


def test_hybrid__by_a_schedule_whose_moment_was_calm__does_not_look_again_before_the_next() -> None:
    # On target on the first of October, far off from the fourth on; that is November's to mend.
    usd = np.ones((100, 2))
    usd[21:, 0] = 2.0
    study = study_of(usd, ("A", "USD"))
    found = [int(study.prices.times[at]) for at in dates(study, replace(threshold(0.05), every=schedule("monthly")))]
    assert [np.datetime64(at, "s").astype(str)[:10] for at in found] == ["2020-11-01"]


ANY_WEEKDAY = frozenset((day, which) for day in range(7) for which in (LAST, 1, 2, 3, 4, 5))


def test_policy__with_a_window_and_a_time_apart__trades_when_both_let_it() -> None:
    study = study_of(walk(1, 60, 3, 0.06))
    free = dates(study, threshold(0.005))
    closed = replace(study, policy=replace(study.policy, window=Window(frozenset({0}), 0, 86_400)))
    apart = replace(study, policy=replace(study.policy, apart=5 * DAY))
    mondays = dates(closed, threshold(0.005))
    assert mondays and all((int(study.prices.times[at]) // DAY + 3) % 7 == 0 for at in mondays)
    assert len(free) > len(spaced := dates(apart, threshold(0.005))) > 1
    assert min(np.diff(spaced)) == 5


def test_outcomes__one_rebalance__what_is_missing_is_fee_and_impact() -> None:
    study = study_of([[1, 1, 1], [2, 0.7, 1]], ("A", "B", "USD"), depth=2_000_000, gas=20 * 10**9)
    table = outcomes(study, [threshold(0.05), HOLD], (0, 1))
    assert table[FINAL, 0] + table[FEE, 0] + table[IMPACT, 0] == pytest.approx(table[FINAL, 1], rel=1e-12)
    assert table[TRADES].tolist() == [1, 0]
    # A is sold for B and for dollars: two swaps, through three pools.
    assert table[GAS, 0] == pytest.approx((100_000 + 2 * 40_000 + 3 * 80_000) * 20e-9 * 2_000)


def test_column__among_others_and_alone__is_the_same_bytes() -> None:
    study = study_of(walk(5, 200, 4), ("A", "B", "C", "USD"), depth=50_000_000)
    grid = [threshold(0.005 + 0.001 * at, back, 500 * at) for at in range(1, 20) for back in Back] + [every(7), HOLD]
    together = outcomes(study, grid, whole(study))
    for place in (0, 7, 33, len(grid) - 2):
        assert outcomes(study, [grid[place]], whole(study))[:, 0].tobytes() == together[:, place].tobytes()
    turned = outcomes(study, grid[::-1], whole(study))[:, ::-1]
    assert turned.tobytes() == together.tobytes()


@pytest.mark.parametrize("one", KINDS)
def test_values__with_another_future__have_the_same_past(one: Configuration) -> None:
    study = study_of(walk(7, 90, 3, 0.05), depth=40_000_000)
    shuffled = study.prices.usd.copy()
    np.random.default_rng(1).shuffle(shuffled[60:])
    other = replace(study, prices=replace(study.prices, usd=shuffled))
    (values, units), (values_too, units_too) = (paths(each, [one], whole(each)) for each in (study, other))
    assert dates(study, one)
    assert values[:60].tobytes() == values_too[:60].tobytes()
    assert units[:60].tobytes() == units_too[:60].tobytes()
    assert (values[60:] != values_too[60:]).any()


def test_configuration__with_costs_of_its_own__is_a_study_with_these() -> None:
    study, _ = drawn(3)
    found = asked(study, replace(threshold(0.05), fee=Ppm(123)))
    assert set(found.frictions.fee) == {123} and found.frictions.depth == study.frictions.depth
    assert found.policy.trigger == bands(study.policy.assets)
    assert START % DAY == 0


def test_compiled__every_file_with_machine_code__is_part_of_the_state_that_is_kept() -> None:
    folder = Path(compiled.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "kernel.compiled import" in path.read_text()}
    assert files | {"compiled", "tables"} == set(compiled.FILES)
