"""What the guards over time rest on, of a ledger in memory: its ticks and landings in, a History out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rebalancer.adapters.ledger.words import HALTED
from rebalancer.core.counting import Counted, count, gwei, micro_dollars, shares
from rebalancer.core.model import Failure, History, Horizon, Intent, Mined, Settlement, TickRecord, Valued, mined_of
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class Landing:
    """`after`: how many ticks were on record by then."""

    intent: Intent
    result: Settlement | Failure
    after: int

    @property
    def mined(self) -> Settlement | Mined | None:
        return mined_of(self.result)

    @property
    def rebalanced(self) -> Settlement | None:
        """Of what has settled; None: it has not, or it sold nothing, and has set targets."""
        if isinstance(self.result, Settlement) and count(self.intent, self.result).traded > 0:
            return self.result
        return None


Landings = Sequence[Landing]
Ticks = Sequence[TickRecord]


def history_of(ticks: Ticks, ever: Landings, landed: Landings, resumed: int, horizon: Horizon) -> History:
    """`ever`: with those whose block was replaced since; `landed`: without. `resumed`: how many ticks were on record
    when a person did so last.
    """
    looks = [(number, t) for number, t in enumerate(ticks, 1) if t.index is not None and t.value is not None]
    fresh = [tick for tick in ticks[resumed:] if tick.index is not None and tick.at >= horizon.peak]
    counted = [(landing, count(landing.intent, landing.result)) for landing in landed]
    of_day = _of_day(counted, horizon.day, resumed)
    days = [c for _, c in of_day]
    of_month = [(lan, c) for lan, c in counted if lan.mined and lan.mined.timestamp >= horizon.month]
    fresh_month = [c for lan, c in of_month if lan.after >= resumed]
    good_since, good_before = _good(ticks, landed)
    return History(
        since=ticks[resumed - 1].at if resumed else 0,
        valued=_valued(looks[-1][1]) if looks else None,
        peak=max((tick.index or 0 for tick in fresh), default=0),
        moved=_moved(ever, landed, *looks[-1]) if looks else (),
        trades_of_day=len(of_day),
        turnover_of_day=micro_dollars(sum(c.traded for c in days)),
        cost_of_month=micro_dollars(sum(c.cost for c in fresh_month)),
        gas_of_month=gwei(sum(c.gas for _, c in of_month)),
        traded=micro_dollars(sum(c.traded for _, c in counted)),
        good_since=good_since,
        good_before=good_before,
        began=ticks[0].at if ticks else 0,
        day_began=min((at for at, _ in of_day), default=None),
        turnover_share=shares(sum(c.traded_share for c in days)),
        cost_share=shares(sum(c.cost_share for c in fresh_month)),
    )


def _of_day(counted: list[tuple[Landing, Counted]], day: int, resumed: int) -> list[tuple[int, Counted]]:
    """Of what has settled since then, and since a person looked, with when."""
    done = [(landing.rebalanced, landing.after, c) for landing, c in counted]
    return [(one.timestamp, c) for one, after, c in done if one and one.timestamp >= day and after >= resumed]


def _moved(ever: Landings, landed: Landings, looked: int, tick: TickRecord) -> tuple[tuple[Address, int], ...]:
    """By the batches that were mined after that tick's block, or landed anew after it.

    How the latter had landed before is in what it saw, and is taken back. `looked`: its number, from 1.
    """
    moved: Counter[Address] = Counter()
    block = tick.block or 0
    in_turn = sorted(ever, key=lambda landing: landing.intent.id)  # stable: revisions stay in their order
    for _, each in groupby(in_turn, key=lambda landing: landing.intent.id):
        revisions = list(each)
        newest = revisions[-1]
        stands = any(newest is landing for landing in landed)
        seen = next((landing for landing in reversed(revisions) if landing.after < looked), None)
        anew = len(revisions) > 1 and newest.after >= looked
        if stands and isinstance(newest.result, Settlement) and (newest.result.block > block or anew):
            _add(moved, newest.result, 1)
        undone = seen is not None and not (seen is newest and stands)
        if undone and seen is not None and isinstance(seen.result, Settlement) and seen.result.block <= block:
            _add(moved, seen.result, -1)
    return tuple(sorted((token, raw) for token, raw in moved.items() if raw))


def _add(moved: Counter[Address], settlement: Settlement, sign: int) -> None:
    for fill in settlement.fills:
        moved[fill.token.address] += fill.raw * sign


def _good(ticks: Ticks, landed: Landings) -> tuple[int | None, int]:
    """(since when nothing has failed or halted, the longest such stretch before in seconds)."""
    first = min((each.rebalanced.timestamp for each in landed if each.rebalanced), default=None)
    if first is None:
        return None, 0
    ends = [tick.at for tick in ticks if tick.outcome == HALTED]
    for landing in landed:
        if isinstance(landing.result, Failure):
            # What is void failed at its deadline.
            ends.append(landing.intent.deadline if landing.mined is None else landing.mined.timestamp)
    points = sorted([first, *(at for at in ends if at > first)])
    return points[-1], max((after - before for before, after in pairwise(points)), default=0)


def _valued(tick: TickRecord) -> Valued:
    assert tick.value is not None and tick.index is not None, "only ticks that have both are asked"
    return Valued(tick.at, tick.value, tick.index, tick.holdings)
