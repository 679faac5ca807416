"""The optimum: against solvers and results that are not ours, and what must hold for every market."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from five_pools import LEFT, START, VALUE, published
from market_makers import World, made_world, priced, tokens, two_tokens
from pool_makers import made_v2

from rebalancer.market.curves import Curves, Floats, curves_of, level_row, row_of
from rebalancer.market.optimum import Optimum, Problem, solve
from rebalancer.units import ONE

E18 = 10**18
SEEDS = range(40)


def problem_of(world: World, scale: float = 1.0, order: list[int] | None = None, turn: int = 0) -> Problem:
    """The world as the optimum sees it: in `scale` dollars, its pools in an order, its tokens turned by so many."""
    prices = [*(holding.price for holding in world.holdings), *world.hubs]
    places = {price.token.address: (place + turn) % len(prices) for place, price in enumerate(prices)}
    dollars = {price.token.address: price.usd / ONE / 10**price.token.decimals * scale for price in prices}
    pools = [world.pools[place] for place in order] if order is not None else list(world.pools)
    held, wanted = np.zeros(len(prices)), np.zeros(len(prices))
    for holding in world.holdings:
        address = holding.price.token.address
        held[places[address]] = holding.balance.raw * dollars[address]
        wanted[places[address]] = holding.wanted / ONE
    rows = [row_of(pool, dollars) for pool in pools]
    zero, one = ([places[getattr(pool, name).address] for pool in pools] for name in ("token0", "token1"))
    return Problem(curves_of(rows, zero, one), held, wanted)


def solved(problem: Problem) -> Optimum:
    optimum = solve(problem)
    assert optimum is not None
    return optimum


def after(problem: Problem, optimum: Optimum) -> Floats:
    curves, count = problem.curves, len(problem.held)
    arriving = np.bincount(curves.target, optimum.given, count) - np.bincount(curves.source, optimum.taken, count)
    balances: Floats = problem.held + arriving
    return balances


def test_solve__the_published_five_pools__is_the_published_value() -> None:
    depths = ((1e7, 1e5), (1e8, 1e6))
    found = [solve(published(*depth), START) for depth in depths]
    near, nearer = (optimum.value + optimum.gap - LEFT for optimum in found if optimum is not None)
    # What the ends that the published pools do not have still cost falls tenfold from one to the other.
    assert nearer + (nearer - near) / 9 == pytest.approx(VALUE, rel=1e-8)
    assert near < nearer < VALUE


@pytest.mark.parametrize("seed", range(12))
def test_solve__v2_markets__agrees_with_a_solver_of_cones(seed: int) -> None:
    world = made_world(random.Random(f"cones {seed}"), kinds="2")
    problem = problem_of(world)
    optimum = solved(problem)
    assert optimum.value == pytest.approx(by_cones(world, problem), rel=1e-6)


def by_cones(world: World, problem: Problem) -> float:
    """The same problem as second-order cones, in thousands of dollars."""
    import cvxpy  # seconds, for one test

    count, pools = len(problem.held), len(world.pools)
    zero, one = problem.curves.source[:pools], problem.curves.target[:pools]
    value = cvxpy.Variable()
    arriving: list[list[object]] = [[] for _ in range(count)]
    limits = []
    for place in range(pools):
        reserves = np.array([problem.curves.held[place], problem.curves.held[pools + place]]) / 1e3
        come, go = cvxpy.Variable(2, nonneg=True), cvxpy.Variable(2, nonneg=True)
        limits.append(cvxpy.geo_mean(reserves + 0.997 * come - go) >= float(np.sqrt(reserves.prod())))
        for side, token in enumerate((zero[place], one[place])):
            arriving[token].append(go[side] - come[side])
    for token in range(count):
        limits.append(problem.held[token] / 1e3 + sum(arriving[token]) >= problem.wanted[token] * value)
    cvxpy.Problem(cvxpy.Maximize(value), limits).solve(solver=cvxpy.CLARABEL)
    return float(value.value) * 1e3


def test_solve__two_tokens_and_one_pair__is_the_root_of_a_quadratic() -> None:
    first, second = (priced(token, 1.0) for token in tokens(2))
    pool = made_v2(10_000 * E18, 10_000 * E18, (first.token, second.token))
    optimum = solved(problem_of(two_tokens([pool], first, second)))
    # Half of t is left and half of t bought: 1000 - s = t/2 = 10000·0.997·s/(10000 + 0.997·s).
    a, b, c = 0.997, 10_000 + 10_000 * 0.997 - 1_000 * 0.997, -1_000 * 10_000
    sold = (-b + (b * b - 4 * a * c) ** 0.5) / (2 * a)
    assert optimum.taken[0] == pytest.approx(sold, rel=1e-7)
    assert optimum.value == pytest.approx(2 * (1_000 - sold), rel=1e-9)


def test_solve__two_equal_pairs__sends_half_through_each() -> None:
    first, second = (priced(token, 1.0) for token in tokens(2))
    pools = [made_v2(10_000 * E18, 10_000 * E18, (first.token, second.token), number) for number in (1, 2)]
    optimum = solved(problem_of(two_tokens(pools, first, second)))
    assert optimum.taken[0] == pytest.approx(optimum.taken[1], rel=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_solve__any_market__leaves_no_arbitrage_between_what_it_used_beyond_fees(seed: int) -> None:
    problem = problem_of(made_world(random.Random(f"arbitrage {seed}")))
    optimum, curves = solved(problem), problem.curves
    # What a dollar more brings at shadow prices, fee paid: nothing where the curve is used, less where it is not.
    logs = np.log(optimum.prices)
    gain = np.log(curves.kept) + curves.log_price - optimum.moved + logs[curves.target] - logs[curves.source]
    used = optimum.taken * optimum.prices[curves.source] > 1e-5 * problem.to_move
    assert used.any()
    assert np.abs(gain[used]).max() < 1e-3
    assert (gain < 1e-6).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_solve__any_market__reaches_the_weights_and_is_within_its_gap(seed: int) -> None:
    problem = problem_of(made_world(random.Random(f"weights {seed}")))
    optimum = solved(problem)
    wanted = optimum.value * problem.wanted
    assert after(problem, optimum) == pytest.approx(wanted, abs=1e-7 * problem.to_move)
    assert 0 <= optimum.gap <= 1e-8 * problem.to_move


@pytest.mark.parametrize("seed", SEEDS)
def test_solve__pools_and_tokens_in_another_order__is_the_same_optimum(seed: int) -> None:
    dice = random.Random(f"order {seed}")
    world = made_world(dice)
    order = list(range(len(world.pools)))
    dice.shuffle(order)
    plain, turned = solved(problem_of(world)), solved(problem_of(world, order=order, turn=1))
    assert turned.value == pytest.approx(plain.value, rel=1e-9)
    ratios = np.roll(turned.prices, -1) / plain.prices
    assert ratios == pytest.approx(np.full(len(ratios), ratios[0]), rel=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_solve__everything_in_another_unit__is_the_same_optimum(scale: float) -> None:
    world = made_world(random.Random(5))
    assert solved(problem_of(world, scale)).value / scale == pytest.approx(solved(problem_of(world)).value, rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_solve__begun_at_prices_of_another__is_the_same_optimum(seed: int) -> None:
    dice = random.Random(f"start {seed}")
    problem = problem_of(made_world(dice))
    begun = solve(problem, np.exp([dice.uniform(-0.1, 0.1) for _ in problem.held]))
    assert begun is not None and begun.value == pytest.approx(solved(problem).value, rel=1e-9)


def test_solve__one_pool_more__is_never_worse() -> None:
    for seed in SEEDS:
        world = made_world(random.Random(f"more {seed}"))
        fewer = solve(problem_of(replace(world, pools=world.pools[:-1])))
        if fewer is not None:
            assert solved(problem_of(world)).value >= fewer.value * (1 - 1e-9)


def test_solve__what_is_wanted_cannot_be_reached__is_none() -> None:
    curves = curves_of([level_row((0.997, 0.997), 1e6)], [0], [1])
    assert solve(Problem(curves, np.array([10.0, 0.0, 0.0]), np.array([0.5, 0.0, 0.5]))) is None


def test_solve__nothing_out_of_place__is_none() -> None:
    assert solve(Problem(flat(), np.array([5.0, 5.0]), np.array([0.5, 0.5]))) is None


@pytest.mark.parametrize("off", [1e-6, 1e-3, 1e3, 1e6])
def test_solve__oracle_off_by_far__still_reaches_the_weights(off: float) -> None:
    first, second = priced(tokens(2)[0], 1.0), priced(tokens(2)[1], off)
    pool = made_v2(10_000 * E18, 10_000 * E18, (first.token, second.token))
    problem = problem_of(two_tokens([pool], first, second))
    optimum = solved(problem)
    assert after(problem, optimum) == pytest.approx(optimum.value * problem.wanted, rel=1e-5)


def flat() -> Curves:
    return curves_of([level_row((0.997, 0.997), 1e6)], [0], [1])
