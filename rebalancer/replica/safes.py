"""The releases of Safe beside 1.4.1, placed on demand: a version goes in, mainnet's contracts stand at mainnet's
addresses. The replica itself starts with 1.4.1 alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.errors import ConfigError
from rebalancer.replica.bytecode import npm_init_code
from rebalancer.replica.node import Node
from rebalancer.replica.places import SAFE_FACTORY, SAFE_FACTORY_CODE
from rebalancer.units import Address

DEPLOYMENT_PROXY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
"""The deterministic deployment proxy that Safe took before it had a factory of its own. The code is the same."""
SALT = "00" * 32


@dataclass(frozen=True, slots=True)
class Release:
    """What makes a Safe of one version, and the account from which CREATE2 put it where it is on mainnet."""

    version: str
    creator: str
    singleton: Address
    factory: Address
    handler: Address

    def init_codes(self) -> dict[Address, str]:
        """Address → the code that is to be run for it."""
        names = {
            "Safe": self.singleton,
            "SafeProxyFactory": self.factory,
            "CompatibilityFallbackHandler": self.handler,
        }
        suffix = "" if self.singleton == MAINNET.safe else f" {self.version}"
        return {address: npm_init_code(name + suffix) for name, address in names.items()}


RELEASES: Mapping[str, Release] = {
    release.version: release
    for release in (
        Release(
            "1.3.0",
            DEPLOYMENT_PROXY,
            Address("0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"),
            Address("0xa6B71E26C5e0845f74c812102Ca7114b6a896AB2"),
            Address("0xf48f2B2d2a534e402487b3ee7C18c33Aec0Fe5e4"),
        ),
        Release("1.4.1", SAFE_FACTORY, MAINNET.safe, MAINNET.safe_proxy_factory, MAINNET.safe_fallback_handler),
        Release(
            "1.5.0",
            SAFE_FACTORY,
            Address("0xFf51A5898e281Db6DfC7855790607438dF2ca44b"),
            Address("0x14F2982D601c9458F93bd70B218933A6f8165e7b"),
            Address("0x3EfCBb83A4A7AfcB4F68D501E2c2203a38be77f4"),
        ),
    )
}


def release_of(singleton: str) -> Release:
    """The release with that singleton; that of 1.4.1, whose factory serves any, where it has another name."""
    for release in RELEASES.values():
        if release.singleton == singleton:
            return release
    return RELEASES["1.4.1"]


def place_release(node: Node, version: str) -> Release:
    """Places what is not there yet, and checks where it has landed. A block per contract."""
    release = RELEASES.get(version)
    if release is None:
        raise ConfigError(f"the replica has no Safe {version}: it has {', '.join(RELEASES)}")
    node.rpc.call("anvil_setCode", release.creator, SAFE_FACTORY_CODE)
    sender = node.actor("deployer").address
    for address, code in release.init_codes().items():
        if node.rpc.call("eth_getCode", address, "latest") != "0x":
            continue
        node.send(sender, release.creator, f"0x{SALT}{code[2:]}")
        if node.rpc.call("eth_getCode", address, "latest") == "0x":
            raise ConfigError(
                f"replica: Safe {version} did not land at {address}, where mainnet has it: the npm packages are not "
                "the ones of package-lock.json; run `npm ci`"
            )
    return release
