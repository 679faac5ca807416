"""A wallet and a signer without a chain, for tests of the tick and for replays: they do what they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import (
    Allowance,
    Batch,
    Call,
    Commitment,
    Fees,
    Gone,
    Intent,
    Landed,
    Landing,
    Quote,
    Receipt,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
    Transaction,
    Waiting,
)
from rebalancer.market.addresses import keccak256
from rebalancer.units import Address, Amount, Wei

SAFE = Address("0x5afe5afE5afE5afE5afE5aFe5aFe5Afe5Afe5AfE")
OPERATOR = Address("0x0000000000000000000000000000000000000aaa")


class FakeSigner:
    """Signs without a key: the bytes name what they would have signed, so equal transactions have equal hashes."""

    def __init__(self, address: Address = OPERATOR) -> None:
        self.address = address

    def sign(self, transaction: Transaction) -> SignedTransaction:
        raw = b"\x02" + repr((self.address, transaction)).encode()
        return SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex())


class FakeWallet:
    """By default every batch does what its quotes expect, and lands in the next block.

    `simulations` and `landings` are played first, in their order, one for each call; the last landing stays.
    While `failure` is set, sending raises it. `sent` holds the intents that went out, once for each time.
    """

    def __init__(
        self, simulations: Sequence[Simulation] = (), landings: Sequence[Callable[[Intent], Landing]] = ()
    ) -> None:
        self.address = SAFE
        self.operator = OPERATOR
        self.sent: list[Intent] = []
        self.failure: RebalancerError | None = None
        self._signer = FakeSigner()
        self._simulations = list(simulations)
        self._landings = list(landings)
        self._nonce = 0

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        return Batch(quotes, self.operator, Call(self.address, b"".join(q.call.data for q in quotes)), deadline)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        return self._simulations.pop(0) if self._simulations else as_quoted(batch, snapshot)

    def commit(self, batch: Batch, simulation: Simulated, snapshot: Snapshot) -> Commitment:
        fees = Fees(Wei(2 * snapshot.block.base_fee), Wei(0))
        transaction = Transaction(1, self._nonce, simulation.gas, fees, batch.call, simulation.access_list)
        signed = self._signer.sign(transaction)
        self._nonce += 1
        return signed

    def execute(self, intent: Intent) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(intent)

    def land(self, intent: Intent, patience: int) -> Landing:
        if not self._landings:
            return landed(intent) if intent in self.sent else waiting(intent)
        play = self._landings.pop(0) if len(self._landings) > 1 else self._landings[0]
        return play(intent)


def as_quoted(batch: Batch, snapshot: Snapshot) -> Simulated:
    """What the batch does if every quote holds to the unit."""
    changes = {balance.token.address: 0 for balance in snapshot.balances}
    for quote in batch.quotes:
        changes[quote.trade.sell.token.address] -= quote.trade.sell.raw
        changes[quote.trade.buy.address] += quote.expected.raw
    return Simulated(
        changes=tuple(Amount(balance.token, changes[balance.token.address]) for balance in snapshot.balances),
        allowances=tuple(Allowance(q.spender, Amount(q.trade.sell.token, 0)) for q in batch.quotes),
        gas=100_000 + sum(quote.gas for quote in batch.quotes),
    )


def landed(intent: Intent) -> Landing:
    """Mined as simulated, in the block after the snapshot's."""
    return Landed(_receipt(intent, intent.expected, None))


def failed(intent: Intent) -> Landing:
    """Mined and reverted: nothing moved but the gas."""
    nothing = tuple(Amount(amount.token, 0) for amount in intent.expected)
    return Landed(_receipt(intent, nothing, "mined and reverted: Too little received"))


def waiting(intent: Intent) -> Landing:
    """Sent or not, but not final."""
    return Waiting(f"{intent.commitment.hash} waits to be mined")


def gone(intent: Intent) -> Landing:
    """Never mined, and void."""
    return Gone(f"{intent.commitment.hash} was not mined by its deadline {intent.deadline}")


def _receipt(intent: Intent, changes: tuple[Amount, ...], reason: str | None) -> Receipt:
    transaction = intent.commitment.transaction
    return Receipt(
        tx=intent.commitment.hash,
        block=intent.block + 1,
        block_hash="0x" + keccak256(intent.commitment.raw + b"block").hex(),
        timestamp=intent.created_at + 12,
        gas_used=transaction.gas,
        gas_price=transaction.fees.max_fee,
        changes=changes,
        reason=reason,
    )
