"""The two real functions of SwapRouter02 as calldata that an operator brings, honest but for what a test changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from given_market import Market
from given_module import SYMBOLS
from given_routes import PATH_SELECTOR, SINGLE_SELECTOR, WORD

from rebalancer.core.model.module import ModuleSwap


def token(market: Market, place: int) -> int:
    return int(market.replica.token(SYMBOLS[place]).address, 16)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(WORD, "big") for value in values)


def single(market: Market, swap: ModuleSwap, **fields: int) -> bytes:
    """exactInputSingle of that swap, but for `fields`."""
    values = {
        "token_in": token(market, swap.token_in),
        "token_out": token(market, swap.token_out),
        "fee": 500,
        "receiver": int(market.module.safe, 16),
        "amount_in": swap.amount_in,
        "min_out": swap.min_out,
        "price_limit": 0,
    } | fields
    return SINGLE_SELECTOR + words(*values.values())


def path(market: Market, swap: ModuleSwap, **fields: Any) -> bytes:
    """exactInput of that swap over one pool, but for `fields`."""
    first, last = (token(market, place).to_bytes(20, "big") for place in (swap.token_in, swap.token_out))
    values = {
        "struct": WORD,
        "path": 4 * WORD,
        "receiver": int(market.module.safe, 16),
        "amount_in": swap.amount_in,
        "min_out": swap.min_out,
        "length": 43,
    }
    hops = {
        "first": first,
        "fee": (500).to_bytes(3, "big"),
        "last": last,
        "rest": bytes(21),
    }
    heads = [fields.get(name, value) for name, value in values.items()]
    return PATH_SELECTOR + words(*heads) + b"".join(fields.get(name, value) for name, value in hops.items())


def offered(swap: ModuleSwap, data: bytes) -> ModuleSwap:
    """The swap with all of `data` as its calldata."""
    return replace(swap, path=len(data))


def together(*parts: tuple[list[ModuleSwap], bytes]) -> tuple[list[ModuleSwap], bytes]:
    """One batch of them all, each with its calldata behind that of the ones before; a built swap brings none."""
    swaps, data = list[ModuleSwap](), b""
    for each, call in parts:
        swaps += [replace(swap, path=len(data) << 16 | len(call)) if call else swap for swap in each]
        data += call
    return swaps, data
