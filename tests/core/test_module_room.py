"""What a module leaves room for: weights in their ranges, meters with something to spare, deadlines before expiries."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    ATTACKER,
    LIMITS,
    LINK,
    NOW,
    POLICY,
    TARGETS,
    USDC,
    WBTC,
    WETH,
    batch_of,
    planned,
    simulated,
    usd,
)
from small_module import POLICY_ON_CHAIN, WALLET_OF_MODULE, WIDER, module_snapshot, wallet_with

from rebalancer.core.model import ModuleAsset, ModuleWallet, Plan, Snapshot
from rebalancer.core.module_books import books_of
from rebalancer.core.module_guard import guard_module_batch, guard_module_simulation
from rebalancer.core.module_room import void_at
from rebalancer.units import PPM, Ppm, Token, Usd, Weight

HELD = (50_000, 30_000, 15_000, 5_000)
"""WETH is 20,000 dollars over its target of 30 %; USDC 10,000, WBTC and LINK 5,000 under theirs."""


def with_range(token: Token, least: int, most: int) -> ModuleWallet:
    def ranged(asset: ModuleAsset) -> ModuleAsset:
        return replace(asset, least=Ppm(least), most=Ppm(most)) if asset.token == token.address else asset

    assets = tuple(map(ranged, POLICY_ON_CHAIN.assets))
    return replace(WALLET_OF_MODULE, policy=replace(POLICY_ON_CHAIN, assets=assets))


def let_through(snapshot: Snapshot, plan: Plan) -> None:
    batch = batch_of(plan, snapshot)
    assert guard_module_batch(snapshot, batch) == ()
    assert guard_module_simulation(snapshot, batch, simulated(batch)) == ()


def value_after(snapshot: Snapshot, plan: Plan, token: Token) -> Usd:
    """Dollars of a token once the plan is made."""
    assert isinstance(snapshot.wallet, ModuleWallet)
    after = books_of(snapshot, snapshot.wallet).after(simulated(batch_of(plan, snapshot)).changes)
    return next(h.value for h in after.holdings if h.asset.token == token.address)


# ---------------------------------------------------------------- ranges


@pytest.mark.parametrize(
    ("wallet", "token", "low", "high"),
    [
        (with_range(WETH, 300_000, 600_000), WETH, 30_125, 30_225),
        (with_range(USDC, 0, 400_000), USDC, 39_775, 39_875),
        (with_range(WBTC, 150_000, 200_000), WBTC, 19_825, 19_875),
    ],
)
def test_make_plan__to_a_target_at_the_edge_of_its_range__stops_at_least_half_the_tolerance_short(
    wallet: ModuleWallet, token: Token, low: int, high: int
) -> None:
    snapshot = module_snapshot(*HELD, wallet=wallet)
    plan = planned(snapshot)
    let_through(snapshot, plan)
    assert usd(low) <= value_after(snapshot, plan, token) <= usd(high)
    assert any("(range): the rest waits" in words for words in plan.left_out)


def test_make_plan__to_a_target_inside_its_range__is_as_free_as_without_one() -> None:
    wallet = with_range(WETH, 297_500, 600_000)
    assert planned(module_snapshot(*HELD, wallet=wallet)) == planned(module_snapshot(*HELD))


@pytest.mark.parametrize(
    ("targets", "held"),
    [((0, 600_000, 200_000, 200_000), (20_000, 40_000, 20_000, 20_000)), ((0, PPM, 0, 0), (20_000, 80_000, 0, 0))],
)
def test_make_plan__to_nothing_or_to_everything__leaves_nothing_behind(
    targets: tuple[int, ...], held: tuple[int, ...]
) -> None:
    snapshot = module_snapshot(*held, wallet=wallet_with(targets=tuple(map(Ppm, targets))))
    weights = tuple(replace(t, weight=Weight(part * WIDER)) for t, part in zip(TARGETS, targets, strict=True))
    plan = planned(snapshot, POLICY, weights)
    let_through(snapshot, plan)
    assert value_after(snapshot, plan, WETH) == 0


# ---------------------------------------------------------------- meters


@pytest.mark.parametrize("left", [600, 400, 200, 100, 50])
def test_make_plan__with_little_loss_left__has_an_eighth_of_a_percent_of_what_it_trades_to_spare(left: int) -> None:
    snapshot = module_snapshot(*HELD, wallet=wallet_with(cooldown=0, last=NOW, loss_left=Weight(left * WIDER)))
    plan = planned(snapshot)
    batch = batch_of(plan, snapshot)
    dearer = tuple(replace(c, raw=c.raw - c.raw * 1_250 // PPM) if c.raw > 0 else c for c in simulated(batch).changes)
    assert guard_module_simulation(snapshot, batch, replace(simulated(batch), changes=dearer)) == ()


def test_make_plan__with_little_turnover_left__can_still_be_made_when_what_is_sold_is_worth_more() -> None:
    snapshot = module_snapshot(*HELD, wallet=wallet_with(cooldown=0, last=NOW, turnover_left=Weight(50_000 * WIDER)))
    plan = planned(snapshot)
    assert usd(4_950) < plan.value < usd(5_000)
    weth = snapshot.prices[0]
    dearer = replace(snapshot, prices=(replace(weth, usd=Usd(weth.usd * 1_001 // 1_000)), *snapshot.prices[1:]))
    assert guard_module_batch(dearer, batch_of(plan, snapshot)) == ()
    assert guard_module_simulation(dearer, batch_of(plan, snapshot), simulated(batch_of(plan, snapshot))) == ()


# ---------------------------------------------------------------- deadlines


def aged(token: Token, age: int, wallet: ModuleWallet = WALLET_OF_MODULE) -> Snapshot:
    snapshot = module_snapshot(*HELD, wallet=wallet)
    prices = (replace(p, updated_at=NOW - age) if p.token == token else p for p in snapshot.prices)
    return replace(snapshot, prices=tuple(prices))


@pytest.mark.parametrize(("age", "left"), [(60, 600), (3_000, 600), (3_001, 599), (3_500, 100), (3_595, 12)])
def test_void_at__of_a_price_that_soon_expires__is_then_and_a_slot_away_at_least(age: int, left: int) -> None:
    assert void_at(aged(LINK, age), LIMITS) == NOW + left


def test_void_at__of_two_feeds__goes_by_the_longer_heartbeat() -> None:
    first, *rest = POLICY_ON_CHAIN.assets
    both = replace(first, second_feed=ATTACKER, second_heartbeat=86_400)
    wallet = replace(WALLET_OF_MODULE, policy=replace(POLICY_ON_CHAIN, assets=(both, *rest)))
    assert void_at(aged(WETH, 3_500, wallet), LIMITS) == NOW + 600
    assert void_at(aged(WETH, 86_300, wallet), LIMITS) == NOW + 100


def test_void_at__of_a_safe__is_the_deadline() -> None:
    assert void_at(replace(aged(LINK, 3_595), wallet=WALLET_OF_MODULE.safe), LIMITS) == NOW + LIMITS.deadline
