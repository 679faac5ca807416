"""The wallet of the configured kind, who signs and sends for it, and what its owners are told and send themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebalancer.adapters.chain.book import WalletReads
from rebalancer.adapters.chain.deployments import DEPLOYMENTS, Deployment
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets import abi
from rebalancer.adapters.wallets.keyless import Keyless
from rebalancer.adapters.wallets.keystore import KeystoreSigner, new_operator
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.module_reads import ModuleReads, Wanted
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_module import ModuleSafe
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Relay, Sender
from rebalancer.config import Settings, module_policy
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import NOBODY, Call, ModulePolicy, ModuleSwap, ModuleWallet, Snapshot
from rebalancer.units import Address, Ppm

if TYPE_CHECKING:
    from rebalancer.adapters.wallets.seen import Seen


def wallet_of(
    settings: Settings, rpc: Rpc, deployment: Deployment, sender: Sender | Keyless
) -> tuple[SafeWallet | ModuleSafe, WalletReads]:
    """The wallet of the configured kind, and what the tick reads about it."""
    patience = Patience(settings.confirmations)
    if settings.module is None:
        address = settings.wallet.address
        return SafeWallet(rpc, address, deployment, sender, patience), SafeReads(address)
    wanted = _wanted(settings)
    return ModuleSafe(rpc, wanted, deployment.multicall3, sender, patience), ModuleReads(wanted)


def sender_of(settings: Settings, nodes: Nodes, relay: Relay | None) -> Sender | Keyless:
    """Who signs and sends: on paper nobody."""
    if settings.paper:
        return Keyless(nodes, settings.chain_id, settings.wallet.operator)
    return Sender(nodes, settings.chain_id, make_signer(settings), settings.policy.limits, relay)


def relay_of(settings: Settings) -> Relay | None:
    if settings.relay_url is None:
        return None
    try:
        # Never more than once: what it may have taken is not offered again before the chain was looked at.
        rpc = Rpc(settings.relay_url, settings.chain_id)
    except ConfigError:
        # Its text counts the nodes.
        raise ConfigError("execution.relay is no http or https URL: expected https://host/…") from None
    return Relay(rpc, settings.relay_fallback)


def make_signer(settings: Settings) -> KeystoreSigner:
    """The operator's key, still locked."""
    wallet = settings.wallet
    return KeystoreSigner(wallet.keystore, wallet.operator, wallet.password, settings.chain_id)


def create_operator(path: Path, password: str, chain_id: int) -> Address:
    """A new operator account for a chain, encrypted at `path`; its address. ConfigError where a file stands there."""
    return new_operator(path, password, chain_id)


def examine_wallet(settings: Settings, snapshot: Snapshot) -> tuple[Seen, ...]:
    """What a person should know of a module and its Safe before trusting them; nothing for a wallet without one."""
    from rebalancer.adapters.wallets.module_doctor import examine

    if not isinstance(snapshot.wallet, ModuleWallet):
        return ()
    return tuple(examine(Rpc(settings.rpc_urls, settings.chain_id), snapshot, snapshot.wallet))


def wanted_policy(settings: Settings) -> tuple[ModulePolicy, tuple[Ppm, ...]]:
    """What the owners want on-chain, and the targets in ppm. ConfigError where the wallet is no module's."""
    return module_policy(settings, deployment_of(settings).swap_router_02)


def module_init_code(settings: Settings) -> bytes:
    """What is sent to deploy the module that the configuration wants. ConfigError where it wants none."""
    from rebalancer.adapters.wallets.module_code import init_code

    policy, targets = wanted_policy(settings)
    guardian = None if settings.module is None else settings.module.guardian
    return init_code(policy, settings.wallet.operator, guardian or NOBODY, targets)


def rebalance_data(swaps: Sequence[ModuleSwap], deadline: int, nonce: int) -> bytes:
    """Calldata of the one function that a module has for its operator."""
    from rebalancer.adapters.wallets import module_abi

    return module_abi.rebalance_data(swaps, b"", deadline, nonce)


def owners_call(safe: Address, owner: Address, call: Call) -> Call:
    """What an owner sends, alone, so that the Safe makes `call`."""
    return abi.exec_by_sender(safe, owner, call)


def _wanted(settings: Settings) -> Wanted:
    (policy, targets), module = wanted_policy(settings), settings.wallet.module
    if module is None:
        raise ConfigError(
            f"{settings.path.name}: wallet.module is empty, expected the address of the RebalanceModule: deploy it "
            "from this file with `ape run deploy_module`, then write its address there"
        )
    guardian = None if settings.module is None else settings.module.guardian
    names = {token.address: token.symbol for token in settings.tokens}
    # Those that are estimated the tick sets itself: in between the chain's are as far as they have come.
    fixed = targets if settings.estimation is None else None
    return Wanted(module, policy, fixed, settings.wallet.operator, guardian, names)


def deployment_of(settings: Settings) -> Deployment:
    if settings.chain_id not in DEPLOYMENTS:
        known = ", ".join(map(str, DEPLOYMENTS))
        raise ConfigError(f"chain.id: no contracts are known on chain {settings.chain_id}; expected one of {known}")
    return DEPLOYMENTS[settings.chain_id]
