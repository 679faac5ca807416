"""What the next decision rests on, asked in SQL that SQLite and PostgreSQL both speak: rows in, a Past out.

Who asks is not said here: an idle tick asks through the standard library, all else through SQLAlchemy (ADR 5). All
questions of one call are answered from one state of the database; the caller sees to that.

Order is that of the rows, never of the clock. A landing counts while no reopening has followed it. `since` a person
resumed means: rows after the newest `resumed`, and landings that were recorded after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rebalancer.adapters.ledger.counting import gwei, micro_dollars, shares
from rebalancer.adapters.ledger.landing_records import mined_from_json, settlement_from_json
from rebalancer.adapters.ledger.tick_rows import COLUMNS, holdings_of, tick_of
from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.model import FINAL_BLOCKS, Failure, History, Horizon, Intent, Past, Settlement, TickRecord, Valued
from rebalancer.units import Address, Usd

Ask = Callable[[str, Mapping[str, int | str]], Sequence[Sequence[Any]]]
"""A question with named parameters, and its rows."""
Parameters = dict[str, int | str]

STANDING = """
    landings.portfolio = :portfolio AND NOT EXISTS (
        SELECT 1 FROM turns WHERE turns.portfolio = landings.portfolio AND turns.turn = landings.turn + 1
        AND turns.kind = 'reopening'
    )
"""
"""The landings of the portfolio that still hold."""

# A zero is added to a column where SQLite would otherwise choose its index, and go through a year of ticks by it.
_MARK = "SELECT id, at, detail FROM ticks WHERE portfolio = :portfolio AND outcome = :outcome ORDER BY id DESC LIMIT 1"
_HIGHEST = """
    SELECT block FROM ticks WHERE portfolio = :portfolio AND id > :after AND block IS NOT NULL
    ORDER BY block DESC LIMIT 1
"""
_NEWEST_TURN = "SELECT kind, number, turn FROM turns WHERE portfolio = :portfolio ORDER BY turn DESC LIMIT 1"
_INTENT = "SELECT id, tx, body FROM intents WHERE portfolio = :portfolio AND number = :number"
_ATTEMPTS = """
    SELECT purpose, at, hash, body FROM attempts WHERE portfolio = :portfolio AND number = :number ORDER BY attempt
"""
_LANDING = "SELECT reason, body, block, after_tick FROM landings WHERE portfolio = :portfolio AND turn = :turn"
_SUMS = f"""
    SELECT MAX(settled_at), MIN(settled_at), MAX(CASE WHEN settled_at IS NOT NULL THEN number END), SUM(traded_micro),
        SUM(CASE WHEN settled_at >= :day AND after_tick >= :resumed THEN 1 ELSE 0 END),
        SUM(CASE WHEN settled_at >= :day AND after_tick >= :resumed THEN traded_micro ELSE 0 END),
        SUM(CASE WHEN mined_at >= :month AND after_tick >= :resumed THEN cost_micro ELSE 0 END),
        SUM(CASE WHEN mined_at >= :month THEN gas_gwei ELSE 0 END),
        SUM(CASE WHEN settled_at >= :day AND after_tick >= :resumed THEN traded_share_e9 ELSE 0 END),
        SUM(CASE WHEN mined_at >= :month AND after_tick >= :resumed THEN cost_share_e9 ELSE 0 END),
        MIN(CASE WHEN settled_at >= :day AND after_tick >= :resumed THEN settled_at END)
    FROM landings WHERE {STANDING}
"""
_FAILURES = f"""
    SELECT COUNT(*) FROM landings
    WHERE {STANDING} AND settled_at IS NULL AND number > :settled AND after_tick >= :resumed
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
            SELECT at FROM marks WHERE at > :first UNION ALL SELECT MIN(settled_at) AS at FROM landings WHERE {STANDING}
        ) AS points
    )
    SELECT MAX(at), MAX(lasted) FROM stretches
"""
_FIRST_TICK = "SELECT at FROM ticks WHERE portfolio = :portfolio ORDER BY id LIMIT 1"
_VALUED = """
    SELECT at, value, index_e9, holdings, block FROM ticks
    WHERE portfolio = :portfolio AND index_e9 IS NOT NULL AND value IS NOT NULL
    ORDER BY id DESC LIMIT 1
"""
_PEAK = "SELECT MAX(index_e9) FROM ticks WHERE portfolio = :portfolio AND id + 0 > :resumed AND at >= :peak"
_MOVED = f"""
    SELECT fills.token, fills.raw FROM landings JOIN fills
    ON fills.portfolio = landings.portfolio AND fills.turn = landings.turn
    WHERE {STANDING} AND settled_at IS NOT NULL AND landings.block > :block ORDER BY fills.turn, fills.place
