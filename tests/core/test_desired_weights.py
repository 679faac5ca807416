"""Where the weights should go: targets, return points, and who evens out the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import (
    ASSETS,
    LINK,
    POLICY,
    USDC,
    WBTC,
    WETH,
    WIDTHS,
    portfolio_in,
    returning,
    share,
    snapshot_with,
)

from rebalancer.core.bands import desired_weights
from rebalancer.core.model import Back, Calendar, Policy, Target, Width
from rebalancer.units import ONE


def desired_of(policy: Policy, *dollars: int) -> list[str]:
    """Desired weights in percent, in the order of the assets."""
    desired = desired_weights(policy, portfolio_in(snapshot_with(*dollars)))
    return [f"{desired[token.address] * 100 / ONE:.6g}" for token in ASSETS]


@pytest.mark.parametrize("policy", [POLICY, replace(POLICY, trigger=Calendar(3_600))])
def test_desired_weights__return_to_the_target_or_no_bands__are_the_targets(policy: Policy) -> None:
    assert desired_of(policy, 40_000, 40_000, 15_000, 5_000) == ["30", "40", "20", "10"]


def test_desired_weights__return_to_the_edge__move_only_what_is_outside_and_to_a_little_inside() -> None:
    # Bands are 5 points, but for LINK's 2.5 (a quarter of 10 %). WETH sells 2 points and 5 bps, cash takes them.
    policy = returning(Back.EDGE)
    assert desired_of(policy, 37_000, 37_000, 17_000, 9_000) == ["34.95", "39.05", "17", "9"]


def test_desired_weights__return_half_way__stop_at_half_the_band() -> None:
    policy = returning(Back.HALF)
    assert desired_of(policy, 37_000, 36_000, 17_500, 9_500) == ["32.5", "40", "18", "9.5"]


def test_desired_weights__cash_full__the_furthest_takes_the_rest() -> None:
    policy = returning(Back.EDGE)
    assert desired_of(policy, 37_000, 40_000, 15_000, 8_000) == ["34.95", "40", "17.05", "8"]


def test_desired_weights__no_cash__the_furthest_takes_all() -> None:
    policy = replace(returning(Back.EDGE), cash=None)
    assert desired_of(policy, 37_000, 37_000, 16_500, 9_500) == ["34.95", "37", "18.55", "9.5"]


def test_desired_weights__one_token_under__others_over_give_to_it() -> None:
    policy = replace(returning(Back.EDGE), cash=None)
    assert desired_of(policy, 33_000, 43_000, 13_000, 11_000) in (
        ["30.95", "43", "15.05", "11"],
        ["33", "40.95", "15.05", "11"],
    )


def test_desired_weights__a_target_of_zero__has_no_band_to_stay_in() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    policy = returning(Back.EDGE)
    desired = desired_weights(policy, portfolio_in(snapshot_with(37_000, 39_000, 20_000, 4_000), targets))
    assert desired[LINK.address] == 0


def test_desired_weights__a_token_without_a_band__goes_to_its_target() -> None:
    policy = returning(Back.EDGE, WIDTHS[1:])
    assert desired_of(policy, 32_000, 40_000, 19_000, 9_000)[0] == "30"


@pytest.mark.parametrize(("band", "kept"), [("0.06", "30.01"), ("0.05", "30"), ("0.01", "30")])
def test_desired_weights__a_band_hardly_wider_than_the_distance_to_its_edge__stop_at_the_target(
    band: str, kept: str
) -> None:
    policy = returning(Back.EDGE, (Width(WETH, share(band), None), *WIDTHS[1:]))
    assert desired_of(policy, 32_000, 38_000, 20_000, 10_000)[0] == kept
