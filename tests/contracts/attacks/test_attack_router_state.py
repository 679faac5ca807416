"""What lies on the real SwapRouter02 before a built swap is swapped with it, and what a pool does not take stays there:
whoever left it there loses it, and the wallet has its minimum in any case.
"""

from __future__ import annotations

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena
from given_hostile import Contract, Transfer
from given_market import USDC, WETH, Market
from given_module import v2_path, v3_path
from given_pools import a_thin_pool, a_v2_pair, a_v3_pool
from given_router import DEPTH, ROUTER, lying, multicall, over_the_real_router, rich, settling, sweep

from rebalancer.core.model.module import ModuleSwap
from rebalancer.replica.calls import encode_call
from rebalancer.units import ONE

GIVER = "nobody but the giver"
FLOOR = "oracle floor"
MILLION = 10**6
V3, V2 = v3_path((500, 0)), v2_path()


def fetched(arena: Arena, token: Contract, receiver: str) -> None:
    """Whoever comes next takes what lies there."""
    arena.replica.send(arena.attacker, ROUTER, sweep(token.address, receiver))


def usual(arena: Arena, swap: ModuleSwap) -> int:
    """Base units that the swap brings where nothing lies on the router."""
    before = arena.held(swap.token_out)
    with arena.replica.scratch():
        arena.settles([swap])
        return arena.held(swap.token_out) - before


