"""What all ledgers say alike: whose they are, the two outcomes that stop and restart the keeper, and the refusals."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import RESUMED as RESUMED
from rebalancer.core.model import Intent, Settlement
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


def of_another(ledger: str, seen: Identity, expected: Identity) -> ConfigError:
    """One memory for two portfolios would settle the one's batches in the other's name."""
    return ConfigError(
        f"ledger {ledger}: is the memory of {seen}, expected {expected}. Name another file at `ledger`, one for each "
        "portfolio, or mend `wallet` and `chain.id`"
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


def landed_otherwise(intent: Intent, known: Settlement | str, result: Settlement | str) -> Halt:
    """An intent lands once. After a reorganisation of the chain it may land again, differently."""
    return Halt(
        f"ledger: intent {intent.id} was recorded as {_short(known)}, and now as {_short(result)}. Look at "
        f"{intent.commitment.hash} on the chain; ask for more confirmations if the chain was reorganised"
    )


def _short(result: Settlement | str) -> str:
    return f"failed ({result})" if isinstance(result, str) else f"settled in block {result.block}"
