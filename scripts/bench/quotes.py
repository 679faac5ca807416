#!/usr/bin/env python3
"""The competition of venues outside: how long it takes beyond its slowest answer and beyond its deadline, and whether
the best that is honest is what is chosen.

Six hosts on this machine answer over real HTTP, each in 300 ms ± 200 ms. Then one of eight hangs and one answers 429.
Then 200 rounds of random answers, lies among them, are held against a reckoning of the bench's own in fractions. Exit 1
where a round is not won by the best.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "core"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "shell"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "venues"))

from given_http import Asked, Host, Play, Send, a_host, hangs, says
from given_outside import LISTED, PayingWallet, Truth, answer
from given_ports import OFF_TARGET, ports_of, state
from small_market import ATTACKER, FEES, NOW, POLICY, planned

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.venues.outside import AllOutside
from rebalancer.core.competition import Question
from rebalancer.core.cost import gas_price_now
from rebalancer.core.model import PlanRequest, Quote, QuoteRequest, Trade
from rebalancer.quoting import choose_quotes
from rebalancer.units import BPS, ONE, Address, Bps, Token

VENUES = 6
QUICKEST, SLOWEST = 0.1, 0.5
"""Seconds that a venue takes: 300 ms ± 200 ms."""
TIMED_ROUNDS = 20
LATE_ROUNDS = 10
ROUNDS = 200
PATIENCE = 1.0
"""Seconds, in the rounds with one that hangs."""

MARKET = state(*OFF_TARGET)
PLAN = planned(MARKET)
QUESTION = Question(PLAN, MARKET, FEES, NOW + 600, POLICY.limits.max_slippage)
OWN_SPREAD = Bps(12)


@dataclass
class Played:
    """A venue of the bench: one request for a price, its calldata read by itself."""

    name: str
    http: VenueHttp
    spenders: tuple[Address, ...] = (LISTED,)
    answers_whole: bool = False

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        fields = {"sell": str(request.trade.sell.raw), "buy": request.trade.buy.symbol}
        said = Fields(self.http.get("/quote", fields, end).body)
        quote = answer(request, self.name, said.amount("amount"), said.amount("gas"))
        assert quote.terms is not None
        receiver = said.address("receiver") if said.has("receiver") else request.wallet
        least = said.amount("least") if said.has("least") else request.trade.floor.raw
        return replace(quote, terms=replace(quote.terms, receiver=receiver, least_out=least))

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        raise VenueError("it answers pair by pair")


@dataclass(slots=True)
class Scene:
    """What the hosts answer in this round, by venue and bought token, and how long the slowest of them takes."""

    says: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)

    def play(self, name: str) -> Play:
        def played(asked: Asked, send: Send) -> None:
            key = (name, asked.query["buy"])
            time.sleep(self.seconds.get(key, 0.0))
            says(self.says[key])(asked, send)

        return played


@dataclass(frozen=True, slots=True)
class Offer:
    """One answer: what is said, what the simulation makes of it, and whether it breaks no rule."""

    said: dict[str, Any]
    truth: Truth
    honest: bool


def main() -> int:
    """0 where every round was won by the best that is honest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with ExitStack() as stack:
        scene = Scene()
        names = [f"venue{number}" for number in range(VENUES)]
        hosts = [stack.enter_context(a_host(scene.play(name))) for name in names]
        venues = [_venue(name, host) for name, host in zip(names, hosts, strict=True)]
        figures = _timed(venues, scene, chance)
        bad = [stack.enter_context(a_host(play)) for play in (hangs(3 * PATIENCE), says(b"slow down", 429))]
        figures |= _late([*venues, _venue("hangs", bad[0]), _venue("busy", bad[1])], scene, chance)
        figures |= _judged(venues, scene, chance, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0 if figures["best_net_chosen"] else 1


def _venue(name: str, host: Host) -> Played:
    return Played(name, VenueHttp(host.url, Manners(interval=0.0)))


# ---------------------------------------------------------------- time


def _timed(venues: Sequence[Played], scene: Scene, chance: random.Random) -> dict[str, Any]:
    """How much longer than the slowest answer alone, of a round and in the median."""
    ratios = []
    for _ in range(TIMED_ROUNDS):
        _slow(venues, scene, chance)
        wall, refusals = _asked(venues, 10.0)
        assert not refusals, refusals
        ratios.append(wall / max(scene.seconds.values()))
    return {
        "venues": len(venues),
        "requests_a_round": len(venues) * len(PLAN.trades),
        "wall_over_slowest": round(statistics.median(ratios), 3),
        "wall_over_slowest_worst": round(max(ratios), 3),
    }


def _late(venues: Sequence[Played], scene: Scene, chance: random.Random) -> dict[str, Any]:
    """How long after its deadline a round ends in which somebody hangs: the worst."""
    late = []
    for _ in range(LATE_ROUNDS):
        _slow(venues, scene, chance)
        wall, refusals = _asked(venues, PATIENCE)
        assert {name for name, _ in refusals} == {"hangs", "busy"}, refusals
        late.append(max(wall - PATIENCE, 0.0) * 1_000)
    return {"over_deadline_ms": round(max(late), 1)}


def _slow(venues: Sequence[Played], scene: Scene, chance: random.Random) -> None:
    """Each answers honestly in a time of its own."""
    for venue in venues:
        for trade in PLAN.trades:
            key = (venue.name, trade.buy.symbol)
            scene.says[key] = {"amount": str(_fair(trade, 10)), "gas": 150_000}
            scene.seconds[key] = chance.uniform(QUICKEST, SLOWEST)


def _asked(venues: Sequence[Played], patience: float) -> tuple[float, list[tuple[str, str]]]:
    """Seconds of one round, and who refused in what words."""
    requests = [QuoteRequest(trade, LISTED, LISTED, NOW + 600) for trade in PLAN.trades]
    whole = PlanRequest(PLAN, LISTED, LISTED, NOW + 600)
    outside = AllOutside(tuple(venues), patience)
    start = time.perf_counter()
    found = outside.ask(requests, whole, MARKET)
    wall = time.perf_counter() - start
    return wall, [(one.venue, str(one.said)) for one in found if not isinstance(one.said, tuple)]


# ---------------------------------------------------------------- who wins


def _judged(venues: Sequence[Played], scene: Scene, chance: random.Random, rounds: int) -> dict[str, Any]:
    """Rounds in which the batch is the best that is honest, pair by pair, and how often who won."""
    scene.seconds.clear()
    right = outsiders = lies = 0
    for _ in range(rounds):
        wallet = PayingWallet()
        offers = {(venue.name, trade.buy.symbol): _offer(trade, chance) for venue in venues for trade in PLAN.trades}
        for (name, symbol), offer in offers.items():
            trade = next(trade for trade in PLAN.trades if trade.buy.symbol == symbol)
            scene.says[name, symbol] = offer.said
            request = QuoteRequest(trade, wallet.address, wallet.operator, NOW + 600)
            wallet.truths[answer(request, name, int(offer.said["amount"])).call.data] = offer.truth
        ports = ports_of(MARKET, wallet, (FakeVenue(spread=OWN_SPREAD),))
        found = choose_quotes(replace(ports, outside=AllOutside(tuple(venues))), QUESTION)
        assert isinstance(found, tuple), found
        winners = {quote.trade.buy.symbol: quote.venue for quote in found}
        right += winners == {trade.buy.symbol: _best(trade, offers) for trade in PLAN.trades}
        outsiders += sum(winner != "fake" for winner in winners.values())
        lies += sum(not offer.honest for offer in offers.values())
    return {
        "rounds": rounds,
        "rounds_won_by_the_best": right,
        "best_net_chosen": right == rounds,
        "trades_won_outside": outsiders,
        "lies": lies,
    }


def _offer(trade: Trade, chance: random.Random) -> Offer:
    """An honest answer of a random price and gas; or one of the lies, at a price that would win."""
    gas, pays = chance.randrange(100_000, 600_000), _fair(trade, chance.randrange(0, 30))
    honest = Offer({"amount": str(pays), "gas": gas}, Truth(pays, gas), True)
    if chance.random() < 0.6:
        return honest
    best = _fair(trade, 0)
    said = {"amount": str(best), "gas": 100_000}
    truth = Truth(best, 100_000)
    return chance.choice(
        (
            Offer({**said, "receiver": ATTACKER}, truth, False),
            Offer({**said, "least": "0"}, truth, False),
            Offer({**said, "gas": 10**9}, truth, False),
            Offer(said, Truth(best * 99 // 100, 100_000), False),
            Offer(said, Truth(best, 100_000, leaves=1), False),
            Offer(said, Truth(best, 100_000, sells=2 * trade.sell.raw), False),
            Offer(said, Truth(best, 100_000, reverts="no"), False),
            # Says little gas and little loss, and takes more of both: no lie that is refused, but a bad bargain.
            Offer(said, Truth(best * 9_990 // 10_000, 4_000_000), True),
        )
    )


def _best(trade: Trade, offers: dict[tuple[str, str], Offer]) -> str:
    """Who brings the most dollars for a trade net of gas, by fractions; of equals the own router, then the first."""
    own = FakeVenue(spread=OWN_SPREAD).quote(QuoteRequest(trade, LISTED, LISTED, NOW + 600), MARKET)
    assert isinstance(own, Quote)
    nets = {"fake": _net(trade.buy, own.expected.raw, own.gas)}
    for (name, symbol), offer in offers.items():
        if symbol == trade.buy.symbol and offer.honest:
            nets[name] = _net(trade.buy, offer.truth.arrives, offer.truth.gas)
    return max(nets, key=lambda name: nets[name])


def _net(bought: Token, raw: int, gas: int) -> Fraction:
    """Dollars that a swap brings, less its gas. What is sold, and the batch's own gas, are the same for all."""
    brings = Fraction(raw * MARKET.price(bought).usd, 10**bought.decimals * ONE)
    return brings - Fraction(gas * gas_price_now(MARKET.block, FEES) * MARKET.native.usd, 10**18 * ONE)


def _fair(trade: Trade, spread: int) -> int:
    """What the oracle's price gives, less so many basis points."""
    value = MARKET.price(trade.sell.token).value_down(trade.sell.raw)
    return MARKET.price(trade.buy).amount_down(value).raw * (BPS - spread) // BPS


if __name__ == "__main__":
    sys.exit(main())
