"""Quotes in, the calls of a batch out: exact approvals, each swap once, and no allowance left."""

from __future__ import annotations

from dataclasses import replace

from small_market import ROUTER, USDC, WETH, planned, snapshot_with
from small_orders import ORDERS, QUOTES, RELAYER, listed

from rebalancer.adapters.wallets.abi import approve
from rebalancer.adapters.wallets.steps import steps_of, touched_by, withdrawal_of
from rebalancer.core.model import Allowance, Batch, Call, Quote, WholeTerms
from rebalancer.core.order_rules import invalidate_call
from rebalancer.units import Amount

MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
TRADES = planned(MARKET).trades
ONE = tuple(
    Quote("it", trade, trade.floor, ROUTER, Call(ROUTER, bytes([place])), 200_000, None)
    for place, trade in enumerate(TRADES)
)
WHOLE = WholeTerms("swapMulti", (), (), (), ())
ALL = tuple(replace(quote, call=Call(ROUTER, b"all"), terms=WHOLE) for quote in ONE)
SOLD = sum(trade.sell.raw for trade in TRADES)
APPROVED = (approve(WETH.address, ROUTER, SOLD), approve(WETH.address, ROUTER, 0))


def test_steps__of_quotes_with_a_call_each__make_every_call_in_its_order() -> None:
    first, last = APPROVED
    assert [step.call for step in steps_of(ONE, MARKET)] == [first, ONE[0].call, ONE[1].call, last]


def test_steps__of_two_quotes_with_equal_calls_of_their_own__make_both() -> None:
    twice = (ONE[0], ONE[0])
    assert [step.call for step in steps_of(twice, MARKET)].count(ONE[0].call) == 2


def test_steps__of_quotes_that_share_a_call__make_it_once_and_name_all_that_it_moves() -> None:
    steps = steps_of(ALL, MARKET)
    first, last = APPROVED
    assert [step.call for step in steps] == [first, Call(ROUTER, b"all"), last]
    assert set(steps[1].moves) == {WETH, *(trade.buy for trade in TRADES)}
    assert all(f"{trade.sell.token} for {trade.buy}" in steps[1].label for trade in TRADES)


def test_steps__of_a_shared_call_between_others__keep_the_order() -> None:
    mixed = (ALL[0], replace(ONE[1], call=Call(ROUTER, b"own")), ALL[1])
    made = [step.call.data for step in steps_of(mixed, MARKET)]
    assert made[1:-1] == [b"all", b"own"]


def test_steps__of_orders__approve_their_sum_sign_each_and_leave_the_approval_standing() -> None:
    made = [step.call for step in steps_of(QUOTES, listed(MARKET))]
    assert made == [approve(WETH.address, RELAYER, SOLD), *(quote.call for quote in QUOTES)]


def test_steps__of_orders_where_an_approval_stands__start_from_zero() -> None:
    made = [step.call for step in steps_of(QUOTES, listed(MARKET, 7))]
    assert made[:2] == [approve(WETH.address, RELAYER, 0), approve(WETH.address, RELAYER, SOLD)]


def test_steps__of_swaps_after_an_order_expired__take_its_allowance_back_first() -> None:
    left = listed(MARKET, SOLD)
    assert [step.call for step in steps_of(ONE, left)][0] == approve(WETH.address, RELAYER, 0)
    touched = touched_by(Batch(ONE, RELAYER, Call(ROUTER, b""), 0), left)
    assert [(one.spender, one.token) for one in touched] == [(ROUTER, WETH), (RELAYER, WETH)]


def test_steps__of_orders_where_another_may_pull__take_that_back_first() -> None:
    stands = listed(MARKET)
    stands = replace(stands, allowances=(*stands.allowances, Allowance(ROUTER, Amount(USDC, 5))))
    assert [step.call for step in steps_of(QUOTES, stands)][0] == approve(USDC.address, ROUTER, 0)


def test_withdrawal__of_orders__invalidates_each_and_takes_their_allowance_back_once() -> None:
    made = [step.call for step in withdrawal_of(ORDERS)]
    assert made == [*(invalidate_call(order) for order in ORDERS), approve(WETH.address, RELAYER, 0)]
    touched = touched_by(Batch((), RELAYER, Call(ROUTER, b""), 0, ORDERS), listed(MARKET, SOLD))
    assert [(one.spender, one.token) for one in touched] == [(RELAYER, WETH)]
