"""The ledger of tests and of a single run: the same rules, and nothing on disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from rebalancer.adapters.ledger.counting import Counted, count, gwei, micro_dollars, shares
from rebalancer.adapters.ledger.words import (
    HALTED,
    RESUMED,
    another_is_open,
    landed_otherwise,
    not_recorded,
    not_reopenable,
    not_replaceable,
)
from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Basis,
    Failure,
    History,
    Horizon,
    Intent,
    Mined,
    Past,
    Replacement,
    Settlement,
    TickRecord,
    Valued,
)
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class _Landing:
    """`after`: how many ticks were on record by then."""

    result: Settlement | Failure
    after: int

    @property
    def mined(self) -> Settlement | Mined | None:
        return self.result.mined if isinstance(self.result, Failure) else self.result


class MemoryLedger:
    """Forgets everything with the process."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        """Each with all its transactions."""
        self.bases: dict[str, Basis] = {}
        self.reopened: list[tuple[str, str]] = []
        """Whose block was replaced, and how that was seen."""
        self.ticks: list[TickRecord] = []
        self._landings: dict[str, _Landing] = {}

    @property
    def landings(self) -> dict[str, Settlement | Failure]:
        """What became of each intent, as far as it is known now."""
        return {of: landing.result for of, landing in self._landings.items()}

    def read(self, horizon: Horizon) -> Past:
        marks = [tick for tick in self.ticks if tick.outcome in (HALTED, RESUMED)]
        return Past(
            open_intent=self._open(),
            last_settled_at=max((s.timestamp for s in self._settled()), default=None),
            halted=marks[-1].detail if marks and marks[-1].outcome == HALTED else None,
            last_block=self._last_block(),
            failures=self._failures(),
            unfinal=self._unfinal(),
            history=self._history(horizon),
            recent=self.history(2),
        )

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        other = self._open()
        if other is not None:
            raise another_is_open(other.id, other.commitment.hash, intent)
        if any(intent.id == known.id or intent.commitment.hash == known.commitment.hash for known in self.intents):
            raise Halt(f"ledger: intent {intent.id} ({intent.commitment.hash}) was recorded before")
        self.intents.append(intent)
        self.bases[intent.id] = basis

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        known = self._open()
        if known is None or known.id != intent.id:
            raise not_replaceable(intent, replacement, "the intent is not open")
        if known != intent:
            raise not_replaceable(
                intent, replacement, f"its newest transaction is {known.newest.hash}, expected {intent.newest.hash}"
            )
        self.intents[-1] = replace(known, replacements=(*known.replacements, replacement))
        return self.intents[-1]

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        if all(intent.id != known.id for known in self.intents):
            raise not_recorded(intent)
        landing = self._landings.get(intent.id)
        if landing is None:
            self._landings[intent.id] = _Landing(result, len(self.ticks))
        elif landing.result != result:
            raise landed_otherwise(intent, landing.result, result)

    def record_reopened(self, intent: Intent, why: str) -> None:
        if not self.intents or self.intents[-1].id != intent.id:
            raise not_reopenable(intent, "a newer intent stands")
        if intent.id not in self._landings:
            raise not_reopenable(intent, "it has not landed")
        del self._landings[intent.id]
        self.reopened.append((intent.id, why))

    def record_tick(self, record: TickRecord) -> None:
        self.ticks.append(record)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        return tuple(reversed(self.ticks[-count:])) if count > 0 else ()

    def _resumed(self) -> int:
        """How many ticks were on record with the newest mark of a person; 0: there is none."""
        marks = (count for count, tick in enumerate(self.ticks, 1) if tick.outcome == RESUMED)
        return max(marks, default=0)

    def _open(self) -> Intent | None:
        return next((intent for intent in self.intents if intent.id not in self._landings), None)

    def _highest(self, after: int) -> int:
        return max((tick.block or 0 for tick in self.ticks[after:]), default=0)

    def _last_block(self) -> int:
        highest, open_intent = self._highest(self._resumed()), self._open()
        if open_intent is not None:
            return max(highest, open_intent.block)
        newest = self._newest()
        if newest is None or newest.mined is None or newest.after < self._resumed():
            return highest
        return max(highest, newest.mined.block)

    def _newest(self) -> _Landing | None:
        """How the newest intent landed, if it has."""
        return self._landings.get(self.intents[-1].id) if self.intents else None

    def _landed(self) -> Iterator[tuple[Intent, _Landing]]:
        """Oldest first."""
        return ((i, self._landings[i.id]) for i in self.intents if i.id in self._landings)

    def _settled(self) -> Iterator[Settlement]:
        return (landing.result for _, landing in self._landed() if isinstance(landing.result, Settlement))

    def _failures(self) -> int:
        """In a row, those that a person has looked at left out."""
        in_a_row = 0
        for _, landing in self._landed():
            failed = isinstance(landing.result, Failure)
            in_a_row = in_a_row + (landing.after >= self._resumed()) if failed else 0
        return in_a_row

    def _unfinal(self) -> tuple[Intent, Settlement | Failure] | None:
        newest = self._newest()
        if newest is None or newest.mined is None:
            return None
        # What was read after it has the say, whoever resumed.
        if self._highest(newest.after) - newest.mined.block >= FINAL_BLOCKS:
            return None
        return self.intents[-1], newest.result

    # ------------------------------------------------------------ what the guards over time rest on

    def _history(self, horizon: Horizon) -> History:
        resumed = self._resumed()
        seen = [tick for tick in self.ticks if tick.index is not None and tick.value is not None]
        fresh = [tick for tick in self.ticks[resumed:] if tick.index is not None and tick.at >= horizon.peak]
        counted = [(landing, count(intent, landing.result)) for intent, landing in self._landed()]
        of_day = self._of_day(counted, horizon.day)
        days = [c for _, c in of_day]
        of_month = [(lan, c) for lan, c in counted if lan.mined and lan.mined.timestamp >= horizon.month]
        fresh_month = [c for lan, c in of_month if lan.after >= resumed]
        good_since, good_before = self._good()
        return History(
            since=self.ticks[resumed - 1].at if resumed else 0,
            valued=_valued(seen[-1]) if seen else None,
            peak=max((tick.index or 0 for tick in fresh), default=0),
            moved=self._moved(seen[-1].block or 0) if seen else (),
            trades_of_day=len(of_day),
            turnover_of_day=micro_dollars(sum(c.traded for c in days)),
            cost_of_month=micro_dollars(sum(c.cost for c in fresh_month)),
            gas_of_month=gwei(sum(c.gas for _, c in of_month)),
            traded=micro_dollars(sum(c.traded for _, c in counted)),
            good_since=good_since,
            good_before=good_before,
            began=self.ticks[0].at if self.ticks else 0,
            day_began=min((at for at, _ in of_day), default=None),
            turnover_share=shares(sum(c.traded_share for c in days)),
            cost_share=shares(sum(c.cost_share for c in fresh_month)),
        )

    def _of_day(self, counted: list[tuple[_Landing, Counted]], day: int) -> list[tuple[int, Counted]]:
        """Of what has settled since then, and since a person looked, with when."""
        return [
            (landing.result.timestamp, c)
            for landing, c in counted
            if isinstance(landing.result, Settlement)
            and landing.result.timestamp >= day
            and landing.after >= self._resumed()
        ]

    def _moved(self, block: int) -> tuple[tuple[Address, int], ...]:
        """By the batches that were mined after that block."""
        moved: Counter[Address] = Counter()
        for settlement in self._settled():
            if settlement.block > block:
                for fill in settlement.fills:
                    moved[fill.token.address] += fill.raw
        return tuple(sorted(moved.items()))

    def _good(self) -> tuple[int | None, int]:
        """(since when nothing has failed or halted, the longest such stretch before in seconds)."""
        first = min((s.timestamp for s in self._settled()), default=None)
        if first is None:
            return None, 0
        ends = [tick.at for tick in self.ticks if tick.outcome == HALTED]
        for intent, landing in self._landed():
            if isinstance(landing.result, Failure):
                # What is void failed at its deadline.
                ends.append(intent.deadline if landing.mined is None else landing.mined.timestamp)
        points = sorted([first, *(at for at in ends if at > first)])
        return points[-1], max((after - before for before, after in pairwise(points)), default=0)


def _valued(tick: TickRecord) -> Valued:
    assert tick.value is not None and tick.index is not None, "only ticks that have both are asked"
    return Valued(tick.at, tick.value, tick.index, tick.holdings)
