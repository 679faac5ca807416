"""What waits for the market once a trigger calls, for how long, and what is done around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import NEW
from small_market import (
    ASSETS,
    LINK,
    NOW,
    POLICY,
    USDC,
    WBTC,
    WETH,
    WIDTHS,
    portfolio_in,
    price_of,
    returning,
    snapshot_with,
    usd,
)

from rebalancer.config.schedule_text import schedule
from rebalancer.core.bands import desired_weights
from rebalancer.core.model import (
    Act,
    Back,
    Calendar,
    Contributions,
    Delay,
    Drawn,
    Hold,
    Hybrid,
    Past,
    Patience,
    Policy,
    Portfolio,
    RiskBudget,
    TickRecord,
    Trend,
    Trends,
)
from rebalancer.core.patience import Waited, with_patience
from rebalancer.core.trigger import reason_called
from rebalancer.units import Bps, Token, Usd

DAY = 86_400
DELAY, BUDGET = Delay(50, 7 * DAY), RiskBudget(Bps(3_000), 30)
PATIENT = replace(POLICY, patience=Patience(DELAY, None))
CAREFUL = replace(POLICY, patience=Patience(None, BUDGET))
RISEN = portfolio_in(snapshot_with(45_000, 30_000, 20_000, 5_000))
"""WETH is 15 points over, USDC 10 and LINK 5 under."""


def trends_of(average: dict[Token, int], highest: dict[Token, int] | None = None) -> Trends:
    """Of all assets: mean and highest price in percent of the price now; 100 where nothing is said."""

    def of(token: Token, percent: dict[Token, int]) -> Usd:
        return Usd(price_of(token).usd * percent.get(token, 100) // 100)

    return Trends(tuple(Trend(token, of(token, average), of(token, highest or {})) for token in ASSETS), 1, NOW)


def since(seconds: int, settled: int | None = None) -> Past:
    """The newest tick says that the trigger has called for so long; the last rebalance settled so long ago."""
    record = TickRecord(NOW - 60, 1, "held", "", None, None, None, 1, called_since=NOW - seconds)
    return replace(NEW, recent=(record,), last_settled_at=None if settled is None else NOW - settled)


def waited(policy: Policy, trends: Trends, past: Past = NEW, portfolio: Portfolio = RISEN) -> Waited:
    act = reason_called(policy, portfolio, NOW, past)
    assert isinstance(act, Act), act
    return with_patience((policy, act), portfolio, trends, NOW, past)


def moves(found: Waited, portfolio: Portfolio = RISEN) -> dict[str, int]:
    """Hundredths of a point that each token moves by, those that do not left out."""
    desired = desired_weights(found.policy, portfolio)
    both = {p.balance.token: desired[p.balance.token.address] - p.weight for p in portfolio.positions}
    return {token.symbol: moved // 10**14 for token, moved in both.items() if abs(moved) > 10**10}


# ---------------------------------------------------------------- the trend


def test_patience__where_prices_stand_at_their_mean__changes_nothing() -> None:
    found = waited(PATIENT, trends_of({}))
    assert found == Waited(PATIENT, reason_called(PATIENT, RISEN, NOW, NEW), None)  # type: ignore[arg-type]


def test_patience__for_what_rises_and_would_be_sold__waits_and_says_why() -> None:
    found = waited(PATIENT, trends_of({WETH: 80}))
    assert found.called_since == NOW and found.policy.waits == {WETH.address}
    assert isinstance(found.reason, Hold)
    assert found.reason.reason.startswith(
        "waits: WETH is not sold yet: it stands 25 % over the mean of its daily prices of 50 d, 1,600.00 USD, for at "
        "most 7 d more; "
    )


def test_patience__for_what_falls_and_would_be_bought__trades_the_rest_around_it() -> None:
    found = waited(PATIENT, trends_of({LINK: 150}))
    assert isinstance(found.reason, Act) and found.called_since == NOW
    assert "WETH is 15 points over" in found.reason.reason
    assert "waits: LINK is not bought yet: it stands 33.33 % under" in found.reason.reason
    # WETH sells what USDC still lacks, and no more.
    assert moves(found) == {"WETH": -1_000, "USDC": 1_000}


@pytest.mark.parametrize("trends", [{WETH: 150}, {LINK: 50}, {WBTC: 150}, {USDC: 150}])
def test_patience__for_what_moves_with_the_rebalance_or_not_at_all__is_none(trends: dict[Token, int]) -> None:
    """What falls may be sold, what rises bought; WBTC is on its target, and cash never waits."""
    found = waited(PATIENT, trends_of(trends))
    assert found.called_since is None and found.policy.waits == frozenset()


@pytest.mark.parametrize(("percent", "waits"), [("99.01", False), ("99.0", True)])
def test_patience__for_a_price_within_one_percent_of_its_mean__is_none(percent: str, waits: bool) -> None:
    mean = Usd(price_of(WETH).usd * int(percent.replace(".", "").ljust(4, "0")) // 10_000)
    trends = Trends((Trend(WETH, mean, None),), 1, NOW)
    assert (waited(PATIENT, trends).called_since is not None) == waits


def test_patience__of_a_token_without_a_trend__is_none() -> None:
    assert waited(PATIENT, Trends((), 0, 0)).policy == PATIENT


@pytest.mark.parametrize(("seconds", "waits"), [(7 * DAY - 1, True), (7 * DAY, False), (30 * DAY, False)])
def test_patience__after_most__is_over_and_all_is_done(seconds: int, waits: bool) -> None:
    found = waited(PATIENT, trends_of({WETH: 80}), since(seconds))
    assert found.called_since == NOW - seconds, "until the trigger no longer calls"
    assert isinstance(found.reason, Hold) == waits
    if waits:
        assert "for at most 1 s more" in found.reason.reason
        return
    assert found.reason.reason.endswith("; the trend was waited for " + ("7 d" if seconds == 7 * DAY else "30 d"))
    assert moves(found) == {"WETH": -1_500, "USDC": 1_000, "LINK": 500}


@pytest.mark.parametrize(("days", "settled", "waits"), [(8, 1, True), (8, None, False), (7, 0, False), (30, 24, False)])
def test_patience__a_day_after_what_has_waited_was_done__begins_anew(
    days: int, settled: int | None, waits: bool
) -> None:
    """What a tick leaves over is done by the next ones, within that day."""
    past = since(days * DAY, None if settled is None else settled * DAY)
    found = waited(PATIENT, trends_of({WETH: 80}), past)
    assert isinstance(found.reason, Hold) == waits
    assert found.called_since == (NOW if waits else NOW - days * DAY)


@pytest.mark.parametrize("policy", [replace(PATIENT, trigger=Calendar(DAY)), PATIENT])
def test_patience__where_every_tick_calls__waits_again_and_again(policy: Policy) -> None:
    called: int | None = None
    settled: int | None = None
    acted = []
    for day in range(25):
        now = NOW + day * DAY
        record = TickRecord(now - DAY, 1, "held", "", None, None, None, 1, called_since=called)
        past = replace(NEW, recent=(record,), last_settled_at=settled)
        reason = reason_called(policy, RISEN, now, past)
        assert isinstance(reason, Act)
        found = with_patience((policy, reason), RISEN, trends_of({WETH: 80}), now, past)
        called = found.called_since
        if isinstance(found.reason, Act):
            acted.append(day)
            settled = now
    assert acted == [7, 15, 23]


def test_patience__once_the_price_has_crossed_its_mean__is_over_at_once() -> None:
    found = waited(PATIENT, trends_of({}), since(DAY))
    assert isinstance(found.reason, Act) and found.called_since is None


def test_patience__where_cash_goes_first__waits_for_all_that_the_whole_would_move() -> None:
    policy = replace(PATIENT, contributions=Contributions.FIRST)
    rich = portfolio_in(snapshot_with(38_000, 46_000, 10_000, 6_000))
    found = waited(policy, trends_of({WETH: 80}), portfolio=rich)
    assert found.policy.waits == {WETH.address}
    # Cash alone goes to whoever is furthest off, and would not have sold WETH anyway.
    assert isinstance(found.reason, Act) and moves(found, rich) == {"USDC": -600, "WBTC": 600}


def test_patience__where_only_small_change_is_left__holds() -> None:
    widths = tuple(replace(width, relative=None) for width in WIDTHS)
    policy = replace(PATIENT, trigger=replace(returning(Back.TARGET, widths), patience=None).trigger)
    policy = replace(policy, limits=replace(policy.limits, min_trade=usd(3_000)))
    off = portfolio_in(snapshot_with(38_000, 40_000, 20_000, 2_000))
    found = waited(policy, trends_of({WETH: 80}), portfolio=off)
    assert isinstance(found.reason, Hold)
    assert "without it there is nothing to trade (LINK is 8 points under" in found.reason.reason


NEAR = replace(returning(Back.EDGE), patience=Patience(DELAY, BUDGET))
"""Bands of 5 points, and of 2.5 for LINK; inside them nothing moves."""


def test_patience__for_what_no_rebalance_would_move__is_none() -> None:
    off = portfolio_in(snapshot_with(37_000, 38_000, 16_000, 9_000))
    found = waited(NEAR, trends_of({LINK: 150}), portfolio=off)
    assert found == Waited(NEAR, reason_called(NEAR, off, NOW, NEW), None)  # type: ignore[arg-type]
    fallen = waited(NEAR, trends_of({}, {LINK: 200}), portfolio=off)
    assert fallen.reason == found.reason and fallen.policy.waits == {LINK.address}


def test_patience__for_what_would_only_take_the_place_of_what_waits__holds_that_back_too() -> None:
    off = portfolio_in(snapshot_with(37_000, 40_000, 14_000, 9_000))
    assert moves(waited(NEAR, trends_of({}), portfolio=off), off) == {"WETH": -205, "WBTC": 205}
    assert moves(waited(NEAR, trends_of({WBTC: 150}), portfolio=off), off) == {"WETH": -100, "LINK": 100}
    both = waited(NEAR, trends_of({WBTC: 150, LINK: 150}), portfolio=off)
    assert isinstance(both.reason, Hold) and both.policy.waits == {WBTC.address, LINK.address}
    assert "LINK" not in both.reason.reason and moves(both, off) == {}


def test_patience__where_cash_alone_suffices__waits_for_what_the_whole_would_move_should_it_not_pay() -> None:
    policy = replace(PATIENT, contributions=Contributions.FIRST)
    rich = portfolio_in(snapshot_with(32_000, 46_000, 14_000, 8_000))
    found = waited(policy, trends_of({WETH: 80}), portfolio=rich)
    assert found.policy.waits == {WETH.address} and found.called_since == NOW
    whole = replace(found, policy=replace(found.policy, contributions=Contributions.IGNORE))
    assert "WETH" not in moves(whole, rich)


# ---------------------------------------------------------------- the fall


def test_budget__for_what_has_fallen_too_far__is_not_bought_however_long() -> None:
    for past in (NEW, since(300 * DAY)):
        found = waited(CAREFUL, trends_of({}, {LINK: 150}), past)
        assert isinstance(found.reason, Act) and found.called_since is None
        assert found.reason.reason.endswith(
            "; waits: LINK is not bought: it stands 33.33 % under its highest daily price of 30 d, 15.00 USD "
            "(patience.fall: 30 %)"
        )
        assert moves(found) == {"WETH": -1_000, "USDC": 1_000}


@pytest.mark.parametrize(("highest", "waits"), [(142, False), (143, True)])
def test_budget__at_its_edge__is_bought(highest: int, waits: bool) -> None:
    # 100 of 142.8 is 30 % less.
    assert (LINK.address in waited(CAREFUL, trends_of({}, {LINK: highest})).policy.waits) == waits


def test_budget__for_what_would_be_sold__does_not_wait() -> None:
    assert waited(CAREFUL, trends_of({}, {WETH: 300})).policy.waits == frozenset()


def test_budget__where_nobody_else_can_take_it__holds_and_counts_no_time() -> None:
    off = portfolio_in(snapshot_with(40_000, 40_000, 20_000, 0))
    found = waited(CAREFUL, trends_of({}, {LINK: 200}), portfolio=off)
    assert isinstance(found.reason, Hold) and found.called_since is None
    assert "LINK is not bought" in found.reason.reason and "min_trade" not in found.reason.reason


def test_both__together__each_hold_back_their_own() -> None:
    policy = replace(POLICY, patience=Patience(DELAY, BUDGET))
    found = waited(policy, trends_of({WETH: 80}, {LINK: 200}))
    assert isinstance(found.reason, Hold) and found.policy.waits == {WETH.address, LINK.address}
    late = waited(policy, trends_of({WETH: 80}, {LINK: 200}), since(8 * DAY))
    assert isinstance(late.reason, Act) and late.policy.waits == {LINK.address}
    assert moves(late) == {"WETH": -1_000, "USDC": 1_000}


# ---------------------------------------------------------------- a calendar


WEEKLY = replace(PATIENT, trigger=Calendar(7 * DAY))


def test_calendar__whose_rest_has_settled__still_waits_for_what_it_has_called_for() -> None:
    past = since(2 * DAY, settled=DAY)
    found = waited(WEEKLY, trends_of({LINK: 150}), past)
    assert isinstance(found.reason, Hold) and found.called_since == NOW - 2 * DAY
    assert found.reason.reason.endswith("; the rest has settled")


def test_calendar__when_the_wait_is_over__does_what_has_waited() -> None:
    for seconds, trends in ((7 * DAY, trends_of({LINK: 150})), (3 * DAY, trends_of({}))):
        found = waited(WEEKLY, trends, since(seconds, settled=seconds - DAY))
        assert isinstance(found.reason, Act)
        assert moves(found) == {"WETH": -1_500, "USDC": 1_000, "LINK": 500}


def test_calendar__once_that_has_settled__is_due_after_its_time_and_not_before() -> None:
    answer = reason_called(WEEKLY, RISEN, NOW, since(8 * DAY, settled=DAY))
    assert answer == Hold("the last rebalance settled 1 d ago, the next is due after 7 d, in 6 d")


def test_calendar__due_again_while_something_waits__trades_the_rest_again() -> None:
    policy = replace(WEEKLY, patience=Patience(Delay(50, 20 * DAY), None))
    found = waited(policy, trends_of({LINK: 150}), since(9 * DAY, settled=8 * DAY))
    assert "the last rebalance settled 8 d ago" in found.reason.reason


def test_schedule__whose_moment_has_passed__still_waits_for_what_it_has_called_for() -> None:
    """NOW is a Tuesday evening: Monday was due for a day."""
    policy = replace(PATIENT, trigger=Calendar(schedule("weekly Monday 14:00")))
    called = replace(since(32 * 3_600), last_settled_at=NOW - 9 * DAY)
    forgotten = replace(NEW, last_settled_at=NOW - 9 * DAY)
    assert isinstance(reason_called(policy, RISEN, NOW, forgotten), Hold)
    found = waited(policy, trends_of({WETH: 80}), called)
    assert isinstance(found.reason, Hold) and found.called_since == NOW - 32 * 3_600
    assert moves(waited(policy, trends_of({}), called)) == {"WETH": -1_500, "USDC": 1_000, "LINK": 500}


def test_hybrid__while_something_waits__looks_at_its_bands() -> None:
    policy = replace(PATIENT, trigger=Hybrid(7 * DAY, Drawn(WIDTHS, Back.TARGET)))
    past = since(2 * DAY, settled=DAY)
    found = waited(policy, trends_of({WETH: 80}), past)
    assert isinstance(found.reason, Hold) and "WETH is not sold yet" in found.reason.reason
    inside = portfolio_in(snapshot_with(31_000, 39_000, 20_000, 10_000))
    assert isinstance(reason_called(policy, inside, NOW, past), Hold)
