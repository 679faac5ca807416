"""A file of pool states in, how deep each token trades out: as the dollars on either side of one pool with x * y = k.

In such a pool it takes sqrt(1.0202) - 1 of a side to move the price by 2 %. So what it takes in a real pool, divided by
that, is the depth of the pool that moves alike; those of a token add up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError
from rebalancer.market.depth import REACH, depth_down
from rebalancer.market.pools import Pool, mid_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import ONE, Address, Token, Usd

_MOVES = float(1.0001 ** (REACH / 2)) - 1
_DOLLARS = ("USDC", "USDT", "DAI", "USD")
"""Count as one: every other price of the file follows from them."""


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
    prices = _prices(pools)
    found: dict[str, float] = {}
    for pool in pools:
        for token, first in ((pool.token0, True), (pool.token1, False)):
            if token.symbol in prices:
                side = _side(pool, first) / 10**token.decimals * prices[token.symbol]
                found[token.symbol] = found.get(token.symbol, 0.0) + side
    return {symbol: Usd(int(depth * ONE)) for symbol, depth in found.items() if depth > 0}


def _side(pool: Pool, first: bool) -> float:
    """Base units of a token on its side of the pool that moves alike."""
    match pool:
        case V2Pool():
            return float(pool.reserve0 if first else pool.reserve1)
        case V3Pool():
            return depth_down(pool, first) / _MOVES


def _prices(pools: list[Pool]) -> dict[str, float]:
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
