"""An open intent, the time and the price of gas in; what to do about a transaction that is not mined out.

A node takes a further transaction with the nonce of one that it knows only at higher fees: geth asks for a tenth more
of both, others for an eighth. Whatever is sent for an intent is at most `max_gas_price` dear.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.cost import fees_for, stepped_up
from rebalancer.core.model import Block, Fees, Intent, Limits, Policy, Purpose
from rebalancer.core.model.snapshot import SLOT
from rebalancer.core.render import duration, gas_price
from rebalancer.units import Wei


@dataclass(frozen=True, slots=True)
class Keep:
    """Send the same bytes again, or wait, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Raise:
    """The very same call once more, at these fees, and why. Only where it would still succeed: rehearse it first."""

    fees: Fees
    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Use the nonce up with a transaction that does nothing, at these fees, and why."""

    fees: Fees
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing more can be done, or is wanted: the network decides. And why."""

    reason: str


Attempt = Keep | Raise | Cancel | Leave


def choose_attempt(intent: Intent, now: int, block: Block, policy: Policy, refusal: str | None = None) -> Attempt:
    """What to do about an intent that is waiting and not mined, at `now` in Unix seconds, after the newest `block`.

    `refusal`: why its call would fail in the next block, once that is known. Asked with it, no Raise is the answer.
    """
    # Whichever is later: a clock that was set back would have it wait for ever.
    waited = max(now, block.timestamp) - sent_at(intent)
    if waited < policy.replacing.after:
        return Keep(f"sent {duration(waited)} ago; after {duration(policy.replacing.after)} it is looked at again")
    dear = block.base_fee + policy.limits.tip
    if dear > policy.limits.max_gas_price:
        # Every step up is one less for later, and no fees under the limit would be mined now.
        limit = gas_price(policy.limits.max_gas_price)
        return Keep(f"gas costs {gas_price(Wei(dear))}, max_gas_price is {limit}: no transaction of ours is mined now")
    why = f"unmined for {duration(waited)}"
    if intent.cancelled:
        return _cancelled(intent, block, policy, why)
    if is_void(intent, now, block):
        late = "would set what was wanted long ago" if intent.targets else "would only burn gas"
        return _given_up(intent, block, policy, f"{why}, and past its deadline: mined now, it {late}")
    if refusal is not None:
        return _given_up(intent, block, policy, f"{why}, and it would fail now: {refusal}")
    fees = _higher(intent, block, policy.limits)
    # The last step under the limit is kept for the cancellation.
    last = stepped_up(fees) if policy.replacing.cancel else fees
    if last.max_fee > policy.limits.max_gas_price:
        return _given_up(intent, block, policy, f"{why}, and its fees can be raised no more under max_gas_price")
    return Raise(fees, f"{why}: its fees are raised to {_words(fees)}")


def choose_withdrawal(intent: Intent, now: int, block: Block, policy: Policy) -> Keep | Raise:
    """What to do about a withdrawal of the intent's orders that is not mined.

    It has no deadline and does not fail, and until its nonce is used nothing else can be sent: it is never left.
    """
    newest, limits = intent.withdrawals[-1], policy.limits
    waited = max(now, block.timestamp) - newest.at
    if waited < policy.replacing.after:
        return Keep(f"its withdrawal was sent {duration(waited)} ago")
    fees = _stepped(newest.signed.transaction.fees, block, limits)
    if max(fees.max_fee, block.base_fee + limits.tip) > limits.max_gas_price:
        return Keep("its withdrawal is sent again as it is: it cannot be raised under max_gas_price now")
    return Raise(fees, f"its withdrawal is unmined for {duration(waited)}: its fees are raised to {_words(fees)}")


def sent_at(intent: Intent) -> int:
    """When the newest of its transactions was signed, Unix seconds."""
    return intent.of_its_nonce[-1].at if intent.of_its_nonce else intent.created_at


def is_void(intent: Intent, now: int, block: Block) -> bool:
    """Whether the batch can do nothing any more in the block after `block`, the first that could hold it.

    New targets can be set at any time: of them it is whether they are given up.
    """
    return max(now, block.timestamp + SLOT) > intent.deadline


def replacement_of(intent: Intent, attempt: Raise | Cancel) -> tuple[Purpose, Fees]:
    """What the wallet is asked to sign for it."""
    return Purpose.RAISE if isinstance(attempt, Raise) else Purpose.CANCEL, attempt.fees


def _cancelled(intent: Intent, block: Block, policy: Policy, why: str) -> Cancel | Leave:
    fees = _higher(intent, block, policy.limits)
    if fees.max_fee > policy.limits.max_gas_price:
        return Leave(f"{why}: its cancellation cannot be raised under max_gas_price, and is left to the network")
    return Cancel(fees, f"{why}: its cancellation is raised to {_words(fees)}")


def _given_up(intent: Intent, block: Block, policy: Policy, why: str) -> Cancel | Leave:
    if not policy.replacing.cancel:
        return Leave(f"{why}; left to the network, as `when_stuck` says")
    fees = _higher(intent, block, policy.limits)
    if fees.max_fee > policy.limits.max_gas_price:
        return Leave(f"{why}; a cancellation would have to pay more than max_gas_price, so it is left to the network")
    return Cancel(fees, f"{why}: cancelled at {_words(fees)}")


def _higher(intent: Intent, block: Block, limits: Limits) -> Fees:
    """See `_stepped`, of the newest of its nonce."""
    return _stepped(intent.newest.transaction.fees, block, limits)


def _stepped(out: Fees, block: Block, limits: Limits) -> Fees:
    """A step above what is out, or what a new transaction would be given now, each where that is more."""
    step, fresh = stepped_up(out), fees_for(block, limits)
    return Fees(Wei(max(step.max_fee, fresh.max_fee)), Wei(max(step.tip, fresh.tip)))


def _words(fees: Fees) -> str:
    return f"at most {gas_price(fees.max_fee)} with a tip of {gas_price(fees.tip)}"
