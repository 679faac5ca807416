"""Quotes from outside: what was asked and what was answered in, the rule that an answer breaks out.

Nothing that a venue says of itself is believed. What its calldata does is what we read in it ourselves (`Terms`), where
it goes and whom it lets pull is what the owners have listed, and what it pays is what our own simulation measures.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from rebalancer.core.model import Breach, Order, Quote, QuoteRequest, Simulated, Terms, Trade, WholeTerms
from rebalancer.core.order_rules import order_breaches
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, Bps, Token, mul_div_up

MOST_GAS = 5_000_000
"""Of one swap: routes over dozens of pools use two."""
MOST_CALLDATA = 32 * 1_024
"""Bytes of one swap."""
SAYS_TOLERANCE = Bps(50)
"""How much less than it says a venue may pay in our simulation: pools move in the seconds between the two blocks."""

Breaches = Iterator[Breach]


def answer_breaches(
    requests: Sequence[QuoteRequest], quotes: Sequence[Quote], routers: Collection[Address]
) -> tuple[Breach, ...]:
    """All that is wrong with an answer, one quote for each request, whether each has its own call or all have one."""
    pairs = tuple(zip(requests, quotes, strict=True))
    if not any(isinstance(quote.terms, WholeTerms) for quote in quotes):
        return tuple(breach for request, quote in pairs for breach in quote_breaches(request, quote, routers))
    each = (breach for request, quote in pairs for breach in _said_breaches(request, quote, routers))
    return (*dict.fromkeys(each), *whole_breaches(requests, quotes))


def quote_breaches(request: QuoteRequest, quote: Quote, routers: Collection[Address]) -> tuple[Breach, ...]:
    """All that is wrong with a quote before anything is simulated. `routers`: the venue's own, as they are listed."""
    said = _said_breaches(request, quote, routers)
    if isinstance(quote.terms, Order):
        return (*said, *order_breaches(request, quote, quote.terms))
    return (*said, *terms_breaches(request, quote))


def _said_breaches(request: QuoteRequest, quote: Quote, routers: Collection[Address]) -> Breaches:
    yield from same_trade(request.trade, quote)
    yield from listed_router(quote, routers)
    yield from known_size(quote)
    yield from says_enough(request.trade, quote)


def same_trade(asked: Trade, quote: Quote) -> Breaches:
    """It answers what was asked."""
    if quote.trade != asked or quote.expected.token.address != asked.buy.address:
        observed = f"{amount(quote.trade.sell)} for {quote.expected.token}"
        yield Breach("same_trade", observed, f"{amount(asked.sell)} for {asked.buy}")


def listed_router(quote: Quote, routers: Collection[Address]) -> Breaches:
    """The call goes to a listed router, and nobody else may pull."""
    for rule, address in (("target", quote.call.to), ("spender", quote.spender)):
        if address not in routers:
            yield Breach(rule, address, f"one of {', '.join(sorted(routers)) or 'none'}")


def known_size(quote: Quote) -> Breaches:
    """No bomb: its calldata and its gas have bounds."""
    if len(quote.call.data) > MOST_CALLDATA:
        yield Breach("calldata_length", f"{len(quote.call.data)} bytes", f"at most {MOST_CALLDATA}")
    if not 0 < quote.gas <= MOST_GAS:
        yield Breach("gas", f"{quote.gas} units", f"from 1 to {MOST_GAS}")


def says_enough(asked: Trade, quote: Quote) -> Breaches:
    """What it says it pays reaches our floor."""
    if quote.expected.raw < asked.floor.raw:
        yield Breach("below_floor", f"{amount(quote.expected)} expected", f"at least {amount(asked.floor)}")


def terms_breaches(request: QuoteRequest, quote: Quote) -> Breaches:
    """Its calldata does what was asked, for us, and no less than our floor; and nothing besides."""
    terms, asked = quote.terms, request.trade
    if not isinstance(terms, Terms):
        yield Breach("terms", "calldata that we cannot read", "a function of the router that we know")
        return
    yield from _tokens(asked, terms)
    if terms.amount_in != asked.sell.raw:
        yield Breach("amount_in", f"{terms.amount_in} base units are sold", f"{asked.sell.raw}")
    if terms.receiver != request.wallet:
        yield Breach("receiver", terms.receiver, f"the wallet {request.wallet}")
    if terms.least_out < asked.floor.raw:
        least = amount(Amount(asked.buy, terms.least_out))
        yield Breach("least_out", f"the router insists on {least} only", f"at least {amount(asked.floor)}")
    for extra in terms.extras:
        yield Breach("extras", extra, "nothing that was not asked for")


