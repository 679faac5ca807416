"""What everybody would answer now, played from memory: nothing is sent or recorded, whatever comes of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_outside import PayingWallet, PlayedOutside, answer
from given_ports import OFF_TARGET, ON_TARGET, past_of, ports_of, rows, state
from small_market import LINK, POLICY, USDC, WETH, off_pool

from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.asking import ask_for_plan, ask_for_trade
from rebalancer.core.competition import OWN, TOGETHER
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Held, Planned, Quote, QuoteRequest, Refusal, Snapshot
from rebalancer.ports import Ports
from rebalancer.units import BPS, Amount, Bps

TEN_LINK = Amount(LINK, 10 * 10**18)


def pays(request: QuoteRequest) -> Quote:
    """Ninety basis points over the floor."""
    return answer(request, "cheap", request.trade.floor.raw * (BPS + 90) // BPS)


def street(market: Snapshot, *own: FakeVenue) -> Ports:
    """One venue beside the own router."""
    ports = ports_of(market, PayingWallet(), own or (FakeVenue(spread=Bps(30)),))
    return replace(ports, outside=PlayedOutside(cheap=pays))


def names(ports: Ports, wanted: Amount = TEN_LINK) -> dict[str, str | None]:
    """Who answered to a sale for USDC, with what was wrong."""
    asked = ask_for_trade(ports, POLICY, past_of(ports), (wanted, USDC))
    assert asked.outcome is None
    return {one.venue: one.refused for one in asked.answers}


def test_plan__off_target__has_the_answers_of_a_tick_and_no_row() -> None:
    ports = street(state(*OFF_TARGET))
    asked = ask_for_plan(ports, POLICY, past_of(ports))
    assert isinstance(asked.outcome, Planned) and asked.why is not None
    assert {one.venue for one in asked.answers} == {"cheap", OWN, TOGETHER}
    assert rows(ports) == []
    again = ask_for_plan(ports, POLICY, past_of(ports))
    assert again.answers == asked.answers, "those of one round only"


def test_plan__on_target__asks_nobody() -> None:
    ports = street(state(*ON_TARGET))
    asked = ask_for_plan(ports, POLICY, past_of(ports))
    assert isinstance(asked.outcome, Held) and asked.answers == ()
    assert isinstance(ports.outside, PlayedOutside) and ports.outside.asked == []


def test_plan__with_nobody_outside__is_the_own_one_as_it_was_simulated() -> None:
    ports = ports_of(state(*OFF_TARGET))
    asked = ask_for_plan(ports, POLICY, past_of(ports))
    (own,) = asked.answers
    assert isinstance(asked.outcome, Planned)
    assert (own.venue, own.gas, own.refused) == (OWN, asked.outcome.simulation.gas, None)
    assert own.says == own.arrived and [one.token for one in own.sold] == [WETH, WETH]


def test_trade__on_target__is_answered_by_all() -> None:
    ports = street(state(*ON_TARGET))
    assert names(ports) == {OWN: None, "cheap": None, TOGETHER: None}
    assert rows(ports) == []


def test_trade__whose_floor_the_own_router_does_not_reach__has_its_reason_and_the_others() -> None:
    ports = street(state(*ON_TARGET), FakeVenue(spread=Bps(200)))
    found = names(ports)
    assert "is below the floor of" in (found[OWN] or "") and found["cheap"] is None


def test_trade__that_nobody_makes__is_a_table_of_refusals() -> None:
    nobody = PlayedOutside(silent=lambda _: Refusal("silent", "no answer within 4 s"))
    ports = replace(street(state(*ON_TARGET), FakeVenue(spread=Bps(200))), outside=nobody)
    found = names(ports)
    assert found.keys() == {OWN, "silent"} and all(found.values())


def test_trade__of_more_than_the_wallet_holds__is_refused_with_both_amounts() -> None:
    ports = street(state(*ON_TARGET))
    with pytest.raises(ConfigError, match="--sell is 1,000,000 LINK, and the wallet holds 1,000 LINK"):
        names(ports, Amount(LINK, 10**24))


def test_trade__while_prices_are_in_dispute__is_unavailable() -> None:
    ports = street(state(*ON_TARGET, pools=(off_pool(1_000),)))
    with pytest.raises(Unavailable, match="max_pool_gap"):
        names(ports, Amount(WETH, 10**18))
