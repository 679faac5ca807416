"""A person stops the keeper, or has looked into a halt: what resume closes, leaves open, and refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, failing, off_target_again, past_of, ports_of, rows, state
from small_market import NOW, POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.lease.fake import FakeLease
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, landed, waiting
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Failure, Intent, Landed, Landing, Planned, Settled, Settlement, Snapshot, Waiting
from rebalancer.keeper import Resumed, halt, resume, run_once
from rebalancer.ports import Ports
from rebalancer.units import Amount


def test_resume__after_a_halt__lets_the_next_tick_act() -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE)
    healthy = replace(ports_of(state(*OFF_TARGET)), ledger=ports.ledger)
    for _ in range(3):
        with pytest.raises(Halt, match="^nonce 7 was used$"):
            run_once(healthy, POLICY, LIVE)
    assert resume(healthy, POLICY, " it was mine ") == Resumed("nonce 7 was used", None)
    assert healthy.ledger.history(1)[0].detail == "it was mine (was halted: nonce 7 was used)"
    assert isinstance(run_once(healthy, POLICY, DRY).outcome, Planned)


@pytest.mark.parametrize("why", ["", " \n"])
def test_resume__without_a_reason__is_refused_and_records_nothing(why: str) -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE)
    with pytest.raises(ConfigError, match="--why is empty"):
        resume(ports, POLICY, why)
    assert rows(ports) == ["Halt"]


def test_resume__where_nothing_is_halted__is_refused() -> None:
    ports = ports_of(state(*OFF_TARGET))
    with pytest.raises(ConfigError, match="nothing is halted"):
        resume(ports, POLICY, "just so")
    assert rows(ports) == []


def halted_by(how: Callable[[Intent], Landing]) -> Ports:
    """A keeper that has sent a batch and halted over what became of it."""
    # What is mined stays as it is; what can never happen is found out anew at each look.
    first = [how] if how is otherwise_than_planned else [how, how]
    ports = ports_of(state(*OFF_TARGET), FakeWallet(landings=[*first, landed]))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE)
    return ports


def pushed_aside(intent: Intent) -> Landing:
    raise Halt(f"nonce 0 was used by 0xfeed, so {intent.commitment.hash} can never be mined")


def otherwise_than_planned(intent: Intent) -> Landing:
    whole = landed(intent)
    assert isinstance(whole, Landed)
    changes = tuple(replace(change, raw=min(change.raw, 0)) for change in whole.receipt.changes)
    return Landed(replace(whole.receipt, changes=changes))


def sold_alone(intent: Intent) -> tuple[Amount, ...]:
    """What was planned to go out, and nothing that came in."""
    return tuple(change for change in intent.expected if change.raw < 0)


@pytest.mark.parametrize("how", [pushed_aside, otherwise_than_planned], ids=["can never happen", "mined otherwise"])
def test_resume__after_a_halt_over_an_open_intent__closes_it_and_the_next_tick_acts(
    how: Callable[[Intent], Landing],
) -> None:
    ports = halted_by(how)
    intent = past_of(ports).open_intent
    assert intent is not None and isinstance(ports.ledger, MemoryLedger)
    assert resume(ports, POLICY, "my own transfer").closed == intent.commitment.hash
    past = past_of(ports)
    assert (past.open_intent, past.halted, past.failures) == (None, None, 0)
    assert ports.ledger.history(1)[0].tx == intent.commitment.hash
    assert isinstance(run_once(off_target_again(ports), POLICY, LIVE).outcome, Settled)


def test_resume__of_what_can_never_happen__is_a_failure_with_the_persons_words() -> None:
    ports = halted_by(pushed_aside)
    resume(ports, POLICY, "my own transfer")
    assert isinstance(ports.ledger, MemoryLedger)
    (result,) = ports.ledger.landings.values()
    assert isinstance(result, Failure) and result.mined is None
    assert result.reason.startswith("closed by a person, 'my own transfer': nonce 0 was used by 0xfeed")


def test_resume__of_what_was_mined_otherwise__keeps_what_was_measured_with_the_persons_words() -> None:
    ports = halted_by(otherwise_than_planned)
    intent = past_of(ports).open_intent
    resume(ports, POLICY, "a token with a fee")
    assert intent is not None and isinstance(ports.ledger, MemoryLedger)
    (result,) = ports.ledger.landings.values()
    assert isinstance(result, Settlement) and result.accepted == "a token with a fee"
    assert (result.tx, result.fills) == (intent.newest.hash, sold_alone(intent))
    assert (result.cost.traded, result.cost.gas > 0) == (intent.cost.traded, True)
    past = past_of(ports)
    assert (past.failures, past.last_settled_at, past.unchecked) == (0, result.timestamp, None)
    assert past.unfinal == (intent, result), "its block may be replaced like any other"


def test_resume__over_an_open_intent__asks_for_no_block_that_was_seen_before() -> None:
    ports = halted_by(pushed_aside)
    resume(ports, POLICY, "that node made the block up")
    assert isinstance(ports.wallet, FakeWallet) and ports.wallet.looked[-1] == (0, 0)


def test_resume__halted_anew_while_the_chain_is_asked__is_refused_and_stays_halted() -> None:
    ports = halted_by(pushed_aside)

    def stop(_: Intent) -> Landing:
        halt(ports.ledger, POLICY, "I have seen more", NOW)
        return Waiting("waits to be mined")

    with pytest.raises(ConfigError):
        resume(replace(ports, wallet=FakeWallet(landings=[stop])), POLICY, "my own transfer")
    halted = past_of(ports).halted
    assert halted is not None and halted.startswith("by a person: I have seen more") and rows(ports) == ["Halt"] * 2


def test_resume__of_an_intent_that_may_still_happen__leaves_it_open_for_the_next_tick() -> None:
    ports = replace(halted_by(pushed_aside), wallet=FakeWallet(landings=[waiting, landed]))
    assert resume(ports, POLICY, "the node was confused").closed is None
    assert past_of(ports).open_intent is not None
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)


def test_resume__while_the_chain_cannot_be_asked__stays_halted_and_records_nothing() -> None:
    def nobody_there(_: Intent) -> Landing:
        raise Unavailable("node.example: no answer")

    ports = replace(halted_by(pushed_aside), wallet=FakeWallet(landings=[nobody_there]))
    with pytest.raises(Unavailable, match="no answer"):
        resume(ports, POLICY, "my own transfer")
    past = past_of(ports)
    assert past.open_intent is not None and past.halted is not None and rows(ports) == ["Halt"]


def test_resume__while_another_keeper_is_at_work__is_refused_and_stays_halted() -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE)
    with pytest.raises(Unavailable, match="process 4711 on elsewhere; resume when it is done"):
        resume(replace(ports, lease=FakeLease("process 4711 on elsewhere")), POLICY, "it was mine")
    assert rows(ports) == ["Halt"]


def test_halt__of_a_keeper_that_runs__stops_the_next_tick_before_it_reads() -> None:
    ports = ports_of(state(*OFF_TARGET))
    assert halt(ports.ledger, POLICY, " the market is closed ", NOW) is None
    with pytest.raises(Halt, match="^by a person: the market is closed$"):
        run_once(ports, POLICY, LIVE)
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0
    assert resume(ports, POLICY, "it is open again").halted == "by a person: the market is closed"
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)


def test_halt__of_a_keeper_that_is_halted__keeps_both_reasons() -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE)
    assert halt(ports.ledger, POLICY, "I am away", NOW) == "nonce 7 was used"
    assert past_of(ports).halted == "by a person: I am away (was halted already: nonce 7 was used)"


def test_halt__without_a_reason__is_refused_and_records_nothing() -> None:
    ports = ports_of(state(*OFF_TARGET))
    with pytest.raises(ConfigError, match="--why is empty"):
        halt(ports.ledger, POLICY, "  ", NOW)
    assert rows(ports) == []


def test_halt__while_a_tick_is_thinking__nothing_is_signed() -> None:
    class Slow(FakeChain):
        """A person says stop while other nodes are asked."""

        def confirm(self, snapshot: Snapshot) -> None:
            halt(ports.ledger, POLICY, "stop it", NOW)

    wallet = FakeWallet()
    ports = replace(ports_of(state(*OFF_TARGET), wallet), chain=Slow([state(*OFF_TARGET)]))
    with pytest.raises(Halt, match="^by a person: stop it$"):
        run_once(ports, POLICY, LIVE)
    assert wallet.sent == [] and past_of(ports).open_intent is None
