"""The ledger of tests and of a single run: the same rules, and nothing on disk."""

from __future__ import annotations

from rebalancer.adapters.ledger.words import HALTED, RESUMED, another_is_open, landed_otherwise, not_recorded
from rebalancer.core.errors import Halt
from rebalancer.core.model import Intent, Past, Settlement, TickRecord


class MemoryLedger:
    """Forgets everything with the process."""

    def __init__(self) -> None:
        self.intents: list[Intent] = []
        self.landings: dict[str, Settlement | str] = {}
        self.ticks: list[TickRecord] = []
        self._failures: list[int] = []
        """Of the failed landings since the last settled one: how many ticks were on record."""

    def read(self) -> Past:
        settled = [r.timestamp for r in self.landings.values() if isinstance(r, Settlement)]
        marks = [tick for tick in self.ticks if tick.outcome in (HALTED, RESUMED)]
        open_intent = self._open()
        blocks = [tick.block or 0 for tick in self.ticks[self._resumed() :]]
        blocks += [] if open_intent is None else [open_intent.block]
        return Past(
            open_intent=open_intent,
            last_settled_at=max(settled, default=None),
            halted=marks[-1].detail if marks and marks[-1].outcome == HALTED else None,
            last_block=max(blocks, default=0),
            failures=sum(after >= self._resumed() for after in self._failures),
        )

    def record_intent(self, intent: Intent) -> None:
        other = self._open()
        if other is not None:
            raise another_is_open(other.id, other.commitment.hash, intent)
        if any(intent.id == known.id or intent.commitment.hash == known.commitment.hash for known in self.intents):
            raise Halt(f"ledger: intent {intent.id} ({intent.commitment.hash}) was recorded before")
        self.intents.append(intent)

    def record_landing(self, intent: Intent, result: Settlement | str) -> None:
        if all(intent.id != known.id for known in self.intents):
            raise not_recorded(intent)
        if intent.id in self.landings:
            if self.landings[intent.id] != result:
                raise landed_otherwise(intent, self.landings[intent.id], result)
            return
        self.landings[intent.id] = result
        self._failures = [*self._failures, len(self.ticks)] if isinstance(result, str) else []

    def record_tick(self, record: TickRecord) -> None:
        self.ticks.append(record)

    def history(self, count: int) -> tuple[TickRecord, ...]:
        return tuple(reversed(self.ticks[-count:])) if count > 0 else ()

    def _resumed(self) -> int:
        """How many ticks were on record with the newest mark of a person; 0: there is none."""
        marks = (count for count, tick in enumerate(self.ticks, 1) if tick.outcome == RESUMED)
        return max(marks, default=0)

    def _open(self) -> Intent | None:
        return next((intent for intent in self.intents if intent.id not in self.landings), None)
