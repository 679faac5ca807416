"""What the keeper is told, in the words of the core: everything the file and the environment say, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rebalancer.config.password import Password
from rebalancer.core.model import Policy, Target
from rebalancer.core.model.estimation import Estimation
from rebalancer.core.model.module import ModuleAsset, ModuleLimits, ModuleRoute
from rebalancer.core.price import PoolKey, PriceRule
from rebalancer.units import Address, Token


@dataclass(frozen=True, slots=True)
class WalletSettings:
    """The account that holds the funds, and the operator's key."""

    kind: str
    """"safe" or "safe-module"."""
    address: Address
    """Of the Safe."""
    module: Address | None
    """Of the RebalanceModule; None: there is none, or not yet."""
    operator: Address
    keystore: Path
    password: Password = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModuleSettings:
    """The owners' on-chain policy as the file wants it, but for the addresses that depend on the chain."""

    guardian: Address | None
    """None: nobody, or whom the Safe has named."""
    assets: tuple[ModuleAsset, ...]
    hubs: tuple[Token, ...]
    """Further tokens that a path may run over."""
    routes: tuple[ModuleRoute, ...]
    """Beside Uniswap's own router."""
    limits: ModuleLimits


@dataclass(frozen=True, slots=True)
class OutsideSettings:
    """One venue that is asked over the network. None is what the venue's own adapter knows."""

    name: str
    router: Address | None
    url: str | None = field(repr=False)
    key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """One configuration. What may hold a key or a password stays out of its repr."""

    path: Path
    state: Path
    """The folder of the locks: this person's, wherever the configuration lies. Not made yet."""
    chain_id: int
    rpc_urls: tuple[str, ...] = field(repr=False)
    quorum: int
    """Nodes that must say the same of what a trade rests on: 1 or 2."""
    native: Token
    """The chain's coin, as its wrapped token."""
    tokens: tuple[Token, ...]
    """All, in the order of the file: the portfolio, hubs and price sources."""
    targets: tuple[Target, ...]
    """As the file has them: for good, or where they start."""
    estimation: Estimation | None
    """How they are found anew; None: never."""
    price_rules: tuple[PriceRule, ...]
    """One for each token, in the order of `tokens`."""
    pools: tuple[PoolKey, ...]
    outside: tuple[OutsideSettings, ...]
    """Who else is asked for quotes, beside the own router."""
    policy: Policy
    wallet: WalletSettings
    module: ModuleSettings | None
    """None: the wallet acts through no module."""
    confirmations: int
    patience: int
    """Seconds that a tick waits for its own transaction."""
    relay_url: str | None = field(repr=False)
    """Where transactions are sent first, out of sight of others; None: to the nodes."""
    relay_fallback: bool
    """Whether they are sent to the nodes too where the relay does not take them."""
    ledger_url: str = field(repr=False)
    """SQLAlchemy's."""
    notify_urls: tuple[str, ...] = field(repr=False)
    """Apprise's: where a person is told."""
    ping_url: str | None = field(repr=False)
    """Of a dead man's switch, which is told of each tick; None: there is none."""
    way_out: tuple[tuple[str, str], ...] = field(repr=False)
    """Variables that the programs get which tell people: proxies, certificates, and no secret of ours."""
    live: bool
    """Whether the file lets a tick send, where it is asked to."""
    paper_days: int = 0
    """How many days on paper must have gone well before anything is sent; 0: none."""
    paper: bool = False
    """Played on paper: a portfolio of its own in the ledger, without a key, and without a way to send."""
