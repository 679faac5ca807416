"""What was measured on its way to the bands: who waits for it, what goes first, and how it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import ASSETS, LINK, NOW, POLICY, USDC, WETH, WIDTHS, portfolio_in, share, snapshot_with

from rebalancer.core.bands import bands_of
from rebalancer.core.benefit import saved_down
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    NOTHING_MEASURED,
    Back,
    Calendar,
    Drawn,
    Hybrid,
    Known,
    Measured,
    Optimal,
    Policy,
    Threshold,
    Trigger,
    Volatility,
)
from rebalancer.core.optimal_bands import followed, measurable, not_given, resolved, to_measure
from rebalancer.core.volatility_words import volatility_words
from rebalancer.units import Amount

RICH = snapshot_with(340_000, 380_000, 190_000, 90_000)
MEASURED = Measured(tuple(Volatility(token, share(60)) for token in ASSETS), NOW - 90 * 86_400, NOW - 3_900, 90)


def open_(policy: Policy, named: bool = False) -> Policy:
    """Nothing is given."""
    return replace(policy, tracking=replace(policy.tracking, volatilities=(), named=named))


@pytest.mark.parametrize(
    ("trigger", "named", "waits"),
    [
        (POLICY.trigger, False, False),
        (POLICY.trigger, True, True),
        (Calendar(3_600), False, False),
        (Threshold(Optimal(())), False, True),
        (Hybrid(3_600, Optimal(())), False, True),
    ],
    ids=["drawn", "drawn, and a cost of drift", "calendar", "optimal", "hybrid"],
)
def test_to_measure__where_nothing_is_given__is_all_that_something_rests_on(
    trigger: Trigger, named: bool, waits: bool
) -> None:
    policy = open_(replace(POLICY, trigger=trigger), named)
    assert not_given(policy) == policy.assets
    assert to_measure(policy) == (policy.assets if waits else ())


def test_to_measure__where_all_are_given__is_nothing() -> None:
    assert to_measure(replace(POLICY, trigger=Threshold(Optimal(())))) == () == not_given(POLICY)


def test_to_measure__where_one_is_given__is_the_others() -> None:
    policy = replace(POLICY, trigger=Threshold(Optimal(())))
    policy = replace(policy, tracking=replace(policy.tracking, volatilities=(Volatility(LINK, share(90)),)))
    assert LINK not in to_measure(policy) and len(to_measure(policy)) == len(policy.assets) - 1


def test_resolved__with_what_was_measured__lets_a_cost_of_drift_speak() -> None:
    policy, portfolio = open_(POLICY, named=True), portfolio_in(RICH)
    changes = (Amount(WETH, -(10**18)), Amount(USDC, 3_000 * 10**6))
    assert saved_down(resolved(policy, portfolio, RICH), portfolio, changes) is None
    told = resolved(policy, portfolio, RICH, MEASURED.volatilities)
    assert saved_down(told, portfolio, changes) == saved_down(
        replace(POLICY, tracking=replace(POLICY.tracking, named=True)), portfolio, changes
    )


def test_volatility_words__of_given_and_measured__say_which_are_which_and_how_old() -> None:
    policy = replace(open_(POLICY), tracking=replace(POLICY.tracking, volatilities=(Volatility(LINK, share(90)),)))
    told = resolved(policy, portfolio_in(RICH), RICH, MEASURED.volatilities[:1])
    measured = replace(MEASURED, volatilities=MEASURED.volatilities[:1])
    assert volatility_words(told, measured, NOW) == (
        "volatility of a year, given: LINK 90 %; measured from 90 days of the feeds' rounds, the newest 1 h 5 min old: "
        "WETH 60 %"
    )
    assert volatility_words(POLICY, NOTHING_MEASURED, NOW).startswith("volatility of a year, given: WETH 60 %")


def test_volatility_words__below_the_least__say_what_it_counts_as() -> None:
    policy = replace(POLICY, tracking=replace(POLICY.tracking, volatilities=(Volatility(USDC, share("0.4")),)))
    measured = replace(MEASURED, volatilities=policy.tracking.volatilities)
    assert volatility_words(policy, measured, NOW).endswith("USDC 0.4 % (counts as 1 %)")


# ---------------------------------------------------------------- drawn bands that follow it

DRAWN_AT = share(60)
FOLLOWING = replace(
    POLICY, trigger=Threshold(Drawn(tuple(replace(width, drawn_at=DRAWN_AT) for width in WIDTHS), Back.HALF))
)
"""Bands of 5 points, and of 2.5 for LINK."""


@pytest.mark.parametrize(
    ("seen", "weth", "link"),
    [
        ("60", "5", "2.5"),
        ("90", "7.5", "3.75"),
        ("120", "10", "5"),
        ("299", "10", "5"),
        ("30", "2.5", "1.25"),
        ("1", "2.5", "1.25"),
    ],
)
def test_resolved__of_bands_that_follow_volatility__are_half_to_twice_as_wide(seen: str, weth: str, link: str) -> None:
    measured = [Volatility(token, share(seen)) for token in ASSETS]
    trigger = resolved(FOLLOWING, portfolio_in(RICH), RICH, measured).trigger
    assert isinstance(trigger, Threshold) and isinstance(trigger.bands, Known)
    found = {band.token: band for band in trigger.bands.bands}
    assert (found[WETH].trigger, found[LINK].trigger) == (share(weth), share(link))
    assert found[WETH].back == share(weth) // 2


def test_resolved__of_bands_of_which_one_follows__leaves_the_others() -> None:
    widths = tuple(replace(width, drawn_at=DRAWN_AT if width.token == LINK else None) for width in WIDTHS)
    policy = replace(POLICY, trigger=Threshold(Drawn(widths, Back.TARGET)))
    assert followed(policy) == to_measure(policy) == measurable(policy) == (LINK,)
    told = resolved(policy, portfolio_in(RICH), RICH, [Volatility(LINK, share(90))])
    plain = bands_of(POLICY, portfolio_in(RICH))
    for address, band in bands_of(told, portfolio_in(RICH)).items():
        assert band.trigger == (share("3.75") if address == LINK.address else plain[address].trigger)
    # What the owners give counts for the cost of drift as before.
    assert told.tracking == policy.tracking


def test_resolved__of_a_band_that_follows_what_is_not_measured__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="the band of WETH follows a volatility that is not measured yet: wait until"):
        resolved(FOLLOWING, portfolio_in(RICH), RICH, ())


def test_to_measure__of_bands_that_follow__is_all_of_them_though_all_are_given() -> None:
    assert to_measure(FOLLOWING) == measurable(FOLLOWING) == ASSETS and not_given(FOLLOWING) == ()
    assert followed(replace(FOLLOWING, trigger=Calendar(60))) == followed(POLICY) == ()


def test_volatility_words__of_given_volatilities_and_bands_that_follow__say_both() -> None:
    told = resolved(FOLLOWING, portfolio_in(RICH), RICH, [Volatility(token, share(90)) for token in ASSETS])
    measured = replace(MEASURED, volatilities=tuple(Volatility(token, share(90)) for token in ASSETS))
    said = volatility_words(told, measured, NOW)
    assert "given: WETH 60 %" in said and "old: WETH 90 %" in said
