"""A replica made from a file of pool states: a small one of our own, and mainnet's where it is at hand."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import v2_pair_address, v3_pool_address
from rebalancer.market.tick_math import sqrt_ratio_at_tick
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS
from rebalancer.replica.poolfile import read_pool_file

DATA = Path(os.environ.get("REBALANCER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
POOL_FILE = DATA / "mainnet_pools.json"
needs_data = pytest.mark.skipif(not POOL_FILE.is_file(), reason=f"no {POOL_FILE.name} in REBALANCER_DATA")

USDC = {"address": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "symbol": "USDC", "decimals": 6}
WETH = {"address": "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "symbol": "WETH", "decimals": 18}
TINY = {"address": "0x1111111111111111111111111111111111111111", "symbol": "TINY", "decimals": 9}
ROUND = ("uint80", "int256", "uint256", "uint256", "uint80")


def _content() -> dict[str, Any]:
    """ETH at tick 200,000 of USDC/WETH (2,063 dollars), and a pair of a token that nobody knows."""
    factory3, factory2 = MAINNET.uniswap_v3_factory, MAINNET.uniswap_v2_factory
    pool = {
        "address": v3_pool_address(factory3, USDC["address"], WETH["address"], 500),
        "token0": USDC,
        "token1": WETH,
        "fee": 500,
        "tick_spacing": 10,
        "sqrt_price_x96": str(sqrt_ratio_at_tick(200_000) + 1),
        "tick": 200_000,
        "liquidity": "3000000000000000000",
        "ticks": [[199_000, "1000000000000000000"], [199_990, "2000000000000000000"]]
        + [[200_010, "-2000000000000000000"], [201_000, "-1000000000000000000"]],
    }
    pair = {
        "address": v2_pair_address(factory2, TINY["address"], WETH["address"]),
        "token0": TINY,
        "token1": WETH,
        "reserve0": "2000000000000000",
        "reserve1": "1000000000000000000000",
    }
    return {"chain_id": 1, "uniswap_v3": [pool], "uniswap_v2": [pair]}


def _write(folder: Path, content: Any) -> Path:
    path = folder / "pools.json"
    path.write_text(json.dumps(content))
    return path


def _answer(replica: Replica, feed: str) -> int:
    return int(replica.read(FEEDS[feed].address, "latestRoundData()", returns=ROUND)[1])


def _quote(replica: Replica, token_in: str, token_out: str, fee: int, amount: int) -> tuple[int, int]:
    """Amount out and initialized ticks crossed, by the real quoter."""
    from rebalancer.market.addresses import keccak256

    selector = keccak256(b"quoteExactInputSingle((address,address,uint256,uint24,uint160))")[:4].hex()
    words = (int(token_in, 16), int(token_out, 16), amount, fee, 0)
    data = f"0x{selector}" + "".join(f"{word:064x}" for word in words)
    answer = replica.rpc.call("eth_call", {"to": MAINNET.quoter_v2, "data": data}, "latest")
    return int(answer[2:66], 16), int(answer[130:194], 16)


def test_pool_file__of_our_own__is_on_the_chain(tmp_path: Path) -> None:
    with Replica.start(pools=_write(tmp_path, _content())) as replica:
        pool = replica.pool("USDC", "WETH", 500)
        slot0 = replica.read(pool.address, "slot0()", returns=("uint160", "int24") + ("uint256",) * 5)
        assert slot0[:2] == (sqrt_ratio_at_tick(200_000) + 1, 200_000)
        assert replica.read(pool.address, "liquidity()") == (3 * 10**18,)
        ticks = replica.read(pool.address, "ticks(int24)", 199_990, returns=("uint128", "int128"))
        assert ticks == (2 * 10**18, 2 * 10**18)
        # 1e12 / 1.0001 ** 200,000 dollars, and half a millionth of an ether for a base unit of TINY.
        assert replica.prices["WETH"] // 10**8 == 2_063
        assert _answer(replica, "ETH/USD") == replica.prices["WETH"]
        assert abs(replica.prices["TINY"] * 2_000 - replica.prices["WETH"]) < 2_000
        # The other pools are in line with the file.
        other = replica.pool("USDC", "WETH", 3000)
        near = replica.read(other.address, "slot0()", returns=("uint160", "int24") + ("uint256",) * 5)[1]
        assert abs(near - 200_000) <= 10
        out, crossed = _quote(replica, str(USDC["address"]), str(WETH["address"]), 500, 8_000_000 * 10**6)
        assert crossed >= 1 and out > 0


def test_pool_file__with_a_pool_at_a_wrong_address__is_refused(tmp_path: Path) -> None:
    content = _content()
    content["uniswap_v3"][0]["fee"] = 3000
    with pytest.raises(ConfigError, match="is not the pool of USDC/WETH"):
        read_pool_file(_write(tmp_path, content))


@pytest.mark.parametrize("content", [{}, [], {"uniswap_v3": [{}], "uniswap_v2": []}, {"uniswap_v3": 5}])
def test_pool_file__of_another_shape__is_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ConfigError, match="pool file .*pools.json"):
        read_pool_file(_write(tmp_path, content))


def test_pool_file__that_is_not_there__is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        Replica.start(pools=tmp_path / "none.json")


def test_market__of_a_replica_from_a_file__is_not_moved(tmp_path: Path) -> None:
    with (
        Replica.start(pools=_write(tmp_path, _content())) as replica,
        pytest.raises(ConfigError, match="came from a file"),
    ):
        replica.move_market({"WETH": 1})


@pytest.fixture(scope="module")
def mainnet_replica() -> Iterator[Replica]:
    with Replica.start(pools=POOL_FILE) as replica:
        yield replica


@needs_data
def test_mainnet_file__loaded__is_ready_within_ten_seconds() -> None:
    began = time.monotonic()
    with Replica.start(pools=POOL_FILE):
        assert time.monotonic() - began < 10


@needs_data
def test_mainnet_file__pool_by_pool__is_on_the_chain(mainnet_replica: Replica) -> None:
    content = json.loads(POOL_FILE.read_text())
    for entry in content["uniswap_v3"]:
        slot0 = mainnet_replica.read(entry["address"], "slot0()", returns=("uint160", "int24") + ("uint256",) * 5)
        assert slot0[:2] == (int(entry["sqrt_price_x96"]), entry["tick"])
        assert mainnet_replica.read(entry["address"], "liquidity()") == (int(entry["liquidity"]),)
    for entry in content["uniswap_v2"]:
        reserves = mainnet_replica.read(entry["address"], "getReserves()", returns=("uint112", "uint112", "uint32"))
        assert reserves[:2] == (int(entry["reserve0"]), int(entry["reserve1"]))


@needs_data
def test_mainnet_file__liquidity_in_range__is_the_sum_of_the_ticks_below() -> None:
    for state in read_pool_file(POOL_FILE):
        if state.pool.kind == "v3":
            assert sum(tick.net for tick in state.ticks if tick.index <= state.tick) == state.liquidity
            assert sum(tick.net for tick in state.ticks) == 0


@needs_data
def test_mainnet_file__a_large_quote_in_every_pool__crosses_many_ticks_and_is_paid(mainnet_replica: Replica) -> None:
    for pool in mainnet_replica.pools[:8]:
        for sell, buy in ((pool.token0, pool.token1), (pool.token1, pool.token0)):
            amount = mainnet_replica.balance(sell.address, pool.address) // 2
            out, crossed = _quote(mainnet_replica, sell.address, buy.address, pool.fee, amount)
            assert crossed >= 5, (pool, sell)
            # The quoter asks the pool to pay, so a balance that does not cover the ticks would revert.
            assert 0 < out <= mainnet_replica.balance(buy.address, pool.address)
