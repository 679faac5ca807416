"""Around the tick: one at a time, one row in the ledger whatever the end, and a person told.

In: the ports and the policy. Out: the tick's report; an error is recorded, told, and raised again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rebalancer.core.drift import max_drift
from rebalancer.core.errors import ConfigError, Halt, RebalancerError, Unavailable
from rebalancer.core.guard import guard_snapshot
from rebalancer.core.model import (
    FINAL_BLOCKS,
    RESUMED,
    Held,
    Outcome,
    Past,
    Pending,
    Planned,
    Policy,
    Settled,
    TickRecord,
    mined_of,
)
from rebalancer.core.notices import UNKNOWN, notice_of
from rebalancer.core.over_time import holdings_of, horizon_of, index_after
from rebalancer.core.paper import BEGUN
from rebalancer.core.render import breach_words, outcome_words
from rebalancer.intents import close, remembered
from rebalancer.ports import Ledger, Ports
from rebalancer.tick import Look, Mode, Report, look, run_tick


def run_once(ports: Ports, policy: Policy, mode: Mode) -> Report:
    """One tick under the wallet's lease. A second keeper of the same wallet holds, and says who has it."""
    past: Past | None = None
    try:
        with ports.lease.hold() as holder:
            if holder is not None:
                # Neither recorded nor told: ledger and dead man's switch belong to the one that is at work. Were that
                # one to hang, nothing that this one says may cover it up.
                return Report(Held(f"another keeper is at work on this wallet: {holder}"), None, None)
            ports.notifier.started()
            ports.answers.clear()
            try:
                past = remembered(ports, policy)
                report = run_tick(ports, policy, past, mode)
            except Exception as error:
                if not _record_error(ports, error, past):
                    past = None
                raise
            at = ports.clock.now()
            try:
                ports.ledger.record_tick(record_of(report, at, ports.requests()), ports.answers)
            except Exception:
                # No row will say that this was told: it is told each time, as where the ledger cannot be read.
                past = None
                raise
    except Exception as error:
        # After the lease was given back: telling takes its time.
        ports.notifier.ended(error, notice_of(error, past))
        raise
    ports.notifier.ended(report.outcome, notice_of(report.outcome, past, report.gas, at))
    return report


@dataclass(frozen=True, slots=True)
class Resumed:
    """Why the keeper was halted, and the transaction of the intent that was closed with it; None: none was."""

    halted: str
    closed: str | None


def resume(ports: Ports, policy: Policy, why: str) -> Resumed:
    """Record that a person has looked into what halted the keeper, and close what can be closed of an open intent.

    Raises ConfigError where nothing is halted, where nothing is said of what was seen, or where it was halted anew
    meanwhile; Unavailable where the chain cannot be asked about an open intent, or another keeper is at work: it stays
    halted.
    """
    why = _said(why)
    with ports.lease.hold() as holder:
        if holder is not None:
            raise Unavailable(f"another keeper is at work on this wallet: {holder}; resume when it is done")
        past = remembered(ports, policy)
        if past.halted is None:
            raise ConfigError("nothing is halted, so there is nothing to resume; `rebalancer status` shows what stands")
        intent = past.open_intent
        closed = intent.newest.hash if intent is not None and close(ports, intent, why) else None
        detail = f"{why} (was halted: {past.halted})"
        # Of the halt that was read: whoever has halted it meanwhile has seen something else.
        resumed = _mark(ports.clock.now(), RESUMED, detail, closed, ports.requests())
        ports.ledger.record_resumed(resumed, past.halted)
    return Resumed(past.halted, closed)


def halt(ledger: Ledger, policy: Policy, why: str, at: int) -> str | None:
    """Stop the keeper on a person's word, until a person resumes; why it was halted already, if it was.

    Asks no node, and waits for no lease: a tick that is at work now signs nothing any more, unless it has already.
    """
    why = _said(why)
    halted = ledger.read(horizon_of(at, policy.over_time)).halted
    before = "" if halted is None else f" (was halted already: {halted})"
    ledger.record_tick(_mark(at, Halt.__name__, f"by a person: {why}{before}", None, 0))
    return halted


