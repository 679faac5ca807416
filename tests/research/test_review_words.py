"""What the rows of a report say that their figures are of."""

from __future__ import annotations

import pytest
from given_reviews import reviewed

from rebalancer.research.review_words import measure_rows


@pytest.mark.parametrize(("days", "span"), [(367, "a year"), (364, "in all")])
def test_rows__around_a_year__say_what_turnover_costs_and_bonus_are_of(days: int, span: str) -> None:
    rows = {row.name: row.how for row in measure_rows(reviewed(days))}
    assert {f"turnover {span}", f"costs {span}"} < set(rows)
    assert rows["bonus against hold"].startswith(f"Points {span} that it grew more")
