"""The sockets of the tick. Each speaks only the words of core and below, and is played by an adapter,
by a fake in the tests, and by history in research. Verbs: read, quote, simulate, execute, record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from rebalancer.core.model import (
    Answer,
    Asked,
    Basis,
    Batch,
    Block,
    Commitment,
    Failure,
    Fees,
    Heard,
    Horizon,
    Intent,
    Landing,
    Measured,
    Notice,
    Order,
    Outcome,
    Past,
    Patience,
    PlanRequest,
    Purpose,
    Quote,
    QuoteRequest,
    Rebalance,
    Refusal,
    Replacement,
    Run,
    Settlement,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
    Target,
    TickRecord,
    Transaction,
    Trends,
)
from rebalancer.market.routing import MoreTicks
from rebalancer.units import Address, Token


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

    def read(self, last_block: int = 0) -> Snapshot:
        """Everything a tick needs, at one block, in one request, of a node that is not behind `last_block` if there is
        one. Raises Unavailable, ConfigError.
        """
        ...

    def confirm(self, snapshot: Snapshot) -> None:
        """Ask other nodes whether they say the same of the snapshot's block, as many as are configured to agree.

        Raises Unavailable where they do not, or cannot be asked: nothing is traded on what one node says alone.
        """
        ...

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        """The same snapshot with more ticks of its pools, read at the same block. Raises Unavailable."""
        ...


class Targets(Protocol):
    """The weights to hold, and how fast they come off: fixed, or estimated from history when an estimate is due."""

    def read(self, block: Block) -> tuple[Target, ...]:
        """One for each asset of the policy, in its order, summing to ONE. Raises Unavailable."""
        ...

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        """The volatilities of these assets against the rest of the targets that the wallet is held to, or of none where
        nothing is measured. Where `tokens` is empty nothing is asked of anybody. Raises Unavailable, ConfigError.
        """
        ...

    def trends(self, patience: Patience, tokens: Sequence[Token], block: Block) -> Trends:
        """Where the daily prices of these tokens up to the block stand, over the days of `patience`. Asked only once a
        trigger calls. Raises Unavailable, ConfigError.
        """
        ...


class Venue(Protocol):
    """Somebody who quotes from the snapshot alone, exactly. Never trusted: floors are ours, the batch is simulated."""

    @property
    def name(self) -> str:
        """As it stands in records."""
        ...

    @property
    def spenders(self) -> tuple[Address, ...]:
        """Every address that a quote may ask an approval for, and call."""
        ...

    def quote(self, request: QuoteRequest, snapshot: Snapshot) -> Quote | Refusal | MoreTicks:
        """The best that the venue offers for one trade. Never raises for a failure of the venue."""
        ...

    def quote_plan(self, request: PlanRequest, snapshot: Snapshot) -> tuple[Quote, ...] | Refusal:
        """What it offers for every trade of a plan, in their order, one after the other. A venue that answers pair by
        pair refuses. Never raises for a failure of the venue.
        """
        ...


class Outside(Protocol):
    """Those who are asked over the network. Trusted with nothing."""

    @property
    def spenders(self) -> tuple[Address, ...]:
        """Every address that one of them may ask an approval for, and have called."""
        ...

    def ask(
        self, requests: Sequence[QuoteRequest], whole: PlanRequest, snapshot: Snapshot, only: Sequence[str] = ()
    ) -> tuple[Asked, ...]:
        """What each answers to each request, and who can to the whole, all asked at once and given up at a deadline.

        `only`: those of these names; none given: all. Never raises for a failure of theirs.
        """
        ...

    def place(self, quotes: tuple[Quote, ...]) -> Refusal | None:
        """Tell whoever fills them of the orders among these quotes; None: they know of all, or there are none.

        Before anything is signed: until then an order is inert, so this may be repeated, and forgotten. Never raises
        for a failure of theirs.
        """
        ...

    def without(self, name: str) -> Outside:
        """All but the one of that name."""
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
        """One batch: exact approvals, the swaps in their order, zero approvals after; of orders exact approvals that
        stay. Pure.
        """
        ...

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch:
        """One batch that makes orders invalid, and takes back what they are approved for. Pure.

        Raises Unavailable where the wallet has no way to do that.
        """
        ...

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        """The exact batch at the snapshot's block, balance changes measured. Raises Unavailable."""
        ...

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        """Sign what was simulated. Nothing leaves the machine. Raises ConfigError, Unavailable, Halt.

        `instead_of`: was given up unmined, and may be out yet with the nonce that this one gets. So it pays more.
        """
        ...

    def gas_now(self) -> Block:
        """The newest block, for what a unit of gas costs now. Raises Unavailable."""
        ...

    def rehearse(self, intent: Intent) -> str | None:
        """Why the intent's call would fail in the next block; None: it would not. Raises Unavailable."""
        ...

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        """Sign a further transaction with the intent's nonce: its very call, or a cancellation. Or with that of its
        withdrawal: the same once more.

        Nothing leaves the machine.

        Raises ConfigError, Unavailable (gas cannot be paid), Halt.
        """
        ...

    def execute(self, intent: Intent) -> None:
        """Send the newest of what was recorded. Safe to repeat: the same bytes. Raises Unavailable."""
        ...

    def withdraw(self, intent: Intent) -> None:
        """Send the newest that was recorded to take its orders back. Safe to repeat. Raises Unavailable."""
        ...

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        """Whether a block in which something landed is the chain's, on a node that is not behind `last_block`.

        One that the node has not come to is not: that never was, as far as it is known, where `last_block` is lower.

        Raises Unavailable, ConfigError (another chain), Halt.
        """
        ...

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        """What became of it and all its transactions, waiting up to `patience` seconds, on a node that is not behind
        `last_block`.

        Raises Unavailable, ConfigError (another chain), Halt: it can never happen, and a person must look why.
        """
        ...


