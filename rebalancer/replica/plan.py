"""What to build: a file of pool states, or nothing, goes in; tokens, prices and pools come out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.replica.poolfile import implied_prices, read_pool_file
from rebalancer.replica.pools import PoolState
from rebalancer.replica.standard import PRICES, Prices, standard_states
from rebalancer.units import Token


@dataclass(frozen=True, slots=True)
class Plan:
    """The tokens (but WETH, which is real), their prices, and the pools with their states."""

    tokens: tuple[Token, ...]
    prices: Prices
    pools: tuple[PoolState, ...]


def make_plan(path: Path | None) -> Plan:
    """The pools of the file first, then the standard ones that it does not have, at the file's prices."""
    from_file = read_pool_file(path) if path is not None else ()
    prices = implied_prices(from_file) if path is not None else PRICES
    known = {state.pool.address for state in from_file}
    pools = (*from_file, *(state for state in standard_states(prices) if state.pool.address not in known))
    tokens = {listing.token.address: listing.token for listing in LISTINGS.values()}
    for state in from_file:
        for token in (state.pool.token0, state.pool.token1):
            tokens.setdefault(token.address, token)
    del tokens[MAINNET.weth]
    return Plan(tuple(tokens.values()), prices, pools)
