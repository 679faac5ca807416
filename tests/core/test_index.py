"""The index: what a dollar that was there has become, whatever came or went since."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import HELD, holding, looked, moved, priced
from hypothesis import given
from hypothesis import strategies as st
from small_market import NOW, portfolio_in, snapshot_with

from rebalancer.core.model import INDEX, NO_HISTORY
from rebalancer.core.over_time import holdings_of, index_after, seen_now
from rebalancer.units import Address


def test_index_after__of_the_first_look__is_one() -> None:
    assert index_after(NO_HISTORY, holding(*HELD)) == INDEX


def test_index_after__nothing_happened__stands_where_it_was() -> None:
    assert index_after(looked(*HELD, index=1_234_567_890), holding(*HELD)) == 1_234_567_890


def test_index_after__a_price_has_moved__moves_by_its_weight() -> None:
    # 30 % of the portfolio has lost a tenth.
    assert index_after(looked(*HELD), priced(HELD, WETH=90)) == INDEX * 97 // 100
    assert index_after(looked(*HELD), priced(HELD, WETH=110)) == INDEX * 103 // 100


def test_index_after__of_what_does_not_divide__is_rounded_down() -> None:
    seen = looked(*HELD, index=10)
    assert index_after(seen, priced(HELD, WETH=99)) == 9


@pytest.mark.parametrize("after", [(30_000, 140_000, 20_000, 10_000), (0, 40_000, 20_000, 10_000), (1, 1, 1, 1)])
def test_index_after__a_deposit_or_a_withdrawal__is_no_gain_and_no_loss(after: tuple[int, ...]) -> None:
    assert index_after(looked(*HELD), holding(*after)) == INDEX


def test_index_after__a_deposit_while_the_price_fell__still_shows_the_whole_fall() -> None:
    assert index_after(looked(100_000, 0, 0, 0), priced((200_000, 0, 0, 0), WETH=80)) == INDEX * 80 // 100


def test_index_after__everything_withdrawn_while_the_price_fell__still_shows_the_fall() -> None:
    assert index_after(looked(100_000, 0, 0, 0), priced((0, 0, 0, 0), WETH=80)) == INDEX * 80 // 100


def test_index_after__our_own_rebalance__costs_what_it_lost_and_no_more() -> None:
    history = replace(looked(*HELD), moved=moved(WETH=-10_000, USDC=9_900))
    assert index_after(history, holding(20_000, 49_900, 20_000, 10_000)) == INDEX * 999 // 1_000


def test_index_after__a_rebalance_that_lost_a_token__is_no_withdrawal() -> None:
    history = replace(looked(*HELD), moved=moved(WETH=-30_000))
    assert index_after(history, holding(0, 40_000, 20_000, 10_000)) == INDEX * 70 // 100


def test_index_after__a_rebalance_of_a_deposit_that_no_tick_had_seen__costs_its_share_of_all() -> None:
    # One dollar at the last look, then 100,000 came, and half of them were traded for 100 dollars less.
    history = replace(looked(1, 0, 0, 0), moved=moved(WETH=-50_000, USDC=49_900))
    assert index_after(history, holding(50_001, 49_900, 0, 0)) == INDEX * 99_901 // 100_001


def test_index_after__a_deposit_and_a_rebalance_while_the_price_fell__still_shows_the_whole_fall() -> None:
    history = replace(looked(100_000, 0, 0, 0), moved=moved(WETH=-100, USDC=100))
    assert index_after(history, priced((99_900, 300_100, 0, 0), WETH=30)) == INDEX * 30_070 // 100_000


def test_index_after__an_empty_wallet_is_filled__goes_on_from_where_it_was() -> None:
    assert index_after(looked(0, 0, 0, 0, index=900_000_000), holding(*HELD)) == 900_000_000


def test_index_after__all_was_lost_once__begins_anew() -> None:
    assert index_after(looked(*HELD, index=0), holding(*HELD)) == INDEX


def test_index_after__an_asset_has_left_the_configuration__stands_still_for_once() -> None:
    history = looked(*HELD)
    assert history.valued is not None
    gone = (Address("0x" + "77" * 20), 5)
    valued = replace(history.valued, holdings=(*history.valued.holdings, gone))
    assert index_after(replace(history, valued=valued), priced(HELD, WETH=50)) == INDEX
    empty = replace(history.valued, holdings=(*history.valued.holdings, (gone[0], 0)))
    assert index_after(replace(history, valued=empty), priced(HELD, WETH=90)) == INDEX * 97 // 100


def test_index_after__an_asset_has_joined_the_configuration__counts_it_as_a_deposit() -> None:
    history = looked(*HELD)
    assert history.valued is not None
    fewer = replace(
        history.valued, value=holding(0, 40_000, 20_000, 10_000).value, holdings=history.valued.holdings[1:]
    )
    assert index_after(replace(history, valued=fewer), holding(*HELD)) == INDEX


def test_seen_now__after_a_look__measures_from_there() -> None:
    history = replace(looked(*HELD), moved=moved(WETH=-10_000, USDC=9_900))
    after = holding(20_000, 49_900, 20_000, 10_000)
    again = seen_now(history, after, NOW)
    assert again.valued is not None and again.moved == ()
    assert (again.valued.at, again.valued.value, again.valued.holdings) == (NOW, after.value, holdings_of(after))
    assert (again.valued.index, again.peak) == (INDEX * 999 // 1_000, INDEX)
    assert index_after(again, after) == again.valued.index


def test_seen_now__at_a_new_height__is_the_peak() -> None:
    again = seen_now(looked(*HELD), priced(HELD, WETH=110), NOW)
    assert again.peak == INDEX * 103 // 100


@given(
    first=st.tuples(*[st.integers(0, 10**6)] * 4),
    then=st.tuples(*[st.integers(0, 10**6)] * 4),
    percent=st.integers(1, 400),
)
def test_index_after__whatever_comes_and_goes__follows_what_was_there(
    first: tuple[int, ...], then: tuple[int, ...], percent: int
) -> None:
    index = index_after(looked(*first), priced(then, WETH=percent))
    held = sum(first)
    grown = INDEX * (held + first[0] * (percent - 100) // 100) // held if held else INDEX
    # Within what base units and percents round away.
    assert abs(index - grown) <= (INDEX // held if held else 0) + 1


def test_holdings_of__a_portfolio__are_its_base_units_in_its_order() -> None:
    portfolio = portfolio_in(snapshot_with(2_000, 1, 40_000, 10))
    assert [raw for _, raw in holdings_of(portfolio)] == [10**18, 10**6, 10**8, 10**18]
