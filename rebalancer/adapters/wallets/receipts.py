"""A node's receipt in, the words of the model out. Nothing in it is believed to be there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from rebalancer.adapters.chain.codec import WORD, DecodeError, hex_bytes, hex_int
from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT, TRANSFER_EVENT
from rebalancer.adapters.wallets.module_abi import REBALANCE, REBALANCED_EVENT, TARGETS_SET_EVENT
from rebalancer.core.model import Call
from rebalancer.core.retarget import SET_TARGETS
from rebalancer.units import Address, Amount, Token

Json = dict[str, Any]

_TRANSFER_TOPICS = 3


def field(what: str, record: Any, name: str) -> Any:
    """A field that must be there. DecodeError."""
    if not isinstance(record, dict) or name not in record:
        raise DecodeError(f"{what} comes without {name}; try another node")
    return record[name]


def quantity(what: str, record: Any, name: str) -> int:
    """A number that must be there. DecodeError."""
    return hex_int(field(what, record, name))


def transactions_of(what: str, block: Any) -> list[Json]:
    """A block's transactions, as far as the node gives them as a list. DecodeError."""
    transactions = field(what, block, "transactions")
    if not isinstance(transactions, list):
        raise DecodeError(f"{what} comes with {type(transactions).__name__} for its transactions; try another node")
    return transactions


def changes_of(receipt: Json, wallet: Address, tokens: Iterable[Token]) -> tuple[Amount, ...]:
    """What the Transfer events of each token moved in and out of the wallet, signed, in the order of `tokens`."""
    logs = [log for log in logs_of(receipt) if log[1][:1] == [TRANSFER_EVENT] and len(log[1]) == _TRANSFER_TOPICS]
    holder = "0x" + wallet[2:].lower().zfill(2 * WORD)
    return tuple(
        Amount(token, sum(_moved(log, holder) for log in logs if log[0] == token.address.lower())) for token in tokens
    )


@dataclass(frozen=True, slots=True)
class Proof:
    """Whose tokens a batch moves, and who says with which event that it was executed."""

    holder: Address
    speaker: Address
    event: str
    missing: str
    """What there is to say where it is not there."""


def proof_of(call: Call, safe: Address) -> Proof:
    """Of a batch as it was sent, whatever the configuration says now. `safe` is the wallet of a module's batch."""
    if call.data[:4] == REBALANCE:
        return Proof(safe, call.to, REBALANCED_EVENT, f"the module {call.to} does not report Rebalanced")
    if call.data[:4] == SET_TARGETS:
        return Proof(safe, call.to, TARGETS_SET_EVENT, f"the module {call.to} does not report TargetsSet")
    missing = f"the Safe {call.to} does not report ExecutionSuccess"
    return Proof(call.to, call.to, EXECUTION_SUCCESS_EVENT, missing)


def is_proven(receipt: Json, proof: Proof) -> bool:
    """Whether who knows reports that the batch was executed: the transaction's status does not say so."""
    speaker = proof.speaker.lower()
    return any(address == speaker and topics[:1] == [proof.event] for address, topics, _ in logs_of(receipt))


def is_removed(receipt: Json) -> bool:
    """Whether an event in it says that its block was taken back."""
    logs = field("a receipt", receipt, "logs")
    return isinstance(logs, list) and any(isinstance(log, dict) and log.get("removed") is True for log in logs)


Log = tuple[str, list[str], str]


def logs_of(receipt: Json) -> Iterator[Log]:
    """(address, topics, data) of each event, in lower case."""
    logs = field("a receipt", receipt, "logs")
    for log in logs if isinstance(logs, list) else []:
        topics = field("an event", log, "topics")
        yield (
            str(field("an event", log, "address")).lower(),
            [str(topic).lower() for topic in topics] if isinstance(topics, list) else [],
            str(field("an event", log, "data")),
        )


def _moved(log: Log, holder: str) -> int:
    _, (_, sender, receiver), data = log
    if holder not in (sender, receiver):
        return 0
    raw = int.from_bytes(hex_bytes(data)[:WORD], "big")
    return raw * ((receiver == holder) - (sender == holder))
