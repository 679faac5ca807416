"""A study in, what came of it out: the live tick itself, once for each time, its ports played by history.

A halt is looked into and resumed at once, by a person who finds nothing wrong; how often stands in what was held.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import RESUMED, Blocked, Breach, Held, Settled, Settlement, Target, TickRecord
from rebalancer.core.over_time import holdings_of
from rebalancer.intents import remembered
from rebalancer.ports import Ports
from rebalancer.research.model import DOLLAR, HALTED, Backtest, Floats, Progress, Study, Traded
from rebalancer.research.ports.ledger import HistoryLedger
from rebalancer.research.ports.scene import Scene, scene_of
from rebalancer.tick import Mode, Report, run_tick
from rebalancer.units import ONE, Amount, Token

_LIVE = Mode(live=True, patience=0)
_FIGURE = re.compile(r"-?\d[\d,.]*")


def run_replay(study: Study, progress: Progress | None = None) -> Backtest:
    """Raises ConfigError where the study cannot be played at all; what a live keeper would wait out is counted.
    `progress` is told some hundred times."""
    scene = scene_of(study)
    book = Book(study)
    count = len(study.prices.times)
    step = max(count // 100, 1)
    for place in range(count):
        play(study, scene, book, place)
        if progress is not None and (place % step == 0 or place == count - 1):
            progress(place + 1, count)
    return book.backtest()


def play(study: Study, scene: Scene, book: Book, place: int) -> None:
    """The tick of one time, and the row that it leaves."""
    ports, ledger = scene.ports, scene.ledger
    scene.chain.turn(place)
    past = remembered(ports, study.policy)
    landed = len(ledger.landed)
    why = ""
    try:
        report = run_tick(ports, study.policy, past, _LIVE)
    except Unavailable as error:
        ledger.record_tick(replace(_row(ports, type(error).__name__, str(error)), called_since=past.called_since))
        book.hold(str(error))
    except Halt as error:
        why = str(error)
        _resume(ports, ledger, why)
        book.hold(f"{HALTED}: {why}")
    else:
        why = report.why or ""
        ledger.record_tick(_row_of(report, ports.clock.now()))
        _note(book, report)
    for settlement in ledger.landed[landed:]:
        book.trade(place, settlement, why)
    book.turn(place, ports.targets.read(scene.chain.head()), scene.chain.balances)


class Book:
    """What is written down of a replay as it goes."""

    def __init__(self, study: Study) -> None:
        self._study = study
        self._scale = [10.0**token.decimals for token in study.policy.assets]
        self._units: list[tuple[int, tuple[float, ...]]] = []
        self._targets: list[tuple[int, tuple[Target, ...]]] = []
        self._trades: list[Traded] = []
        self._held: Counter[str] = Counter()
        self._seen: tuple[Amount, ...] = ()
        symbols = "|".join(re.escape(token.symbol) for token in study.policy.assets if token.symbol != DOLLAR)
        self._token = re.compile(rf"(?<![\w.])(?:{symbols})(?![\w.])")

    def hold(self, why: str) -> None:
        """Counted without its figures and tokens, which differ each time, and each of its clauses once."""
        plain = _FIGURE.sub("…", self._token.sub("…", why))
        self._held["; ".join(dict.fromkeys(plain.split("; ")))] += 1

    def block(self, breaches: Sequence[Breach]) -> None:
        """With what is allowed, which is the same each time."""
        self._held["blocked: " + "; ".join(f"{each.rule} (allowed: {each.allowed})" for each in breaches)] += 1

    def trade(self, place: int, settlement: Settlement, why: str) -> None:
        cost = settlement.cost
        moved = {fill.token.address: fill.raw for fill in settlement.fills}
        changes = tuple(
            moved.get(token.address, 0) / scale
            for token, scale in zip(self._study.policy.assets, self._scale, strict=True)
        )
        fee = cost.shortfall if cost.fee is None else cost.fee
        traded, impact, gas = cost.traded / ONE, (cost.impact or 0) / ONE, cost.gas / ONE
        self._trades.append(Traded(place, changes, traded, fee / ONE, impact, gas, why))

    def turn(self, place: int, targets: tuple[Target, ...], balances: tuple[Amount, ...]) -> None:
        """What is held, and wanted, after a time."""
        if balances is not self._seen:
            self._seen = balances
            held = tuple(held.raw / scale for held, scale in zip(balances, self._scale, strict=False))
            self._units.append((place, held))
        if not self._targets or targets != self._targets[-1][1]:
            self._targets.append((place, targets))

    def backtest(self) -> Backtest:
        study = self._study
        weights = [(place, _weights(targets, study.policy.assets)) for place, targets in self._targets]
        return Backtest(
            name="replay",
            prices=study.prices,
            targets=_filled(weights, study),
            units=_filled(self._units, study),
            trades=tuple(self._trades),
            held=tuple(self._held.most_common()),
        )


def _note(book: Book, report: Report) -> None:
    """What was called for and not done. A portfolio that is where it should be held for no reason."""
    match report.outcome:
        case Settled():
            pass
        case Held(reason):
            if report.called:
                book.hold(reason)
        case Blocked(breaches):
            book.block(breaches)
        case other:
            raise AssertionError(f"a replay holds, is blocked, or settles at once, and did none of it: {other}")


def _row_of(report: Report, at: int) -> TickRecord:
    newest = report.newest
    if newest is None:
        word = type(report.outcome).__name__.lower()
        return TickRecord(at, None, word, "", None, None, None, 0, called_since=report.called_since)
    return TickRecord(
        at=at,
        block=newest.snapshot.block.number,
        outcome=type(report.outcome).__name__.lower(),
        detail="",
        value=newest.portfolio.value,
        max_drift=None,
        tx=None,
        requests=0,
        index=newest.index,
        holdings=holdings_of(newest.portfolio),
        called_since=report.called_since,
    )


def _row(ports: Ports, outcome: str, detail: str) -> TickRecord:
    return TickRecord(ports.clock.now(), None, outcome, detail, None, None, None, 0)


def _resume(ports: Ports, ledger: HistoryLedger, why: str) -> None:
    ledger.record_tick(_row(ports, Halt.__name__, why))
    ledger.record_resumed(_row(ports, RESUMED, why), why)


def _weights(targets: tuple[Target, ...], assets: tuple[Token, ...]) -> tuple[float, ...]:
    by = {target.token.address: target.weight for target in targets}
    return tuple(by[token.address] / ONE for token in assets)


def _filled(rows: list[tuple[int, tuple[float, ...]]], study: Study) -> Floats:
    """Each row from its place on, until the next."""
    found = np.empty((len(study.prices.times), len(study.policy.assets)))
    for place, row in rows:
        found[place:] = row
    return found
