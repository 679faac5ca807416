"""Calldata of Uniswap's SwapRouter02. Its swap structs carry no deadline: the multicall around them does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, groupby

from rebalancer.adapters.chain.codec import WORD, address_word, bytes_tail, uint_word
from rebalancer.core.model import Call
from rebalancer.market.addresses import address_bytes
from rebalancer.market.routing import Hop, Route
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Address

MULTICALL = bytes.fromhex("5ae401dc")
"""multicall(uint256,bytes[]): reverts with "Transaction too old" after the deadline."""
EXACT_INPUT_SINGLE = bytes.fromhex("04e45aaf")
"""exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"""
EXACT_INPUT = bytes.fromhex("b858183f")
"""exactInput((bytes,address,uint256,uint256))"""
SWAP_EXACT_TOKENS = bytes.fromhex("472b43f3")
"""swapExactTokensForTokens(uint256,uint256,address[],address)"""

ROUTER_ITSELF = Address("0x0000000000000000000000000000000000000002")
"""As a recipient. Constants.ADDRESS_THIS of swap-router-contracts."""
ALL_IT_HOLDS = 0
"""As an amount. Constants.CONTRACT_BALANCE."""
_FEE_BYTES = 3


def swap_call(router: Address, route: Route, recipient: Address, amounts: tuple[int, int], deadline: int) -> Call:
    """Sell exactly the first of `amounts` for at least the second, void after `deadline`.

    A route through pools of both kinds is several swaps of one call. What one brings stays with the router, and the
    next sells all that the router holds of it; only the last has a floor.

    ValueError for an amount of 0: the router takes it as all that the router itself holds.
    """
    amount_in, floor = amounts
    if amount_in <= 0:
        raise ValueError(f"a swap of {amount_in} is no swap")
    parts = [tuple(hops) for _, hops in groupby(route.hops, key=lambda hop: type(hop.pool))]
    if not parts:
        raise ValueError("a route has one hop at least")
    last = len(parts) - 1
    swaps = [
        _swap(
            hops,
            recipient if number == last else ROUTER_ITSELF,
            amount_in if number == 0 else ALL_IT_HOLDS,
            floor if number == last else 0,
        )
        for number, hops in enumerate(parts)
    ]
    return Call(router, MULTICALL + uint_word(deadline) + uint_word(2 * WORD) + _array(swaps))


def _array(elements: Sequence[bytes]) -> bytes:
    """A bytes[]: its length, where each element begins, and the elements."""
    tails = [bytes_tail(element) for element in elements]
    starts = accumulate((len(tail) for tail in tails[:-1]), initial=len(tails) * WORD)
    return uint_word(len(tails)) + b"".join(uint_word(start) for start in starts) + b"".join(tails)


def _swap(hops: Sequence[Hop], recipient: Address, amount_in: int, floor: int) -> bytes:
    v3 = [hop.pool for hop in hops if isinstance(hop.pool, V3Pool)]
    if not v3:
        return _v2(hops, recipient, amount_in, floor)
    if len(v3) == 1:
        return _v3_single(hops[0], v3[0].fee, recipient, (amount_in, floor))
    return _v3_path(hops, [pool.fee for pool in v3], recipient, (amount_in, floor))


def _v3_single(hop: Hop, fee: int, recipient: Address, amounts: tuple[int, int]) -> bytes:
    words = (
        address_word(hop.token_in.address),
        address_word(hop.token_out.address),
        uint_word(fee, 24),
        address_word(recipient),
        uint_word(amounts[0]),
        uint_word(amounts[1]),
        uint_word(0),  # no price limit: the floor is ours
    )
    return EXACT_INPUT_SINGLE + b"".join(words)


def _v3_path(hops: Sequence[Hop], fees: Sequence[int], recipient: Address, amounts: tuple[int, int]) -> bytes:
    path = address_bytes(hops[0].token_in.address)
    for hop, fee in zip(hops, fees, strict=True):
        path += fee.to_bytes(_FEE_BYTES, "big") + address_bytes(hop.token_out.address)
    head = uint_word(4 * WORD) + address_word(recipient) + uint_word(amounts[0]) + uint_word(amounts[1])
    return EXACT_INPUT + uint_word(WORD) + head + bytes_tail(path)


def _v2(hops: Sequence[Hop], recipient: Address, amount_in: int, floor: int) -> bytes:
    tokens = [hops[0].token_in, *(hop.token_out for hop in hops)]
    head = uint_word(amount_in) + uint_word(floor) + uint_word(4 * WORD) + address_word(recipient)
    return SWAP_EXACT_TOKENS + head + uint_word(len(tokens)) + b"".join(address_word(t.address) for t in tokens)
