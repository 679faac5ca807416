"""The live tick over history: what it trades, to the wei; what it costs; and that it never knows what comes later."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from given_studies import DAY, bands, study_of, walk

from rebalancer.config.schedule_text import schedule
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Back, Calendar, Delay, Drawn, Hybrid, Optimal, Patience, RiskBudget, Threshold, Width
from rebalancer.core.model.estimation import Bounds, Estimation, EveryDays, Method
from rebalancer.research.model import DOLLAR, Backtest, Floats, Study
from rebalancer.research.ports.scene import scene_of
from rebalancer.research.replay import Book, play, run_replay
from rebalancer.units import ONE, PPM, Bps, Ppm, Usd, Wei, Weight

DAYS = 70
CHANGED = 50
"""The first day that a changed future has."""


def worth(found: Backtest) -> Floats:
    return np.asarray((found.units * found.prices.usd).sum(axis=1))


def test_replay__prices_stand_still__nothing_is_traded_and_the_start_is_kept() -> None:
    found = run_replay(study_of([[100.0, 50.0, 1.0]] * 5))
    assert found.trades == () and found.held == ()
    assert worth(found) == pytest.approx([100_000] * 5, rel=1e-15)
    assert found.targets[0] == pytest.approx([0.3333, 0.3333, 0.3334])


def test_replay__one_price_doubles__sells_half_of_the_gain_to_the_wei() -> None:
    study = study_of([[100.0, 1.0], [200.0, 1.0]], ("BTC", DOLLAR), weights=(0.5, 0.5), depth=1_000_000)
    scene = scene_of(study)
    before, book = scene.chain.balances, Book(study)
    assert [amount.raw for amount in before] == [500 * ONE, 50_000 * ONE]
    play(study, scene, book, 0)
    scene.chain.turn(1)
    pool = scene.chain.read().pools[0]
    play(study, scene, book, 1)
    sold, bought = (after.raw - held.raw for after, held in zip(scene.chain.balances, before, strict=True))
    # x * y = k of 5,000 BTC and a million dollars, 0.3 % of what goes in kept: to the unit, both ways of the pool.
    net = -sold * (PPM - 3_000) // PPM
    if pool.token0.symbol == "BTC":
        root = -(-(pool.liquidity << 96) * pool.sqrt_price_x96 // ((pool.liquidity << 96) + net * pool.sqrt_price_x96))
        assert bought == pool.liquidity * (pool.sqrt_price_x96 - root) >> 96
    else:
        root = pool.sqrt_price_x96 + (net << 96) // pool.liquidity
        assert bought == (pool.liquidity << 96) * (root - pool.sqrt_price_x96) // root // pool.sqrt_price_x96
    # With n what goes in less the fee, (500 - n / 0.997) 200 = 50,000 + 1,000,000 n / (5,000 + n): by hand 122.8 n's.
    assert -sold / ONE == pytest.approx(sold_by_hand(), rel=1e-9)
    assert book.backtest().trades[0].changes == pytest.approx((sold / ONE, bought / ONE), rel=1e-15)


def sold_by_hand() -> float:
    """BTC: with n what goes in less the fee, (500 - n / 0.997) 200 = 50,000 + 1,000,000 n / (5,000 + n)."""
    a = 200 / 0.997
    b = 5_000 * a + 1_000_000 - 50_000
    c = -5_000 * 50_000
    return (-b + sqrt(b * b - 4 * a * c)) / (2 * a) / 0.997


def test_replay__costs_of_every_trade__are_what_is_missing_afterwards() -> None:
    study = study_of(walk(3, 150, 4), ("BTC", "ETH", "LINK", DOLLAR), depth=400_000, gas=20 * 10**9)
    found = run_replay(study)
    assert len(found.trades) >= 5
    values = found.units * found.prices.usd
    for trade in found.trades:
        lost = (found.units[trade.at - 1] * found.prices.usd[trade.at]).sum() - values[trade.at].sum()
        assert trade.fee + trade.impact == pytest.approx(lost, rel=1e-6)
        assert trade.impact > 0
        # 100,000 units of gas, 40,000 a swap and 80,000 a pool, at 20 gwei and 2,000 dollars.
        units = round(trade.gas / (20e-9 * 2_000))
        assert units >= 220_000 and units % 40_000 == 20_000
        assert found.units[trade.at] - found.units[trade.at - 1] == pytest.approx(np.array(trade.changes), abs=1e-10)


def test_replay__against_a_plain_simulation__the_same_days_and_the_same_end() -> None:
    for seed in range(3):
        study = study_of(walk(seed, 200, 4), ("BTC", "ETH", "LINK", DOLLAR), fee=1_000)
        found = run_replay(study)
        days, end = simulated(study, 0.001, 0.05)
        assert [trade.at for trade in found.trades] == days
        assert worth(found)[-1] == pytest.approx(end, rel=1e-6)


def simulated(study: Study, fee: float, band: float) -> tuple[list[int], float]:
    """Day by day in floats: outside the band all go to the target, sized together; the dollar is the last."""
    targets = np.array([target.weight / ONE for target in study.targets])
    prices = study.prices.usd
    units, days = 100_000 * targets / prices[0], []
    for day, price in enumerate(prices):
        values = units * price
        if np.abs(values / values.sum() - targets).max() <= band:
            continue
        low, high = 0.9 * values.sum(), values.sum()
        for _ in range(100):
            scale = (low + high) / 2
            moved = scale * targets[:-1] - values[:-1]
            cash = values[-1] - np.where(moved > 0, moved / (1 - fee), moved * (1 - fee)).sum()
            low, high = (scale, high) if cash > scale * targets[-1] else (low, scale)
        units = low * targets / price
        days.append(day)
    return days, float((units * prices[-1]).sum())


def test_replay__dollars_are_no_asset__a_trade_goes_through_two_pools() -> None:
    study = study_of([[100.0, 50.0], [200.0, 50.0]], ("BTC", "ETH"), weights=(0.5, 0.5))
    (trade,) = run_replay(study).trades
    assert trade.changes[0] < 0 < trade.changes[1]
    assert trade.fee / trade.traded == pytest.approx(1 - 0.997**2, rel=1e-3)


def test_replay__a_halt__is_resumed_at_once_and_counted() -> None:
    study = study_of([[100.0, 1.0], [60.0, 1.0], [60.0, 1.0], [60.0, 1.0]], ("BTC", DOLLAR), weights=(0.5, 0.5))
    careful = replace(study.policy.over_time, drawdown=Bps(1_000))
    found = run_replay(replace(study, policy=replace(study.policy, over_time=careful)))
    (words, times), *_ = found.held
    assert words.startswith("halted, and resumed at once: drawdown: what was held has lost … % of its value")
    assert times == 1
    # What a person has looked at is done with: the next tick trades.
    assert [trade.at for trade in found.trades] == [2]


def test_replay__gas_is_too_dear__is_blocked_each_time_and_counted() -> None:
    study = study_of([[100.0, 1.0], [200.0, 1.0], [200.0, 1.0]], ("BTC", DOLLAR), weights=(0.5, 0.5), gas=50 * 10**9)
    limits = replace(study.policy.limits, max_gas_price=Wei(30 * 10**9))
    found = run_replay(replace(study, policy=replace(study.policy, limits=limits)))
    assert found.trades == () and found.held == (("blocked: max_gas_price (allowed: 30 gwei)", 2),)


def test_replay__no_trade_can_bear_its_gas__each_time_is_held_for_that_before_a_plan_is_looked_for() -> None:
    study = study_of(walk(3, 200, 6, 0.05), tuple("ABCDE") + (DOLLAR,), gas=500 * 10**9, start=50)
    found = run_replay(study)
    ((words, times),) = found.held
    assert words.startswith("not worth it: the largest trade would be of … USD, and one swap alone costs … USD of gas")
    assert found.trades == () and times > 100


def test_replay__pools_keep_nothing__is_played_as_a_millionth_and_every_rebalance_hits_its_targets() -> None:
    usd, symbols = walk(3, 120, 6, 0.05), (*"ABCDE", DOLLAR)
    free, least = (run_replay(study_of(usd, symbols, fee=fee)) for fee in (0, 1))
    assert len(free.trades) >= 5 and free.trades == least.trades
    assert np.array_equal(free.units, least.units)
    values = free.units * usd
    weights = values / values.sum(axis=1, keepdims=True)
    for trade in free.trades:
        assert weights[trade.at] == pytest.approx(free.targets[trade.at], abs=1e-6)


def test_replay__a_pool_is_too_thin__the_rest_waits_for_the_next_time() -> None:
    rows = [[100.0, 1.0], *[[200.0, 1.0]] * 12]
    study = study_of(rows, ("BTC", DOLLAR), weights=(0.5, 0.5), depth=400_000)
    limits = replace(study.policy.limits, max_impact=Bps(100))
    found = run_replay(replace(study, policy=replace(study.policy, limits=limits)))
    assert len(found.trades) > 2
    assert all(trade.impact / trade.traded < 0.0101 for trade in found.trades)
    assert [trade.at for trade in found.trades][:3] == [1, 2, 3]


def test_replay__progress__ends_with_all_of_it() -> None:
    told: list[tuple[int, int]] = []
    run_replay(study_of(walk(1, 250, 2), ("BTC", DOLLAR)), lambda done, total: told.append((done, total)))
    assert told[-1] == (250, 250)
    assert 100 <= len(told) <= 130 and [done for done, _ in told] == sorted({done for done, _ in told})


# ------------------------------------------------------------ nothing is known of the future


def optimal(study: Study) -> Study:
    return with_trigger(study, Threshold(Optimal(())))


def following(study: Study) -> Study:
    widths = tuple(Width(token, Weight(ONE // 20), None, Weight(ONE // 2)) for token in study.policy.assets)
    return with_trigger(study, Threshold(Drawn(widths, Back.HALF)))


def patient(study: Study) -> Study:
    waits = Patience(Delay(20, 7 * DAY), RiskBudget(Bps(2_000), 30))
    return replace(study, policy=replace(study.policy, patience=waits))


def estimated(study: Study) -> Study:
    assets = study.policy.assets
    start = (Ppm(330_000), Ppm(330_000), Ppm(340_000))
    bounds = tuple(Bounds(token, Ppm(100_000), Ppm(800_000)) for token in assets)
    own = tuple(replace(bound, least=Ppm(340_000), most=Ppm(340_000)) for bound in bounds[-1:])
    method = Estimation(Method.INVERSE_VOLATILITY, 21, EveryDays(7, 0), None, start, (*bounds[:-1], *own))
    targets = tuple(
        replace(target, weight=Weight(ppm * ONE // PPM)) for target, ppm in zip(study.targets, start, strict=True)
    )
    return replace(study, targets=targets, estimation=method)


def with_trigger(study: Study, trigger: Threshold | Calendar | Hybrid) -> Study:
    return replace(study, policy=replace(study.policy, trigger=trigger))


KINDS = {
    "threshold": lambda study: study,
    "edge": lambda study: with_trigger(study, bands(study.policy.assets, "0.02", Back.EDGE)),
    "calendar": lambda study: with_trigger(study, Calendar(9 * DAY)),
    "schedule": lambda study: with_trigger(study, Calendar(schedule("weekly"))),
    "hybrid": lambda study: with_trigger(study, Hybrid(5 * DAY, bands(study.policy.assets, "0.02").bands)),
    "optimal": optimal,
    "following": following,
    "patient": patient,
    "estimated": estimated,
}


@pytest.mark.parametrize("kind", KINDS)
def test_replay__another_future__changes_nothing_before_it(kind: str) -> None:
    known = walk(11, DAYS, 3, 0.06)
    other = known.copy()
    other[CHANGED:] = np.random.default_rng(5).permutation(other[CHANGED:]) * np.array([1.7, 0.4, 1.0])
    one, two = (run_replay(KINDS[kind](study_of(usd))) for usd in (known, other))
    assert [trade for trade in one.trades if trade.at < CHANGED], "nothing is traded before, so nothing is shown"
    assert [t for t in one.trades if t.at < CHANGED] == [t for t in two.trades if t.at < CHANGED]
    assert np.array_equal(one.units[:CHANGED], two.units[:CHANGED])
    assert np.array_equal(one.targets[:CHANGED], two.targets[:CHANGED])
    assert not np.array_equal(one.units, two.units)


def test_replay__targets_are_estimated__they_move_once_there_is_history() -> None:
    usd = walk(2, DAYS, 3, 0.02)
    usd[:, 1] = np.round(100 * (usd[:, 1] / 100) ** 3, 6)
    found = run_replay(estimated(study_of(usd)))
    assert found.targets[0] == pytest.approx([0.33, 0.33, 0.34])
    # Three times as volatile, a third of the weight.
    assert found.targets[-1][0] == pytest.approx(3 * found.targets[-1][1], rel=0.25)
    assert found.targets[:, 2] == pytest.approx(0.34)


# ------------------------------------------------------------ what cannot be played


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda s: replace(s, start=Usd(0)), "starts with nothing"),
        (lambda s: replace(s, frictions=replace(s.frictions, fee=s.frictions.fee[:1])), "1 fees and 3 depths"),
        (lambda s: replace(s, frictions=replace(s.frictions, coin=s.frictions.coin[:2])), "2 prices of the coin"),
        (lambda s: replace(s, prices=replace(s.prices, usd=s.prices.usd[:, :2])), "expected one of each of 3 assets"),
        (lambda s: replace(s, prices=replace(s.prices, times=s.prices.times // DAY)), "two prices are 1 s apart"),
        (lambda s: replace(s, prices=replace(s.prices, usd=s.prices.usd * [1e38, 1, 1])), "no pool can hold"),
        (lambda s: replace(s, prices=replace(s.prices, usd=s.prices.usd * [1e-21, 1, 1])), "BTC is worth less than"),
    ],
)
def test_replay__the_parts_do_not_fit__says_which(wrong, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        run_replay(wrong(study_of(walk(1, 5, 3))))
