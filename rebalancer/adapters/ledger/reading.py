"""What the next decision rests on, asked in SQL that SQLite and PostgreSQL both speak: rows in, a Past out.

Who asks is not said here: an idle tick asks through the standard library, all else through SQLAlchemy (ADR 5). All
questions of one call are answered from one state of the database; the caller sees to that.

Order is that of the rows, never of the clock. A landing counts while no reopening has followed it. `since` a person
resumed means: rows after the newest `resumed`, and landings that were recorded after it.
"""

from __future__ import annotations

from rebalancer.adapters.ledger.record_shapes import cost_in
from rebalancer.adapters.ledger.standing import (
    Ask,
    Parameters,
    highest_block,
    marks_of,
    newest_of,
    read_intent,
    result_of,
)
from rebalancer.adapters.ledger.tick_rows import COLUMNS, holdings_of, tick_of
from rebalancer.adapters.ledger.words import HALTED
from rebalancer.core.counting import gwei, micro_dollars, shares
from rebalancer.core.model import (
    Failure,
    History,
    Horizon,
    Intent,
    Past,
    Rebalance,
    Settlement,
    TickRecord,
    Valued,
)
from rebalancer.units import Address, Usd

STANDING = """
    landings.portfolio = :portfolio AND NOT EXISTS (
        SELECT 1 FROM turns WHERE turns.portfolio = landings.portfolio AND turns.turn = landings.turn + 1
        AND turns.kind = 'reopening'
    )
"""
"""The landings of the portfolio that still hold."""
# What has settled and sold nothing has set targets: it costs gas, and is no rebalance.
_REBALANCED = "(CASE WHEN traded_micro > 0 THEN settled_at END)"

