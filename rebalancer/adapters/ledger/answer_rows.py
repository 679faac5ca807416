"""What venues have answered as rows of the ledger, and of each when it had an answer last: asked as in reading.py."""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.ledger.record_shapes import amount_out, dump
from rebalancer.adapters.ledger.standing import Ask
from rebalancer.core.model import Answer, Heard
from rebalancer.units import Amount

Row = dict[str, int | str | None]

_NEWEST = """
    SELECT ticks.at, answers.refused FROM answers JOIN ticks ON ticks.id = answers.tick
    WHERE answers.portfolio = :portfolio AND answers.venue = :venue AND answers.counted = :counted
    ORDER BY answers.tick DESC, answers.place DESC LIMIT 1
"""


def rows_of(portfolio: int, tick: int, answers: Sequence[Answer]) -> list[Row]:
    """`tick`: the number of its row."""
    return [_row(one) | {"portfolio": portfolio, "tick": tick, "place": place} for place, one in enumerate(answers)]


def read_heard(ask: Ask, portfolio: int, venues: Sequence[str]) -> tuple[Heard, ...]:
    """Of each of these, in their order."""
    return tuple(_heard(ask, portfolio, venue) for venue in venues)


def _heard(ask: Ask, portfolio: int, venue: str) -> Heard:
    ours: dict[str, int | str] = {"portfolio": portfolio, "venue": venue}
    counted = ask(_NEWEST, ours | {"counted": 1})
    refused = ask(_NEWEST, ours | {"counted": 0})
    at, why = refused[0] if refused else (None, None)
    return Heard(venue, counted[0][0] if counted else None, at, why)


def _row(one: Answer) -> Row:
    return {
        "venue": one.venue,
        "sold": _amounts(one.sold),
        "least": _amounts(one.least),
        "says": _amounts(one.says),
        "arrived": _amounts(one.arrived),
        "gas": None if one.gas is None else str(one.gas),
        "net": None if one.net is None else str(one.net),
        "refused": one.refused,
        "counted": 1 if one.refused is None else 0,
    }


def _amounts(amounts: Sequence[Amount]) -> str:
    return dump([amount_out(each) for each in amounts])
