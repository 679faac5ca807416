"""Settling an intent of orders: what was filled counts, what was not is told, and a fill that none allows stops all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import NOW, USDC, WETH
from small_orders import LIFE, ORDERED, ORDERS, RELAYER, SOLD, ended, listed, withdrawn
from small_orders import MARKET as BEFORE

from rebalancer.core.aftermath import guard_settled
from rebalancer.core.errors import Halt
from rebalancer.core.model import End, Failure, Settlement, mined_of
from rebalancer.core.order_words import by_hand
from rebalancer.core.settle import accept, settle
from rebalancer.units import Amount

ALL, HALF = (End.FILLED, End.FILLED), (End.FILLED, End.EXPIRED)


def test_settle__all_filled__has_the_fills_and_pays_the_gas_of_placing_alone() -> None:
    settlement = settle(ORDERED, ended(*ALL, more=9))
    assert isinstance(settlement, Settlement) and settlement.unfilled is None
    fills = {fill.token: fill.raw for fill in settlement.fills}
    assert fills[WETH] == -SOLD.raw and fills[USDC] == ORDERS[0].least.raw + 9
    assert settlement.cost.gas == ORDERED.native.value_up(200_000 * 10**10)
    assert settlement.cost.fee is None, "whose pools were gone through nobody says"


def test_settle__one_of_two_filled__is_settled_and_says_what_became_of_the_other() -> None:
    settlement = settle(ORDERED, ended(*HALF))
    assert isinstance(settlement, Settlement)
    assert {fill.token for fill in settlement.fills} == {WETH, USDC}
    assert settlement.unfilled is not None and f"expired at {NOW + LIFE}, unfilled" in settlement.unfilled


@pytest.mark.parametrize(
    ("hows", "words"),
    [
        ((End.EXPIRED, End.EXPIRED), "expired at"),
        ((End.EXPIRED, End.CANCELLED), "was cancelled by the owners with 0x0b5e"),
    ],
)
def test_settle__none_filled__has_failed_and_its_gas_counts(hows: tuple[End, End], words: str) -> None:
    result = settle(ORDERED, ended(*hows))
    assert isinstance(result, Failure) and words in result.reason
    mined = mined_of(result)
    assert mined is not None and mined.gas_used == 200_000


def test_settle__cancelled_by_what_we_have_signed__is_withdrawn() -> None:
    result = settle(withdrawn(ORDERED, NOW + 60), ended(End.CANCELLED, End.CANCELLED))
    assert isinstance(result, Failure) and "was withdrawn with 0x0b5e" in result.reason


def test_settle__a_fill_that_pays_less_than_its_limit__halts_and_a_person_can_accept_it() -> None:
    receipt = ended(*ALL, more=-1)
    with pytest.raises(Halt, match="was filled with .* expected .* for at least"):
        settle(ORDERED, receipt)
    accepted = accept(ORDERED, receipt, "the contract was looked at")
    assert isinstance(accepted, Settlement) and accepted.accepted == "the contract was looked at"


def test_settle__a_fill_that_is_paid_to_another__halts() -> None:
    receipt = ended(*ALL)
    unpaid = tuple(Amount(c.token, 0) if c.token == USDC else c for c in receipt.changes)
    with pytest.raises(Halt, match="USDC changed by 0 USDC, expected at least"):
        settle(ORDERED, replace(receipt, changes=unpaid))


def test_settle__the_wallet_loses_what_no_order_has_sold__halts() -> None:
    receipt = ended(End.EXPIRED, End.EXPIRED)
    lost = tuple(Amount(c.token, -1) if c.token == WETH else c for c in receipt.changes)
    with pytest.raises(Halt, match="expected no loss"):
        settle(ORDERED, replace(receipt, changes=lost))


def test_settle__of_an_order_nothing_is_said__halts() -> None:
    receipt = ended(*ALL)
    with pytest.raises(Halt, match="expected each of 2 once"):
        settle(ORDERED, replace(receipt, orders=receipt.orders[:1]))


@pytest.mark.parametrize(("left", "rules"), [(0, []), (1, ["allowances_cleared"])])
def test_guard_settled__after_all_were_filled__lets_no_allowance_stand(left: int, rules: list[str]) -> None:
    settlement = settle(ORDERED, ended(*ALL))
    assert isinstance(settlement, Settlement)
    found = guard_settled(ORDERED, settlement, None, listed(BEFORE, left))
    assert [breach.rule for breach in found] == rules


@pytest.mark.parametrize(("more", "rules"), [(0, []), (1, ["allowances_cleared"])])
def test_guard_settled__after_one_was_not_filled__lets_its_allowance_stand_and_no_more(
    more: int, rules: list[str]
) -> None:
    settlement = settle(ORDERED, ended(*HALF))
    assert isinstance(settlement, Settlement)
    found = guard_settled(ORDERED, settlement, None, listed(BEFORE, ORDERS[1].sell.raw + more))
    assert [breach.rule for breach in found] == rules


def test_by_hand__of_open_orders__names_contracts_functions_and_values() -> None:
    said = "\n".join(by_hand(ORDERS))
    assert all(order.uid in said for order in ORDERS) and said.count("invalidateOrder") == 2
    assert said.count(f"approve(address,uint256) with {RELAYER} and 0") == 1
