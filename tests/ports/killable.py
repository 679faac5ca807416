"""`python -m rebalancer …`, except that it tells each step of its tick, and at a named one kills itself.

A plan has `stop`, the step to die at, or ""; `token`, a file that whoever dies makes first, so that of several only one
does; `ahead`, the seconds that its clock is ahead; `most_bytes`, to which a file may grow, or 0. The program itself is
as it is: its ports are wrapped, and its own main is run.
"""

from __future__ import annotations

import os
import resource
import runpy
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from rebalancer import wire
from rebalancer.adapters.clock import SystemClock
from rebalancer.config import Settings
from rebalancer.core.model import Failure, Intent, Past, Purpose, Replacement, Settlement, TickRecord
from rebalancer.core.paper import GOES_ON, Opening
from rebalancer.ports import Lease, Ports, Signer
from rebalancer.wire import parts, wallets

STARTS, FREE, OPEN, LANDED, ENDS = "starts", "free", "open", "landed", "ends"
"""Where a tick is: before the ledger was read; nothing is open; an intent is; the newest one landed a moment ago, and
may be taken back; all is done but to say so.
"""
OUT, ERR = "out", "err"
IMPORTED = (
    *("alembic.command", "eth_account", "numpy", "psycopg", "sqlalchemy.dialects.sqlite"),
    *("rebalancer.adapters.ledger.sql", "rebalancer.adapters.wallets.keystore", "rebalancer.wire"),
    *("rebalancer.cli.commands", "rebalancer.market.joint"),
)
"""What takes time to import, and a tick imports."""
TAKES_THEM_BY_NAME = "rebalancer.cli.ticks"
"""The parts of `wire`: it is imported when they are watched, or nobody would tell a step."""
MANY_ALIKE = ("venue.quote", "chain.read_ticks")
"""Asked as often as there are trades: the first is as good as any."""


class Steps:
    """Tells what is about to be done and what has been done, and dies where it is to."""

    def __init__(self, tell: int, stop: str, token: str) -> None:
        self._tell, self._stop, self._token = tell, stop, token
        self._phase = STARTS
        self._times: Counter[str] = Counter()
        self._inside = ""

    def before(self, what: str) -> None:
        if what == "chain.read" and self._phase == LANDED:
            self._phase = FREE
        if what.startswith("ledger.record_tick"):
            self._phase = ENDS
        if what.startswith(("ledger.record_", "ledger.open")):
            self._inside = what
        self._come_to("before", what)

    def after(self, what: str, result: object) -> None:
        self._inside = ""
        self._come_to("after", what)
        if isinstance(result, Past) and self._phase == STARTS:
            self._phase = OPEN if result.open_intent else LANDED if result.unfinal else FREE
        if what == "ledger.record_reopened":
            self._phase = OPEN

    def committing(self, *_: object) -> None:
        """All rows are written, and nothing is on the disk yet."""
        if self._inside:
            self._come_to("inside", self._inside)

    def _come_to(self, when: str, what: str) -> None:
        step = f"{self._phase}: {when} {what}"
        self._times[step] += 1
        if self._times[step] > 1:
            if what in MANY_ALIKE:
                return
            step = f"{step} {self._times[step]}"
        os.write(self._tell, f"{step}\n".encode())
        if step == self._stop:
            self._die()

    def _die(self) -> None:
        try:
            os.close(os.open(self._token, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A port, each method of which is a step before and a step after."""

    def __init__(self, name: str, port: Any, steps: Steps) -> None:
        self._name, self._port, self._steps = name, port, steps

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not callable(found):
            return found
        return self._watched(found, f"{self._name}.{method}")

    def _watched(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            what = " ".join((name, *_kind(name, (*given, *named.values()))))
            self._steps.before(what)
            result = call(*given, **named)
            self._steps.after(what, result)
            return result

        return watched


class WatchedLease:
    """A lease, which is taken and given back."""

    def __init__(self, lease: Lease, steps: Steps) -> None:
        self._lease, self._steps = lease, steps

    @contextmanager
    def hold(self) -> Iterator[str | None]:
        self._steps.before("lease.take")
        with self._lease.hold() as holder:
            if holder is not None:
                yield holder
                return
            self._steps.after("lease.take", None)
            try:
                yield None
            finally:
                self._steps.before("lease.release")
        self._steps.after("lease.release", None)


class AheadClock(SystemClock):
    """As a machine whose time is off."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead

    def now(self) -> int:
        return super().now() + self._ahead


def _kind(name: str, given: tuple[Any, ...]) -> Iterator[str]:
    """What sort of thing is sent or written down."""
    for value in given:
        match value:
            case Purpose():
                yield value.value
            case Replacement(purpose):
                yield purpose.value
            case Settlement():
                yield "settled"
            case Failure():
                yield "failed"
            case TickRecord():
                yield value.outcome
            case Intent() if name == "wallet.execute":
                yield value.replacements[-1].purpose.value if value.replacements else "send"
            case _:
                pass


def _watch(plan: dict[str, Any], tell: int) -> None:
    """From now on the program's parts are made so."""
    assert TAKES_THEM_BY_NAME not in sys.modules
    steps = Steps(tell, plan["stop"], plan["token"])
    make_ports, make_signer = wire.make_ports, wire.make_signer

    def watched_ports(settings: Settings, remember: bool = True, opening: Opening = GOES_ON) -> Ports:
        import sqlalchemy as sa

        sa.event.listen(sa.Engine, "commit", steps.committing)
        steps.before("ledger.open")
        ports = make_ports(settings, remember, opening)
        steps.after("ledger.open", ports.ledger)
        names = ("chain", "targets", "wallet", "ledger", "notifier")
        watched: dict[str, Any] = {name: Watched(name, getattr(ports, name), steps) for name in names}
        venues = tuple(Watched("venue", venue, steps) for venue in ports.venues)
        return replace(ports, venues=venues, lease=WatchedLease(ports.lease, steps), **watched)

    def watched_signer(settings: Settings) -> Signer:
        return Watched("signer", make_signer(settings), steps)  # type: ignore[return-value]

    clock = partial(AheadClock, plan["ahead"])
    vars(wire).update(make_ports=watched_ports)
    vars(wallets).update(make_signer=watched_signer)
    vars(parts).update(SystemClock=clock)
    if most := plan["most_bytes"]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def tick(plan: dict[str, Any], tell: Connection, arguments: tuple[str, ...], folders: tuple[str, str]) -> None:
    """All that this process does. `folders`: its state's, and the one for what it says."""
    state, said = folders
    for descriptor, name in ((1, OUT), (2, ERR)):
        os.dup2(os.open(f"{said}/{name}", os.O_WRONLY | os.O_CREAT), descriptor)
    os.environ["XDG_STATE_HOME"] = state
    _watch(plan, tell.fileno())
    sys.argv[:] = ["rebalancer", *arguments]
    runpy.run_module("rebalancer", run_name="__main__")
