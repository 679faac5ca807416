"""A wallet and a signer without a chain, for tests of the tick and for replays: they do what they are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rebalancer.adapters.wallets.fake_landings import failed as failed
from rebalancer.adapters.wallets.fake_landings import gone as gone
from rebalancer.adapters.wallets.fake_landings import in_another_block as in_another_block
from rebalancer.adapters.wallets.fake_landings import landed as landed
from rebalancer.adapters.wallets.fake_landings import landed_first as landed_first
from rebalancer.adapters.wallets.fake_landings import ordered as ordered
from rebalancer.adapters.wallets.fake_landings import over as over
from rebalancer.adapters.wallets.fake_landings import waiting as waiting
from rebalancer.adapters.wallets.outbidding import outbid
from rebalancer.core.errors import Halt, RebalancerError
from rebalancer.core.model import (
    Allowance,
    Batch,
    Block,
    Call,
    Commitment,
    Fees,
    Intent,
    Landed,
    Landing,
    Order,
    Purpose,
    Quote,
    Receipt,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
    Transaction,
)
from rebalancer.core.orders import approved_for, orders_of
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
        self.withdrawn: list[Intent] = []
        """As `sent`, of what takes orders back."""
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

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch:
        data = b"withdraw" + "".join(order.uid for order in orders).encode()
        return Batch((), self.operator, Call(self.address, data), max(order.valid_to for order in orders), orders)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        return self._simulations.pop(0) if self._simulations else as_quoted(batch, snapshot)

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        fresh = Fees(Wei(2 * snapshot.block.base_fee), Wei(0))
        fees = outbid(fresh, self.nonce, instead_of, self.max_gas_price)
        # What placed the orders is mined where they are taken back, though nothing has landed yet.
        nonce = self.nonce + bool(batch.withdrawn)
        return self._signer.sign(Transaction(1, nonce, simulation.gas, fees, batch.call, simulation.access_list))

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
            case Purpose.WITHDRAW:
                return self._signer.sign(replace(intent.withdrawals[-1].signed.transaction, fees=fees))

    def execute(self, intent: Intent) -> None:
        if self.failure is not None:
            raise self.failure
        self.sent.append(intent)

    def withdraw(self, intent: Intent) -> None:
        if self.failure is not None:
            raise self.failure
        self.withdrawn.append(intent)

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        self.checked.append((block, last_block))
        return (block, block_hash) not in self._replaced

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        self.looked.append((patience, last_block))
        if intent.id in self._landed:
            return self._landed[intent.id]
        nonces = [each.transaction.nonce for each in intent.signed]
        used = max(self.nonce, *(nonce + 1 for nonce in nonces))
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
        if isinstance(quote.terms, Order):
            continue  # placed, and filled by nobody yet
        changes[quote.trade.sell.token.address] -= quote.trade.sell.raw
        changes[quote.trade.buy.address] += quote.expected.raw
    left = [Allowance(q.spender, Amount(q.trade.sell.token, 0)) for q in batch.quotes if not isinstance(q.terms, Order)]
    left += [Allowance(spender, most) for (spender, _), most in approved_for(orders_of(batch.quotes)).items()]
    left += [Allowance(spender, replace(most, raw=0)) for (spender, _), most in approved_for(batch.withdrawn).items()]
    return Simulated(
        changes=tuple(Amount(balance.token, changes[balance.token.address]) for balance in snapshot.balances),
        allowances=tuple(left),
        gas=100_000 + sum(quote.gas for quote in batch.quotes),
    )
