"""Built calls: the path is all that the operator says, and it has one form."""

from __future__ import annotations

import pytest
from catalogue import ends_at, stopped_by
from eth_abi.abi import encode
from given_attacks import GOLD, IRON, SILV, Arena
from given_market import DAI_HUB, USDC, USDT_HUB, WBTC, WETH, Market
from given_module import v2_path, v3_path
from given_routes import EXACT_INPUT

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.replica.calls import encode_call, selector

HUB = 16
ALL_OF_IT = 0
"""As SwapRouter02 is told to swap what it holds."""
BUILT = "built calls"


def _fee(fee: int) -> bytes:
    return fee.to_bytes(3, "big")


@pytest.mark.parametrize(
    ("hops", "places"),
    [(((3_000, IRON), (100, 0)), (IRON,)), (((500, HUB), (10_000, IRON), (2**24 - 1, 0)), (HUB, IRON))],
)
@stopped_by(3, BUILT, "the module's own calldata")
def test_v3_path__over_hubs__becomes_exact_input_to_the_safe_at_the_floor(
    arena: Arena, hops: tuple[tuple[int, int], ...], places: tuple[int, ...]
) -> None:
    swap = arena.sell(GOLD, SILV, 10_000, path=v3_path(*hops))
    arena.settles([swap])
    hubs = [arena.hub.address if place == HUB else arena.tokens[place].address for place in places]
    tokens = [bytes.fromhex(each[2:]) for each in (arena.tokens[GOLD].address, *hubs, arena.tokens[SILV].address)]
    path = tokens[0] + b"".join(_fee(fee) + token for (fee, _), token in zip(hops, tokens[1:], strict=True))
    struct = encode(["(bytes,address,uint256,uint256)"], [(path, arena.safe, ALL_OF_IT, swap.min_out)])
    assert arena.router.read("last_data") == selector(EXACT_INPUT) + struct


@pytest.mark.parametrize("places", [(), (IRON,), (HUB,), (HUB, IRON), (IRON, HUB)])
@stopped_by(3, BUILT, "the module's own calldata")
def test_v2_path__becomes_a_swap_to_the_safe_at_the_floor(arena: Arena, places: tuple[int, ...]) -> None:
    swap = arena.sell(GOLD, SILV, 10_000, path=v2_path(*places))
    arena.settles([swap])
    hubs = [arena.hub.address if place == HUB else arena.tokens[place].address for place in places]
    tokens = [arena.tokens[GOLD].address, *hubs, arena.tokens[SILV].address]
    signature = "swapExactTokensForTokens(uint256,uint256,address[],address)"
    expected = encode_call(signature, ALL_OF_IT, swap.min_out, tokens, arena.safe)
    assert "0x" + arena.router.read("last_data").hex() == expected


@pytest.mark.parametrize(
    "path",
    [
        v3_path((500, 0)),
        v3_path((500, USDT_HUB), (100, 0)),
        v3_path((500, DAI_HUB), (100, 0)),
        v3_path((500, WBTC), (3_000, USDT_HUB), (100, 0)),
        v2_path(),
    ],
)
@stopped_by(3, BUILT, "the Safe has it")
def test_path__over_real_pools__is_carried_out_by_the_real_router(market: Market, path: int) -> None:
    swap, usdc, weth = market.swap(WETH, USDC, 2_000, path=path), market.held(USDC), market.held(WETH)
    market.settles(swap)
    assert market.held(USDC) - usdc >= swap.min_out
    assert weth - market.held(WETH) == swap.amount_in
    # The pool has taken all of it.
    assert [market.replica.balance(token, MAINNET.swap_router_02) for token in ("WETH", "USDC", "USDT", "DAI")] == [
        0
    ] * 4


ONE_HOP = v3_path((500, 0))
PATHS = {
    "nothing": 0,
    "no kind": 1 << 8 | 500 << 16,
    "kind 1": 1 | 1 << 8,
    "kind 4": 4 | 1 << 8,
    "no hops, V3": 3,
    "no hops, V2": 2,
    "four hops": 3 | 4 << 8 | 500 << 16,
    "four hops, full": v3_path((500, IRON), (500, HUB), (500, HUB), (500, 0)),
    "255 hops": 3 | 255 << 8,
    "a place behind the last hop": ONE_HOP | 1 << 40,
    "a second fee on one hop": ONE_HOP | 1 << 48,
    "a third fee on two hops": v3_path((500, IRON), (500, 0)) | 1 << 80,
    "a place behind the second hop": v3_path((500, IRON), (500, 0)) | 1 << 72,
    "a bit above three hops": v3_path((500, HUB), (500, IRON), (500, 0)) | 1 << 104,
    "the top bit": ONE_HOP | 1 << 255,
    "a fee on V2": v2_path() | 1 << 16,
    "a second fee on V2": v2_path(IRON) | 1 << 48,
    "a third fee on V2": v2_path(HUB, IRON) | 1 << 80,
    "the top bit on V2": v2_path() | 1 << 255,
}


@pytest.mark.parametrize("name", PATHS)
@ends_at("path")
def test_path__of_another_form__is_refused(arena: Arena, name: str) -> None:
    arena.refuses("path", [arena.sell(GOLD, SILV, 10_000, path=PATHS[name])])


@pytest.mark.parametrize("place", [3, 12, 15, 17, 20, 255])
@ends_at("hub")
def test_hub__that_is_not_listed__is_refused(arena: Arena, place: int) -> None:
    arena.refuses("hub", [arena.sell(GOLD, SILV, 10_000, path=v3_path((500, place), (500, 0)))])
    arena.refuses("hub", [arena.sell(GOLD, SILV, 10_000, path=v2_path(IRON, place))])


@pytest.mark.parametrize("hubs", [(GOLD,), (SILV,), (HUB, HUB), (IRON, IRON), (IRON, GOLD), (HUB, SILV), (SILV, HUB)])
@ends_at("hub_twice")
def test_hub__that_is_on_the_path_already__is_refused(arena: Arena, hubs: tuple[int, ...]) -> None:
    arena.refuses("hub_twice", [arena.sell(GOLD, SILV, 10_000, path=v2_path(*hubs))])
    hops = [(500, hub) for hub in hubs]
    arena.refuses("hub_twice", [arena.sell(GOLD, SILV, 10_000, path=v3_path(*hops, (500, 0)))])
