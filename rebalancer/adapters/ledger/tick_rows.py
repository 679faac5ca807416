"""A tick's record as a row of the ledger, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rebalancer.adapters.ledger.record_shapes import dump
from rebalancer.core.errors import Halt
from rebalancer.core.model import TickRecord
from rebalancer.units import Address, Usd, Weight

_FIGURES = ("at", "block", "outcome", "detail", "value", "max_drift", "tx", "requests", "index_e9")
COLUMNS = (*_FIGURES, "holdings", "called_since")
"""In the order in which `tick_of` expects them."""

Holdings = tuple[tuple[Address, int], ...]


def row_of(portfolio: int, record: TickRecord) -> dict[str, int | str | None]:
    """Dollars and weights at 1e18 do not fit 64 bits: decimal text."""
    return {
        "portfolio": portfolio,
        "at": record.at,
        "block": record.block,
        "outcome": record.outcome,
        "detail": record.detail,
        "value": None if record.value is None else str(record.value),
        "max_drift": None if record.max_drift is None else str(record.max_drift),
        "tx": record.tx,
        "requests": record.requests,
        "index_e9": record.index,
        "holdings": dump([[address, str(raw)] for address, raw in record.holdings]) if record.holdings else None,
        "called_since": record.called_since,
    }


def tick_of(row: Sequence[Any]) -> TickRecord:
    """Raises Halt where the row is none of ours."""
    at, block, outcome, detail, value, max_drift, tx, requests, index, held, called_since = row
    try:
        drift = None if max_drift is None else Weight(int(max_drift))
        worth = None if value is None else Usd(int(value))
    except ValueError as error:
        raise unreadable(error) from None
    return TickRecord(at, block, outcome, detail, worth, drift, tx, requests, index, holdings_of(held), called_since)


def holdings_of(text: str | None) -> Holdings:
    """Raises Halt where the text is none of ours."""
    if text is None:
        return ()
    try:
        return tuple((Address(address), int(raw)) for address, raw in json.loads(text))
    except (ValueError, TypeError) as error:
        raise unreadable(error) from None


def unreadable(error: Exception) -> Halt:
    """Somebody has written to the ledger who should not have."""
    return Halt(
        f"ledger: the row of a tick cannot be read ({type(error).__name__}: {error}). Look at the file, and restore it "
        "from a backup if it is damaged"
    )
