"""Guards of a module's wallet: the account, the batch, and what the simulation measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small_market import (
    ATTACKER,
    FEES,
    NOW,
    OPERATOR,
    POLICY,
    USDC,
    WBTC,
    WETH,
    batch_of,
    planned,
    portfolio_in,
    simulated,
)
from small_module import GUARDIAN, MODULE, NOBODY, WALLET_OF_MODULE, WIDER, module_snapshot, wallet_with

from rebalancer.core.cost import cost_of_quotes
from rebalancer.core.guard import guard_account, guard_batch, guard_simulation, no_allowance_left, reverted
from rebalancer.core.model import Allowance, Breach, ModuleWallet, Reverted, Simulated, Terms
from rebalancer.core.module_books import HALF, Holding, books_of, loss_left, seconds_until, turnover_left
from rebalancer.core.module_end_rules import in_range
from rebalancer.core.module_guard import guard_module_batch, guard_module_simulation
from rebalancer.units import ONE, Amount, Ppm, Price, Token, Usd, Weight

SNAPSHOT = module_snapshot(50_000, 30_000, 15_000, 5_000)
PORTFOLIO = portfolio_in(SNAPSHOT)
BATCH = batch_of(planned(SNAPSHOT), SNAPSHOT)
SIMULATION = simulated(BATCH)


def rules(breaches: tuple[Breach, ...]) -> list[str]:
    return [breach.rule.removeprefix("RebalanceModule: ") for breach in breaches]


# ---------------------------------------------------------------- the account


def test_guard_account__of_a_good_module__passes_though_the_safe_asks_for_two_signatures() -> None:
    assert guard_account(POLICY, SNAPSHOT, OPERATOR) == ()


@pytest.mark.parametrize(
    ("wallet", "rule"),
    [
        (replace(WALLET_OF_MODULE, safe=replace(WALLET_OF_MODULE.safe, modules=())), "module_enabled"),
        (wallet_with(operator=ATTACKER), "only_operator"),
        (wallet_with(operator=NOBODY), "only_operator"),
        (replace(WALLET_OF_MODULE, safe=replace(WALLET_OF_MODULE.safe, owners=(OPERATOR,))), "operator_is_owner"),
        (wallet_with(paused=True), "paused"),
    ],
)
def test_guard_account__of_a_module_with_one_thing_wrong__is_its_breach(wallet: ModuleWallet, rule: str) -> None:
    assert rules(guard_account(POLICY, replace(SNAPSHOT, wallet=wallet), OPERATOR)) == [rule]


def test_guard_account__of_a_module_that_is_not_enabled__names_those_that_are() -> None:
    wallet = replace(WALLET_OF_MODULE, safe=replace(WALLET_OF_MODULE.safe, modules=(GUARDIAN,)))
    (breach,) = guard_account(POLICY, replace(SNAPSHOT, wallet=wallet), OPERATOR)
    assert breach == Breach("module_enabled", f"the Safe's modules are: {GUARDIAN}", f"{MODULE} among them")


# ---------------------------------------------------------------- the batch


def test_guard_batch__of_a_plan_for_the_module__passes() -> None:
    assert guard_batch(POLICY, PORTFOLIO, SNAPSHOT, BATCH) == ()


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"last": NOW}, "cooldown"),
        ({"operator": ATTACKER}, "only_operator"),
        ({"max_trade": Ppm(1_000)}, "max_trade"),
        ({"max_shortfall": Ppm(0)}, "min_out"),
    ],
)
def test_guard_batch__that_the_module_would_refuse__has_its_rule(change: dict[str, Any], rule: str) -> None:
    snapshot = replace(SNAPSHOT, wallet=wallet_with(**change))
    assert f"RebalanceModule: {rule}" in [b.rule for b in guard_batch(POLICY, PORTFOLIO, snapshot, BATCH)]


def test_guard_module_batch__of_a_route_that_nobody_knows__is_a_breach_and_no_error() -> None:
    unknown = replace(BATCH, quotes=tuple(replace(quote, route=None) for quote in BATCH.quotes))
    assert rules(guard_module_batch(SNAPSHOT, unknown)) == ["path"]
    assert rules(guard_module_simulation(SNAPSHOT, unknown, SIMULATION)) == ["path"]


def test_guard_module__of_another_kind_of_wallet__says_nothing() -> None:
    snapshot = replace(SNAPSHOT, wallet=WALLET_OF_MODULE.safe)
    assert guard_module_batch(snapshot, BATCH) == () == guard_module_simulation(snapshot, BATCH, SIMULATION)


def test_reverted__by_the_module__has_the_modules_rule() -> None:
    assert reverted(Reverted("RebalanceModule: max_loss")).rule == "RebalanceModule: max_loss"
    assert reverted(Reverted("STF")) == Breach("simulation", "STF", "a batch that executes")


@pytest.mark.parametrize(
    ("reason", "rule", "rest"),
    [
        ("RebalanceModule: execution (the swap: STF)", "RebalanceModule: execution", " (the swap: STF)"),
        ("RebalanceModule: band; look at the feed (1)", "RebalanceModule: band", "; look at the feed (1)"),
        ("RebalanceModule: path", "RebalanceModule: path", ""),
    ],
)
def test_reverted__by_the_module_with_more_words__has_the_bare_rule_and_shows_the_words(
    reason: str, rule: str, rest: str
) -> None:
    seen = f"the simulated batch is refused by the module{rest}"
    assert reverted(Reverted(reason)) == Breach(rule, seen, "a batch that executes")


def test_guard_module_batch__that_only_the_next_block_takes__is_a_breach() -> None:
    assert rules(guard_module_batch(replace(SNAPSHOT, wallet=wallet_with(last=NOW - 600)), BATCH)) == []
    assert rules(guard_module_batch(replace(SNAPSHOT, wallet=wallet_with(last=NOW - 599)), BATCH)) == ["cooldown"]
    late = replace(BATCH, deadline=NOW + 11)
    assert rules(guard_module_batch(SNAPSHOT, late)) == ["deadline"]


# ---------------------------------------------------------------- the simulation


def after(token: Token, raw: int) -> Simulated:
    """The honest simulation with so many base units of a token more."""
    changes = tuple(replace(c, raw=c.raw + raw) if c.token == token else c for c in SIMULATION.changes)
    return replace(SIMULATION, changes=changes)


def judged(simulation: Simulated, wallet: ModuleWallet = WALLET_OF_MODULE) -> list[str]:
    return rules(guard_module_simulation(replace(SNAPSHOT, wallet=wallet), BATCH, simulation))


def floor_of(token: Token) -> int:
    return sum(q.trade.floor.raw for q in BATCH.quotes if q.trade.buy == token)


def test_guard_module_simulation__of_an_honest_one__passes() -> None:
    assert judged(SIMULATION) == []


def test_guard_simulation__that_the_module_would_not_let_stand__has_its_rule() -> None:
    cost = cost_of_quotes(BATCH.quotes, SNAPSHOT, FEES)
    assert guard_simulation(POLICY, (SNAPSHOT, PORTFOLIO), BATCH, SIMULATION, cost) == ()
    # Nothing is left of the meter, and over a window without end nothing leaks.
    spent = replace(SNAPSHOT, wallet=wallet_with(loss_left=Weight(0), window=10**30))
    assert rules(guard_simulation(POLICY, (spent, PORTFOLIO), BATCH, SIMULATION, cost)) == ["max_loss"]


def test_no_allowance_left__of_one_that_stood_before__is_no_breach_and_a_unit_more_is() -> None:
    cost, router = cost_of_quotes(BATCH.quotes, SNAPSHOT, FEES), BATCH.quotes[0].spender
    stood = replace(SNAPSHOT, allowances=(Allowance(router, Amount(WETH, 5)),))

    def left(raw: int) -> list[str]:
        measured = tuple(Allowance(a.spender, replace(a.amount, raw=raw)) for a in SIMULATION.allowances)
        return rules(
            guard_simulation(POLICY, (stood, PORTFOLIO), BATCH, replace(SIMULATION, allowances=measured), cost)
        )

    assert left(5) == [] and set(left(6)) == {"no_allowance_left"}


def test_no_allowance_left__of_calldata_from_outside__is_none_whatever_stood_before() -> None:
    first = BATCH.quotes[0]
    sold, trade = first.trade.sell, first.trade
    terms = Terms("swap", sold.token.address, trade.buy.address, sold.raw, trade.floor.raw, ATTACKER, ())
    batch = replace(BATCH, quotes=(replace(first, route=None, terms=terms), *BATCH.quotes[1:]))
    stood = replace(SNAPSHOT, allowances=(Allowance(first.spender, Amount(sold.token, 5)),))
    left = replace(SIMULATION, allowances=(Allowance(first.spender, Amount(sold.token, 5)),))
    assert [b.rule for b in no_allowance_left(stood, batch, left)] == ["no_allowance_left"]
    assert list(no_allowance_left(stood, BATCH, left)) == []


def test_balances__at_the_minimum__pass_and_a_unit_less_is_a_breach() -> None:
    spare = next(c.raw for c in SIMULATION.changes if c.token == WBTC) - floor_of(WBTC)
    assert judged(after(WBTC, -spare)) == []
    assert judged(after(WBTC, -spare - 1)) == ["balances"]
    assert judged(after(WETH, -1)) == ["balances"]


def test_too_large__of_a_token_that_came_in__is_a_breach_before_its_range() -> None:
    held = next(balance.raw for balance in SNAPSHOT.balances if balance.token == USDC)
    came = next(change.raw for change in SIMULATION.changes if change.token == USDC)
    assert "too_large" not in judged(after(USDC, HALF - held - came))
    assert judged(after(USDC, HALF + 1 - held - came))[0] == "too_large"


def test_range__of_a_token_carried_over_its_most__is_a_breach_and_one_that_stays_is_not() -> None:
    assets = tuple(replace(asset, most=Ppm(400_000)) for asset in WALLET_OF_MODULE.policy.assets)
    wallet = replace(WALLET_OF_MODULE, policy=replace(WALLET_OF_MODULE.policy, assets=assets))
    # WETH was over it, and is brought back; USDC ends a cent over.
    assert judged(SIMULATION, wallet) == []
    held = 30_000 * 10**6 + next(c.raw for c in SIMULATION.changes if c.token == USDC)
    assert judged(after(USDC, 40_000 * 10**6 - held), wallet) == []
    assert judged(after(USDC, 40_000 * 10**6 - held + 10_000), wallet) == ["range"]


def test_range__at_a_least_between_two_values__is_the_higher_as_the_module_counts() -> None:
    usdc = books_of(SNAPSHOT, WALLET_OF_MODULE).holdings[1]
    asset = replace(usdc.asset, least=Ppm(333_333), most=Ppm(500_000))
    # A third of three wei of a dollar: one is less than a third of them by a hair.
    old = Holding(asset, Ppm(400_000), Amount(USDC, 2), Price(USDC, Usd(10**6), NOW))
    assert list(in_range(Usd(4), old, old.moved(-1))) != []
    assert list(in_range(Usd(3), old, old.moved(-1))) == []
    # Worth the same to the last digit, yet moved: it has to be in range.
    dust = Holding(asset, Ppm(400_000), Amount(USDC, 1), Price(USDC, Usd(1), NOW))
    assert list(in_range(Usd(3), dust, dust)) == []
    assert list(in_range(Usd(3), dust, dust.moved(1))) != []


def test_drift__of_a_gift_that_overshoots__is_a_breach() -> None:
    traded = sum(q.trade.value for q in BATCH.quotes) // ONE
    assert judged(after(USDC, (traded - 100) * 10**6)) == []
    assert judged(after(USDC, (traded + 100) * 10**6)) == ["drift"]


def test_meters__at_their_edge__hold_what_is_lost_and_traded() -> None:
    lost = -sum(PORTFOLIO.positions[i].price.value_down(c.raw) for i, c in enumerate(SIMULATION.changes))
    worth, traded = PORTFOLIO.value, sum(q.trade.value for q in BATCH.quotes)
    # Rounded against the operator, to a share of one in 1e18.
    for name, used in (("loss", lost), ("turnover", traded)):
        least = -(-used * ONE // worth)
        # Over a window without end nothing leaks until the batch is mined.
        edge = {f"{name}_left": Weight(least), "window": 10**30}
        assert judged(SIMULATION, wallet_with(**edge)) == []
        short = edge | {f"{name}_left": Weight(least - 1)}
        assert judged(SIMULATION, wallet_with(**short)) == [f"max_{name}"]


# ---------------------------------------------------------------- the meters


def test_left__after_half_a_window__is_half_a_meter_more_and_never_more_than_full() -> None:
    wallet = wallet_with(last=NOW, turnover_left=Weight(0), loss_left=Weight(4_000 * WIDER))
    assert turnover_left(wallet, NOW, NOW + 43_200) == 150_000 * WIDER
    assert loss_left(wallet, NOW, NOW + 43_200) == 5_000 * WIDER


def test_left__of_a_time_that_does_not_divide__counts_from_the_last_rebalance_as_the_module_does() -> None:
    # A window of 7 seconds: what leaks in 3 and in 5 is cut each by itself.
    full = 300_000 * WIDER
    wallet = wallet_with(window=7, last=NOW - 3, turnover_left=Weight(full * 3 // 7))
    assert turnover_left(wallet, NOW, NOW + 2) == full * 5 // 7


@pytest.mark.parametrize(("left", "wait"), [(0, 14_400), (10_000, 11_520), (50_000, 0), (60_000, 0)])
def test_seconds_until__so_much_is_left__are_a_windows_share(left: int, wait: int) -> None:
    wallet = wallet_with(turnover_left=Weight(left * WIDER))
    assert seconds_until(wallet, Weight(50_000 * WIDER)) == wait


def test_seconds_until__more_is_left_than_fits__is_never() -> None:
    assert seconds_until(WALLET_OF_MODULE, Weight(300_001 * WIDER)) is None
