"""What a landed batch did cost, by the events of the pools that it went through: on real pools, and of lying nodes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_wallet import LIMITS, ROUTER, USDC, USDT, WBTC, WETH, Desk, a_desk, an_intent_of
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.adapters.venues.router import swap_call
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.pool_events import V2_SWAP, V2_SYNC, V3_SWAP, swaps_of
from rebalancer.core.cost import cost_of_quotes, fees_for
from rebalancer.core.floors import floor_of
from rebalancer.core.model import (
    Cost,
    Intent,
    Landed,
    Plan,
    PlanRequest,
    Quote,
    Receipt,
    Settlement,
    Simulated,
    Snapshot,
    Trade,
)
from rebalancer.core.settle import settle
from rebalancer.market.pools import Pool, holds, swap_exact_in
from rebalancer.market.routing import Hop, Route, RouteQuote, quote_route
from rebalancer.market.swap import Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount, Bps, Token, Usd

Leg = tuple[int, tuple[Token, ...], tuple[int, ...]]
"""Base units to sell, the tokens on the way, and each pool's fee: 0 is a V2 pair."""
THOUSAND = 1_000 * 10**6

VIA_V3: Leg = (400 * THOUSAND, (USDT, WETH), (3_000,))
VIA_V2: Leg = (90 * THOUSAND, (USDT, WETH), (0,))
OVER_A_HUB: Leg = (50 * THOUSAND, (USDT, USDC, WETH), (100, 500))
BOTH_KINDS: Leg = (60 * THOUSAND, (USDT, WETH, WBTC), (0, 3_000))
AGAIN: Leg = (200 * THOUSAND, (USDT, WETH), (3_000,))


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner) -> Desk:
    safe = replica.create_safe([signer.address])
    replica.deal("USDT", safe, 2_000 * THOUSAND)
    return a_desk(replica, safe, signer)


def _pool(pools: tuple[Pool, ...], one: Token, other: Token, fee: int) -> Pool:
    fits = [p for p in pools if holds(p, one) and holds(p, other) and (p.fee if isinstance(p, V3Pool) else 0) == fee]
    assert len(fits) == 1, (one, other, fee)
    return fits[0]


def _quotes(desk: Desk, snapshot: Snapshot, legs: tuple[Leg, ...], deadline: int) -> tuple[Quote, ...]:
    """These very routes, each on the pools as the ones before leave them."""
    trades, routes, pools = list[Trade](), list[RouteQuote](), snapshot.pools
    for raw, way, fees in legs:
        steps = zip(way, way[1:], fees, strict=False)
        hops = tuple(Hop(_pool(pools, one, other, fee), one, other) for one, other, fee in steps)
        found = quote_route(Route(hops), raw)
        assert isinstance(found, RouteQuote), found
        moved = {pool.address: pool for pool in found.pools_after}
        pools = tuple(moved.get(pool.address, pool) for pool in pools)
        sell, price = Amount(way[0], raw), snapshot.price(way[0])
        floor = floor_of(sell, price, snapshot.price(way[-1]), Bps(1_000))
        trades.append(Trade(sell, way[-1], price.value_down(raw), floor))
        routes.append(found)
    plan = Plan(tuple(trades), tuple(routes), Usd(sum(trade.value for trade in trades)))
    answer = desk.venue.quote_plan(PlanRequest(plan, desk.wallet.address, desk.wallet.operator, deadline), snapshot)
    assert isinstance(answer, tuple), answer
    return answer


def _decided(desk: Desk, *legs: Leg) -> tuple[Intent, Cost]:
    """A signed batch of these routes, and what it is expected to cost."""
    snapshot = desk.reader.read()
    deadline = snapshot.block.timestamp + 600
    quotes = _quotes(desk, snapshot, legs, deadline)
    batch = desk.wallet.build(quotes, snapshot, deadline)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    intent = an_intent_of(batch, simulation, snapshot, desk.wallet.commit(batch, simulation, snapshot))
    return intent, cost_of_quotes(quotes, snapshot, fees_for(snapshot.block, LIMITS))


def _settled(desk: Desk, intent: Intent) -> Settlement:
    desk.wallet.execute(intent)
    result = settle(intent, _receipt(desk, intent))
    assert isinstance(result, Settlement), result
    return result


def _receipt(desk: Desk, intent: Intent) -> Receipt:
    landing = desk.wallet.land(intent, 10, 0)
    assert isinstance(landing, Landed), landing
    return landing.receipt


