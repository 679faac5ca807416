"""A file of real pool states, and the prices that it implies.

The file is JSON: {"chain_id": 1, "uniswap_v3": [...], "uniswap_v2": [...]}. A V3 entry has address, token0,
token1 {address, symbol, decimals}, fee, sqrt_price_x96, tick, liquidity, ticks [[index, liquidity_net], ...];
a V2 entry has reserve0 and reserve1. Numbers beyond 53 bits are decimal strings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import checksum_address
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.replica.pools import Pool, PoolState, Tick, V2State, V3State
from rebalancer.replica.standard import DOLLAR, PRICES, V2_FEE, Prices, make_pool
from rebalancer.units import Address, Token

HUB = "USDC"
"""Counts as one dollar; every other price of the file is derived from it."""


def read_pool_file(path: Path) -> tuple[PoolState, ...]:
    """The states in `path`. A pool whose address does not follow from its tokens and fee is refused."""
    try:
        content = json.loads(path.read_text())
        v3 = [_v3_state(entry) for entry in content["uniswap_v3"]]
        v2 = [_v2_state(entry) for entry in content["uniswap_v2"]]
    except OSError as error:
        raise ConfigError(f"pool file {path}: {error.strerror}; give the path of a readable file") from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ConfigError(f"pool file {path}: {type(error).__name__} {error}; see the format in poolfile.py") from None
    return (*v3, *v2)


def implied_prices(states: Iterable[PoolState]) -> Prices:
    """Mid prices in dollars (8 decimals) of every token that the pools lead to; others keep the standard price.

    A pool with a lower fee is asked first: its price is held closer to the market.
    """
    found = {HUB: DOLLAR}
    waiting = sorted(states, key=lambda state: state.pool.fee)
    while ready := [(state, token) for state in waiting if (token := _unpriced(state.pool, found)) is not None]:
        state, token = ready[0]
        found[token.symbol] = _price_of(token, state, found)
    return {**PRICES, **found}


def _unpriced(pool: Pool, found: Prices) -> Token | None:
    """The token of a pool that has no price yet, where the other has one."""
    if (pool.token0.symbol in found) == (pool.token1.symbol in found):
        return None
    return pool.token1 if pool.token0.symbol in found else pool.token0


def _price_of(token: Token, state: PoolState, found: Prices) -> int:
    """The price of a pool's token by that of the other, rounded to the nearest: a feed flatters nobody."""
    known = state.pool.token1 if token == state.pool.token0 else state.pool.token0
    numerator, denominator = _price_of_token0(state)
    if token == state.pool.token1:
        numerator, denominator = denominator, numerator
    numerator *= found[known.symbol] * int(10**token.decimals)
    denominator *= int(10**known.decimals)
    return (2 * numerator + denominator) // (2 * denominator)


def _price_of_token0(state: PoolState) -> tuple[int, int]:
    """Base units of token1 for one of token0, as a fraction."""
    if isinstance(state, V3State):
        return state.sqrt_price_x96**2, 1 << 192
    return state.reserve1, state.reserve0


def _token(entry: dict[str, Any]) -> Token:
    address = checksum_address(entry["address"])
    for listing in LISTINGS.values():
        if listing.token.address == address:
            return listing.token
    return Token(str(entry["symbol"]), address, int(entry["decimals"]))


def _checked(pool: Pool, address: str) -> Pool:
    if pool.address != Address(checksum_address(address)):
        raise ValueError(f"{address} is not the pool of {pool.token0}/{pool.token1}, which is {pool.address}")
    return pool


def _v3_state(entry: dict[str, Any]) -> V3State:
    pool = _checked(
        make_pool("v3", _token(entry["token0"]), _token(entry["token1"]), int(entry["fee"])), entry["address"]
    )
    # The file has only the net of each tick: the least gross that goes with it is its size.
    ticks = tuple(Tick(int(index), abs(int(net)), int(net)) for index, net in entry["ticks"])
    return V3State(pool, int(entry["sqrt_price_x96"]), int(entry["tick"]), int(entry["liquidity"]), ticks)


def _v2_state(entry: dict[str, Any]) -> V2State:
    pool = _checked(make_pool("v2", _token(entry["token0"]), _token(entry["token1"]), V2_FEE), entry["address"])
    return V2State(pool, int(entry["reserve0"]), int(entry["reserve1"]))
