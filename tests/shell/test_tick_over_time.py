"""Limits over days, from the tick's side: what stops it, what makes its plan smaller, and what is only told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import LIVE, OFF_TARGET, ON_TARGET, off_target_again, past_of, ports_of, rows, state
from small_market import POLICY, POOLS, USDC, WETH, usd, v3_pool

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.clock import FixedClock
from rebalancer.adapters.wallets.fake import FakeWallet
from rebalancer.core.errors import Halt
from rebalancer.core.model import FINAL_BLOCKS, INDEX, Blocked, Held, Policy, Settled, Snapshot
from rebalancer.keeper import resume, run_once
from rebalancer.ports import Ports
from rebalancer.units import Bps, Usd

DAY = 86_400


def limited(**changes: object) -> Policy:
    return replace(POLICY, over_time=replace(POLICY.over_time, **changes))  # type: ignore[arg-type]


def cheaper(snapshot: Snapshot, percent: int) -> Snapshot:
    """All prices lower by so much, those of the pools as well."""
    prices = tuple(replace(p, usd=Usd(p.usd * (100 - percent) // 100)) for p in snapshot.prices)
    return replace(snapshot, prices=prices, native=prices[0])


def later(ports: Ports, snapshot: Snapshot, seconds: int = 600) -> Ports:
    """The same keeper, and another state of the chain."""
    now = ports.chain.head()
    block = replace(now, number=now.number + FINAL_BLOCKS, hash=f"0x{seconds:064x}", timestamp=now.timestamp + seconds)
    chain = FakeChain([replace(snapshot, block=block)])
    assert isinstance(ports.wallet, FakeWallet)
    ports.wallet.on_landed = chain.mine
    return replace(ports, chain=chain, clock=FixedClock(ports.clock.now() + seconds))


def test_tick__lost_more_than_allowed_since_the_last_look__halts_though_it_would_hold() -> None:
    ports = ports_of(state(*ON_TARGET))
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)
    ports = later(ports, cheaper(state(*ON_TARGET), 16))
    with pytest.raises(Halt, match="drawdown: what was held has lost 16 % of its value"):
        run_once(ports, POLICY, LIVE)
    assert rows(ports) == ["Halt", "held"]


def test_tick__lost_a_little__holds_and_remembers_the_index() -> None:
    ports = ports_of(state(*ON_TARGET))
    run_once(ports, POLICY, LIVE)
    ports = later(ports, cheaper(state(*ON_TARGET), 10))
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)
    assert ports.ledger.history(1)[0].index == INDEX * 9 // 10


def test_tick__lost_a_little_day_after_day__is_the_market() -> None:
    ports, snapshot = ports_of(state(*ON_TARGET)), state(*ON_TARGET)
    for _ in range(5):
        assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)
        snapshot = cheaper(snapshot, 10)
        ports = later(ports, snapshot, 2 * DAY)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)


def test_tick__half_was_withdrawn__is_no_loss() -> None:
    ports = ports_of(state(*ON_TARGET))
    run_once(ports, POLICY, LIVE)
    ports = later(ports, state(*(dollars // 2 for dollars in ON_TARGET)))
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)


def test_tick__prices_in_dispute__are_blocked_and_no_measure_of_a_loss() -> None:
    ports = ports_of(state(*ON_TARGET))
    run_once(ports, POLICY, LIVE)
    pools = (v3_pool(USDC, WETH, 500, 200_000_000, off_bps=300), *POOLS[1:])
    ports = later(ports, cheaper(state(*ON_TARGET, pools=pools), 50))
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Blocked)
    assert ports.ledger.history(1)[0].index is None


def test_tick__after_a_person_has_resumed__the_same_loss_is_done_with() -> None:
    ports = ports_of(state(*ON_TARGET))
    run_once(ports, POLICY, LIVE)
    ports = later(ports, cheaper(state(*ON_TARGET), 20))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE)
    resume(ports, POLICY, "it was the market")
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Held)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        (
            limited(trades_per_day=1),
            "1 rebalances have settled in 24 h, and trades_per_day allows 1: the next one waits",
        ),
        (limited(turnover_per_day=Bps(2_000)), "turnover_per_day leaves room for 0.00 USD"),
    ],
    ids=["trades", "turnover"],
)
def test_tick__the_day_is_used_up__waits_for_the_next_and_halts_nobody(policy: Policy, words: str) -> None:
    ports = ports_of(state(*OFF_TARGET))
    while isinstance(outcome := run_once(ports, policy, LIVE).outcome, Settled):
        ports = off_target_again(ports)
    assert isinstance(outcome, Held) and words in outcome.reason
    assert past_of(ports).halted is None and past_of(ports).open_intent is None
    ports = later(ports, state(*OFF_TARGET), DAY + 60)
    assert isinstance(run_once(ports, policy, LIVE).outcome, Settled)


def test_tick__one_more_rebalance_would_cost_too_much__halts_before_it_signs() -> None:
    policy = limited(cost_per_month=Bps(5))
    ports = ports_of(state(*OFF_TARGET))
    assert isinstance(run_once(ports, policy, LIVE).outcome, Settled)
    ports = off_target_again(ports)
    with pytest.raises(Halt, match="cost_per_month"):
        run_once(ports, policy, LIVE)
    assert isinstance(ports.wallet, FakeWallet) and len(ports.wallet.sent) == 1
    assert past_of(ports).open_intent is None


def test_tick__limits_that_are_used_up__stop_no_tick_that_holds() -> None:
    ports = ports_of(state(*OFF_TARGET))
    policy = limited(trades_per_day=1)
    run_once(ports, policy, LIVE)
    assert isinstance(run_once(ports, policy, LIVE).outcome, Held)


def test_tick__a_day_later__the_day_counts_anew() -> None:
    ports = ports_of(state(*OFF_TARGET))
    policy = limited(trades_per_day=1)
    run_once(ports, policy, LIVE)
    ports = later(ports, state(*OFF_TARGET), DAY + 60)
    assert isinstance(run_once(ports, policy, LIVE).outcome, Settled)


def test_tick__within_the_ramp__trades_less_and_then_waits() -> None:
    policy = limited(ramp=Bps(500), ramp_days=3)
    ports = ports_of(state(*OFF_TARGET))
    first = run_once(ports, policy, LIVE).outcome
    assert isinstance(first, Settled) and first.settlement.cost.traded <= usd(5_000)
    ports = off_target_again(ports)
    second = run_once(ports, policy, LIVE).outcome
    assert isinstance(second, Held) and "the ramp leaves room for" in second.reason


def test_tick__after_the_days_of_the_ramp__trades_all_of_it() -> None:
    policy = limited(ramp=Bps(500), ramp_days=3)
    ports = ports_of(state(*OFF_TARGET))
    run_once(ports, policy, LIVE)
    ports = later(ports, state(*OFF_TARGET), 3 * DAY + 60)
    outcome = run_once(ports, policy, LIVE).outcome
    assert isinstance(outcome, Settled) and outcome.settlement.cost.traded > usd(14_000)
