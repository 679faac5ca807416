"""New targets through the real module: set as simulated, partly, refused, killed in between, and by two at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode
from given_modules import (
    a_module_desk,
    a_wanted_module,
    module,
    owners_do,
    receipt_of,
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
    # Each is cut to a basis point, and how much has leaked by now is rarely a whole one.
    assert found[0] + found[1] in (4_999, 5_000) and 750 <= found[1] <= 760, "half of the meter has leaked"
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
