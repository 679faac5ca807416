"""A person has looked into a halt: what resume closes, what it leaves open, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, failing, ports_of, rows, state
from small_market import POLICY

from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, landed, waiting
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Intent, Landed, Landing, Planned, Settled
from rebalancer.keeper import Resumed, resume, run_once
from rebalancer.ports import Ports
from rebalancer.units import Amount


def test_resume__after_a_halt__lets_the_next_tick_act(lock: Path) -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE, lock)
    healthy = replace(ports_of(state(*OFF_TARGET)), ledger=ports.ledger)
    for _ in range(3):
        with pytest.raises(Halt, match="^nonce 7 was used$"):
            run_once(healthy, POLICY, LIVE, lock)
    assert resume(healthy, " it was mine ") == Resumed("nonce 7 was used", None)
    assert healthy.ledger.history(1)[0].detail == "it was mine (was halted: nonce 7 was used)"
    assert isinstance(run_once(healthy, POLICY, DRY, lock).outcome, Planned)


@pytest.mark.parametrize("why", ["", " \n"])
def test_resume__without_a_reason__is_refused_and_records_nothing(why: str, lock: Path) -> None:
    ports = failing(Halt("nonce 7 was used"))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE, lock)
    with pytest.raises(ConfigError, match="--why is empty"):
        resume(ports, why)
    assert rows(ports) == ["Halt"]


def test_resume__where_nothing_is_halted__is_refused() -> None:
    ports = ports_of(state(*OFF_TARGET))
    with pytest.raises(ConfigError, match="nothing is halted"):
        resume(ports, "just so")
    assert rows(ports) == []


def halted_by(how: Callable[[Intent], Landing], lock: Path) -> Ports:
    """A keeper that has sent a batch and halted over what became of it."""
    ports = ports_of(state(*OFF_TARGET), FakeWallet(landings=[how, how, landed]))
    with pytest.raises(Halt):
        run_once(ports, POLICY, LIVE, lock)
    return ports


def pushed_aside(intent: Intent) -> Landing:
    raise Halt(f"nonce 0 was used by 0xfeed, so {intent.commitment.hash} can never be mined")


def otherwise_than_planned(intent: Intent) -> Landing:
    whole = landed(intent)
    assert isinstance(whole, Landed)
    nothing = tuple(Amount(change.token, 0) for change in whole.receipt.changes)
    return Landed(replace(whole.receipt, changes=nothing))


@pytest.mark.parametrize("how", [pushed_aside, otherwise_than_planned], ids=["can never happen", "mined otherwise"])
def test_resume__after_a_halt_over_an_open_intent__closes_it_and_the_next_tick_acts(
    how: Callable[[Intent], Landing], lock: Path
) -> None:
    ports = halted_by(how, lock)
    intent = ports.ledger.read().open_intent
    assert intent is not None and isinstance(ports.ledger, MemoryLedger)
    assert resume(ports, "my own transfer").closed == intent.commitment.hash
    past = ports.ledger.read()
    assert (past.open_intent, past.halted, past.failures) == (None, None, 0)
    assert str(ports.ledger.landings[intent.id]).startswith("closed by a person, 'my own transfer': ")
    assert ports.ledger.history(1)[0].tx == intent.commitment.hash
    assert isinstance(run_once(ports, POLICY, LIVE, lock).outcome, Settled)


def test_resume__of_an_intent_that_may_still_happen__leaves_it_open_for_the_next_tick(lock: Path) -> None:
    ports = replace(halted_by(pushed_aside, lock), wallet=FakeWallet(landings=[waiting, landed]))
    assert resume(ports, "the node was confused").closed is None
    assert ports.ledger.read().open_intent is not None
    assert isinstance(run_once(ports, POLICY, LIVE, lock).outcome, Settled)


def test_resume__while_the_chain_cannot_be_asked__stays_halted_and_records_nothing(lock: Path) -> None:
    def nobody_there(_: Intent) -> Landing:
        raise Unavailable("node.example: no answer")

    ports = replace(halted_by(pushed_aside, lock), wallet=FakeWallet(landings=[nobody_there]))
    with pytest.raises(Unavailable, match="no answer"):
        resume(ports, "my own transfer")
    past = ports.ledger.read()
    assert past.open_intent is not None and past.halted is not None and rows(ports) == ["Halt"]