def begin_anew(ports: Ports, policy: Policy, as_what: str) -> None:
    """Record that a portfolio on paper begins anew, with what its chain says now that it holds.

    Raises ConfigError where it is halted; Unavailable where another keeper is at work, what it has traded may still
    change what it holds, or prices are in dispute: nothing is recorded then.
    """
    with ports.lease.hold() as holder:
        if holder is not None:
            raise Unavailable(f"another keeper is at work on this wallet: {holder}; begin anew when it is done")
        past = remembered(ports, policy)
        if past.halted is not None:
            raise ConfigError(f"it is halted, so `rebalancer resume --paper` comes first: {past.halted}")
        snapshot, portfolio = look(ports, policy, past)
        if past.open_intent is not None or not _final(past, snapshot.block.number):
            raise Unavailable(
                f"its newest batch is not final before {FINAL_BLOCKS} blocks have come, so it cannot begin anew yet: "
                "`rebalancer run --paper`, and a quarter of an hour later again with `--anew`"
            )
        if breaches := guard_snapshot(policy, snapshot):
            words = "; ".join(breach_words(breach) for breach in breaches)
            raise Unavailable(f"prices are in dispute, so nothing is begun with them: {words}")
        looked = Look(snapshot, portfolio, index_after(past.history, portfolio))
        report = Report(Held(as_what), snapshot, portfolio, newest=looked)
        record = record_of(report, ports.clock.now(), ports.requests())
        ports.ledger.record_tick(replace(record, outcome=BEGUN))


def _final(past: Past, block: int) -> bool:
    """Whether no block that is taken back can change what the newest batch has done."""
    mined = None if past.unfinal is None else mined_of(past.unfinal[1])
    return mined is None or block - mined.block >= FINAL_BLOCKS


def record_of(report: Report, at: int, requests: int) -> TickRecord:
    """The row that a tick leaves. Figures are of the newest look at the wallet, or of what was decided on."""
    word, detail = outcome_words(report.outcome)
    if report.why is not None:
        detail = f"{detail}; because {report.why}"
    if report.targets is not None:
        detail = f"{detail}; {report.targets}"
    if report.unread is not None:
        detail = f"{detail}; not read anew since: {report.unread}"
    newest = report.newest
    snapshot, portfolio = (newest.snapshot, newest.portfolio) if newest else (report.snapshot, report.portfolio)
    return TickRecord(
        at=at,
        block=snapshot.block.number if snapshot else None,
        outcome=word,
        detail=detail,
        value=portfolio.value if portfolio else None,
        max_drift=max_drift(portfolio) if portfolio else None,
        tx=_transaction(report.outcome),
        requests=requests,
        index=newest.index if newest else None,
        holdings=holdings_of(newest.portfolio) if newest else (),
        called_since=report.called_since,
    )


def _transaction(outcome: Outcome) -> str | None:
    match outcome:
        case Settled(settlement):
            return settlement.tx
        case Pending(intent):
            return intent.newest.hash
        case Planned():
            return None
        case _:
            return getattr(outcome, "tx", None)


def _record_error(ports: Ports, error: Exception, past: Past | None) -> bool:
    """Whether there is a row of it."""
    # The text of a foreign error may hold anything, an RPC URL with its key included.
    kind, detail = UNKNOWN, f"{type(error).__name__}; see the traceback"
    if isinstance(error, RebalancerError):
        kind, detail = error.kind, str(error)
    try:
        record = _mark(ports.clock.now(), kind, detail, None, ports.requests())
        since = None if past is None else past.called_since
        ports.ledger.record_tick(replace(record, called_since=since), ports.answers)
    except RebalancerError as second:
        # The first error is the one to act on; that it could not be recorded must not hide it.
        error.add_note(f"and it could not be recorded: {second}")
        return False
    return True


def _mark(at: int, outcome: str, detail: str, tx: str | None, requests: int) -> TickRecord:
    """A row of a tick that has read nothing."""
    return TickRecord(at, None, outcome, detail, None, None, tx, requests)


def _said(why: str) -> str:
    why = why.strip()
    if not why:
        raise ConfigError("--why is empty, expected what was looked at and found: it stays on record")
    return why
