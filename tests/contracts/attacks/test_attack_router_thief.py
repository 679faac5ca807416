"""The operator's key is a thief's, and its account runs code (EIP-7702): what he does around a rebalance in the same
transaction, with the real SwapRouter02, which keeps what lies on it for anybody, takes no more than the floor leaves.
"""

from __future__ import annotations

import pytest
from catalogue import stopped_by
from given_attacks import ALL_GAS, GOLD, SILV, Arena
from given_hostile import Contract, Moment
from given_module import v2_path
from given_pools import a_thin_pool, a_v2_pair, a_v3_pool
from given_router import (
    DEPTH,
    ROUTER,
    a_batching,
    call,
    lying,
    multicall,
    over_the_real_router,
    rich,
    settling,
    swap_away,
    sweep,
)

from rebalancer.core.model.module import ModuleSwap
from rebalancer.replica.calls import encode_call
from rebalancer.units import ONE

FLOOR = "oracle floor"
GIVER = "nobody but the giver"
EVERYTHING = 2**256 - 1
Call = tuple[str, bytes, bool]


def rebalancing(arena: Arena, *swaps: ModuleSwap, strict: bool = False) -> Call:
    """The rebalance as one call of the thief's batch."""
    return call(arena.module.address, "0x" + arena.module.data(swaps).hex(), strict)


def done(thief: Contract, *calls: Call) -> list[bool]:
    """Which of them succeeded, in one transaction of the thief's own."""
    assert thief.send(thief.address, "batch", list(calls), gas=ALL_GAS)["status"] == "0x1"
    return [thief.read("outcomes", place) for place in range(len(calls))]


def a_thief(arena: Arena, dollars: int) -> Contract:
    """With so many dollars of gold, which the router may take from him."""
    thief, gold = a_batching(arena, "operator"), arena.tokens[GOLD]
    arena.mint(GOLD, thief.address, dollars)
    gold.send(thief.address, "approve", ROUTER, EVERYTHING)
    return thief


@pytest.mark.parametrize(("dollars", "settles"), [(2_000, True), (15_000, True), (20_000, False), (400_000, False)])
@stopped_by(8, FLOOR, "execution")
@stopped_by(39, FLOOR, "execution")
def test_sandwich__in_one_transaction__takes_no_more_than_the_floor(arena: Arena, dollars: int, settles: bool) -> None:
    # He sells first, leaves the silver on the router, and buys back out of that. The batch may fail: he goes on.
    played, thief, (gold, silver, _) = over_the_real_router(arena), a_thief(arena, dollars), arena.tokens
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    swap, had = played.sell(GOLD, SILV, 10_000), rich(arena, thief.address)
    amount, before = arena.held(GOLD, thief.address), arena.worth()
    ahead = call(ROUTER, swap_away(gold.address, silver.address, ROUTER, amount))
    back = call(ROUTER, swap_away(silver.address, gold.address, thief.address))
    with settling(played, 10_000):
        assert done(thief, ahead, rebalancing(played, swap), back) == [True, settles, True]
    assert rich(arena, thief.address) - had <= before - arena.worth()
    if not settles:
        assert arena.worth() == before


