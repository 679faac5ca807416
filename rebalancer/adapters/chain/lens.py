"""V3 pools through contracts/PoolLens.vy: pool keys in, reads and the state override out, pool states back.

For one eth_call the lens stands at an address that nobody uses, and every pool forwards to it by
DELEGATECALL, so that the lens reads the pool's own storage. Nothing is deployed, nothing stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from rebalancer.adapters.chain.artifacts import runtime_code
from rebalancer.adapters.chain.codec import CallResult, EthCall, Words, address_word, int_word, revert_reason, uint_word
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.market.tick_math import MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from rebalancer.market.uniswap_v3 import TICK_SPACINGS
from rebalancer.units import Address

AROUND = bytes.fromhex("432a737f")
"""around((address,address,address,uint24),int256,uint256)"""
WORDS = bytes.fromhex("8ce1b54d")
"""words((address,address,address,uint24),int256,int256)"""
MOST_WORDS = 4
"""In one call of `words`."""

REACH = 2
"""Words to each side of the current one that an idle tick reads at most."""
ENOUGH = 32
"""Initialised ticks on one side that suffice for an idle tick; a plan that goes further asks for more."""
CLOSE_ENOUGH = 128
"""The same where every tick can be initialised: 32 of them may end within 0.3 % of the price, and a pool's depth is
measured within 2 %. More the lens does not take."""

LENS = Address("0xf431fE7d3EDe7A7d78C3010b1A08Fd14f40E2e5e")
"""The last 20 bytes of keccak256("rebalancer.PoolLens"): nobody has its key, and no code stands there."""

_FORWARD = "0x363d3d373d3d3d363d73{}5af43d82803e903d91602b57fd5bf3"
"""EIP-1167: hands every call on to an address, on the caller's own storage."""

_UINT128 = (1 << 128) - 1


@dataclass(frozen=True, slots=True)
class LensKey:
    """A V3 pool, and what the lens needs to make sure that it is one. `name` is for people."""

    name: str
    pool: Address
    factory: Address
    token0: Address
    token1: Address
    fee: int

    def words(self) -> bytes:
        """The key as the lens takes it."""
        return (
            address_word(self.factory) + address_word(self.token0) + address_word(self.token1) + uint_word(self.fee, 24)
        )


@dataclass(frozen=True, slots=True)
class LensState:
    """What the lens saw of a pool; `ticks` (index, liquidity_net), ascending, complete for the words low to high."""

    sqrt_price_x96: int
    tick: int
    liquidity: int
    spacing: int
    low: int
    high: int
    ticks: tuple[tuple[int, int], ...]


def around_call(key: LensKey) -> EthCall:
    """The pool's state, and its ticks around the current one."""
    enough = CLOSE_ENOUGH if TICK_SPACINGS.get(key.fee) == 1 else ENOUGH
    return EthCall(key.pool, AROUND + key.words() + int_word(REACH) + uint_word(enough))


def words_calls(key: LensKey, low: int, high: int) -> tuple[EthCall, ...]:
    """The ticks of the bitmap words `low` to `high`, both inclusive, in as many calls as that takes."""
    return tuple(
        EthCall(key.pool, WORDS + key.words() + int_word(start) + int_word(end))
        for start, end in word_ranges(low, high)
    )


def word_ranges(low: int, high: int) -> tuple[tuple[int, int], ...]:
    """The words that each of `words_calls` asks for, both inclusive."""
    return tuple((start, min(start + MOST_WORDS - 1, high)) for start in range(low, high + 1, MOST_WORDS))


def lens_override(pools: Iterable[Address]) -> dict[str, dict[str, str]]:
    """The state override of eth_call under which `pools` answer as the lens."""
    forward = _FORWARD.format(LENS[2:].lower())
    return {LENS: {"code": _runtime()}, **{pool: {"code": forward} for pool in pools}}


