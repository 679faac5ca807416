"""The sockets of the tick. Each speaks only the words of core and below, and is played by an adapter,
by a fake in the tests, and by history in research. Verbs: read, quote, simulate, execute, record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rebalancer.core.model import (
    Batch,
    Block,
    Commitment,
    Intent,
    Landing,
    Outcome,
    Past,
    Quote,
    QuoteRequest,
    Refusal,
    Settlement,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
    Target,
    TickRecord,
    Transaction,
)
from rebalancer.market.routing import MoreTicks
from rebalancer.units import Address


class Clock(Protocol):
    """Time from outside the chain: for the age of the head, deadlines and records."""

    def now(self) -> int:
        """Unix seconds."""
        ...


class Chain(Protocol):
    """What a tick reads."""

    def head(self) -> Block:
        """The newest block. Raises Unavailable."""
        ...

    def read(self) -> Snapshot:
        """Everything a tick needs, at one block, in one request. Raises Unavailable, ConfigError."""
        ...

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        """The same snapshot with more ticks of its pools, read at the same block. Raises Unavailable."""
        ...


class Targets(Protocol):
    """The weights to hold: fixed, or estimated from history when an estimate is due."""

    def read(self, block: Block) -> tuple[Target, ...]:
        """One for each asset of the policy, in its order, summing to ONE. Raises Unavailable."""
        ...


class Venue(Protocol):
    """Somebody who quotes. Never trusted: floors are ours, and the batch is simulated."""

    @property
    def name(self) -> str:
        """As it stands in records."""
        ...

    @property
    def spenders(self) -> tuple[Address, ...]:
        """Every address that a quote may ask an approval for."""
        ...

    def quote(self, request: QuoteRequest, snapshot: Snapshot) -> Quote | Refusal | MoreTicks:
        """The best that the venue offers for one trade. Never raises for a failure of the venue."""
        ...


class Signer(Protocol):
    """The operator's key, which never leaves it."""

    address: Address

    def sign(self, transaction: Transaction) -> SignedTransaction:
        """Raises ConfigError where the key is missing, locked, or of another address."""
        ...


class Wallet(Protocol):
    """The account that holds the funds, and the way a batch reaches it: whole, or not at all."""

    address: Address
    operator: Address

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        """One batch: exact approvals, the swaps in their order, zero approvals after. Pure."""
        ...

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        """The exact batch at the snapshot's block, balance changes measured. Raises Unavailable."""
        ...

    def commit(self, batch: Batch, simulation: Simulated, snapshot: Snapshot) -> Commitment:
        """Sign what was simulated. Nothing leaves the machine. Raises ConfigError, Unavailable, Halt."""
        ...

    def execute(self, intent: Intent) -> None:
        """Send what was recorded. Safe to repeat: the same bytes. Raises Unavailable."""
        ...

    def land(self, intent: Intent, patience: int) -> Landing:
        """What became of it, waiting up to `patience` seconds.

        Raises Unavailable, ConfigError (another chain), Halt: it can never happen, and a person must look why.
        """
        ...


class Ledger(Protocol):
    """The memory of one portfolio. What a call has recorded is on disk when it returns."""

    def read(self) -> Past:
        """What the next decision rests on. Raises Halt where the records contradict each other."""
        ...

    def record_intent(self, intent: Intent) -> None:
        """Before anything is sent. Halt where another intent is open."""
        ...

    def record_landing(self, intent: Intent, result: Settlement | str) -> None:
        """Close an intent: settled, or why it failed."""
        ...

    def record_tick(self, record: TickRecord) -> None:
        """One row for each tick, whatever its end."""
        ...

    def history(self, count: int) -> tuple[TickRecord, ...]:
        """The newest `count` ticks, newest first."""
        ...


class Notifier(Protocol):
    """Tells a person. Never delays or breaks a tick."""

    def tell(self, outcome: Outcome | Exception) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each, as `wire` puts them together."""

    clock: Clock
    chain: Chain
    targets: Targets
    venues: tuple[Venue, ...]
    wallet: Wallet
    ledger: Ledger
    notifier: Notifier
    requests: Callable[[], int]
    """HTTP requests sent so far, for the record."""
