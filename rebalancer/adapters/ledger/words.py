"""What all ledgers say alike: whose they are, the two outcomes that stop and restart the keeper, and the refusals."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, replace

from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import RESUMED as RESUMED
from rebalancer.core.model import Failure, Intent, Purpose, Replacement, Settlement, mined_of
from rebalancer.units import Address

HALTED = "Halt"
"""The outcome of a tick that ended in Halt: the name of the error."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose memory a ledger is: on another chain, in another wallet or from another operator nothing in it holds."""

    chain_id: int
    wallet: Address
    operator: Address
    beside: Address | None = None
    """What else may be in a file of one portfolio: the wallet on paper, or of that the real one."""

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


def migrated_by_a_newer(ledger: str, seen: list[int], expected: int) -> ConfigError:
    """What this version would write is not what the newer one reads."""
    return ConfigError(
        f"ledger {ledger}: a newer keeper has migrated the ledger: its tables have version {seen}, expected "
        f"[{expected}]. Nothing was recorded; stop this keeper, and run the program that has migrated it"
    )


def open_with_another(ledger: str, seen: Identity, expected: Identity) -> ConfigError:
    """Two operators of one wallet at once: what the one has sent may still happen."""
    return ConfigError(
        f"ledger {ledger}: {seen} has an intent open, so {expected} cannot begin. Finish it with the operator that "
        "sent it: run the keeper once more with its configuration, or resume it"
    )


def gone_with_another(ledger: str, seen: Identity, expected: Identity, tx: str) -> ConfigError:
    """What was given up unmined may come late, and a new operator's nonce is no bar to it."""
    return ConfigError(
        f"ledger {ledger}: {seen} has given up {tx} unmined, and it may come late, so {expected} cannot begin. Look on "
        "the chain that its nonce is used; then `rebalancer halt` and `rebalancer resume` with the configuration of "
        "that operator"
    )


def unfinal_with_another(ledger: str, seen: Identity, expected: Identity, tx: str, final: int) -> ConfigError:
    """What has landed may be taken back, and only the one that sent it looks whether it was."""
    return ConfigError(
        f"ledger {ledger}: {tx} of {seen} is final from block {final} on, so {expected} cannot begin yet. Run the "
        "keeper with the configuration of that operator (dry is enough) until it has read that block, then change over"
    )


def halted_with_another(ledger: str, seen: Identity, expected: Identity, why: str) -> ConfigError:
    """A change of the operator is no answer to what halted the keeper."""
    return ConfigError(
        f"ledger {ledger}: {seen} is halted, so {expected} cannot begin: {why}. Look into it, and `rebalancer resume` "
        "with the configuration of that operator first"
    )


def of_a_newer_operator(ledger: str, newest: Identity, ours: Identity) -> ConfigError:
    """One wallet, one operator: what two know of each other's batches is nothing."""
    return ConfigError(
        f"ledger {ledger}: wallet {ours.wallet} is rebalanced by operator {newest.operator} in this ledger, and this "
        f"is {ours.operator}: it came before. Run the configuration of {newest.operator}; to go back to "
        f"{ours.operator}, stop that one and name a new ledger"
    )


def another_is_open(open_id: str, open_tx: str, intent: Intent) -> Unavailable:
    """Two batches at once could trade twice. The other keeper was quicker, and nothing was sent of this one."""
    return Unavailable(
        f"ledger: intent {open_id} ({open_tx}) is still open, so intent {intent.id} was not recorded and not "
        "sent. Look whether a second keeper runs; the next tick finishes the open one"
    )


def another_was_quicker(intent: Intent, seen: str) -> Unavailable:
    """No contradiction: what is on record is as good, and the next tick goes on from it."""
    return Unavailable(
        f"ledger: another keeper was quicker with intent {intent.id} ({intent.commitment.hash}): {seen}. Nothing was "
        "recorded or sent; look whether a second keeper runs, and at the network between this one and the database"
    )


def not_the_newest(intent: Intent, replacement: Replacement, known: Intent) -> Unavailable | Halt:
    """Of the open intent the ledger knows other transactions: those of this keeper and more, or others."""
    newest = known.signed[-1].hash
    if known.signed[: len(intent.signed)] == intent.signed:
        return another_was_quicker(intent, f"{newest} is its newest transaction by now")
    return not_replaceable(intent, replacement, f"the ledger knows {newest} as its newest")


def why_not_replaceable(known: Intent, replacement: Replacement) -> str | None:
    """What is wrong with a further transaction of an intent; None: nothing.

    A withdrawal has a nonce after the intent's, and all withdrawals the same.
    """
    signed, nonce = replacement.signed, known.commitment.transaction.nonce
    if any(signed.hash == each.hash for each in known.signed):
        return "it is on record already"
    if replacement.purpose is not Purpose.WITHDRAW:
        return None if signed.transaction.nonce == nonce else f"it must be a new transaction, with nonce {nonce}"
    if not known.orders:
        return "the intent has no orders to withdraw"
    if known.withdrawals:
        first = known.withdrawals[0].signed.transaction.nonce
        return None if signed.transaction.nonce == first else f"it must have nonce {first}, as the withdrawal before it"
    return None if signed.transaction.nonce > nonce else f"it must have a nonce above {nonce}"


def not_the_halt(read: str, stands: str | None) -> ConfigError:
    """What was looked at is not what stands now."""
    now = "nothing is halted any more" if stands is None else f"it is halted by now for another reason: {stands}"
    return ConfigError(
        f"ledger: not resumed: {now}; what was looked into is: {read}. Look at `rebalancer status`, and resume again "
        "where it is halted"
    )


def not_recorded(intent: Intent) -> Halt:
    """Something landed that was never promised."""
    return Halt(
        f"ledger: intent {intent.id} ({intent.commitment.hash}) has landed, but was never recorded. Look whether the "
        "configuration names another ledger than before"
    )


def same_landing(known: Settlement | Failure, result: Settlement | Failure) -> bool:
    """But for the words, which are whoever's was quicker, and the split of the cost, which was not measured always."""
    if isinstance(known, Settlement) and isinstance(result, Settlement):
        return _facts(known) == _facts(result)
    return isinstance(known, Failure) and isinstance(result, Failure) and known.mined == result.mined


def landed_otherwise(
    intent: Intent, known: Settlement | Failure, result: Settlement | Failure, *, newest: bool
) -> Unavailable | Halt:
    """An intent lands once, and anew only after it was reopened.

    In another block than another keeper has seen it in, the next tick looks at it again, where it is the `newest`; of
    one block nobody says two things.
    """
    if newest and _block_hash(known) != _block_hash(result):
        return another_was_quicker(intent, f"it is on record as {_short(known)}, and now {_short(result)}")
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


def _facts(settlement: Settlement) -> Settlement:
    return replace(settlement, accepted=None, unfilled=None, cost=replace(settlement.cost, fee=None, impact=None))


def _block_hash(result: Settlement | Failure) -> str | None:
    mined = mined_of(result)
    return None if mined is None else mined.block_hash


def _short(result: Settlement | Failure) -> str:
    return f"failed ({result.reason})" if isinstance(result, Failure) else f"settled in block {result.block}"
