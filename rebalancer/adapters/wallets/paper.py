"""The wallet on paper: the batch of the real one, which is never signed and never sent.

What it would have done is played by `filling` once a block is there that would have held it. What that does not show:
that others see a batch and trade ahead of it, and that our own trades have moved the pools before.
"""

from __future__ import annotations

from rebalancer.adapters.chain.paper import Purse
from rebalancer.adapters.wallets.filling import Filler, Played
from rebalancer.core.cost import fees_for
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    Batch,
    Block,
    Commitment,
    Fees,
    Intent,
    Landing,
    Limits,
    Order,
    Purpose,
    Quote,
    SignedTransaction,
    Simulated,
    Simulation,
    Snapshot,
    Transaction,
)
from rebalancer.market.addresses import keccak256

_MARK = b"paper: no key has signed this\n"
"""What the bytes on record begin with. No network has a kind of transaction that begins so: EIP-2718."""


class PaperWallet:
    """Plays the port `Wallet` for `real`, whose balances are `purse`'s. It has no key, and no way to send."""

    def __init__(self, real: Played, purse: Purse, filler: Filler, limits: Limits) -> None:
        self.address = real.address
        self.operator = real.operator
        self._real = real
        self._purse = purse
        self._filler = filler
        self._limits = limits

    def build(self, quotes: tuple[Quote, ...], snapshot: Snapshot, deadline: int) -> Batch:
        """The very batch that the real wallet would send."""
        return self._real.build(quotes, snapshot, deadline)

    def withdrawal(self, orders: tuple[Order, ...]) -> Batch:
        """See the real wallet; on paper nobody is asked who takes orders."""
        return self._real.withdrawal(orders)

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        """On the chain's own state but for the wallet's balances. Raises Unavailable, ConfigError."""
        return self._real.simulate(batch, snapshot, self._filler.laid(snapshot.balances, snapshot.block.number))

    def commit(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, instead_of: Intent | None = None
    ) -> Commitment:
        """The batch as it goes on record, with the fees and the gas that it would have, and no signature.

        Raises Unavailable where it is not on record yet what the paper wallet holds.
        """
        if self._purse.held() is None:
            raise Unavailable("no tick has written down yet what the paper wallet begins with; the next one does")
        fees = fees_for(snapshot.block, self._limits)
        transaction = Transaction(self._filler.chain_id, 0, simulation.gas, fees, batch.call, simulation.access_list)
        raw = _MARK + f"{self.address} on block {snapshot.block.hash}\n".encode() + batch.call.data
        return SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex())

    def gas_now(self) -> Block:
        """The newest block. Raises Unavailable."""
        return self._real.gas_now()

    def rehearse(self, intent: Intent) -> str | None:
        """Nothing of it waits to be mined."""
        return None

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        """Raises Halt: nothing of it waits to be mined, so there is nothing to replace, and no key to sign it."""
        return self._real.replace(intent, purpose, fees)

    def execute(self, intent: Intent) -> None:
        """Nothing: it is on record, and a block fills it."""

    def withdraw(self, intent: Intent) -> None:
        """Nothing: on paper there is no order."""

    def stands(self, block: int, block_hash: str, last_block: int) -> bool:
        """Whether the block that has filled it is still the chain's. Raises Unavailable, ConfigError, Halt."""
        return self._real.stands(block, block_hash, last_block)

    def land(self, intent: Intent, patience: int, last_block: int) -> Landing:
        """What it would have done, as soon as a block is there that would have mined it.

        Raises Unavailable, ConfigError, Halt.
        """
        return self._filler.land(intent, patience, last_block)
