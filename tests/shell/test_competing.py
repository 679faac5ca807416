"""The competition: whatever is said, the batch is what our own simulation finds the best, and no liar is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from given_outside import LISTED, PayingWallet, PlayedOutside, Says, Truth, answer
from given_ports import OFF_TARGET, ports_of, state
from small_market import ATTACKER, FEES, LINK, NOW, POLICY, USDC, WETH, planned, usd

from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.core.competition import OWN, TOGETHER, Question
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Answer,
    Batch,
    Hold,
    PlanRequest,
    Quote,
    QuoteRequest,
    Refusal,
    Simulation,
    Snapshot,
    WholeTerms,
)
from rebalancer.core.quote_rules import SAYS_TOLERANCE
from rebalancer.ports import Ports, Venue
from rebalancer.quoting import choose_quotes
from rebalancer.units import BPS, Amount, Bps

MARKET = state(*OFF_TARGET)
PLAN = planned(MARKET)
QUESTION = Question(PLAN, MARKET, FEES, NOW + 600, POLICY.limits.max_slippage)
OWN_VENUE = FakeVenue(spread=Bps(30))
"""Pays the oracle's price less this."""


def fair(request: QuoteRequest, spread: int) -> int:
    """What the oracle's price gives, less so many basis points."""
    value = MARKET.price(request.trade.sell.token).value_down(request.trade.sell.raw)
    return MARKET.price(request.trade.buy).amount_down(value).raw * (BPS - spread) // BPS


def world(outside: PlayedOutside, *venues: Venue) -> tuple[Ports, PayingWallet]:
    wallet = PayingWallet()
    return replace(ports_of(MARKET, wallet, venues or (OWN_VENUE,)), outside=outside), wallet


@dataclass(frozen=True, slots=True)
class Chosen:
    """The quotes of a batch, and all answers that there were."""

    quotes: tuple[Quote, ...]
    answers: tuple[Answer, ...]


def chosen(ports: Ports) -> Chosen:
    found = choose_quotes(ports, QUESTION)
    assert isinstance(found, tuple), found
    return Chosen(found, tuple(ports.answers))


def venues_of(found: Chosen) -> dict[str, str]:
    """Who makes which trade, by the token that is bought."""
    return {quote.trade.buy.symbol: quote.venue for quote in found.quotes}


def of(found: Chosen, venue: str, bought: str = "USDC") -> Answer:
    """A venue's answer for one trade, as it is on record."""
    (one,) = (a for a in found.answers if a.venue == venue and [b.token.symbol for b in a.says] == [bought])
    return one


def pays(name: str, spread: int, gas: int = 150_000) -> Says:
    """Says what it pays."""
    return lambda request: answer(request, name, fair(request, spread), gas)


def lies(name: str, spread: int = 1, **changes: Any) -> Says:
    """An answer that would be the best, with these fields in it."""
    return lambda request: replace(answer(request, name, fair(request, spread)), **changes)


def of_terms(name: str, **changes: Any) -> Says:
    """The same, with these fields in what its calldata does."""

    def says(request: QuoteRequest) -> Quote:
        quote = answer(request, name, fair(request, 1))
        assert quote.terms is not None
        return replace(quote, terms=replace(quote.terms, **changes))

    return says


# ---------------------------------------------------------------- who wins


def test_winner__of_honest_ones__is_who_pays_the_most_for_each_pair() -> None:
    ports, _ = world(PlayedOutside(dear=pays("dear", 20), cheap=pays("cheap", 10), dearer=pays("dearer", 40)))
    found = chosen(ports)
    assert venues_of(found) == {"USDC": "cheap", "LINK": "cheap"}
    assert {a.venue for a in found.answers} == {OWN, "dear", "cheap", "dearer", TOGETHER}
    assert all(a.refused is None for a in found.answers)


def test_winner__where_nobody_is_better_than_the_own_router__is_the_own_plan() -> None:
    ports, _ = world(PlayedOutside(dear=pays("dear", 31)))
    assert venues_of(chosen(ports)) == {"USDC": "fake", "LINK": "fake"}


def test_winner__each_better_in_one_pair__is_both_and_the_own_comes_first() -> None:
    def half(request: QuoteRequest) -> Quote | Refusal:
        return pays("half", 5)(request) if request.trade.buy == LINK else Refusal("half", "no route")

    found = chosen(world(PlayedOutside(half=half))[0])
    assert [quote.venue for quote in found.quotes] == ["fake", "half"]
    assert of(found, "half", "LINK").refused is None
    (no,) = (a for a in found.answers if a.refused is not None)
    assert (no.venue, no.refused, no.net) == ("half", "no route", None)


