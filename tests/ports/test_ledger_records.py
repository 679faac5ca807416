"""The JSON that a ledger keeps: it comes back equal, what was written before is still read, and a damaged one halts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from given_ledger import (
    EVER,
    OURS,
    USDC,
    WETH,
    a_basis,
    a_cost,
    a_settlement,
    an_intent,
    failures,
    file_url,
    intents,
    settlements,
    with_access_list,
)
from hypothesis import given

from rebalancer.adapters.ledger.landing_records import (
    mined_from_json,
    mined_to_json,
    settlement_from_json,
    settlement_to_json,
)
from rebalancer.adapters.ledger.records import intent_from_json, intent_to_json, signed_from_json, signed_to_json
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Halt
from rebalancer.core.model import Failure, Intent, Settlement
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import Address

RECORD_BEFORE_ACCESS_LISTS = """
{"block":1001,
"commitment":{"chain_id":1,"data":"0102","gas":500000,
"hash":"0xbd1304bcc3495ac9332fb4d1489ef10695e47149c04d9e9e97e39a1dce54d5d7","kind":"transaction",
"max_fee":"10000000000","nonce":1,"raw":"7369676e65642000000001","tip":"1000000000",
"to":"0x0000000000000000000000000000000000000009"},
"cost":{"fee":"0","gas":"0","impact":"0","shortfall":"0","traded":"0"},
"created_at":1700000001,"deadline":1700000600,
"expected":[["0x0000000000000000000000000000000000000001","-1000000000"],
["0x0000000000000000000000000000000000000002","330000000000000000"]],
"id":"intent-1","native":["0x0000000000000000000000000000000000000002","3000000000000000000000",1699999991],
"prices":[["0x0000000000000000000000000000000000000001","1000000000000000000",1699999990],
["0x0000000000000000000000000000000000000002","3000000000000000000000",1699999991]],
"tokens":{"0x0000000000000000000000000000000000000001":["USDC",6],
"0x0000000000000000000000000000000000000002":["WETH",18]},
"trades":[{"buy":"0x0000000000000000000000000000000000000002",
"floor":["0x0000000000000000000000000000000000000002","300000000000000000"],
"sell":["0x0000000000000000000000000000000000000001","1000000000"],"value":"1000000000000000000000"}],
"version":1}
""".replace("\n", "")
"""Of `an_intent`, as it was written when no transaction had an access list."""
LISTED = with_access_list(an_intent())
POOL = V2Pool(Address("0x" + "77" * 20), USDC, WETH, 10**12, 10**20)


@given(intents)
def test_intent__through_json__comes_back_equal(intent: Intent) -> None:
    assert intent_from_json(intent_to_json(intent)) == intent


def test_intent__recorded_before_there_were_access_lists__is_read_and_still_written_so() -> None:
    assert intent_from_json(RECORD_BEFORE_ACCESS_LISTS) == an_intent()
    assert intent_to_json(an_intent()) == RECORD_BEFORE_ACCESS_LISTS


def test_records__of_what_the_first_version_had_no_place_for__say_so() -> None:
    pooled, unsplit = replace(an_intent(), pools=(POOL,)), replace(a_cost(), fee=None, impact=None)
    for intent, version in ((an_intent(), 1), (pooled, 2), (replace(an_intent(), cost=unsplit), 2)):
        assert json.loads(intent_to_json(intent))["version"] == version
    for cost, version in ((a_cost(), 1), (unsplit, 2)):
        settlement = a_settlement(an_intent(), cost=cost)
        assert json.loads(settlement_to_json(settlement))["version"] == version
        assert settlement_from_json(settlement_to_json(settlement)) == settlement


def test_intent__with_an_access_list__is_found_open_by_the_next_process(tmp_path: Path) -> None:
    SqlLedger(file_url(tmp_path), OURS).record_intent(LISTED, a_basis(LISTED))
    assert SqlLedger(file_url(tmp_path), OURS).read(EVER).open_intent == LISTED


@pytest.mark.parametrize("damage", ["null", "7", '["0x09"]', '[["0x09"]]', '[["0x09",["0x"]]]', '[["0x09",[7]]]'])
def test_intent_from_json__with_a_damaged_access_list__halts(damage: str) -> None:
    text = json.dumps({**json.loads(intent_to_json(LISTED))})
    start, end = text.index('"access_list": ') + len('"access_list": '), text.index(', "chain_id"')
    with pytest.raises(Halt, match="the record of an intent cannot be read"):
        intent_from_json(text[:start] + damage + text[end:])


@given(settlements)
def test_settlement__through_json__comes_back_equal(settlement: Settlement) -> None:
    assert settlement_from_json(settlement_to_json(settlement)) == settlement


@given(failures)
def test_failure__through_json__comes_back_equal(failure: Failure) -> None:
    assert failure.mined is None or mined_from_json(mined_to_json(failure.mined)) == failure.mined


@given(intents)
def test_transaction__through_json__comes_back_equal(intent: Intent) -> None:
    assert signed_from_json(signed_to_json(intent.commitment)) == intent.commitment


def test_settlement_from_json__of_before_block_hashes_were_kept__has_none() -> None:
    text = (
        '{"block":1003,"cost":{"fee":"0","gas":"0","impact":"0","shortfall":"0","traded":"0"},"fills":[],'
        '"gas_used":1,"intent":"intent-1","timestamp":7,"tx":"0x01","tokens":{},"version":1}'
    )
    assert settlement_from_json(text).block_hash == ""


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{}", '{"version":1}', '{"version":3,"tokens":{}}', '{"version":1,"tokens":{"0x":["A"]}}'],
)
def test_intent_from_json__of_something_else__halts(text: str) -> None:
    with pytest.raises(Halt, match=r"ledger: the record of an intent"):
        intent_from_json(text)
