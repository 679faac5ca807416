"""Settling: fills against floors, measured cost, and what must stop the keeper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    FEES,
    GWEI,
    LINK,
    NOW,
    USDC,
    WBTC,
    WETH,
    batch_of,
    planned,
    simulated,
    snapshot_with,
    usd,
)

from rebalancer.core.cost import cost_of_quotes
from rebalancer.core.errors import Halt
from rebalancer.core.model import Call, Intent, Receipt, Settlement, SignedTransaction, Transaction
from rebalancer.core.settle import settle
from rebalancer.units import Amount, Token, Wei

SNAPSHOT = snapshot_with(40_000, 40_000, 15_000, 5_000)
PLAN = planned(SNAPSHOT)
BATCH = batch_of(PLAN, SNAPSHOT)
CHANGES = simulated(BATCH).changes
SIGNED = SignedTransaction(Transaction(1, 0, 600_000, FEES, Call(WETH.address, b"")), b"", "0xfeed")
INTENT = Intent(
    id="intent-1",
    created_at=NOW,
    block=SNAPSHOT.block.number,
    trades=PLAN.trades,
    expected=CHANGES,
    prices=SNAPSHOT.prices,
    native=SNAPSHOT.native,
    cost=cost_of_quotes(BATCH.quotes, SNAPSHOT, FEES),
    deadline=NOW + 600,
    commitment=SIGNED,
)
RECEIPT = Receipt("0xfeed", 19_000_001, "0xbl", NOW + 12, 450_000, Wei(11 * GWEI), CHANGES, None)


def with_change(token: Token, raw: int) -> Receipt:
    """The receipt, with another change of one token."""
    return replace(RECEIPT, changes=tuple(Amount(token, raw) if c.token == token else c for c in CHANGES))


def floor_of(token: Token) -> int:
    return sum(t.floor.raw for t in PLAN.trades if t.buy == token)


def sold_of(token: Token) -> int:
    return sum(t.sell.raw for t in PLAN.trades if t.sell.token == token)


def test_settle__all_as_planned__has_the_fills_and_the_measured_cost() -> None:
    settlement = settle(INTENT, RECEIPT)
    assert isinstance(settlement, Settlement)
    assert (settlement.intent, settlement.tx, settlement.block) == ("intent-1", "0xfeed", 19_000_001)
    assert settlement.timestamp == NOW + 12
    assert settlement.gas_used == 450_000
    assert [fill.token for fill in settlement.fills] == [WETH, WBTC, LINK]
    assert settlement.cost.shortfall == INTENT.cost.shortfall
    assert settlement.cost.gas == usd("9.9")
    assert settlement.cost.fee == INTENT.cost.fee


def test_settle__the_wallet_did_not_execute__says_why() -> None:
    assert settle(INTENT, replace(RECEIPT, changes=(), reason="Too little received")) == "Too little received"


@pytest.mark.parametrize("token", [WBTC, LINK])
def test_settle__bought_exactly_the_floor__is_settled(token: Token) -> None:
    assert isinstance(settle(INTENT, with_change(token, floor_of(token))), Settlement)


@pytest.mark.parametrize("token", [WBTC, LINK])
def test_settle__bought_a_unit_less__halts_with_both_figures(token: Token) -> None:
    with pytest.raises(Halt, match=f"0xfeed in block 19000001 .*{token} changed by .*expected at least"):
        settle(INTENT, with_change(token, floor_of(token) - 1))


def test_settle__sold_exactly_as_planned_or_less__is_settled() -> None:
    assert isinstance(settle(INTENT, with_change(WETH, -sold_of(WETH))), Settlement)
    assert isinstance(settle(INTENT, with_change(WETH, -sold_of(WETH) + 1)), Settlement)


def test_settle__sold_a_unit_more__halts() -> None:
    with pytest.raises(Halt, match="WETH changed by"):
        settle(INTENT, with_change(WETH, -sold_of(WETH) - 1))


def test_settle__another_token_lower__halts() -> None:
    with pytest.raises(Halt, match="USDC changed by -0.000001 USDC, expected no loss"):
        settle(INTENT, with_change(USDC, -1))


def test_settle__another_token_higher__is_settled_and_among_the_fills() -> None:
    settlement = settle(INTENT, with_change(USDC, 5))
    assert isinstance(settlement, Settlement)
    assert Amount(USDC, 5) in settlement.fills


def test_settle__a_bought_token_not_in_the_receipt__halts() -> None:
    with pytest.raises(Halt, match="LINK changed by 0 LINK"):
        settle(INTENT, replace(RECEIPT, changes=tuple(c for c in CHANGES if c.token != LINK)))
