"""A RebalanceModule on the replica: an owners' Safe with the module enabled, and what is asked of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from given_artifacts import artifact
from suggested_limits import SUGGESTED

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.wallets.module_abi import (
    POLICY,
    STATE,
    constructor_data,
    decode_policy,
    decode_state,
    preview_data,
    rebalance_data,
)
from rebalancer.core.model.module import (
    NOBODY,
    ModuleAsset,
    ModuleLimits,
    ModulePolicy,
    ModuleRoute,
    ModuleState,
    ModuleSwap,
)
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import PPM, Address, Ppm, Usd

SYMBOLS = ("WETH", "WBTC", "USDC", "LINK", "UNI")
TARGETS = (300_000, 250_000, 200_000, 150_000, 100_000)
MARGIN = 600
FAR = 1 << 40
"""A deadline that does not matter."""

LIMITS = SUGGESTED


def asset(symbol: str, least: int = 0, most: int = PPM) -> ModuleAsset:
    """A token of the replica as mainnet's feeds price it."""
    feeds = [FEEDS[name] for name in LISTINGS[symbol].feeds]
    second = feeds[1] if len(feeds) > 1 else None
    return ModuleAsset(
        token=LISTINGS[symbol].token.address,
        feed=feeds[0].address,
        heartbeat=feeds[0].heartbeat + MARGIN,
        second_feed=second.address if second else NOBODY,
        second_heartbeat=second.heartbeat + MARGIN if second else 0,
        least=Ppm(least),
        most=Ppm(most),
        price_low=Usd(0),
        price_high=Usd(0),
    )


def policy_of(safe: Address, symbols: Sequence[str] = SYMBOLS, limits: ModuleLimits = LIMITS) -> ModulePolicy:
    """Built routes of SwapRouter02, USDT and DAI as further hubs."""
    return ModulePolicy(
        safe=safe,
        assets=tuple(asset(symbol) for symbol in symbols),
        hubs=(LISTINGS["USDT"].token.address, LISTINGS["DAI"].token.address),
        routes=(ModuleRoute(MAINNET.swap_router_02, NOBODY),),
        limits=limits,
    )


@cache
def bytecode(name: str) -> bytes:
    """The init code of an artifact."""
    return bytes.fromhex(artifact(name)["bytecode"][2:])


def v3_path(*hops: tuple[int, int]) -> int:
    """The word of a V3 path: (fee, place of the hub that the hop ends in), the last with 0."""
    word = 3 | len(hops) << 8
    for index, (fee, hub) in enumerate(hops):
        word |= fee << (16 + 32 * index) | hub << (40 + 32 * index)
    return word


def v2_path(*hubs: int) -> int:
    """The word of a V2 path over `hubs`."""
    word = 2 | (len(hubs) + 1) << 8
    for index, hub in enumerate(hubs):
        word |= hub << (40 + 32 * index)
    return word


@dataclass
class Module:
    """A deployed module and its Safe, spoken to by role. Only views and plain sends: nothing here decides."""

    replica: Replica
    safe: Address
    address: Address
    policy: ModulePolicy
    operator: Address
    guardian: Address
    owner: Address

    def state(self) -> ModuleState:
        return decode_state(self._view(STATE), "state()")

    def onchain_policy(self) -> ModulePolicy:
        return decode_policy(self._view(POLICY), "policy()")

    def data(self, swaps: Sequence[ModuleSwap], data: bytes = b"", **kwargs: int) -> bytes:
        nonce = kwargs.get("nonce", self.state().nonce)
        return rebalance_data(swaps, data, kwargs.get("deadline", FAR), nonce)

    def rebalance(self, swaps: Sequence[ModuleSwap], data: bytes = b"", **kwargs: int) -> dict[str, Any]:
        """Sent by the operator; the receipt. Raises where the node says that it reverts."""
        return self.replica.send(self.operator, self.address, "0x" + self.data(swaps, data, **kwargs).hex())

    def preview(self, swaps: Sequence[ModuleSwap], data: bytes = b"", **kwargs: int) -> bytes:
        nonce = kwargs.get("nonce", self.state().nonce)
        return self._view(preview_data(swaps, data, kwargs.get("deadline", FAR), nonce))

    def _view(self, data: bytes) -> bytes:
        answer = self.replica.rpc.call("eth_call", {"to": self.address, "data": "0x" + data.hex()}, "latest")
        return bytes.fromhex(answer[2:])

    def by_safe(self, signature: str, *values: Any) -> dict[str, Any]:
        """A call of the module from the Safe: what the owners can do."""
        return self.replica.transact(self.safe, self.address, signature, *values)


def deploy_module(
    replica: Replica,
    policy: ModulePolicy,
    targets: Sequence[int] = TARGETS,
    operator: Address | None = None,
    guardian: Address | None = None,
) -> Module:
    """Deployed and enabled on the policy's Safe; the replica lets us act as the Safe."""
    owner = replica.actor("owner").address
    operator = operator or replica.actor("operator").address
    guardian = guardian or replica.actor("guardian").address
    data = bytecode("RebalanceModule") + constructor_data(policy, operator, guardian, targets)
    address = replica.deploy(data)
    replica.deal("ETH", policy.safe, 10**18)
    replica.transact(policy.safe, policy.safe, "enableModule(address)", address)
    return Module(replica, policy.safe, address, policy, operator, guardian, owner)


def a_module(replica: Replica, symbols: Sequence[str] = SYMBOLS, targets: Sequence[int] = TARGETS) -> Module:
    """The usual one, on a new Safe of the owner, with nothing in it."""
    safe = replica.create_safe([replica.actor("owner").address])
    return deploy_module(replica, policy_of(safe, symbols), targets)


def with_limits(policy: ModulePolicy, **limits: Any) -> ModulePolicy:
    """The policy with other limits."""
    return replace(policy, limits=replace(policy.limits, **limits))