@pytest.mark.parametrize(
    "legs",
    [(VIA_V3,), (VIA_V2,), (OVER_A_HUB,), (BOTH_KINDS,), (VIA_V3, AGAIN), (VIA_V2, BOTH_KINDS, OVER_A_HUB, AGAIN)],
    ids=["a V3 pool", "a V2 pair", "two V3 pools", "a pair, then a pool", "one pool twice", "all of them"],
)
def test_settle__by_the_pools_events__measures_the_fee_and_the_impact_that_were_expected(
    desk: Desk, legs: tuple[Leg, ...]
) -> None:
    intent, expected = _decided(desk, *legs)
    cost = _settled(desk, intent).cost
    assert cost.fee is not None and cost.impact is not None and expected.impact is not None
    assert cost.fee == expected.fee
    assert expected.impact > 0 and abs(cost.impact - expected.impact) * 10**5 <= expected.impact
    assert (cost.traded, cost.shortfall) == (expected.traded, expected.shortfall)


def test_settle__after_others_have_moved_the_pool__tells_their_move_from_our_own(desk: Desk) -> None:
    intent, expected = _decided(desk, VIA_V3)
    attacker, raw = desk.replica.actor("attacker").address, 600 * THOUSAND
    desk.replica.deal("USDT", attacker, raw)
    desk.replica.transact(attacker, USDT.address, "approve(address,uint256)", ROUTER, raw)
    raid = Route((Hop(_pool(desk.reader.read().pools, USDT, WETH, 3_000), USDT, WETH),))
    call = swap_call(ROUTER, raid, attacker, (raw, 1), 2**40)
    desk.replica.send(attacker, call.to, "0x" + call.data.hex())
    cost = _settled(desk, intent).cost
    assert cost.fee is not None and cost.impact is not None and expected.fee is not None and expected.impact is not None
    assert cost.fee == expected.fee
    # Our own size loses about what it would have; that they were there before us is the rest.
    assert abs(cost.impact - expected.impact) * 2 <= expected.impact
    rest, was = cost.shortfall - cost.fee - cost.impact, expected.shortfall - expected.fee - expected.impact
    assert rest - was > expected.impact


def test_settle__a_pool_that_the_intent_does_not_know__leaves_the_split_out(desk: Desk) -> None:
    intent, _ = _decided(desk, BOTH_KINDS)
    assert len(intent.pools) == 2
    for unknown in intent.pools:
        fewer = replace(intent, pools=tuple(pool for pool in intent.pools if pool != unknown))
        cost = _settled(desk, fewer).cost
        assert (cost.fee, cost.impact) == (None, None)
        assert cost.shortfall > 0


V2_POOL = V2Pool(Address("0x" + "11" * 20), WETH, USDC, 10**24, 10**15)
V3_POOL = V3Pool(
    Address("0x" + "22" * 20), WETH, USDC, 3_000, 60, 1 << 96, 0, 10**18, ((-600, 10**18), (600, -(10**18))),
    *all_words(60),
)  # fmt: skip
word = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 10**20), st.sampled_from([0, 1, 2**255, 2**256 - 1]))


def _log(pool: Pool, topic: str, words: list[int]) -> dict[str, object]:
    data = "0x" + b"".join(each.to_bytes(32, "big") for each in words).hex()
    return {"address": pool.address, "topics": [topic], "data": data}


@given(
    st.lists(
        st.tuples(
            st.sampled_from((V2_POOL, V3_POOL)),
            st.sampled_from((V2_SYNC, V2_SWAP, V3_SWAP)),
            st.lists(word, max_size=6),
        ),
        max_size=5,
    )
)
def test_swaps_of__whatever_a_node_says__is_swaps_that_can_have_been(
    events: list[tuple[Pool, str, list[int]]],
) -> None:
    found = swaps_of({"logs": [_log(*event) for event in events]}, (V2_POOL, V3_POOL))
    assert all(swap.amount_in > 0 and swap.amount_out > 0 for swap in found)


@given(st.integers(1 << 90, 1 << 102), st.integers(0, 10**30), st.integers(-700, 700), word, word)
def test_swaps_of__a_price_and_a_tick_that_may_fit__ends(
    root: int, liquidity: int, tick: int, came: int, went: int
) -> None:
    words = [came, 2**256 - 1 - went % 2**255, root, liquidity, tick % 2**256]
    found = swaps_of({"logs": [_log(V3_POOL, V3_SWAP, words)]}, (V3_POOL,))
    assert len(found) <= 1


def test_swaps_of__an_event_of_another_contract__is_none_of_ours() -> None:
    stranger = replace(V2_POOL, address=Address("0x" + "33" * 20))
    swap = swap_exact_in(V2_POOL, V2_POOL.token0, 10**18)
    assert isinstance(swap, Swap) and isinstance(swap.pool_after, V2Pool)
    after = swap.pool_after
    sync = _log(stranger, V2_SYNC, [after.reserve0, after.reserve1])
    logs = [sync, _log(stranger, V2_SWAP, [10**18, 0, 0, swap.amount_out])]
    assert swaps_of({"logs": logs}, (V2_POOL,)) == ()
    assert len(swaps_of({"logs": [log | {"address": V2_POOL.address} for log in logs]}, (V2_POOL,))) == 1
