"""New targets through the real module: set as simulated, partly, refused, killed in between, and by two at once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from eth_abi.abi import decode
from given_keeper import Gate, Keeper, command, ended
from given_modules import (
    MOVED,
    a_module_desk,
    a_moving_keeper,
    a_wanted_module,
    by_safe,
    module,
    module_of,
    owners_do,
    receipt_of,
    targets_of,
)
from given_wallet import LIMITS, TOKENS, BlockClock, Desk, an_intent_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_market import POLICY, share

from rebalancer.adapters.lease.fake import FakeLease
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.nobody import NobodyOutside
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.module_abi import TARGETS_SET_EVENT
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Back,
    Batch,
    Drawn,
    Intent,
    ModuleWallet,
    Planned,
    Policy,
    Reverted,
    Settled,
    Simulated,
    Snapshot,
    Target,
    Threshold,
    Tracking,
    Volatility,
    Width,
)
from rebalancer.core.module_books import PREFIX
from rebalancer.core.retarget import guard_retargeting, retargeting_batch
from rebalancer.intents import remembered
from rebalancer.ports import Ports
from rebalancer.replica.chain import Replica
from rebalancer.tick import Mode, Report, run_tick
from rebalancer.units import ONE, PPM, Ppm, Weight

DAY = 86_400
OURS: Policy = replace(
    POLICY,
    assets=TOKENS,
    cash=None,
    hubs=TOKENS[:3],
    trigger=Threshold(Drawn(tuple(Width(token, share(5), share(25)) for token in TOKENS), Back.TARGET)),
    tracking=Tracking(4 * ONE // 10, tuple(Volatility(token, share(60)) for token in TOKENS)),
    limits=LIMITS,
)


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner) -> Desk:
    """On its targets of half WETH and half USDC; the operator may move them by 20 % a day, and USDT to 10 %."""
    return a_desk_of(replica, signer)


def a_desk_of(replica: Replica, signer: KeystoreSigner, step: int = 200_000) -> Desk:
    halves = {"WETH": 50, "USDC": 50}
    wanted = a_wanted_module(replica, halves, (), {"USDT": (0, 10)}, target_step=Ppm(step))
    desk = a_module_desk(replica, replace(wanted, targets=None), signer)
    replica.deal("WETH", desk.wallet.address, 100 * 10**18)
    replica.deal("USDC", desk.wallet.address, 300_000 * 10**6)
    replica.mine()
    return desk


def wanted(*percents: int | str) -> tuple[Target, ...]:
    """Of WETH, WBTC, USDC, USDT and DAI."""
    return tuple(Target(token, share(part)) for token, part in zip(TOKENS, percents, strict=True))


def ports_of(desk: Desk, *percents: int | str) -> Ports:
    return Ports(
        clock=BlockClock(desk.replica),
        chain=desk.reader,
        targets=FixedTargets(wanted(*percents)),
        venues=(desk.venue,),
        outside=NobodyOutside(),
        wallet=desk.wallet,
        ledger=MemoryLedger(),
        lease=FakeLease(),
        notifier=SilentNotifier(),
        requests=lambda: 0,
    )


def tick(ports: Ports, live: bool = True) -> Report:
    return run_tick(ports, OURS, remembered(ports, OURS), Mode(live, 5))


def targets_now(desk: Desk) -> list[int]:
    """In basis points."""
    wallet = desk.reader.read().wallet
    assert isinstance(wallet, ModuleWallet)
    return [target // 100 for target in wallet.state.targets]


def a_batch(desk: Desk, *ppm: int) -> tuple[Batch, Snapshot]:
    """What would set these, whether the module takes them or not."""
    snapshot = desk.reader.read()
    assert isinstance(snapshot.wallet, ModuleWallet)
    targets = tuple(Target(token, Weight(part * ONE // PPM)) for token, part in zip(TOKENS, ppm, strict=True))
    deadline = snapshot.block.timestamp + 600
    return retargeting_batch(snapshot.wallet, targets, desk.wallet.operator, deadline), snapshot


def signed(desk: Desk, *ppm: int) -> Intent:
    batch, snapshot = a_batch(desk, *ppm)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    intent = an_intent_of(batch, simulation, snapshot, desk.wallet.commit(batch, simulation, snapshot))
    return replace(intent, targets=batch.targets)


# ---------------------------------------------------------------- set, and gone to


def test_tick__inside_bounds_and_meter__sets_them_as_simulated_and_goes_to_them_after(desk: Desk) -> None:
    ports = ports_of(desk, 40, 10, 45, 5, 0)
    planned = tick(ports, live=False)
    assert isinstance(planned.outcome, Planned) and planned.outcome.batch.targets == wanted(40, 10, 45, 5, 0)
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled) and targets_now(desk) == [4_000, 1_000, 4_500, 500, 0]
    assert outcome.settlement.fills == () and outcome.targets == wanted(40, 10, 45, 5, 0)
    receipt = desk.replica.receipt(outcome.settlement.tx)
    (event,) = receipt["logs"]
    assert event["topics"][0] == TARGETS_SET_EVENT and event["address"].lower() == module(desk).lower()
    assert decode(["uint256[]"], bytes.fromhex(event["data"][2:])) == ((400_000, 100_000, 450_000, 50_000, 0),)
    assert outcome.settlement.gas_used == planned.outcome.simulation.gas < 90_000
    desk.replica.mine(FINAL_BLOCKS)
    after = tick(ports).outcome
    assert isinstance(after, Settled) and not after.targets
    moved = {fill.token.symbol: fill.raw for fill in after.settlement.fills}
    assert moved["WETH"] == pytest.approx(-20 * 10**18, rel=0.01) and moved["WBTC"] > 0 and moved["USDT"] > 0


def test_tick__the_meter_leaves_a_part__goes_as_far_waits_and_goes_on_when_it_has_emptied(
    replica: Replica, signer: KeystoreSigner
) -> None:
    desk = a_desk_of(replica, signer, step=50_000)
    ports = ports_of(desk, 40, 10, 50, 0, 0)
    first = tick(ports)
    assert isinstance(first.outcome, Settled) and targets_now(desk) == [4_500, 500, 5_000, 0, 0]
    assert first.why is not None and first.why.endswith("; 5 % more waits for target_step")
    replica.mine(FINAL_BLOCKS)
    waits = tick(ports)
    assert waits.targets is not None and "of 5 % in 1 d; 1 % in " in waits.targets
    assert isinstance(waits.outcome, Settled) and waits.outcome.settlement.fills, "and goes to what there is so far"
    replica.warp(DAY // 2)
    replica.mine(FINAL_BLOCKS)
    assert isinstance(tick(ports).outcome, Settled)
    found = targets_now(desk)
    assert found[0] + found[1] == 5_000 and 750 <= found[1] <= 760, "half of the meter has leaked"
    replica.warp(DAY)
    replica.mine(FINAL_BLOCKS)
    assert isinstance(tick(ports).outcome, Settled) and targets_now(desk) == [4_000, 1_000, 5_000, 0, 0]


def test_tick__more_than_the_owners_allow__stands_and_rebalances_to_the_modules(desk: Desk) -> None:
    desk.replica.deal("USDT", desk.wallet.address, 60_000 * 10**6)
    desk.replica.mine()
    report = tick(ports_of(desk, 40, 10, 39, 11, 0))
    assert report.targets is not None and "USDT is wanted at 11 %, and the owners allow 0 % to 10 %" in report.targets
    assert isinstance(report.outcome, Settled) and targets_now(desk) == [5_000, 0, 5_000, 0, 0]
    moved = {fill.token.symbol: fill.raw for fill in report.outcome.settlement.fills}
    assert moved["USDT"] < 0 < moved["WETH"] and moved["USDC"] > 0


# ---------------------------------------------------------------- refused


REFUSED = [
    ((300_000, 200_001, 499_999, 0, 0), "target_step"),
    ((400_000, 0, 499_999, 100_001, 0), "targets_range"),
    ((400_000, 0, 500_000, 0, 0), "targets_sum"),
]


@pytest.mark.parametrize(("ppm", "rule"), REFUSED)
def test_guard__of_what_the_module_refuses__names_the_rule_that_the_module_does(
    desk: Desk, ppm: tuple[int, ...], rule: str
) -> None:
    batch, snapshot = a_batch(desk, *ppm)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Reverted) and simulation.reason == f"{PREFIX}{rule}"
    assert [breach.rule for breach in guard_retargeting(snapshot, batch)] == [f"{PREFIX}{rule}"]


@given(data=st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_guard__of_any_targets__says_what_the_module_says(desk: Desk, data: st.DataObject) -> None:
    near = [data.draw(st.integers(-120_000, 120_000)) for _ in range(4)]
    parts = [max(was + off, 0) for was, off in zip((500_000, 0, 500_000, 0), near, strict=True)]
    last = max(PPM - sum(parts), 0) if data.draw(st.booleans()) else data.draw(st.integers(0, 100_000))
    batch, snapshot = a_batch(desk, *parts, last)
    simulation = desk.wallet.simulate(batch, snapshot)
    said = [breach.rule for breach in guard_retargeting(snapshot, batch)]
    if isinstance(simulation, Reverted):
        assert said[:1] == [simulation.reason]
    else:
        assert said == []


def test_land__paused_after_it_was_signed__failed_with_the_modules_reason(desk: Desk) -> None:
    intent = signed(desk, 400_000, 100_000, 500_000, 0, 0)
    owners_do(desk, "pause")
    desk.wallet.execute(intent)
    desk.replica.mine()
    reason = receipt_of(desk, intent).reason
    assert reason is not None and "RebalanceModule: paused" in reason and targets_now(desk)[0] == 5_000


def test_commit__after_the_owners_have_set_others__is_void(desk: Desk) -> None:
    batch, snapshot = a_batch(desk, 400_000, 100_000, 500_000, 0, 0)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    owners_do(desk, "set targets")
    with pytest.raises(Unavailable, match="changed since block .* what was planned is void"):
        desk.wallet.commit(batch, simulation, snapshot)


# ---------------------------------------------------------------- two at once


def test_commit__twice_by_one_key__only_one_can_happen(desk: Desk) -> None:
    first, second = (signed(desk, *ppm, 0, 0) for ppm in ((400_000, 100_000, 500_000), (450_000, 50_000, 500_000)))
    assert first.commitment.transaction.nonce == second.commitment.transaction.nonce
    desk.wallet.execute(first)
    assert receipt_of(desk, first).reason is None
    with pytest.raises(Unavailable, match="was not taken|nonce too low"):
        desk.wallet.execute(second)
    assert targets_now(desk)[:2] == [4_000, 1_000]


def test_commit__after_another_has_set_them__is_void(desk: Desk) -> None:
    other = signed(desk, 400_000, 100_000, 500_000, 0, 0)
    batch, snapshot = a_batch(desk, 450_000, 50_000, 500_000, 0, 0)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    desk.wallet.execute(other)
    assert receipt_of(desk, other).reason is None
    with pytest.raises(Unavailable, match="1 of its transactions were mined since block"):
        desk.wallet.commit(batch, simulation, snapshot)


# ---------------------------------------------------------------- the commands


@pytest.fixture
def keeper(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Wants all targets alike."""
    return a_moving_keeper(replica, tmp_path, keystore)


