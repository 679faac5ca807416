"""Ticks whose batch is orders: placed, told of, taken back, and found again wherever the process was killed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_orders_ports import BooksOrders, DyingWallet, ordering, wallet_of, with_chain, with_wallet
from given_ports import DRY, LIVE, OFF_TARGET, at, off_target_again, past_of, rows, state, tick
from small_market import LINK, NOW, POLICY, USDC, WETH
from small_orders import LIFE, SOLD, listed

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.wallets.fake import FakeWallet, ordered, over, waiting
from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    Batch,
    End,
    Failed,
    Held,
    Pending,
    Plan,
    Planned,
    PlanRequest,
    Quote,
    QuoteRequest,
    Refusal,
    Settled,
    Simulated,
    Simulation,
    Snapshot,
)
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.units import Amount, Usd

FILLED, EXPIRED = over(End.FILLED, End.FILLED), over(End.EXPIRED, End.EXPIRED)


def book_of(ports: Ports) -> BooksOrders:
    assert isinstance(ports.outside, BooksOrders)
    return ports.outside


# ---------------------------------------------------------------- placed


def test_tick__dry__places_nothing() -> None:
    ports = ordering()
    outcome = tick(ports, mode=DRY).outcome
    assert isinstance(outcome, Planned) and {quote.venue for quote in outcome.batch.quotes} == {"cow"}
    assert book_of(ports).placed == [] and wallet_of(ports).sent == []


def test_tick__live__places_before_it_signs_and_records_the_orders_at_their_limits() -> None:
    ports = ordering(FakeWallet(landings=[ordered, FILLED]))
    outcome = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(outcome, Pending) and outcome.reason == "ordered: 0 of 2 filled"
    intent = outcome.intent
    assert book_of(ports).placed_uids == [order.uid for order in intent.orders]
    expected = {change.token: change.raw for change in intent.expected if change.raw}
    first, second = intent.orders
    assert expected == {WETH: -SOLD.raw, USDC: first.least.raw, LINK: second.least.raw}
    assert intent.over_at == NOW + LIFE > intent.deadline
    settled = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(settled, Settled) and settled.settlement.unfilled is None
    assert rows(ports) == ["settled", "pending"] and len(wallet_of(ports).sent) == 1


def test_tick__while_orders_are_open__sends_nothing_and_plans_nothing() -> None:
    ports = ordering(FakeWallet(landings=[ordered]))
    for _ in range(4):
        assert isinstance(tick(ports).outcome, Pending)
    assert len(wallet_of(ports).sent) == 1 and len(book_of(ports).placed) == 2


def test_tick__the_book_refuses__decides_once_more_without_it_and_says_why() -> None:
    ports = ordering()
    book_of(ports).takes = Refusal("cow", "InsufficientValidTo")
    report = tick(ports)
    assert isinstance(report.outcome, Settled), report.outcome
    assert report.why is not None and "cow does not take the order: InsufficientValidTo" in report.why
    (intent,) = wallet_of(ports).sent
    assert intent.orders == () and {quote.venue for quote in _quotes(ports, intent.id)} == {"fake"}


def test_tick__the_book_refuses_and_nobody_else_pays_enough__holds_and_says_both() -> None:
    ports = replace(ordering(), venues=())
    book_of(ports).takes = Refusal("cow", "Forbidden")
    outcome = tick(ports).outcome
    assert isinstance(outcome, Held) and outcome.reason.startswith("cow does not take the order: Forbidden; ")
    assert wallet_of(ports).sent == []


class Strange(FakeWallet):
    """Its simulation of orders moves something."""

    def simulate(self, batch: Batch, snapshot: Snapshot) -> Simulation:
        found = super().simulate(batch, snapshot)
        assert isinstance(found, Simulated)
        if {quote.venue for quote in batch.quotes} != {"cow"}:
            return found
        return replace(found, changes=tuple(Amount(c.token, c.raw - 1) for c in found.changes))


def test_tick__placing_would_move_something__goes_by_the_own_route() -> None:
    ports = ordering(Strange())
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled) and book_of(ports).placed == []
    (refused,) = (one.refused for one in ports.answers if one.venue == "cow")
    assert refused is not None and refused.startswith("nothing_moves: ")


def test_tick__an_order_for_one_pair_of_two__is_never_mixed_with_swaps() -> None:
    ports = ordering()
    book = book_of(ports)
    whole = book.wholes.pop("cow")

    def one(request: QuoteRequest) -> Quote | Refusal:
        if request.trade.buy != USDC:
            return Refusal("cow", "NoLiquidity")
        plan = Plan((request.trade,), (), Usd(0))
        said = whole(PlanRequest(plan, request.wallet, request.operator, request.deadline))
        return said if isinstance(said, Refusal) else said[0]

    book.venues["cow"] = one
    outcome = tick(ports).outcome
    assert isinstance(outcome, Settled) and book.placed == []
    assert {quote.venue for quote in _quotes(ports, outcome.settlement.intent)} == {"fake"}


def _quotes(ports: Ports, intent: str) -> tuple[Quote, ...]:
    assert isinstance(ports.ledger, MemoryLedger)
    return ports.ledger.bases[intent].quotes


# ---------------------------------------------------------------- how they end


def test_tick__none_was_filled__fails_and_counts_the_gas() -> None:
    ports = ordering(FakeWallet(landings=[ordered, EXPIRED]))
    run_once(ports, POLICY, LIVE)
    outcome = run_once(ports, POLICY, LIVE).outcome
    assert isinstance(outcome, Failed) and outcome.reason.count("expired at") == 2
    assert past_of(ports).history.gas_of_month > 0 and past_of(ports).open_intent is None


def test_tick__after_orders_that_nobody_filled__trades_without_their_venue() -> None:
    """Who promises too much would win for ever."""
    ports = ordering(FakeWallet(landings=[ordered, EXPIRED]))
    run_once(ports, POLICY, LIVE)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Failed)
    again = off_target_again(with_wallet(ports, FakeWallet()))
    again = with_chain(again, listed(again.chain.read()))
    wallet = wallet_of(again)
    assert isinstance(again.chain, FakeChain)
    wallet.on_landed = again.chain.mine
    outcome = run_once(again, POLICY, LIVE).outcome
    assert isinstance(outcome, Settled), outcome
    assert {quote.venue for quote in _quotes(again, outcome.settlement.intent)} == {"fake"}
    (refused,) = [one.refused for one in again.answers if one.venue == "cow"]
    assert refused is not None and refused.startswith("rests for a day: its batch 0x") and "unfilled" in refused


def test_tick__one_was_filled__settles_and_says_what_became_of_the_other() -> None:
    ports = ordering(FakeWallet(landings=[ordered, over(End.FILLED, End.CANCELLED)]))
    run_once(ports, POLICY, LIVE)
    run_once(ports, POLICY, LIVE)
    (row,) = ports.ledger.history(1)
    assert row.outcome == "settled" and "was cancelled by the owners with 0x0b5e" in row.detail


@pytest.mark.parametrize("more", [0, 1])
def test_tick__one_was_filled__lets_the_allowance_of_the_other_stand_and_no_unit_more(more: int) -> None:
    wallet = FakeWallet(landings=[ordered, over(End.FILLED, End.EXPIRED)])
    ports = ordering(wallet)
    run_once(ports, POLICY, LIVE)
    (_, unfilled) = wallet.sent[0].orders
    left = listed(state(*OFF_TARGET), unfilled.sell.raw + more)
    later = with_chain(ports, replace(left, block=replace(left.block, number=left.block.number + 9)))
    if more:
        with pytest.raises(Halt, match="allowances_cleared: .* an order that was not filled"):
            run_once(later, POLICY, LIVE)
    else:
        report = run_once(later, POLICY, LIVE)
        assert isinstance(report.outcome, Settled) and report.unread is None


# ---------------------------------------------------------------- killed


@pytest.mark.parametrize(("step", "recorded"), [("commit", False), ("execute", True), ("land", True)])
def test_tick__killed_around_the_presignature__is_taken_up_by_the_next(step: str, recorded: bool) -> None:
    ports = ordering(DyingWallet(step))
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    book = book_of(ports)
    assert len(book.placed) == 2 and (past_of(ports).open_intent is not None) == recorded
    survivor = FakeWallet(landings=[waiting, FILLED] if recorded else [FILLED])
    outcome = tick(with_wallet(ports, survivor)).outcome
    assert isinstance(outcome, Settled)
    assert len(survivor.sent) == 1, "sent by the one that survived, the same bytes where they were on record"
    if recorded:
        assert len(book.placed) == 2, "the orders are told of once"


def test_tick__killed_while_it_places__leaves_no_trace_and_places_anew() -> None:
    class Dying(BooksOrders):
        def place(self, quotes: tuple[Quote, ...]) -> Refusal | None:
            raise KeyboardInterrupt

    ports = ordering(outside=Dying())
    with pytest.raises(KeyboardInterrupt):
        tick(ports)
    assert past_of(ports).open_intent is None and wallet_of(ports).sent == []
    assert isinstance(tick(replace(ports, outside=BooksOrders())).outcome, Settled)


def test_tick__filled_while_the_keeper_was_down__settles_at_the_next_tick() -> None:
    ports = ordering(FakeWallet(landings=[ordered, FILLED]))
    tick(ports)
    later = at(ports, 3 * 86_400)
    assert isinstance(tick(later).outcome, Settled)
