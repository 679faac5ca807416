"""The keeper under its lease: who does not have it leaves, and nothing is told before it is given back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, failing, notices, ports_of, rows, state, told
from small_market import POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.lease.fake import FakeLease
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Held, Notice, Outcome
from rebalancer.keeper import run_once


def test_run_once__lease_held_by_another__holds_names_it_and_touches_nothing() -> None:
    ports = replace(ports_of(state(*OFF_TARGET)), lease=FakeLease("process 4711 on elsewhere"))
    report = run_once(ports, POLICY, LIVE)
    assert report.outcome == Held("another keeper is at work on this wallet: process 4711 on elsewhere")
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0
    assert rows(ports) == [], "the ledger belongs to the one that has the lease"


def test_run_once__lease_held_by_another__says_nothing_that_could_cover_up_that_it_hangs() -> None:
    ports = replace(ports_of(state(*OFF_TARGET)), lease=FakeLease("process 4711 on elsewhere"))
    run_once(ports, POLICY, LIVE)
    assert isinstance(ports.notifier, SilentNotifier)
    assert (ports.notifier.starts, told(ports)) == (0, [])


@pytest.mark.parametrize("works", [True, False], ids=["a tick that holds", "a tick that fails"])
def test_run_once__any_tick__is_told_of_after_the_lease_was_given_back(works: bool) -> None:
    lease = FakeLease()

    class Listening(SilentNotifier):
        def started(self) -> None:
            super().started()
            assert lease.held

        def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
            super().ended(outcome, notice)
            assert not lease.held

    ports = ports_of(state(*ON_TARGET)) if works else failing(Unavailable("node.example: no answer"))
    ports = replace(ports, lease=lease, notifier=Listening())
    if works:
        run_once(ports, POLICY, DRY)
    else:
        with pytest.raises(Unavailable):
            run_once(ports, POLICY, DRY)
    assert isinstance(ports.notifier, SilentNotifier) and ports.notifier.starts == 1
    assert told(ports) == ["Held" if works else "Unavailable"]
    assert (lease.held, lease.times) == (False, 1)


def test_run_once__lease_that_cannot_be_asked_for__is_told_and_nothing_is_read() -> None:
    class NoLease:
        @contextmanager
        def hold(self) -> Iterator[str | None]:
            raise ConfigError("the lock file cannot be opened")
            yield None

    ports = replace(ports_of(state(*OFF_TARGET)), lease=NoLease())
    with pytest.raises(ConfigError, match="cannot be opened"):
        run_once(ports, POLICY, LIVE)
    assert isinstance(ports.chain, FakeChain) and ports.chain.reads == 0
    assert (told(ports), notices(ports)) == (["ConfigError"], ["the configuration must be mended"])
