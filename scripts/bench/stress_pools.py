"""Made-up V3 pools at the ends of what a pool can be: any price, from one unit of liquidity to far too much.

A seed goes in, a pool file of the replica's format comes out. Mainnet's deep pools never show what rounds when
a whole tick range holds a handful of units.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import checksum_address, v3_pool_address
from rebalancer.market.tick_math import MAX_TICK, sqrt_ratio_at_tick

SPACING = {500: 10, 3000: 60, 10_000: 200}
COUNT = 24
FARTHEST = 800_000


def write_stress_file(path: Path, seed: int) -> None:
    """COUNT pools of tokens that exist nowhere else, so that no price feed follows from them."""
    dice = random.Random(seed)
    path.write_text(
        json.dumps({"chain_id": 1, "uniswap_v3": [stress_pool(n, dice) for n in range(COUNT)], "uniswap_v2": []})
    )


def stress_pool(number: int, dice: random.Random) -> dict[str, Any]:
    """One pool, as an entry of the file."""
    fee, spacing = dice.choice(list(SPACING.items()))
    tick = dice.randint(-FARTHEST, FARTHEST)
    price = dice.randint(sqrt_ratio_at_tick(tick), sqrt_ratio_at_tick(tick + 1) - 1)
    nets: dict[int, int] = {}
    for _ in range(dice.randint(1, 12)):
        lower, upper = position(tick // spacing, MAX_TICK // spacing, dice)
        liquidity = int(10 ** dice.uniform(0, 28))
        nets[lower * spacing] = nets.get(lower * spacing, 0) + liquidity
        nets[upper * spacing] = nets.get(upper * spacing, 0) - liquidity
    low, high = (checksum_address(f"0x{0x5000 + 2 * number + side:040x}") for side in (0, 1))
    return {
        "address": v3_pool_address(MAINNET.uniswap_v3_factory, low, high, fee),
        "token0": {"address": low, "symbol": f"S{number}A", "decimals": 18},
        "token1": {"address": high, "symbol": f"S{number}B", "decimals": 18},
        "fee": fee,
        "tick_spacing": spacing,
        "sqrt_price_x96": str(price),
        "tick": tick,
        "liquidity": str(sum(net for index, net in nets.items() if index <= tick)),
        "ticks": [[index, str(net)] for index, net in sorted(nets.items())],
    }


def position(here: int, edge: int, dice: random.Random) -> tuple[int, int]:
    """A lower and an upper tick in spacings: narrow or wide, around the price or off it."""
    width = int(10 ** dice.uniform(0, 4))
    lower = max(here + dice.randint(-2 * width, width), -edge)
    upper = min(lower + dice.randint(1, 2 * width), edge)
    return (lower, upper) if lower < upper else (-edge, edge)
