"""What is sent, from the batch that quotes make to the signed intent in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rebalancer.core.model.plan import Cost, Trade
from rebalancer.core.model.policy import Target
from rebalancer.core.model.quotes import Call, Order, Quote
from rebalancer.core.model.snapshot import Allowance
from rebalancer.market.pools import Pool
from rebalancer.units import Address, Amount, Price, Usd, Wei


@dataclass(frozen=True, slots=True)
class Batch:
    """All swaps of a rebalance as the one call that the operator sends. Void after `deadline`.

    Or, without a quote, the call that takes back orders, or the one that sets a module's targets: that is not void
    then, and the keeper gives it up.
    """

    quotes: tuple[Quote, ...]
    operator: Address
    call: Call
    deadline: int
    withdrawn: tuple[Order, ...] = ()
    targets: tuple[Target, ...] = ()
    """One for each asset of the module, in its order."""


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """An account that a transaction announces it will touch, and which slots of its storage: EIP-2930."""

    address: Address
    slots: tuple[int, ...]


AccessList = tuple[AccessEntry, ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the exact batch does to the wallet at the snapshot's block, measured."""

    changes: tuple[Amount, ...]
    """Signed, one for each token of the configuration."""
    allowances: tuple[Allowance, ...]
    """What is left of every allowance that the batch touches."""
    gas: int
    access_list: AccessList = ()
    """With which it ran, and is to be sent: what is measured is true of that transaction only."""


@dataclass(frozen=True, slots=True)
class Reverted:
    """The exact batch would fail, with the decoded reason."""

    reason: str


Simulation = Simulated | Reverted


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that is crossed: what was seen, and what is allowed."""

    rule: str
    observed: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559: the most a unit of gas may cost, and the tip in it."""

    max_fee: Wei
    tip: Wei


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the operator signs. `value` is always zero and therefore not a field."""

    chain_id: int
    nonce: int
    gas: int
    fees: Fees
    call: Call
    access_list: AccessList = ()


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes that go to the network, and the hash by which it will be known."""

    transaction: Transaction
    raw: bytes
    hash: str


Commitment = SignedTransaction
"""What makes an intent happen. A union: orders and proposals to the owners join it."""


class Purpose(StrEnum):
    """What a further transaction for an intent is for. All but the last have the intent's nonce."""

    RAISE = "raise"
    """The same call, at fees that builders take."""
    CANCEL = "cancel"
    """Nothing to oneself, so that the nonce is used up and the batch cannot happen."""
    WITHDRAW = "withdraw"
    """Its orders made invalid, with a nonce of its own: what placed them is mined."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """A further transaction for an intent. Of all with one nonce the chain takes at most one."""

    purpose: Purpose
    at: int
    """Unix seconds when it was signed."""
    signed: SignedTransaction


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch that the keeper has made up its mind to send, as it stands in the ledger before it is sent."""

    id: str
    created_at: int
    block: int
    """The snapshot's block number."""
    trades: tuple[Trade, ...]
    expected: tuple[Amount, ...]
    """Signed changes of the wallet, as simulated."""
    prices: tuple[Price, ...]
    native: Price
    cost: Cost
    deadline: int
    commitment: Commitment
    replacements: tuple[Replacement, ...] = ()
    """Oldest first."""
    value: Usd = Usd(0)
    """Of the portfolio that it was decided on; 0: not known."""
    pools: tuple[Pool, ...] = ()
    """Those that it goes through, as the snapshot has them, with the ticks around: for their events to be understood.

    Without those of a venue that does not name them, and of an intent that was recorded before they were kept.
    """
    orders: tuple[Order, ...] = ()
    """What its transaction makes valid, where it is no swap itself: it is open until the last of them is over."""
    venues: tuple[str, ...] = ()
    """Those from outside that have a quote in it, each once."""
    targets: tuple[Target, ...] = ()
    """What its transaction sets as the module's, in the order of its policy: then it moves nothing."""

    @property
    def of_its_nonce(self) -> tuple[Replacement, ...]:
        """What may stand in the place of its first transaction."""
        return tuple(each for each in self.replacements if each.purpose is not Purpose.WITHDRAW)

    @property
    def transactions(self) -> tuple[SignedTransaction, ...]:
        """All of its nonce that may have been sent for it, oldest first."""
        return (self.commitment, *(each.signed for each in self.of_its_nonce))

    @property
    def newest(self) -> SignedTransaction:
        """The one that is sent now."""
        return self.transactions[-1]

    @property
    def cancelled(self) -> bool:
        """Whether the newest is there to prevent it."""
        return bool(self.of_its_nonce) and self.of_its_nonce[-1].purpose is Purpose.CANCEL

    @property
    def withdrawals(self) -> tuple[Replacement, ...]:
        """What takes its orders back, oldest first: all of one nonce, which is not the intent's."""
        return tuple(each for each in self.replacements if each.purpose is Purpose.WITHDRAW)

    @property
    def signed(self) -> tuple[SignedTransaction, ...]:
        """All that was ever signed for it, in turn."""
        return (self.commitment, *(each.signed for each in self.replacements))

    @property
    def over_at(self) -> int:
        """Unix seconds after which nothing of it can happen any more: what is left is to see what has."""
        return max((self.deadline, *(order.valid_to for order in self.orders)))
