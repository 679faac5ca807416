"""What a batch on paper would have done: an intent and the chain's newer blocks in, its landing out.

It is filled by the first block after it was decided in which its fees would have had it mined: the very calldata runs
on the state that this block leaves, with the paper balances laid over the chain's, by the real contracts. So what
arrives is to the wei what the pools there pay, floors and deadline hold as on-chain, and what fails says why.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Protocol

from rebalancer.adapters.chain.at_block import read_head, read_headers
from rebalancer.adapters.chain.codec import Words
from rebalancer.adapters.chain.paper import Purse
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.abi import balance_of
from rebalancer.adapters.wallets.landing import POLL_SECONDS
from rebalancer.adapters.wallets.laying import Layer
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.pool_events import swaps_of
from rebalancer.adapters.wallets.simulation import Laid, Place, Ran, Simulator
from rebalancer.core.cost import gas_price_now
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Batch,
    Block,
    Call,
    Fees,
    Intent,
    Landed,
    Landing,
    Order,
    Purpose,
    Quote,
    Receipt,
    SignedTransaction,
    Simulation,
    Snapshot,
    Transaction,
    Waiting,
)
from rebalancer.units import Address, Amount, Wei

AT_ONCE = 64
"""Headers of one request; a tick that finishes its own batch asks for one or two."""
REMEMBERED = 100
"""Blocks: nodes that are no archives keep the state of 128, and say in words of their own that it is gone."""


class Played(Protocol):
    """The real wallet, of whatever kind, as far as it needs no key."""

    address: Address
    operator: Address

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch: ...

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch: ...

    def simulate(self, batch: Batch, snapshot: Snapshot, laid: Laid = ...) -> Simulation: ...

    def refusal(self, intent: Intent, ran: Ran, place: Place) -> str | None:
        """Why its call, run so, has not done what it is for; None: it has."""
        ...

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction: ...

    def stands(self, block: int, block_hash: str, last_block: int) -> bool: ...

    def gas_now(self) -> Block: ...


class Filler:
    """For `real`, whose balances are `purse`'s."""

    def __init__(self, nodes: Nodes, chain_id: int, real: Played, purse: Purse, multicall3: Address) -> None:
        self.chain_id = chain_id
        self._nodes = nodes
        self._real = real
        self._purse = purse
        self._simulator = Simulator(nodes.rpc, multicall3)
        self._layer = Layer(nodes.rpc, real.address)

    def laid(self, amounts: Sequence[Amount], block: int) -> Laid:
        """What makes the wallet have these amounts after `block`. Raises Unavailable."""
        return self._layer.over(amounts, block)

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        """Waits up to `patience` seconds for a block. Raises Unavailable, ConfigError, Halt."""
        end = time.monotonic() + patience
        while True:
            landing = self._look(intent, last_block)
            left = end - time.monotonic()
            if left <= 0 or not isinstance(landing, Waiting):
                return landing
            time.sleep(min(POLL_SECONDS, left))

    def _look(self, intent: Intent, last_block: int) -> Landing:
        source, head = self._nodes.newest(read_head, last_block)
        fees = intent.commitment.transaction.fees
        dear = 0
        for block in self._since(intent, source, head.number):
            if block.timestamp > intent.deadline:
                return Landed(_failed(intent, block, f"not mined by its deadline {intent.deadline}: {_unmined(dear)}"))
            if block.timestamp <= intent.created_at:
                continue  # mined before it could have been sent
            if block.base_fee + min(fees.tip, 1) > fees.max_fee:
                dear += 1
                continue
            return self._filled(intent, block, head.number)
        return Waiting(f"on paper: {_unmined(dear)}", mined=True)

    def _since(self, intent: Intent, source: Rpc, newest: int) -> Iterator[Block]:
        """The blocks after the one that it was decided on, oldest first."""
        for first in range(intent.block + 1, newest + 1, AT_ONCE):
            yield from read_headers(source, self.chain_id, first, min(first + AT_ONCE - 1, newest))

    def _filled(self, intent: Intent, block: Block, newest: int) -> Landing:
        try:
            return Landed(self._fill(intent, block))
        except RpcError as error:
            if newest - block.number < REMEMBERED:
                raise
            why = f"not filled: the keeper was away, and the state of block {block.number} is gone from the node"
            return Landed(_failed(intent, block, f"{why}: {error}"))

    def _fill(self, intent: Intent, block: Block) -> Receipt:
        """The batch on the state that `block` leaves. Raises Unavailable."""
        held, transaction = self._purse.held() or {}, intent.commitment.transaction
        tokens = [change.token for change in intent.expected]
        ours = [Amount(token, held[token.address]) for token in tokens if token.address in held]
        place = Place.after(block, self.laid(ours, block.number))
        ran = self._run(transaction, [balance_of(token.address, self._real.address) for token in tokens], place)
        before, done, after = ran[: len(tokens)], ran[len(tokens)], ran[len(tokens) + 1 :]
        refusal = self._real.refusal(intent, done, place)
        moved = zip(tokens, before, after, strict=True)
        return Receipt(
            tx=intent.newest.hash,
            block=block.number,
            block_hash=block.hash,
            timestamp=block.timestamp,
            # A node that measures no gas has estimated it when the batch was simulated.
            gas_used=transaction.gas if done.gas is None else done.gas,
            gas_price=gas_price_now(block, transaction.fees),
            changes=tuple(Amount(token, _balance(later) - _balance(sooner)) for token, sooner, later in moved),
            reason=None if refusal is None else f"on paper: {refusal}",
            swaps=swaps_of({"logs": list(done.logs)}, intent.pools),
        )

    def _run(self, transaction: Transaction, reads: list[Call], place: Place) -> tuple[Ran, ...]:
        """The transaction's call between two readings, with its access list."""
        calls, simulator = [*reads, transaction.call, *reads], self._simulator
        if transaction.access_list:
            return simulator.run_listed(self._real.operator, calls, place, {len(reads): transaction.access_list})
        return simulator.run(self._real.operator, calls, place)


def _balance(ran: Ran) -> int:
    if not ran.success:
        raise Unavailable("a balance could not be read around the batch on paper; try again at the next tick")
    return Words(ran.data).uint(0)


def _unmined(dear: int) -> str:
    """Why no block has filled it. `dear`: how many there were at whose fees it would not have been mined."""
    return f"{dear} blocks since took more than its max fee" if dear else "no block has come since that could hold it"


def _failed(intent: Intent, block: Block, why: str) -> Receipt:
    """Of a batch that has moved nothing, not even gas."""
    return Receipt(
        tx=intent.newest.hash,
        block=block.number,
        block_hash=block.hash,
        timestamp=block.timestamp,
        gas_used=0,
        gas_price=Wei(0),
        changes=tuple(Amount(change.token, 0) for change in intent.expected),
        reason=f"on paper: {why}",
    )