@pytest.mark.parametrize(("dollars", "settles"), [(250_000, False), (50_000, True)])
@stopped_by(39, GIVER, "the wallet has what he does not get back")
def test_gift_and_sweep__around_a_rebalance_in_one_transaction__earns_the_thief_nothing(
    arena: Arena, dollars: int, settles: bool
) -> None:
    played, thief, gold = over_the_real_router(arena), a_thief(arena, dollars), arena.tokens[GOLD]
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    swap, amount = played.sell(GOLD, SILV, 10_000), arena.held(GOLD, thief.address)
    gift = call(gold.address, gold.data("transfer", ROUTER, amount))
    taken = call(ROUTER, sweep(gold.address, thief.address))
    before, had = arena.worth(), rich(arena, thief.address)
    assert done(thief, gift, rebalancing(played, swap), taken) == [True, settles, True]
    assert rich(arena, thief.address) == (0 if settles else had)
    assert arena.worth() - before >= (had * 97 // 100 if settles else 0)


@pytest.mark.parametrize("percent", [120, 1_000])
@stopped_by(21, FLOOR, "loss meter")
@stopped_by(39, FLOOR, "loss meter")
def test_partial_fill__swept_in_the_same_transaction__takes_no_more_than_the_floor(arena: Arena, percent: int) -> None:
    played, thief, gold = over_the_real_router(arena, cooldown=0), a_thief(arena, 0), arena.tokens[GOLD]
    swap = played.sell(GOLD, SILV, 10_000)
    pool = a_thin_pool(arena, GOLD, SILV, swap.min_out + 2, percent)
    had = rich(arena, pool) + rich(arena, thief.address)
    with settling(played, 10_000):
        again = rebalancing(played, swap)
        calls = rebalancing(played, swap, strict=True), call(ROUTER, sweep(gold.address, thief.address)), again
        # A second one that is like the first has the same nonce.
        assert done(thief, *calls) == [True, True, False]
    assert lying(arena)[GOLD] == 0
    assert 0 < rich(arena, pool) + rich(arena, thief.address) - had <= 50 * ONE


@stopped_by(8, "loss and turnover meters", "max_loss")
@stopped_by(21, "loss and turnover meters", "max_loss")
def test_partial_fills__swept_again_and_again__end_at_the_loss_meter(arena: Arena) -> None:
    played, thief, (gold, silver, _) = (
        over_the_real_router(arena, cooldown=0, max_loss=120),
        a_thief(arena, 0),
        arena.tokens,
    )
    swap = played.sell(GOLD, SILV, 10_000)
    pool = a_thin_pool(arena, GOLD, SILV, swap.min_out + 2, 300)
    arena.mint(SILV, thief.address, 20_000)
    silver.send(thief.address, "approve", ROUTER, EVERYTHING)
    before, had = arena.worth(), rich(arena, thief.address) + rich(arena, pool)
    swept = call(ROUTER, sweep(gold.address, thief.address))
    # He buys back what the pool took: it can pay once more.
    back = swap_away(silver.address, gold.address, thief.address, swap.min_out * 101 // 100)
    told = [done(thief, rebalancing(played, swap), swept, call(ROUTER, back, strict=False))[0] for _ in range(3)]
    assert told == [True, True, False]
    played.refuses("max_loss", [swap])
    assert 90 * ONE <= before - arena.worth() <= 120 * ONE
    assert rich(arena, thief.address) + rich(arena, pool) - had <= 120 * ONE


@stopped_by(20, "the router takes from its caller only", "the inner call fails")
@stopped_by(39, "the router takes from its caller only", "the inner call fails")
def test_old_allowance__of_the_safe_to_the_real_router__serves_nobody_but_the_safe(arena: Arena) -> None:
    played, thief, (gold, silver, _) = over_the_real_router(arena), a_thief(arena, 0), arena.tokens
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    gold.set("set_allowance", arena.safe, ROUTER, EVERYTHING)
    swap, amount = played.sell(GOLD, SILV, 10_000), arena.amount(GOLD, 1_000)
    pull = encode_call("pull(address,uint256)", gold.address, amount)
    tried = [pull, swap_away(gold.address, silver.address, thief.address, amount)]
    tried += [multicall(pull, sweep(gold.address, thief.address))]
    calls = [call(ROUTER, data, strict=False) for data in tried]
    # From his account before and after, and from the middle: by a hook once the router was paid.
    gold.lay(Moment.TOKEN_TRANSFER_ENDS, ROUTER, pull)
    before = arena.held(GOLD)
    with settling(played, 10_000):
        assert done(thief, *calls, rebalancing(played, swap), *calls) == [False] * 3 + [True] + [False] * 3
    assert (gold.read("fired"), gold.read("succeeded")) == (1, False)
    assert before - arena.held(GOLD) == swap.amount_in
    assert gold.read("allowance", arena.safe, ROUTER) == EVERYTHING


@stopped_by(39, "the router's own minimum", "execution")
def test_v2_pair__unbalanced_and_mended_around_a_rebalance__takes_no_more_than_the_floor(arena: Arena) -> None:
    played, thief, (gold, silver, _) = over_the_real_router(arena), a_thief(arena, 40_000), arena.tokens
    pair = a_v2_pair(arena, GOLD, SILV, DEPTH)
    swap, amount = played.sell(GOLD, SILV, 10_000, path=v2_path()), arena.amount(GOLD, 40_000)
    give = call(gold.address, gold.data("transfer", pair, amount))
    synced, skimmed = call(pair, encode_call("sync()")), call(pair, encode_call("skim(address)", thief.address))
    # Given and synced, the price has moved by more than the floor allows, and the gift is the pair's; given and not
    # synced, it is swapped for the Safe, and nothing is left to skim.
    with arena.replica.scratch():
        assert done(thief, give, synced, rebalancing(played, swap), skimmed) == [True, True, False, True]
        assert arena.held(GOLD, thief.address) == 0
    before = arena.worth()
    assert done(thief, give, rebalancing(played, swap), skimmed) == [True] * 3
    assert arena.worth() - before > 39_000 * ONE
    assert rich(arena, thief.address) == 0
    assert silver.read("allowance", arena.safe, pair) == 0
