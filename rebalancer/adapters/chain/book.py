"""What a tick reads of the chain, as frozen values: the reader's shopping list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rebalancer.adapters.chain.codec import CallResult, EthCall
from rebalancer.core.model import WalletState
from rebalancer.core.price import PoolKey, PriceRule
from rebalancer.units import Address, Token


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that the configuration wants to know of one chain."""

    chain_id: int
    tokens: tuple[Token, ...]
    """Every token of the configuration: its balance and its decimals are read."""
    assets: tuple[Token, ...]
    """The portfolio: the allowance of each to each spender is read."""
    prices: tuple[PriceRule, ...]
    """One for each token, and one for `native`."""
    native: Token
    """The wrapped form of the chain's coin."""
    pools: tuple[PoolKey, ...]
    spenders: tuple[Address, ...]
    wallet: Address
    operator: Address
    max_block_age: int
    """Most seconds that the newest block may be old."""
    quorum: int = 1
    """How many nodes must say the same of what a trade rests on."""


class WalletReads(Protocol):
    """What a wallet kind wants to know of itself, in the same call as everything else."""

    def calls(self) -> tuple[EthCall, ...]:
        """The reads, the same at every tick."""
        ...

    def decode(self, results: Sequence[CallResult]) -> WalletState:
        """Their results, in their order. Raises Unavailable, ConfigError."""
        ...
