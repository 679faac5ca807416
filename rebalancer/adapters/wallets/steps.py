"""The calls that a batch is made of: quotes and the snapshot in, approvals around swaps out, each with its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rebalancer.adapters.wallets.abi import approve, transfer
from rebalancer.core.model import Batch, Call, Order, Quote, SafeState, Snapshot, WholeTerms
from rebalancer.core.order_rules import invalidate_call
from rebalancer.core.orders import approved_for
from rebalancer.units import Address, Token


@dataclass(frozen=True, slots=True)
class Step:
    """One call from the wallet, what to call it when it fails, and the tokens that it moves."""

    label: str
    call: Call
    moves: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Approval:
    """All that a batch lets one spender pull of one token."""

    token: Token
    spender: Address
    raw: int


def approvals_of(quotes: Iterable[Quote]) -> tuple[Approval, ...]:
    """One for each token and spender, in the order of their first use, exact to the unit."""
    sums: dict[tuple[Address, Address], Approval] = {}
    for quote in quotes:
        sell = quote.trade.sell
        key = (sell.token.address, quote.spender)
        before = sums[key].raw if key in sums else 0
        sums[key] = Approval(sell.token, quote.spender, before + sell.raw)
    return tuple(sums.values())


def touched_by(batch: Batch, snapshot: Snapshot) -> tuple[Approval, ...]:
    """All allowances that a batch gives, uses or takes back: after it each of them is looked at."""
    if batch.withdrawn:
        return tuple(Approval(most.token, relayer, 0) for (relayer, _), most in approved_for(batch.withdrawn).items())
    return (*approvals_of(batch.quotes), *taken_back(batch.quotes, snapshot))


def taken_back(quotes: Iterable[Quote], snapshot: Snapshot) -> tuple[Approval, ...]:
    """Allowances that stand and that these quotes have no use for: an order that expired leaves its own.

    Of a plain Safe, which alone makes calls of its own.
    """
    if not isinstance(snapshot.wallet, SafeState):
        return ()
    used = {(approval.token.address, approval.spender) for approval in approvals_of(quotes)}
    return tuple(
        Approval(left.amount.token, left.spender, 0)
        for left in snapshot.allowances
        if left.amount.raw and (left.amount.token.address, left.spender) not in used
    )


def steps_of(quotes: tuple[Quote, ...], snapshot: Snapshot) -> tuple[Step, ...]:
    """Allowances that stand for nothing back to zero; approvals, swaps in the order of the quotes, approvals back to
    zero. What an order is approved for stays: who fills it pulls it later.

    A standing allowance goes to zero first: USDT refuses to go from one allowance to another.
    """
    approvals = approvals_of(quotes)
    ordered = {(q.trade.sell.token.address, q.spender) for q in quotes if isinstance(q.terms, Order)}
    steps = [_approve(approval, 0) for approval in taken_back(quotes, snapshot)]
    for approval in approvals:
        if snapshot.allowance(approval.token, approval.spender):
            steps.append(_approve(approval, 0))
        steps.append(_approve(approval, approval.raw))
    steps += _swaps_of(quotes)
    steps += [_approve(one, 0) for one in approvals if (one.token.address, one.spender) not in ordered]
    return tuple(steps)


def withdrawal_of(orders: Iterable[Order]) -> tuple[Step, ...]:
    """Each order made invalid, and whoever would have filled them left without an allowance."""
    orders = tuple(orders)
    steps = [Step(f"order {o.sell.token} for {o.least.token}", invalidate_call(o)) for o in orders]
    gone = (Approval(most.token, relayer, 0) for (relayer, _), most in approved_for(orders).items())
    return (*steps, *(_approve(approval, 0) for approval in gone))


def _swaps_of(quotes: tuple[Quote, ...]) -> tuple[Step, ...]:
    """A call for each quote; one that makes several trades stands where the first of them does."""
    steps: dict[Call | int, Step] = {}
    for place, quote in enumerate(quotes):
        key = quote.call if isinstance(quote.terms, WholeTerms) else place
        label = f"{quote.venue}, {quote.trade.sell.token} for {quote.trade.buy}"
        moves: tuple[Token, ...] = (quote.trade.sell.token, quote.trade.buy)
        seen = steps.get(key)
        if seen is not None:
            label = f"{seen.label}, {quote.trade.sell.token} for {quote.trade.buy}"
            moves = tuple(dict.fromkeys((*seen.moves, *moves)))
        steps[key] = Step(label, quote.call, moves)
    return tuple(steps.values())


def payments_of(quotes: tuple[Quote, ...]) -> tuple[Step, ...]:
    """What a module has the Safe send to each quote's router, before the router swaps it."""
    sold = [(quote.trade.sell, quote.spender) for quote in quotes]
    return tuple(Step(f"{a.token}.transfer", transfer(a.token.address, router, a.raw)) for a, router in sold)


def _approve(approval: Approval, raw: int) -> Step:
    return Step(f"{approval.token}.approve", approve(approval.token.address, approval.spender, raw))
