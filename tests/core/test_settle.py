"""Settling: fills against floors, measured cost, and what must stop the keeper."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_intents import CHANGES, INTENT, PLAN, SENT, SWAPS, with_another
from small_market import GWEI, LINK, NOW, USDC, WBTC, WETH, usd

from rebalancer.core.errors import Halt
from rebalancer.core.model import Failure, Mined, PoolSwap, Purpose, Receipt, Settlement
from rebalancer.core.settle import accept, settle
from rebalancer.units import Amount, Token, Wei

RECEIPT = Receipt("0xfeed", 19_000_001, "0xbl", NOW + 12, 450_000, Wei(11 * GWEI), CHANGES, None, SWAPS)


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
    assert (settlement.block_hash, settlement.timestamp) == ("0xbl", NOW + 12)
    assert settlement.gas_used == 450_000
    assert [fill.token for fill in settlement.fills] == [WETH, WBTC, LINK]
    assert settlement.cost.shortfall == INTENT.cost.shortfall
    assert settlement.cost.gas == usd("9.9")
    assert (settlement.cost.fee, settlement.cost.impact) == (INTENT.cost.fee, INTENT.cost.impact)
    assert INTENT.cost.fee is not None and INTENT.cost.fee > 0


@pytest.mark.parametrize(
    "swaps",
    [(), SWAPS[1:], (*SWAPS, SWAPS[0]), (replace(SWAPS[0], amount_out=SWAPS[0].amount_out - 1), *SWAPS[1:])],
    ids=["none", "one short", "one twice", "a unit off"],
)
def test_settle__pools_that_do_not_explain_what_the_wallet_gave_and_got__leaves_the_split_out(
    swaps: tuple[PoolSwap, ...],
) -> None:
    settlement = settle(INTENT, replace(RECEIPT, swaps=swaps))
    assert isinstance(settlement, Settlement)
    assert settlement.cost == replace(INTENT.cost, fee=None, impact=None, gas=usd("9.9"))


def test_settle__what_the_pools_say__is_measured_and_not_what_was_expected() -> None:
    quoted = replace(INTENT, cost=replace(INTENT.cost, fee=usd(1), impact=usd(1)))
    settlement = settle(quoted, RECEIPT)
    assert isinstance(settlement, Settlement)
    assert (settlement.cost.fee, settlement.cost.impact) == (INTENT.cost.fee, INTENT.cost.impact)


def test_settle__the_wallet_did_not_execute__says_why() -> None:
    failure = settle(INTENT, replace(RECEIPT, changes=(), reason="Too little received"))
    assert failure == Failure("Too little received", Mined("0xfeed", 19_000_001, "0xbl", NOW + 12, 450_000, usd("9.9")))


def test_settle__a_raise_was_mined__is_settled_as_what_it_was() -> None:
    raised = with_another(INTENT, Purpose.RAISE, NOW + 180, SENT)
    settlement = settle(raised, replace(RECEIPT, tx="0xbeef"))
    assert isinstance(settlement, Settlement) and settlement.tx == "0xbeef"


CANCELLED = with_another(INTENT, Purpose.CANCEL, NOW + 180, SENT)
CANCELLATION = replace(RECEIPT, tx="0xbeef", gas_used=21_000, changes=tuple(replace(c, raw=0) for c in CHANGES))


def test_settle__the_cancellation_was_mined__moved_nothing_and_cost_its_gas() -> None:
    failure = settle(CANCELLED, CANCELLATION)
    assert isinstance(failure, Failure) and failure.mined is not None
    assert failure.reason.startswith("cancelled") and failure.mined.tx == "0xbeef"
    # 21,000 gas at 11 gwei and 2,000 dollars a coin.
    assert failure.mined.gas == usd("0.462")


def test_settle__the_batch_was_mined_before_its_cancellation__is_settled() -> None:
    assert isinstance(settle(CANCELLED, RECEIPT), Settlement)


def test_settle__a_cancellation_that_moved_something__halts() -> None:
    with pytest.raises(Halt, match="0xbeef .*expected a cancellation to move nothing"):
        settle(CANCELLED, replace(CANCELLATION, changes=CHANGES))


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


def test_accept__what_is_as_planned__needs_no_words() -> None:
    assert accept(INTENT, RECEIPT, "I have looked") == settle(INTENT, RECEIPT)
    reverted = replace(RECEIPT, changes=(), reason="Too little received")
    assert accept(INTENT, reverted, "I have looked") == settle(INTENT, reverted)


def test_accept__bought_less_than_the_floor__is_settled_as_measured_with_the_words() -> None:
    settlement = accept(INTENT, with_change(LINK, floor_of(LINK) - 1), "a token with a fee")
    assert isinstance(settlement, Settlement) and settlement.accepted == "a token with a fee"
    assert Amount(LINK, floor_of(LINK) - 1) in settlement.fills
    assert settlement.cost.shortfall > INTENT.cost.shortfall and settlement.cost.gas == usd("9.9")


def test_accept__a_cancellation_that_moved_something__keeps_what_it_moved() -> None:
    settlement = accept(CANCELLED, replace(CANCELLATION, changes=CHANGES), "the owners' own batch")
    assert isinstance(settlement, Settlement)
    assert (settlement.tx, settlement.accepted) == ("0xbeef", "the owners' own batch")
    assert settlement.fills == tuple(change for change in CHANGES if change.raw)
