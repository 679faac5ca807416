"""What became of it: landings, settlements, how a tick ends, and what the ledger remembers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rebalancer.core.model.batch import Batch, Breach, Intent, Simulated
from rebalancer.core.model.history import NO_HISTORY, History
from rebalancer.core.model.plan import Cost, PoolSwap
from rebalancer.core.model.policy import Target
from rebalancer.core.model.quotes import Order, Quote
from rebalancer.core.model.snapshot import Snapshot
from rebalancer.units import Address, Amount, Usd, Wei, Weight


class End(StrEnum):
    """How an order is over."""

    FILLED = "filled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    """By the owners, or by a withdrawal of ours."""


@dataclass(frozen=True, slots=True)
class OrderEnd:
    """What became of one order of an intent, as the settlement contract's own events tell.

    `sold` and `bought` in base units, 0 where it was not filled; `tx`: what has ended it, None where its time did.
    """

    uid: str
    how: End
    sold: int = 0
    bought: int = 0
    tx: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the chain says of a mined intent. `reason` is None where the wallet executed the batch.

    Of one with orders: `block` is the first in which all of them are over, `tx` the fill in it, or what placed them
    where none is; gas is of all that we sent for it, a unit's price the mean, rounded up.
    """

    tx: str
    block: int
    block_hash: str
    timestamp: int
    gas_used: int
    gas_price: Wei
    changes: tuple[Amount, ...]
    """Signed transfers in and out of the wallet, one for each token of the intent."""
    reason: str | None
    swaps: tuple[PoolSwap, ...] = ()
    """What the intent's pools say that they took and gave, in their order; without those that cannot be understood."""
    orders: tuple[OrderEnd, ...] = ()
    """Of each order of the intent, in their order."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not final yet, and why."""

    reason: str
    mined: bool = False
    """Its nonce is used, as far as the node tells: no further transaction can take its place."""
    block_hash: str | None = None
    """Of the block that it was mined in, where there is a receipt that only lacks confirmations."""
    open_orders: tuple[Order, ...] = ()
    """Those of its orders that may be filled yet."""
    withdrawing: bool = False
    """A withdrawal of its orders is signed, and the nonce of that is free yet."""


@dataclass(frozen=True, slots=True)
class Landed:
    """Mined, with as many blocks on top as are asked for.

    `receipt` is of the one transaction of the intent that was.
    """

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Gone:
    """It can never happen any more (past its deadline and unknown to the network), and why."""

    reason: str


Landing = Waiting | Landed | Gone


@dataclass(frozen=True, slots=True)
class Settlement:
    """A landed intent against what was planned."""

    intent: str
    tx: str
    block: int
    block_hash: str
    timestamp: int
    fills: tuple[Amount, ...]
    cost: Cost
    """Measured: at the intent's prices, gas as paid, fee and impact as the pools' own events say."""
    gas_used: int
    accepted: str | None = None
    """What a person said who has looked at it, where it was not as planned; None: it was as planned."""
    unfilled: str | None = None
    """Which of its orders were not filled, and why; None: all were, or it had none."""


@dataclass(frozen=True, slots=True)
class Mined:
    """Where a transaction is that did not do what it was sent for, and what its gas has cost."""

    tx: str
    block: int
    block_hash: str
    timestamp: int
    gas_used: int
    gas: Usd


@dataclass(frozen=True, slots=True)
class Failure:
    """An intent that moved nothing: reverted, cancelled, or void and unknown to the network (`mined` is None then)."""

    reason: str
    mined: Mined | None = None


def mined_of(result: Settlement | Failure) -> Settlement | Mined | None:
    """Where an intent is in the chain; None: no transaction of it was mined."""
    return result.mined if isinstance(result, Failure) else result


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing to do, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something to do, and limits that forbid it."""

    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """Dry run: this batch would be sent."""

    batch: Batch
    simulation: Simulated
    cost: Cost
    left_out: tuple[str, ...] = ()
    """What the plan wanted too and had to cut or leave out, each with its reason in words."""
    saved: Usd | None = None
    """What it saves of the drift's cost; None: nobody has named one."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """The batch waits for the owners' signatures under this hash."""

    reference: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Sent or ordered, not final; the next tick finishes it. `seen`: what the chain said of it, where it was asked."""

    intent: Intent
    reason: str
    seen: Waiting | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Mined, and all of it as planned."""

    settlement: Settlement
    expected: Cost
    short: str | None = None
    """What arrived less than was simulated, in words, where a venue from outside had a hand in it."""
    targets: tuple[Target, ...] = ()
    """What the module's are from now on, where it was they that were set: then nothing has moved."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Mined and reverted, or void: nothing moved but the gas."""

    intent: str
    tx: str
    reason: str


Outcome = Held | Blocked | Planned | Proposed | Pending | Settled | Failed


@dataclass(frozen=True, slots=True)
class Basis:
    """What an intent was decided on: it stands in the ledger beside it."""

    snapshot: Snapshot
    quotes: tuple[Quote, ...]
    simulation: Simulated


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told: one line, and what it is about."""

    title: str
    body: str
    urgent: bool
    """Whether somebody must act."""
    remembered: bool = True
    """Whether the ledger knows what was told before; False: it could not be read."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger knows that the next decision rests on."""

    open_intent: Intent | None
    last_settled_at: int | None
    """Unix seconds of the block in which the last rebalance settled. New targets of a module are none."""
    halted: str | None
    """Why a person must look first; None: go on."""
    last_block: int
    """The highest block that was read since a person last looked; 0 at first."""
    failures: int
    """Batches that failed since the last rebalance that settled, or the last time a person resumed."""
    unfinal: tuple[Intent, Settlement | Failure] | None = None
    """The newest intent, where it was mined fewer than FINAL_BLOCKS below `last_block`.

    Its block may be replaced yet.
    """
    gone: Intent | None = None
    """The newest intent, where it was given up unmined since a person last resumed.

    Until its nonce is used it may come late all the same: what is sent next has that nonce, or is not sent.
    """
    unchecked: tuple[Intent, Settlement] | None = None
    """The newest intent, where it has settled since a person last resumed and the wallet was not read since.

    Not held to the limits of after a batch yet.
    """
    history: History = NO_HISTORY
    recent: tuple[TickRecord, ...] = ()
    """The two newest ticks on record, newest first: what a person was told of already is not told again."""

    @property
    def called_since(self) -> int | None:
        """As the newest tick left it."""
        return self.recent[0].called_since if self.recent else None


FINAL_BLOCKS = 64
"""Two epochs: mainnet finalises a block within them, and does not take it back then."""
FAR_BEHIND = 300
"""Blocks, an hour of mainnet's. A node that lags is back sooner; further behind, either it or our record is wrong."""
RESUMED = "resumed"
"""The outcome of the row that a person adds after having looked into a Halt: the keeper goes on."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Of a venue: when it had an answer that counted last, and when it had none, and why. None: never yet."""

    venue: str
    counted_at: int | None = None
    refused_at: int | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class TickRecord:
    """One tick as the ledger keeps it. `outcome` is a lower-case word, or the name of the error."""

    at: int
    block: int | None
    outcome: str
    detail: str
    value: Usd | None
    max_drift: Weight | None
    tx: str | None
    requests: int
    index: int | None = None
    """At INDEX: see history."""
    holdings: tuple[tuple[Address, int], ...] = ()
    """Base units of each asset, where the wallet was read."""
    called_since: int | None = None
    """Unix seconds since when a trigger has called, without a break, for a trade that waits for the trend; None: none
    waits. A tick that does not ask its trigger leaves it as it is. See `core.patience`."""