class Ledger(Protocol):
    """The memory of one portfolio. What a call has recorded is on disk when it returns.

    Unavailable where another keeper was quicker: nothing is recorded, and the next tick sees what that one did.
    """

    def read(self, horizon: Horizon) -> Past:
        """What the next decision rests on. Raises Halt where the records contradict each other."""
        ...

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        """Before anything is sent. Halt where the keeper is halted, ConfigError for an operator who is replaced."""
        ...

    def record_replacement(self, intent: Intent, replacement: Replacement) -> Intent:
        """Before it is sent: the open intent with one transaction more. Halt where it is not open, knows another, or
        the keeper is halted.
        """
        ...

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        """Close an intent: settled, or why it failed."""
        ...

    def record_reopened(self, intent: Intent, why: str) -> None:
        """The block that it landed in was replaced: it is open again. Halt where a newer intent stands."""
        ...

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        """One row for each tick, whatever its end, and with it what venues have answered."""
        ...

    def record_resumed(self, record: TickRecord, halted: str) -> None:
        """The row with which a person ends the Halt of these words. ConfigError where another stands now, or none."""
        ...

    def history(self, count: int) -> tuple[TickRecord, ...]:
        """The newest `count` ticks, newest first."""
        ...

    def ran(self) -> Run | None:
        """How long, and how well. None: no tick is on record."""
        ...

    def rebalances(self, count: int) -> tuple[Rebalance, ...]:
        """The newest `count` that have settled, newest first: their costs as expected and as measured."""
        ...

    def ended_outside(self, after: int) -> tuple[tuple[Intent, Settlement | Failure], ...]:
        """Intents with a venue from outside and how they ended, later than `after` (Unix seconds) and since a person
        last resumed, oldest first. What is void has ended at its deadline.
        """
        ...

    def heard(self, venues: Sequence[str]) -> tuple[Heard, ...]:
        """Of each of these, in their order, the newest answer that counted and the newest that was refused."""
        ...


class Lease(Protocol):
    """Who may act on a wallet: one keeper at a time, on whatever host."""

    def hold(self) -> AbstractContextManager[str | None]:
        """Entered: None, and it is ours until the exit or our death; or who has it. Raises ConfigError, Unavailable."""
        ...


class Notifier(Protocol):
    """Tells a person and the dead man's switch. Nothing that goes wrong in it is raised."""

    def started(self) -> None:
        """A tick begins."""
        ...

    def ended(self, outcome: Outcome | Exception, notice: Notice | None) -> None:
        """A tick is over and recorded, its lease given back.

        It ended so, and a person is to be told this, or nothing.
        """
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """One of each, as `wire` puts them together."""

    clock: Clock
    chain: Chain
    targets: Targets
    venues: tuple[Venue, ...]
    outside: Outside
    wallet: Wallet
    ledger: Ledger
    lease: Lease
    notifier: Notifier
    requests: Callable[[], int]
    """HTTP requests sent so far, for the record."""
    answers: list[Answer] = field(default_factory=list)
    """What became of all that venues were asked in this tick so far, for the record: however the tick ends."""
