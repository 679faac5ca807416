"""Batches of orders: what placing may do, what an order counts for, and when one is no good any more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import LINK, POLICY, USDC, WETH, off_pool, quote_of, snapshot_with
from small_orders import BATCH, MARKET, ORDERS, RELAYER, SETTLEMENT, SOLD, TRADES, placing

from rebalancer.core.model import Allowance, Batch, Order, Simulated
from rebalancer.core.order_rules import invalidate_call
from rebalancer.core.orders import (
    approved_for,
    as_if_filled,
    guard_placing,
    guard_withdrawal,
    orders_of,
    why_withdraw,
)
from rebalancer.units import Address, Amount

STRANGER = Address("0x00000000000000000000000000000000000000AA")


def broken(batch: Batch, simulation: Simulated) -> list[str]:
    return [breach.rule for breach in guard_placing(batch, simulation)]


def test_placing__that_approves_exactly_the_orders_and_moves_nothing__breaks_no_rule() -> None:
    assert orders_of(BATCH.quotes) == ORDERS
    assert approved_for(ORDERS) == {(RELAYER, WETH.address): SOLD}
    assert broken(BATCH, placing()) == []


@pytest.mark.parametrize("moved", [1, -1])
def test_placing__that_moves_a_unit__is_refused_by_name(moved: int) -> None:
    assert set(broken(BATCH, placing(moved=moved))) == {"nothing_moves"}


@pytest.mark.parametrize("raw", [0, SOLD.raw - 1, SOLD.raw + 1, 2**256 - 1])
def test_placing__that_approves_another_amount__is_refused_by_name(raw: int) -> None:
    assert broken(BATCH, placing(approved=raw)) == ["allowance_is_the_orders"]


@pytest.mark.parametrize(
    "left",
    [
        (),
        (Allowance(STRANGER, SOLD),),
        (Allowance(RELAYER, SOLD), Allowance(STRANGER, Amount(USDC, 1))),
        (Allowance(RELAYER, SOLD), Allowance(RELAYER, Amount(USDC, 1))),
    ],
    ids=["none was measured", "of another", "another besides", "of another token besides"],
)
def test_placing__where_allowances_are_not_those_of_the_orders__is_refused_by_name(
    left: tuple[Allowance, ...],
) -> None:
    assert set(broken(BATCH, replace(placing(), allowances=left))) == {"allowance_is_the_orders"}


def test_placing__beside_a_swap__is_refused_by_name() -> None:
    mixed = replace(BATCH, quotes=(*BATCH.quotes[:1], quote_of(TRADES[1], MARKET)))
    assert "orders_alone" in broken(mixed, placing())


def test_batch__of_swaps_alone__has_nothing_to_do_with_orders() -> None:
    swaps = replace(BATCH, quotes=tuple(quote_of(trade, MARKET) for trade in TRADES))
    measured = placing(moved=7)
    assert broken(swaps, measured) == [] and as_if_filled(swaps, measured) == measured


def test_as_if_filled__of_orders__sells_all_buys_the_limits_and_uses_the_allowance_up() -> None:
    found = as_if_filled(BATCH, placing())
    changes = {change.token: change.raw for change in found.changes if change.raw}
    assert changes == {WETH: -SOLD.raw, USDC: ORDERS[0].least.raw, LINK: ORDERS[1].least.raw}
    assert [left.amount.raw for left in found.allowances] == [0]
    assert found.gas == placing().gas, "what placing costs is what we pay"


# ---------------------------------------------------------------- taken back


def _dearer(percent: int) -> Order:
    """The first order, of a day when WETH was so much cheaper than today."""
    order = ORDERS[0]
    return replace(order, least=Amount(order.least.token, order.least.raw * 100 // percent))


def test_why_withdraw__of_a_limit_at_todays_floor__is_none_and_a_unit_below_it_names_both() -> None:
    assert why_withdraw(POLICY, ORDERS, MARKET) is None
    below = replace(ORDERS[0], least=ORDERS[0].least - Amount(USDC, 1))
    why = why_withdraw(POLICY, (below, ORDERS[1]), MARKET)
    assert why is not None and "is below today's floor of" in why and "LINK" not in why


def test_why_withdraw__where_the_market_has_left_it_behind__names_each_order() -> None:
    why = why_withdraw(POLICY, (_dearer(103), _dearer(110)), MARKET)
    assert why is not None and why.count("is below today's floor") == 2


def test_why_withdraw__where_pools_and_feeds_disagree__is_that() -> None:
    disputed = snapshot_with(45_000, 30_000, 20_000, 5_000, pools=(off_pool(150),))
    why = why_withdraw(POLICY, ORDERS, disputed)
    assert why is not None and why.startswith("prices are in dispute: max_pool_gap")


def test_why_withdraw__of_a_token_that_left_the_portfolio__is_that() -> None:
    without = replace(MARKET, prices=tuple(price for price in MARKET.prices if price.token != LINK), pools=())
    why = why_withdraw(POLICY, ORDERS, without)
    assert why == "WETH for LINK has no price any more"


def test_withdrawal__that_leaves_nothing__breaks_no_rule_and_one_that_moves_or_leaves_does() -> None:
    batch = replace(BATCH, quotes=(), withdrawn=ORDERS)
    assert guard_withdrawal(batch, placing(approved=0)) == ()
    assert [b.rule for b in guard_withdrawal(batch, placing(approved=1))] == ["no_allowance_left"]
    assert [b.rule for b in guard_withdrawal(batch, replace(placing(), allowances=()))] == ["no_allowance_left"]
    assert {b.rule for b in guard_withdrawal(batch, placing(moved=-1, approved=0))} == {"nothing_moves"}


def test_invalidate_call__of_an_order__goes_to_its_settlement_with_its_name() -> None:
    call = invalidate_call(ORDERS[0])
    assert call.to == SETTLEMENT and len(call.data) == 4 + 32 * 4
    assert call.data[68 : 68 + 56].hex() == ORDERS[0].uid[2:]
