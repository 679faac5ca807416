"""Ticks of a keeper whose rebalance is an order: placed, and then filled, expired, cancelled, withdrawn, or looked at
again after it was killed. The settlement contract is the real one, and so is every event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from given_cow import a_cow_world
from given_cow_keeper import DRY, ONE_PAIR, TWO_PAIRS, CowKeeper, Killed, a_cow_keeper
from given_venue_world import VenueWorld
from given_wallet import USDC, WBTC, WETH

from rebalancer.adapters.venues.cow import SETTLEMENT
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.cost import stepped_up
from rebalancer.core.errors import Halt
from rebalancer.core.model import FINAL_BLOCKS, Failed, Held, Pending, Planned, Purpose, Replacement, Settled
from rebalancer.keeper import halt, resume
from rebalancer.replica.chain import Replica


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_cow_world(replica, signer)


@pytest.fixture
def keeper(world: VenueWorld, tmp_path: Path) -> Iterator[CowKeeper]:
    """Too much WETH, too little USDC: one order."""
    with a_cow_keeper(world, tmp_path, ONE_PAIR) as keeper:
        yield keeper


@pytest.fixture
def two(world: VenueWorld, tmp_path: Path) -> Iterator[CowKeeper]:
    """Too much WETH and WBTC, too little USDC: two orders."""
    with a_cow_keeper(world, tmp_path, TWO_PAIRS) as keeper:
        yield keeper


def test_tick__dry__plans_the_order_and_places_nothing(keeper: CowKeeper) -> None:
    outcome = keeper.tick(DRY).outcome
    assert isinstance(outcome, Planned), outcome
    assert {quote.venue for quote in outcome.batch.quotes} == {"cow"}
    assert keeper.book.orders == {} and keeper.past.open_intent is None


def test_tick__where_an_order_is_best__places_it_and_settles_what_the_solver_has_paid(keeper: CowKeeper) -> None:
    before = keeper.world.balances()
    outcome = keeper.tick().outcome
    assert isinstance(outcome, Pending), outcome
    (order,) = keeper.orders
    assert "ordered: 0 of 1 filled" in outcome.reason and keeper.book.status(order.uid) == "open"
    assert keeper.world.balances() == before and keeper.allowance(WETH) == order.sell.raw
    assert isinstance(keeper.tick().outcome, Pending), "nothing is sent, and nothing new is decided"
    assert keeper.sent() == 1

    keeper.fill(order, more=10**6)
    settled = keeper.tick().outcome
    assert isinstance(settled, Settled), settled
    fills = {fill.token: fill.raw for fill in settled.settlement.fills}
    assert fills == {WETH: -order.sell.raw, USDC: order.least.raw + 10**6}
    after = keeper.world.balances()
    assert {symbol: after[symbol] - before[symbol] for symbol in after if after[symbol] != before[symbol]} == {
        "WETH": -order.sell.raw,
        "USDC": order.least.raw + 10**6,
    }
    assert settled.settlement.unfilled is None and settled.settlement.cost.gas > 0
    assert keeper.allowance(WETH) == 0 and keeper.past.open_intent is None
    assert isinstance(keeper.tick().outcome, Held)


def test_tick__two_orders_filled_in_two_blocks__settles_both_at_once(two: CowKeeper) -> None:
    two.tick()
    first, second = two.orders
    assert {first.sell.token, second.sell.token} == {WETH, WBTC}
    two.fill(first)
    outcome = two.tick().outcome
    assert isinstance(outcome, Pending) and "ordered: 1 of 2 filled" in outcome.reason
    two.fill(second)
    settled = two.tick().outcome
    assert isinstance(settled, Settled), settled
    fills = {fill.token: fill.raw for fill in settled.settlement.fills}
    assert fills == {
        first.sell.token: -first.sell.raw,
        second.sell.token: -second.sell.raw,
        USDC: first.least.raw + second.least.raw,
    }


def test_tick__one_of_two_orders_expires__settles_the_other_and_the_next_batch_takes_the_allowance_back(
    two: CowKeeper,
) -> None:
    two.tick()
    first, second = two.orders
    two.fill(first)
    two.expire(second)
    settled = two.tick().outcome
    assert isinstance(settled, Settled), settled
    assert {fill.token for fill in settled.settlement.fills} == {first.sell.token, USDC}
    assert settled.settlement.unfilled is not None and "expired" in settled.settlement.unfilled
    assert two.allowance(second.sell.token) == second.sell.raw, "the named exception: it stands until the next batch"
    # The book says less now: the next batch is swaps.
    two.book.price = 9_900
    after = two.tick().outcome
    assert isinstance(after, Settled), after
    assert two.allowance(second.sell.token) == 0


def test_tick__nobody_fills_the_order__fails_when_its_time_is_final_and_counts_the_gas(keeper: CowKeeper) -> None:
    keeper.tick()
    (order,) = keeper.orders
    before = keeper.world.balances()
    keeper.expire(order, final=False)
    outcome = keeper.tick().outcome
    assert isinstance(outcome, Pending) and "which is not final yet" in outcome.reason
    keeper.world.replica.mine(FINAL_BLOCKS)
    failed = keeper.tick().outcome
    assert isinstance(failed, Failed) and "expired at" in failed.reason and "unfilled" in failed.reason
    assert keeper.world.balances() == before and keeper.past.history.gas_of_month > 0
    assert isinstance(keeper.tick().outcome, Settled)
    assert keeper.allowance(WETH) == 0


def test_tick__filled_and_then_nobody_looks_for_days__settles_what_was_filled(keeper: CowKeeper) -> None:
    keeper.tick()
    (order,) = keeper.orders
    keeper.fill(order)
    keeper.world.replica.warp(3 * 86_400)
    keeper.world.replica.mine(200)
    settled = keeper.tick().outcome
    assert isinstance(settled, Settled) and settled.settlement.fills[0].token == WETH


@pytest.mark.parametrize("how", ["invalidate", "unsign"])
def test_tick__the_owners_cancel__fails_and_says_so(keeper: CowKeeper, how: str) -> None:
    keeper.tick()
    (order,) = keeper.orders
    getattr(keeper, how)(order)
    failed = keeper.tick().outcome
    assert isinstance(failed, Failed) and "was cancelled by the owners" in failed.reason
    assert keeper.sent() == 1


def test_tick__the_market_leaves_the_order_behind__withdraws_it(keeper: CowKeeper) -> None:
    keeper.tick()
    (order,) = keeper.orders
    keeper.dearer("WETH", 103)
    report = keeper.tick()
    assert isinstance(report.outcome, Failed), report.outcome
    assert "was withdrawn with" in report.outcome.reason
    assert report.why is not None and "is below today's floor of" in report.why
    assert keeper.sent() == 2 and keeper.allowance(WETH) == 0
    assert keeper.book.status(order.uid) == "cancelled"
    assert keeper.past.history.gas_of_month > 0


def test_tick__the_market_moves_a_little__leaves_the_order_where_it_is(keeper: CowKeeper) -> None:
    keeper.tick()
    keeper.dearer("WETH", 101)
    assert isinstance(keeper.tick().outcome, Pending)
    assert keeper.sent() == 1 and keeper.intent.withdrawals == ()


def test_tick__one_of_two_orders_is_left_behind__withdraws_both_and_no_fill_is_lost(two: CowKeeper) -> None:
    two.tick()
    first, second = two.orders
    two.fill(first)
    two.dearer("WETH", 103)
    two.dearer("WBTC", 103)
    settled = two.tick().outcome
    assert isinstance(settled, Settled), settled
    assert settled.settlement.unfilled is not None and "was withdrawn with" in settled.settlement.unfilled
    assert {fill.token for fill in settled.settlement.fills} == {first.sell.token, USDC}
    assert two.allowance(second.sell.token) == 0


def test_tick__killed_before_the_withdrawal_is_sent_and_filled_meanwhile__settles_once_its_nonce_is_used(
    keeper: CowKeeper,
) -> None:
    keeper.tick()
    (order,) = keeper.orders
    keeper.dearer("WETH", 103)
    with keeper.killed_at("withdraw"), pytest.raises(Killed):
        keeper.tick()
    (recorded,) = keeper.intent.withdrawals
    keeper.world.replica.deal("USDC", SETTLEMENT, 10**11)
    keeper.fill(order)
    settled = keeper.tick().outcome
    assert isinstance(settled, Settled) and settled.settlement.unfilled is None, settled
    assert keeper.world.replica.receipt(recorded.signed.hash)["status"] == "0x1"
    gas = sum(int(keeper.world.replica.receipt(hash_)["gasUsed"], 16) for hash_ in keeper.operators())
    assert keeper.sent() == 2 and settled.settlement.gas_used == gas


def test_withdrawal__raised__is_the_very_same_call_and_the_chain_takes_one_of_them(keeper: CowKeeper) -> None:
    keeper.tick()
    keeper.dearer("WETH", 103)
    with keeper.killed_at("withdraw"), pytest.raises(Killed):
        keeper.tick()
    wallet, first = keeper.ports.wallet, keeper.intent.withdrawals[0].signed
    fees = stepped_up(first.transaction.fees)
    second = wallet.replace(keeper.intent, Purpose.WITHDRAW, fees)
    assert second.transaction == replace(first.transaction, fees=fees)
    raised = keeper.ports.ledger.record_replacement(keeper.intent, Replacement(Purpose.WITHDRAW, 0, second))
    wallet.withdraw(raised)
    keeper.world.replica.receipt(second.hash)
    wallet.withdraw(raised)  # once more: it is mined already
    failed = keeper.tick().outcome
    assert isinstance(failed, Failed) and second.hash in failed.reason
    assert keeper.sent() == 2


def test_tick__the_operators_key_has_used_the_withdrawals_nonce__ends_as_the_events_say(keeper: CowKeeper) -> None:
    keeper.tick()
    (order,) = keeper.orders
    keeper.dearer("WETH", 103)
    with keeper.killed_at("withdraw"), pytest.raises(Killed):
        keeper.tick()
    operator = keeper.world.operator
    keeper.world.replica.send(operator, operator)
    keeper.fill(order)
    settled = keeper.tick().outcome
    assert isinstance(settled, Settled) and settled.settlement.unfilled is None


@pytest.mark.parametrize("step", ["commit", "execute", "land"])
def test_tick__killed_around_the_presignature__the_next_one_places_and_settles_once(
    keeper: CowKeeper, step: str
) -> None:
    with keeper.killed_at(step), pytest.raises(Killed):
        keeper.tick()
    assert len(keeper.book.orders) == 1, "it was placed before anything was signed"
    assert (keeper.past.open_intent is None) == (step == "commit")
    assert isinstance(keeper.tick().outcome, Pending)
    (order,) = keeper.orders
    keeper.fill(order)
    assert isinstance(keeper.tick().outcome, Settled)
    assert keeper.sent() == 1 and keeper.allowance(WETH) == 0


def test_tick__the_book_does_not_take_the_order__trades_by_the_own_route(keeper: CowKeeper) -> None:
    keeper.book.named = "0x" + "00" * 56
    report = keeper.tick()
    assert isinstance(report.outcome, Settled), report.outcome
    assert report.why is not None and "cow does not take the order" in report.why
    assert keeper.allowance(WETH) == 0


def test_tick__the_block_of_the_fill_is_replaced__is_open_again_and_settles_where_it_is_filled_anew(
    keeper: CowKeeper,
) -> None:
    keeper.tick()
    (order,) = keeper.orders
    mark = keeper.world.replica.snapshot()
    keeper.fill(order, more=5)
    first = keeper.tick().outcome
    assert isinstance(first, Settled)
    keeper.world.replica.revert(mark)
    keeper.world.replica.mine(2)
    outcome = keeper.tick().outcome
    assert isinstance(outcome, Pending) and "ordered: 0 of 1 filled" in outcome.reason
    keeper.fill(order)
    again = keeper.tick().outcome
    assert isinstance(again, Settled)
    assert again.settlement.block != first.settlement.block
    assert again.settlement.fills[1].raw == first.settlement.fills[1].raw - 5


def test_tick__a_person_has_halted_the_keeper__withdraws_nothing_and_the_order_ends_by_itself(
    keeper: CowKeeper,
) -> None:
    keeper.tick()
    (order,) = keeper.orders
    halt(keeper.ports.ledger, keeper.policy, "holidays", keeper.ports.clock.now())
    keeper.dearer("WETH", 103)
    with pytest.raises(Halt, match="holidays"):
        keeper.tick()
    assert keeper.sent() == 1
    keeper.expire(order)
    resume(keeper.ports, keeper.policy, "back")
    assert keeper.past.open_intent is None, "the chain shows that nothing more comes of it"
