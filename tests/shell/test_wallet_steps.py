"""Quotes in, the calls of a batch out: exact approvals, each swap once, and no allowance left."""

from __future__ import annotations

from dataclasses import replace

from small_market import ROUTER, WETH, planned, snapshot_with

from rebalancer.adapters.wallets.abi import approve
from rebalancer.adapters.wallets.steps import steps_of
from rebalancer.core.model import Call, Quote, WholeTerms

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
