"""Matching sellers to buyers: few trades, whole exits, limits, and cash for what is left over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from small_market import ASSETS, LINK, USDC, WBTC, WETH, portfolio_in, share, snapshot_with, usd

from rebalancer.core.model import Portfolio, Target
from rebalancer.core.pairing import Grain, Leg, Pair, match_legs, wants_of
from rebalancer.units import ONE, Address, Amount, Token, Usd, Weight

GRAIN = Grain(usd(50), usd(100_000))


def targets(*percent: int) -> tuple[Target, ...]:
    return tuple(Target(token, share(part)) for token, part in zip(ASSETS, percent, strict=True))


def at_target(portfolio: Portfolio) -> dict[Address, Weight]:
    return {p.balance.token.address: p.target for p in portfolio.positions}


def legs_of(
    portfolio: Portfolio, grain: Grain = GRAIN, cash: Token | None = USDC, caps: Mapping[Pair, Usd] | None = None
) -> tuple[Leg, ...]:
    return match_legs(wants_of(portfolio, at_target(portfolio), 0, cash), grain, {}, caps or {})


def words(legs: tuple[Leg, ...]) -> list[tuple[str, str, int]]:
    """(sold, bought, whole dollars) of each leg."""
    return [(x.sell.balance.token.symbol, x.buy.balance.token.symbol, (x.value + ONE // 2) // ONE) for x in legs]


def test_match_legs__largest_first__takes_the_fewest_trades() -> None:
    portfolio = portfolio_in(snapshot_with(40_000, 45_000, 10_000, 5_000))
    assert words(legs_of(portfolio, cash=None)) == [("WETH", "WBTC", 10_000), ("USDC", "LINK", 5_000)]


def test_match_legs__cash_on_the_selling_side__sells_last() -> None:
    portfolio = portfolio_in(snapshot_with(32_000, 48_000, 14_000, 6_000))
    assert [w[0] for w in words(legs_of(portfolio))] == ["WETH", "USDC", "USDC"]


def test_match_legs__cash_on_the_buying_side__buys_last() -> None:
    portfolio = portfolio_in(snapshot_with(45_000, 30_000, 16_000, 9_000))
    assert words(legs_of(portfolio)) == [("WETH", "WBTC", 4_000), ("WETH", "LINK", 1_000), ("WETH", "USDC", 10_000)]


def test_match_legs__a_pair_capped_at_nothing__finds_other_buyers_and_closes_no_other() -> None:
    portfolio = portfolio_in(snapshot_with(45_000, 30_000, 16_000, 9_000))
    caps = {(WETH.address, WBTC.address): usd(0)}
    assert words(legs_of(portfolio, caps=caps)) == [("WETH", "LINK", 1_000), ("WETH", "USDC", 10_000)]


def test_match_legs__a_pair_capped__moves_no_more_and_the_rest_finds_other_buyers() -> None:
    portfolio = portfolio_in(snapshot_with(40_000, 30_000, 16_000, 14_000), targets(30, 45, 25, 0))
    caps = {(LINK.address, USDC.address): usd(6_000)}
    assert words(legs_of(portfolio, cash=None, caps=caps)) == [
        ("LINK", "USDC", 6_000),
        ("LINK", "WBTC", 8_000),
        ("WETH", "USDC", 9_000),
        ("WETH", "WBTC", 1_000),
    ]


def test_match_legs__a_pair_capped_above_the_largest_trade__is_cut_to_the_largest_all_the_same() -> None:
    portfolio = portfolio_in(snapshot_with(45_000, 30_000, 16_000, 9_000))
    caps = {(WETH.address, USDC.address): usd(9_000)}
    assert words(legs_of(portfolio, Grain(usd(50), usd(8_000)), caps=caps))[-1] == ("WETH", "USDC", 8_000)


def test_match_legs__below_the_smallest_trade__is_dropped_and_not_carried_over() -> None:
    portfolio = portfolio_in(snapshot_with(30_400, 40_000, 19_640, 9_960))
    assert words(legs_of(portfolio)) == [("WETH", "WBTC", 360)]
    assert words(legs_of(portfolio, Grain(usd(361), usd(100_000)))) == []


def test_match_legs__at_the_smallest_trade__is_made() -> None:
    portfolio = portfolio_in(snapshot_with(30_360, 40_000, 19_640, 10_000))
    assert words(legs_of(portfolio, Grain(usd(360), usd(100_000)))) == [("WETH", "WBTC", 360)]


def test_match_legs__above_the_largest_trade__is_cut_and_the_rest_finds_other_buyers() -> None:
    portfolio = portfolio_in(snapshot_with(60_000, 30_000, 5_000, 5_000))
    legs = words(legs_of(portfolio, Grain(usd(50), usd(8_000))))
    assert legs == [("WETH", "WBTC", 8_000), ("WETH", "LINK", 5_000), ("WETH", "USDC", 8_000)]


def test_match_legs__rates__gross_up_what_the_buyer_needs() -> None:
    portfolio = portfolio_in(snapshot_with(40_000, 40_000, 15_000, 5_000))
    rates = {(WETH.address, WBTC.address): ONE // 100, (WETH.address, LINK.address): -ONE // 100}
    wants = wants_of(portfolio, at_target(portfolio), 0, USDC)
    legs = match_legs(wants, GRAIN, rates, {})
    assert [leg.value // 10**14 for leg in legs] == [50_505_050, 49_494_949]


def test_match_legs__an_exit__sells_the_balance_to_the_last_unit() -> None:
    snapshot = snapshot_with(29_000, 40_000, 21_000, 10_000)
    odd = tuple(Amount(b.token, b.raw + 12_345_678_901) if b.token == LINK else b for b in snapshot.balances)
    portfolio = portfolio_in(replace(snapshot, balances=odd), targets(40, 40, 20, 0))
    legs = legs_of(portfolio)
    assert sum(leg.raw for leg in legs if leg.sell.balance.token == LINK) == odd[3].raw


def test_match_legs__an_exit_beside_a_larger_seller__is_served_first() -> None:
    portfolio = portfolio_in(snapshot_with(50_000, 30_000, 15_000, 5_000), targets(30, 42, 28, 0))
    assert words(legs_of(portfolio))[0] == ("LINK", "WBTC", 5_000)


def test_match_legs__an_exit_to_several_buyers__is_whole_all_the_same() -> None:
    portfolio = portfolio_in(snapshot_with(33_333, 33_333, 23_334, 10_000), targets(38, 37, 25, 0))
    legs = legs_of(portfolio)
    assert [leg.buy.balance.token for leg in legs] == [WETH, WBTC, USDC]
    assert sum(leg.raw for leg in legs) == portfolio.positions[3].balance.raw


def test_match_legs__what_an_exit_would_leave_too_small__goes_to_its_last_buyer() -> None:
    portfolio = portfolio_in(snapshot_with(30_020, 39_990, 19_990, 10_000), targets(40, 40, 20, 0))
    legs = legs_of(portfolio, cash=None)
    assert words(legs) == [("LINK", "WETH", 10_000)]
    assert legs[0].raw == portfolio.positions[3].balance.raw


def test_match_legs__an_exit_over_the_largest_trade__leaves_enough_for_the_next_one() -> None:
    portfolio = portfolio_in(snapshot_with(30_000, 40_000, 19_980, 10_020), targets(40, 40, 20, 0))
    legs = legs_of(portfolio, Grain(usd(50), usd(10_000)))
    assert words(legs) == [("LINK", "WETH", 9_920)]


def test_match_legs__an_exit_that_cannot_be_parted_well__is_sold_as_far_as_it_goes() -> None:
    portfolio = portfolio_in(snapshot_with(30_000, 40_000, 19_988, 10_012), targets(40, 40, 20, 0))
    assert words(legs_of(portfolio, Grain(usd(8_000), usd(10_000)))) == [("LINK", "WETH", 10_000)]


def test_match_legs__an_exit_a_crumb_over_the_largest_trade__never_exceeds_it() -> None:
    # The rest is below a thousandth of what is sold, and twice the smallest trade is below the rest.
    portfolio = portfolio_in(snapshot_with(30_000, 40_000, 19_992, 10_008), targets(40, 40, 20, 0))
    legs = words(legs_of(portfolio, Grain(usd(1), usd(10_000))))
    assert legs == [("LINK", "WETH", 10_000), ("LINK", "WBTC", 8)]


def test_match_legs__of_an_exit_of_dust__is_nothing() -> None:
    portfolio = portfolio_in(snapshot_with(39_951, 40_000, 20_000, 49), targets(40, 40, 20, 0))
    assert legs_of(portfolio) == ()


def test_wants_of__costs__shrink_every_goal_alike() -> None:
    portfolio = portfolio_in(snapshot_with(40_000, 40_000, 15_000, 5_000))
    wants = wants_of(portfolio, at_target(portfolio), usd(100), USDC)
    assert [w.value for w in wants.sells] == [usd(10_030)]
    assert [w.value for w in wants.buys] == [usd(4_990), usd(4_980)]


def test_wants_of__a_token_at_its_target__never_moves_for_the_costs() -> None:
    portfolio = portfolio_in(snapshot_with(40_000, 40_000, 15_000, 5_000))
    wants = wants_of(portfolio, at_target(portfolio), usd(5_000), USDC)
    assert USDC not in [w.position.balance.token for w in (*wants.sells, *wants.buys)]


def test_wants_of__gains_so_large_that_a_seller_would_buy__leave_it_alone() -> None:
    portfolio = portfolio_in(snapshot_with(30_100, 40_000, 20_000, 9_900))
    wants = wants_of(portfolio, at_target(portfolio), -usd(1_000), USDC)
    assert wants.sells == ()
    assert [w.position.balance.token for w in wants.buys] == [LINK]