def _tokens(asked: Trade, terms: Terms) -> Breaches:
    pairs = (("token_in", terms.token_in, asked.sell.token), ("token_out", terms.token_out, asked.buy))
    for rule, found, token in pairs:
        if found != token.address:
            yield Breach(rule, found, f"{token.address} ({token})")


def whole_breaches(requests: Sequence[QuoteRequest], quotes: Sequence[Quote]) -> Breaches:
    """One call makes all trades: it pulls what they sell together, and pays the wallet their floors together."""
    terms = quotes[0].terms
    calls = {(quote.call, quote.spender, quote.terms) for quote in quotes}
    if not isinstance(terms, WholeTerms) or len(calls) > 1:
        yield Breach("terms", "several calls", "one call that makes all trades")
        return
    yield from _pulled(terms, _together(request.trade.sell for request in requests))
    yield from _promised(terms, _together(request.trade.floor for request in requests))
    for receiver in terms.receivers:
        if receiver != requests[0].wallet:
            yield Breach("receiver", receiver, f"the wallet {requests[0].wallet}")
    for extra in terms.extras:
        yield Breach("extras", extra, "nothing that was not asked for")


def _pulled(terms: WholeTerms, sold: dict[Token, int]) -> Breaches:
    yield from _same_tokens("token_in", terms.sold, sold)
    pulled = dict(terms.sold)
    for token, raw in sold.items():
        if pulled.get(token.address, raw) != raw:
            observed = f"{pulled[token.address]} base units of {token} are sold"
            yield Breach("amount_in", observed, f"{raw}")


def _promised(terms: WholeTerms, floors: dict[Token, int]) -> Breaches:
    yield from _same_tokens("token_out", terms.least, floors)
    least = dict(terms.least)
    for token, raw in floors.items():
        if least.get(token.address, raw) < raw:
            insists = amount(Amount(token, least[token.address]))
            yield Breach("least_out", f"the router insists on {insists} only", f"at least {amount(Amount(token, raw))}")


def _same_tokens(rule: str, found: Sequence[tuple[Address, int]], asked: dict[Token, int]) -> Breaches:
    """Each once: the router checks a token that stands twice against its balance twice."""
    addresses = sorted(address for address, _ in found)
    if addresses != sorted(token.address for token in asked):
        yield Breach(rule, ", ".join(addresses) or "none", ", ".join(f"{t.address} ({t})" for t in asked))


def _together(amounts: Iterable[Amount]) -> dict[Token, int]:
    summed: dict[Token, int] = {}
    for one in amounts:
        summed[one.token] = summed.get(one.token, 0) + one.raw
    return summed


def all_pay_what_they_say(quotes: Sequence[Quote], simulated: Simulated) -> Breaches:
    """See `pays_what_it_says`: of each bought token, all quotes of it together."""
    of_token = {quote.trade.buy: quote for quote in quotes}
    for token, raw in _together(quote.expected for quote in quotes).items():
        if token in of_token:
            yield from pays_what_it_says(replace(of_token[token], expected=Amount(token, raw)), simulated)


def pays_what_it_says(quote: Quote, simulated: Simulated) -> Breaches:
    """In our simulation as much arrives as the venue says, nearly."""
    arrived = next((c.raw for c in simulated.changes if c.token.address == quote.trade.buy.address), 0)
    said = quote.expected.raw
    if arrived < said and mul_div_up(said - arrived, BPS, said) > SAYS_TOLERANCE:
        paid = amount(Amount(quote.trade.buy, arrived))
        yield Breach(
            "pays_what_it_says", f"{paid} arrive in the simulation", f"the {amount(quote.expected)} that it says"
        )


def known_gas(quotes: Sequence[Quote], simulated: Simulated) -> Breaches:
    """No bomb: what is measured has the bound of what is said, whatever that was."""
    most = MOST_GAS * len(quotes)
    if simulated.gas > most:
        yield Breach("gas", f"{simulated.gas} units used in the simulation", f"at most {most}")


def in_words(breaches: Iterable[Breach]) -> str:
    """Each by its rule's name."""
    return "; ".join(f"{b.rule}: {b.observed}, expected {b.allowed}" for b in breaches)
