"""Calldata from outside in a module's words: which route takes it, where it lies, and what its checker refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_market import ATTACKER, NOW, OPERATOR, USDC, WETH, usd
from small_module import FEED, HUB, MODULE, POLICY_ON_CHAIN, SAFE, WALLET_OF_MODULE, module_snapshot

from rebalancer.core.model import Breach, Call, ModuleRoute, ModuleSwap, Order, Quote, Terms, Trade, WholeTerms
from rebalancer.core.model.module import (
    MOST_DATA,
    Checker,
    CheckKind,
    FieldCheck,
    ModuleCall,
    ModulePolicy,
)
from rebalancer.core.module_books import Order as Asked
from rebalancer.core.module_calldata import Offered, call_breaches, check_breaches
from rebalancer.core.module_rules import refusals
from rebalancer.core.module_swaps import module_call
from rebalancer.units import Amount

SELECTOR = bytes.fromhex("12345678")
WORD = 32
COIN = 10**18
FLOOR = 1_990 * 10**6
TRADE = Trade(Amount(WETH, COIN), USDC, usd(2_000), Amount(USDC, FLOOR))
KINDS = (
    CheckKind.SAFE,
    CheckKind.TOKEN_IN,
    CheckKind.TOKEN_OUT,
    CheckKind.AMOUNT_IN,
    CheckKind.AT_LEAST_MIN_OUT,
    CheckKind.CONSTANT,
)
VALUES = (int(SAFE, 16), int(WETH.address, 16), int(USDC.address, 16), COIN, FLOOR, 7)
CHECKS = tuple(
    FieldCheck(kind, 4 + WORD * place, WORD, 7 if kind is CheckKind.CONSTANT else 0) for place, kind in enumerate(KINDS)
)
CHECKER = Checker(FEED, SELECTOR, 0, CHECKS)
OPAQUE = Checker(HUB, SELECTOR, 0, CHECKS[5:])
"""The same function, of which it pins the last field alone."""


def written(*values: int) -> bytes:
    return SELECTOR + b"".join(value.to_bytes(WORD, "big") for value in values)


DATA = written(*VALUES)
TERMS = Terms("swap", WETH.address, USDC.address, COIN, FLOOR, SAFE, ())
QUOTE = Quote("it", TRADE, TRADE.floor, ATTACKER, Call(ATTACKER, DATA), 100_000, None, TERMS)
"""POLICY_ON_CHAIN lists its router with a checker, as route 0."""
OFFERED = Offered(DATA, SAFE, WETH.address, USDC.address, COIN, FLOOR)
SWAP = ModuleSwap(0, 0, 1, COIN, FLOOR, len(DATA))


def with_data(data: bytes) -> Quote:
    return replace(QUOTE, call=replace(QUOTE.call, data=data))


def policy(*checkers: Checker, allow_opaque: bool = False) -> ModulePolicy:
    """One route to the same router for each."""
    routes = tuple(ModuleRoute(ATTACKER, checker.address) for checker in checkers)
    limits = replace(POLICY_ON_CHAIN.limits, allow_opaque=allow_opaque)
    return replace(POLICY_ON_CHAIN, routes=routes, limits=limits)


# ---------------------------------------------------------------- where it goes


def test_module_call__of_a_quote_from_outside__goes_by_its_routers_route_with_its_calldata() -> None:
    assert module_call((QUOTE,), POLICY_ON_CHAIN, (CHECKER,)) == ModuleCall((SWAP,), DATA)


def test_module_call__of_two_quotes_from_outside__has_their_calldata_one_after_the_other() -> None:
    longer = with_data(DATA + bytes(5))
    call = module_call((QUOTE, longer), POLICY_ON_CHAIN, (CHECKER,))
    assert isinstance(call, ModuleCall)
    assert call.data == DATA + DATA + bytes(5)
    assert [swap.path for swap in call.swaps] == [len(DATA), len(DATA) << 16 | (len(DATA) + 5)]


OTHER = replace(CHECKER, address=HUB, selector=b"\0\0\0\0")
BROKEN = replace(CHECKER, checks=(*CHECKS[:5], replace(CHECKS[5], pinned=8)))


@pytest.mark.parametrize(
    ("listed", "place"),
    [
        ((OTHER, CHECKER), 1),
        ((CHECKER, OTHER), 0),
        ((OPAQUE, CHECKER), 1),
        ((CHECKER, OPAQUE), 0),
        ((replace(BROKEN, address=MODULE), OPAQUE), 1),
        # None takes it: of the same function, so that its rules say why.
        ((OTHER, BROKEN), 1),
    ],
)
def test_module_call__with_several_checkers_of_a_router__takes_the_strictest_that_fits(
    listed: tuple[Checker, ...], place: int
) -> None:
    call = module_call((QUOTE,), policy(*listed), listed)
    assert isinstance(call, ModuleCall)
    assert call.swaps[0].route == place


def test_module_call__with_a_checker_that_says_nothing__prefers_one_that_does() -> None:
    call = module_call((QUOTE,), policy(OTHER, CHECKER), (CHECKER,))
    assert isinstance(call, ModuleCall)
    assert call.swaps[0].route == 1


# ---------------------------------------------------------------- what it has no words for

WHOLE = WholeTerms("swap", ((WETH.address, COIN),), ((USDC.address, FLOOR),), (SAFE,), ())
ORDER = Order("0x" + "00" * 56, TRADE.sell, TRADE.floor, NOW, ATTACKER, ATTACKER)


@pytest.mark.parametrize(
    ("quote", "rule", "said"),
    [
        (replace(QUOTE, terms=WHOLE), "one_call_a_trade", "it makes several trades in one call"),
        (replace(QUOTE, terms=ORDER), "made_at_once", "an order that others fill later"),
        (replace(QUOTE, call=Call(MODULE, DATA), spender=MODULE), "RebalanceModule: route", f"through {MODULE}"),
        (replace(QUOTE, spender=MODULE), "RebalanceModule: route", f"{MODULE} pulls the tokens"),
        (with_data(DATA + bytes(MOST_DATA)), "RebalanceModule: call", "the batch has 4292 bytes"),
    ],
)
def test_module_call__of_what_the_module_cannot_make__is_a_breach_by_name(quote: Quote, rule: str, said: str) -> None:
    breach = module_call((quote,), POLICY_ON_CHAIN, (CHECKER,))
    assert isinstance(breach, Breach)
    assert breach.rule == rule and said in breach.observed


# ---------------------------------------------------------------- what its checker refuses


def reasons(data: bytes, checker: Checker = CHECKER) -> list[str]:
    return [breach.rule for breach in check_breaches(checker, replace(OFFERED, data=data))]


def test_check_breaches__of_what_was_asked_for__are_none() -> None:
    assert reasons(DATA) == reasons(DATA + b"\0", CHECKER) == []
    assert reasons(written(*VALUES[:4], FLOOR + 1, 7)) == [], "more than the minimum"


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, int(ATTACKER, 16), "receiver"),
        (0, int(SAFE, 16) | 1 << 160, "receiver"),
        (1, VALUES[2], "token_in"),
        (2, VALUES[1], "token_out"),
        (3, COIN + 1, "amount_in"),
        (3, COIN - 1, "amount_in"),
        (4, FLOOR - 1, "min_out"),
        (5, 8, "constant"),
        (5, 6, "constant"),
    ],
)
def test_check_breaches__of_one_field_changed__is_its_reason(place: int, value: int, reason: str) -> None:
    values = [*VALUES]
    values[place] = value
    assert reasons(written(*values)) == [f"RouteCheck: {reason}"]


@pytest.mark.parametrize(
    ("data", "length", "reason"),
    [
        (b"", 0, "length"),
        (SELECTOR[:3], 0, "length"),
        (DATA, len(DATA) + 1, "length"),
        (DATA[:-1], 0, "length"),
        (b"\0" + DATA[1:], 0, "selector"),
    ],
)
def test_check_breaches__of_another_form__begin_with_its_reason(data: bytes, length: int, reason: str) -> None:
    assert reasons(data, replace(CHECKER, length=length))[0] == f"RouteCheck: {reason}"


def of_swap(swap: ModuleSwap, data: bytes, *listed: Checker, allow_opaque: bool = False) -> list[str]:
    found = call_breaches(policy(*listed, allow_opaque=allow_opaque), listed, swap, data, 1)
    return [breach.rule.removeprefix("RebalanceModule: ") for breach in found]


@pytest.mark.parametrize(
    ("path", "broken"),
    [
        (len(DATA), []),
        (1 << 16 | len(DATA), ["call"]),
        (len(DATA) + 1, ["call"]),
        (len(DATA) << 16, ["RouteCheck: length"]),
    ],
)
def test_call_breaches__of_where_the_calldata_lies__begin_where_it_does_not(path: int, broken: list[str]) -> None:
    assert of_swap(replace(SWAP, path=path), DATA, CHECKER) == broken


def test_call_breaches__of_an_opaque_checker__are_one_unless_the_owners_allow_it() -> None:
    assert of_swap(SWAP, DATA, OPAQUE) == ["opaque"]
    assert of_swap(SWAP, DATA, OPAQUE, allow_opaque=True) == []


def test_refusals__of_a_checker_that_does_not_say_what_it_checks__name_it() -> None:
    snapshot = module_snapshot(50_000, 30_000, 15_000, 5_000)
    asked = Asked((SWAP,), OPERATOR, NOW + 600, 7, NOW + 12, DATA)
    (breach,) = refusals(WALLET_OF_MODULE, snapshot, asked)
    assert breach.rule == "RebalanceModule: checker" and FEED in breach.observed
    assert list(refusals(replace(WALLET_OF_MODULE, checkers=(CHECKER,)), snapshot, asked)) == []
