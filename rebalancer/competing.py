"""The venues outside: a plan's own quotes in, who makes which trade by what our simulation measures out.

What the own plan brings is simulated first. Whoever answers is held to that and to the rules, and then simulated alone,
at the block of the snapshot: what brings the most there, its gas paid, makes the trade, whatever was said of it. All
pairs together, the own plan and whoever answers for the whole are simulated once more, each as the batch that it would
be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rebalancer.core.competition import (
    OWN,
    TOGETHER,
    Judged,
    Pair,
    Question,
    answer_of,
    best_by_pair,
    best_whole,
    held_to,
    measured,
    pair_of,
    pairs_of,
    refused,
)
from rebalancer.core.errors import Unavailable
from rebalancer.core.guard import bought_at_least, no_allowance_left, others_not_lower, sold_at_most
from rebalancer.core.model import (
    Asked,
    Hold,
    PlanRequest,
    Quote,
    QuoteRequest,
    Refusal,
    Reverted,
    Trade,
    WholeTerms,
)
from rebalancer.core.module_guard import guard_module_batch
from rebalancer.core.module_winners import that_fit
from rebalancer.core.orders import as_if_filled, guard_placing
from rebalancer.core.quote_rules import SAYS_TOLERANCE, all_pay_what_they_say, answer_breaches, in_words, known_gas
from rebalancer.core.rest import REST, resting
from rebalancer.ports import Ports


class Competition:
    """One question, put to everybody. `own`: what needs nobody."""

    def __init__(self, ports: Ports, question: Question, own: tuple[Quote, ...] | Hold) -> None:
        self.ports, self.question = ports, question
        self.own = () if isinstance(own, Hold) else own
        self.trades = pairs_of(question.plan, question.snapshot)
        self.resting = resting(ports.ledger.ended_outside(question.snapshot.block.timestamp - REST))
        self.asked = self.trades
        """Of those outside, as much of each: see held_to."""
        self.slippage = min(question.slippage, SAYS_TOLERANCE)

    def winner(self) -> tuple[Quote, ...] | Hold:
        """The quotes of the best batch of all, by what our simulation measures."""
        mine = [self._simulated(OWN, (trade,), quotes) for trade in self.trades if (quotes := self._own_of(trade))]
        self.asked = held_to(self.trades, mine, self.slippage)
        found = self._asked()
        late = tuple({one.venue: None for one in found if one.is_void(self.ports.clock.now())})
        if late:
            # Fetched again, not sent: once.
            found = [*(one for one in found if one.venue not in late), *self._asked(late)]
            found = [self._unless_void(one) for one in found]
        # No batch has swaps and orders: an order competes where it is all of it.
        best = best_by_pair([*mine, *(one for one in found if len(self.trades) == 1 or not one.is_ordered)])
        best = that_fit(self.question.snapshot, best, mine)
        wholes = [one for one in found if one.is_whole]
        if len(best) == len(self.trades) and any(one.venue != OWN for one in best.values()):
            wholes.append(self._simulated(TOGETHER, self.trades, self._together(best)))
        if self.own:
            wholes.append(self._simulated(OWN, self.trades, self.own))
        whole = best_whole([one for one in wholes if not one.is_void(self.ports.clock.now())])
        return self._nobody(found) if whole is None else whole.quotes

    def _unless_void(self, one: Judged) -> Judged:
        void = one.net is not None and one.is_void(self.ports.clock.now())
        return refused(one.venue, one.trades, "expired: void before it could be sent", one.quotes) if void else one

    def _own_of(self, trade: Trade) -> tuple[Quote, ...]:
        return tuple(quote for quote in self.own if pair_of(quote.trade) == pair_of(trade))

    def _together(self, best: Mapping[Pair, Judged]) -> tuple[Quote, ...]:
        """Own quotes first: no call from outside is to have moved their pools."""
        kept = [quote for quote in self.own if best[pair_of(quote.trade)].venue == OWN]
        others = [quote for one in best.values() if one.venue != OWN for quote in one.quotes]
        return (*kept, *others)

    def _asked(self, only: Sequence[str] = ()) -> list[Judged]:
        """What they answer, to each pair and to the whole, each held to the rules and simulated."""
        question, wallet = self.question, self.ports.wallet
        # Nobody outside knows of our routes: each pair is one trade, as in the requests.
        plan = replace(question.plan, trades=self.asked, routes=())
        whole = PlanRequest(plan, wallet.address, wallet.operator, question.deadline, self.slippage)
        requests = [self._request(trade) for trade in self.asked]
        asked = self.ports.outside.ask(requests, whole, question.snapshot, only)
        silent: dict[str, str] = {}
        return [self._noted(self._unless_void(self._tried(one, silent))) for one in asked]

    def _tried(self, asked: Asked, silent: dict[str, str]) -> Judged:
        """What the node cannot run, or does not answer to, is out, and nobody else with it: calldata from outside can
        be made so. `silent`: whose it was, and why: nobody's calls cost that time twice.
        """
        name, trades = asked.venue, asked.trades
        if name in silent and not isinstance(asked.said, Refusal):
            return refused(name, trades, silent[name])
        try:
            return self._examined(asked)
        except Unavailable as error:
            silent[name] = f"simulation: {error}"
            return refused(name, trades, silent[name])

    def _simulated(self, name: str, trades: tuple[Trade, ...], quotes: tuple[Quote, ...]) -> Judged:
        return self._noted(self._judged(name, trades, quotes))

    def _noted(self, one: Judged) -> Judged:
        """On record from now on, whatever comes of the tick."""
        if (answer := answer_of(one)) not in self.ports.answers:
            self.ports.answers.append(answer)
        return one

    def _request(self, trade: Trade) -> QuoteRequest:
        wallet = self.ports.wallet
        return QuoteRequest(trade, wallet.address, wallet.operator, self.question.deadline, self.slippage)

    def _examined(self, asked: Asked) -> Judged:
        """An answer held to the rules, and what is left of it simulated."""
        name, trades, said = asked.venue, asked.trades, asked.said
        if isinstance(said, Refusal):
            return refused(name, trades, said.reason)
        if len(said) != len(trades):
            return refused(name, trades, f"{len(said)} quotes for {len(trades)} trades")
        if (why := self.resting.get(name)) is not None:
            return refused(name, trades, why)
        requests = [self._request(trade) for trade in trades]
        if breaches := answer_breaches(requests, said, asked.routers):
            return refused(name, trades, in_words(breaches), said)
        return self._judged(name, trades, said)

    def _judged(self, name: str, trades: tuple[Trade, ...], quotes: tuple[Quote, ...]) -> Judged:
        """What quotes bring by themselves, at the snapshot's block."""
        snapshot, wallet = self.question.snapshot, self.ports.wallet
        batch = wallet.build(quotes, snapshot, self.question.deadline)
        if by_module := guard_module_batch(snapshot, batch):
            return refused(name, trades, in_words(by_module), quotes)
        simulation = wallet.simulate(batch, snapshot)
        if isinstance(simulation, Reverted):
            return refused(name, trades, f"simulation: {simulation.reason}", quotes)
        if misplaced := guard_placing(batch, simulation):
            return refused(name, trades, in_words(misplaced), quotes)
        simulation = as_if_filled(batch, simulation)
        breaches = (
            *sold_at_most(batch, simulation),
            *bought_at_least(batch, simulation),
            *others_not_lower(batch, simulation),
            *no_allowance_left(snapshot, batch, simulation),
            *known_gas(quotes, simulation),
            *(all_pay_what_they_say(quotes, simulation) if _stands_alone(quotes) else ()),
        )
        if breaches:
            return refused(name, trades, in_words(breaches), quotes)
        return measured(name, trades, quotes, simulation, (snapshot, self.question.fees))

    def _nobody(self, found: Sequence[Judged]) -> Hold:
        said = "; ".join(f"{one.venue}: {one.refused}" for one in found if one.refused is not None)
        return Hold(f"no venue makes the whole plan: {said or 'none is configured'}")


def _stands_alone(quotes: tuple[Quote, ...]) -> bool:
    """Whether no other quote has a hand in what arrives: one that is exact in the order of a plan is so only there."""
    return len(quotes) == 1 or any(isinstance(quote.terms, WholeTerms) for quote in quotes)
