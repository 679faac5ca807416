"""What all ledgers say alike: whose they are, the two outcomes that stop and restart the keeper, and the refusals."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import RESUMED as RESUMED
from rebalancer.core.model import Failure, Intent, Replacement, Settlement
from rebalancer.units import Address

HALTED = "Halt"
"""The outcome of a tick that ended in Halt: the name of the error."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose memory a ledger is: on another chain, in another wallet or from another operator nothing in it holds."""

    chain_id: int
    wallet: Address
    operator: Address

    def __str__(self) -> str:
        return f"wallet {self.wallet} with operator {self.operator} on chain {self.chain_id}"


def this_worker() -> str:
    """Who has a portfolio's turn, for whoever asks."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def of_another(ledger: str, seen: Identity, expected: Identity) -> ConfigError:
    """One memory for two portfolios would settle the one's batches in the other's name."""
    return ConfigError(
        f"ledger {ledger}: is the memory of {seen}, expected {expected}. Name another file at `ledger`, one for each "
        "portfolio, or mend `wallet` and `chain.id`. Where one file is to hold many portfolios, end its URL in "
        "`?portfolios=many`"
    )


def open_with_another(ledger: str, seen: Identity, expected: Identity) -> ConfigError:
    """Two operators of one wallet at once: what the one has sent may still happen."""
    return ConfigError(
        f"ledger {ledger}: {seen} has an intent open, so {expected} cannot begin. Finish it with the operator that "
        "sent it: run the keeper once more with its configuration, or resume it"
    )


def another_is_open(open_id: str, open_tx: str, intent: Intent) -> Halt:
    """Two batches at once could trade twice."""
    return Halt(
        f"ledger: intent {open_id} ({open_tx}) is still open, so intent {intent.id} was not recorded and must not be "
        "sent. Look whether a second keeper runs; the next tick finishes the open one"
    )


def not_recorded(intent: Intent) -> Halt:
    """Something landed that was never promised."""
    return Halt(
        f"ledger: intent {intent.id} ({intent.commitment.hash}) has landed, but was never recorded. Look whether the "
        "configuration names another ledger than before"
    )


def landed_otherwise(intent: Intent, known: Settlement | Failure, result: Settlement | Failure) -> Halt:
    """An intent lands once, and anew only after it was reopened."""
    return Halt(
        f"ledger: intent {intent.id} was recorded as {_short(known)}, and now as {_short(result)}. Look at "
        f"{intent.commitment.hash} on the chain; ask for more confirmations if the chain was reorganised"
    )


def not_replaceable(intent: Intent, replacement: Replacement, why: str) -> Halt:
    """A transaction that the ledger does not know must not be sent."""
    return Halt(
        f"ledger: transaction {replacement.signed.hash} ({replacement.purpose}) for intent {intent.id} was not "
        f"recorded and must not be sent: {why}. Look whether a second keeper runs"
    )


def not_reopenable(intent: Intent, why: str) -> Halt:
    """What came after an intent rests on how it landed."""
    return Halt(
        f"ledger: intent {intent.id} ({intent.commitment.hash}) landed in a block that was replaced, and cannot be "
        f"opened again: {why}. Look on the chain what became of both, and of the wallet's balances, then resume"
    )


def _short(result: Settlement | Failure) -> str:
    return f"failed ({result.reason})" if isinstance(result, Failure) else f"settled in block {result.block}"
