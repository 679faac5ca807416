"""What the keeper is told, in the words of the core: everything the file and the environment say, frozen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Policy, Target
from rebalancer.core.model.module import ModuleAsset, ModuleLimits, ModuleRoute
from rebalancer.core.price import PoolKey, PriceRule
from rebalancer.units import Address, Token

PASSWORD_VARIABLE = "REBALANCER_PASSWORD"
OTHERS = 0o077
"""The permission bits of everybody but the owner of a file."""


@dataclass(frozen=True, slots=True)
class Password:
    """Where the keystore's password is. Read when it is needed: a tick that holds never holds it."""

    file: Path | None
    variable: str | None = field(repr=False)
    """The value of REBALANCER_PASSWORD, used where no file is named or there."""

    def __call__(self) -> str:
        """The password, without the line break that editors add. Raises ConfigError."""
        if self.variable and (self.file is None or not self.file.exists()):
            return self.variable
        if self.file is None:
            raise ConfigError(
                f"the operator's key is locked: expected `wallet.password_file` in the configuration, "
                f"or {PASSWORD_VARIABLE} in the environment; both are missing"
            )
        try:
            mode = self.file.stat().st_mode & 0o777
            text = self.file.read_text()
        except OSError as error:
            raise ConfigError(
                f"wallet.password_file: {self.file} cannot be read: {error.strerror}; "
                f"mend it, or set {PASSWORD_VARIABLE} instead"
            ) from None
        except UnicodeDecodeError:
            raise ConfigError(f"wallet.password_file: {self.file} holds no text, expected one line") from None
        if mode & OTHERS:
            raise ConfigError(
                f"wallet.password_file: {self.file} has permissions {mode:03o}, expected 600, so that no other account "
                f"of this machine reads it: chmod 600 {self.file}"
            )
        if not text.rstrip("\r\n"):
            raise ConfigError(f"wallet.password_file: {self.file} is empty, expected one line")
        return text.rstrip("\r\n")


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
class Settings:
    """One configuration. What may hold a key or a password stays out of its repr."""

    path: Path
    state: Path
    """The folder of the locks: this person's, wherever the configuration lies. Not made yet."""
    chain_id: int
    rpc_urls: tuple[str, ...] = field(repr=False)
    native: Token
    """The chain's coin, as its wrapped token."""
    tokens: tuple[Token, ...]
    """All, in the order of the file: the portfolio, hubs and price sources."""
    targets: tuple[Target, ...]
    price_rules: tuple[PriceRule, ...]
    """One for each token, in the order of `tokens`."""
    pools: tuple[PoolKey, ...]
    policy: Policy
    wallet: WalletSettings
    module: ModuleSettings | None
    """None: the wallet acts through no module."""
    confirmations: int
    patience: int
    """Seconds that a tick waits for its own transaction."""
    ledger_url: str = field(repr=False)
    """SQLAlchemy's."""
    live: bool
