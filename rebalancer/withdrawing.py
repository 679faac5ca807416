"""Orders that stand open: an intent and what the chain says of it in, a withdrawal out where they are too cheap by now.

An order is held to the floor that its trade would get now. One that is below it is taken back: by a transaction of its
own, with the next nonce, simulated, and on record before it is sent. So long as that nonce is free the intent is open:
what comes after it must not overtake it.
"""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.attempts import Keep, Raise, choose_withdrawal
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.guard import guard_account
from rebalancer.core.model import (
    Intent,
    Outcome,
    Past,
    Pending,
    Policy,
    Purpose,
    Replacement,
    Reverted,
    SignedTransaction,
    Snapshot,
    Waiting,
)
from rebalancer.core.orders import guard_withdrawal, why_withdraw
from rebalancer.core.render import breach_words
from rebalancer.intents import ended, remembered, with_words
from rebalancer.ports import Ports

Watched = tuple[Outcome, str | None]
"""How it stands now, and why something was sent for it."""


def watched(ports: Ports, policy: Policy, past: Past, stands: Watched, patience: int) -> Watched:
    """Of an intent whose orders wait to be filled, or whose withdrawal waits to be mined. All else stays as it stands.

    Raises Unavailable, ConfigError, Halt.
    """
    pending = stands[0]
    seen = pending.seen if isinstance(pending, Pending) else None
    if not isinstance(pending, Pending) or seen is None or not (seen.open_orders or seen.withdrawing):
        return stands
    if seen.withdrawing:
        return _repeated(ports, policy, past, pending, patience)
    if pending.intent.withdrawals:
        # Mined, and not deep enough yet for its event to count; or of no effect, and a second would have none either.
        return pending, None
    return _withdrawn(ports, policy, past, (pending, seen), patience)


def _withdrawn(ports: Ports, policy: Policy, past: Past, waits: tuple[Pending, Waiting], patience: int) -> Watched:
    pending, seen = waits
    snapshot = _look(ports, past)
    why = why_withdraw(policy, seen.open_orders, snapshot)
    if why is None:
        return pending, None
    signed = _signed(ports, policy, (pending.intent, seen), snapshot)
    if isinstance(signed, str):
        return with_words(pending, f"to be withdrawn, since {why}; not yet: {signed}"), None
    reason = f"withdrawn: {why}"
    return _sent(ports, pending.intent, signed, (patience, past.last_block), reason)


def _look(ports: Ports, past: Past) -> Snapshot:
    snapshot = ports.chain.read(past.last_block)
    if snapshot.block.number < past.last_block:
        raise Unavailable(
            f"the node is at block {snapshot.block.number}, behind block {past.last_block} that was read before, so "
            "nothing is decided about the open orders; the next tick looks again"
        )
    return snapshot


def _signed(
    ports: Ports, policy: Policy, ordered: tuple[Intent, Waiting], snapshot: Snapshot
) -> SignedTransaction | str:
    """The withdrawal, simulated and signed, or why it cannot be."""
    intent, seen = ordered
    batch = ports.wallet.withdrawal(seen.open_orders)
    simulation = ports.wallet.simulate(batch, snapshot)
    if isinstance(simulation, Reverted):
        return simulation.reason
    breaches = (*guard_account(policy, snapshot, ports.wallet.operator), *guard_withdrawal(batch, simulation))
    if breaches:
        return "; ".join(breach_words(breach) for breach in breaches)
    ports.chain.confirm(snapshot)
    _still_ours(ports, policy, intent)
    return ports.wallet.commit(batch, simulation, snapshot)


def _repeated(ports: Ports, policy: Policy, past: Past, pending: Pending, patience: int) -> Watched:
    """The same bytes again, or higher fees, as for every transaction that is not mined."""
    intent, look = pending.intent, (patience, past.last_block)
    match choose_withdrawal(intent, ports.clock.now(), ports.wallet.gas_now(), policy):
        case Keep(reason):
            _still_ours(ports, policy, intent)
            return with_words(_broadcast(ports, intent, look), reason), None
        case Raise(fees, reason):
            try:
                signed = ports.wallet.replace(intent, Purpose.WITHDRAW, fees)
            except Unavailable as error:
                # What is on record may be mined all the same.
                _still_ours(ports, policy, intent)
                return with_words(_broadcast(ports, intent, look), f"not raised: {error}"), None
            return _sent(ports, intent, signed, look, reason)
        case other:
            assert_never(other)


def _sent(ports: Ports, intent: Intent, signed: SignedTransaction, look: tuple[int, int], reason: str) -> Watched:
    withdrawal = Replacement(Purpose.WITHDRAW, ports.clock.now(), signed)
    intent = ports.ledger.record_replacement(intent, withdrawal)
    return with_words(_broadcast(ports, intent, look), reason), reason


def _broadcast(ports: Ports, intent: Intent, look: tuple[int, int]) -> Outcome:
    """`look`: for how many seconds, and on a node that is at which block."""
    try:
        ports.wallet.withdraw(intent)
    except Unavailable as error:
        # The bytes may have arrived all the same: the next tick looks.
        return Pending(intent, f"sending the withdrawal was not confirmed: {error}")
    return ended(ports, intent, ports.wallet.land(intent, *look))


def _still_ours(ports: Ports, policy: Policy, intent: Intent) -> None:
    """Nobody has stopped the keeper, or acted in its place. Raises Halt, Unavailable."""
    past = remembered(ports, policy)
    if past.halted is not None:
        raise Halt(past.halted)
    if past.open_intent != intent:
        raise Unavailable(
            f"another keeper has gone on with {intent.newest.hash} in the meantime, so nothing was signed; the next "
            "tick sees what that one did"
        )
