"""Quotes in, what a RebalanceModule is asked for out: its swaps, and the calldata of those that come from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from rebalancer.core.model.batch import Breach
from rebalancer.core.model.module import MOST_DATA, NOBODY, Checker, ModuleCall, ModulePolicy, ModuleSwap
from rebalancer.core.model.quotes import Order, Quote, Terms, WholeTerms
from rebalancer.core.module_books import breach
from rebalancer.core.module_calldata import Offered, best_route, part_word, routes_to
from rebalancer.core.module_paths import path_of
from rebalancer.units import Address


def module_call(quotes: Sequence[Quote], policy: ModulePolicy, checkers: Sequence[Checker] = ()) -> ModuleCall | Breach:
    """The swaps of a batch, in its order, each with its trade's floor as the minimum. `checkers`: see ModuleWallet.

    A Breach, under the name of the module's rule, for the first quote that the module has no words for.
    """
    swaps, data = list[ModuleSwap](), b""
    for quote in quotes:
        swap = _swap(quote, policy, checkers, len(data))
        if isinstance(swap, Breach):
            return swap
        swaps.append(swap)
        if isinstance(quote.terms, Terms):
            data += quote.call.data
    if len(data) > MOST_DATA:
        # The chain says no word: its function takes no more.
        return breach("call", f"the batch has {len(data)} bytes of calldata from outside", f"at most {MOST_DATA}")
    return ModuleCall(tuple(swaps), data)


def _swap(quote: Quote, policy: ModulePolicy, checkers: Sequence[Checker], start: int) -> ModuleSwap | Breach:
    sell, buy = quote.trade.sell, quote.trade.buy
    assets = [asset.token for asset in policy.assets]
    strange = [token.symbol for token in (sell.token, buy) if token.address not in assets]
    if strange:
        return breach("tokens", f"{_name(quote)} trades {', '.join(strange)}", "assets of the module")
    match quote.terms:
        case None:
            way = _built(quote, policy)
        case Terms():
            way = _checked(quote, policy, checkers, start)
        case WholeTerms():
            return Breach(
                "one_call_a_trade", f"{quote.venue} makes several trades in one call", "a call for each trade"
            )
        case Order():
            allowed = "swaps that are made at once, for the module to look at what they did"
            return Breach("made_at_once", f"{_name(quote)} is an order that others fill later", allowed)
        case other:
            assert_never(other)
    if isinstance(way, Breach):
        return way
    route, path = way
    places = assets.index(sell.token.address), assets.index(buy.address)
    return ModuleSwap(route, *places, sell.raw, quote.trade.floor.raw, path)


def _built(quote: Quote, policy: ModulePolicy) -> tuple[int, int] | Breach:
    """The place of a route whose calls the module builds, and the path in a word."""
    built = (n for n, route in enumerate(policy.routes) if (route.router, route.checker) == (quote.spender, NOBODY))
    route = next(built, None)
    if route is None:
        return breach("route", f"{_name(quote)} goes through {quote.spender}", "a router whose calls the module builds")
    path = path_of(quote, policy)
    if isinstance(path, str):
        allowed = "V2 or V3 over 1 to 3 hops, between them the module's assets and hubs"
        return breach("path", f"{_name(quote)} {path}", allowed)
    return route, path


def _checked(quote: Quote, policy: ModulePolicy, checkers: Sequence[Checker], start: int) -> tuple[int, int] | Breach:
    """The place of a route whose checker takes the calldata, and where it lies among that of all."""
    name, call, trade = _name(quote), quote.call, quote.trade
    if quote.spender != call.to:
        observed = f"{name} goes to {call.to}, and {quote.spender} pulls the tokens"
        return breach("route", observed, "one contract for both: the module approves whom it calls")
    places = routes_to(policy, call)
    if not places:
        return breach("route", f"{name} goes through {call.to}", "a router that the policy lists with a checker")
    tokens: tuple[Address, Address] = trade.sell.token.address, trade.buy.address
    offered = Offered(call.data, policy.safe, *tokens, trade.sell.raw, trade.floor.raw)
    return best_route(policy, places, checkers, offered), part_word(start, len(call.data))


def _name(quote: Quote) -> str:
    return f"{quote.trade.sell.token} for {quote.trade.buy} ({quote.venue})"
