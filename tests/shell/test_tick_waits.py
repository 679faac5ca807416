"""Ticks that wait for the market: what is asked when, what is remembered, and when it is done after all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, at, ports_of, rows, state, tick
from small_market import ASSETS, BLOCK, LINK, NOW, POLICY, TARGETS, WBTC, WETH, price_of

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.wallets.fake import FakeWallet
from rebalancer.adapters.wallets.fake import waiting as not_yet
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Block,
    Calendar,
    Delay,
    Held,
    Patience,
    Planned,
    Policy,
    Settled,
    Trend,
    Trends,
    Window,
)
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.units import Bps, Token, Usd

DAY, HOUR = 86_400, 3_600
MOST = 7 * DAY
PATIENT = replace(POLICY, patience=Patience(Delay(50, MOST), None))
"""OFF_TARGET: WETH is 15 points over, USDC 10 and LINK 5 under."""


class Trending(FixedTargets):
    """The means of tokens in percent of their prices; knows whom it was asked about."""

    def __init__(self, percent: dict[Token, int]) -> None:
        super().__init__(TARGETS)
        self.percent = percent
        self.asked: list[tuple[Token, ...]] = []
        self.refusal: Unavailable | None = None

    def trends(self, patience: Patience, tokens: Sequence[Token], block: Block) -> Trends:
        self.asked.append(tuple(tokens))
        if self.refusal is not None:
            raise self.refusal
        found = (Trend(token, Usd(price_of(token).usd * self.percent.get(token, 100) // 100), None) for token in tokens)
        return Trends(tuple(found), block.timestamp - 49 * DAY, block.timestamp)


def waiting(percent: dict[Token, int], dollars: tuple[int, ...] = OFF_TARGET) -> tuple[Ports, Trending]:
    targets = Trending(percent)
    return replace(ports_of(state(*dollars)), targets=targets), targets


def seen_at(ports: Ports, seconds: int, dollars: tuple[int, ...] = OFF_TARGET) -> Ports:
    """The same keeper, and its chain, so many seconds after NOW."""
    block = replace(BLOCK, number=BLOCK.number + seconds // 12, timestamp=NOW + seconds)
    prices = tuple(replace(price_of(token), updated_at=NOW + seconds) for token in ASSETS)
    chain = FakeChain([state(*dollars, block=block, prices=prices)])
    assert isinstance(ports.wallet, FakeWallet)
    ports.wallet.on_landed = chain.mine
    return replace(at(ports, seconds), chain=chain)


def remembered_since(ports: Ports) -> int | None:
    return ports.ledger.history(1)[0].called_since


def test_tick__that_holds__asks_for_no_trend() -> None:
    ports, targets = waiting({WETH: 50}, ON_TARGET)
    assert isinstance(tick(ports, PATIENT).outcome, Held) and targets.asked == []


def test_tick__without_patience__asks_for_no_trend() -> None:
    ports, targets = waiting({WETH: 50})
    assert isinstance(tick(ports).outcome, Settled) and targets.asked == []


def test_tick__that_would_sell_what_rises__holds_says_why_and_remembers_since_when() -> None:
    ports, targets = waiting({WETH: 50})
    report = run_once(ports, PATIENT, LIVE)
    assert isinstance(report.outcome, Held)
    assert "WETH is not sold yet: it stands 100 % over the mean of its daily prices of 50 d" in report.outcome.reason
    assert targets.asked == [(WETH, WBTC, LINK)] and remembered_since(ports) == NOW


def test_tick__that_would_buy_what_falls__trades_the_rest_and_leaves_it() -> None:
    ports, _ = waiting({LINK: 200})
    report = run_once(ports, PATIENT, LIVE)
    assert isinstance(report.outcome, Settled) and remembered_since(ports) == NOW
    moved = {fill.token for fill in report.outcome.settlement.fills if fill.raw}
    assert WETH in moved and LINK not in moved
    assert report.why is not None and "LINK is not bought yet" in report.why


def test_tick__in_a_dry_run__shows_what_would_be_traded_around() -> None:
    ports, _ = waiting({LINK: 200})
    report = tick(ports, PATIENT, DRY)
    assert isinstance(report.outcome, Planned)
    assert all(quote.trade.buy != LINK for quote in report.outcome.batch.quotes)


def test_ticks__while_it_waits__keep_the_first_time_and_do_it_when_most_is_over() -> None:
    ports, _ = waiting({WETH: 50})
    for seconds in (0, HOUR, 3 * DAY, MOST - 12):
        ports = seen_at(ports, seconds)
        assert isinstance(run_once(ports, PATIENT, LIVE).outcome, Held)
        assert remembered_since(ports) == NOW
    ports = seen_at(ports, MOST)
    report = run_once(ports, PATIENT, LIVE)
    assert isinstance(report.outcome, Settled) and report.why is not None
    assert report.why.endswith("the trend was waited for 7 d")
    assert remembered_since(ports) == NOW
    # Its trigger is asked, and no longer calls.
    run_once(seen_at(ports, MOST + HOUR, ON_TARGET), PATIENT, LIVE)
    assert remembered_since(ports) is None
    later = seen_at(ports, MOST + 2 * DAY)
    assert isinstance(run_once(later, PATIENT, LIVE).outcome, Held)
    assert remembered_since(later) == NOW + MOST + 2 * DAY, "a new time to wait"


def test_ticks__whose_trigger_stops_calling_in_between__begin_anew() -> None:
    ports, _ = waiting({WETH: 50})
    run_once(ports, PATIENT, LIVE)
    run_once(seen_at(ports, DAY, ON_TARGET), PATIENT, LIVE)
    assert remembered_since(ports) is None
    run_once(seen_at(ports, 2 * DAY), PATIENT, LIVE)
    assert remembered_since(ports) == NOW + 2 * DAY


def test_ticks__after_the_rest_has_settled__go_on_counting() -> None:
    """Else what waits would wait for ever, as long as the others are traded now and then."""
    ports, _ = waiting({LINK: 200})
    assert isinstance(run_once(ports, PATIENT, LIVE).outcome, Settled)
    again = (35_000, 40_000, 20_000, 5_000)
    for day in (2, 4, 6):
        assert isinstance(run_once(seen_at(ports, day * DAY, again), PATIENT, LIVE).outcome, Held)
        assert remembered_since(ports) == NOW
    report = run_once(seen_at(ports, MOST, again), PATIENT, LIVE)
    assert isinstance(report.outcome, Settled)
    assert LINK in {fill.token for fill in report.outcome.settlement.fills if fill.raw}


CLOSED = Window(frozenset({6}), 0, 1)


@pytest.mark.parametrize(
    ("unasked", "outcome"),
    [
        (replace(PATIENT, window=CLOSED), "held"),
        (
            replace(PATIENT, limits=replace(PATIENT.limits, max_pool_gap=Bps(-1))),
            "blocked",
        ),
    ],
    ids=["the window is closed", "prices are in dispute"],
)
def test_tick__that_does_not_ask_its_trigger__leaves_the_time_as_it_is(unasked: Policy, outcome: str) -> None:
    ports, targets = waiting({WETH: 50})
    run_once(ports, PATIENT, LIVE)
    run_once(seen_at(ports, DAY), unasked, LIVE)
    assert rows(ports)[0] == outcome and remembered_since(ports) == NOW and len(targets.asked) == 1


def test_tick__that_fails__leaves_the_time_as_it_is() -> None:
    ports, targets = waiting({WETH: 50})
    run_once(ports, PATIENT, LIVE)
    targets.refusal = Unavailable("node: too many reads")
    for seconds in (DAY, 2 * DAY):
        with pytest.raises(Unavailable, match="too many reads"):
            run_once(seen_at(ports, seconds), PATIENT, LIVE)
        assert remembered_since(ports) == NOW
    targets.refusal = None
    assert isinstance(run_once(seen_at(ports, MOST), PATIENT, LIVE).outcome, Settled)


def test_tick__that_finishes_an_open_intent__leaves_the_time_as_it_is() -> None:
    ports, _ = waiting({LINK: 200})
    ports = replace(ports, wallet=FakeWallet(landings=[not_yet]))
    for seconds in (0, HOUR):
        run_once(at(ports, seconds), PATIENT, LIVE)
        assert remembered_since(ports) == NOW
    assert rows(ports) == ["pending", "pending"]


def test_tick__of_a_calendar__trades_the_rest_once_and_what_waits_when_its_time_is_over() -> None:
    policy = replace(PATIENT, trigger=Calendar(30 * DAY), apart=DAY)
    ports, _ = waiting({LINK: 200})
    assert isinstance(run_once(ports, policy, LIVE).outcome, Settled)
    again = (35_000, 40_000, 20_000, 5_000)
    for seconds, said in ((HOUR, "at least 1 d apart"), (2 * DAY, "the rest has settled")):
        report = run_once(seen_at(ports, seconds, again), policy, LIVE)
        assert isinstance(report.outcome, Held) and said in report.outcome.reason
        assert remembered_since(ports) == NOW
    assert isinstance(run_once(seen_at(ports, MOST, again), policy, LIVE).outcome, Settled)
    report = run_once(seen_at(ports, MOST + 2 * DAY, again), policy, LIVE)
    assert isinstance(report.outcome, Held) and "is due after 30 d" in report.outcome.reason
    assert remembered_since(ports) is None
