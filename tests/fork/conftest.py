"""One Safe for the whole run, made once; ape takes the fork back to it after each test."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from given_fork import ETHER, Fork, Stage, buy, create_safe
from given_fork_keeper import Keeper, a_keeper

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.wire import create_operator

HERE = Path(__file__).resolve().parent
COMMAND = "python scripts/test_fork.py"
HELD_WETH = 13 * ETHER
BOUGHT = (("WBTC", 3000, 5 * ETHER), ("USDC", 500, 4 * ETHER), ("LINK", 3000, 3 * ETHER), ("UNI", 3000, 2 * ETHER))
"""What the Safe holds besides, by what it is bought for: too much WETH, too little of all else."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ape there are no accounts and no fork."""
    if config.pluginmanager.hasplugin("ape_test"):
        return
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"needs ape's fork: {COMMAND}"))


@pytest.fixture(scope="session")
def fork(chain) -> Fork:
    if chain.provider.network.name != "mainnet-fork":
        pytest.skip(f"runs on ethereum:mainnet-fork:foundry: {COMMAND}")
    fork = Fork(chain, chain.provider)
    fork.come_to_the_present()
    return fork


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the operator's key, made as `operator new` makes it."""
    folder = tmp_path_factory.mktemp("keys")
    password = folder / "password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24))
    (folder / "address").write_text(create_operator(folder / "operator.json", password.read_text(), 1))
    return folder


@pytest.fixture(scope="session")
def filled(fork: Fork, accounts, keys: Path) -> Stage:
    owner, attacker, whale = accounts[0], accounts[1], accounts[2]
    operator = (keys / "address").read_text()
    owner.transfer(operator, ETHER)
    safe = create_safe(fork, owner, [operator, owner.address])
    weth = fork.contract(MAINNET.weth, "weth")
    weth.deposit(value=HELD_WETH, sender=owner)
    weth.transfer(safe, HELD_WETH, sender=owner)
    for order in BOUGHT:
        buy(fork, owner, order, safe.address)
    return Stage(fork, owner, attacker, whale, operator, keys, safe)


@pytest.fixture
def stage(filled: Stage) -> Stage:
    """The Safe as it was filled, at the present time and fee."""
    filled.fork.come_to_the_present()
    return filled


@pytest.fixture
def keeper(stage: Stage, tmp_path: Path) -> Keeper:
    """The keeper that `init` configures."""
    return a_keeper(stage, tmp_path)
