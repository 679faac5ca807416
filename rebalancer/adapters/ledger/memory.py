"""The ledger of tests and of a single run: the same rules, and nothing on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rebalancer.adapters.ledger.memory_history import Landing, history_of
from rebalancer.adapters.ledger.words import (
    HALTED,
    RESUMED,
    another_is_open,
    another_was_quicker,
    landed_otherwise,
    not_recorded,
    not_reopenable,
    not_replaceable,
    not_the_halt,
    not_the_newest,
    same_landing,
    why_not_replaceable,
)
from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Answer,
    Basis,
    Failure,
    Heard,
    Horizon,
    Intent,
    Past,
    Rebalance,
    Replacement,
    Run,
    Settlement,
    TickRecord,
)
from rebalancer.core.paper import run_of


class MemoryLedger:
    """Forgets everything with the process."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        """Each with all its transactions."""
        self.bases: dict[str, Basis] = {}
        self.reopened: list[tuple[str, str]] = []
        """Whose block was replaced, and how that was seen."""
        self.ticks: list[TickRecord] = []
        self.answers: list[tuple[int, Answer]] = []
        """What venues have answered, each with the time of its tick."""
        self._recorded_after: dict[str, int] = {}
        self._all_landings: list[Landing] = []
        self._landings: dict[str, Landing] = {}

    @property
    def landings(self) -> dict[str, Settlement | Failure]:
        """What became of each intent, as far as it is known now."""
        return {of: landing.result for of, landing in self._landings.items()}

    def read(self, horizon: Horizon) -> Past:
        return Past(
            open_intent=self._open(),
            last_settled_at=max((s.timestamp for s in self._rebalanced()), default=None),
            halted=self._halted(),
            last_block=self._last_block(),
            failures=self._failures(),
            unfinal=self._unfinal(),
            gone=self._gone(),
            unchecked=self._unchecked(),
            history=history_of(self.ticks, self._all_landings, list(self._landed()), self._resumed(), horizon),
            recent=self.history(2),
        )

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        self._may_send()
        other = self._open()
        if other is not None:
            raise another_is_open(other.id, other.commitment.hash, intent)
        if any(intent.id == known.id or intent.commitment.hash == known.commitment.hash for known in self.intents):
            raise Halt(f"ledger: intent {intent.id} ({intent.commitment.hash}) was recorded before")
        self._recorded_after[intent.id] = len(self.ticks)
        self.intents.append(intent)
        self.bases[intent.id] = basis

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        self._may_send()
        known = self._open()
        if known is None or known.id != intent.id:
            if intent.id in self._landings:
                raise another_was_quicker(intent, "it has landed by now")
            raise not_replaceable(intent, replacement, "the intent is not open")
        if known != intent:
            raise not_the_newest(intent, replacement, known)
        if (why := why_not_replaceable(known, replacement)) is not None:
            raise not_replaceable(intent, replacement, why)
        self.intents[-1] = replace(known, replacements=(*known.replacements, replacement))
        return self.intents[-1]

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        if all(intent.id != known.id for known in self.intents):
            raise not_recorded(intent)
        landing = self._landings.get(intent.id)
        if landing is None:
            self._landings[intent.id] = Landing(intent, result, len(self.ticks))
            self._all_landings.append(self._landings[intent.id])
        elif not same_landing(landing.result, result):
            raise landed_otherwise(intent, landing.result, result, newest=intent.id == self.intents[-1].id)

    def record_reopened(self, intent: Intent, why: str) -> None:
        if not self.intents or self.intents[-1].id != intent.id:
            raise not_reopenable(intent, "a newer intent stands")
        if intent.id not in self._landings:
            if any(intent.id == known for known, _ in self.reopened):
                raise another_was_quicker(intent, "it has been opened again by now")
            raise not_reopenable(intent, "it has not landed")
        del self._landings[intent.id]
        self.reopened.append((intent.id, why))

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        self.ticks.append(record)
        self.answers += [(record.at, one) for one in answers]

    def record_resumed(self, record: TickRecord, halted: str) -> None:
        if (stands := self._halted()) != halted:
            raise not_the_halt(halted, stands)
        self.ticks.append(record)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        return tuple(reversed(self.ticks[-count:])) if count > 0 else ()

    def ran(self) -> Run | None:
        return run_of(tuple(reversed(self.ticks)))

    def rebalances(self, count: int) -> tuple[Rebalance, ...]:
        done = [
            Rebalance(one.rebalanced.tx, one.rebalanced.timestamp, one.intent.cost, one.rebalanced.cost)
            for one in self._landed()
            if one.rebalanced
        ]
        return tuple(reversed(done[-count:])) if count > 0 else ()

    def ended_outside(self, after: int) -> tuple[tuple[Intent, Settlement | Failure], ...]:
        found = (one for one in self._landed() if one.intent.venues and one.after >= self._resumed())
        ends = ((one, one.intent.deadline if one.mined is None else one.mined.timestamp) for one in found)
        return tuple((one.intent, one.result) for one, at in ends if at > after)

    def heard(self, venues: Sequence[str]) -> tuple[Heard, ...]:
        found = {venue: Heard(venue) for venue in venues}
        for at, one in self.answers:
            if one.venue not in found:
                continue
            news = {"counted_at": at} if one.refused is None else {"refused_at": at, "refused": one.refused}
            found[one.venue] = replace(found[one.venue], **news)
        return tuple(found[venue] for venue in venues)

    def _halted(self) -> str | None:
        marks = [tick for tick in self.ticks if tick.outcome in (HALTED, RESUMED)]
        return marks[-1].detail if marks and marks[-1].outcome == HALTED else None

    def _may_send(self) -> None:
        if (why := self._halted()) is not None:
            raise Halt(why)

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
            fresh = self._recorded_after[open_intent.id] >= self._resumed()
            return max(highest, open_intent.block if fresh else 0)
        newest = self._newest()
        if newest is None or newest.mined is None or newest.after < self._resumed():
            return highest
        return max(highest, newest.mined.block)

    def _newest(self) -> Landing | None:
        """How the newest intent landed, if it has."""
        return self._landings.get(self.intents[-1].id) if self.intents else None

    def _landed(self) -> Iterator[Landing]:
        """Those that hold, by their intents, oldest first."""
        return (self._landings[i.id] for i in self.intents if i.id in self._landings)

    def _rebalanced(self) -> Iterator[Settlement]:
        return (landing.rebalanced for landing in self._landed() if landing.rebalanced)

    def _failures(self) -> int:
        """Since the newest rebalance, those that a person has looked at left out. Targets that settle end no row."""
        in_a_row = 0
        for landing in self._landed():
            if landing.rebalanced is not None:
                in_a_row = 0
            elif isinstance(landing.result, Failure) and landing.after >= self._resumed():
                in_a_row += 1
        return in_a_row

    def _unfinal(self) -> tuple[Intent, Settlement | Failure] | None:
        newest = self._newest()
        if newest is None or newest.mined is None:
            return None
        # What was read after it has the say, whoever resumed.
        if self._highest(newest.after) - newest.mined.block >= FINAL_BLOCKS:
            return None
        return self.intents[-1], newest.result

    def _gone(self) -> Intent | None:
        newest = self._newest()
        if newest is None or newest.mined is not None or newest.after < self._resumed():
            return None
        return self.intents[-1]

    def _unchecked(self) -> tuple[Intent, Settlement] | None:
        newest = self._newest()
        if newest is None or not isinstance(newest.result, Settlement) or newest.after < self._resumed():
            return None
        read = self._highest(newest.after) >= newest.result.block
        return None if read else (self.intents[-1], newest.result)