@pytest.fixture
def gate(keeper: Keeper) -> Iterator[Gate]:
    """The keeper's node, which can keep a request back."""
    keeper.go_live()
    gate = Gate(keeper.replica)
    keeper.edit(f'"{keeper.replica.url}"', f'"{gate.node.url()}"')
    yield gate
    gate.close()


def test_plan__of_other_targets__shows_the_call_and_sends_nothing(keeper: Keeper) -> None:
    found = keeper.command("plan", "--json").json
    assert found["outcome"] == "planned" and found["trades"] == []
    assert [target["weight_e18"] for target in found["targets"]] == [str(ONE // 5)] * 5
    assert [position["target_bps"] for position in found["positions"]] == [3_000, 2_500, 2_000, 1_500, 1_000]
    said = keeper.command("plan").said
    assert "sets targets: WETH 20 %, WBTC 20 %, USDC 20 %, LINK 20 %, UNI 20 %; its gas costs" in said
    assert keeper.sent() == 0


def test_run__of_other_targets__sets_them_once_and_rebalances_to_them(keeper: Keeper) -> None:
    keeper.go_live()
    found = keeper.command("run", "--live", "--json").json
    assert found["outcome"] == "settled" and found["changes"] == [] and targets_of(keeper) == MOVED
    assert len(found["targets"]) == 5 and keeper.settled_once()
    assert keeper.replica.receipt(found["tx"])["to"].lower() == module_of(keeper).lower()
    assert keeper.command("status", "--json").json["module"]["step_left_e18"][:1] == "5", "of 20 % a day 15 are used"
    keeper.replica.mine(FINAL_BLOCKS)
    after = keeper.command("run", "--live", "--json").json
    assert after["outcome"] == "settled" and after["targets"] == [] and after["changes"] != []
    assert [row[0] for row in keeper.rows()] == ["settled", "settled"]
    assert len(keeper.command("history", "--json").json["rebalances"]) == 1


def test_run__targets_outside_the_file__are_the_chains_while_they_are_estimated(keeper: Keeper) -> None:
    keeper.edit("targets: {method: equal}", "")
    by_safe(keeper, module_of(keeper), "set_targets(uint256[])", [part * 100 for part in MOVED])
    fixed = keeper.command("run", "--json")
    assert fixed.code == 2 and "The targets: target of WETH: 20 % on the chain, 30 % in the configuration" in fixed.said
    keeper.edit("\n\n\ntrigger:", "\n\ntargets: {method: equal}\n\ntrigger:")
    found = keeper.command("run", "--json").json
    assert found["targets_stand"] is None and [p["target_bps"] for p in found["positions"]] == MOVED


@pytest.mark.parametrize("after", [False, True], ids=["before it is sent", "once it is sent"])
def test_run__killed_while_it_sets_them__the_next_run_settles_the_same_transaction(
    keeper: Keeper, gate: Gate, after: bool
) -> None:
    gate.keep_back("eth_sendRawTransaction", after=after)
    process = keeper.started("run", "--live", "--json")
    assert gate.reached.wait(60)
    process.kill()
    process.communicate(timeout=30)
    gate.keep_back("")
    gate.open.set()
    recorded = keeper.asked("SELECT id, tx FROM intents")
    assert len(recorded) == 1
    found = keeper.command("run", "--live", "--json").json
    assert (found["outcome"], found["tx"]) == ("settled", recorded[0][1])
    assert targets_of(keeper) == MOVED and keeper.settled_once()


def test_run__while_a_copy_is_setting_them__leaves_and_they_are_set_once(
    keeper: Keeper, gate: Gate, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(keeper.folder, other, ignore=shutil.ignore_patterns("other"))
    gate.keep_back("eth_sendRawTransaction")
    process = keeper.started("run", "--live", "--json")
    assert gate.reached.wait(60)
    found = command("run", "--live", "--json", "--config", str(other / "rebalancer.yaml")).json
    assert found["outcome"] == "held" and "another keeper is at work on this wallet" in found["detail"]
    gate.keep_back("")
    gate.open.set()
    assert ended(process).json["outcome"] == "settled"
    assert keeper.command("run", "--live", "--json").json["outcome"] == "held"
    assert targets_of(keeper) == MOVED and keeper.settled_once()


def test_run__nothing_else_to_do__is_held_in_one_request_while_they_stand(keeper: Keeper) -> None:
    by_safe(keeper, module_of(keeper), "set_targets(uint256[])", [part * 100 for part in MOVED])
    for symbol, part in zip(("WETH", "WBTC", "USDC", "LINK", "UNI"), MOVED, strict=True):
        unit = 10 ** keeper.replica.token(symbol).decimals
        keeper.replica.deal(
            symbol, keeper.wallet, 250_000 * 10**8 * part * unit // (10_000 * keeper.replica.prices[symbol])
        )
    found = keeper.command("run", "--json").json
    assert (found["outcome"], found["targets_stand"], found["requests"]) == ("held", None, 1)
