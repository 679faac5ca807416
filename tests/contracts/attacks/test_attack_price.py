"""Swaps at a bad price: every minimum is held against feeds, and no pool is asked what a token is worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue import stopped_by
from given_attacks import GOLD, IRON, SILV, Arena, up
from given_hostile import Moment, a_contract
from given_market import USDC, WBTC, WETH, Market
from given_module import deploy_module, v2_path, v3_path
from given_pools import a_v2_pair, a_v3_pool

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleRoute, ModuleSwap
from rebalancer.units import ONE, PPM, Ppm, Usd

ORACLE_FLOOR = "oracle floor"
DECIMALS = (2, 6, 8, 18, 27)
PAIRS = [*((each, 18) for each in DECIMALS), *((18, each) for each in DECIMALS), (2, 27), (27, 2), (27, 27), (2, 2)]


@stopped_by(7, ORACLE_FLOOR, "min_out")
def test_minimum__one_unit_below_the_floor__is_refused_and_at_the_floor_is_not(arena: Arena) -> None:
    for token_out in (SILV, IRON):
        fair = arena.sell(GOLD, token_out, 10_000)
        for least in (0, 1, fair.min_out // 2, fair.min_out - 1):
            arena.refuses("min_out", [replace(fair, min_out=least)])
        with arena.replica.scratch():
            arena.settles([fair])


@stopped_by(7, "numbers have room", "min_out")
def test_minimum__that_does_not_fit_beside_a_price__is_refused(arena: Arena) -> None:
    swap, held = arena.sell(GOLD, SILV, 10_000), arena.held(SILV)
    for least in (2**128 - held, 2**128, 2**255, 2**256 - 1):
        arena.refuses("min_out", [replace(swap, min_out=least)])
    arena.refuses("execution", [replace(swap, min_out=2**128 - 1 - held)])


@stopped_by(7, "the router's own minimum", "execution")
def test_thin_pool__of_the_real_router__cannot_fill_the_floor(market: Market) -> None:
    # Two fees of 30 basis points are beyond the floor of 50, as the impact in a thin pool is.
    swap = market.swap(WETH, USDC, 9_000, path=v3_path((3_000, WBTC), (3_000, 0)))
    market.refuses("min_out", replace(swap, min_out=1))
    market.refuses("execution", swap)


@stopped_by(27, "feeds only", "execution")
def test_spot_price__spiked_in_the_pool__moves_no_floor_and_fills_nothing(market: Market) -> None:
    replica, attacker = market.replica, market.replica.actor("attacker").address
    module, amount = market.module, 10**18
    asked = ("min_out(uint256,uint256,uint256)", WETH, USDC, amount)
    before = replica.read(module.address, *asked)
    honest = market.swap(WETH, USDC, 5_000, path=v3_path((500, 0)))
    with replica.scratch():
        market.settles(honest)
    # Ether is sold into the pool until its price there is far below the feed's.
    replica.deal("WETH", attacker, 10**24)
    replica.transact(attacker, MAINNET.weth, "approve(address,uint256)", MAINNET.swap_router_02, 10**24)
    weth, usdc = replica.token("WETH").address, replica.token("USDC").address
    values = [int(weth, 16), int(usdc, 16), 500, int(attacker, 16), 10**22, 0, 0]
    spike = "0x04e45aaf" + "".join(f"{value:064x}" for value in values)
    replica.send(attacker, MAINNET.swap_router_02, spike)
    assert replica.read(module.address, *asked) == before
    market.refuses("execution", honest)


@pytest.mark.parametrize(("decimals_in", "decimals_out"), PAIRS)
@stopped_by(28, "one unit of 18 decimals", "min_out")
def test_floor__between_tokens_of_any_decimals__is_exact_to_the_unit(
    arena: Arena, decimals_in: int, decimals_out: int
) -> None:
    replica = arena.replica
    # Prices that leave a remainder at each step: 3.33333333 and 0.00777777 dollars.
    answers, units = (333_333_333, 777_777), (10**decimals_in, 10**decimals_out)
    prices = [answer * 10**10 for answer in answers]
    coins = [a_contract(replica, "HostileToken", f"D{place}", d) for place, d in enumerate((decimals_in, decimals_out))]
    feeds = [a_contract(replica, "HostileFeed", 8, answer, 1) for answer in answers]
    assets = tuple(
        ModuleAsset(coin.address, feed.address, 3_600, NOBODY, 0, Ppm(0), Ppm(PPM), Usd(0), Usd(0))
        for coin, feed in zip(coins, feeds, strict=True)
    )
    coins[0].set("mint", arena.safe, 1_000_003 * units[0])
    coins[1].set("mint", arena.router.address, 10**12 * units[1])
    policy = replace(arena.module.policy, assets=assets, routes=(ModuleRoute(arena.router.address, NOBODY),))
    module = deploy_module(replica, policy, (500_000, 500_000))
    amount = 100_003 * units[0] // 7
    sold = up(amount * prices[0], units[0])
    floor = up(up(sold * 995_000, PPM) * units[1], prices[1])

    assert replica.read(module.address, "min_out(uint256,uint256,uint256)", 0, 1, amount) == (floor,)
    # One base unit is rounded up to the wei of a dollar, and never comes for nothing.
    dust = up(up(up(prices[0], units[0]) * 995_000, PPM) * units[1], prices[1])
    assert dust >= 1
    assert replica.read(module.address, "min_out(uint256,uint256,uint256)", 0, 1, 1) == (dust,)
    played = replace(arena, module=module)
    swap = ModuleSwap(0, 0, 1, amount, floor, v3_path((500, 0)))
    played.refuses("min_out", [replace(swap, min_out=floor - 1)])
    played.settles([swap])
    got = replica.read(coins[1].address, "balanceOf(address)", arena.safe)[0]
    assert got == floor
    worth = 1_000_003 * prices[0]
    after = (1_000_003 * units[0] - amount) * prices[0] // units[0] + got * prices[1] // units[1]
    lost = up((worth - after) * ONE, worth)
    turned = up(sold * ONE, worth)
    assert (played.state().loss_left, played.state().turnover_left) == (5 * 10**15 - lost, 3 * 10**17 - turned)


@stopped_by(32, "cap on one trade", "max_trade")
def test_trade__above_the_largest__is_refused_and_at_it_is_not(arena: Arena) -> None:
    small = arena.again(max_trade=50_000)
    small.refuses("max_trade", [small.sell(GOLD, SILV, 50_000.01)])
    small.settles([small.sell(GOLD, SILV, 50_000)])


@pytest.mark.parametrize(("token", "least", "most"), [(SILV, 0, 300_000), (GOLD, 400_000, PPM)])
@stopped_by(32, "weights afterwards", "range")
def test_swap__past_the_owners_range_by_less_than_the_tolerance__is_refused(
    arena: Arena, token: int, least: int, most: int
) -> None:
    # Both tokens move by what is sold, and the target is at the edge of the range of one of them.
    edge = arena.again(targets=(400_000, 300_000, 300_000), assets=arena.ranged(token, least, most))
    # The other one has gone to its target first, so that gold can pass its own.
    batch = [edge.sell(GOLD, SILV, 100_000 if token == GOLD else 102_000)]
    if token == GOLD:
        batch += [edge.sell(GOLD, IRON, 101_900)]
    edge.refuses("range", batch)
    calm = arena.again(targets=(400_000, 300_000, 300_000))
    calm.settles([replace(swap) for swap in batch])


@stopped_by(32, "weights afterwards", "what a price did may be mended")
@pytest.mark.parametrize("crash", [False, True])
def test_weight__that_a_price_has_carried_out_of_the_range__may_be_brought_back_in_steps(
    arena: Arena, crash: bool
) -> None:
    place, edges = (SILV, (250_000, PPM)) if crash else (GOLD, (0, 450_000))
    edge = arena.again(assets=arena.ranged(place, *edges))
    edge.settles([edge.sell(GOLD, SILV, 10_000)])
    assert (edge.held(SILV) < 250_000 * 10**6) and (edge.held(GOLD) > 225 * 10**18)


@stopped_by(15, "the router's own minimum", "execution")
def test_rewards__claimed_mid_swap_on_the_real_router__do_not_count_as_output(arena: Arena) -> None:
    hooked, swap = _on_a_real_pool(arena, dollars_out=9_000)
    # Silver is paid by the pool, calls the attacker, and he has the Safe's rewards paid out.
    rewards = a_contract(arena.replica, "Rewards", arena.tokens[SILV].address)
    arena.mint(SILV, rewards.address, 5_000)
    rewards.set("set_pending", arena.safe, arena.amount(SILV, 5_000))
    arena.tokens[SILV].lay(Moment.TOKEN_TRANSFER_BEGINS, rewards.address, rewards.data("claim", arena.safe))
    hooked.refuses("execution", [swap])
    assert rewards.read("pending", arena.safe) == arena.amount(SILV, 5_000)


@stopped_by(15, "constraints on the calldata", "RouteCheck: min_out")
def test_minimum__lowered_in_outside_calldata__is_refused(arena: Arena) -> None:
    swaps, _ = arena.outside(GOLD, SILV, 10_000)
    arena.refuses("RouteCheck: min_out", *arena.outside(GOLD, SILV, 10_000, min_out=swaps[0].min_out - 1))
    arena.settles(*arena.outside(GOLD, SILV, 10_000, min_out=swaps[0].min_out + 1))


@stopped_by(15, "the router's own minimum", "the honest swap gains")
def test_rewards__claimed_mid_swap_at_a_fair_price__are_kept_by_the_safe(arena: Arena) -> None:
    hooked, swap = _on_a_real_pool(arena, dollars_out=10_000)
    before = arena.worth()
    hooked.settles([swap])
    assert arena.worth() >= before - 50 * ONE


def _on_a_real_pool(arena: Arena, dollars_out: int) -> tuple[Arena, ModuleSwap]:
    """The module over SwapRouter02, and a swap of 10,000 dollars over a pool of its factory that pays so many."""
    played = arena.again(routes=(ModuleRoute(MAINNET.swap_router_02, NOBODY),))
    # Ten million dollars on each side.
    a_v3_pool(arena, GOLD, SILV, (5_000 * 10**18, dollars_out * 1_000 * 10**6))
    return played, arena.sell(GOLD, SILV, 10_000)


@pytest.mark.parametrize(("rewards_of", "settles"), [(900, False), (1_100, True)])
@stopped_by(15, "what is hidden is at most the rewards themselves", "execution")
def test_rewards__claimed_mid_swap_over_a_v2_path__hide_no_more_than_they_are(
    arena: Arena, rewards_of: int, settles: bool
) -> None:
    # Of V2 paths SwapRouter02 measures by balance. Somebody must be called between, so the token must have hooks.
    played = arena.again(routes=(ModuleRoute(MAINNET.swap_router_02, NOBODY),))
    a_v2_pair(arena, GOLD, SILV, (5_000 * 10**18, 9_000_000 * 10**6))
    rewards = a_contract(arena.replica, "Rewards", arena.tokens[SILV].address)
    arena.mint(SILV, rewards.address, rewards_of)
    rewards.set("set_pending", arena.safe, arena.amount(SILV, rewards_of))
    arena.tokens[SILV].lay(Moment.TOKEN_TRANSFER_BEGINS, rewards.address, rewards.data("claim", arena.safe))
    swap = played.sell(GOLD, SILV, 10_000, path=v2_path())
    if not settles:
        played.refuses("execution", [swap])
        return
    before = arena.worth()
    played.settles([swap])
    assert before - 50 * ONE <= arena.worth()
    assert arena.worth() - before <= 1_100 * ONE
