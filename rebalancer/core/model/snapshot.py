"""What one tick has read, all of it at one block."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.model.module import Checker, ModulePolicy, ModuleState
from rebalancer.market.pools import Pool
from rebalancer.units import Address, Amount, Price, Token, Wei

SLOT = 12
"""Seconds from the snapshot's block to the next, the first in which a batch can be mined: mainnet's."""


@dataclass(frozen=True, slots=True)
class Block:
    """The block that everything of a tick was read at. `timestamp` in Unix seconds."""

    number: int
    hash: str
    timestamp: int
    base_fee: Wei
    tip: Wei = Wei(0)
    """What builders were paid lately for a unit of gas: the median of recent blocks. 0 where the node does not say."""


@dataclass(frozen=True, slots=True)
class SafeState:
    """What a Safe says of itself. `modules` is empty where none is enabled."""

    version: str
    nonce: int
    threshold: int
    owners: tuple[Address, ...]
    modules: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class ModuleWallet:
    """The owners' Safe, and the module on it through which the operator acts.

    `checkers`: of the policy's routes, those that say what they check.
    """

    safe: SafeState
    module: Address
    policy: ModulePolicy
    state: ModuleState
    checkers: tuple[Checker, ...] = ()


WalletState = SafeState | ModuleWallet
"""By wallet kind: a Safe alone, or with its module, the module's policy and state."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What `spender` may still pull out of the wallet."""

    spender: Address
    amount: Amount


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one tick reads, at one block."""

    block: Block
    balances: tuple[Amount, ...]
    """Of the wallet, one for each token of the configuration."""
    prices: tuple[Price, ...]
    """Oracle prices, one for each token of the configuration."""
    native: Price
    """Of the chain's coin, as its wrapped token: turns gas into dollars."""
    pools: tuple[Pool, ...]
    allowances: tuple[Allowance, ...]
    """Of each asset to each spender that the venues may name."""
    wallet: WalletState
    operator_balance: Wei

    def balance(self, token: Token) -> Amount:
        """The wallet's balance of a token of the configuration."""
        return next(b for b in self.balances if b.token.address == token.address)

    def price(self, token: Token) -> Price:
        """The oracle's price of a token of the configuration."""
        return next(p for p in self.prices if p.token.address == token.address)

    def allowance(self, token: Token, spender: Address) -> int:
        """Base units of `token` that `spender` may pull; 0 where it was not asked for."""
        found = (a for a in self.allowances if a.spender == spender and a.amount.token.address == token.address)
        return next((a.amount.raw for a in found), 0)
