"""Where real contracts keep what the replica writes: slots and packed words, as `anvil_setStorageAt` calls.

Layouts: UniswapV3Pool (v3-core 1.0.1; slot0 at 0, liquidity at 4, ticks at 5, tickBitmap at 6), WETH9
(balanceOf at 3), and our mock tokens (balanceOf at 0, totalSupply at 1).
"""

from __future__ import annotations

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Call
from rebalancer.market.addresses import address_bytes, keccak256
from rebalancer.market.uniswap_v3 import TICK_SPACINGS
from rebalancer.replica.pools import V3State

WORD = 1 << 256
V3_SLOT0 = 0
V3_LIQUIDITY = 4
V3_TICKS = 5
V3_BITMAP = 6
WETH_BALANCES = 3
MOCK_BALANCES = 0
MOCK_SUPPLY = 1
INITIALIZED = 1 << 248
"""The flag in a tick's fourth word."""


def write(address: str, slot: int, value: int) -> Call:
    """The call that sets one word."""
    return ("anvil_setStorageAt", [address, hex(slot), f"0x{value % WORD:064x}"])


def read_word(address: str, slot: int) -> Call:
    """The call that reads one word."""
    return ("eth_getStorageAt", [address, hex(slot), "latest"])


def balance_slot(token: str, holder: str) -> int:
    """Where `token` keeps the balance of `holder`: Solidity hashes the key before the slot, Vyper after it."""
    key = bytes(12) + address_bytes(holder)
    if token == MAINNET.weth:
        return _hashed(key, WETH_BALANCES)
    return int.from_bytes(keccak256(MOCK_BALANCES.to_bytes(32, "big") + key), "big")


def splice_slot0(old: int, state: V3State) -> int:
    """slot0 with price and tick replaced; oracle fields, protocol fee and lock stay as they are."""
    return (old >> 184 << 184) | (state.tick % (1 << 24)) << 160 | state.sqrt_price_x96


def v3_words(state: V3State) -> dict[int, int]:
    """Liquidity, ticks and bitmap of a pool: slot → value.

    The words of a tick that hold what happened outside of it stay 0, as in a pool that has just begun.
    """
    spacing = TICK_SPACINGS[state.pool.fee]
    words = {V3_LIQUIDITY: state.liquidity}
    bitmap: dict[int, int] = {}
    for tick in state.ticks:
        first = _hashed_int(tick.index, V3_TICKS)
        words[first] = (tick.net % (1 << 128)) << 128 | tick.gross
        words[first + 3] = INITIALIZED
        position, bit = divmod(tick.index // spacing, 256)
        bitmap[position] = bitmap.get(position, 0) | 1 << bit
    for position, word in bitmap.items():
        words[_hashed_int(position, V3_BITMAP)] = word
    return words


def _hashed_int(key: int, slot: int) -> int:
    return _hashed((key % WORD).to_bytes(32, "big"), slot)


def _hashed(key: bytes, slot: int) -> int:
    return int.from_bytes(keccak256(key + slot.to_bytes(32, "big")), "big")
