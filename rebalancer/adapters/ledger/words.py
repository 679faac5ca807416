"""What both ledgers say alike: the two outcomes that stop and restart the keeper, and the refusals."""

from __future__ import annotations

from rebalancer.core.errors import Halt
from rebalancer.core.model import RESUMED as RESUMED
from rebalancer.core.model import Intent, Settlement

HALTED = "Halt"
"""The outcome of a tick that ended in Halt: the name of the error."""


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
