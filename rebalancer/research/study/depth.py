"""A file of pool states in, how deep each token trades against dollars out: as the dollars on either side of one pool.

In a pool with x * y = k and D dollars on either side a small trade of v loses v/D of itself, v^2/D dollars, and it
takes sqrt(1.0202) - 1 of a side to move the price by 2 %. So what that takes in a real pool, over this, is the D of
the pool that moves alike; of its two sides the smaller counts. A trade on its way to dollars is best split so that
the sum of all v^2/D is least, as a current splits among conductors D (Thomson's principle: Doyle and Snell 1984,
Random walks and electric networks). So a token's depth is the effective conductance between it and the dollars: pools
side by side add up, a path over a third token counts in series, and what leads to no dollar counts for nothing. Fees
are left out, of which a longer path pays more; so is what tokens that go the same way take from each other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np

from rebalancer.core.errors import ConfigError
from rebalancer.market.depth import REACH, depth_down
from rebalancer.market.pools import Pool, mid_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import ONE, Address, Token, Usd

_MOVES = float(1.0001 ** (REACH / 2)) - 1
_DOLLARS = frozenset(("USDC", "USDT", "DAI", "USD"))
"""Count as one: every other price of the file follows from them."""
_Edge = tuple[str, str, float]
"""Two tokens, and the dollars on either side of a pool of both; more than none."""


def depths_in(path: Path) -> Mapping[str, Usd]:
    """By symbol. Raises ConfigError where the file is none of pool states."""
    try:
        content = json.loads(path.read_text())
        pools: list[Pool] = [_v3(entry) for entry in content.get("uniswap_v3", [])]
        pools += [_v2(entry) for entry in content.get("uniswap_v2", [])]
    except OSError as error:
        raise ConfigError(f"--pools {path}: {error.strerror}; give the path of a readable file") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise ConfigError(
            f"--pools {path}: {type(error).__name__} {error}; expected JSON with `uniswap_v3` and `uniswap_v2`, lists "
            "of pools with token0, token1, and sqrt_price_x96, tick, liquidity, ticks or reserve0, reserve1"
        ) from None
    edges = [edge for edge in _edges(pools) if edge[2] > 0]
    found = _depths(edges, _DOLLARS)
    for dollar in _DOLLARS:  # each against the others
        found |= {token: depth for token, depth in _depths(edges, _DOLLARS - {dollar}).items() if token == dollar}
    return {symbol: Usd(int(depth * ONE)) for symbol, depth in found.items()}


def _depths(edges: Sequence[_Edge], ground: Set[str]) -> dict[str, float]:
    """Of each token that leads to `ground`, in dollars: with L the Laplacian of all these, 1/(L^-1) at its place."""
    reached = set(ground)
    while more := {name for one, other, _ in edges if (one in reached) != (other in reached) for name in (one, other)}:
        reached |= more
    inner = sorted(reached - ground)
    laplacian = np.zeros((len(inner), len(inner)))
    for one, other, depth in edges:
        for here, there in ((one, other), (other, one)):
            if here in inner:
                laplacian[inner.index(here), inner.index(here)] += depth
            if here in inner and there in inner:
                laplacian[inner.index(here), inner.index(there)] -= depth
    return dict(zip(inner, (1 / np.diag(np.linalg.inv(laplacian))).tolist(), strict=True))


def _edges(pools: Sequence[Pool]) -> list[_Edge]:
    prices = _prices(pools)
    known = [pool for pool in pools if pool.token0.symbol in prices and pool.token1.symbol in prices]
    return [(pool.token0.symbol, pool.token1.symbol, _depth(pool, prices)) for pool in known]


def _depth(pool: Pool, prices: Mapping[str, float]) -> float:
    """Dollars on the smaller side of the pool that moves alike."""
    return min(
        _side(pool, first) / 10.0**token.decimals * prices[token.symbol]
        for token, first in ((pool.token0, True), (pool.token1, False))
    )


def _side(pool: Pool, first: bool) -> float:
    """Base units of a token on its side of the pool that moves alike."""
    match pool:
        case V2Pool():
            return float(pool.reserve0 if first else pool.reserve1)
        case V3Pool():
            return depth_down(pool, first) / _MOVES


def _prices(pools: Sequence[Pool]) -> dict[str, float]:
    """Dollars of a whole token, by the deepest pools that lead to it first: those of the lowest fee."""
    found = dict.fromkeys(_DOLLARS, 1.0)
    waiting = sorted(pools, key=lambda pool: pool.fee if isinstance(pool, V3Pool) else 3_000)
    while ready := [pool for pool in waiting if (pool.token0.symbol in found) != (pool.token1.symbol in found)]:
        pool = ready[0]
        known, new = (pool.token0, pool.token1) if pool.token0.symbol in found else (pool.token1, pool.token0)
        ratio = mid_ratio(pool, new)
        if ratio is None:
            waiting.remove(pool)
            continue
        worth = ratio[0] / ratio[1] * 10.0 ** (new.decimals - known.decimals)
        found[new.symbol] = worth * found[known.symbol]
    return found


def _token(entry: dict[str, Any]) -> Token:
    return Token(str(entry["symbol"]), Address(str(entry["address"])), int(entry["decimals"]))


def _v3(entry: dict[str, Any]) -> V3Pool:
    spacing = int(entry["tick_spacing"])
    ticks = tuple((int(index), int(net)) for index, net in entry["ticks"])
    return V3Pool(
        Address(str(entry["address"])), _token(entry["token0"]), _token(entry["token1"]), int(entry["fee"]), spacing,
        int(entry["sqrt_price_x96"]), int(entry["tick"]), int(entry["liquidity"]), ticks, *all_words(spacing),
    )  # fmt: skip


def _v2(entry: dict[str, Any]) -> V2Pool:
    return V2Pool(
        Address(str(entry["address"])), _token(entry["token0"]), _token(entry["token1"]),
        int(entry["reserve0"]), int(entry["reserve1"]),
    )  # fmt: skip
