"""How long a keeper has run, and how well: one contract for every ledger."""

from __future__ import annotations

from random import Random

import pytest
from given_ledger import USDC, Again

from rebalancer.core.model import TickRecord
from rebalancer.core.paper import LONGEST_PAUSE, MARKS, run_of
from rebalancer.units import Usd

DAY = 86_400
ENDS = ("held",) * 8 + ("settled", "failed", "Halt", "resumed", "Unavailable", "blocked", "configured", "begun")


def random_ticks(seed: int) -> list[TickRecord]:
    """Up to thirty, some a day and more after the one before, half of them without a look."""
    random, at, found = Random(seed), 1_700_000_000, []
    for place in range(random.randint(1, 30)):
        at += random.choice((60, 900, DAY, LONGEST_PAUSE, LONGEST_PAUSE + 1))
        held = ((USDC.address, place),) if random.random() < 0.5 else ()
        end = random.choice(ENDS)
        found.append(TickRecord(at, 7 + place, end, f"why {place}", Usd(1), None, None, 1, 10**9, held))
    return found


def test_ran__nothing_on_record__is_none(again: Again) -> None:
    assert again().ran() is None


@pytest.mark.parametrize("seed", range(24))
def test_ran__of_any_ticks__is_what_all_rows_tell(again: Again, seed: int) -> None:
    ticks = random_ticks(seed)
    ledger = again()
    for tick in ticks:
        ledger.record_tick(tick)
    run = again().ran()
    assert run is not None and run == run_of(tuple(reversed(ticks)))
    since = max((place for place, tick in enumerate(ticks) if tick.outcome == "begun"), default=0)
    assert run.ticks == sum(tick.outcome not in MARKS for tick in ticks[since:])
    assert run.began == ticks[since].at and run.last == ticks[-1].at
