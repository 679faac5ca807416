"""Costs for people: the parts add up, and what is not known says so."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from small_market import usd

from rebalancer.core.cost_words import cost_parts, cost_table, differences, share_of
from rebalancer.core.model import Cost
from rebalancer.units import Usd

EXPECTED = Cost(usd(10_000), usd(5), usd(2), usd("7.5"), usd(3))
MEASURED = Cost(usd(10_000), usd(5), usd(3), usd(9), usd(2))
UNSPLIT = replace(MEASURED, fee=None, impact=None)

dollars = st.integers(-(10**24), 10**24).map(Usd)


@given(dollars, dollars, dollars, dollars)
def test_cost_parts__of_any_cost__add_up_to_all_of_it(fee: Usd, impact: Usd, shortfall: Usd, gas: Usd) -> None:
    *parts, (label, whole) = cost_parts(Cost(usd(1), fee, impact, shortfall, gas))
    assert label == "in all" and sum(value or 0 for _, value in parts) == whole == shortfall + gas


def test_cost_parts__of_pools_that_nobody_names__leave_the_split_out_and_keep_the_sum() -> None:
    assert dict(cost_parts(UNSPLIT)) == {
        "pool fees": None,
        "price impact": None,
        "pools off the oracle": None,
        "gas": usd(2),
        "in all": usd(11),
    }


def test_differences__of_measured_and_expected__are_signed_part_by_part() -> None:
    assert dict(differences(MEASURED, EXPECTED)) == {
        "pool fees": usd(0),
        "price impact": usd(1),
        "pools off the oracle": usd("0.5"),
        "gas": usd(-1),
        "in all": usd("0.5"),
    }


def test_differences__where_one_is_not_known__is_not_known_either() -> None:
    for measured, expected in ((UNSPLIT, EXPECTED), (MEASURED, replace(EXPECTED, fee=None, impact=None))):
        found = dict(differences(measured, expected))
        assert [label for label, value in found.items() if value is not None] == ["gas", "in all"]


def test_cost_table__before_a_trade__has_dollars_and_bps_of_what_is_traded() -> None:
    head, rows = cost_table(EXPECTED)
    assert {len(row) for row in rows} == {len(head)}
    assert rows[0] == ("pool fees", "5.00", "5.00") and rows[-1] == ("in all", "10.50", "10.50")


def test_cost_table__after_it__has_both_and_how_much_more_was_paid() -> None:
    head, rows = cost_table(EXPECTED, UNSPLIT)
    assert {len(row) for row in rows} == {len(head)}
    assert rows[0] == ("pool fees", "not known", "", "5.00", "5.00", "not known")
    assert rows[-1] == ("in all", "11.00", "11.00", "10.50", "10.50", "0.50")


def test_share_of__less_than_a_hundredth_of_a_bp__is_rounded_up_and_nothing_traded_has_none() -> None:
    assert share_of(Usd(1), usd(10_000)) == "0.01" and share_of(usd("-1.5"), usd(10_000)) == "-1.50"
    assert share_of(usd(1), Usd(0)) == ""
