"""A wallet and a signer without a chain, for tests of the tick and for replays: they do what they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rebalancer.adapters.wallets.outbidding import outbid
from rebalancer.core.errors import Halt, RebalancerError
from rebalancer.core.model import (
    Allowance,
    Batch,
    Block,
    Call,
    Commitment,
    Fees,
    Gone,
    Intent,
    Landed,
    Landing,
    Purpose,
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
    """By default every batch does what its quotes expect, and the newest transaction that was sent is mined.

    `simulations` and `landings` are played first, in their order, one for each call; the last landing stays. What has
    landed lands the same ever after, until the chain is reorganised: the blocks that it landed in stand no more, until
    something lands in them again; every other block stands. A nonce is used once something has landed with it, or a
    landing halts. While `failure` is set, sending raises it, and while `poor` is, signing a replacement. `sent` holds
    the intents that went out, once for each time; `looked` the patience and the last block of each look; `checked` each
    block that was asked for, and the last block. `on_landed` is told of each batch that lands, once.
    """

    def __init__(
        self, simulations: Sequence[Simulation] = (), landings: Sequence[Callable[[Intent], Landing]] = ()
    ) -> None:
        self.address = SAFE
        self.operator = OPERATOR
        self.sent: list[Intent] = []
        self.looked: list[tuple[int, int]] = []
        self.checked: list[tuple[int, int]] = []
        self.failure: RebalancerError | None = None
        self.poor: RebalancerError | None = None
        self.refusal: str | None = None
        """Why the call of an intent would fail now."""
        self.max_gas_price: Wei | None = None
        """None: no limit."""
        self.newest = Block(19_000_001, "0x" + "cd" * 32, 1_700_000_012, Wei(10**10), Wei(10**9))
        self.on_landed: Callable[[Receipt], None] = _nobody
        self._landed: dict[str, Landed] = {}
        self._replaced: set[tuple[int, str]] = set()
        self._signer = FakeSigner()
        self._simulations = list(simulations)
        self._landings = list(landings)
        self.nonce = 0
        """The next one of the operator, as the chain counts."""

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        data = deadline.to_bytes(32) + b"".join(q.call.data for q in quotes)
        return Batch(quotes, self.operator, Call(self.address, data), deadline)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        return self._simulations.pop(0) if self._simulations else as_quoted(batch, snapshot)

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        fresh = Fees(Wei(2 * snapshot.block.base_fee), Wei(0))
        fees = outbid(fresh, self.nonce, instead_of, self.max_gas_price)
        return self._signer.sign(Transaction(1, self.nonce, simulation.gas, fees, batch.call, simulation.access_list))

    def gas_now(self) -> Block:
        return self.newest

    def rehearse(self, intent: Intent) -> str | None:
        return self.refusal

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        if self.poor is not None:
            raise self.poor
        first = intent.commitment.transaction
        match purpose:
            case Purpose.RAISE:
                return self._signer.sign(replace(first, fees=fees))
            case Purpose.CANCEL:
                nothing = Call(self.operator, b"")
                return self._signer.sign(Transaction(first.chain_id, first.nonce, _CANCELLATION, fees, nothing))

    def execute(self, intent: Intent) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(intent)

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        self.checked.append((block, last_block))
        return (block, block_hash) not in self._replaced

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        self.looked.append((patience, last_block))
        if intent.id in self._landed:
            return self._landed[intent.id]
        used = max(self.nonce, intent.commitment.transaction.nonce + 1)
        try:
            landing = self._play(intent)
        except Halt:
            self.nonce = used  # by another transaction
            raise
        if isinstance(landing, Landed):
            self.nonce = used
            self._landed[intent.id] = landing
            self._replaced.discard(_place(landing))
            self.on_landed(landing.receipt)
        return landing

    def reorganise(self, *landings: Callable[[Intent], Landing]) -> None:
        """The blocks of all that has landed are replaced; `landings` is what is seen of it from now on."""
        self._replaced |= {_place(landing) for landing in self._landed.values()}
        self._landed = {}
        self._landings = list(landings)
        self.on_landed = _nobody  # what they did stands in the balances already

    def _play(self, intent: Intent) -> Landing:
        if not self._landings:
            out = [sent for sent in self.sent if sent.id == intent.id]
            return landed(out[-1]) if out else waiting(intent)
        play = self._landings.pop(0) if len(self._landings) > 1 else self._landings[0]
        return play(intent)


_CANCELLATION = 21_000
"""Gas of a transaction that carries nothing."""


def _nobody(_: Receipt) -> None:
    """Nobody wants to know."""


def _place(landing: Landed) -> tuple[int, str]:
    return landing.receipt.block, landing.receipt.block_hash


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
    """The newest transaction is mined, in the block after the snapshot's: as simulated, or as the cancellation."""
    if intent.cancelled:
        return Landed(_receipt(intent, intent.newest, _nothing(intent), "cancelled: its nonce was used up"))
    return Landed(_receipt(intent, intent.newest, intent.expected, None))


def landed_first(intent: Intent) -> Landing:
    """The first transaction is mined, whatever was sent after it."""
    return Landed(_receipt(intent, intent.commitment, intent.expected, None))


def failed(intent: Intent) -> Landing:
    """Mined and reverted: nothing moved but the gas."""
    return Landed(_receipt(intent, intent.newest, _nothing(intent), "mined and reverted: Too little received"))


def waiting(intent: Intent) -> Landing:
    """Sent or not, but not final."""
    return Waiting(f"{intent.newest.hash} waits to be mined")


def gone(intent: Intent) -> Landing:
    """Never mined, and void."""
    return Gone(f"{intent.newest.hash} was not mined by its deadline {intent.deadline}")


def in_another_block(intent: Intent) -> Landing:
    """Mined as simulated, and again in another block than at first: the chain was reorganised."""
    mined = _receipt(intent, intent.newest, intent.expected, None)
    moved = replace(mined, block=mined.block + 1, block_hash="0x" + keccak256(mined.block_hash.encode()).hex())
    return Landed(moved)


def _nothing(intent: Intent) -> tuple[Amount, ...]:
    return tuple(Amount(amount.token, 0) for amount in intent.expected)


def _receipt(intent: Intent, mined: SignedTransaction, changes: tuple[Amount, ...], reason: str | None) -> Receipt:
    return Receipt(
        tx=mined.hash,
        block=intent.block + 1,
        block_hash="0x" + keccak256(mined.raw + b"block").hex(),
        timestamp=intent.created_at + 12,
        gas_used=mined.transaction.gas,
        gas_price=mined.transaction.fees.max_fee,
        changes=changes,
        reason=reason,
    )
