"""New targets in the ledger: they come back equal, a damaged record halts, and no ledger counts them as a rebalance."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from given_ledger import (
    DOLLAR,
    EVER,
    OURS,
    USDC,
    WETH,
    Again,
    a_basis,
    a_cost,
    a_failure,
    a_settlement,
    an_intent,
    file_url,
)

from rebalancer.adapters.ledger.records import intent_from_json, intent_to_json
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Halt
from rebalancer.core.model import Failure, Intent, Settlement, Target
from rebalancer.units import Usd, Weight

NOW = 1_700_000_000
TARGETS = (Target(USDC, Weight(299_999 * 10**12)), Target(WETH, Weight(700_001 * 10**12)))


def a_change(number: int = 1) -> Intent:
    intent = an_intent(number, value=Usd(10_000 * DOLLAR))
    return replace(intent, trades=(), expected=tuple(replace(one, raw=0) for one in intent.expected), targets=TARGETS)


def set_at(intent: Intent, at: int) -> Settlement:
    return replace(a_settlement(intent, at, a_cost(0, 0, 3)), fills=())


def landed(again: Again, intent: Intent, result: Settlement | Failure) -> None:
    again().record_intent(intent, a_basis(intent))
    again().record_landing(intent, result)


def damaged(**changes: Any) -> str:
    return json.dumps(json.loads(intent_to_json(a_change())) | changes)


def test_intent__that_sets_targets__is_found_open_by_the_next_process(tmp_path: Path) -> None:
    SqlLedger(file_url(tmp_path), OURS).record_intent(a_change(), a_basis(a_change()))
    assert SqlLedger(file_url(tmp_path), OURS).read(EVER).open_intent == a_change()


def test_intent__that_sets_targets__has_a_version_that_older_programs_do_not_know() -> None:
    assert json.loads(intent_to_json(a_change()))["version"] == 4
    assert "targets" not in json.loads(intent_to_json(an_intent()))


@pytest.mark.parametrize(
    "changes",
    [
        {"targets": []},
        {"targets": None},
        {"targets": [["0x09", "1"]]},
        {"targets": [[USDC.address]]},
        {"targets": [[USDC.address, "half"]]},
        {"version": 1},
        {"version": 3},
    ],
)
def test_intent_from_json__with_damaged_targets__halts(changes: dict[str, Any]) -> None:
    with pytest.raises(Halt, match="the record of an intent cannot be read"):
        intent_from_json(damaged(**changes))


def test_read__after_targets_were_set__knows_of_no_rebalance_and_of_their_gas(again: Again) -> None:
    landed(again, a_change(), set_at(a_change(), NOW))
    past = again().read(EVER)
    assert past.open_intent is None and past.last_settled_at is None and again().rebalances(9) == ()
    assert past.unfinal is not None and past.unfinal[0] == a_change(), "its block may be replaced all the same"
    history = past.history
    assert (history.trades_of_day, history.day_began, history.good_since, history.traded) == (0, None, None, 0)
    assert history.cost_of_month == 3 * DOLLAR and history.cost_share == 3 * DOLLAR // 10_000
    assert history.gas_of_month == 3 * DOLLAR // 3_000, "at 3,000 dollars for the coin"


def test_read__targets_set_between_two_rebalances__counts_the_rebalances(again: Again) -> None:
    for number, at in ((1, NOW), (3, NOW + 200)):
        landed(again, an_intent(number), a_settlement(an_intent(number), at, a_cost()))
        landed(again, a_change(number + 1), set_at(a_change(number + 1), at + 100))
    past = again().read(EVER)
    assert past.last_settled_at == NOW + 200 and [one.settled_at for one in again().rebalances(9)] == [NOW + 200, NOW]
    assert (past.history.trades_of_day, past.history.day_began, past.history.good_since) == (2, NOW, NOW)


def test_read__targets_that_settle_between_batches_that_fail__end_no_row_of_failures(again: Again) -> None:
    # A keeper whose rebalances all fail, and whose targets move each month, is to be stopped all the same.
    counts = []
    for number, sets in enumerate((False, False, True, False, False, True), 1):
        intent = a_change(number) if sets else an_intent(number)
        landed(again, intent, set_at(intent, NOW + number) if sets else a_failure(intent))
        counts.append(again().read(EVER).failures)
    assert counts == [1, 2, 2, 3, 4, 4]
    landed(again, a_change(7), a_failure(a_change(7)))
    assert again().read(EVER).failures == 5
    landed(again, an_intent(8), a_settlement(an_intent(8), NOW + 8, a_cost()))
    assert again().read(EVER).failures == 0