"""
_TICKS = f"SELECT {', '.join(COLUMNS)} FROM ticks WHERE portfolio = :portfolio ORDER BY id DESC LIMIT :count"
_RECENT = 2  # ticks: what a person was told of already
_MOST_ROWS = 2**63 - 1  # what a LIMIT takes


def read_past(ask: Ask, portfolio: int, horizon: Horizon) -> Past:
    """Raises Halt where the records contradict each other."""
    ours: Parameters = {"portfolio": portfolio}
    halted = ask(_MARK, ours | {"outcome": HALTED})
    resumed = ask(_MARK, ours | {"outcome": RESUMED})
    halted_id, why = (halted[0][0], halted[0][2]) if halted else (0, None)
    resumed_id, since = (resumed[0][0], resumed[0][1]) if resumed else (0, 0)
    open_intent, unfinal, block = _newest(ask, ours, resumed_id)
    settled_at, failures, history = _history(ask, ours | {"resumed": resumed_id}, since, horizon)
    return Past(
        open_intent=open_intent,
        last_settled_at=settled_at,
        halted=why if halted_id > resumed_id else None,
        last_block=max(block, _highest(ask, ours, resumed_id)),
        failures=failures,
        unfinal=unfinal,
        history=history,
        recent=read_ticks(ask, portfolio, _RECENT),
    )


def read_ticks(ask: Ask, portfolio: int, count: int) -> tuple[TickRecord, ...]:
    """The newest `count`, newest first."""
    if count <= 0:
        return ()
    rows = ask(_TICKS, {"portfolio": portfolio, "count": min(count, _MOST_ROWS)})
    return tuple(tick_of(row) for row in rows)


def read_intent(ask: Ask, ours: Parameters, number: int) -> Intent:
    """With all that was signed for it. Raises Halt where the bytes are others than the hash says."""
    from rebalancer.adapters.ledger.attempts import intent_of

    found = {"number": number} | ours
    return intent_of(ask(_INTENT, found), ask(_ATTEMPTS, found))


def newest_turn(ask: Ask, ours: Parameters) -> tuple[str, int, int] | None:
    """(what happened last to an intent, its number, the turn); None: there was never an intent."""
    rows = ask(_NEWEST_TURN, ours)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def result_of(reason: str | None, body: str | None) -> Settlement | Failure:
    """As a landing's row keeps it."""
    if reason is None:
        return settlement_from_json(body or "")
    return Failure(reason, None if body is None else mined_from_json(body))


Unfinal = tuple[Intent, Settlement | Failure]


def _newest(ask: Ask, ours: Parameters, resumed: int) -> tuple[Intent | None, Unfinal | None, int]:
    """(the open intent, or the newest with how it landed while that is not final, the highest block it speaks of)."""
    turn = newest_turn(ask, ours)
    if turn is None:
        return None, None, 0
    kind, number, at = turn
    if kind != "landing":
        intent = read_intent(ask, ours, number)
        return intent, None, intent.block
    reason, body, block, after_tick = ask(_LANDING, ours | {"turn": at})[0]
    if block is None:
        return None, None, 0
    # What was read after it has the say, whoever resumed: a block that never was is forgotten, finality is not.
    final = _highest(ask, ours, after_tick) - block >= FINAL_BLOCKS
    unfinal = None if final else (read_intent(ask, ours, number), result_of(reason, body))
    return None, unfinal, block if after_tick >= resumed else 0


def _highest(ask: Ask, ours: Parameters, after: int) -> int:
    rows = ask(_HIGHEST, ours | {"after": after})
    return rows[0][0] if rows else 0


def _history(ask: Ask, ours: Parameters, since: int, horizon: Horizon) -> tuple[int | None, int, History]:
    """(when the last rebalance settled, failures in a row, the rest). `ours`: with the row of the last `resumed`."""
    sums = ask(_SUMS, ours | {"day": horizon.day, "month": horizon.month})[0]
    settled_at, first, settled = sums[:3]
    # PostgreSQL adds 64 bits up to a Decimal.
    traded, trades, turnover, cost, gas, turnover_share, cost_share = (int(each or 0) for each in sums[3:10])
    failures = ask(_FAILURES, ours | {"settled": settled or 0})[0][0]
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
    at, value, index, held, block = rows[0]
    moved: dict[Address, int] = {}
    for token, raw in ask(_MOVED, ours | {"block": block or 0}):
        moved[Address(token)] = moved.get(Address(token), 0) + int(raw)
    return Valued(at, Usd(int(value)), index, holdings_of(held)), tuple(sorted(moved.items()))
