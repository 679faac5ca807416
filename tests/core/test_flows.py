"""What goes through each pool: its fee and our impact, computed before a batch or read off the pools after it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from small_market import LINK, PRICES, USDC, WBTC, WETH, batch_of, planned, snapshot_with, v2_pool, v3_pool, worth

from rebalancer.core.flows import followed, pools_on_the_way, rewound, routed, split_of, through
from rebalancer.core.model import PoolSwap
from rebalancer.market.pools import Pool, mid_ratio, swap_exact_in
from rebalancer.market.swap import Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Token

SNAPSHOT = snapshot_with(400_000, 400_000, 150_000, 50_000)
BATCH = batch_of(planned(SNAPSHOT), SNAPSHOT)


def stepped_pool() -> V3Pool:
    """A pool with less liquidity on either side of its price: a swap of some size crosses ticks."""
    pool = v3_pool(USDC, WETH, 500, 20_000_000)
    here, spacing, part = pool.tick // 10 * 10, 10, pool.liquidity // 4
    inner = (
        (here - 3 * spacing, part),
        (here - spacing, part),
        (here + 2 * spacing, -part),
        (here + 5 * spacing, -part),
    )
    low, high = pool.ticks
    ticks = ((low[0], pool.liquidity - 2 * part), *inner, (high[0], 2 * part - pool.liquidity))
    return V3Pool(
        pool.address, pool.token0, pool.token1, pool.fee, pool.tick_spacing, pool.sqrt_price_x96, pool.tick,
        pool.liquidity, ticks, pool.word_low, pool.word_high,
    )  # fmt: skip


KINDS: tuple[Pool, ...] = (v2_pool(USDC, WETH, 1_000_000), v3_pool(USDC, WETH, 3_000, 1_000_000), stepped_pool())


@given(st.sampled_from(KINDS), st.sampled_from([USDC, WETH]), st.integers(10, 500_000))
def test_rewound__a_pool_after_a_swap_of_any_size__stands_where_it_stood(
    pool: Pool, token_in: Token, dollars: int
) -> None:
    swap = swap_exact_in(pool, token_in, worth(token_in, dollars).raw)
    assert isinstance(swap, Swap) and swap.unfilled == 0
    before = rewound(swap.pool_after, token_in, (swap.amount_in, swap.amount_out))
    assert before is not None
    if not isinstance(pool, V3Pool):
        assert before == pool
        return
    # One unit of USDC, of ten dollars or more, is all that rounding can take: a ten-millionth of the way.
    (seen, over), (true, under) = mid_ratio(before, USDC) or (0, 1), mid_ratio(pool, USDC) or (0, 1)
    assert abs(seen * under - true * over) * 10**9 <= true * over


@given(st.integers(10, 500_000), st.integers(1, 50))
def test_rewound__a_pair_that_says_it_stands_elsewhere__is_not_known(dollars: int, parts: int) -> None:
    """The reserves of a read before others swapped, or of a node that makes them up."""
    pool = v2_pool(USDC, WETH, 1_000_000)
    swap = swap_exact_in(pool, USDC, worth(USDC, dollars).raw)
    assert isinstance(swap, Swap) and isinstance(swap.pool_after, V2Pool)
    after, amounts = swap.pool_after, (swap.amount_in, swap.amount_out)
    elsewhere = replace(after, reserve0=after.reserve0 + after.reserve0 // parts)
    assert rewound(after, USDC, amounts) == pool
    assert rewound(elsewhere, USDC, amounts) is None and rewound(pool, USDC, amounts) is None


def test_rewound__beyond_the_ticks_that_are_known__is_not_known() -> None:
    pool = stepped_pool()
    swap = swap_exact_in(pool, WETH, worth(WETH, 400_000).raw)
    assert isinstance(swap, Swap) and isinstance(swap.pool_after, V3Pool) and swap.ticks_crossed > 0
    word = swap.pool_after.tick // 10 >> 8
    blind = V3Pool(
        pool.address, pool.token0, pool.token1, pool.fee, pool.tick_spacing, swap.pool_after.sqrt_price_x96,
        swap.pool_after.tick, swap.pool_after.liquidity, (), word + 1, word + 1,
    )  # fmt: skip
    assert rewound(blind, WETH, (swap.amount_in, swap.amount_out)) is None


def test_rewound__where_liquidity_has_moved_since__is_not_known() -> None:
    pool = stepped_pool()
    swap = swap_exact_in(pool, WETH, worth(WETH, 400_000).raw)
    assert isinstance(swap, Swap) and isinstance(swap.pool_after, V3Pool) and swap.ticks_crossed > 0
    amounts = (swap.amount_in, swap.amount_out)
    after = swap.pool_after
    assert rewound(after, WETH, amounts) is not None
    for times in (0, 2, 50):
        otherwise = replace(after, ticks=tuple((tick, net * times) for tick, net in after.ticks))
        assert rewound(otherwise, WETH, amounts) is None


def test_split_of__what_the_pools_say_after__is_what_was_computed_before() -> None:
    swaps = followed(routed(BATCH.quotes), SNAPSHOT.pools).swaps
    afters = [swap_exact_in(s.before, s.token_in, s.amount_in) for s in swaps]
    said = []
    for swap, after in zip(swaps, afters, strict=True):
        assert isinstance(after, Swap)
        before = rewound(after.pool_after, swap.token_in, (swap.amount_in, swap.amount_out))
        assert before is not None
        said.append(PoolSwap(before, swap.token_in, swap.amount_in, swap.amount_out))
    expected, measured = split_of(swaps, PRICES), split_of(said, PRICES)
    assert expected is not None and measured is not None
    assert expected[0] == measured[0] > 0
    assert expected[1] > 0 and abs(expected[1] - measured[1]) * 10**5 <= expected[1]


def test_split_of__a_token_without_a_price__is_not_known() -> None:
    swaps = followed(routed(BATCH.quotes), SNAPSHOT.pools).swaps
    assert split_of(swaps, [price for price in PRICES if price.token != WETH]) is None


def test_through__both_ways_of_one_pool__are_told_apart() -> None:
    pool = v3_pool(USDC, WETH, 500, 1_000_000)
    there = swap_exact_in(pool, WETH, worth(WETH, 1_000).raw)
    assert isinstance(there, Swap)
    back = swap_exact_in(there.pool_after, USDC, there.amount_out)
    assert isinstance(back, Swap)
    passed = through(
        (
            PoolSwap(pool, WETH, there.amount_in, there.amount_out),
            PoolSwap(there.pool_after, USDC, back.amount_in, back.amount_out),
        )
    )
    assert passed is not None and [one.token_in for one in passed] == [WETH, USDC]
    assert passed[0].lost > 0 > passed[1].lost


def test_pools_on_the_way__of_a_batch__are_those_it_goes_through_with_the_ticks_around() -> None:
    pool = stepped_pool()
    snapshot = snapshot_with(400_000, 400_000, 150_000, 50_000, pools=(pool, v3_pool(WBTC, WETH, 500, 10**8)))
    batch = batch_of(planned(snapshot), snapshot)
    kept = pools_on_the_way(batch.quotes, snapshot.pools)
    assert {one.address for one in kept} == {hop.pool.address for q in batch.quotes if q.route for hop in q.route.hops}
    for one in kept:
        assert isinstance(one, V3Pool) and one.word_high - one.word_low <= 3
        whole = next(each for each in snapshot.pools if each.address == one.address)
        assert isinstance(whole, V3Pool) and one.sqrt_price_x96 == whole.sqrt_price_x96
        assert set(one.ticks) == {
            tick for tick in whole.ticks if one.word_low <= tick[0] // whole.tick_spacing >> 8 <= one.word_high
        }
    assert LINK not in {token for one in kept for token in (one.token0, one.token1)}
