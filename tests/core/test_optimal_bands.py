"""Policy, portfolio and snapshot to the distances of a block: what they follow from, and what moves them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_bands import OPTIMAL, at_gas_price
from given_history import NEW
from hypothesis import given, settings
from hypothesis import strategies as st
from small_market import (
    ASSETS,
    BLOCK,
    GWEI,
    LIMITS,
    LINK,
    POLICY,
    POOLS,
    TARGETS,
    USDC,
    WBTC,
    WETH,
    portfolio_in,
    returning,
    share,
    snapshot_with,
    v3_pool,
)

from rebalancer.core.bands import bands_of, desired_weights, outside
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Act,
    Back,
    Band,
    Calendar,
    Hold,
    Hybrid,
    Known,
    Optimal,
    Policy,
    Snapshot,
    Target,
    Threshold,
    Tracking,
    Volatility,
    Width,
)
from rebalancer.core.optimal import cheapest
from rebalancer.core.optimal_bands import LEAST_VOLATILITY, deviation_of, reckoned, resolved
from rebalancer.core.trigger import reason_to_act
from rebalancer.units import ONE, Bps, Token, Wei, Weight

RICH = snapshot_with(300_000, 400_000, 200_000, 100_000)


def known(policy: Policy, snapshot: Snapshot, *measured: Volatility) -> dict[Token, Band]:
    """The distances of a snapshot by token."""
    trigger = resolved(policy, portfolio_in(snapshot), snapshot, measured).trigger
    assert isinstance(trigger, Threshold) and isinstance(trigger.bands, Known)
    return {band.token: band for band in trigger.bands.bands}


# ---------------------------------------------------------------- what becomes known


def test_resolved__of_a_calendar__is_the_policy_itself() -> None:
    policy = replace(POLICY, trigger=Calendar(86_400))
    assert resolved(policy, portfolio_in(RICH), RICH) == policy


@pytest.mark.parametrize(("back", "stay"), [(Back.TARGET, "0"), (Back.HALF, "2.5"), (Back.EDGE, "4.95")])
def test_resolved__of_drawn_bands__are_their_edges_and_return_points(back: Back, stay: str) -> None:
    assert known(returning(back), RICH)[WETH] == Band(WETH, share(5), share(stay))


def test_resolved__of_a_hybrid__keeps_its_time() -> None:
    policy = replace(POLICY, trigger=Hybrid(3_600, Optimal(())))
    trigger = resolved(policy, portfolio_in(RICH), RICH).trigger
    assert isinstance(trigger, Hybrid) and trigger.every == 3_600 and isinstance(trigger.bands, Known)


def test_resolved__of_optimal_bands__are_the_cheapest_for_each_token() -> None:
    found = known(OPTIMAL, RICH)
    terms = {one.position.balance.token: one.terms for one in reckoned(OPTIMAL, portfolio_in(RICH), RICH)}
    assert found == {token: Band(token, *cheapest(terms[token])) for token in ASSETS}
    assert all(0 < band.back < band.trigger for band in found.values())


def test_bands_of__optimal_ones_that_nobody_has_computed__is_a_programming_error() -> None:
    with pytest.raises(ValueError, match="resolved"):
        bands_of(OPTIMAL, portfolio_in(RICH))


def test_reason_to_act__under_optimal_bands__acts_beyond_them_and_a_rebalance_ends_inside() -> None:
    band = known(OPTIMAL, RICH)[WETH]
    policy = resolved(OPTIMAL, portfolio_in(RICH), RICH)
    beyond = (band.trigger + share("0.2")) * 1_000_000 // ONE
    off = portfolio_in(snapshot_with(300_000 + beyond, 400_000 - beyond, 200_000, 100_000))
    assert isinstance(reason_to_act(policy, portfolio_in(RICH), BLOCK.timestamp, NEW), Hold)
    answer = reason_to_act(policy, off, BLOCK.timestamp, NEW)
    assert isinstance(answer, Act) and answer.reason.startswith("WETH is ")
    assert [p.balance.token for p in outside(policy, off)] == [WETH]
    assert abs(desired_weights(policy, off)[WETH.address] - share(30) - band.back) <= 1


# ---------------------------------------------------------------- what they follow from


def test_terms__of_a_token__are_the_fees_of_its_path_and_a_little_impact() -> None:
    terms = {one.position.balance.token: one.terms for one in reckoned(OPTIMAL, portfolio_in(RICH), RICH)}
    # 10,000 USD of WETH through a pool of 0.05 % with 200 million on each side; LINK goes over WETH, 0.3 % more.
    assert share("0.05") < terms[WETH].cost < share("0.06")
    assert share("0.35") < terms[LINK].cost < share("0.41")
    assert terms[USDC].cost < share("0.06"), "cash is reckoned against the largest of the others"
    # 140,000 and a swap of 120,000 at 11 gwei and 2,000 USD, of a million.
    assert terms[WETH].gas == 260_000 * 11 * GWEI * 2_000 // 10**6
    assert terms[WETH].least == share("0.05"), "5 bps: min_trade is 50 USD of a million"
    assert terms[WETH].widest == share(15)
    assert terms[WETH].deviation == share("12.6")


def test_resolved__dearer_gas__widens_every_band_and_goes_further_back() -> None:
    cheap, dear = (known(OPTIMAL, at_gas_price(RICH, gwei)) for gwei in (1, 90))
    for token in ASSETS:
        assert cheap[token].trigger < dear[token].trigger
        assert cheap[token].back * dear[token].trigger > dear[token].back * cheap[token].trigger


def test_resolved__a_larger_portfolio__pays_less_for_gas_and_goes_less_far_back() -> None:
    small = known(OPTIMAL, snapshot_with(3_000, 4_000, 2_000, 1_000))
    large = known(OPTIMAL, RICH)
    assert small[WETH].trigger > large[WETH].trigger
    assert small[WETH].back * large[WETH].trigger < large[WETH].back * small[WETH].trigger


def test_resolved__thinner_pools__widen_the_band_of_their_token() -> None:
    thin = replace(RICH, pools=(*POOLS[:3], v3_pool(LINK, WETH, 3_000, 1_000_000)))
    assert known(OPTIMAL, thin)[LINK].trigger > known(OPTIMAL, RICH)[LINK].trigger


def test_terms__no_pool_takes_the_trade__cost_the_most_that_is_allowed() -> None:
    alone = replace(RICH, pools=POOLS[:3])
    terms = {one.position.balance.token: one.terms for one in reckoned(OPTIMAL, portfolio_in(alone), alone)}
    assert terms[LINK].cost == share(1)


def test_terms__pools_read_for_less_than_the_trade__are_asked_for_a_tenth_of_it() -> None:
    # 15 million of LINK would leave the only word of ticks that was read; 1.5 million stay in it, and cost 7 %.
    pool = v3_pool(LINK, WETH, 3_000, 20_000_000)
    word = pool.tick // pool.tick_spacing >> 8
    vast = snapshot_with(450_000_000, 600_000_000, 300_000_000, 150_000_000)
    vast = replace(vast, pools=(*POOLS[:3], replace(pool, ticks=(), word_low=word, word_high=word)))
    terms = {one.position.balance.token: one.terms for one in reckoned(OPTIMAL, portfolio_in(vast), vast)}
    assert share(6) < terms[LINK].cost < share(9)


def test_resolved__widths_that_the_owners_drew__are_the_widest() -> None:
    drawn = replace(POLICY, trigger=Threshold(Optimal((Width(WETH, share(1), None), Width(LINK, None, share(90))))))
    found = known(drawn, RICH)
    assert found[WETH].trigger == share(1) and 0 < found[WETH].back < share(1)
    assert found[LINK] == known(OPTIMAL, RICH)[LINK]


@pytest.mark.parametrize("dollars", [(30, 40, 20, 10), (0, 0, 0, 0)])
def test_resolved__gas_beyond_all_worth__stops_at_half_of_the_target(dollars: tuple[int, ...]) -> None:
    found = known(replace(OPTIMAL, limits=replace(LIMITS, max_gas_price=Wei(10**6 * GWEI))), snapshot_with(*dollars))
    assert found[WETH] == Band(WETH, share(15), Weight(0))
    assert found[USDC] == Band(USDC, share(20), Weight(0))


def test_resolved__a_token_that_is_to_go__has_no_band() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    unsaid = replace(OPTIMAL, tracking=replace(OPTIMAL.tracking, volatilities=OPTIMAL.tracking.volatilities[:3]))
    policy = resolved(unsaid, portfolio_in(RICH, targets), RICH)
    assert bands_of(policy, portfolio_in(RICH, targets))[LINK.address] == Band(LINK, Weight(0), Weight(0))
    assert desired_weights(policy, portfolio_in(RICH, targets))[LINK.address] == 0


# ---------------------------------------------------------------- volatility


def test_resolved__no_volatility_of_a_token__is_unavailable_and_names_it() -> None:
    policy = replace(OPTIMAL, tracking=Tracking(ONE, OPTIMAL.tracking.volatilities[1:]))
    with pytest.raises(Unavailable, match="volatility of WETH is neither given nor measured"):
        resolved(policy, portfolio_in(RICH), RICH)


def test_resolved__a_measured_volatility__counts_where_none_is_given() -> None:
    unsaid = replace(OPTIMAL, tracking=replace(OPTIMAL.tracking, volatilities=()))
    measured = tuple(Volatility(token, share(60)) for token in ASSETS)
    assert known(unsaid, RICH, *measured) == known(OPTIMAL, RICH)
    assert known(OPTIMAL, RICH, Volatility(WETH, share(200))) == known(OPTIMAL, RICH), "what is given goes first"


def test_resolved__a_livelier_token__gets_a_wider_band() -> None:
    livelier = replace(OPTIMAL, tracking=Tracking(OPTIMAL.tracking.penalty, _all_at("120")))
    assert known(livelier, RICH)[WETH].trigger > known(OPTIMAL, RICH)[WETH].trigger


def test_resolved__a_token_that_never_moves__keeps_a_band_all_the_same() -> None:
    still = replace(OPTIMAL, tracking=Tracking(OPTIMAL.tracking.penalty, _all_at("0")))
    assert known(still, RICH)[USDC].trigger > share("0.05")
    assert deviation_of(share(50), Weight(0)) == deviation_of(share(50), LEAST_VOLATILITY) > 0


def _all_at(percent: str) -> tuple[Volatility, ...]:
    return tuple(Volatility(token, share(percent)) for token in ASSETS)


# ---------------------------------------------------------------- whatever is read


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 10**12), min_size=4, max_size=4),
    st.integers(0, 10**7),
    st.lists(st.integers(0, 10**30), min_size=4, max_size=4),
    st.integers(0, 10**60),
    st.integers(0, 10_000),
)
def test_resolved__of_any_wallet_and_market__gives_distances_in_their_limits(
    dollars: list[int], gwei: int, volatile: list[int], penalty: int, slippage: int
) -> None:
    snapshot = at_gas_price(snapshot_with(*dollars), gwei)
    volatilities = tuple(Volatility(token, Weight(v)) for token, v in zip(ASSETS, volatile, strict=True))
    policy = replace(
        OPTIMAL,
        tracking=Tracking(penalty, volatilities),
        limits=replace(LIMITS, max_slippage=Bps(slippage), max_gas_price=Wei(10**7 * GWEI)),
    )
    for target in TARGETS:
        band = known(policy, snapshot)[target.token]
        assert 0 <= band.back <= band.trigger <= target.weight // 2
