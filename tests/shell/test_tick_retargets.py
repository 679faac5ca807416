"""Other targets for a module: set within the owners' bounds and the step meter, on record before, and gone to after."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, OURS, past_of, rows, state, tick
from given_retargeting import (
    MORE_ETHER,
    NoTargets,
    a_module,
    chain_of,
    intents_of,
    keeper,
    moved_to,
    targets_now,
    wallet_of,
    wanted,
)
from small_market import LINK, NOW, POLICY, USDC, WETH, share, usd
from small_module import MODULE, POLICY_ON_CHAIN

from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.wallets.fake import FakeWallet, as_quoted, landed
from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Batch,
    Blocked,
    Calendar,
    Held,
    Intent,
    Landed,
    Landing,
    Planned,
    Reverted,
    Settled,
    Simulation,
    Snapshot,
)
from rebalancer.core.render import outcome_words
from rebalancer.keeper import record_of, run_once
from rebalancer.units import Amount, Bps, Ppm, Wei

# ---------------------------------------------------------------- set, and gone to


def test_tick__other_targets_are_wanted__are_set_and_recorded_and_moved_nothing() -> None:
    ports = keeper(*MORE_ETHER)
    report = tick(ports)
    outcome = report.outcome
    assert isinstance(outcome, Settled) and outcome.targets == wanted(*MORE_ETHER)
    assert outcome.settlement.fills == () and outcome.settlement.cost.gas > 0 == outcome.settlement.cost.traded
    assert report.why == "other targets are wanted: WETH 30 % to 40 %, USDC 40 % to 30 %" and report.targets is None
    assert "targets: WETH 40 %, USDC 30 %, WBTC 20 %, LINK 10 %; cost " in outcome_words(outcome)[1]
    (intent,) = intents_of(ports)
    assert intent.targets == wanted(*MORE_ETHER) and (intent.trades, intent.orders, intent.pools) == ((), (), ())
    assert intent.commitment.transaction.call.to == MODULE and targets_now(ports) == list(MORE_ETHER)
    assert past_of(ports).open_intent is None


def test_tick__after_they_are_set_and_final__rebalances_to_them() -> None:
    ports = keeper(*MORE_ETHER)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    waits = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(waits, Held) and f"{FINAL_BLOCKS} blocks" in waits.reason
    assert "the last change of targets 0x" in waits.reason
    chain_of(ports).deepen(FINAL_BLOCKS)
    outcome = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(outcome, Settled) and not outcome.targets
    moved = {fill.token: fill.raw for fill in outcome.settlement.fills}
    assert moved[WETH] > 0 > moved[USDC] and set(moved) == {WETH, USDC}
    assert moved[USDC] == pytest.approx(-10_000 * 10**6, rel=0.01)
    assert rows(ports)[:3] == ["settled", "held", "settled"]


def test_tick__what_is_wanted_is_set_already__says_nothing_of_it() -> None:
    report = tick(keeper(30, 40, 20, 10))
    assert isinstance(report.outcome, Held) and report.targets is None


def test_tick__dry_run__is_planned_and_signs_and_records_nothing() -> None:
    ports = keeper(*MORE_ETHER)
    outcome = tick(ports, mode=DRY).outcome
    assert isinstance(outcome, Planned) and outcome.batch.targets == wanted(*MORE_ETHER)
    assert outcome_words(outcome)[1].startswith("targets: WETH 40 %, USDC 30 %, WBTC 20 %, LINK 10 %; expected cost ")
    assert intents_of(ports) == [] and wallet_of(ports).sent == [] and targets_now(ports)[0] == 30


def test_tick__simulated__is_the_very_call_that_is_sent() -> None:
    tried: list[Batch] = []

    class Watching(FakeWallet):
        def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
            tried.append(batch)
            return super().simulate(batch, snapshot)

    ports = keeper(*MORE_ETHER, wallet=Watching())
    tick(ports)
    (intent,) = intents_of(ports)
    assert [batch.call for batch in tried] == [intent.commitment.transaction.call]


def test_tick__the_meter_leaves_a_part__sets_that_and_says_what_waits() -> None:
    ports = keeper(*MORE_ETHER, module=a_module(left=40_000))
    report = tick(ports)
    assert isinstance(report.outcome, Settled) and targets_now(ports) == [34, 36, 20, 10]
    assert report.why is not None and report.why.endswith("; 6 % more waits for target_step")
    chain_of(ports).deepen(FINAL_BLOCKS)
    again = tick(ports)
    assert isinstance(again.outcome, Held) and again.targets is not None
    assert again.targets.startswith("targets stand: what is wanted is 6 % away, and target_step leaves 0 % of 20 %")


def test_tick__of_a_safe_without_a_module__holds_to_what_is_wanted_and_sets_nothing() -> None:
    ports = keeper(*MORE_ETHER)
    chain_of(ports).reorganise([state(*OFF_TARGET, wallet=OURS)])
    report = tick(ports, mode=DRY)
    assert report.targets is None and report.portfolio is not None
    assert [position.target for position in report.portfolio.positions] == [share(part) for part in MORE_ETHER]


# ---------------------------------------------------------------- they stand, and the rest goes on


def stands_and_rebalances(ports: object) -> str:
    """The wallet is off the module's targets; why these stand."""
    report = tick(ports)  # type: ignore[arg-type]
    assert isinstance(report.outcome, Settled) and not report.outcome.targets, report.outcome
    moved = {fill.token: fill.raw for fill in report.outcome.settlement.fills}
    # Back to 30, 40 and 10 % from 45, 30 and 5 %: to the module's, whatever is wanted.
    assert moved[WETH] == pytest.approx(-75 * 10**17, rel=0.01) and moved[USDC] > 0 and moved[LINK] > 0
    assert report.targets is not None and record_of(report, NOW, 1).detail.endswith(f"; {report.targets}")
    return report.targets