_SUMS = f"""
    SELECT MAX({_REBALANCED}), MIN({_REBALANCED}), MAX(CASE WHEN {_REBALANCED} IS NOT NULL THEN number END),
        SUM(traded_micro),
        SUM(CASE WHEN {_REBALANCED} >= :day AND after_tick >= :resumed THEN 1 ELSE 0 END),
        SUM(CASE WHEN settled_at >= :day AND after_tick >= :resumed THEN traded_micro ELSE 0 END),
        SUM(CASE WHEN mined_at >= :month AND after_tick >= :resumed THEN cost_micro ELSE 0 END),
        SUM(CASE WHEN mined_at >= :month THEN gas_gwei ELSE 0 END),
        SUM(CASE WHEN settled_at >= :day AND after_tick >= :resumed THEN traded_share_e9 ELSE 0 END),
        SUM(CASE WHEN mined_at >= :month AND after_tick >= :resumed THEN cost_share_e9 ELSE 0 END),
        MIN(CASE WHEN {_REBALANCED} >= :day AND after_tick >= :resumed THEN settled_at END)
    FROM landings WHERE {STANDING}
"""
_FAILURES = f"""
    SELECT COUNT(*) FROM landings
    WHERE {STANDING} AND settled_at IS NULL AND number > :rebalanced AND after_tick >= :resumed
"""
# What is void failed at its deadline.
_GOOD = f"""
    WITH marks AS (
        SELECT ticks.at + 0 AS at FROM ticks WHERE ticks.portfolio = :portfolio AND ticks.outcome = :halted
        UNION ALL
        SELECT COALESCE(landings.mined_at, intents.deadline) AS at FROM landings JOIN intents
        ON intents.portfolio = landings.portfolio AND intents.number = landings.number
        WHERE {STANDING} AND landings.settled_at IS NULL
    ), stretches AS (
        SELECT at, at - LAG(at) OVER (ORDER BY at) AS lasted FROM (
            SELECT at FROM marks WHERE at > :first UNION ALL
            SELECT MIN({_REBALANCED}) AS at FROM landings WHERE {STANDING}
        ) AS points
    )
    SELECT MAX(at), MAX(lasted) FROM stretches
"""
_FIRST_TICK = "SELECT at FROM ticks WHERE portfolio = :portfolio ORDER BY id LIMIT 1"
_VALUED = """
    SELECT at, value, index_e9, holdings, block, id FROM ticks
    WHERE portfolio = :portfolio AND index_e9 IS NOT NULL AND value IS NOT NULL
    ORDER BY id DESC LIMIT 1
"""
# A zero is added to a column where SQLite would otherwise choose its index, and go through a year of ticks by it.
_PEAK = "SELECT MAX(index_e9) FROM ticks WHERE portfolio = :portfolio AND id + 0 > :resumed AND at >= :peak"
# Later than the look at the wallet: what landed in a later block, and what landed anew since. How the latter had landed
# before is in what was seen, and it is taken back: each batch counts once, as it landed last.
_MOVED = f"""
    SELECT fills.token, fills.raw, 1 FROM landings JOIN fills
    ON fills.portfolio = landings.portfolio AND fills.turn = landings.turn
    WHERE {STANDING} AND settled_at IS NOT NULL
    AND (landings.block > :block OR (landings.revision > 1 AND landings.after_tick >= :looked))
    UNION ALL
    SELECT fills.token, fills.raw, -1 FROM reopenings
    JOIN landings ON landings.portfolio = reopenings.portfolio AND landings.turn = reopenings.turn - 1
    JOIN fills ON fills.portfolio = landings.portfolio AND fills.turn = landings.turn
    WHERE reopenings.portfolio = :portfolio AND landings.block <= :block AND landings.after_tick < :looked
    AND NOT EXISTS (
        SELECT 1 FROM landings AS anew WHERE anew.portfolio = landings.portfolio AND anew.number = landings.number
        AND anew.revision > landings.revision AND anew.after_tick < :looked
    )
"""
_TICKS = f"SELECT {', '.join(COLUMNS)} FROM ticks WHERE portfolio = :portfolio ORDER BY id DESC LIMIT :count"
_COSTS = ("traded", "fee", "impact", "shortfall", "gas")
_REBALANCES = f"""
    SELECT receipts.tx, landings.settled_at,
        {", ".join(f"{when}.{part}" for when in ("expected", "measured") for part in _COSTS)}
    FROM landings
    JOIN receipts ON receipts.portfolio = landings.portfolio AND receipts.turn = landings.turn
    JOIN intents ON intents.portfolio = landings.portfolio AND intents.number = landings.number
    JOIN costs AS expected ON expected.portfolio = intents.portfolio AND expected.turn = intents.turn
    JOIN costs AS measured ON measured.portfolio = landings.portfolio AND measured.turn = landings.turn
    WHERE {STANDING} AND landings.settled_at IS NOT NULL AND landings.traded_micro > 0
    ORDER BY landings.turn DESC LIMIT :count
"""
# Void it has ended at its deadline.
_ENDED = f"""
    SELECT landings.number, landings.reason, landings.body FROM landings JOIN intents
    ON intents.portfolio = landings.portfolio AND intents.number = landings.number
    WHERE {STANDING} AND landings.after_tick >= :resumed AND COALESCE(landings.mined_at, intents.deadline) > :after
    ORDER BY landings.turn
"""
_RECENT = 2  # ticks: what a person was told of already
_MOST_ROWS = 2**63 - 1  # what a LIMIT takes


def read_past(ask: Ask, portfolio: int, horizon: Horizon) -> Past:
    """Raises Halt where the records contradict each other."""
    ours: Parameters = {"portfolio": portfolio}
    resumed_id, since, halted = marks_of(ask, ours)
    newest = newest_of(ask, ours, resumed_id)
    settled_at, failures, history = _history(ask, ours | {"resumed": resumed_id}, since, horizon)
    return Past(
        open_intent=newest.open_intent,
        last_settled_at=settled_at,
        halted=halted,
        last_block=max(newest.block, highest_block(ask, ours, resumed_id)),
        failures=failures,
        unfinal=newest.unfinal,
        gone=newest.gone,
        unchecked=newest.unchecked,
        history=history,
        recent=read_ticks(ask, portfolio, _RECENT),
    )