def decode_lens(key: LensKey, result: CallResult, asked: tuple[int, int] | None = None) -> LensState:
    """The answer to `around_call`, or to one of `words_calls` that asked for the words `asked`.

    Raises ConfigError for a pool that is not there or was never filled, Unavailable for an answer that is unreadable
    or that no pool can give.
    """
    if not result.success:
        raise _refused(key, result)
    if not result.data:
        raise _ignored(key)
    words = Words(result.data, what=f"pool {key.name} at {key.pool}")
    packed = words.at(6)
    count, entries = packed.length(), packed.after(1)
    ticks = sorted(_tick(entries.uint(index)) for index in range(count))
    state = LensState(
        sqrt_price_x96=words.uint(0, 160),
        tick=words.sint(1, 24),
        liquidity=words.uint(2, 128),
        spacing=words.sint(3, 24),
        low=words.sint(4, 16),
        high=words.sint(5, 16),
        ticks=tuple(ticks),
    )
    doubt = _doubt_price(key, state) or _doubt_words(state, asked) or _doubt_ticks(state)
    if doubt is not None:
        raise Unavailable(f"pool {key.name} at {key.pool}: the lens answers {doubt}; use another node")
    return state


def _doubt_price(key: LensKey, state: LensState) -> str | None:
    """Why no pool with the key's fee can stand there."""
    tick, price = state.tick, state.sqrt_price_x96
    if state.spacing != TICK_SPACINGS.get(key.fee):
        return f"a tick spacing of {state.spacing}, expected {TICK_SPACINGS.get(key.fee)} with a fee of {key.fee} ppm"
    # A swap that went down and ended right at a tick stands below it, at its price.
    if not (MIN_TICK <= tick < MAX_TICK and sqrt_ratio_at_tick(tick) <= price <= sqrt_ratio_at_tick(tick + 1)):
        return f"the tick {tick} with the sqrt price {price}, which belongs to another"
    return None


def _doubt_words(state: LensState, asked: tuple[int, int] | None) -> str | None:
    """Why these are not the words that were asked for. The spacing has been checked."""
    here = state.tick // state.spacing >> 8
    if asked is None:
        fits, expected = here - REACH <= state.low <= here <= state.high <= here + REACH, f"those around word {here}"
    else:
        fits, expected = (state.low, state.high) == asked, f"{asked[0]} to {asked[1]}"
    return None if fits else f"with the bitmap words {state.low} to {state.high}, expected {expected}"


def _doubt_ticks(state: LensState) -> str | None:
    """Why these cannot be the ticks of the state's words. They are sorted, the spacing has been checked."""
    last = None
    for index, net in state.ticks:
        word, off = index // state.spacing >> 8, index % state.spacing
        if off or index == last or not (state.low <= word <= state.high and MIN_TICK <= index <= MAX_TICK):
            return f"with a tick {index}, which cannot be among the words {state.low} to {state.high}, or not twice"
        if abs(net) >= 1 << 127:
            return f"with a net liquidity of {net} at tick {index}, more than a pool can hold"
        last = index
    return None


def _tick(packed: int) -> tuple[int, int]:
    return _signed_128(packed), _signed_128(packed >> 128)


def _signed_128(value: int) -> int:
    value &= _UINT128
    return value - (1 << 128) if value >> 127 else value


def _refused(key: LensKey, result: CallResult) -> ConfigError | Unavailable:
    reason = revert_reason(result.data)
    if reason == "PoolLens: no pool":
        return ConfigError(f"pool {key.name}: the factory has none, expected at {key.pool}; check its tokens and fee")
    if reason == "PoolLens: no price":
        return ConfigError(f"pool {key.name} at {key.pool}: it was never initialised and has no price; leave it out")
    if result.data:
        return Unavailable(f"pool {key.name} at {key.pool}: the lens reverted: {reason}; try again at the next tick")
    return _ignored(key)


def _ignored(key: LensKey) -> Unavailable:
    return Unavailable(
        f"pool {key.name} at {key.pool}: the lens did not run, or ran out of gas; "
        "use a node that honours state overrides of eth_call"
    )


@cache
def _runtime() -> str:
    return "0x" + runtime_code("PoolLens").hex()