def test_tick__outside_what_the_owners_allow__stands_and_rebalances_to_the_modules() -> None:
    first, *others = POLICY_ON_CHAIN.assets
    module = a_module()
    capped = replace(module.policy, assets=(replace(first, most=Ppm(399_999)), *others))
    said = stands_and_rebalances(keeper(*MORE_ETHER, module=replace(module, policy=capped), held=OFF_TARGET))
    assert said.startswith("targets stand: WETH is wanted at 40 %, and the owners allow 0 % to 39.9999 %. The owners ")


def test_tick__nearer_than_is_worth_its_gas__stands_and_rebalances_to_the_modules() -> None:
    said = stands_and_rebalances(keeper("30.5", "39.5", 20, 10, held=OFF_TARGET))
    assert said == "targets stand: what is wanted is 0.5 % away, and they move from 1 % on"


def test_tick__nothing_left_of_the_meter__stands_and_rebalances_to_the_modules() -> None:
    said = stands_and_rebalances(keeper(*MORE_ETHER, module=a_module(left=0), held=OFF_TARGET))
    assert "target_step leaves 0 % of 20 % in 1 d" in said


def test_tick__the_operator_may_move_none__stands_and_rebalances_to_the_modules() -> None:
    module = a_module(left=0, target_step=Ppm(0))
    assert "target_step is 0 %" in stands_and_rebalances(keeper(*MORE_ETHER, module=module, held=OFF_TARGET))


def test_tick__no_estimate_can_be_had__stands_and_rebalances_to_the_modules() -> None:
    ports = replace(keeper(*MORE_ETHER, held=OFF_TARGET), targets=NoTargets())
    said = stands_and_rebalances(ports)
    assert said == (
        "targets stand: what is wanted is not known: 3 days of prices are missing; try again at the next tick"
    )


def test_tick__what_is_wanted_is_no_portfolio__stands_and_rebalances_to_the_modules() -> None:
    ports = replace(keeper(*MORE_ETHER, held=OFF_TARGET), targets=FixedTargets(wanted(50, 30, 20, 10)))
    assert "target weights sum to 110 %" in stands_and_rebalances(ports)


def test_tick__the_month_has_cost_enough__stands_and_says_so() -> None:
    frugal = replace(POLICY, over_time=replace(POLICY.over_time, cost_per_month=Bps(0)))
    report = tick(keeper(*MORE_ETHER), frugal)
    assert isinstance(report.outcome, Held) and report.targets is not None
    assert "; cost_per_month: 0.01 % of the portfolio paid in 30 d" in report.targets


