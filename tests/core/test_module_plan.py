"""Plans for a module's wallet: what it would refuse is not planned, and what waits is said in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from small_market import (
    FEES,
    LIMITS,
    LINK,
    NOW,
    POLICY,
    USDC,
    WBTC,
    batch_of,
    hold_of,
    planned,
    portfolio_in,
    simulated,
    usd,
)
from small_module import DAY, MODULE_LIMITS, WIDER, module_snapshot, wallet_with
from test_plan_properties import EXAMPLES, Case, markets, policies, weights

from rebalancer.core.guard import guard_batch
from rebalancer.core.model import ModuleWallet, Plan, Snapshot, Target
from rebalancer.core.module_books import PREFIX
from rebalancer.core.module_guard import guard_module_batch, guard_module_simulation
from rebalancer.core.module_room import stricter
from rebalancer.core.plan import make_plan
from rebalancer.core.render import amount
from rebalancer.core.room import Room
from rebalancer.units import ONE, PPM, Bps, Ppm, Usd, Weight

HELD = (50_000, 30_000, 15_000, 5_000)
"""WETH is 20,000 dollars over its target; USDC 10,000, WBTC and LINK 5,000 under theirs."""


def plan_with(**changes: object) -> Plan:
    snapshot = module_snapshot(*HELD, wallet=wallet_with(**changes))
    plan = planned(snapshot)
    assert guard_batch(POLICY, portfolio_in(snapshot), snapshot, batch_of(plan, snapshot)) == ()
    return plan


# ---------------------------------------------------------------- limits


def test_stricter__of_both__takes_the_tighter_of_each() -> None:
    loose = replace(MODULE_LIMITS, min_trade=usd(1), max_trade=Ppm(900_000), max_shortfall=Ppm(50_000))
    assert stricter(LIMITS, loose) == LIMITS
    tight = replace(MODULE_LIMITS, min_trade=usd(70), max_trade=Ppm(123_499), max_shortfall=Ppm(7_599))
    # Prices may move by half the tolerance, 0.125 %, and a floor's by all of it.
    expected = replace(LIMITS, min_trade=usd("70.0875"), max_trade=Bps(1_233), max_slippage=Bps(50))
    assert stricter(LIMITS, tight) == expected


@pytest.mark.parametrize(
    ("shortfall", "tolerance", "slippage"),
    [(10_000, 2_500, 75), (5_000, 2_500, 25), (4_000, 2_500, 20), (300, 20_000, 1), (0, 2_500, 0), (10_000, 1, 99)],
)
def test_stricter__of_a_shortfall__leaves_the_tolerance_free_and_never_more_than_half(
    shortfall: int, tolerance: int, slippage: int
) -> None:
    module = replace(MODULE_LIMITS, max_shortfall=Ppm(shortfall), tolerance=Ppm(tolerance))
    assert stricter(LIMITS, module).max_slippage == slippage


def test_make_plan__with_room_for_everything__is_the_plan_of_a_safe() -> None:
    snapshot = module_snapshot(*HELD)
    strict = replace(POLICY, limits=stricter(LIMITS, MODULE_LIMITS))
    assert planned(snapshot) == planned(replace(snapshot, wallet=wallet_with().safe), strict)
    assert planned(snapshot).left_out == ()


def test_make_plan__max_trade_of_the_module__cuts_every_trade() -> None:
    assert max(t.value for t in plan_with(max_trade=Ppm(30_000)).trades) == usd(2_990)


def test_make_plan__less_turnover_left_than_wanted__trades_that_and_says_what_waits() -> None:
    plan = plan_with(last=NOW - 600, turnover_left=Weight(120_000 * WIDER))
    # What leaks until the batch is mined is not counted on, and half of the tolerance is left free.
    assert usd(11_900) < plan.value <= usd(12_000) * 1_000_000 // 1_001_250
    assert all("(max_turnover): the rest waits" in words for words in plan.left_out)
    assert "the module leaves room for 1,9" in plan.left_out[0]
    assert plan.left_out[0].endswith(f"; cut to {amount(plan.trades[-1].sell)}")


def test_make_plan__less_loss_left_than_expected__trades_what_may_be_lost() -> None:
    free = plan_with()
    lost = sum(t.value for t in free.trades) * 5 // 10_000
    plan = plan_with(last=NOW, loss_left=Weight(lost * ONE // usd(100_000)), cooldown=0)
    assert 0 < plan.value < free.value
    assert any("(max_loss)" in words for words in plan.left_out)


def test_make_plan__a_tolerance_of_next_to_nothing__passes_no_target() -> None:
    plan = plan_with(tolerance=Ppm(1))
    assert {t.buy for t in plan.trades} == {USDC, WBTC, LINK}
    assert sum(t.value for t in plan.trades) <= usd(20_000)


# ---------------------------------------------------------------- waiting


def test_make_plan__in_the_cooldown__holds_and_says_until_when() -> None:
    snapshot = module_snapshot(*HELD, wallet=wallet_with(last=NOW - 48))
    assert hold_of(snapshot) == (
        "the module rests: its last rebalance is 48 s ago, and its cooldown is 10 min; the next is possible in "
        "9 min 12 s"
    )
    # Not in the next block either, where it could be mined: an older node simulates in the one that was read.
    assert "possible in 1 s" in hold_of(replace(snapshot, wallet=wallet_with(last=NOW - 599)))
    assert planned(replace(snapshot, wallet=wallet_with(last=NOW - 600))).trades


def test_make_plan__turnover_used_up__holds_and_says_until_when() -> None:
    reason = hold_of(module_snapshot(*HELD, wallet=wallet_with(last=NOW, cooldown=0, turnover_left=Weight(0))))
    assert reason.startswith("the module's turnover is used up: 0.00 USD may be traded now, its min_trade is 50.00 USD")
    assert reason.endswith("so much is left again in 2 min 25 s")


def test_make_plan__a_wallet_too_small_for_the_modules_least_trade__holds_and_says_never() -> None:
    reason = hold_of(module_snapshot(*HELD, wallet=wallet_with(min_trade=usd(40_000))))
    assert reason.endswith("never: the wallet is too small for it")


def test_make_plan__nothing_may_be_lost__holds_with_the_reasons() -> None:
    reason = hold_of(module_snapshot(*HELD, wallet=wallet_with(max_loss=Ppm(0), loss_left=Weight(0))))
    assert reason.startswith("no trade can be made: ") and "(max_loss)" in reason


def test_make_plan__an_empty_wallet_of_a_module__holds() -> None:
    assert "nothing of value" in hold_of(module_snapshot(0, 0, 0, 0))


# ---------------------------------------------------------------- every plan


@st.composite
def ranges(draw: st.DrawFn, target: int) -> tuple[Ppm, Ppm]:
    """Around a target: any weight, or from close to far, the target at an edge among them."""
    away = st.sampled_from([0, 1, 2_500, 20_000, 100_000, PPM])
    return Ppm(max(target - draw(away), 0)), Ppm(min(target + draw(away), PPM))


@st.composite
def module_wallets(draw: st.DrawFn, targets: tuple[Target, ...]) -> ModuleWallet:
    """Any limits that leave room for some trade, ranges of any width, and meters from nearly used up to full."""
    whole = tuple(Ppm(target.weight // WIDER) for target in targets)
    wallet = wallet_with(**draw(limits_and_state()), targets=whole)
    drawn = [draw(ranges(target)) for target in whole]
    assets = (replace(a, least=r[0], most=r[1]) for a, r in zip(wallet.policy.assets, drawn, strict=True))
    return replace(wallet, policy=replace(wallet.policy, assets=tuple(assets)))


@st.composite
def limits_and_state(draw: st.DrawFn) -> dict[str, object]:
    turnover, loss = draw(st.integers(20_000, 1_000_000)), draw(st.integers(500, 100_000))
    used = st.sampled_from([0, 1, 50, 90, 98])
    return {
        "window": draw(st.sampled_from([3_600, DAY, 7 * DAY + 1])),
        "max_turnover": Ppm(turnover),
        "max_loss": Ppm(loss),
        "max_shortfall": Ppm(draw(st.integers(5_000, 50_000))),
        "min_trade": Usd(draw(st.sampled_from([1, 50 * ONE]))),
        "max_trade": Ppm(draw(st.integers(10_000, 1_000_000))),
        "tolerance": Ppm(draw(st.integers(1, 20_000))),
        "last": NOW - draw(st.integers(600, DAY)),
        "turnover_left": Weight(turnover * WIDER * (100 - draw(used)) // 100),
        "loss_left": Weight(loss * WIDER * (100 - draw(used)) // 100),
    }


@st.composite
def cases(draw: st.DrawFn) -> Case:
    snapshot, policy = draw(markets()), draw(policies())
    whole = [target.weight // WIDER for target in draw(weights())]
    whole[whole.index(max(whole))] += 10**6 - sum(whole)
    # The module counts in millionths, and so does whoever plans for it.
    targets = tuple(Target(b.token, Weight(part * WIDER)) for b, part in zip(snapshot.balances, whole, strict=True))
    held: Snapshot = replace(snapshot, wallet=draw(module_wallets(targets)))
    portfolio = portfolio_in(held, targets)
    plan = make_plan(policy, portfolio, held, FEES)
    assume(isinstance(plan, Plan))
    assert isinstance(plan, Plan)
    return Case(policy, targets, held, portfolio, plan)


@settings(max_examples=EXAMPLES)
@given(cases())
def test_every_plan__for_a_module__is_let_through_and_its_outcome_stands(case: Case) -> None:
    batch = batch_of(case.plan, case.snapshot, case.policy)
    assert guard_module_batch(case.snapshot, batch) == ()
    assert guard_module_simulation(case.snapshot, batch, simulated(batch)) == ()
    drift = {p.balance.token: p.drift for p in case.portfolio.positions}
    assert all(drift[t.sell.token] > 0 > drift[t.buy] for t in case.plan.trades)


@settings(max_examples=2 * EXAMPLES)
@given(cases(), st.data())
def test_every_plan__for_a_module__keeps_its_limits_when_prices_move_by_a_part_of_the_tolerance(
    case: Case, data: st.DataObject
) -> None:
    wallet = case.snapshot.wallet
    assert isinstance(wallet, ModuleWallet)
    # What is sold, what arrives and what the wallet is worth may each move by as much, one against another.
    most = wallet.policy.limits.tolerance // 6
    moves = data.draw(st.lists(st.integers(-most, most), min_size=4, max_size=4))
    prices = tuple(
        replace(p, usd=Usd(p.usd * (PPM + move) // PPM)) for p, move in zip(case.snapshot.prices, moves, strict=True)
    )
    moved = replace(case.snapshot, prices=prices)
    batch = batch_of(case.plan, case.snapshot, case.policy)
    simulation = simulated(batch)
    first = next(iter((*guard_module_batch(moved, batch), *guard_module_simulation(moved, batch, simulation))), None)
    rule = "" if first is None else first.rule.removeprefix(PREFIX)
    # A token that is barely off its target may stand on its other side by then, and one that is to be all there is
    # may be worth more than all there was.
    kept = {"max_loss", "max_turnover", "max_trade", "min_trade", "sells_past_target", "buys_past_target"}
    if all(asset.most < PPM for asset in wallet.policy.assets):
        kept |= {"range"}
    if wallet.policy.limits.max_shortfall >= 2 * wallet.policy.limits.tolerance:
        kept |= {"min_out"}
    assert rule not in kept, first


@pytest.mark.parametrize(("dollars", "nearest"), [(2_000, "there is little room"), (9_000, "max_turnover")])
def test_make_plan__with_room_beside_the_modules_own__keeps_within_both(dollars: int, nearest: str) -> None:
    left = Weight(50_000 * WIDER)
    snapshot = module_snapshot(*HELD, wallet=wallet_with(cooldown=0, last=NOW, turnover_left=left))
    room = Room(usd(dollars), "there is little room")
    plan = make_plan(POLICY, portfolio_in(snapshot), snapshot, FEES, room)
    assert isinstance(plan, Plan) and usd(1_900) < plan.value <= min(usd(dollars), usd(5_000))
    assert any(nearest in words for words in plan.left_out)
    assert guard_module_batch(snapshot, batch_of(plan, snapshot)) == ()
