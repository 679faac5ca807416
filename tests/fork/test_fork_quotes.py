"""Swaps as computed here against the chain's own contracts, on the pools of the example and at the fork's block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from given_fork import ETHER, Fork, Stage
from given_fork_keeper import Keeper

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.model import Snapshot
from rebalancer.market.pools import Pool, swap_exact_in, swap_exact_out
from rebalancer.market.routing import MoreTicks
from rebalancer.market.swap import NeedTicks, NoSwap, Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.ports import Chain
from rebalancer.units import ONE, Token, Usd

DOLLARS = (1, 2_500, 100_000)
"""From dust to more than a rebalance of the example ever sells."""


@pytest.fixture
def chain_port(keeper: Keeper) -> Chain:
    return keeper.ports().chain


def _swaps(snapshot: Snapshot, exact_in: bool) -> Iterator[tuple[V3Pool, Token, Token, int]]:
    """(pool, sold, bought, amount), of each V3 pool both ways; the amount is of the token that is exact."""
    for pool in snapshot.pools:
        for sold, bought in ((pool.token0, pool.token1), (pool.token1, pool.token0)):
            exact = sold if exact_in else bought
            for dollars in DOLLARS if isinstance(pool, V3Pool) else ():
                yield pool, sold, bought, snapshot.price(exact).amount_up(Usd(dollars * ONE)).raw


def _swap(chain: Chain, snapshot: Snapshot, ask: Callable[[Pool], Swap[Pool] | NeedTicks | NoSwap], at: str) -> Swap:
    """Ours, of the pool at `at`, with as many ticks as it takes."""
    for _ in range(5):
        found = ask(next(pool for pool in snapshot.pools if pool.address == at))
        if not isinstance(found, NeedTicks):
            assert isinstance(found, Swap), found
            return found
        snapshot = chain.read_ticks(snapshot, MoreTicks((found,)))
    raise AssertionError(f"{at}: asks for ticks without end")


@pytest.mark.parametrize("way", ["exact in", "exact out"])
def test_v3_quote__of_every_pool_both_ways__is_quoter_v2s_to_the_wei(fork: Fork, chain_port: Chain, way: str) -> None:
    snapshot, exact_in = chain_port.read(), way == "exact in"
    quoter = fork.contract(MAINNET.quoter_v2, "quoter")
    quote = quoter.quoteExactInputSingle if exact_in else quoter.quoteExactOutputSingle
    compute = swap_exact_in if exact_in else swap_exact_out
    compared = 0
    for pool, sold, bought, amount in _swaps(snapshot, exact_in):
        ours = _swap(chain_port, snapshot, partial(compute, token_in=sold, **_amount(exact_in, amount)), pool.address)
        asked = (sold.address, bought.address, amount, pool.fee, 0)
        theirs = tuple(quote.call(asked, block_id=snapshot.block.number))
        found = ours.amount_out if exact_in else ours.amount_in
        assert (found, ours.pool_after.sqrt_price_x96) == theirs[:2], (pool.address, sold, amount)
        compared += 1
    assert compared == 2 * len(DOLLARS) * sum(isinstance(pool, V3Pool) for pool in snapshot.pools)


def _amount(exact_in: bool, amount: int) -> dict[str, int]:
    return {"amount_in" if exact_in else "amount_out": amount}


def test_v2_quote__of_every_pair__is_paid_by_the_router_and_not_one_unit_more(stage: Stage, chain_port: Chain) -> None:
    fork, buyer = stage.fork, stage.whale
    weth, router = fork.contract(MAINNET.weth, "weth"), fork.contract(MAINNET.swap_router_02, "router")
    weth.deposit(value=40 * ETHER, sender=buyer)
    weth.approve(router, 40 * ETHER, sender=buyer)
    pairs = [pool for pool in chain_port.read().pools if isinstance(pool, V2Pool)]
    assert pairs
    for number, pool in enumerate(pairs, 1):
        sold = next(token for token in (pool.token0, pool.token1) if token.address == MAINNET.weth)
        bought = pool.token1 if sold is pool.token0 else pool.token0
        amount = number * ETHER + 7
        ours = swap_exact_in(pool, sold, amount)
        assert isinstance(ours, Swap)
        token = fork.contract(bought.address, "erc20")
        before = token.balanceOf(buyer)
        path = [sold.address, bought.address]
        router.swapExactTokensForTokens(amount, 0, path, buyer, sender=buyer)
        assert token.balanceOf(buyer) - before == ours.amount_out, pool.address


def test_ticks__that_the_lens_reads__are_tick_lenss(fork: Fork, chain_port: Chain) -> None:
    """Of the word around the price, of every V3 pool."""
    tick_lens = fork.contract(MAINNET.tick_lens, "tick_lens")
    pools = [pool for pool in chain_port.read().pools if isinstance(pool, V3Pool)]
    assert pools
    for pool in pools:
        word = pool.tick // pool.tick_spacing >> 8
        theirs = {(tick.tick, tick.liquidityNet) for tick in tick_lens.getPopulatedTicksInWord(pool.address, word)}
        low, high = (word << 8) * pool.tick_spacing, (word + 1 << 8) * pool.tick_spacing
        assert {entry for entry in pool.ticks if low <= entry[0] < high} == theirs, pool.address
