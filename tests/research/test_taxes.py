"""Lots and taxes against cases that a hand can work out, and rules that hold for any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from given_backtests import DAY, START, YEAR, made, traded
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.research.lots import Book, Gain, LotRule, TaxRule
from rebalancer.research.model import Backtest
from rebalancer.research.taxes import tax_years, taxes_of
from rebalancer.units import ONE, PPM, Ppm, Usd

FIFO = TaxRule(LotRule.FIFO, Ppm(300_000), Ppm(150_000))


def book(rule: LotRule) -> Book:
    """One bought at 10, one at 30, one at 20, a day apart."""
    found = Book("BTC", replace(FIFO, lots=rule))
    for day, price in enumerate((10, 30, 20)):
        found.buy(day * DAY, ONE, Usd(price * ONE))
    return found


@pytest.mark.parametrize(
    ("rule", "cost"), [(LotRule.FIFO, 25), (LotRule.LIFO, 35), (LotRule.HIFO, 40), (LotRule.AVERAGE, 30)]
)
def test_sell__one_and_a_half_of_lots_at_10_30_20__costs_what_the_rule_says(rule: LotRule, cost: int) -> None:
    ours = book(rule)
    gains = tuple(ours.sell(3 * DAY, 3 * ONE // 2, Usd(60 * ONE)))
    assert sum(gain.cost for gain in gains) == cost * ONE
    assert sum(gain.proceeds for gain in gains) == 60 * ONE
    assert ours.units == 3 * ONE // 2
    assert sum(lot.cost for lot in ours.lots) == (60 - cost) * ONE


def test_sell__average__the_oldest_are_gone_first() -> None:
    ours = book(LotRule.AVERAGE)
    assert [gain.is_long for gain in ours.sell(YEAR + DAY, 2 * ONE, Usd(2 * ONE))] == [True, False]
    assert [lot.at for lot in ours.lots] == [2 * DAY]


def test_sell__exactly_365_days__is_short_and_a_second_more_long() -> None:
    for after, is_long in ((YEAR, False), (YEAR + 1, True)):
        ours = Book("BTC", FIFO)
        ours.buy(0, ONE, Usd(ONE))
        (gain,) = ours.sell(after, ONE, Usd(ONE))
        assert gain.is_long is is_long


def test_sell__more_than_there_is__is_refused() -> None:
    with pytest.raises(ValueError, match=f"BTC: {4 * ONE} units at 1e18 are sold where the lots have {3 * ONE}"):
        tuple(book(LotRule.FIFO).sell(3 * DAY, 4 * ONE, Usd(ONE)))


DEALS = st.lists(
    st.tuples(st.booleans(), st.integers(1, 10**24), st.integers(0, 10**26), st.integers(0, 90)),
    min_size=1,
    max_size=30,
)


@given(DEALS)
def test_lots__any_deals_and_all_sold_at_the_end__every_rule_has_the_same_gain(
    deals: list[tuple[bool, int, int, int]],
) -> None:
    found = {}
    for rule in LotRule:
        ours, at, held, gains = Book("BTC", replace(FIFO, lots=rule)), 0, 0, []
        spent = got = 0
        for buys, units, dollars, days in deals:
            at += days * DAY
            if buys or not held:
                ours.buy(at, units, Usd(dollars))
                held, spent = held + units, spent + dollars
            else:
                sold = min(units, held)
                gains += ours.sell(at, sold, Usd(dollars))
                held, got = held - sold, got + dollars
            assert ours.units == held
            assert sum(lot.cost for lot in ours.lots) == spent - sum(gain.cost for gain in gains)
        if held:
            gains += ours.sell(at, held, Usd(7 * ONE))
            got += 7 * ONE
        found[rule] = sum(gain.gain for gain in gains)
        assert found[rule] == got - spent
    assert len(set(found.values())) == 1


def gain(year: int, dollars: int, *, is_long: bool = False) -> Gain:
    at = START + (year - 2020) * 366 * DAY + DAY
    return Gain(at, "BTC", ONE, Usd(dollars * ONE), Usd(0), is_long)


def due(*gains: Gain) -> list[int]:
    return [year.due // ONE for year in tax_years(gains, FIFO)]


def test_tax__gains_of_both_kinds__each_at_its_rate() -> None:
    assert due(gain(2020, 100), gain(2020, 200, is_long=True)) == [30 + 30]


def test_tax__a_short_loss_and_a_long_gain__what_is_left_is_long() -> None:
    assert due(gain(2020, -100), gain(2020, 300, is_long=True)) == [30]


def test_tax__a_long_loss_larger_than_the_short_gain__nothing_now_and_the_rest_next_year() -> None:
    assert due(gain(2020, 100), gain(2020, -150, is_long=True), gain(2021, 100, is_long=True)) == [0, 7]


def test_tax__losses_of_both_kinds__both_are_carried() -> None:
    years = tax_years([gain(2020, -100), gain(2020, -100, is_long=True), gain(2022, 300)], FIFO)
    assert [(year.year, year.short // ONE, year.due // ONE) for year in years] == [(2020, -100, 0), (2022, 300, 30)]


def swapped() -> Backtest:
    """Ten at 10 dollars and 100 dollars; at 20 five are sold for 99 dollars, after a dollar of fees."""
    return made(
        [[10, 1], [20, 1], [40, 1]],
        [[10, 100], [5, 199], [5, 199]],
        trades=[traded(1, (-5, 99), sold=100, fee=1)],
        symbols=("BTC", "USD"),
    )


def test_taxes__five_of_ten_sold_for_dollars__the_fee_comes_off_the_proceeds() -> None:
    found = taxes_of(swapped(), FIFO)
    (sold,) = found.gains
    assert (sold.proceeds, sold.cost, sold.is_long) == (99 * ONE, 50 * ONE, False)
    assert found.due == 49 * ONE * 3 // 10
    assert found.if_sold == 150 * ONE * 3 // 10
    assert [(symbol, sum(lot.units for lot in lots)) for symbol, lots in found.lots] == [("BTC", 5 * ONE)]


def test_taxes__bought_with_dollars__the_fee_is_part_of_what_it_cost() -> None:
    backtest = made(
        [[10, 1]] * 2, [[1, 100], [5.9, 50]], trades=[traded(1, (4.9, -50), sold=50, fee=1)], symbols=("BTC", "USD")
    )
    found = taxes_of(backtest, FIFO)
    assert found.gains == ()
    assert [lot.cost for lot in found.lots[0][1]] == [10 * ONE, 50 * ONE]


def test_taxes__one_token_for_another__what_was_got_is_what_the_new_one_cost() -> None:
    backtest = made([[10, 5]] * 2, [[10, 20], [5, 29]], trades=[traded(1, (-5, 9), sold=50, fee=5)])
    found = taxes_of(backtest, FIFO)
    assert [one.gain for one in found.gains] == [-5 * ONE]
    assert [lot.cost for lot in found.lots[1][1]] == [100 * ONE, 45 * ONE]


def test_taxes__a_long_series_of_trades__lots_are_what_is_held() -> None:
    random = np.random.default_rng(7)
    usd = np.column_stack((100 * np.exp(random.normal(0, 0.05, (60, 2)).cumsum(axis=0)), np.ones(60)))
    units = [np.array([10.0, 10.0, 1_000.0])]
    trades = []
    for at in range(1, 60):
        sold = float(random.uniform(0, 0.2) * units[-1][at % 2])
        worth = sold * usd[at, at % 2]
        changes = np.zeros(3)
        changes[at % 2] = -sold
        changes[1 - at % 2] = 0.7 * worth * 0.997 / usd[at, 1 - at % 2]
        changes[2] = 0.3 * worth * 0.997
        trades.append(traded(at, changes.tolist(), sold=worth, fee=0.003 * worth))
        units.append(units[-1] + changes)
    backtest = made(usd.tolist(), [row.tolist() for row in units], trades=trades)
    for rule in LotRule:
        found = taxes_of(backtest, replace(FIFO, lots=rule))
        for place, (_, lots) in enumerate(found.lots):
            assert sum(lot.units for lot in lots) / ONE == pytest.approx(backtest.units[-1, place], rel=1e-12)


def test_taxes__flat_rates_and_everything_sold__every_rule_owes_the_same_in_all() -> None:
    flat = TaxRule(LotRule.FIFO, Ppm(200_000), Ppm(200_000))
    owed = {taxes_of(swapped(), replace(flat, lots=rule)) for rule in LotRule}
    assert {each.due + each.if_sold for each in owed} == {199 * ONE * flat.short // PPM}
