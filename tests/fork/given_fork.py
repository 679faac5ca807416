"""A fork of mainnet, of the true one or of the replica, and a Safe on it that is off its targets.

What is done here can be done on either: time and fees are the fork node's, and tokens are bought with the
ether of ape's accounts from the real router. Nothing writes into a token or a pool.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ape.api import AccountAPI, ProviderAPI
from ape.contracts import ContractInstance
from ape.managers.chain import ChainManager

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.replica.places import aggregator_address
from rebalancer.units import Address

ETHER = 10**18
BASE_FEE = 2 * 10**9
"""A quiet hour's. Pinned, because on a fork of the true mainnet it may be more than the limits allow."""
SENTINEL = "0x0000000000000000000000000000000000000001"
ZERO = "0x0000000000000000000000000000000000000000"
SAFE_BUILD = "@safe-global/safe-contracts/build/artifacts/contracts"
ABIS = {
    "weth": "canonical-weth/build/contracts/WETH9.json",
    "erc20": "@openzeppelin/contracts/build/contracts/ERC20.json",
    "router": "@uniswap/swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02.json",
    "quoter": "@uniswap/v3-periphery/artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json",
    "tick_lens": "@uniswap/v3-periphery/artifacts/contracts/lens/TickLens.sol/TickLens.json",
    "v2_factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "v3_factory": "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json",
    "feed": "@chainlink/contracts/abi/v0.6/EACAggregatorProxy.json",
    "safe": f"{SAFE_BUILD}/Safe.sol/Safe.json",
    "safe_factory": f"{SAFE_BUILD}/proxies/SafeProxyFactory.sol/SafeProxyFactory.json",
}
ROOT = Path(__file__).resolve().parents[2]


@cache
def abi(kind: str) -> list[dict[str, Any]]:
    """The interface of a contract, out of the package that it comes from."""
    content = json.loads((ROOT / "node_modules" / ABIS[kind]).read_bytes())
    return list(content["compilerOutput"]["abi"] if "compilerOutput" in content else content["abi"])


@dataclass(frozen=True)
class Fork:
    """The node that ape has started, and the handles of it that are used here."""

    chain: ChainManager
    provider: ProviderAPI

    @property
    def url(self) -> str:
        return str(self.provider.uri)

    def ask(self, method: str, *params: Any) -> Any:
        return self.provider.make_request(method, list(params))

    def contract(self, address: str, kind: str) -> ContractInstance:
        return self.chain.contracts.instance_at(
            address, abi=abi(kind), fetch_from_explorer=False, fetch_from_disk=False, detect_proxy=False
        )

    def token(self, symbol: str) -> ContractInstance:
        return self.contract(LISTINGS[symbol].token.address, "erc20")

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self.ask("eth_getCode", address, "latest")[2:])

    def nonce(self, address: str) -> int:
        return int(self.ask("eth_getTransactionCount", address, "latest"), 16)

    def pending(self, address: str) -> int:
        """How many of its transactions wait to be mined."""
        return int(self.ask("eth_getTransactionCount", address, "pending"), 16) - self.nonce(address)

    def ether(self, address: str) -> int:
        return int(self.ask("eth_getBalance", address, "latest"), 16)

    def head(self) -> tuple[int, int]:
        """Number and time of the newest block."""
        block = self.ask("eth_getBlockByNumber", "latest", False)
        return int(block["number"], 16), int(block["timestamp"], 16)

    def come_to_the_present(self) -> None:
        """One empty block, now. Going back to a snapshot takes the fork's clock back, and the base fee goes astray."""
        self.ask("anvil_setNextBlockBaseFeePerGas", hex(BASE_FEE))
        self.mine_at(max(int(time.time()), self.head()[1] + 1))

    def mine_at(self, timestamp: int) -> None:
        self.ask("evm_setNextBlockTimestamp", timestamp)
        self.ask("evm_mine")

    def warp(self, seconds: int) -> None:
        """One empty block, so many seconds after the newest."""
        self.mine_at(self.head()[1] + seconds)

    @contextmanager
    def without_blocks(self) -> Iterator[None]:
        """What is sent inside waits to be mined until the end."""
        self.ask("evm_setAutomine", False)
        try:
            yield
        finally:
            self.ask("evm_setAutomine", True)
            self.ask("evm_mine")

    @property
    def is_of_the_replica(self) -> bool:
        """Whether the upstream is the replica: on mainnet nothing stands where its aggregators do."""
        return bool(self.code(aggregator_address(FEEDS["ETH/USD"])))


@dataclass(frozen=True)
class Stage:
    """Who holds, who sends, who attacks, and the Safe that operator and owner own, one signature each."""

    fork: Fork
    owner: AccountAPI
    attacker: AccountAPI
    whale: AccountAPI
    operator: Address
    keys: Path
    """The folder of the operator's keystore and its password."""
    safe: ContractInstance

    def balances(self) -> dict[str, int]:
        return {symbol: int(self.fork.token(symbol).balanceOf(self.safe)) for symbol in LISTINGS}

    def allowances(self) -> dict[str, int]:
        """What the router may still pull out of the Safe."""
        router = MAINNET.swap_router_02
        return {symbol: int(self.fork.token(symbol).allowance(self.safe, router)) for symbol in LISTINGS}

    def as_the_safe(self, to: str, data: bytes) -> None:
        """A call from the Safe that its owner makes."""
        nothing = (0, 0, 0, ZERO, ZERO)
        signature = bytes(12) + bytes.fromhex(self.owner.address[2:]) + bytes(32) + b"\x01"
        self.safe.execTransaction(to, 0, data, 0, *nothing, signature, sender=self.owner)

    def admit(self, operator: str) -> None:
        """One more owner of the Safe, with money for gas."""
        self.owner.transfer(operator, ETHER)
        self.as_the_safe(self.safe.address, self.safe.addOwnerWithThreshold.encode_input(operator, 1))


def buy(fork: Fork, buyer: AccountAPI, order: tuple[str, int, int], receiver: str) -> None:
    """Spend ether on a token: `order` is (symbol, the V3 pool's fee, wei of ether). The receiver gets the token."""
    symbol, fee, wei = order
    weth, router = fork.contract(MAINNET.weth, "weth"), fork.contract(MAINNET.swap_router_02, "router")
    weth.deposit(value=wei, sender=buyer)
    weth.approve(router, wei, sender=buyer)
    path = (MAINNET.weth, LISTINGS[symbol].token.address, fee)
    router.exactInputSingle((*path, receiver, wei, 0, 0), sender=buyer)


def create_safe(fork: Fork, sender: AccountAPI, owners: list[str], threshold: int = 1) -> ContractInstance:
    """A Safe 1.4.1 by the real factory."""
    singleton, factory = fork.contract(MAINNET.safe, "safe"), fork.contract(MAINNET.safe_proxy_factory, "safe_factory")
    setup = singleton.setup.encode_input(owners, threshold, ZERO, b"", MAINNET.safe_fallback_handler, ZERO, 0, ZERO)
    receipt = factory.createProxyWithNonce(MAINNET.safe, setup, 0, sender=sender)
    (created,) = receipt.decode_logs(factory.ProxyCreation)
    return fork.contract(created.proxy, "safe")
