"""What `rebalancer bands` says: rows, the picture, and the words that name what weighs most."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_bands import OPTIMAL, at_gas_price
from hypothesis import given
from hypothesis import strategies as st
from small_market import (
    ASSETS,
    LINK,
    POLICY,
    USDC,
    WBTC,
    WETH,
    portfolio_in,
    returning,
    share,
    snapshot_with,
    usd,
)

from rebalancer.core.band_words import (
    BANDS_HEAD,
    COSTS_HEAD,
    BandLook,
    band_pictures,
    band_rows,
    cost_of_bands_rows,
    look_at_bands,
    picture,
    why_bands,
)
from rebalancer.core.model import Back, Band, Calendar, Policy, Snapshot, Target
from rebalancer.units import Token, Weight

RICH = snapshot_with(340_000, 380_000, 190_000, 90_000)


def looks_of(policy: Policy, snapshot: Snapshot = RICH) -> tuple[BandLook, ...]:
    return look_at_bands(policy, portfolio_in(snapshot), snapshot)


def words_of(policy: Policy, token: Token, gwei: int) -> str:
    snapshot = at_gas_price(RICH, gwei)
    said = dict(zip(ASSETS, why_bands(looks_of(policy, snapshot), portfolio_in(snapshot).value), strict=True))
    return said[token]


# ---------------------------------------------------------------- rows


def test_band_rows__of_drawn_bands__are_points_of_the_portfolio() -> None:
    rows = band_rows(looks_of(returning(Back.HALF)))
    assert rows[0] == ("WETH", "34.00", "30.00", "+4.00", "5.00", "2.50", "1.00")
    assert rows[3] == ("LINK", "9.00", "10.00", "-1.00", "2.50", "1.25", "1.50")
    assert all(len(row) == len(BANDS_HEAD) for row in rows)


def test_band_rows__beyond_the_trigger__are_below_zero_to_act() -> None:
    rows = band_rows(looks_of(POLICY, snapshot_with(362_500, 377_500, 180_000, 80_000)))
    assert rows[0][-1] == "-1.25"


def test_band_rows__of_a_calendar__say_that_there_is_no_band() -> None:
    rows = band_rows(looks_of(replace(POLICY, trigger=Calendar(86_400))))
    assert rows[0] == ("WETH", "34.00", "30.00", "+4.00", "none", "", "")


def test_cost_rows__of_optimal_bands__are_their_own_best_and_are_not_added_up() -> None:
    looks = looks_of(OPTIMAL)
    value = portfolio_in(RICH).value
    rows = cost_of_bands_rows(looks, value)
    assert all(len(row) == len(COSTS_HEAD) for row in rows)
    assert [row[0] for row in rows] == ["WETH", "USDC", "WBTC", "LINK"], "a trade is in the rows of both its tokens"
    assert all(row[4] == row[6] for row in rows), "nothing is cheaper"
    # 0.4 (u^2 + l^2)/6 of a million, and the rest, as a person would work them out.
    costs = looks[0].costs
    assert costs is not None
    u, x = (part / 10**18 for part in (looks[0].best.trigger, looks[0].best.back))
    assert float(rows[0][1].replace(",", "")) == pytest.approx(10**6 * 0.4 * (u**2 + x**2) / 6, abs=0.01)


def test_cost_rows__of_drawn_bands__are_never_below_the_best() -> None:
    for back in Back:
        for look in looks_of(returning(back)):
            assert look.costs is not None and look.costs.total >= look.best_costs.total


def test_cost_rows__of_a_calendar__have_the_best_alone() -> None:
    rows = cost_of_bands_rows(looks_of(replace(POLICY, trigger=Calendar(86_400))), portfolio_in(RICH).value)
    assert rows[0][1:6] == ("", "", "", "", "") and rows[0][6] != "0.00"


# ---------------------------------------------------------------- the picture

FIVE = Band(WETH, share(5), share("2.5"))


@pytest.mark.parametrize(
    ("drift", "drawn"),
    [
        ("0", "    │────────(─────────●─────────)────────│     "),
        ("4", "     │────────(─────────┼─────────)────●───│     "),
        ("-4", "     │───●────(─────────┼─────────)────────│     "),
        ("5.5", "     │────────(─────────┼─────────)────────│ ●   "),
        ("9", "     │────────(─────────┼─────────)────────│    ►"),
        ("-9", "◄    │────────(─────────┼─────────)────────│     "),
    ],
)
def test_picture__of_a_drift__stands_where_it_is(drift: str, drawn: str) -> None:
    assert picture(FIVE, share(drift)).strip() == drawn.strip()


@given(st.integers(0, 10**18), st.integers(0, 10**18), st.integers(-(10**18), 10**18))
def test_picture__of_any_band__is_as_wide_as_any_other_and_shows_one_weight(
    trigger: int, back: int, drift: int
) -> None:
    drawn = picture(Band(WETH, Weight(trigger), Weight(min(back, trigger))), Weight(drift))
    assert len(drawn) == 49 and sum(drawn.count(mark) for mark in "●◄►") == 1


def test_band_pictures__of_all_positions__stand_under_one_another() -> None:
    lines = band_pictures(looks_of(POLICY))
    assert [line.split()[0] for line in lines] == ["WETH", "USDC", "WBTC", "LINK"]
    assert len({line.index("┼") for line in lines if "┼" in line}) == 1
    assert lines[0].endswith("+4.00")


# ---------------------------------------------------------------- why


def test_why__cheap_gas__names_it_and_goes_to_the_edge() -> None:
    said = words_of(OPTIMAL, LINK, gwei=1)
    assert said.startswith("LINK: fee and impact of 0.4 % of what is traded pull harder than gas of 1.36 USD")
    assert "act early, and go back little; cheapest is to act at 3.34 points" in said and "Its own band" not in said


def test_why__dear_gas__names_it_and_goes_to_the_target() -> None:
    said = words_of(OPTIMAL, WETH, gwei=90)
    assert "pulls harder than fee and impact of 0.05 % of what is traded: act late, and go back most of the way" in said


def test_why__drawn_bands__are_held_beside_the_cheapest() -> None:
    said = words_of(returning(Back.TARGET), WBTC, gwei=10)
    assert "Its own band acts at 5 points and goes back to 0 points: " in said and " a year in place of " in said


def test_why__a_limit_of_the_owners_or_the_smallest_trade__is_named() -> None:
    least = replace(OPTIMAL, limits=replace(OPTIMAL.limits, min_trade=usd(20_000)))
    assert "no nearer to each other than the smallest trade, 2 points" in words_of(least, LINK, gwei=1)
    poor = replace(RICH, balances=snapshot_with(34, 38, 19, 9).balances)
    said = why_bands(looks_of(OPTIMAL, poor), portfolio_in(poor).value)[0]
    assert said.endswith("at the widest that is allowed, 15 points")


def test_why__a_token_that_is_to_go__says_so() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    portfolio = portfolio_in(RICH, targets)
    said = why_bands(look_at_bands(OPTIMAL, portfolio, RICH), portfolio.value)
    assert said[3] == "LINK: is to go as a whole, so it has no band to stay in"


def test_bands__of_an_empty_wallet__are_shown_all_the_same() -> None:
    empty = snapshot_with(0, 0, 0, 0)
    looks = looks_of(OPTIMAL, empty)
    assert len(band_rows(looks)) == 4 and len(band_pictures(looks)) == 4
    assert cost_of_bands_rows(looks, portfolio_in(empty).value)[-1][4] == "0.00"
    assert all("go back most of the way" in said for said in why_bands(looks, portfolio_in(empty).value))
