"""Cash above its target to the laggards, cash below it from the leaders; and when that is all there is to do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import NEW
from hypothesis import given
from hypothesis import strategies as st
from small_market import (
    ASSETS,
    LINK,
    NOW,
    POLICY,
    TARGETS,
    USDC,
    WBTC,
    WETH,
    planned,
    portfolio_in,
    returning,
    share,
    snapshot_with,
    usd,
)

from rebalancer.core.bands import cash_alone, desired_weights, outside
from rebalancer.core.contributions import poured, with_cash
from rebalancer.core.model import Act, Back, Calendar, Contributions, Hold, Policy, Target
from rebalancer.core.trigger import reason_to_act
from rebalancer.units import ONE, Address, Weight

FIRST = replace(POLICY, contributions=Contributions.FIRST)
ONLY = replace(POLICY, contributions=Contributions.ONLY)
NO_STAY = {token.address: Weight(0) for token in ASSETS}


def desired_of(policy: Policy, *dollars: int) -> list[str]:
    """Desired weights in percent, in the order of the assets: WETH, USDC (cash), WBTC, LINK."""
    return in_percent(desired_weights(policy, portfolio_in(snapshot_with(*dollars))))


def in_percent(weights: dict[Address, Weight]) -> list[str]:
    return [f"{weights[token.address] * 100 / ONE:.6g}" for token in ASSETS]


# ---------------------------------------------------------------- filling


@pytest.mark.parametrize(
    ("amount", "depths", "got"),
    [
        (0, (5, 3), (0, 0)),
        (2, (5, 3), (2, 0)),
        (4, (5, 3), (3, 1)),
        (8, (5, 3), (5, 3)),
        (9, (5, 3), (5, 3)),
        (1, (5, 5), (1, 0)),
        (5, (4, 4, 4), (2, 2, 1)),
        (7, (), ()),
        (7, (0, 0), (0, 0)),
    ],
)
def test_poured__some_amount__fills_the_deepest_to_a_common_level(
    amount: int, depths: tuple[int, ...], got: tuple[int, ...]
) -> None:
    assert poured(amount, depths) == got


@given(st.integers(0, 10**20), st.lists(st.integers(0, 10**19), max_size=8))
def test_poured__any_amount__is_spent_whole_fills_none_beyond_and_leaves_the_open_level(
    amount: int, depths: list[int]
) -> None:
    got = poured(amount, depths)
    left = [depth - one for depth, one in zip(depths, got, strict=True)]
    assert sum(got) == min(amount, sum(depths))
    assert all(0 <= one <= depth for one, depth in zip(got, depths, strict=True))
    level = max(left, default=0)
    assert all(rest >= level - 1 for rest, one in zip(left, got, strict=True) if one), "who got some is at the level"


def test_with_cash__new_money__goes_to_the_furthest_first_and_no_one_passes_its_target() -> None:
    portfolio = portfolio_in(snapshot_with(27_000, 44_000, 16_000, 13_000))
    # Of 4 points WBTC (4 short) gets 1 until it is as short as WETH, then both the same.
    assert in_percent(with_cash(portfolio, USDC, NO_STAY, sells=True)) == ["28.5", "40", "18.5", "13"]


def test_with_cash__a_withdrawal__comes_from_the_leaders_first() -> None:
    portfolio = portfolio_in(snapshot_with(33_000, 36_000, 22_000, 9_000))
    assert in_percent(with_cash(portfolio, USDC, NO_STAY, sells=True)) == ["30.5", "40", "20.5", "9"]


def test_with_cash__tokens_that_may_stay_off__gives_what_they_need_and_no_more() -> None:
    stays = {token.address: share(3) for token in ASSETS}
    portfolio = portfolio_in(snapshot_with(26_000, 43_000, 20_000, 11_000))
    # WETH is a point further off than it may stay; cash may stay where it then is.
    assert in_percent(with_cash(portfolio, USDC, stays, sells=True)) == ["27", "42", "20", "11"]


def test_with_cash__cash_that_may_not_stay__is_spent_though_nobody_needs_it() -> None:
    stays = {token.address: share(2) for token in ASSETS}
    portfolio = portfolio_in(snapshot_with(28_500, 44_500, 18_500, 8_500))
    assert in_percent(with_cash(portfolio, USDC, stays, sells=True)) == ["29.3333", "42", "19.3333", "9.33333"]


def test_with_cash__cash_on_its_target_or_none_at_all__moves_nothing() -> None:
    portfolio = portfolio_in(snapshot_with(36_000, 40_000, 14_000, 10_000))
    assert in_percent(with_cash(portfolio, USDC, NO_STAY, sells=True)) == ["36", "40", "14", "10"]
    unknown = replace(USDC, address=Address("0x" + "9" * 40))
    assert in_percent(with_cash(portfolio, unknown, NO_STAY, sells=True)) == ["36", "40", "14", "10"]


# ---------------------------------------------------------------- first


def test_first__new_money_brings_all_inside__nothing_else_is_traded() -> None:
    # WETH is 4 points over, inside its 5; WBTC 6 under, outside; cash 4 over.
    dollars = (34_000, 44_000, 14_000, 8_000)
    assert desired_of(POLICY, *dollars) == ["30", "40", "20", "10"]
    assert desired_of(FIRST, *dollars) == ["34", "40", "18", "8"]
    plan = planned(snapshot_with(*dollars), FIRST)
    assert {t.sell.token for t in plan.trades} == {USDC} and {t.buy for t in plan.trades} == {WBTC}


def test_first__a_withdrawal_brings_all_inside__comes_from_the_leaders_alone() -> None:
    assert desired_of(FIRST, 36_000, 36_000, 18_000, 10_000) == ["32", "40", "18", "10"]


def test_first__new_money_does_not_suffice__everything_is_traded() -> None:
    assert desired_of(FIRST, 36_000, 42_000, 14_000, 8_000) == ["30", "40", "20", "10"]


@pytest.mark.parametrize(("link", "alone"), [(64_500, True), (64_400, False)], ids=["5 bps inside", "4 bps"])
@pytest.mark.parametrize("back", [Back.TARGET, Back.EDGE])
def test_first__that_ends_near_an_edge__suffices_from_five_bps_inside_on(link: int, alone: bool, back: Back) -> None:
    # LINK is 3.55 under and may be 2.5; cash has 1.1 for it. A block later it would be outside again.
    policy = replace(returning(back), contributions=Contributions.FIRST)
    portfolio = portfolio_in(snapshot_with(317_000, 411_000, 272_000 - link, link))
    assert (cash_alone(policy, portfolio) is not None) == alone
    assert (desired_weights(policy, portfolio)[WETH.address] == share("31.7")) == alone, "who leads is sold, or not"


def test_first__under_a_return_point__moves_no_more_than_it_says() -> None:
    policy = replace(returning(Back.EDGE), contributions=Contributions.FIRST)
    # WBTC is 5.5 under; it comes back to 4.95 and cash stays over, inside its own band.
    assert desired_of(policy, 31_000, 44_000, 14_500, 10_500) == ["31", "43.45", "15.05", "10.5"]


def test_first__of_a_calendar_or_without_cash__changes_nothing() -> None:
    dollars = (34_000, 44_000, 14_000, 8_000)
    by_calendar = replace(FIRST, trigger=Calendar(86_400))
    assert desired_of(by_calendar, *dollars) == ["30", "40", "20", "10"]
    assert desired_of(replace(FIRST, cash=None), *dollars) == desired_of(replace(POLICY, cash=None), *dollars)


# ---------------------------------------------------------------- only


def test_only__new_money_does_not_suffice__is_spent_all_the_same_and_nothing_is_sold() -> None:
    assert desired_of(ONLY, 36_000, 42_000, 14_000, 8_000) == ["36", "40", "16", "8"]


def test_only__cash_on_its_target__holds_and_says_why() -> None:
    portfolio = portfolio_in(snapshot_with(36_000, 40_000, 14_000, 10_000))
    answer = reason_to_act(ONLY, portfolio, NOW, NEW)
    assert isinstance(answer, Hold)
    assert "WETH is 6 points over its target of 30 %" in answer.reason
    assert answer.reason.endswith(
        "contributions: only sells no asset, it buys with new money: of USDC 0.00 USD above its target can be spent, "
        "min_trade is 50.00 USD"
    )


def test_only__after_a_withdrawal__sells_nothing_and_waits_for_new_money() -> None:
    # All but cash have risen, or somebody took cash: who sells nothing cannot tell, and need not.
    dollars = (36_000, 32_000, 24_000, 8_000)
    assert desired_of(ONLY, *dollars) == ["36", "32", "24", "8"]
    answer = reason_to_act(ONLY, portfolio_in(snapshot_with(*dollars)), NOW, NEW)
    assert isinstance(answer, Hold) and "of USDC 0.00 USD above its target can be spent" in answer.reason


def test_only__a_token_to_be_rid_of__stays() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    portfolio = portfolio_in(snapshot_with(30_000, 44_000, 20_000, 6_000), targets)
    assert desired_weights(ONLY, portfolio)[LINK.address] == share(6)
    assert desired_weights(ONLY, portfolio)[WETH.address] == share(34)


def test_only__with_new_money_and_leaders__plans_purchases_alone() -> None:
    plan = planned(snapshot_with(36_000, 42_000, 14_000, 8_000), ONLY)
    assert {trade.sell.token for trade in plan.trades} == {USDC}
    assert {trade.buy for trade in plan.trades} <= {WBTC, LINK}


def test_only__of_a_calendar_that_is_due__acts_where_there_is_cash_and_holds_where_there_is_none() -> None:
    policy = replace(ONLY, trigger=Calendar(86_400))
    some, none = (
        portfolio_in(snapshot_with(30_000, cash, 100_000 - 40_000 - cash, 10_000)) for cash in (41_000, 40_000)
    )
    assert isinstance(reason_to_act(policy, some, NOW, NEW), Act)
    assert isinstance(reason_to_act(policy, none, NOW, NEW), Hold)


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=4).filter(any))
def test_only__of_any_wallet__sells_nothing_but_cash_and_that_towards_its_target(dollars: list[int]) -> None:
    portfolio = portfolio_in(snapshot_with(*dollars))
    desired = desired_weights(ONLY, portfolio)
    moves = {p.balance.token: desired[p.balance.token.address] - p.weight for p in portfolio.positions}
    assert sum(moves.values()) == 0
    assert moves[USDC] <= 0 and all(move >= 0 for token, move in moves.items() if token != USDC)
    for p in portfolio.positions:
        move = moves[p.balance.token]
        assert move * p.drift <= 0 and abs(move) <= abs(p.drift), "towards its target, and not past it"


@given(
    st.lists(st.integers(0, 10**6), min_size=4, max_size=4).filter(any),
    st.sampled_from(Back),
)
def test_first__of_any_wallet__trades_cash_alone_only_where_all_then_is_well_inside(
    dollars: list[int], back: Back
) -> None:
    policy = replace(returning(back), contributions=Contributions.FIRST)
    portfolio = portfolio_in(snapshot_with(*dollars))
    desired, all_back = desired_weights(policy, portfolio), desired_weights(returning(back), portfolio)
    if desired != all_back:
        drifts = {t.token.address: desired[t.token.address] - t.weight for t in TARGETS}
        widths = {WETH: share(5), USDC: share(5), WBTC: share(5), LINK: share("2.5")}
        least = ONE * 50 * ONE // max(portfolio.value, 1)
        for token, width in widths.items():
            inside = width - share("0.05")
            stay = {Back.TARGET: 0, Back.HALF: width // 2, Back.EDGE: inside}[back]
            # What is to be moved by less than the smallest trade is not outside.
            assert abs(drifts[token.address]) <= max(inside, stay + least) + 2


def test_first__a_token_to_be_rid_of__is_still_sold() -> None:
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    portfolio = portfolio_in(snapshot_with(38_000, 42_000, 19_000, 1_000), targets)
    assert desired_weights(FIRST, portfolio)[LINK.address] == 0
    assert [p.balance.token for p in outside(FIRST, portfolio)] == [LINK]
    assert usd(1_000) >= FIRST.limits.min_trade