def test_asked__where_the_own_router_was_measured__is_for_no_less_than_half_a_percent_below_it() -> None:
    seen: list[QuoteRequest] = []

    def notes(request: QuoteRequest) -> Quote:
        seen.append(request)
        return answer(request, "notes", fair(request, 10))

    asked = chosen(world(PlayedOutside(notes=notes))[0])
    for request in seen:
        (own,) = of(asked, OWN, request.trade.buy.symbol).arrived
        least = -(-own.raw * (BPS - SAYS_TOLERANCE) // BPS)
        assert request.trade.floor.raw == least > planned_floor(request).raw
        assert request.slippage == SAYS_TOLERANCE


def planned_floor(request: QuoteRequest) -> Amount:
    """Of the same trade, as it was planned."""
    (trade,) = (t for t in PLAN.trades if t.buy == request.trade.buy)
    return trade.floor


def test_winner__where_the_node_cannot_run_one_venues_calls__is_found_among_the_others() -> None:
    class Choking(PayingWallet):
        """Its node gives up on what one venue gave it."""

        def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
            if any(quote.venue == "bomb" for quote in batch.quotes):
                self.batches.append(batch)
                raise Unavailable("node.example: no answer within 10 s")
            return super().simulate(batch, snapshot)

    ports, _ = world(PlayedOutside(bomb=pays("bomb", 1), cheap=pays("cheap", 10)))
    wallet = Choking()
    found = chosen(replace(ports, wallet=wallet))
    assert venues_of(found) == {"USDC": "cheap", "LINK": "cheap"}
    why = [a.refused for a in found.answers if a.venue == "bomb"]
    assert why == ["simulation: node.example: no answer within 10 s"] * 2
    tried = [batch for batch in wallet.batches if batch.quotes[0].venue == "bomb"]
    assert len(tried) == 1, "who costs the time of a request once does not cost it again"


def test_winner__of_a_better_price_and_less_gas__is_the_net_of_both() -> None:
    # Of 5,000 dollars 4 bp are 2; a million of gas at 11 gwei and 2,000 dollars a coin is 22.
    says = {"rich": pays("rich", 10), "lean": pays("lean", 14)}
    ports, wallet = world(PlayedOutside(**says))
    for trade in PLAN.trades:
        request = QuoteRequest(trade, wallet.address, wallet.operator, NOW + 600)
        rich = says["rich"](request)
        assert isinstance(rich, Quote)
        wallet.truths[rich.call.data] = Truth(rich.expected.raw, 1_150_000)
    found = chosen(ports)
    assert venues_of(found) == {"USDC": "lean", "LINK": "lean"}
    rich_net, lean_net = of(found, "rich").net, of(found, "lean").net
    assert rich_net is not None and lean_net is not None and rich_net < lean_net
    assert of(found, "rich").gas == 1_250_000 and of(found, "rich").arrived[0].raw > of(found, "lean").arrived[0].raw


def test_winner__what_is_measured__decides_and_not_what_is_said() -> None:
    says = {"boasts": pays("boasts", 5), "modest": pays("modest", 20)}
    ports, wallet = world(PlayedOutside(**says))
    for trade in PLAN.trades:
        request = QuoteRequest(trade, wallet.address, wallet.operator, NOW + 600)
        for name, spread in (("boasts", 25), ("modest", 8)):
            quote = says[name](request)
            assert isinstance(quote, Quote)
            wallet.truths[quote.call.data] = Truth(fair(request, spread), 150_000)
    found = chosen(ports)
    assert venues_of(found) == {"USDC": "modest", "LINK": "modest"}
    assert of(found, "boasts").refused is None, "within what pools move in seconds"


def test_answers__of_all__are_on_record_with_what_was_said_simulated_and_netted() -> None:
    found = chosen(world(PlayedOutside(cheap=pays("cheap", 10)))[0])
    (trade,) = (trade for trade in PLAN.trades if trade.buy == USDC)
    one = of(found, "cheap")
    said = Amount(USDC, fair(QuoteRequest(trade, LISTED, LISTED, 0), 10))
    assert (one.sold, one.says, one.arrived, one.gas) == ((trade.sell,), (said,), (said,), 250_000)
    sold = MARKET.price(WETH).value_up(trade.sell.raw)
    assert one.net == MARKET.price(USDC).value_down(said.raw) - sold - usd("5.5")  # 250,000 units at 11 gwei


def test_winner__nobody_outside__simulates_nothing() -> None:
    wallet = PayingWallet()
    ports = ports_of(MARKET, wallet, (OWN_VENUE,))
    assert venues_of(chosen(ports)) == {"USDC": "fake", "LINK": "fake"} and wallet.batches == []


# ---------------------------------------------------------------- liars

RULES: dict[str, tuple[Says, str]] = {
    "foreign receiver": (of_terms("liar", receiver=ATTACKER), "receiver: "),
    "foreign spender": (lies("liar", spender=ATTACKER), "spender: "),
    "another token sold": (of_terms("liar", token_in=LINK.address), "token_in: "),
    "another token bought": (of_terms("liar", token_out=ATTACKER), "token_out: "),
    "another amount": (of_terms("liar", amount_in=2**255), "amount_in: "),
    "no minimum": (of_terms("liar", least_out=0), "least_out: "),
    "a fee": (of_terms("liar", extras=("a fee of 1 %",)), "extras: a fee of 1 %"),
    "unreadable": (lies("liar", terms=None), "terms: "),
    "a bomb of gas": (lies("liar", gas=10**8), "gas: "),
    "below the floor": (lambda request: answer(request, "liar", request.trade.floor.raw - 1), "below_floor: "),
    "no route": (lambda _: Refusal("liar", "it answered 404: nothing"), "it answered 404: nothing"),
}


@pytest.mark.parametrize(("says", "words"), RULES.values(), ids=RULES.keys())
def test_liar__against_the_rules__is_refused_unsimulated_and_an_honest_one_wins(says: Says, words: str) -> None:
    ports, wallet = world(PlayedOutside(liar=says, honest=pays("honest", 10)))
    found = chosen(ports)
    assert venues_of(found) == {"USDC": "honest", "LINK": "honest"}
    refusals = [a.refused or "" for a in found.answers if a.venue == "liar"]
    assert len(refusals) == 2 and all(refusal.startswith(words) for refusal in refusals)
    assert all(quote.venue != "liar" for batch in wallet.batches for quote in batch.quotes)


MEASURED: dict[str, tuple[Callable[[int], Truth], str]] = {
    "pays 10 % less": (lambda says: Truth(says * 9 // 10, 150_000), "bought_at_least: "),
    "pays nothing": (lambda _: Truth(0, 150_000), "bought_at_least: "),
    "pays a little less": (lambda says: Truth(says * 9_940 // 10_000, 150_000), "pays_what_it_says: "),
    "pulls more": (lambda says: Truth(says, 150_000, sells=10**20), "sold_at_most: "),
    "pulls another": (lambda says: Truth(says, 150_000, besides={LINK.address: -1}), "others_not_lower: "),
    "keeps an allowance": (lambda says: Truth(says, 150_000, leaves=1), "no_allowance_left: "),
    "reverts": (lambda says: Truth(says, 150_000, reverts="Too little received"), "simulation: Too little received"),
}


@pytest.mark.parametrize(("truth", "words"), MEASURED.values(), ids=MEASURED.keys())
def test_liar__in_the_simulation__is_refused_by_the_rule_and_in_no_batch_that_is_chosen(
    truth: Callable[[int], Truth], words: str
) -> None:
    liar = pays("liar", 1)
    ports, wallet = world(PlayedOutside(liar=liar, honest=pays("honest", 10)))
    (trade,) = (trade for trade in PLAN.trades if trade.buy == USDC)
    quote = liar(QuoteRequest(trade, wallet.address, wallet.operator, NOW + 600))
    assert isinstance(quote, Quote)
    wallet.truths[quote.call.data] = truth(quote.expected.raw)
    found = chosen(ports)
    assert venues_of(found) == {"USDC": "honest", "LINK": "liar"}
    assert (of(found, "liar").refused or "").startswith(words) and of(found, "liar").net is None


def test_liar__alone_without_an_own_quote__holds_with_its_refusal() -> None:
    ports, _ = world(PlayedOutside(liar=of_terms("liar", receiver=ATTACKER)))
    answered = choose_quotes(replace(ports, venues=()), QUESTION)
    assert isinstance(answered, Hold) and f"liar: receiver: {ATTACKER}" in answered.reason


# ---------------------------------------------------------------- together, whole, late


def test_winner__best_of_each_pair_that_fail_together__is_the_own_plan() -> None:
    class Narrow(PayingWallet):
        def simulate(self, batch: Any, snapshot: Any) -> Any:
            self.fails_with_more_than_one = any(quote.venue == "cheap" for quote in batch.quotes)
            return super().simulate(batch, snapshot)

    ports = replace(ports_of(MARKET, Narrow(), (OWN_VENUE,)), outside=PlayedOutside(cheap=pays("cheap", 5)))
    found = chosen(ports)
    assert venues_of(found) == {"USDC": "fake", "LINK": "fake"}
    (together,) = (a for a in found.answers if a.venue == TOGETHER)
    assert together.refused == "simulation: they are in each other's way"


def whole_of(name: str, spread: int, **changes: Any) -> Callable[[PlanRequest], tuple[Quote, ...]]:
    """All trades of a plan by one call."""

    def says(request: PlanRequest) -> tuple[Quote, ...]:
        trades = request.plan.trades
        pairs = [QuoteRequest(trade, request.wallet, request.operator, request.deadline) for trade in trades]
        quotes = [answer(pair, name, fair(pair, spread), 100_000) for pair in pairs]
        terms = WholeTerms(
            function="swapMulti",
            sold=((WETH.address, sum(trade.sell.raw for trade in trades)),),
            least=tuple((trade.buy.address, trade.floor.raw) for trade in trades),
            receivers=(request.wallet,) * len(trades),
            extras=(),
        )
        return tuple(replace(q, terms=replace(terms, **changes), call=quotes[0].call) for q in quotes)

    return says


def test_winner__who_does_the_whole_best__makes_it_all() -> None:
    outside = PlayedOutside(cheap=pays("cheap", 10))
    outside.wholes = {"whole": whole_of("whole", 5)}
    assert venues_of(chosen(world(outside)[0])) == {"USDC": "whole", "LINK": "whole"}
    outside.wholes = {"whole": whole_of("whole", 12)}
    assert venues_of(chosen(world(outside)[0])) == {"USDC": "cheap", "LINK": "cheap"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"receivers": (ATTACKER,)}, "receiver: "), ({"extras": ("a fee",)}, "extras: "), ({"sold": ()}, "token_in: ")],
)
def test_winner__a_whole_that_lies__is_refused(changes: dict[str, Any], words: str) -> None:
    outside = PlayedOutside()
    outside.wholes = {"whole": whole_of("whole", 1, **changes)}
    found = chosen(world(outside)[0])
    assert venues_of(found) == {"USDC": "fake", "LINK": "fake"}
    assert [(a.refused or "")[: len(words)] for a in found.answers if a.venue == "whole"] == [words]


def test_winner__a_whole_of_too_few_quotes__is_refused() -> None:
    outside = PlayedOutside()
    outside.wholes = {"whole": lambda request: whole_of("whole", 1)(request)[:1]}
    found = chosen(world(outside)[0])
    assert [a.refused for a in found.answers if a.venue == "whole"] == ["1 quotes for 2 trades"]


def test_winner__a_quote_that_is_void__is_fetched_again_from_its_venue_only() -> None:
    times: list[int] = []

    def slow(request: QuoteRequest) -> Quote:
        times.append(NOW)
        return lies("slow", 5, until=NOW - 1 if len(times) <= len(PLAN.trades) else NOW + 30)(request)  # type: ignore[return-value]

    outside = PlayedOutside(slow=slow, quick=pays("quick", 10))
    ports, _ = world(outside)
    found = chosen(ports)
    assert outside.asked == [(), ("slow",)]
    expired = "expired: void before it could be sent"
    assert [a.refused for a in ports.answers if a.venue == "slow"] == [expired, expired, None, None]
    assert venues_of(found) == {"USDC": "slow", "LINK": "slow"}
    assert all(quote.until == NOW + 30 for quote in found.quotes)


def test_winner__a_quote_that_is_void_again__is_refused_by_name_and_the_next_best_wins() -> None:
    outside = PlayedOutside(void=lies("void", 5, until=NOW - 1), quick=pays("quick", 10))
    found = chosen(world(outside)[0])
    assert venues_of(found) == {"USDC": "quick", "LINK": "quick"}
    assert outside.asked == [(), ("void",)]
    assert {a.refused for a in found.answers if a.venue == "void"} == {"expired: void before it could be sent"}
