"""A node's receipt and an intent's pools in, what these pools say that they took and gave out.

V2: `Swap` of UniswapV2Pair, after the `Sync` with the reserves that it leaves. V3: `Swap` of UniswapV3Pool, which says
the price, the liquidity and the tick that it leaves. What does not make sense is left out: nobody decides by it, and
who adds up what is left sees that something is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rebalancer.adapters.chain.codec import WORD, hex_bytes
from rebalancer.adapters.wallets.receipts import Json, logs_of
from rebalancer.core.flows import rewound
from rebalancer.core.model import PoolSwap
from rebalancer.market.addresses import keccak256
from rebalancer.market.pools import Pool
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Token


def _topic(event: str) -> str:
    return "0x" + keccak256(event.encode()).hex()


V2_SYNC = _topic("Sync(uint112,uint112)")
V2_SWAP = _topic("Swap(address,uint256,uint256,uint256,uint256,address)")
V3_SWAP = _topic("Swap(address,address,int256,int256,uint160,uint128,int24)")
_WORDS = {V2_SYNC: 2, V2_SWAP: 4, V3_SWAP: 5}
_SIGN = 1 << 255


def swaps_of(receipt: Json, pools: Iterable[Pool]) -> tuple[PoolSwap, ...]:
    """In the order of the events. DecodeError where the receipt is none."""
    return tuple(_swaps(receipt, {pool.address.lower(): pool for pool in pools}))


def _swaps(receipt: Json, pools: dict[str, Pool]) -> Iterator[PoolSwap]:
    for address, topics, data in logs_of(receipt):
        pool, event = pools.get(address), topics[0] if topics else ""
        words = [] if pool is None or event not in _WORDS else _words(data)
        if pool is None or len(words) != _WORDS.get(event):
            continue
        if event == V2_SYNC and isinstance(pool, V2Pool):
            pools[address] = replace(pool, reserve0=words[0], reserve1=words[1])
        found = _swap(pool, event, words)
        if found is not None:
            yield found


def _swap(pool: Pool, event: str, words: list[int]) -> PoolSwap | None:
    match pool:
        case V2Pool() if event == V2_SWAP:
            in0, in1, out0, out1 = words
            return _made(pool, (in0 - out0, in1 - out1))
        case V3Pool() if event == V3_SWAP:
            amount0, amount1, root, liquidity, tick = (_signed(word) for word in words)
            possible = MIN_SQRT_RATIO <= root < MAX_SQRT_RATIO and tick_at_sqrt_ratio(root) in (tick, tick + 1)
            after = replace(pool, sqrt_price_x96=root, liquidity=liquidity, tick=tick)
            return _made(after, (amount0, amount1)) if possible else None
        case _:
            return None


def _made(after: Pool, came: tuple[int, int]) -> PoolSwap | None:
    """`came`: what the pool has more of token0 and of token1, signed."""
    token_in: Token = after.token0 if came[0] > 0 else after.token1
    taken, given = max(came), -min(came)
    if taken <= 0 or given <= 0:
        return None
    before = rewound(after, token_in, (taken, given))
    return None if before is None else PoolSwap(before, token_in, taken, given)


def _words(data: str) -> list[int]:
    raw = hex_bytes(data)
    return [int.from_bytes(raw[start : start + WORD], "big") for start in range(0, len(raw), WORD)]


def _signed(word: int) -> int:
    return word - 2 * _SIGN if word & _SIGN else word
