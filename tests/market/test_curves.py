"""Curves: what they say of a pool against what its integers pay, both ways, and that they never stop answering."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from market_makers import joined, made_pool, priced, tokens
from pool_makers import A, B, full_range, made_v2, made_v3

from rebalancer.market.curves import Curves, clipped, curves_of, level_row, row_of
from rebalancer.market.pools import Pool, swap_exact_in
from rebalancer.market.swap import Swap
from rebalancer.market.uniswap_v2 import V2Pool

E18 = 10**18
DOLLARS = {A.address: 1e-18, B.address: 1e-18}


@pytest.fixture(autouse=True)
def _no_warnings() -> None:
    warnings.simplefilter("error")


def alone(pool: Pool) -> Curves:
    return curves_of([row_of(pool, DOLLARS)], [0], [1])


def drawn(seed: int) -> tuple[Pool, Curves, dict[str, float]]:
    dice = random.Random(seed)
    prices = [priced(token, 10 ** dice.uniform(-3, 4)) for token in tokens(2)]
    pool = made_pool(0, joined(0, prices, dice), dice)
    dollars = {price.token.address: price.usd / E18 / 10**18 for price in prices}
    return pool, curves_of([row_of(pool, dollars)], [0], [1]), dollars


@pytest.mark.parametrize("seed", range(60))
def test_given_for__any_pool__is_what_its_integers_pay(seed: int) -> None:
    pool, curves, dollars = drawn(seed)
    for curve, (sold, bought) in enumerate(((pool.token0, pool.token1), (pool.token1, pool.token0))):
        for worth in (1e2, 1e4, 1e6, 1e8):
            swap = swap_exact_in(pool, sold, int(worth / dollars[sold.address]))
            assert isinstance(swap, Swap)
            paid = swap.amount_out * dollars[bought.address]
            assert curves.given_for(curve, swap.amount_in * dollars[sold.address]) == pytest.approx(paid, rel=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_taken_for__what_was_given__is_what_was_taken(seed: int) -> None:
    _, curves, _ = drawn(seed)
    for curve in (0, 1):
        for worth in (1e-3, 1e2, 1e5, 1e8):
            assert curves.taken_for(curve, curves.given_for(curve, worth)) == pytest.approx(worth, rel=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_respond__price_moved__is_where_the_next_dollar_brings_that_much_less(seed: int) -> None:
    _, curves, _ = drawn(seed)
    for move in (1e-6, 1e-3, 0.1, 2.0):
        taken, given, rise = curves.respond(np.full(2, move))
        for curve in (0, 1):
            assert curves.given_for(curve, float(taken[curve])) == pytest.approx(float(given[curve]), rel=1e-7)
            least = float(taken[curve]) * 1e-5
            more = curves.given_for(curve, float(taken[curve]) + least) - float(given[curve])
            after = curves.kept[curve] * np.exp(curves.log_price[curve] - move)
            assert more / least == pytest.approx(after, rel=2e-4)
        nearby = curves.respond(np.full(2, move * (1 + 1e-7)))[0]
        assert (nearby - taken) / (move * 1e-7) == pytest.approx(rise, rel=1e-2)


def test_respond__a_v2_pair__is_one_range_with_its_reserves() -> None:
    curves = alone(made_v2(100 * E18, 400 * E18))
    taken, given, _ = curves.respond(np.array([2 * np.log(2), 0.0]))
    # The root doubles: as much comes in as the pair holds, and half of the other side goes out.
    assert taken == pytest.approx([100 / 0.997, 0.0])
    assert given == pytest.approx([200, 0.0])
    assert np.exp(curves.log_price) == pytest.approx([4.0, 0.25])


def test_ranges_crossed__a_swap_over_ticks__is_what_the_pool_crosses() -> None:
    pool = made_v3([full_range(E18), (-600, 600, 5 * E18), (-60, 120, 9 * E18)])
    curves = alone(pool)
    for amount in (E18 // 1_000, E18 // 10, E18, 5 * E18):
        for curve, token in enumerate((A, B)):
            swap = swap_exact_in(pool, token, amount)
            assert isinstance(swap, Swap)
            prices = (pool.sqrt_price_x96 / swap.pool_after.sqrt_price_x96) ** 2  # type: ignore[union-attr]
            crossed = curves.ranges_crossed(np.full(2, abs(np.log(prices))))
            assert crossed[curve] == swap.ticks_crossed


def test_row_of__no_liquidity_beyond_the_only_position__still_answers_and_gives_no_more() -> None:
    curves = alone(made_v3([(-60, 60, 1_000 * E18)]))
    _, given, rise = curves.respond(np.full(2, 5.0))
    assert given == pytest.approx(1_000 * (np.exp(30 * np.log(1.0001)) - 1) / np.exp(30 * np.log(1.0001)), rel=1e-6)
    assert (rise > 0).all() and (rise < 1e-6).all()


@pytest.mark.parametrize("move", [0.0, 1e-300, 1.0, 1e3, 1e300])
def test_respond__any_move__is_finite(move: float) -> None:
    curves = alone(made_v3([full_range(E18), (-600, 600, 5 * E18)]))
    assert all(np.isfinite(answer).all() for answer in curves.respond(np.full(2, move)))


@pytest.mark.parametrize("ticks", [((60, -5), (-60, 5)), ((-60, -(10**30)), (60, 10**30)), ((0, 0),), ()])
def test_row_of__ticks_that_contradict_each_other__still_answers(ticks: tuple[tuple[int, int], ...]) -> None:
    whole = made_v3([full_range(E18)])
    broken = type(whole)(*(getattr(whole, name) if name != "ticks" else ticks for name in whole.__slots__))
    taken, given, rise = alone(broken).respond(np.full(2, 0.5))
    assert np.isfinite(taken).all() and np.isfinite(given).all() and (rise > 0).all()


@pytest.mark.parametrize("pool", [made_v2(10**21, 10**21), made_v3([full_range(10**21), (-120, 300, 10**22)])])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.3])
def test_clipped__a_swap_of_any_size__loses_no_more_than_the_share(pool: Pool, share: float) -> None:
    row = row_of(pool, DOLLARS)
    whole, cut = curves_of([row], [0], [1]), curves_of([clipped(row, share)], [0], [1])
    most, given, _ = cut.respond(np.full(2, 3.0))
    for curve in (0, 1):
        net = float(most[curve] * cut.kept[curve])
        assert given[curve] / (net * np.exp(cut.log_price[curve])) == pytest.approx(1 - share, rel=1e-6)
        # Up to there nothing has changed.
        half = float(most[curve]) / 2
        assert cut.given_for(curve, half) == pytest.approx(whole.given_for(curve, half), rel=1e-12)
        assert whole.given_for(curve, 2 * net) > 1.2 * float(given[curve])
        assert cut.given_for(curve, 2 * net) == pytest.approx(float(given[curve]), rel=1e-6)
    assert isinstance(pool, V2Pool) or len(row.sides[0].far) > 1


def test_level_row__much_depth__is_the_price_one_less_the_fee() -> None:
    curves = curves_of([level_row((0.99, 0.99), 1e12)], [0], [1])
    assert [curves.given_for(curve, 1_000.0) for curve in (0, 1)] == pytest.approx([990.0, 990.0], rel=1e-8)
