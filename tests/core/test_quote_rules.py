"""Quotes from outside against the rules: an honest one passes them all, and each lie breaks the rule of its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small_market import ATTACKER, LINK, NOW, OPERATOR, ROUTER, USDC, WBTC, WETH, planned, simulated, snapshot_with

from rebalancer.core.model import Batch, Call, Quote, QuoteRequest, Simulated, Terms, WholeTerms
from rebalancer.core.quote_rules import (
    MOST_CALLDATA,
    MOST_GAS,
    SAYS_TOLERANCE,
    all_pay_what_they_say,
    answer_breaches,
    in_words,
    known_gas,
    pays_what_it_says,
    quote_breaches,
)
from rebalancer.units import BPS, Address, Amount

SAFE = Address("0x5afe5afE5afE5afE5afE5aFe5aFe5Afe5Afe5AfE")
MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
PLAN = planned(MARKET)
TRADE, OTHER = PLAN.trades
REQUESTS = [QuoteRequest(trade, SAFE, OPERATOR, NOW + 600) for trade in PLAN.trades]
REQUEST = REQUESTS[0]
TERMS = Terms("swap", TRADE.sell.token.address, TRADE.buy.address, TRADE.sell.raw, TRADE.floor.raw, SAFE, ())
QUOTE = Quote("it", TRADE, TRADE.floor, ROUTER, Call(ROUTER, b"\x01" * 100), 200_000, None, TERMS)
WHOLE = WholeTerms(
    "swapMulti",
    ((TRADE.sell.token.address, TRADE.sell.raw + OTHER.sell.raw),),
    tuple((trade.buy.address, trade.floor.raw) for trade in PLAN.trades),
    (SAFE, SAFE),
    (),
)
QUOTES = [replace(QUOTE, trade=trade, expected=trade.floor, terms=WHOLE) for trade in PLAN.trades]


def broken(**changes: Any) -> list[str]:
    """The rules that the honest quote breaks with these fields in the place of its own, or of its terms'."""
    of_terms = {name: value for name, value in changes.items() if name in Terms.__slots__}
    of_quote = {name: value for name, value in changes.items() if name not in of_terms}
    quote = replace(QUOTE, **({"terms": replace(TERMS, **of_terms)} | of_quote))
    return [breach.rule for breach in quote_breaches(REQUEST, quote, (ROUTER,))]


def broken_whole(quotes: list[Quote] | None = None, **changes: Any) -> list[str]:
    """The same, of an answer in which one call makes all trades."""
    terms = replace(WHOLE, **changes)
    quotes = quotes or [replace(quote, terms=terms) for quote in QUOTES]
    return [breach.rule for breach in answer_breaches(REQUESTS, quotes, (ROUTER,))]


def test_quote__that_is_honest__breaks_no_rule() -> None:
    assert TRADE.sell.token == OTHER.sell.token == WETH
    assert quote_breaches(REQUEST, QUOTE, (ROUTER,)) == ()
    assert broken(least_out=TRADE.floor.raw + 1, expected=TRADE.floor + Amount(TRADE.buy, 5)) == []
    assert answer_breaches([REQUEST], [QUOTE], (ATTACKER, ROUTER)) == ()


LIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"trade": OTHER, "expected": OTHER.floor}, ["same_trade"]),
    ({"trade": replace(TRADE, sell=TRADE.sell + Amount(WETH, 1))}, ["same_trade"]),
    ({"trade": replace(TRADE, floor=Amount(TRADE.buy, 0))}, ["same_trade"]),
    ({"expected": Amount(WBTC, TRADE.floor.raw)}, ["same_trade"]),
    ({"call": Call(ATTACKER, QUOTE.call.data)}, ["target"]),
    ({"spender": ATTACKER}, ["spender"]),
    ({"call": Call(TRADE.sell.token.address, QUOTE.call.data)}, ["target"]),
    ({"call": Call(ROUTER, bytes(MOST_CALLDATA + 1))}, ["calldata_length"]),
    ({"gas": MOST_GAS + 1}, ["gas"]),
    ({"gas": 0}, ["gas"]),
    ({"gas": -1}, ["gas"]),
    ({"expected": Amount(TRADE.buy, TRADE.floor.raw - 1)}, ["below_floor"]),
    ({"expected": Amount(TRADE.buy, 0)}, ["below_floor"]),
    ({"expected": Amount(TRADE.buy, -1)}, ["below_floor"]),
    ({"terms": None}, ["terms"]),
    ({"terms": WHOLE}, ["terms"]),
    ({"token_in": WBTC.address}, ["token_in"]),
    ({"token_out": ATTACKER}, ["token_out"]),
    ({"token_in": TRADE.buy.address, "token_out": WETH.address}, ["token_in", "token_out"]),
    ({"amount_in": TRADE.sell.raw + 1}, ["amount_in"]),
    ({"amount_in": TRADE.sell.raw - 1}, ["amount_in"]),
    ({"amount_in": 2**256 - 1}, ["amount_in"]),
    ({"receiver": ATTACKER}, ["receiver"]),
    ({"receiver": ROUTER}, ["receiver"]),
    ({"receiver": OPERATOR}, ["receiver"]),
    ({"least_out": 0}, ["least_out"]),
    ({"least_out": TRADE.floor.raw - 1}, ["least_out"]),
    ({"extras": ("a fee of 1 % for 0x…",)}, ["extras"]),
    ({"extras": ("a fee", "a permit")}, ["extras", "extras"]),
    ({"call": Call(ATTACKER, b"\x01"), "spender": ATTACKER, "receiver": ATTACKER}, ["target", "spender", "receiver"]),
]


@pytest.mark.parametrize(("lie", "rules"), LIES, ids=lambda part: ",".join(part))
def test_quote__with_one_lie__breaks_the_rule_of_its_name_only(lie: dict[str, Any], rules: list[str]) -> None:
    assert broken(**lie) == rules


@pytest.mark.parametrize("fine", [{"gas": 1}, {"gas": MOST_GAS}, {"call": Call(ROUTER, bytes(MOST_CALLDATA))}])
def test_quote__at_a_bound__breaks_nothing(fine: dict[str, Any]) -> None:
    assert broken(**fine) == []


def test_quote__where_no_router_is_listed__has_no_target() -> None:
    assert [b.rule for b in quote_breaches(REQUEST, QUOTE, ())] == ["target", "spender"]


def test_in_words__of_breaches__names_each_rule_and_what_was_seen() -> None:
    quote = replace(QUOTE, spender=ATTACKER, terms=replace(TERMS, least_out=0))
    words = in_words(quote_breaches(REQUEST, quote, (ROUTER,)))
    assert words.startswith(f"spender: {ATTACKER}, expected one of {ROUTER}; least_out: the router insists on 0")


# ---------------------------------------------------------------- one call for all trades


def test_whole__that_is_honest__breaks_no_rule() -> None:
    assert broken_whole() == []


WHOLE_LIES: list[tuple[dict[str, Any], list[str]]] = [
    ({"sold": ((WETH.address, WHOLE.sold[0][1] + 1),)}, ["amount_in"]),
    ({"sold": ((WETH.address, WHOLE.sold[0][1] - 1),)}, ["amount_in"]),
    ({"sold": ((WBTC.address, WHOLE.sold[0][1]),)}, ["token_in"]),
    ({"sold": (*WHOLE.sold, (WBTC.address, 1))}, ["token_in"]),
    ({"sold": (*WHOLE.sold, *WHOLE.sold)}, ["token_in"]),
    ({"sold": ()}, ["token_in"]),
    ({"least": WHOLE.least[:1]}, ["token_out"]),
    ({"least": (*WHOLE.least, (ATTACKER, 1))}, ["token_out"]),
    ({"least": (*WHOLE.least, WHOLE.least[0])}, ["token_out"]),
    ({"least": tuple((address, raw - 1) for address, raw in WHOLE.least)}, ["least_out", "least_out"]),
    ({"least": tuple((address, 0) for address, _ in WHOLE.least)}, ["least_out", "least_out"]),
    ({"receivers": (SAFE, ATTACKER)}, ["receiver"]),
    ({"extras": ("a referral",)}, ["extras"]),
]


