"""The project's own contract, compiled and deployed by ape: what it refuses, and that the keeper uses this code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ape import reverts
from given_fork import Fork

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import v3_pool_address
from rebalancer.replica.mainnet import LISTINGS

ARTIFACT = Path(__file__).resolve().parents[2] / "rebalancer" / "artifacts" / "PoolLens.json"
PAIR = tuple(LISTINGS[symbol].token.address for symbol in ("USDC", "WETH"))
KEY = (MAINNET.uniswap_v3_factory, *PAIR, 500)


@pytest.fixture(scope="module")
def lens(fork: Fork, accounts, project):
    return accounts[0].deploy(project.PoolLens)


def test_lens__compiled_by_ape__is_the_code_that_the_keeper_injects(fork: Fork, lens) -> None:
    assert fork.code(lens.address).hex() == json.loads(ARTIFACT.read_bytes())["runtime"].removeprefix("0x")


@pytest.mark.parametrize("key", [KEY, (*KEY[:3], 123)], ids=["a pool that is elsewhere", "a fee that no pool has"])
def test_lens__not_in_the_place_of_the_pool__refuses(lens, key) -> None:
    with reverts("PoolLens: no pool"):
        lens.around(key, 1, 1)


@pytest.mark.parametrize(
    ("method", "arguments", "reason"),
    [
        ("around", (17, 1), "PoolLens: reach too long"),
        ("around", (1, 129), "PoolLens: enough too high"),
        ("words", (1, 0), "PoolLens: no words"),
        ("words", (0, 4), "PoolLens: too many words"),
    ],
)
def test_lens__asked_for_too_much__refuses(lens, method: str, arguments: tuple[int, int], reason: str) -> None:
    with reverts(reason):
        getattr(lens, method)(KEY, *arguments)


def test_lens__in_the_place_of_the_pool__reads_its_price(fork: Fork, lens) -> None:
    """As the keeper asks: the pool's code is replaced for one eth_call, its storage is not."""
    pool = v3_pool_address(MAINNET.uniswap_v3_factory, *PAIR, 500)
    slot0 = int(fork.ask("eth_getStorageAt", pool, hex(0), "latest"), 16)
    data = "0x" + bytes(lens.around.encode_input(KEY, 0, 0)).hex()
    override = {pool: {"code": "0x" + fork.code(lens.address).hex()}}
    answer = fork.ask("eth_call", {"to": pool, "data": data}, "latest", override)
    assert int(answer[2:66], 16) == slot0 & (2**160 - 1) > 0
