"""What the keeper would remember at each tick of a replay: the same as any ledger says, kept up to date as rows come.

A ledger on disk is asked for sums over days; here they are kept in queues that each tick only adds to at one end and
takes from at the other. Its rows stand in the order of time, one batch is open at a time, and what is sent settles.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from rebalancer.core.counting import count, gwei, micro_dollars, shares
from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Answer,
    Basis,
    Failure,
    Heard,
    History,
    Horizon,
    Intent,
    Past,
    Rebalance,
    Replacement,
    Run,
    Settlement,
    TickRecord,
    Valued,
)
from rebalancer.research.ports.stretch import Stretch, Sums
from rebalancer.units import Address


class HistoryLedger:
    """Plays Ledger. Horizons must not go back in time."""

    def __init__(self) -> None:
        self.landed: list[Settlement] = []
        self._began = 0
        self._since = 0
        self._halted: str | None = None
        self._open: Intent | None = None
        self._newest: tuple[Intent, Settlement] | None = None
        self._last_block = 0
        self._read_since = 0
        """The highest block of a tick that was recorded after the newest landing."""
        self._fresh = False
        """Whether nobody has resumed since the newest landing."""
        self._settled_at: int | None = None
        self._valued: Valued | None = None
        self._looked_block = 0
        self._peaks: deque[tuple[int, int]] = deque()
        """(when, index), each lower than the one before it: the first is the highest that still counts."""
        self._unseen: list[Settlement] = []
        self._day, self._month, self._gas = Sums(), Sums(), Sums()
        self._traded = 0
        self._stretch = Stretch()
        self._recent: tuple[TickRecord, ...] = ()

    def read(self, horizon: Horizon) -> Past:
        newest = self._newest if self._open is None else None
        final = newest is None or self._read_since - newest[1].block >= FINAL_BLOCKS
        unchecked = newest is not None and self._fresh and self._read_since < newest[1].block
        return Past(
            open_intent=self._open,
            last_settled_at=self._settled_at,
            halted=self._halted,
            last_block=self._last_block,
            failures=0,
            unfinal=None if final else newest,
            unchecked=newest if unchecked else None,
            history=self._history(horizon),
            recent=self._recent,
        )

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        if self._halted is not None:
            raise Halt(self._halted)
        assert self._open is None, "an intent is open until it has landed, and lands at once"
        self._open = intent
        self._last_block = max(self._last_block, intent.block)

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        assert isinstance(result, Settlement), f"what was simulated happens just so, and not: {result}"
        counted = count(intent, result)
        self._open, self._newest = None, (intent, result)
        self._read_since, self._fresh = 0, True
        self._settled_at = max(self._settled_at or 0, result.timestamp)
        self._last_block = max(self._last_block, result.block)
        self._unseen.append(result)
        self.landed.append(result)
        self._traded += counted.traded
        for sums in (self._day, self._month, self._gas):
            sums.add(result.timestamp, counted)
        self._stretch.settled(result.timestamp)

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        self._began = self._began or record.at
        self._recent = (record, *self._recent[:1])
        if record.outcome == Halt.__name__:
            self._halted = record.detail
            self._stretch.ended(record.at)
        if record.block is not None:
            self._last_block = max(self._last_block, record.block)
            self._read_since = max(self._read_since, record.block)
        if record.index is not None and record.value is not None:
            self._looked(record, Valued(record.at, record.value, record.index, record.holdings))

    def record_resumed(self, record: TickRecord, halted: str) -> None:
        assert self._halted == halted, f"halted because {self._halted}, and resumed because {halted}"
        self._recent = (record, *self._recent[:1])
        self._halted, self._since, self._fresh = None, record.at, False
        self._last_block = 0
        self._peaks.clear()
        self._day.forget()
        self._month.forget()

    def _looked(self, record: TickRecord, valued: Valued) -> None:
        self._valued = valued
        self._unseen = [settlement for settlement in self._unseen if settlement.block > (record.block or 0)]
        while self._peaks and self._peaks[-1][1] <= valued.index:
            self._peaks.pop()
        self._peaks.append((valued.at, valued.index))

    def _history(self, horizon: Horizon) -> History:
        while self._peaks and self._peaks[0][0] < horizon.peak:
            self._peaks.popleft()
        day, month, gas = self._day.since(horizon.day), self._month.since(horizon.month), self._gas.since(horizon.month)
        return History(
            since=self._since,
            valued=self._valued,
            peak=self._peaks[0][1] if self._peaks else 0,
            moved=self._moved(),
            trades_of_day=self._day.count,
            turnover_of_day=micro_dollars(day.traded),
            cost_of_month=micro_dollars(month.cost),
            gas_of_month=gwei(gas.gas),
            traded=micro_dollars(self._traded),
            good_since=self._stretch.since,
            good_before=self._stretch.longest,
            began=self._began,
            day_began=self._day.first,
            turnover_share=shares(day.traded_share),
            cost_share=shares(month.cost_share),
        )

    def _moved(self) -> tuple[tuple[Address, int], ...]:
        if self._valued is None or not self._unseen:
            return ()
        moved: Counter[Address] = Counter()
        for settlement in self._unseen:
            for fill in settlement.fills:
                moved[fill.token.address] += fill.raw
        return tuple(sorted((token, raw) for token, raw in moved.items() if raw))

    # ------------------------------------------------------------ what a replay never asks

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        raise AssertionError("nothing is replaced in a replay")

    def record_reopened(self, intent: Intent, why: str) -> None:
        raise AssertionError("no block is replaced in a replay")

    def history(self, count: int) -> tuple[TickRecord, ...]:
        return self._recent[:count]

    def ran(self) -> Run | None:
        raise AssertionError("a replay knows how long it lasts")

    def rebalances(self, count: int) -> tuple[Rebalance, ...]:
        raise AssertionError("a replay keeps its trades itself")

    def ended_outside(self, after: int) -> tuple[tuple[Intent, Settlement | Failure], ...]:
        return ()

    def heard(self, venues: Sequence[str]) -> tuple[Heard, ...]:
        return tuple(Heard(venue) for venue in venues)
