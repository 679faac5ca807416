"""Pools of the real factories for the arena's tokens, with as much in them as an attacker likes."""

from __future__ import annotations

from math import isqrt

from eth_abi.abi import encode
from given_attacks import Arena

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import sort_tokens
from rebalancer.replica.calls import selector
from rebalancer.units import Address

FEE = 500
SPACING = 10
WIDEST = 887_270
"""The outermost tick of a pool with this fee."""
MINT = "(address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256)"


def a_v3_pool(arena: Arena, a: int, b: int, amounts: tuple[int, int]) -> Address:
    """Over the whole range, at the price that the two amounts (base units) say."""
    replica, manager, attacker = arena.replica, MAINNET.position_manager, arena.attacker
    held = dict(zip((arena.tokens[a].address, arena.tokens[b].address), amounts, strict=True))
    first, second = sort_tokens(*held)
    for token in (arena.tokens[a], arena.tokens[b]):
        token.set("mint", attacker, held[token.address])
        token.send(attacker, "approve", manager, held[token.address])
    root = isqrt((held[second] << 192) // held[first])
    create = "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"
    replica.transact(attacker, manager, create, first, second, FEE, root)
    position = (first, second, FEE, -WIDEST, WIDEST, held[first], held[second], 0, 0, attacker, 2**40)
    replica.send(attacker, manager, "0x" + (selector(f"mint({MINT})") + encode([MINT], [position])).hex())
    return _v3_pool(arena, first, second)


def a_thin_pool(arena: Arena, sells: int, buys: int, bought: int, percent: int = 100) -> Address:
    """A V3 pool that pays at about `percent` of the fair price, and has so much (base units) to pay with: then it takes
    no more, whatever it is offered.
    """
    replica, manager, attacker = arena.replica, MAINNET.position_manager, arena.attacker
    token_in, token_out = arena.tokens[sells], arena.tokens[buys]
    amounts = {token_in.address: arena.fair(buys, sells, bought) * 100 // percent, token_out.address: bought}
    first, second = sort_tokens(*amounts)
    create = "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"
    replica.transact(attacker, manager, create, first, second, FEE, isqrt((amounts[second] << 192) // amounts[first]))
    pool = _v3_pool(arena, first, second)
    tick = replica.read(pool, "slot0()", returns=("uint160", "int24"))[1] // SPACING * SPACING
    # All of it on the side that the price comes to when there is a sale: so it consists of what is bought.
    ticks = (tick - SPACING, tick) if second == token_out.address else (tick + SPACING, tick + 2 * SPACING)
    token_out.set("mint", attacker, bought)
    token_out.send(attacker, "approve", manager, bought)
    held = (0, bought) if second == token_out.address else (bought, 0)
    position = (first, second, FEE, *ticks, *held, 0, 0, attacker, 2**40)
    replica.send(attacker, manager, "0x" + (selector(f"mint({MINT})") + encode([MINT], [position])).hex())
    return pool


def a_v2_pair(arena: Arena, a: int, b: int, amounts: tuple[int, int]) -> Address:
    """With these amounts (base units) in it."""
    replica, factory, attacker = arena.replica, MAINNET.uniswap_v2_factory, arena.attacker
    tokens = (arena.tokens[a], arena.tokens[b])
    values = (tokens[0].address, tokens[1].address)
    replica.transact(attacker, factory, "createPair(address,address)", *values)
    pair = Address(replica.read(factory, "getPair(address,address)", *values, returns=("address",))[0])
    for token, amount in zip(tokens, amounts, strict=True):
        token.set("mint", pair, amount)
    replica.transact(attacker, pair, "mint(address)", attacker)
    return pair


def _v3_pool(arena: Arena, a: str, b: str) -> Address:
    get = "getPool(address,address,uint24)"
    return Address(arena.replica.read(MAINNET.uniswap_v3_factory, get, a, b, FEE, returns=("address",))[0])
