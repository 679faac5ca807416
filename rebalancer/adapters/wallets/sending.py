"""The operator's transactions: a call in, signed bytes out; recorded bytes in, sent.

Of what a relay holds back no node knows anything: that nothing is on its way is the ledger's word, and no node is asked
for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from rebalancer.adapters.chain.codec import hex_int
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.outbidding import outbid
from rebalancer.adapters.wallets.unmined import names_of
from rebalancer.core.cost import fees_for
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    Batch,
    Block,
    Call,
    Fees,
    Intent,
    Limits,
    Purpose,
    SignedTransaction,
    Simulated,
    Snapshot,
    Transaction,
)
from rebalancer.ports import Signer
from rebalancer.units import BPS, mul_div_up

GAS_MARGIN = 15_000
"""Basis points of the simulated gas that the transaction may use. A quarter is what EIP-3529 may have given
back at the end but wants up front, the rest is for pools that moved. Gas that is not used is not paid."""
MOST_GAS = 1 << 24
"""Of one transaction: EIP-7825."""
CANCEL_GAS = 21_000
"""What a transaction costs that does nothing."""

_HAS_IT = ("already known", "known transaction", "already imported", "already exists", "already_exists")
"""How relays say, in an error, that they hold a transaction already: geth's, nethermind's and besu's words."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Where transactions are sent that nobody is to see before they are mined.

    `fallback`: whether public nodes may have those that it does not take.
    """

    rpc: Rpc
    fallback: bool


def gas_limit(gas: int) -> int:
    """Of the transaction whose simulation used `gas`."""
    return mul_div_up(gas, GAS_MARGIN, BPS)


def why_too_much(gas: int) -> str | None:
    """Why no transaction can have the gas limit that goes with a simulation's `gas`; None: one can."""
    limit = gas_limit(gas)
    if limit <= MOST_GAS:
        return None
    return (
        f"the batch uses {gas:,} gas, with the margin for pools that move {limit:,}, and a transaction may have "
        f"{MOST_GAS:,} at most (EIP-7825): it cannot be sent; lower max_trade, or hold fewer assets"
    )


class Sender:
    """Makes and sends the operator's transactions on one chain: through `relay`, where there is one."""

    def __init__(self, nodes: Nodes, chain_id: int, signer: Signer, limits: Limits, relay: Relay | None = None) -> None:
        self.nodes = nodes
        self._rpc = nodes.rpc
        self.chain_id = chain_id
        self._signer = signer
        self.operator = signer.address
        self._limits = limits
        self._relay = relay

    @property
    def relay(self) -> str | None:
        """The host of the relay, where there is one."""
        return None if self._relay is None else self._relay.rpc.host

    def sign(
        self, batch: Batch, simulation: Simulated, snapshot: Snapshot, nonce: int, instead_of: Intent | None = None
    ) -> SignedTransaction:
        """`instead_of`: was given up unmined, and may be out yet; it is outbid.

        Raises ConfigError, Unavailable (gas cannot be paid, is too much or too dear), Halt.
        """
        if (too_much := why_too_much(simulation.gas)) is not None:
            raise Unavailable(too_much)
        limits = self._limits
        transaction = Transaction(
            chain_id=self.chain_id,
            nonce=nonce,
            gas=gas_limit(simulation.gas),
            fees=outbid(fees_for(snapshot.block, limits), nonce, instead_of, limits.max_gas_price),
            call=batch.call,
            access_list=simulation.access_list,
        )
        return self._signed(transaction, snapshot.operator_balance)

    def replace(self, intent: Intent, purpose: Purpose, fees: Fees) -> SignedTransaction:
        """A further transaction with the intent's nonce, or its withdrawal's.

        Raises ConfigError, Unavailable (gas cannot be paid), Halt.
        """
        first = intent.commitment.transaction
        match purpose:
            case Purpose.RAISE if intent.cancelled:
                raise Halt(f"{names_of(intent)} is being cancelled: its batch is not sent again; look at the ledger")
            case Purpose.RAISE:
                transaction = replace(first, fees=fees)
            case Purpose.CANCEL:
                nothing = Call(self.operator, b"")
                transaction = Transaction(first.chain_id, first.nonce, CANCEL_GAS, fees, nothing)
            case Purpose.WITHDRAW if not intent.withdrawals:
                raise Halt(f"{names_of(intent)}: nothing was signed that takes its orders back; look at the ledger")
            case Purpose.WITHDRAW:
                transaction = replace(intent.withdrawals[-1].signed.transaction, fees=fees)
            case other:
                assert_never(other)
        return self._signed(transaction, hex_int(self._rpc.call("eth_getBalance", self.operator, "latest")))

    def _signed(self, transaction: Transaction, balance: int) -> SignedTransaction:
        needed = transaction.gas * transaction.fees.max_fee
        if balance < needed:
            raise Unavailable(
                f"operator {self.operator}: holds {balance} wei, the transaction may need {needed} for gas; send it "
                "native coin"
            )
        signed = self._signer.sign(transaction)
        if signed.transaction != transaction:
            raise Halt(f"operator {self.operator}: the signer signed another transaction than it was given")
        return signed

    def gas_now(self) -> Block:
        """The newest block, with what builders were paid lately. Raises Unavailable."""
        return self.nodes.head()

    def send(self, intent: Intent) -> None:
        """The newest of its transactions. Safe to repeat.

        Raises Unavailable where it is neither taken nor known, Halt for a strange answer.
        """
        self._send(intent.transactions)

    def send_withdrawal(self, intent: Intent) -> None:
        """The newest that takes its orders back; else as `send`."""
        self._send(tuple(each.signed for each in intent.withdrawals))

    def _send(self, family: Sequence[SignedTransaction]) -> None:
        """The last of a family of one nonce."""
        if self._relay is None:
            self._send_to(self._rpc, family)
            return
        try:
            self._send_to(self._relay.rpc, family)
        except Unavailable:
            if not self._relay.fallback:
                raise
            self._send_to(self._rpc, family)

    def _send_to(self, rpc: Rpc, family: Sequence[SignedTransaction]) -> None:
        signed = family[-1]
        try:
            answer = rpc.call("eth_sendRawTransaction", "0x" + signed.raw.hex())
        except RpcError as error:
            if not self._is_taken(family, rpc, error):
                raise Unavailable(f"{error}; the transaction {signed.hash} was not taken") from None
            return
        if answer != signed.hash:
            raise Halt(f"{rpc.host}: sent {signed.hash}, was answered {str(answer)[:80]!r}; look at that node")

    def _is_taken(self, family: Sequence[SignedTransaction], rpc: Rpc, refusal: RpcError) -> bool:
        """Whether a refusal is none: the newest is known already, or another of its nonce has been mined.

        "already known", "nonce too low" after it was mined: each node has its own words, so it is asked what it knows.
        A relay shows nobody what it holds: there its words are all there is.
        """
        if rpc is not self._rpc and any(words in refusal.reason.lower() for words in _HAS_IT):
            return True
        found = self._rpc.batch([("eth_getTransactionByHash", [each.hash]) for each in family])
        return found[-1] is not None or any(isinstance(f, dict) and f.get("blockNumber") is not None for f in found)
