"""A column of cells in, its prices out, or what is wrong with each of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isfinite, nan

import numpy as np

from rebalancer.research.model import Floats
from rebalancer.research.prices.file import Sheet
from rebalancer.research.prices.problems import Problems, shown

LEAST, MOST = 1e-12, 1e12
"""Dollars of a token. Below, 18 digits no longer tell one price from the next; above, it is in another unit."""


def prices_of(
    sheet: Sheet, column: int, problems: Problems, unit: float = 1.0, symbols_of: Sequence[str] | None = None
) -> Floats:
    """One column; not a number where there is no price, or none that can be one. `unit` to the dollar."""
    texts = [row[column] for row in sheet.rows]
    joined = "".join(texts)
    if joined.isascii() and "_" not in joined:
        try:
            quick = np.array([float(text) for text in texts])
        except ValueError:
            quick = np.array([nan])
        if bool(np.all((quick >= LEAST * unit) & (quick <= MOST * unit))):
            return quick
    found = np.full(len(texts), nan)
    for at, (text, line) in enumerate(zip(texts, sheet.lines, strict=True)):
        try:
            price = _price(text.strip(), unit)
        except ValueError as error:
            of = (
                column_name(sheet, column)
                if symbols_of is None
                else f"{column_name(sheet, column)} of {symbols_of[at]}"
            )
            problems.add(sheet.place, line, column + 1, f"{of}: {shown(text.strip())} {error}")
            price = inf
        found[at] = nan if price is None else price
    return found


def _price(text: str, unit: float) -> float | None:
    """None: there is none. ValueError with what was expected."""
    if not text or text.lower() == "nan":
        return None
    try:
        price = float(text) if text.isascii() and "_" not in text else inf
    except ValueError:
        price = inf
    if not isfinite(price):
        raise ValueError("is no number, expected a price such as 1234.5")
    if price <= 0:
        raise ValueError("is no price, expected more than zero")
    if not LEAST * unit <= price <= MOST * unit:
        raise ValueError(f"is out of reach, expected {LEAST * unit:g} to {MOST * unit:g}: look at its unit")
    return price


def column_name(sheet: Sheet, column: int) -> str:
    name = sheet.head[column]
    return f"column {column + 1} ({name})" if name else f"column {column + 1}"