@stopped_by(40, GIVER, "the honest batch goes through")
def test_dust__that_somebody_left_on_the_router__is_swapped_for_the_safe(arena: Arena) -> None:
    played, (gold, *_) = over_the_real_router(arena), arena.tokens
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    swap = played.sell(GOLD, SILV, 10_000)
    honest, before, had = usual(played, swap), arena.held(SILV), rich(arena, arena.attacker)
    for token in (*arena.tokens, arena.hub):
        token.set("mint", ROUTER, 10 ** token.read("decimals") // 100)
    others = lying(arena)[1:]
    with settling(played, 10_000):
        played.settles([swap])
    # A hundredth of gold is 20 dollars. What else lies there stays, and the attacker has nothing of it.
    assert 19 * MILLION < arena.held(SILV) - before - honest < 20 * MILLION
    assert lying(arena) == [0, *others]
    assert rich(arena, arena.attacker) == had
    assert gold.read("allowance", arena.safe, ROUTER) == 0


@stopped_by(40, GIVER, "drift")
def test_gift__so_large_that_the_swap_passes_the_target__takes_the_batch_down_and_can_be_fetched(arena: Arena) -> None:
    # Silver is 100,000 short. As long as it lies there nobody can sell gold here; the wallet has lost nothing.
    played = over_the_real_router(arena)
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    swap, gift = played.sell(GOLD, SILV, 10_000), arena.amount(GOLD, 250_000)
    arena.tokens[GOLD].set("mint", ROUTER, gift)
    played.refuses("drift", [swap])
    had = arena.held(GOLD, arena.attacker)
    fetched(arena, arena.tokens[GOLD], arena.attacker)
    assert arena.held(GOLD, arena.attacker) - had == gift
    with settling(played, 10_000):
        played.settles([swap])


@stopped_by(40, GIVER, "range")
def test_gift__that_carries_a_weight_over_the_owners_range__takes_the_batch_down(arena: Arena) -> None:
    played = over_the_real_router(arena, assets=arena.ranged(SILV, 0, 300_000))
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    arena.mint(GOLD, ROUTER, 95_000)
    played.refuses("range", [played.sell(GOLD, SILV, 10_000)])


@stopped_by(12, GIVER, "gains earn nothing")
@stopped_by(40, GIVER, "the wallet has it")
def test_gift__that_is_taken_along__is_the_wallets_and_earns_no_room(arena: Arena) -> None:
    played = over_the_real_router(arena)
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    swap, before = played.sell(GOLD, SILV, 10_000), arena.worth()
    arena.mint(GOLD, ROUTER, 80_000)
    turnover = played.state().turnover_left
    played.settles([swap])
    assert arena.worth() - before > 78_000 * ONE
    assert played.state().loss_left == 5 * 10**15
    # What the Safe has sold is what counts.
    assert turnover - played.state().turnover_left == played.sold(GOLD, swap.amount_in) * ONE // before
    assert lying(arena) == [0] * 4


@stopped_by(7, FLOOR, "the giver pays what the pool does not")
def test_gift__that_fills_the_minimum_of_a_bad_pool__gains_its_owner_no_more_than_the_floor(arena: Arena) -> None:
    # All of that pool is the attacker's. It pays two percent too little.
    played = over_the_real_router(arena)
    pool = a_v3_pool(arena, GOLD, SILV, (DEPTH[0], DEPTH[1] * 98 // 100))
    swap = played.sell(GOLD, SILV, 10_000)
    played.refuses("execution", [swap])
    had = rich(arena, pool)
    arena.mint(GOLD, ROUTER, 190)
    with settling(played, 10_000):
        played.settles([swap])
    gain = rich(arena, pool) - had - 190 * ONE
    assert 0 < gain <= 50 * ONE


@pytest.mark.parametrize(("percent", "left"), [(100, (5, 60)), (200, (4_000, 5_100)), (1_000, (8_900, 9_100))])
@stopped_by(7, FLOOR, "loss meter")
@stopped_by(21, FLOOR, "what is left there is within the floor, and counted")
def test_partial_fill__of_a_pool_that_runs_out__costs_no_more_than_the_floor(
    arena: Arena, percent: int, left: tuple[int, int]
) -> None:
    # The pool is the attacker's: it pays well for a part, and he fetches the rest. Together it is the floor's.
    played = over_the_real_router(arena)
    swap = played.sell(GOLD, SILV, 10_000)
    pool = a_thin_pool(arena, GOLD, SILV, swap.min_out + 2, percent)
    had = rich(arena, arena.attacker) + rich(arena, pool)
    before = arena.worth()
    with settling(played, 10_000):
        played.settles([swap])
    lost = before - arena.worth()
    assert lost <= 50 * ONE
    assert left[0] <= lying(arena)[GOLD] * arena.prices[GOLD] // ONE // ONE <= left[1]
    fetched(arena, arena.tokens[GOLD], arena.attacker)
    assert rich(arena, arena.attacker) + rich(arena, pool) - had <= lost + ONE
    # The router has no way to more of it, nor has anybody by it.
    assert arena.tokens[GOLD].read("allowance", arena.safe, ROUTER) == 0


@pytest.mark.parametrize("percent", [100, 200])
@stopped_by(21, "the router's own minimum", "execution")
def test_partial_fill__that_does_not_bring_the_floor__takes_the_batch_down(arena: Arena, percent: int) -> None:
    played = over_the_real_router(arena)
    swap = played.sell(GOLD, SILV, 10_000)
    a_thin_pool(arena, GOLD, SILV, swap.min_out - 1, percent)
    played.refuses("execution", [swap])


@stopped_by(21, GIVER, "the next swap has the rest")
def test_partial_fill__before_another_swap_of_the_same_token__is_sold_with_it(arena: Arena) -> None:
    played = over_the_real_router(arena)
    first, second = played.sell(GOLD, SILV, 10_000), played.sell(GOLD, IRON, 10_000)
    a_thin_pool(arena, GOLD, SILV, first.min_out + 2, 200)
    a_v3_pool(arena, GOLD, IRON, (DEPTH[0], 200_000 * 10**8))
    before = arena.worth()
    played.settles([first, second])
    # Of the first swap half came back by the second, and the attacker's pool has paid for it.
    assert arena.worth() - before > 4_000 * ONE
    assert (lying(arena), played.state().loss_left) == ([0] * 4, 5 * 10**15)


@stopped_by(20, "each swap is paid for itself", "each pool has its own amount")
def test_two_swaps__of_one_token_in_a_batch__are_each_paid_their_own_amount(arena: Arena) -> None:
    played = over_the_real_router(arena)
    pools = [a_v3_pool(arena, GOLD, SILV, DEPTH), a_v3_pool(arena, GOLD, IRON, (DEPTH[0], 200_000 * 10**8))]
    batch = [played.sell(GOLD, SILV, 10_000), played.sell(GOLD, IRON, 20_000)]
    had = [arena.held(GOLD, pool) for pool in pools]
    with settling(played, 30_000):
        played.settles(batch)
    assert [arena.held(GOLD, pool) - was for pool, was in zip(pools, had, strict=True)] == [
        swap.amount_in for swap in batch
    ]
    assert lying(arena) == [0] * 4


@pytest.mark.parametrize(("path", "fee", "settles"), [(V3, 1, False), (V2, 100, True), (V2, 1_000, False)])
@stopped_by(31, "the router's own minimum", "execution")
def test_token__that_takes_a_fee_of_its_payment__must_bring_the_floor_all_the_same(
    arena: Arena, path: int, fee: int, settles: bool
) -> None:
    # A V3 pool wants what it has counted; a V2 pair counts what has come. Its own fee is 30 basis points.
    played = over_the_real_router(arena)
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    a_v2_pair(arena, GOLD, SILV, DEPTH)
    arena.tokens[GOLD].set("set_fee", fee)
    swap = played.sell(GOLD, SILV, 10_000, path=path)
    if not settles:
        played.refuses("execution", [swap])
        return
    with settling(played, 10_000):
        played.settles([swap])


@pytest.mark.parametrize("path", [V3, V2], ids=["V3", "V2"])
@stopped_by(31, "the router swaps what it has", "execution")
def test_token__that_moves_nothing_on_transfer__leaves_the_router_with_nothing_to_swap(arena: Arena, path: int) -> None:
    played = over_the_real_router(arena)
    a_v3_pool(arena, GOLD, SILV, DEPTH)
    a_v2_pair(arena, GOLD, SILV, DEPTH)
    arena.tokens[GOLD].set("set_transfer_manner", Transfer.DEAF)
    played.refuses("execution", [played.sell(GOLD, SILV, 10_000, path=path)])


# ------------------------------------------------------------------ ether in place of WETH


def ether(market: Market, holder: str) -> int:
    return int(market.replica.rpc.call("eth_getBalance", holder, "latest"), 16)


@pytest.mark.parametrize("path", [V3, V2], ids=["V3", "V2"])
@pytest.mark.parametrize("missing", [0, 1])
@stopped_by(6, GIVER, "the wallet has what it would have had")
def test_ether__lying_on_the_router_where_weth_is_sold__costs_the_wallet_nothing(
    market: Market, missing: int, path: int
) -> None:
    replica, attacker = market.replica, market.replica.actor("attacker").address
    swap = market.swap(WETH, USDC, 2_000, path=path)
    with replica.scratch():
        market.settles(swap)
        usual = market.books()
    # Any function of the router takes ether along.
    replica.send(attacker, ROUTER, multicall(), value=swap.amount_in - missing)
    coins = ether(market, market.module.safe)
    market.settles(swap)
    assert (market.books(), ether(market, market.module.safe)) == (usual, coins)
    weth = replica.balance("WETH", ROUTER)
    if missing:
        assert (ether(market, ROUTER), weth) == (swap.amount_in - 1, 0)
        return
    # The pool was paid with it, and the WETH is for whoever comes first: the giver, who has lost nothing, or another.
    assert (ether(market, ROUTER), weth) == (0, swap.amount_in)
    had = ether(market, attacker)
    receipt = replica.send(attacker, ROUTER, encode_call("unwrapWETH9(uint256)", 0))
    fee = int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)
    assert ether(market, attacker) - had == swap.amount_in - fee


@stopped_by(6, GIVER, "the wallet has more")
def test_ether__for_the_first_of_two_swaps_of_weth__is_sold_for_the_safe_with_the_second(market: Market) -> None:
    first, second = (market.swap(WETH, USDC, 2_000, path=v3_path((fee, 0))) for fee in (500, 3_000))
    usdc, weth = market.held(USDC), market.held(WETH)
    market.replica.send(market.replica.actor("attacker").address, ROUTER, multicall(), value=first.amount_in)
    assert market.module.rebalance([first, second])["status"] == "0x1"
    assert weth - market.held(WETH) == first.amount_in + second.amount_in
    assert market.held(USDC) - usdc > 5_900 * MILLION
    assert (ether(market, ROUTER), market.replica.balance("WETH", ROUTER)) == (0, 0)