def read_ticks(ask: Ask, portfolio: int, count: int) -> tuple[TickRecord, ...]:
    """The newest `count`, newest first."""
    if count <= 0:
        return ()
    rows = ask(_TICKS, {"portfolio": portfolio, "count": min(count, _MOST_ROWS)})
    return tuple(tick_of(row) for row in rows)


def read_rebalances(ask: Ask, portfolio: int, count: int) -> tuple[Rebalance, ...]:
    """The newest `count` that have settled and stand, newest first."""
    rows = ask(_REBALANCES, {"portfolio": portfolio, "count": min(max(count, 0), _MOST_ROWS)})
    each = len(_COSTS)
    return tuple(
        Rebalance(
            tx,
            settled_at,
            expected=cost_in(dict(zip(_COSTS, costs[:each], strict=True))),
            measured=cost_in(dict(zip(_COSTS, costs[each:], strict=True))),
        )
        for tx, settled_at, *costs in rows
    )


def read_ended_outside(ask: Ask, portfolio: int, after: int) -> tuple[tuple[Intent, Settlement | Failure], ...]:
    """Each with a venue from outside that stands and ended later, oldest first. Not asked by a tick that holds."""
    ours: Parameters = {"portfolio": portfolio}
    rows = ask(_ENDED, ours | {"resumed": marks_of(ask, ours)[0], "after": after})
    ended = ((read_intent(ask, ours, number), result_of(reason, body)) for number, reason, body in rows)
    return tuple((intent, result) for intent, result in ended if intent.venues)


def _history(ask: Ask, ours: Parameters, since: int, horizon: Horizon) -> tuple[int | None, int, History]:
    """(when the last rebalance settled, failures since the newest one, the rest). `ours`: with the row of the last
    `resumed`."""
    sums = ask(_SUMS, ours | {"day": horizon.day, "month": horizon.month})[0]
    settled_at, first, newest = sums[:3]
    # PostgreSQL adds 64 bits up to a Decimal.
    traded, trades, turnover, cost, gas, turnover_share, cost_share = (int(each or 0) for each in sums[3:10])
    failures = ask(_FAILURES, ours | {"rebalanced": newest or 0})[0][0]
    good_since, good_before = (None, 0) if first is None else ask(_GOOD, ours | {"halted": HALTED, "first": first})[0]
    valued, moved = _valued(ask, ours)
    peak = ask(_PEAK, ours | {"peak": horizon.peak})[0][0]
    began = ask(_FIRST_TICK, ours)
    history = History(
        since=since,
        valued=valued,
        peak=peak or 0,
        moved=moved,
        trades_of_day=trades,
        turnover_of_day=micro_dollars(turnover),
        cost_of_month=micro_dollars(cost),
        gas_of_month=gwei(gas),
        traded=micro_dollars(traded),
        good_since=good_since,
        good_before=good_before or 0,
        began=began[0][0] if began else 0,
        day_began=sums[10],
        turnover_share=shares(turnover_share),
        cost_share=shares(cost_share),
    )
    return settled_at, failures, history


def _valued(ask: Ask, ours: Parameters) -> tuple[Valued | None, tuple[tuple[Address, int], ...]]:
    """The wallet as it was seen last, and what our rebalances have changed in later blocks."""
    rows = ask(_VALUED, ours)
    if not rows:
        return None, ()
    at, value, index, held, block, looked = rows[0]
    moved: dict[Address, int] = {}
    for token, raw, sign in ask(_MOVED, ours | {"block": block or 0, "looked": looked}):
        moved[Address(token)] = moved.get(Address(token), 0) + int(raw) * sign
    known = Valued(at, Usd(int(value)), index, holdings_of(held))
    return known, tuple(sorted((token, raw) for token, raw in moved.items() if raw))
