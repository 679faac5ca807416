"""Around the tick: one row whatever the end, and a person told of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, at, failing, notices, ports_of, state, told
from small_market import NOW, POLICY, POOLS, USDC, WETH, share, v3_pool

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.log import SilentNotifier
from rebalancer.adapters.wallets.fake import FakeWallet, failed, waiting
from rebalancer.core.errors import ConfigError, Halt, RebalancerError, Unavailable
from rebalancer.core.model import Answer, Replacing, TickRecord
from rebalancer.core.notices import UNKNOWN
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.tick import Mode

LEFT = replace(POLICY, replacing=Replacing(POLICY.replacing.after, cancel=False))
GAP = state(*OFF_TARGET, pools=(v3_pool(USDC, WETH, 500, 200_000_000, off_bps=300), *POOLS[1:]))
ENDS: dict[str, tuple[Callable[[], Ports], Mode]] = {
    "held": (lambda: ports_of(state(*ON_TARGET)), LIVE),
    "planned": (lambda: ports_of(state(*OFF_TARGET)), DRY),
    "blocked": (lambda: ports_of(GAP), LIVE),
    "pending": (lambda: ports_of(state(*OFF_TARGET), FakeWallet(landings=[waiting])), LIVE),
    "settled": (lambda: ports_of(state(*OFF_TARGET)), LIVE),
    "failed": (lambda: ports_of(state(*OFF_TARGET), FakeWallet(landings=[failed])), LIVE),
}


@pytest.mark.parametrize("word", ENDS)
def test_run_once__each_outcome__leaves_one_row_and_is_told(word: str) -> None:
    make, mode = ENDS[word]
    ports = replace(make(), requests=lambda: 3)
    report = run_once(ports, POLICY, mode)
    (row,) = ports.ledger.history(10)
    assert (row.outcome, row.at, row.requests) == (word, NOW, 3)
    assert told(ports) == [word.capitalize()]
    assert report.snapshot is not None and report.portfolio is not None
    # The newest look has the say: what a settled batch has left, not what it was decided on.
    seen = report.newest or report
    assert seen.snapshot is not None and seen.portfolio is not None
    assert (row.block, row.value) == (seen.snapshot.block.number, seen.portfolio.value)
    assert (seen.snapshot != report.snapshot) == (word == "settled")
    assert row.max_drift is not None and (row.max_drift > share(1)) == (word not in ("held", "settled"))
    assert (row.index is not None and row.holdings != ()) == (word != "blocked")
    assert (row.tx is not None) == (word in ("pending", "settled", "failed"))
    assert ("; because WETH is 15 points over" in row.detail) == (word in ("planned", "pending", "settled", "failed"))


def test_run_once__an_open_intent_was_finished__leaves_a_row_without_a_portfolio() -> None:
    wallet = FakeWallet(landings=[waiting])
    ports = ports_of(state(*OFF_TARGET), wallet)
    run_once(ports, POLICY, LIVE)
    run_once(ports, POLICY, LIVE)
    newest = ports.ledger.history(1)[0]
    assert (newest.outcome, newest.block, newest.value, newest.max_drift) == ("pending", None, None, None)
    assert newest.tx == ports.ledger.history(2)[1].tx


def test_run_once__fault_in_the_program__is_recorded_without_its_words_and_raised() -> None:
    class Faulty(FakeChain):
        def read(self, last_block=0):  # type: ignore[no-untyped-def]
            raise ZeroDivisionError("https://node.example/v2/secret-key")

    ports = replace(ports_of(state(*ON_TARGET)), chain=Faulty([state(*ON_TARGET)]))
    with pytest.raises(ZeroDivisionError):
        run_once(ports, POLICY, LIVE)
    (row,) = ports.ledger.history(10)
    assert (row.outcome, row.detail) == (UNKNOWN, "ZeroDivisionError; see the traceback")


class StrangeHalt(Halt):
    """A leaf of the tree, of the kind that adapters make."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unavailable("node.example: no answer"), "Unavailable"),
        (ConfigError("token WBTC: 8 decimals, expected 9"), "ConfigError"),
        (Halt("nonce 7 was used"), "Halt"),
        (StrangeHalt("nonce 7 was used"), "Halt"),
    ],
    ids=["unavailable", "config", "halt", "a leaf of halt"],
)
def test_run_once__error__is_recorded_by_its_kind_told_and_raised(error: RebalancerError, kind: str) -> None:
    ports = failing(error)
    with pytest.raises(type(error)) as caught:
        run_once(ports, POLICY, LIVE)
    assert caught.value is error
    (row,) = ports.ledger.history(10)
    assert (row.outcome, row.detail, row.block) == (kind, str(error), None)
    assert isinstance(ports.notifier, SilentNotifier) and ports.notifier.told == [error]


class Broken(MemoryLedger):
    """Remembers everything but ticks."""

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        raise Unavailable("ledger: cannot be used now: disk I/O error")


def test_run_once__ledger_fails_while_an_error_is_recorded__the_first_error_is_raised_with_a_note() -> None:
    ports = replace(failing(Unavailable("node.example: no answer")), ledger=Broken())
    with pytest.raises(Unavailable, match="^node.example: no answer") as caught:
        run_once(ports, POLICY, LIVE)
    assert str(caught.value) == "node.example: no answer"
    assert caught.value.__notes__ == ["and it could not be recorded: ledger: cannot be used now: disk I/O error"]
    assert told(ports) == ["Unavailable"]


class FullDisk(MemoryLedger):
    """Remembers what it has, and takes no row more."""

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        raise Unavailable("ledger: cannot be used now: database or disk is full")


@pytest.mark.parametrize("held", [ON_TARGET, OFF_TARGET])
def test_run_once__on_a_disk_that_is_full__is_told_each_time(held: tuple[int, ...]) -> None:
    ports = replace(ports_of(state(*held)), ledger=FullDisk())
    for _ in range(3):
        with pytest.raises(Unavailable, match="disk is full"):
            run_once(ports, POLICY, LIVE)
    assert notices(ports) == ["no decision, twice in a row"] * 3


def test_run_once__an_error_that_cannot_be_recorded__is_told_each_time() -> None:
    ports = replace(failing(Halt("too far behind")), ledger=FullDisk())
    for _ in range(3):
        with pytest.raises(Halt, match="too far behind"):
            run_once(ports, POLICY, LIVE)
    assert notices(ports) == ["halted: a person must look"] * 3


def test_run_once__an_intent_open_for_long__is_told_an_hour_past_its_deadline_and_once_a_day() -> None:
    ports = ports_of(state(*OFF_TARGET), FakeWallet(landings=[waiting]))
    run_once(ports, LEFT, LIVE)
    assert isinstance(ports.ledger, MemoryLedger)
    (intent,) = ports.ledger.intents
    due, day = intent.deadline - NOW + 3_600, 86_400
    for seconds, told_by_then in ((due - 1, 0), (due, 1), (due + 300, 1), (due + day - 1, 1), (due + day, 2)):
        run_once(at(ports, seconds), LEFT, LIVE)
        assert notices(ports) == ["an intent is open for long"] * told_by_then, seconds
