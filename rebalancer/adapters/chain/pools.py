"""Pool keys to pools: the book's keys in, reads out; their results in, market's pool states out.

V2 pairs answer for themselves, V3 pools through the lens. Addresses are derived, never configured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import CallResult, EthCall
from rebalancer.adapters.chain.deployments import Deployment
from rebalancer.adapters.chain.holdings import answer_of
from rebalancer.adapters.chain.lens import LensKey, LensState, around_call, decode_lens, word_ranges, words_calls
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Snapshot
from rebalancer.core.price import PoolKey
from rebalancer.market.addresses import v2_pair_address, v3_pool_address
from rebalancer.market.depth import liquidity_fits
from rebalancer.market.pools import Pool
from rebalancer.market.swap import NeedTicks
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import TICK_SPACINGS, V3Pool, with_words
from rebalancer.units import Address, Token

GET_RESERVES = bytes.fromhex("0902f1ac")


@dataclass(frozen=True, slots=True)
class PoolReads:
    """The pools of a book with their derived addresses, in the book's order, then those that only give prices."""

    factory: Address
    keys: tuple[tuple[PoolKey, Address], ...]

    @staticmethod
    def of(keys: Sequence[PoolKey], prices: Sequence[PoolKey], deployment: Deployment) -> PoolReads:
        """Each of `prices` is read once, and not again where it is among `keys`.

        Raises ConfigError for a pool kind or fee that nobody knows.
        """
        traded = tuple((key, _address(key, deployment)) for key in keys)
        known = {address for _, address in traded}
        beyond = {_address(key, deployment): key for key in prices}
        more = tuple((key, address) for address, key in beyond.items() if address not in known)
        return PoolReads(deployment.uniswap_v3_factory, traded + more)

    def v2_calls(self) -> tuple[EthCall, ...]:
        """One read for each V2 pair."""
        return tuple(EthCall(address, GET_RESERVES) for key, address in self.keys if key.kind == "v2")

    def lens_keys(self) -> tuple[LensKey, ...]:
        """The V3 pools as the lens knows them."""
        return tuple(self._lens_key(key, address) for key, address in self.keys if key.kind == "v3")

    def lens_calls(self) -> tuple[EthCall, ...]:
        """One read for each V3 pool, to be sent under the lens's override."""
        return tuple(around_call(key) for key in self.lens_keys())

    def decode(self, v2: Sequence[CallResult], lens: Sequence[CallResult]) -> tuple[Pool, ...]:
        """The pools in the order of the keys. Raises ConfigError, Unavailable."""
        pairs, lenses = iter(v2), iter(lens)
        pools: list[Pool] = []
        for key, address in self.keys:
            if key.kind == "v2":
                pools.append(_pair(key, address, next(pairs)))
            else:
                state = decode_lens(self._lens_key(key, address), next(lenses))
                pools.append(_pool(key, address, state))
        return tuple(pools)

    def _lens_key(self, key: PoolKey, address: Address) -> LensKey:
        return LensKey(str(key), address, self.factory, key.token_a.address, key.token_b.address, key.fee)


