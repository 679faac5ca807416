"""When to act: calendar, bands, both, and the hours in which it is allowed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from given_history import NEW
from given_triggers import AT_TARGET, DAY, HOUR, MONDAY, TUESDAYS, policy_with, settled, weth_at, wider, widths
from hypothesis import given
from hypothesis import strategies as st
from small_market import LINK, NOW, USDC, WBTC, WETH, portfolio_in, returning, share, snapshot_with, usd

from rebalancer.core.bands import edge_of
from rebalancer.core.model import (
    Act,
    Back,
    Calendar,
    Drawn,
    Hold,
    Hybrid,
    Portfolio,
    Target,
    Threshold,
    Trigger,
    Width,
    Window,
)
from rebalancer.core.trigger import is_open, reason_to_act
from rebalancer.units import Weight

# ---------------------------------------------------------------- calendar


def test_calendar__with_no_past__acts_at_once() -> None:
    assert isinstance(reason_to_act(policy_with(Calendar(30 * DAY)), AT_TARGET, NOW, NEW), Act)


def test_calendar__when_the_time_is_up__acts() -> None:
    answer = reason_to_act(policy_with(Calendar(30 * DAY)), AT_TARGET, NOW, settled(30 * DAY))
    assert answer == Act("the last rebalance settled 30 d ago, one is due every 30 d")


def test_calendar__a_second_before__holds_and_says_how_long() -> None:
    answer = reason_to_act(policy_with(Calendar(30 * DAY)), AT_TARGET, NOW, settled(30 * DAY - 1))
    assert answer == Hold("the last rebalance settled 29 d 23 h ago, the next is due after 30 d, in 1 s")


# ---------------------------------------------------------------- apart


@pytest.mark.parametrize("trigger", [wider("5", None), Calendar(60), TUESDAYS, Hybrid(60, wider("5", None).bands)])
def test_apart__whatever_the_trigger__holds_until_the_last_is_so_long_ago(trigger: Trigger) -> None:
    policy = replace(policy_with(trigger), apart=3 * DAY)
    assert isinstance(reason_to_act(policy, weth_at("50000"), NOW, settled(3 * DAY)), Act)
    assert reason_to_act(policy, weth_at("50000"), NOW, settled(3 * DAY - 60)) == Hold(
        "the last rebalance settled 2 d 23 h ago, and they are at least 3 d apart (trigger.apart): the next is "
        "possible in 1 min"
    )


def test_apart__with_nothing_settled__waits_for_nothing() -> None:
    policy = replace(policy_with(wider("5", None)), apart=3 * DAY)
    assert isinstance(reason_to_act(policy, weth_at("50000"), NOW, NEW), Act)


# ---------------------------------------------------------------- threshold


def test_threshold__weight_at_the_edge__holds() -> None:
    answer = reason_to_act(policy_with(wider("5", None)), weth_at("35000"), NOW, NEW)
    assert isinstance(answer, Hold)
    assert "WETH is 5 points over its target of 30 %, its band is 5 points" in answer.reason


@pytest.mark.parametrize(("dollars", "side"), [("36200", "6.2 points over"), ("23800", "6.2 points under")])
def test_threshold__weight_beyond_the_edge__acts_with_the_figures(dollars: str, side: str) -> None:
    answer = reason_to_act(policy_with(wider("5", None, WETH)), weth_at(dollars), NOW, NEW)
    assert answer == Act(f"WETH is {side} its target of 30 %, its band is 5 points")


def test_threshold__relative_band__is_a_share_of_the_target() -> None:
    policy = policy_with(wider(None, "25", WETH))
    assert isinstance(reason_to_act(policy, weth_at("37500"), NOW, NEW), Hold)
    assert isinstance(reason_to_act(policy, weth_at("37550"), NOW, NEW), Act)


@pytest.mark.parametrize(("absolute", "relative", "edge"), [("5", "25", "5"), ("8", "25", "7.5")])
def test_threshold__both_bands__takes_the_nearer_edge(absolute: str, relative: str, edge: str) -> None:
    assert edge_of(widths(absolute, relative), WETH, share(30)) == share(edge)


def test_threshold__a_relative_edge_between_two_units__is_rounded_down() -> None:
    assert edge_of((Width(WETH, None, Weight(3)),), WETH, Weight(10**18 // 2)) == 1


def test_threshold__several_tokens_out__names_the_furthest_first() -> None:
    portfolio = portfolio_in(snapshot_with(46_000, 40_000, 8_000, 6_000))
    answer = reason_to_act(policy_with(wider("5", None)), portfolio, NOW, NEW)
    assert [part.split()[0] for part in answer.reason.split("; ")] == ["WETH", "WBTC"]


def test_threshold__token_without_a_band__never_triggers() -> None:
    answer = reason_to_act(policy_with(wider("1", None, LINK)), weth_at("50000"), NOW, NEW)
    assert isinstance(answer, Hold)
    assert edge_of(widths("1", None, LINK), WBTC, share(20)) is None
    assert edge_of((Width(WBTC, None, None),), WBTC, share(20)) is None


def test_threshold__no_bands_at_all__holds_and_says_so() -> None:
    answer = reason_to_act(policy_with(Threshold(Drawn((), Back.TARGET))), weth_at("50000"), NOW, NEW)
    assert answer == Hold("no token has a band, so none can leave it")


@given(st.integers(0, 70_000))
def test_threshold__any_weight__acts_exactly_beyond_its_edge(dollars: int) -> None:
    answer = reason_to_act(policy_with(wider("5", None, WETH)), weth_at(str(dollars)), NOW, NEW)
    assert isinstance(answer, Act) == (not 25_000 <= dollars <= 35_000)


@pytest.mark.parametrize(("beyond", "acts"), [("50.99", True), ("49", False)])
def test_threshold__return_to_the_edge__acts_from_the_smallest_trade_beyond_it(beyond: str, acts: bool) -> None:
    # It aims 5 bps inside the edge: 50 USD of 100,000 that move besides what is beyond.
    policy = returning(Back.EDGE, widths("5", None, WETH))
    policy = replace(policy, limits=replace(policy.limits, min_trade=usd(100)))
    held = str(Decimal(35_000) + Decimal(beyond))
    assert isinstance(reason_to_act(policy, weth_at(held), NOW, NEW), Act) == acts


def test_threshold__too_little_to_trade__holds_with_the_figures() -> None:
    policy = policy_with(wider("5", None, WETH))
    policy = replace(policy, limits=replace(policy.limits, min_trade=usd(6_000)))
    answer = reason_to_act(policy, weth_at("35100"), NOW, NEW)
    assert answer == Hold(
        "too little to trade: WETH is 5.1 points over its target of 30 %, its band is 5 points; "
        "that is 5,100.00 USD, min_trade is 6,000.00 USD"
    )


@pytest.mark.parametrize(("dust", "acts"), [("0.01", False), ("49.99", False), ("50", True), ("5000", True)])
@pytest.mark.parametrize("trigger", [wider("5", "25"), Hybrid(DAY, wider(None, "25").bands)])
def test_any_band__dust_of_a_token_to_be_rid_of__acts_only_where_it_can_be_sold(
    trigger: Trigger, dust: str, acts: bool
) -> None:
    answer = reason_to_act(policy_with(trigger), without_link(dust), NOW, NEW)
    assert isinstance(answer, Act) == acts


def test_threshold__an_absolute_band_around_zero__counts_all_that_is_to_go() -> None:
    # 5 points are 5,000 USD; a cent beyond them, all 5,000.01 are to be sold.
    policy = policy_with(wider("5", None, LINK))
    assert isinstance(reason_to_act(policy, without_link("5000"), NOW, NEW), Hold)
    assert isinstance(reason_to_act(policy, without_link("5000.01"), NOW, NEW), Act)


def without_link(dust: str) -> Portfolio:
    """40, 40 and 20 % of 100,000 USD, and so much of LINK, of which the owners want none, out of the WETH."""
    targets = (Target(WETH, share(40)), Target(USDC, share(40)), Target(WBTC, share(20)), Target(LINK, share(0)))
    return portfolio_in(snapshot_with(str(40_000 - Decimal(dust)), 40_000, 20_000, dust), targets)


# ---------------------------------------------------------------- hybrid


@pytest.mark.parametrize(
    ("dollars", "ago", "acts"),
    [
        ("36000", DAY, True),
        ("36000", DAY - 1, False),
        ("35000", DAY, False),
        ("36000", None, True),
        ("35000", None, False),
    ],
)
def test_hybrid__asks_for_both__the_time_and_the_band(dollars: str, ago: int | None, acts: bool) -> None:
    policy = policy_with(Hybrid(DAY, wider("5", None).bands))
    answer = reason_to_act(policy, weth_at(dollars), NOW, NEW if ago is None else settled(ago))
    assert isinstance(answer, Act) == acts


# ---------------------------------------------------------------- the wallet and the window


def test_any_trigger__of_an_empty_wallet__holds() -> None:
    empty = portfolio_in(snapshot_with(0, 0, 0, 0))
    answer = reason_to_act(policy_with(Calendar(DAY)), empty, NOW, NEW)
    assert answer == Hold("the wallet holds nothing of value: there is nothing to rebalance")


WORKING_HOURS = Window(frozenset(range(5)), 8 * HOUR, 16 * HOUR)
NIGHT_FROM_FRIDAY = Window(frozenset({4}), 22 * HOUR, 4 * HOUR)


@pytest.mark.parametrize(
    ("window", "day", "second", "opened"),
    [
        (WORKING_HOURS, 0, 8 * HOUR - 1, False),
        (WORKING_HOURS, 0, 8 * HOUR, True),
        (WORKING_HOURS, 0, 16 * HOUR - 1, True),
        (WORKING_HOURS, 0, 16 * HOUR, False),
        (WORKING_HOURS, 4, 12 * HOUR, True),
        (WORKING_HOURS, 5, 12 * HOUR, False),
        (NIGHT_FROM_FRIDAY, 4, 22 * HOUR - 1, False),
        (NIGHT_FROM_FRIDAY, 4, 22 * HOUR, True),
        (NIGHT_FROM_FRIDAY, 4, 3 * HOUR, False),
        (NIGHT_FROM_FRIDAY, 5, 4 * HOUR - 1, True),
        (NIGHT_FROM_FRIDAY, 5, 4 * HOUR, False),
        (NIGHT_FROM_FRIDAY, 5, 23 * HOUR, False),
        (Window(frozenset({6}), 22 * HOUR, 4 * HOUR), 0, HOUR, True),
        (Window(frozenset(range(7)), 0, DAY), 3, 0, True),
        (Window(frozenset(range(7)), 0, DAY), 3, DAY - 1, True),
        (Window(frozenset(range(7)), HOUR, HOUR), 3, HOUR, False),
    ],
)
def test_window__at_its_edges__is_open_or_not(window: Window, day: int, second: int, opened: bool) -> None:
    assert is_open(window, MONDAY + day * DAY + second) == opened


def test_window__closed__holds_and_says_when_it_opens() -> None:
    policy = policy_with(Calendar(DAY), WORKING_HOURS)
    answer = reason_to_act(policy, AT_TARGET, MONDAY + 6 * DAY + 11_520, NEW)
    assert answer == Hold(
        "outside the trading window: it is Sunday 03:12 UTC, open Monday, Tuesday, Wednesday, Thursday, Friday "
        "from 08:00 to 16:00 UTC"
    )


def test_window__open__leaves_it_to_the_trigger() -> None:
    policy = policy_with(Calendar(DAY), WORKING_HOURS)
    assert isinstance(reason_to_act(policy, AT_TARGET, MONDAY + 9 * HOUR, NEW), Act)


def test_edge_of__a_token_of_another_address__is_none() -> None:
    assert edge_of((Width(USDC, share(1), None),), replace(USDC, address=WETH.address), share(40)) is None
