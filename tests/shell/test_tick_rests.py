"""A venue whose batch went wrong: the next ones are made without it for a day, and no liar halts the keeper alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_outside import PlayedOutside, Says, answer
from given_ports import OFF_TARGET, at, off_target_again, ports_of, state
from small_market import NOW, POLICY

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.wallets.fake import FakeWallet, failed, gone, landed
from rebalancer.core.model import Failed, Intent, Landed, Landing, Outcome, Quote, QuoteRequest, Settled
from rebalancer.core.rest import REST
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.tick import Mode
from rebalancer.units import BPS, Bps

MARKET = state(*OFF_TARGET)
LIVE = Mode(live=True, patience=0)
Ending = Callable[[Intent], Landing]


def pays(name: str, spread: int) -> Says:
    """The oracle's price less so many basis points."""

    def says(request: QuoteRequest) -> Quote:
        trade = request.trade
        value = MARKET.price(trade.sell.token).value_down(trade.sell.raw)
        return answer(request, name, MARKET.price(trade.buy).amount_down(value).raw * (BPS - spread) // BPS)

    return says


def short_by(bps: int) -> Ending:
    """Mined, and so much less arrives of all that is bought."""

    def landing(intent: Intent) -> Landing:
        found = landed(intent)
        assert isinstance(found, Landed)
        less = tuple(c if c.raw < 0 else replace(c, raw=c.raw * (BPS - bps) // BPS) for c in found.receipt.changes)
        return Landed(replace(found.receipt, changes=less))

    return landing


def keeper(*landings: Ending) -> Ports:
    """`liar` is the best of all, `honest` the next, then the own router."""
    wallet = FakeWallet(landings=[*landings, landed])
    outside = PlayedOutside(liar=pays("liar", 1), honest=pays("honest", 10))
    return replace(ports_of(MARKET, wallet, (FakeVenue(spread=Bps(30)),)), outside=outside)


def next_tick(ports: Ports) -> tuple[Ports, Outcome, set[str]]:
    """Once the last is final and the wallet has drifted anew; and whom the batch goes through."""
    ports = off_target_again(ports)
    outcome = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(ports.ledger, MemoryLedger)
    return ports, outcome, set(ports.ledger.intents[-1].venues)


@pytest.mark.parametrize("endings", [[failed], [gone, gone]], ids=["reverts in the chain", "is dropped by a relay"])
def test_tick__after_a_venues_batch_failed__goes_on_without_it_and_says_why(endings: list[Ending]) -> None:
    ports, outcome, venues = next_tick(keeper(*endings))
    assert venues == {"liar"} and isinstance(outcome, Failed) and outcome.reason.endswith("(through liar)")
    ports.answers.clear()
    ports, outcome, venues = next_tick(ports)
    assert venues == {"honest"} and isinstance(outcome, Settled)
    (why,) = {one.refused for one in ports.answers if one.venue == "liar"}
    assert why is not None and why.startswith("rests for a day: its batch 0x") and "failed: " in why


def test_tick__settled_less_than_the_tolerance_below_what_was_simulated__is_as_it_should_be() -> None:
    ports, outcome, _ = next_tick(keeper(short_by(40)))
    assert isinstance(outcome, Settled) and outcome.short is None
    assert next_tick(ports)[2] == {"liar"}


def test_tick__settled_far_below_what_was_simulated__says_so_and_goes_on_without_it() -> None:
    ports, outcome, _ = next_tick(keeper(short_by(60)))
    assert isinstance(outcome, Settled) and outcome.short is not None and "0.61 % less than" in outcome.short
    assert outcome.short.endswith("simulated (through liar)")
    assert next_tick(ports)[2] == {"honest"}


def test_tick__a_day_later__asks_it_again() -> None:
    ports, _, _ = next_tick(keeper(failed))
    assert isinstance(ports.ledger, MemoryLedger)
    ended_at = ports.ledger.intents[-1].created_at + 12
    for seconds, expected in ((REST - 1, {"honest"}), (REST, {"liar"})):
        now = ended_at + seconds
        later = at(off_target_again(ports), now - NOW)
        assert isinstance(later.chain, FakeChain)
        chain = FakeChain([replace(later.chain.read(), block=replace(later.chain.read().block, timestamp=now))])
        assert isinstance(later.wallet, FakeWallet)
        later.wallet.on_landed = chain.mine
        ports = replace(later, chain=chain)
        run_once(ports, POLICY, LIVE)
        assert isinstance(ports.ledger, MemoryLedger)
        assert set(ports.ledger.intents[-1].venues) == expected


def test_tick__two_liars_one_after_the_other__do_not_halt_the_keeper() -> None:
    ports, ends = keeper(failed, failed), []
    for _ in range(5):
        ports, outcome, venues = next_tick(ports)
        ends.append((type(outcome).__name__, venues))
    assert ends == [("Failed", {"liar"}), ("Failed", {"honest"}), *[("Settled", set())] * 3]
