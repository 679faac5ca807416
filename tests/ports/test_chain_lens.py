"""The lens's answers: what a pool can say, and what no pool can, each refused by its name."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from eth_abi.abi import encode as abi_encode

from rebalancer.adapters.chain.codec import CallResult, EthCall, uint_word
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.lens import LensKey, LensState, around_call, decode_lens
from rebalancer.adapters.chain.pools import PoolReads, Widening
from rebalancer.core.errors import Unavailable
from rebalancer.core.price import PoolKey
from rebalancer.market.swap import NeedTicks
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MAX_TICK, sqrt_ratio_at_tick
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.units import Address

USDC, WETH = LISTINGS["USDC"].token, LISTINGS["WETH"].token
KEY = LensKey("USDC/WETH", Address("0x" + "11" * 20), MAINNET.uniswap_v3_factory, USDC.address, WETH.address, 500)
TICK = 2_567
"""In word 1 of a spacing of 10, which goes from tick 2,560 to 5,110."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a lens says of a pool."""

    sqrt_price: int = sqrt_ratio_at_tick(TICK) + 1
    tick: int = TICK
    liquidity: int = 10**18
    spacing: int = 10
    low: int = -1
    high: int = 3
    ticks: tuple[tuple[int, int], ...] = ((2_560, 10**18 - 5), (-2_560, 5), (2_570, -5), (10_230, -7))

    def result(self) -> CallResult:
        head = (self.sqrt_price, self.tick, self.liquidity, self.spacing, self.low, self.high)
        packed = [(net % (1 << 128) << 128) | index % (1 << 128) for index, net in self.ticks]
        kinds = ["uint256", "int256", "uint256", "int256", "int256", "int256"]
        return CallResult(True, abi_encode([*kinds, "uint256[]"], [*head, packed]))


SAID = Said()


def test_decode_lens__of_a_pool__is_its_state_with_the_ticks_in_order() -> None:
    expected = LensState(SAID.sqrt_price, TICK, 10**18, 10, -1, 3, tuple(sorted(SAID.ticks)))
    assert decode_lens(KEY, SAID.result()) == expected
    assert decode_lens(KEY, SAID.result(), (-1, 3)) == expected


def test_decode_lens__of_a_pool_that_fell_right_to_a_tick__is_believed() -> None:
    # UniswapV3Pool.swap then sets the tick below the one whose price it has.
    assert decode_lens(KEY, replace(SAID, sqrt_price=sqrt_ratio_at_tick(TICK + 1)).result()).tick == TICK


ELSEWHERE = "which belongs to another"
LIES = [
    (replace(SAID, spacing=0), "a tick spacing of 0, expected 10 with a fee of 500 ppm"),
    (replace(SAID, spacing=-10), "a tick spacing of -10, expected 10"),
    (replace(SAID, spacing=60), "a tick spacing of 60, expected 10"),
    (replace(SAID, tick=TICK - 1), f"the tick {TICK - 1} with the sqrt price"),
    (replace(SAID, tick=TICK + 1), f"the tick {TICK + 1} with the sqrt price"),
    (replace(SAID, sqrt_price=sqrt_ratio_at_tick(TICK) - 1), ELSEWHERE),
    (replace(SAID, sqrt_price=sqrt_ratio_at_tick(TICK + 1) + 1), ELSEWHERE),
    (replace(SAID, sqrt_price=1, tick=-887_273), ELSEWHERE),
    (replace(SAID, sqrt_price=MAX_SQRT_RATIO, tick=MAX_TICK), ELSEWHERE),
    (replace(SAID, tick=(1 << 23) - 1), ELSEWHERE),
    (replace(SAID, tick=-(1 << 23)), ELSEWHERE),
    (replace(SAID, low=2), "with the bitmap words 2 to 3, expected those around word 1"),
    (replace(SAID, high=0), "with the bitmap words -1 to 0, expected those around word 1"),
    (replace(SAID, low=-2), "with the bitmap words -2 to 3, expected"),
    (replace(SAID, high=4), "with the bitmap words -1 to 4, expected"),
    (replace(SAID, low=-(1 << 15), high=(1 << 15) - 1), "with the bitmap words -32768 to 32767, expected"),
    (replace(SAID, ticks=((2_560, 5), (2_560, 5))), "a tick 2560, which cannot be .* or not twice"),
    (replace(SAID, ticks=((2_560, 5), (2_560, 6))), "a tick 2560, which cannot be"),
    (replace(SAID, ticks=((2_565, 5),)), "a tick 2565, which cannot be among the words -1 to 3"),
    (replace(SAID, ticks=((-2_570, 5),)), "a tick -2570, which cannot be among"),
    (replace(SAID, ticks=((10_240, 5),)), "a tick 10240, which cannot be among"),
    (
        replace(SAID, ticks=((2_570, -(1 << 127)),)),
        "a net liquidity of -170141183460469231731687303715884105728 at tick",
    ),
]