@dataclass(frozen=True, slots=True)
class Widening:
    """More bitmap words of one V3 pool of a snapshot: what is missing of a need."""

    pool: V3Pool
    key: LensKey
    ranges: tuple[tuple[int, int], ...]
    """Of words, both inclusive; none of them known yet, each touching what is."""

    @staticmethod
    def of(pool: V3Pool, need: NeedTicks, factory: Address) -> Widening:
        """What it takes to know the words of `need` too, without a gap."""
        ranges = []
        if need.word_low < pool.word_low:
            ranges.append((need.word_low, pool.word_low - 1))
        if need.word_high > pool.word_high:
            ranges.append((pool.word_high + 1, need.word_high))
        name = f"v3 {pool.token0}/{pool.token1} {pool.fee} ppm"
        key = LensKey(name, pool.address, factory, pool.token0.address, pool.token1.address, pool.fee)
        return Widening(pool, key, tuple(ranges))

    def calls(self) -> tuple[EthCall, ...]:
        """The reads, to be sent under the lens's override; none where nothing is missing."""
        return tuple(call for low, high in self.ranges for call in words_calls(self.key, low, high))

    def decode(self, results: Sequence[CallResult]) -> V3Pool:
        """The pool, wider. Raises Unavailable where it is not the pool of the snapshot any more."""
        wider, left = self.pool, iter(results)
        for low, high in self.ranges:
            states = [self._still(decode_lens(self.key, next(left), asked)) for asked in word_ranges(low, high)]
            wider = with_words(wider, tuple(tick for state in states for tick in state.ticks), low, high)
        return _possible(self.key.name, wider)

    def _still(self, state: LensState) -> LensState:
        """`state`, if the pool stands where it stood."""
        if (state.sqrt_price_x96, state.tick, state.liquidity) != (
            self.pool.sqrt_price_x96,
            self.pool.tick,
            self.pool.liquidity,
        ):
            raise Unavailable(f"pool {self.key.name}: it moved while more of its ticks were read; read again")
        return state


def v3_pool_of(snapshot: Snapshot, need: NeedTicks) -> V3Pool:
    """The pool of a snapshot that ticks are asked of. ValueError where it has none of that address."""
    for pool in snapshot.pools:
        if pool.address == need.pool_address and isinstance(pool, V3Pool):
            return pool
    raise ValueError(f"{need.pool_address} is no V3 pool of the snapshot of block {snapshot.block.number}")


def _address(key: PoolKey, deployment: Deployment) -> Address:
    a, b = key.token_a.address, key.token_b.address
    match key.kind:
        case "v2":
            return v2_pair_address(deployment.uniswap_v2_factory, a, b)
        case "v3" if key.fee in TICK_SPACINGS:
            return v3_pool_address(deployment.uniswap_v3_factory, a, b, key.fee)
        case "v3":
            raise ConfigError(f"pool {key}: unknown fee, expected one of {', '.join(map(str, TICK_SPACINGS))} ppm")
        case _:
            raise ConfigError(f"pool {key}: unknown kind {key.kind!r}, expected v2 or v3")


def _sorted(key: PoolKey) -> tuple[Token, Token]:
    """The key's tokens as (token0, token1)."""
    a, b = key.token_a, key.token_b
    return (a, b) if int(a.address, 16) < int(b.address, 16) else (b, a)


def _pair(key: PoolKey, address: Address, result: CallResult) -> V2Pool:
    token0, token1 = _sorted(key)
    words = answer_of(f"pool {key} at {address}: getReserves()", result)
    reserve0, reserve1 = words.uint(0, 112), words.uint(1, 112)
    if reserve0 == 0 or reserve1 == 0:
        raise ConfigError(f"pool {key} at {address}: it is empty ({reserve0} and {reserve1}); leave it out")
    return V2Pool(address, token0, token1, reserve0, reserve1)


def _pool(key: PoolKey, address: Address, state: LensState) -> V3Pool:
    token0, token1 = _sorted(key)
    pool = V3Pool(
        address=address,
        token0=token0,
        token1=token1,
        fee=key.fee,
        tick_spacing=state.spacing,
        sqrt_price_x96=state.sqrt_price_x96,
        tick=state.tick,
        liquidity=state.liquidity,
        ticks=state.ticks,
        word_low=state.low,
        word_high=state.high,
    )
    return _possible(str(key), pool)


def _possible(name: str, pool: V3Pool) -> V3Pool:
    """`pool`, if its liquidity and its ticks fit together."""
    if liquidity_fits(pool):
        return pool
    raise Unavailable(
        f"pool {name} at {pool.address}: the lens answers ticks that take its liquidity of {pool.liquidity} below 0 or "
        "beyond 128 bits; use another node"
    )
