"""Joint routes where what comes in is broken or cannot be done: an answer in time, and no traceback."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace

import pytest
from market_makers import ONE_TOKEN, OTHER, THIRD, World, executed, free, half, held, made_pool, pair, priced, tokens
from pool_makers import full_range, made_v2, made_v3, window

from rebalancer.market.joint import Holding, JointRoutes, joint_routes
from rebalancer.market.pools import Pool
from rebalancer.market.routing import MoreTicks, NoRoute
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO
from rebalancer.units import ONE, Amount, Bps, Price, Usd, Weight

E18 = 10**18
LONGEST = 2.0
"""Seconds for an answer of any kind, on a slow machine."""


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def timely(world: World, most_cost: Bps | None = None) -> JointRoutes | MoreTicks | NoRoute:
    started = time.perf_counter()
    answer = joint_routes(world.pools, world.holdings, free(world.hubs, most_cost=most_cost))
    assert time.perf_counter() - started < LONGEST
    if isinstance(answer, JointRoutes):
        executed(world, answer)
    return answer


def test_joint_routes__a_token_without_any_pool__says_so() -> None:
    world = World((pair(1e5),), (held(ONE_TOKEN, 600, 0.4), held(OTHER, 300, 0.3), held(THIRD, 100, 0.3)), ())
    answer = timely(world)
    assert isinstance(answer, NoRoute) and "no pools lead" in answer.reason


def test_joint_routes__a_token_without_any_pool_where_dollars_may_wait__trades_the_others() -> None:
    world = World((pair(1e5),), (held(ONE_TOKEN, 600, 0.4), held(OTHER, 300, 0.3), held(THIRD, 100, 0.3)), ())
    answer = timely(world, Bps(200))
    assert isinstance(answer, JointRoutes)
    assert answer.waiting > 0


def test_joint_routes__a_market_in_two_halves__says_so() -> None:
    far = [priced(token, 1.0) for token in tokens(4)][2:]
    halves = (pair(1e5), pair(1e5, far[0], far[1], 2))
    holdings = (held(ONE_TOKEN, 900, 0.25), held(OTHER, 0, 0.25), held(far[0], 100, 0.25), held(far[1], 0, 0.25))
    assert isinstance(timely(World(halves, holdings, ())), NoRoute)
    assert isinstance(timely(World(halves, holdings, ()), Bps(200)), JointRoutes)


def broken_pools() -> list[Pool]:
    names = (ONE_TOKEN.token, OTHER.token)
    whole = made_v3([full_range(10**23)], tokens=names)
    return [
        made_v2(0, 0, names),
        made_v2(E18, 0, names),
        made_v2(1, 1, names),
        replace(whole, liquidity=0),
        replace(whole, sqrt_price_x96=0),
        replace(whole, sqrt_price_x96=MIN_SQRT_RATIO, tick=-887_272),
        replace(whole, sqrt_price_x96=MAX_SQRT_RATIO - 1, tick=887_271),
        replace(whole, ticks=()),
        replace(whole, ticks=whole.ticks[::-1]),
        replace(whole, ticks=((-60, 10**24), (60, -(10**24)))),
        replace(whole, ticks=((-60, -(10**24)), (60, 10**24))),
        replace(whole, tick=whole.tick + 6_000),
        replace(whole, fee=999_999),
        made_v3([(-60, 60, 10**20)], tokens=names),
        window(made_v3([full_range(10**21)], tokens=names), 5, 4),
        window(made_v3([full_range(10**21)], tokens=names), 0, 0),
    ]


@pytest.mark.parametrize("number", range(16))
@pytest.mark.parametrize("beside", [False, True])
def test_joint_routes__a_pool_in_a_strange_state__is_an_answer(number: int, beside: bool) -> None:
    pool = broken_pools()[number]
    pools = (pool, pair(1e6, number=77)) if beside else (pool,)
    for most_cost in (None, Bps(200)):
        timely(World(pools, half(), ()), most_cost)


@pytest.mark.parametrize("dollars", [1e7, 1e10, 1e15])
def test_joint_routes__more_than_all_depth__is_an_answer_or_waits(dollars: float) -> None:
    narrow = made_v3([(-600, 600, 10**22)], tokens=(ONE_TOKEN.token, OTHER.token), number=3)
    for pools in ((pair(1e4),), (narrow,), (pair(1e4), narrow)):
        timely(World(pools, half(dollars), ()))
        waits = timely(World(pools, half(dollars), ()), Bps(100))
        assert isinstance(waits, JointRoutes)
        assert waits.waiting > dollars * 0.45 * ONE


@pytest.mark.parametrize("off", [10**6, 10**3])
@pytest.mark.parametrize("up", [True, False])
def test_joint_routes__oracle_off_by_far__is_an_answer(off: int, up: bool) -> None:
    wrong = Price(OTHER.token, Usd(OTHER.usd * off if up else OTHER.usd // off), 0)
    holdings = (held(ONE_TOKEN, 1_000, 0.5), held(wrong, 0, 0.5))
    for most_cost in (None, Bps(100)):
        timely(World((pair(1e6), pair(1e5, number=2)), holdings, ()), most_cost)


def test_joint_routes__nothing_held__is_no_route() -> None:
    assert isinstance(timely(World((pair(1e6),), half(0.0, 0.0), ())), NoRoute)


def test_joint_routes__no_holdings_at_all__is_no_route() -> None:
    assert isinstance(timely(World((pair(1e6),), (), ())), NoRoute)


def test_joint_routes__a_base_unit_held__is_an_answer() -> None:
    holdings = (Holding(Amount(ONE_TOKEN.token, 1), ONE_TOKEN, Weight(ONE // 2)), held(OTHER, 0.0, 0.5))
    timely(World((pair(1e6),), holdings, ()))


@pytest.mark.parametrize("shares", [(0.0, 0.0), (0.9, 0.9), (0.2, 0.1), (1.0, 0.0)])
def test_joint_routes__shares_that_do_not_sum__are_an_answer(shares: tuple[float, float]) -> None:
    holdings = (held(ONE_TOKEN, 700.0, shares[0]), held(OTHER, 300.0, shares[1]))
    timely(World((pair(1e6),), holdings, ()))


def test_joint_routes__no_pools__is_no_route() -> None:
    assert isinstance(timely(World((), half(), ())), NoRoute)


def test_joint_routes__ticks_unknown_where_the_swap_goes__asks_for_them() -> None:
    whole = made_v3([full_range(10**20)], tokens=(ONE_TOKEN.token, OTHER.token))
    answer = timely(World((window(whole, 0, -1),), half(100.0), ()))
    assert isinstance(answer, MoreTicks) and answer.needs[0].pool_address == whole.address


def test_joint_routes__a_pool_of_other_tokens__plays_no_part() -> None:
    stranger = made_pool(50, (THIRD, OTHER), random.Random(1))
    world = World((pair(1e6), stranger), half(), ())
    assert world.plan().routes == World((pair(1e6),), half(), ()).plan().routes