@pytest.mark.parametrize(("said", "why"), LIES, ids=[why[:40] for _, why in LIES])
def test_decode_lens__of_what_no_pool_can_say__is_unavailable_with_the_figures(said: Said, why: str) -> None:
    with pytest.raises(
        Unavailable, match=f"^pool USDC/WETH at {KEY.pool}: the lens answers .*{why}.*; use another node"
    ):
        decode_lens(KEY, said.result())


@pytest.mark.parametrize(("word", "bits"), [(0, 160), (2, 128)])
def test_decode_lens__of_figures_too_large__is_unavailable(word: int, bits: int) -> None:
    data = bytearray(SAID.result().data)
    data[word * 32 : word * 32 + 32] = uint_word(1 << bits)
    with pytest.raises(Unavailable, match=f"word {word} does not fit in uint{bits}"):
        decode_lens(KEY, CallResult(True, bytes(data)))


@pytest.mark.parametrize("asked", [(-1, 2), (0, 3), (-2, 4)])
def test_decode_lens__of_other_words_than_were_asked_for__is_unavailable(asked: tuple[int, int]) -> None:
    with pytest.raises(Unavailable, match=f"with the bitmap words -1 to 3, expected {asked[0]} to {asked[1]}"):
        decode_lens(KEY, SAID.result(), asked)


# ---------------------------------------------------------------- as pools

POOL_KEY = PoolKey("v3", USDC, WETH, 500)
READS = PoolReads.of((POOL_KEY,), (), MAINNET)
IMPOSSIBLE = r"pool v3 USDC/WETH 500 ppm at 0x\w+: the lens answers ticks that take its liquidity"


def test_pools__with_ticks_that_fit_their_liquidity__are_believed() -> None:
    (pool,) = READS.decode((), [SAID.result()])
    assert isinstance(pool, V3Pool) and pool.liquidity == 10**18


@pytest.mark.parametrize("net", [10**18 + 1, (1 << 127) - 1, -(1 << 127) + 1])
def test_pools__with_ticks_that_do_not_fit_their_liquidity__are_unavailable(net: int) -> None:
    rising = ((2_560, net), (2_570, 0)) if net > 0 else ((2_570, net),)
    with pytest.raises(Unavailable, match=IMPOSSIBLE):
        READS.decode((), [replace(SAID, ticks=rising).result()])


def test_widening__with_ticks_that_do_not_fit_the_pools_liquidity__is_unavailable() -> None:
    (pool,) = READS.decode((), [SAID.result()])
    assert isinstance(pool, V3Pool)
    widening = Widening.of(pool, NeedTicks(pool.address, -1, 4, 0), MAINNET.uniswap_v3_factory)
    further = replace(SAID, low=4, high=4, ticks=((10_240, 3),))
    assert widening.decode([further.result()]).ticks[-1] == (10_240, 3)
    with pytest.raises(Unavailable, match=IMPOSSIBLE):
        widening.decode([replace(further, ticks=((10_240, -(10**18)),)).result()])


# ---------------------------------------------------------------- what is asked for


def test_around_call__of_a_pool_whose_every_tick_may_be_in_use__asks_for_more_of_them() -> None:
    def enough(call: EthCall) -> int:
        return int.from_bytes(call.data[-32:], "big")

    assert enough(around_call(KEY)) == 32
    assert enough(around_call(replace(KEY, fee=100))) == 128


def test_pool_reads__of_a_pool_that_is_traded_and_gives_a_price__read_it_once() -> None:
    turned = PoolKey("v3", WETH, USDC, 500)
    other = PoolKey("v3", WETH, USDC, 3_000)
    assert PoolReads.of((POOL_KEY,), (turned,), MAINNET).keys == READS.keys
    assert [key for key, _ in PoolReads.of((POOL_KEY,), (other, turned, other), MAINNET).keys] == [POOL_KEY, other]
