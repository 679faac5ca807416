"""Orders in the ledger: they come back equal, a damaged one halts, and what takes them back has its own nonce."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from given_ledger import (
    EVER,
    OURS,
    USDC,
    WETH,
    Again,
    a_basis,
    a_replacement,
    a_settlement,
    an_intent,
    file_url,
    recorded,
    replaced,
)
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.adapters.ledger.landing_records import settlement_from_json, settlement_to_json
from rebalancer.adapters.ledger.records import intent_from_json, intent_to_json
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Intent,
    Order,
    Purpose,
    Replacement,
    SignedTransaction,
    Trade,
)
from rebalancer.core.order_rules import presign_call
from rebalancer.market.addresses import keccak256
from rebalancer.units import Address, Amount

SETTLEMENT = Address("0x9008D19f58AAbD9eD0D60971565AA8510560ab41")
RELAYER = Address("0xC92E8bdf79f0507f65a392b0ab4667716BFE0110")


def an_order(trade: Trade, valid_to: int = 1_700_002_000) -> Order:
    return Order("0x" + "ab" * 56, trade.sell, trade.floor, valid_to, SETTLEMENT, RELAYER)


def with_orders(intent: Intent) -> Intent:
    return replace(intent, orders=tuple(an_order(trade) for trade in intent.trades))


def a_withdrawal(intent: Intent, after: int = 1, tip: int = 2) -> Replacement:
    """With a nonce so many above the intent's."""
    first = intent.commitment.transaction
    raw = f"withdrawn: {intent.id} {after} {tip}".encode()
    fees = replace(first.fees, tip=first.fees.tip * tip)
    transaction = replace(first, nonce=first.nonce + after, fees=fees)
    signed = SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex())
    return Replacement(Purpose.WITHDRAW, intent.created_at + 60 * tip, signed)


orders = st.builds(
    Order,
    st.binary(min_size=56, max_size=56).map(lambda raw: "0x" + raw.hex()),
    st.builds(Amount, st.sampled_from([USDC, WETH]), st.integers(0, 2**256)),
    st.builds(Amount, st.sampled_from([USDC, WETH]), st.integers(0, 2**256)),
    st.integers(0, 2**32),
    st.just(SETTLEMENT),
    st.just(RELAYER),
)


@given(st.lists(orders, min_size=1, max_size=4).map(tuple))
def test_intent__with_any_orders__comes_back_equal(found: tuple[Order, ...]) -> None:
    intent = replace(an_intent(), orders=found)
    assert intent_from_json(intent_to_json(intent)) == intent


def test_intent__without_orders__has_the_record_that_it_always_had() -> None:
    record = json.loads(intent_to_json(an_intent()))
    assert record["version"] == 1 and "orders" not in record
    assert json.loads(intent_to_json(with_orders(an_intent())))["version"] == 3, "an older program must not read it"


@pytest.mark.parametrize(
    "damage",
    [
        None,
        [],
        [{}],
        [{"uid": "0xzz"}],
        {"uid": 7},
        {"uid": "0x" + "ab" * 55},
        {"valid_to": None},
        {"sell": ["0x00", "1"]},
        {"valid_to": None, "least": []},
        {"least": ["0x0000000000000000000000000000000000000002", "one"]},
    ],
)
def test_intent_from_json__with_damaged_orders__halts(damage: Any) -> None:
    record = json.loads(intent_to_json(with_orders(an_intent())))
    record["orders"] = [record["orders"][0] | damage] if isinstance(damage, dict) else damage
    with pytest.raises(Halt, match="the record of an intent cannot be read"):
        intent_from_json(json.dumps(record))


@pytest.mark.parametrize("version", [1, 2])
def test_intent_from_json__with_orders_in_a_record_of_before_there_were_any__halts(version: int) -> None:
    record = json.loads(intent_to_json(with_orders(an_intent()))) | {"version": version}
    with pytest.raises(Halt, match=f"version {version} with 1 orders"):
        intent_from_json(json.dumps(record))


def test_settlement__with_what_was_not_filled__comes_back_equal_and_without_it_is_as_it_was() -> None:
    whole = a_settlement(an_intent())
    part = replace(whole, unfilled="the order 1 WETH for at least 1 USDC expired at 7, unfilled")
    assert settlement_from_json(settlement_to_json(part)) == part
    assert "unfilled" not in json.loads(settlement_to_json(whole))


def test_intent__with_orders__is_found_open_by_the_next_process_with_its_quotes(tmp_path: Path) -> None:
    intent = with_orders(an_intent())
    basis = a_basis(intent)
    order = intent.orders[0]
    call = presign_call(order.settlement, order.uid, signed=True)
    quotes = tuple(replace(quote, terms=order, spender=RELAYER, call=call) for quote in basis.quotes)
    SqlLedger(file_url(tmp_path), OURS).record_intent(intent, replace(basis, quotes=quotes))
    assert SqlLedger(file_url(tmp_path), OURS).read(EVER).open_intent == intent


def test_record_replacement__of_a_withdrawal__is_found_by_the_next_process_beside_the_intents_own(
    again: Again,
) -> None:
    intent = replaced(again, recorded(again, with_orders(an_intent())))
    first = again().record_replacement(intent, a_withdrawal(intent))
    second = again().record_replacement(first, a_withdrawal(intent, tip=3))
    found = again().read(EVER).open_intent
    assert found == second and found is not None
    assert [each.purpose for each in found.replacements] == [Purpose.RAISE, Purpose.WITHDRAW, Purpose.WITHDRAW]
    assert len(found.transactions) == 2 and found.newest == intent.newest and not found.cancelled
    assert {each.signed.transaction.nonce for each in found.withdrawals} == {2}
    again().record_landing(found, a_settlement(found))
    assert again().read(EVER).open_intent is None


@pytest.mark.parametrize(
    ("withdrawal", "why"),
    [
        (a_withdrawal(an_intent(), after=0), "it must have a nonce above 1"),
        (a_withdrawal(an_intent(), after=-1), "it must have a nonce above 1"),
        (replace(a_replacement(an_intent()), purpose=Purpose.CANCEL), None),
    ],
)
def test_record_replacement__of_a_withdrawal_with_the_intents_nonce__halts(
    again: Again, withdrawal: Replacement, why: str | None
) -> None:
    intent = recorded(again, with_orders(an_intent()))
    if why is None:
        assert again().record_replacement(intent, withdrawal).cancelled
        return
    with pytest.raises(Halt, match=why):
        again().record_replacement(intent, withdrawal)


def test_record_replacement__of_a_second_withdrawal_with_another_nonce__halts(again: Again) -> None:
    intent = recorded(again, with_orders(an_intent()))
    first = again().record_replacement(intent, a_withdrawal(intent))
    with pytest.raises(Halt, match="it must have nonce 2, as the withdrawal before it"):
        again().record_replacement(first, a_withdrawal(intent, after=2, tip=3))


def test_record_replacement__of_a_withdrawal_where_there_is_no_order__halts(again: Again) -> None:
    intent = recorded(again, an_intent())
    with pytest.raises(Halt, match="the intent has no orders to withdraw"):
        again().record_replacement(intent, a_withdrawal(intent))


def test_record_replacement__by_one_who_does_not_know_of_a_withdrawal__is_unavailable(again: Again) -> None:
    intent = recorded(again, with_orders(an_intent()))
    again().record_replacement(intent, a_withdrawal(intent))
    with pytest.raises(Unavailable, match="another keeper was quicker"):
        again().record_replacement(intent, a_withdrawal(intent, tip=3))
