"""Answers against each other: trades joined by pair, what was measured as dollars, and who is the best."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import FEES, GWEI, LINK, NOW, ROUTER, USDC, WETH, planned, snapshot_with, usd, v3_pool

from rebalancer.core.competition import (
    Judged,
    answer_of,
    best_by_pair,
    best_whole,
    measured,
    pair_of,
    pairs_of,
    refused,
)
from rebalancer.core.model import Call, Quote, Simulated, Trade
from rebalancer.units import Amount, Usd

MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
PLAN = planned(MARKET)
TO_USDC, TO_LINK = sorted(PLAN.trades, key=lambda trade: trade.buy.symbol, reverse=True)
AT = (MARKET, FEES)


def quote(trade: Trade, until: int | None = None) -> Quote:
    return Quote("it", trade, trade.floor, ROUTER, Call(ROUTER, b"\x01"), 200_000, None, until=until)


def changes(gas: int, **moved: int) -> Simulated:
    """What a simulation measured, by symbol, in base units."""
    return Simulated(tuple(Amount(b.token, moved.get(b.token.symbol, 0)) for b in MARKET.balances), (), gas)


def judged(venue: str, net: int | None, *trades: Trade) -> Judged:
    return Judged(
        venue, trades, tuple(quote(trade) for trade in trades), (), 1, None if net is None else Usd(net), None
    )


# ---------------------------------------------------------------- trades by pair


def test_pairs_of__trades_of_other_pairs__are_they_themselves() -> None:
    assert {trade.buy for trade in PLAN.trades} == {USDC, LINK}
    assert pairs_of(PLAN, MARKET) == PLAN.trades


def test_pairs_of__trades_of_one_pair__are_one_with_all_that_they_sell_and_their_floors() -> None:
    pools = (v3_pool(USDC, WETH, 500, 40_000_000), v3_pool(USDC, WETH, 3_000, 40_000_000))
    parallel = snapshot_with(600_000, 100_000, 200_000, 100_000, pools=pools)
    first, second = planned(parallel).trades
    assert pair_of(first) == pair_of(second) == (WETH.address, USDC.address)
    (one,) = pairs_of(planned(parallel), parallel)
    assert one.sell == first.sell + second.sell
    assert one.floor == first.floor + second.floor
    assert one.value == parallel.price(WETH).value_down(one.sell.raw) >= first.value + second.value


# ---------------------------------------------------------------- dollars


def test_measured__by_hand__is_what_arrives_less_what_is_sold_less_gas() -> None:
    # 1 WETH at 2,000 for 1,990 USDC with 200,000 units of gas at 11 gwei (base fee and tip), of 2,000 dollars a coin.
    found = measured("it", (TO_USDC,), (quote(TO_USDC),), changes(200_000, WETH=-(10**18), USDC=1_990 * 10**6), AT)
    gas = usd("4.4")
    assert FEES.tip == GWEI and MARKET.block.base_fee == 10 * GWEI
    assert found.net == usd(1_990) - usd(2_000) - gas
    assert (found.gas, found.refused) == (200_000, None)
    assert found.arrived == (Amount(USDC, 1_990 * 10**6),)


def test_measured__another_token_that_arrives__counts_in_the_net_but_is_not_what_was_bought() -> None:
    plain = measured("it", (TO_USDC,), (), changes(1, WETH=-(10**18), USDC=10**9), AT)
    more = measured("it", (TO_USDC,), (), changes(1, WETH=-(10**18), USDC=10**9, LINK=10**18), AT)
    assert plain.net is not None and more.net is not None
    assert more.net - plain.net == usd(10) and more.arrived == plain.arrived


def test_measured__a_unit_of_gas_more__is_never_better() -> None:
    nets = [measured("it", (TO_USDC,), (), changes(gas, USDC=10**9), AT).net for gas in (0, 1, 2, 10**6)]
    assert nets == sorted((net for net in nets if net is not None), reverse=True) and nets[0] == usd(1_000)


def test_refused__whatever_was_said__has_no_net_and_a_reason() -> None:
    found = refused("it", (TO_USDC,), "receiver: …", (quote(TO_USDC),))
    assert (found.net, found.gas, found.arrived, found.refused) == (None, None, (), "receiver: …")


# ---------------------------------------------------------------- the best


def test_best_by_pair__of_each_pair__is_who_brings_the_most() -> None:
    best = best_by_pair(
        [judged("a", -5, TO_USDC), judged("b", -3, TO_USDC), judged("c", -9, TO_LINK), judged("d", None, TO_LINK)]
    )
    assert {pair: one.venue for pair, one in best.items()} == {pair_of(TO_USDC): "b", pair_of(TO_LINK): "c"}


def test_best_by_pair__of_equals__is_the_first() -> None:
    assert best_by_pair([judged("a", 7, TO_USDC), judged("b", 7, TO_USDC)])[pair_of(TO_USDC)].venue == "a"


def test_best_by_pair__where_all_are_refused__has_no_such_pair() -> None:
    assert best_by_pair([judged("a", None, TO_USDC)]) == {}


def test_best_by_pair__an_answer_for_the_whole__is_left_out() -> None:
    assert best_by_pair([judged("a", 10**9, TO_USDC, TO_LINK)]) == {}


@pytest.mark.parametrize(
    ("nets", "best"), [((-5, -3, -9), 1), ((None, -3, -3), 1), ((None, 0, -1), 1), ((-1, 0, None), 1), ((7,), 0)]
)
def test_best_whole__of_several__is_the_first_of_those_that_bring_the_most(nets: tuple[int, ...], best: int) -> None:
    found = [judged(f"v{number}", net, TO_USDC, TO_LINK) for number, net in enumerate(nets)]
    assert best_whole(found) == found[best]


def test_best_whole__of_refused_ones__is_nobody() -> None:
    assert best_whole([judged("a", None, TO_USDC)]) is None and best_whole([]) is None


# ---------------------------------------------------------------- time, and the record


@pytest.mark.parametrize(("until", "void"), [(None, False), (NOW - 1, True), (NOW, False), (NOW + 1, False)])
def test_is_void__a_quote_that_has_outlived_its_time__makes_it_so(until: int | None, void: bool) -> None:
    one = replace(judged("a", 1, TO_USDC, TO_LINK), quotes=(quote(TO_USDC), quote(TO_LINK, until)))
    assert one.is_void(NOW) is void


def test_answer_of__one_that_was_measured__keeps_what_was_said_and_what_arrived() -> None:
    found = measured("it", (TO_USDC,), (quote(TO_USDC),), changes(200_000, WETH=-(10**18), USDC=10**9), AT)
    answer = answer_of(found)
    assert (answer.venue, answer.sold, answer.says) == ("it", (TO_USDC.sell,), (TO_USDC.floor,))
    assert (answer.arrived, answer.gas, answer.net, answer.refused) == (found.arrived, 200_000, found.net, None)
    assert answer_of(refused("it", (TO_USDC,), "why")).refused == "why"