def test_tick__gas_is_too_dear__stands_and_says_so() -> None:
    ports = keeper(*MORE_ETHER)
    now = chain_of(ports).read()
    chain_of(ports).reorganise([replace(now, block=replace(now.block, base_fee=Wei(200 * 10**9)))])
    report = tick(ports)
    assert (
        isinstance(report.outcome, Held) and report.targets is not None and "max_gas_price: 201 gwei" in report.targets
    )


def test_tick__while_the_last_rebalance_is_not_final__stands_and_says_so() -> None:
    ports = keeper(30, 40, 20, 10, held=OFF_TARGET)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    report = tick(replace(ports, targets=FixedTargets(wanted(*MORE_ETHER))))
    assert isinstance(report.outcome, Held) and report.targets is not None
    assert report.targets.startswith("targets stand: other targets are wanted: WETH 30 % to 40 %, USDC 40 % to 30 %; ")
    assert "the last rebalance 0x" in report.targets and "is final from block" in report.targets


# ---------------------------------------------------------------- guarded


@pytest.mark.parametrize(
    ("reason", "rule"),
    [
        ("RebalanceModule: paused (the guardian or the owners have paused the module)", "RebalanceModule: paused"),
        ("out of gas", "simulation"),
    ],
)
def test_tick__the_module_refuses_them_in_the_simulation__is_blocked_by_name(reason: str, rule: str) -> None:
    ports = keeper(*MORE_ETHER, wallet=FakeWallet(simulations=[Reverted(reason)]))
    outcome = tick(ports).outcome
    assert isinstance(outcome, Blocked) and [breach.rule for breach in outcome.breaches] == [rule]
    assert intents_of(ports) == []


def test_tick__setting_them_moves_a_token__is_blocked() -> None:
    class Thief(FakeWallet):
        def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
            measured = as_quoted(batch, snapshot)
            return replace(measured, changes=(Amount(WETH, -1), *measured.changes[1:]))

    ports = keeper(*MORE_ETHER, wallet=Thief())
    outcome = tick(ports).outcome
    assert isinstance(outcome, Blocked) and [breach.rule for breach in outcome.breaches] == ["nothing_moves"]
    assert intents_of(ports) == []


def test_tick__they_landed_and_moved_a_token__halts() -> None:
    def stolen(intent: Intent) -> Landing:
        landing = landed(intent)
        assert isinstance(landing, Landed)
        changes = (Amount(WETH, -1), *landing.receipt.changes[1:])
        return Landed(replace(landing.receipt, changes=changes))

    ports = keeper(*MORE_ETHER, wallet=FakeWallet(landings=[stolen]))
    with pytest.raises(Halt, match="expected new targets to move nothing"):
        tick(ports)


def test_tick__they_landed_and_the_module_has_others__halts() -> None:
    ports = keeper(*MORE_ETHER)
    wallet, shown = wallet_of(ports), wallet_of(ports).on_landed

    def otherwise(receipt: object) -> None:
        shown(receipt)  # type: ignore[arg-type]
        chain_of(ports).reorganise([moved_to(chain_of(ports).read(), wanted(41, 29, 20, 10))])

    wallet.on_landed = otherwise
    with pytest.raises(Halt, match=r"targets_as_set: the module's targets are 41 %, 29 %, 20 %, 10 % at block"):
        tick(ports)


# ---------------------------------------------------------------- counted


def test_history__of_targets_that_were_set__counts_their_gas_and_no_rebalance() -> None:
    ports = keeper(*MORE_ETHER)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    past = past_of(ports)
    assert past.last_settled_at is None and ports.ledger.rebalances(5) == ()
    history = past.history
    assert (history.trades_of_day, history.traded, history.good_since, history.day_began) == (0, usd(0), None, None)
    assert history.gas_of_month > 0 and history.cost_of_month > 0


def test_tick__by_the_calendar_after_they_were_set__is_due_all_the_same() -> None:
    weekly = replace(POLICY, trigger=Calendar(7 * 86_400))
    ports = keeper(*MORE_ETHER)
    assert isinstance(run_once(ports, weekly, LIVE).outcome, Settled)
    chain_of(ports).deepen(FINAL_BLOCKS)
    outcome = run_once(ports, weekly, LIVE).outcome
    assert isinstance(outcome, Settled) and outcome.settlement.fills
