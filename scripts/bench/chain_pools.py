"""Every Uniswap pool of a chain, read whole through the node: V3 with all of its ticks, V2 with its reserves."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import encode

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Call, Rpc
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.market.pools import Pool
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import Address, Token

POOL_CREATED = "0x" + keccak256(b"PoolCreated(address,address,uint24,int24,address)").hex()
CHUNK = 1_000


def selector(signature: str) -> bytes:
    """The first four bytes of calldata."""
    return keccak256(signature.encode())[:4]


def words(data: str) -> list[int]:
    """Return data as unsigned words of 32 bytes."""
    raw = bytes.fromhex(data[2:])
    return [int.from_bytes(raw[at : at + 32], "big") for at in range(0, len(raw), 32)]


def signed(word: int) -> int:
    """A word read as int256."""
    return word - (1 << 256) if word >> 255 else word


def ask(to: str, signature: str, *values: int) -> Call:
    """The eth_call of a getter whose arguments are integers."""
    data = selector(signature) + encode(["int256"] * len(values), values)
    return ("eth_call", [{"to": to, "data": "0x" + data.hex()}, "latest"])


def read(rpc: Rpc, calls: Sequence[Call]) -> list[list[int]]:
    """The words that each call returned."""
    answers = [answer for at in range(0, len(calls), CHUNK) for answer in rpc.batch(calls[at : at + CHUNK])]
    return [words(answer) for answer in answers]


def read_pools(rpc: Rpc, only: set[str] | None = None) -> tuple[Pool, ...]:
    """The pools of both factories: all, or those whose address (lower case) is in `only`."""
    return (*read_v3_pools(rpc, only), *read_v2_pools(rpc, only))


def wanted(address: Address, only: set[str] | None) -> bool:
    return only is None or address.lower() in only


def read_v3_pools(rpc: Rpc, only: set[str] | None) -> tuple[V3Pool, ...]:
    where = {"fromBlock": "0x0", "toBlock": "latest", "address": MAINNET.uniswap_v3_factory, "topics": [POOL_CREATED]}
    pools = []
    for log in rpc.call("eth_getLogs", where):
        token0, token1 = (token(int(topic, 16)) for topic in log["topics"][1:3])
        spacing, word = words(log["data"])
        address = hex_address(word)
        if wanted(address, only):
            pools.append(read_v3_pool(rpc, address, (token0, token1), int(log["topics"][3], 16), spacing))
    return tuple(pools)


def read_v3_pool(rpc: Rpc, address: Address, pair: tuple[Token, Token], fee: int, spacing: int) -> V3Pool:
    """One pool with its whole bitmap."""
    first, last = all_words(spacing)
    slot0, liquidity = read(rpc, [ask(address, "slot0()"), ask(address, "liquidity()")])
    bitmap = read(rpc, [ask(address, "tickBitmap(int16)", word) for word in range(first, last + 1)])
    indices = [
        (word * 256 + bit) * spacing
        for word, (bits,) in zip(range(first, last + 1), bitmap, strict=True)
        for bit in range(256)
        if bits >> bit & 1
    ]
    nets = [signed(tick[1]) for tick in read(rpc, [ask(address, "ticks(int24)", index) for index in indices])]
    ticks = tuple(zip(indices, nets, strict=True))
    return V3Pool(address, *pair, fee, spacing, slot0[0], signed(slot0[1]), liquidity[0], ticks, first, last)


def read_v2_pools(rpc: Rpc, only: set[str] | None) -> tuple[V2Pool, ...]:
    factory = MAINNET.uniswap_v2_factory
    ((count,),) = read(rpc, [ask(factory, "allPairsLength()")])
    found = read(rpc, [ask(factory, "allPairs(uint256)", number) for number in range(count)])
    pools = []
    for address in (hex_address(pair) for (pair,) in found):
        if not wanted(address, only):
            continue
        getters = [ask(address, f"{name}()") for name in ("token0", "token1", "getReserves")]
        (token0,), (token1,), reserves = read(rpc, getters)
        pools.append(V2Pool(address, token(token0), token(token1), reserves[0], reserves[1]))
    return tuple(pools)


def hex_address(word: int) -> Address:
    return checksum_address(f"0x{word:040x}")


def token(word: int) -> Token:
    # Name and decimals play no part in the arithmetic of a swap.
    address = hex_address(word)
    return Token(address[:8], address, 0)
