"""Whatever becomes of a tick that asked venues, what they answered is on record with its row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_outside import PayingWallet, PlayedOutside, answer
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, at, ports_of, state
from small_market import POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.core.competition import OWN, TOGETHER
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Basis,
    Batch,
    Blocked,
    Heard,
    Held,
    Intent,
    Planned,
    Quote,
    QuoteRequest,
    Refusal,
    Reverted,
    Settled,
    Simulation,
    Snapshot,
)
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.tick import Mode
from rebalancer.units import BPS, Bps

MARKET = state(*OFF_TARGET)
ALL = {"cheap", "silent", OWN, TOGETHER}


def _fair(request: QuoteRequest) -> int:
    value = MARKET.price(request.trade.sell.token).value_down(request.trade.sell.raw)
    return MARKET.price(request.trade.buy).amount_down(value).raw * (BPS - 5) // BPS


def cheap(request: QuoteRequest) -> Quote:
    return answer(request, "cheap", _fair(request))


def silent(_: QuoteRequest) -> Refusal:
    return Refusal("silent", "no answer within 4 s")


def asking(market: Snapshot = MARKET, wallet: PayingWallet | None = None) -> Ports:
    """A keeper with an own router and two venues: one that pays more, and one that does not answer."""
    ports = ports_of(market, wallet or PayingWallet(), (FakeVenue(spread=Bps(30)),))
    return replace(ports, outside=PlayedOutside(cheap=cheap, silent=silent))


def recorded(ports: Ports) -> set[str]:
    """Who is on record as asked."""
    assert isinstance(ports.ledger, MemoryLedger)
    return {one.venue for _, one in ports.ledger.answers}


@pytest.mark.parametrize(("mode", "outcome"), [(LIVE, Settled), (DRY, Planned)])
def test_tick__that_traded_or_would__has_what_all_have_answered_on_record(mode: Mode, outcome: type) -> None:
    ports = asking()
    assert isinstance(run_once(ports, POLICY, mode).outcome, outcome)
    assert recorded(ports) == ALL
    now = ports.clock.now()
    assert ports.ledger.heard(("cheap", "silent")) == (
        Heard("cheap", now),
        Heard("silent", None, now, "no answer within 4 s"),
    )


def test_tick__that_holds_after_it_asked__has_the_answers_too() -> None:
    # The plan's pools are cheap, and all who would make it are dear.
    ports = replace(asking(), venues=(FakeVenue(spread=Bps(90)),), outside=PlayedOutside(silent=silent))
    modest = replace(POLICY, limits=replace(POLICY.limits, max_cost=Bps(80)))
    held = run_once(ports, modest, LIVE).outcome
    assert isinstance(held, Held) and "max_cost" in held.reason
    assert recorded(ports) == {"silent", OWN}


class Changing(PayingWallet):
    """Its node simulates so many batches, and then says that they revert, or nothing any more."""

    def __init__(self, simulations: int, then: Reverted | Unavailable) -> None:
        super().__init__()
        self.left, self.then = simulations, then

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        if self.left:
            self.left -= 1
            return super().simulate(batch, snapshot)
        if isinstance(self.then, Reverted):
            return self.then
        raise self.then


def test_tick__that_is_blocked_after_it_asked__has_the_answers_too() -> None:
    # Two pairs by two, both together and the own plan; the seventh is the batch that would be sent.
    ports = asking(wallet=Changing(6, Reverted("Too little received")))
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Blocked)
    assert recorded(ports) == ALL


class Doubted(FakeChain):
    """Another node says otherwise."""

    def confirm(self, snapshot: Snapshot) -> None:
        raise Unavailable("node.example says otherwise of block 19,000,000")


class Stolen(MemoryLedger):
    """A person halts the keeper while it thinks."""

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        raise Halt("stop")


@pytest.mark.parametrize("error", [Unavailable, Halt])
def test_tick__that_ends_in_an_error_after_it_asked__has_the_answers_beside_the_error(error: type[Exception]) -> None:
    ports = asking()
    ports = replace(ports, chain=Doubted([MARKET])) if error is Unavailable else replace(ports, ledger=Stolen())
    with pytest.raises(error):
        run_once(ports, POLICY, LIVE)
    assert [row.outcome for row in ports.ledger.history(5)] == [error.__name__]
    assert recorded(ports) == ALL


def test_tick__whose_node_falls_silent_amid_the_simulations__has_those_too_that_were_not_simulated() -> None:
    # Of the own router both pairs, then nothing any more: not of the own plan either, and that ends the tick.
    ports = asking(wallet=Changing(2, Unavailable("node.example: no answer within 10 s")))
    with pytest.raises(Unavailable, match="no answer within 10 s"):
        run_once(ports, POLICY, LIVE)
    assert isinstance(ports.ledger, MemoryLedger)
    assert [(one.venue, one.refused) for _, one in ports.ledger.answers] == [
        *[(OWN, None)] * 2,
        *[("cheap", "simulation: node.example: no answer within 10 s")] * 2,
        *[("silent", "no answer within 4 s")] * 2,
    ]


def test_tick__after_one_that_asked__records_its_own_answers_only() -> None:
    ports = asking()
    run_once(ports, POLICY, DRY)
    assert isinstance(ports.ledger, MemoryLedger)
    first = len(ports.ledger.answers)
    on_target = replace(at(ports, 60), chain=FakeChain([state(*ON_TARGET)]))
    assert isinstance(run_once(on_target, POLICY, DRY).outcome, Held)
    assert len(ports.ledger.answers) == first
    run_once(at(ports, 120), POLICY, DRY)
    assert len(ports.ledger.answers) == 2 * first
