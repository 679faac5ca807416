"""What people write about estimated targets, as the words of the core: "monthly", "7 d", "2026-01-31"."""

from __future__ import annotations

import re
from datetime import date

from rebalancer.config import spans
from rebalancer.config.spans import DAY
from rebalancer.core.model.estimation import EveryDays, EveryMonths, Update

_MONDAY = 4
"""1970-01-05, in days since 1970-01-01."""
_MONTHS = {"monthly": 1, "quarterly": 3}
_LONGEST = 366


def update(text: str) -> Update:
    """ "weekly" (on Mondays), "monthly", "quarterly", or days such as "14 d", counted from a Monday."""
    if text in _MONTHS:
        return EveryMonths(_MONTHS[text])
    if text == "weekly":
        return EveryDays(7, _MONDAY)
    try:
        days = spans.days(text)
    except ValueError:
        raise ValueError("expected `weekly`, `monthly`, `quarterly`, or whole days such as `7 d`") from None
    if not 1 <= days <= _LONGEST:
        raise ValueError(f"expected 1 d to {_LONGEST} d")
    return EveryDays(days, _MONDAY)


def day(text: str) -> int:
    """Its midnight (UTC) in Unix seconds: "2026-01-31"."""
    wrong = ValueError("expected a day such as `2026-01-31`")
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise wrong
    try:
        found = date.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if found.year < 2015:
        raise ValueError("expected a day from 2015 on: nothing here is older")
    return (found - date(1970, 1, 1)).days * DAY
