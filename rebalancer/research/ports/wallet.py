"""A batch in, what the pools of its snapshot make of it to the wei out; and the block after it, in which that is so."""

from __future__ import annotations

from rebalancer.core.cost import fees_for, gas_price_now
from rebalancer.core.flows import followed, routed
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
    Limits,
    Order,
    PoolSwap,
    Purpose,
    Quote,
    Receipt,
    Reverted,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
    Transaction,
)
from rebalancer.market.pools import other_token
from rebalancer.research.model import BASE_GAS
from rebalancer.research.ports.chain import OPERATOR, ROUTER, WALLET, HistoryChain
from rebalancer.units import Amount


class HistoryWallet:
    """Plays Wallet. Whatever is sent is mined in the next block, on the pools that it was simulated on."""

    address = WALLET
    operator = OPERATOR

    def __init__(self, chain: HistoryChain, limits: Limits) -> None:
        self._chain = chain
        self._limits = limits
        self._nonce = 0
        self._swaps: tuple[PoolSwap, ...] = ()
        self._landed: dict[str, Landed] = {}

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        return Batch(quotes, OPERATOR, Call(ROUTER, b""), deadline)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        found = followed(routed(batch.quotes), snapshot.pools)
        if found.strange:
            return Reverted("; ".join(found.strange))
        self._swaps = found.swaps
        changes = {balance.token.address: 0 for balance in snapshot.balances}
        for swap in found.swaps:
            changes[swap.token_in.address] -= swap.amount_in
            changes[other_token(swap.before, swap.token_in).address] += swap.amount_out
        return Simulated(
            changes=tuple(Amount(balance.token, changes[balance.token.address]) for balance in snapshot.balances),
            allowances=tuple(Allowance(q.spender, Amount(q.trade.sell.token, 0)) for q in batch.quotes),
            gas=BASE_GAS + sum(quote.gas for quote in batch.quotes),
        )

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        fees = fees_for(snapshot.block, self._limits)
        transaction = Transaction(1, self._nonce, simulation.gas, fees, batch.call)
        return SignedTransaction(transaction, b"", f"0x{self._nonce:064x}")

    def execute(self, intent: Intent) -> None:
        sent = intent.newest
        self._nonce += 1
        at = self._chain.head()
        block = self._chain.mine(intent.expected)
        receipt = Receipt(
            tx=sent.hash,
            block=block.number,
            block_hash=block.hash,
            timestamp=block.timestamp,
            gas_used=sent.transaction.gas,
            gas_price=gas_price_now(at, sent.transaction.fees),
            changes=intent.expected,
            reason=None,
            swaps=self._swaps,
        )
        self._landed = {intent.id: Landed(receipt)}

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        return self._landed[intent.id]

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        return True

    def gas_now(self) -> Block:
        return self._chain.head()

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch:
        raise AssertionError("nobody places an order in a replay")

    def withdraw(self, intent: Intent) -> None:
        raise AssertionError("nobody places an order in a replay")

    def rehearse(self, intent: Intent) -> str | None:
        raise AssertionError("nothing stays unmined in a replay")

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        raise AssertionError("nothing stays unmined in a replay")
