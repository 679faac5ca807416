"""What stands in the tables for whoever asks in SQL: attempts, what a batch was decided on, receipts, fills, costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from given_ledger import (
    OURS,
    USDC,
    WETH,
    a_basis,
    a_cost,
    a_failure,
    a_replacement,
    a_settlement,
    an_intent,
    intents,
)
from hypothesis import given
from hypothesis import strategies as st
from small_market import batch_of, planned, simulated, snapshot_with
from small_module import module_snapshot

from rebalancer.adapters.ledger.basis import basis_to_json
from rebalancer.adapters.ledger.database import READ
from rebalancer.adapters.ledger.records import signed_from_json
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.counting import GWEI, count
from rebalancer.core.model import Basis, Intent, Purpose
from rebalancer.units import Price, Usd


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> SqlLedger:
    if request.param == "sqlite":
        return SqlLedger(f"sqlite:///{tmp_path}/ledger.db", OURS)
    return SqlLedger(request.getfixturevalue("postgres_url"), OURS)


def _asked(ledger: SqlLedger, question: str) -> list[tuple[Any, ...]]:
    with ledger._database.begin(READ) as connection:
        return [tuple(row) for row in connection.execute(sa.text(question)).all()]


def _recorded(ledger: SqlLedger) -> Intent:
    """Sent, raised, and cancelled."""
    ledger.record_intent(replace(an_intent(), cost=a_cost(traded=7)), a_basis(an_intent()))
    raised = ledger.record_replacement(replace(an_intent(), cost=a_cost(traded=7)), a_replacement(an_intent()))
    return ledger.record_replacement(raised, a_replacement(an_intent(), Purpose.CANCEL, 3))


def test_attempts__of_a_replaced_intent__are_all_there_with_their_bytes(ledger: SqlLedger) -> None:
    intent = _recorded(ledger)
    rows = _asked(ledger, "SELECT purpose, at, nonce, gas, max_fee, tip, hash, body FROM attempts ORDER BY attempt")
    assert [row[:6] for row in rows] == [
        ("send", intent.created_at, 1, 500_000, str(10**10), str(10**9)),
        ("raise", intent.created_at + 360, 1, 500_000, str(12 * 10**9), str(2 * 10**9)),
        ("cancel", intent.created_at + 540, 1, 21_000, str(12 * 10**9), str(3 * 10**9)),
    ]
    assert [row[6] for row in rows] == [each.hash for each in intent.transactions]
    assert tuple(signed_from_json(row[7]) for row in rows) == intent.transactions


def test_basis__of_an_intent__stands_beside_it(ledger: SqlLedger) -> None:
    _recorded(ledger)
    ((block, block_hash, at, base_fee, tip, balance, body, done),) = _asked(
        ledger, "SELECT block, block_hash, timestamp, base_fee, tip, operator_balance, body, simulated FROM snapshots"
    )
    seen = a_basis(an_intent()).snapshot.block
    assert (block, block_hash, at) == (seen.number, seen.hash, seen.timestamp)
    assert (base_fee, tip, balance) == (str(10**9), str(10**8), str(10**18))
    assert json.loads(body)["balances"][0]["raw"] == str(2**200)
    assert json.loads(body)["wallet"]["kind"] == "SafeState"
    assert json.loads(done)["gas"] == "400000"
    columns = "place, venue, sell, sell_raw, buy, expected_raw, floor_raw, value"
    assert _asked(ledger, f"SELECT {columns} FROM quotes") == [
        (0, "uniswap", USDC.address, str(10**9), WETH.address, str(3 * 10**17 + 1), str(3 * 10**17), str(10**21))
    ]


def test_costs__of_a_settled_intent__are_there_as_planned_and_as_measured(ledger: SqlLedger) -> None:
    intent = _recorded(ledger)
    ledger.record_landing(intent, a_settlement(intent, cost=a_cost(traded=6)))
    rows = _asked(ledger, "SELECT turns.kind, traded FROM costs NATURAL JOIN turns ORDER BY turn")
    assert rows == [("intent", str(7 * 10**18)), ("landing", str(6 * 10**18))]
    assert _asked(ledger, "SELECT token, raw FROM fills ORDER BY place") == [
        (USDC.address, str(-(10**9))),
        (WETH.address, str(33 * 10**16)),
    ]
    settled = a_settlement(intent)
    assert _asked(ledger, "SELECT tx, block, block_hash, timestamp, gas_used FROM receipts") == [
        (settled.tx, settled.block, settled.block_hash, settled.timestamp, settled.gas_used)
    ]


def test_revisions__of_an_intent_whose_block_was_replaced__are_all_kept(ledger: SqlLedger) -> None:
    intent = _recorded(ledger)
    ledger.record_landing(intent, a_settlement(intent))
    ledger.record_reopened(intent, "block 1003 is another one now")
    ledger.record_landing(intent, a_failure(intent))
    assert _asked(ledger, "SELECT revision, settled_at, reason FROM landings ORDER BY turn") == [
        (1, 1_700_000_100, None),
        (2, None, "mined and reverted: Too little received"),
    ]
    assert _asked(ledger, "SELECT number, why FROM reopenings") == [(1, "block 1003 is another one now")]
    kinds = ["intent", "replacement", "replacement", "landing", "reopening", "landing"]
    assert [row[0] for row in _asked(ledger, "SELECT kind FROM turns ORDER BY turn")] == kinds
    assert len(_asked(ledger, "SELECT tx FROM receipts")) == 2


@pytest.mark.parametrize("module", [False, True], ids=["safe", "safe with a module"])
def test_basis__of_a_whole_market__is_kept_to_the_last_unit(ledger: SqlLedger, module: bool) -> None:
    snapshot = snapshot_with(50_000, 10_000, 10_000, 30_000)
    batch = batch_of(planned(snapshot), snapshot)
    if module:
        snapshot = module_snapshot(50_000, 10_000, 10_000, 30_000)
    ledger.record_intent(an_intent(), Basis(snapshot, batch.quotes, simulated(batch)))
    ((text,),) = _asked(ledger, "SELECT body FROM snapshots")
    kept = json.loads(text)
    assert [each["raw"] for each in kept["balances"]] == [str(each.raw) for each in snapshot.balances]
    assert [pool["address"] for pool in kept["pools"]] == [pool.address for pool in snapshot.pools]
    assert kept["wallet"]["kind"] == type(snapshot.wallet).__name__
    assert len(_asked(ledger, "SELECT place FROM quotes")) == len(batch.quotes) > 0


def test_basis_to_json__of_a_value_that_has_no_form__is_refused() -> None:
    with pytest.raises(TypeError, match="a float in what an intent rests on"):
        basis_to_json((1, 0.5))


@given(intents, st.integers(10**18, 10**23), st.integers(1, 10**18))
def test_count__of_gas__is_what_was_paid_in_gwei_rounded_up(intent: Intent, dollars: int, wei: int) -> None:
    """At a price of the coin of a dollar or more, the wei that a cost in dollars stands for are exact."""
    native = Price(WETH, Usd(dollars), 0)
    cost = replace(a_cost(), gas=native.value_up(wei))
    counted = count(replace(intent, native=native), replace(a_settlement(an_intent()), cost=cost))
    assert counted.gas == -(-wei // GWEI)
