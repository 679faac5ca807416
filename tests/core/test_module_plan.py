"""Plans for a module's wallet: what it would refuse is not planned, and what waits is said in words."""

from __future__ import annotations

from dataclasses import replace

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
from test_plan_properties import Case, markets, policies, weights

from rebalancer.core.guard import guard_batch
from rebalancer.core.model import ModuleWallet, Plan, Snapshot, Target
from rebalancer.core.module_guard import guard_module_batch, guard_module_simulation
from rebalancer.core.module_room import stricter
from rebalancer.core.plan import make_plan
from rebalancer.core.render import amount
from rebalancer.units import ONE, Bps, Ppm, Usd, Weight

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
    tight = replace(MODULE_LIMITS, min_trade=usd(70), max_trade=Ppm(123_499), max_shortfall=Ppm(5_099))
    assert stricter(LIMITS, tight) == replace(LIMITS, min_trade=usd(70), max_trade=Bps(1_234), max_slippage=Bps(50))


def test_make_plan__with_room_for_everything__is_the_plan_of_a_safe() -> None:
    snapshot = module_snapshot(*HELD)
    strict = replace(POLICY, limits=stricter(LIMITS, MODULE_LIMITS))
    assert planned(snapshot) == planned(replace(snapshot, wallet=wallet_with().safe), strict)
    assert planned(snapshot).left_out == ()


def test_make_plan__max_trade_of_the_module__cuts_every_trade() -> None:
    assert max(t.value for t in plan_with(max_trade=Ppm(30_000)).trades) == usd(3_000)


def test_make_plan__less_turnover_left_than_wanted__trades_that_and_says_what_waits() -> None:
    plan = plan_with(last=NOW - 600, turnover_left=Weight(120_000 * WIDER))
    # A second lets 3.47 dollars more be traded, and the batch is mined 12 seconds on.
    assert usd(11_900) < plan.value <= usd(12_000) + usd(42)
    (words,) = plan.left_out
    assert "WETH for USDC moves 9,99" in words and "the module leaves room for 1,99" in words
    assert words.endswith(f"(max_turnover): the rest waits; cut to {amount(plan.trades[-1].sell)}")


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
        "the module rests: its last rebalance is 1 min ago, and its cooldown is 10 min; the next is possible in 9 min"
    )
    assert planned(replace(snapshot, wallet=wallet_with(last=NOW - 588))).trades


def test_make_plan__turnover_used_up__holds_and_says_until_when() -> None:
    reason = hold_of(module_snapshot(*HELD, wallet=wallet_with(last=NOW, cooldown=0, turnover_left=Weight(0))))
    assert reason.startswith("the module's turnover is used up: 4.16 USD may be traded now, its min_trade is 50.00 USD")
    assert reason.endswith("so much is left again in 2 min 24 s")


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
def module_wallets(draw: st.DrawFn, targets: tuple[Target, ...]) -> ModuleWallet:
    """Any limits that leave room for some trade, and meters from nearly used up to full."""
    turnover, loss = draw(st.integers(20_000, 1_000_000)), draw(st.integers(500, 100_000))
    used = st.sampled_from([0, 1, 50, 90, 98])
    return wallet_with(
        window=draw(st.sampled_from([3_600, DAY, 7 * DAY + 1])),
        max_turnover=Ppm(turnover),
        max_loss=Ppm(loss),
        max_shortfall=Ppm(draw(st.integers(5_000, 50_000))),
        min_trade=Usd(draw(st.sampled_from([1, 50 * ONE]))),
        max_trade=Ppm(draw(st.integers(10_000, 1_000_000))),
        tolerance=Ppm(draw(st.integers(1, 20_000))),
        last=NOW - draw(st.integers(600, DAY)),
        turnover_left=Weight(turnover * WIDER * (100 - draw(used)) // 100),
        loss_left=Weight(loss * WIDER * (100 - draw(used)) // 100),
        targets=tuple(Ppm(target.weight // WIDER) for target in targets),
    )


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


@given(cases())
@settings(deadline=None)
def test_every_plan__for_a_module__is_let_through_and_its_outcome_stands(case: Case) -> None:
    batch = batch_of(case.plan, case.snapshot, case.policy)
    assert guard_module_batch(case.snapshot, batch) == ()
    assert guard_module_simulation(case.snapshot, batch, simulated(batch)) == ()
    drift = {p.balance.token: p.drift for p in case.portfolio.positions}
    assert all(drift[t.sell.token] > 0 > drift[t.buy] for t in case.plan.trades)