@pytest.mark.parametrize(("lie", "rules"), WHOLE_LIES, ids=lambda part: ",".join(part))
def test_whole__with_one_lie__breaks_the_rule_of_its_name(lie: dict[str, Any], rules: list[str]) -> None:
    assert broken_whole(**lie) == rules


def test_whole__of_several_calls__is_none() -> None:
    other = replace(QUOTES[1], call=Call(ROUTER, b"\x02" * 100))
    assert broken_whole([QUOTES[0], other]) == ["terms"]
    assert broken_whole([QUOTES[0], replace(QUOTES[1], terms=None)]) == ["terms"]
    assert broken_whole([replace(QUOTES[0], terms=None), QUOTES[1]]) == ["terms"]


def test_whole__to_a_foreign_router__breaks_the_rule_once() -> None:
    strange = [replace(quote, call=Call(ATTACKER, b"\x01" * 100), spender=ATTACKER) for quote in QUOTES]
    assert broken_whole(strange) == ["target", "spender"]


def test_whole__with_one_output_below_its_floor__is_refused() -> None:
    low = replace(QUOTES[1], expected=Amount(OTHER.buy, OTHER.floor.raw - 1))
    assert broken_whole([QUOTES[0], low]) == ["below_floor"]


# ---------------------------------------------------------------- what the simulation says of it


def arriving(quote: Quote, raw: int) -> Simulated:
    """A simulation in which so much of what is bought arrives."""
    honest = simulated(Batch((quote,), OPERATOR, quote.call, NOW + 600))
    return replace(
        honest, changes=tuple(replace(c, raw=raw) if c.token == quote.trade.buy else c for c in honest.changes)
    )


SAID = replace(QUOTE, expected=Amount(USDC, 10**10), trade=replace(TRADE, buy=USDC))
LEAST = 10**10 * (BPS - SAYS_TOLERANCE) // BPS


@pytest.mark.parametrize("arrives", [10**10, 10**10 + 1, 2 * 10**10, LEAST])
def test_pays_what_it_says__as_much_or_nearly__breaks_nothing(arrives: int) -> None:
    assert list(pays_what_it_says(SAID, arriving(SAID, arrives))) == []


@pytest.mark.parametrize("arrives", [LEAST - 1, 9 * 10**9, 0, -1])
def test_pays_what_it_says__less__is_refused_with_both_amounts(arrives: int) -> None:
    (breach,) = pays_what_it_says(SAID, arriving(SAID, arrives))
    assert breach.rule == "pays_what_it_says" and "10000 USDC" in breach.allowed.replace(",", "")


def test_pays_what_it_says__a_token_that_was_not_measured__is_refused() -> None:
    nothing = replace(arriving(SAID, 0), changes=())
    assert [b.rule for b in pays_what_it_says(SAID, nothing)] == ["pays_what_it_says"]


def test_all_pay_what_they_say__quotes_of_one_token__count_together() -> None:
    two = (SAID, replace(SAID, expected=Amount(USDC, 10**10)))
    assert list(all_pay_what_they_say(two, arriving(SAID, 2 * 10**10))) == []
    assert [b.rule for b in all_pay_what_they_say(two, arriving(SAID, 10**10))] == ["pays_what_it_says"]


def test_all_pay_what_they_say__one_of_two_tokens_short__is_refused() -> None:
    link = replace(SAID, trade=replace(OTHER, buy=LINK), expected=Amount(LINK, 10**18))
    batch = Batch((SAID, link), OPERATOR, SAID.call, NOW + 600)
    assert list(all_pay_what_they_say((SAID, link), simulated(batch))) == []
    (breach,) = all_pay_what_they_say((SAID, link), simulated(Batch((SAID,), OPERATOR, SAID.call, NOW + 600)))
    assert "LINK" in breach.observed


@pytest.mark.parametrize(("gas", "rules"), [(1, []), (2 * MOST_GAS, []), (2 * MOST_GAS + 1, ["gas"])])
def test_known_gas__of_a_simulation__has_the_bound_of_its_quotes(gas: int, rules: list[str]) -> None:
    breaches = tuple(known_gas(QUOTES, Simulated((), (), gas)))
    assert [breach.rule for breach in breaches] == rules
    assert all("used in the simulation" in breach.observed for breach in breaches)
