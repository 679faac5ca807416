"""The wallet on paper against the real one, on real contracts: one batch, simulated, filled, failed, and never sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from given_paper_desk import OnPaper, beside, on_paper
from given_unmined import KINDS, not_mining, only_the_safe
from given_wallet import TOKENS, USDT, OlderRpc

from rebalancer.adapters.chain.rpc import Call, Rpc
from rebalancer.adapters.wallets.filling import REMEMBERED
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import AccessEntry, Failure, Fees, Intent, Purpose, Reverted, Settlement, Simulated, Waiting
from rebalancer.core.settle import settle
from rebalancer.replica.chain import Replica
from rebalancer.units import Wei

DAI, USD6 = 10**18, 10**6
SALES = (("USDT", 50_000 * USD6, "WETH"), ("DAI", 30_000 * DAI, "WBTC"))


@pytest.fixture
def paper(kind: str, replica: Replica, signer: KeystoreSigner) -> Iterator[OnPaper]:
    """Of each kind. Really it holds 100,000 USDT; on paper 60,000 USDT and 40,000 DAI."""
    paper = on_paper(kind, replica, signer)
    paper.holds(USDT=60_000 * USD6, DAI=40_000 * DAI)
    with not_mining(replica):
        yield paper


def really_held(paper: OnPaper) -> dict[str, int]:
    return {token.symbol: paper.replica.balance(token.symbol, paper.wallet.address) for token in TOKENS}


def moved_to(paper: OnPaper, intent: Intent, price: int) -> Intent:
    """The intent as if it were decided in the moment before the next block, in which WETH has come to a price."""
    paper.replica.rpc.call("evm_setAutomine", True)
    paper.replica.move_market({"WETH": price})
    intent = replace(intent, created_at=paper.replica.now())
    paper.replica.warp(12)
    return intent


def sent(paper: OnPaper) -> int:
    return int(paper.replica.rpc.call("eth_getTransactionCount", paper.wallet.operator, "pending"), 16)


# ---------------------------------------------------------------- as the real one does


def test_filled__where_the_real_one_would_be_mined__is_the_same_to_the_wei_and_the_gas(paper: OnPaper) -> None:
    intent = paper.intent(*SALES)
    batch, snapshot = paper.batch(*SALES)
    paper.replica.warp(12)
    receipt = paper.landed(intent)
    assert receipt.reason is None and receipt.block == intent.block + 1
    paper.replica.deal("DAI", paper.wallet.address, 40_000 * DAI)
    real = paper.really(batch, snapshot)
    assert receipt.changes == real.changes
    assert {c.token.symbol: c.raw for c in receipt.changes}["DAI"] == -30_000 * DAI
    assert len(receipt.swaps) == len(real.swaps) > 1
    assert [(s.amount_in, s.amount_out) for s in receipt.swaps] == [(s.amount_in, s.amount_out) for s in real.swaps]
    # No access list is to be had for balances that are not there: on paper it is a little dearer.
    assert 0 <= receipt.gas_used - real.gas_used <= real.gas_used // 50


def test_build_and_commit__on_paper__are_the_very_call_of_the_real_one_and_no_signature(paper: OnPaper) -> None:
    batch, snapshot = paper.batch(*SALES)
    assert batch == paper.real.wallet.build(batch.quotes, paper.real.reader.read(), batch.deadline)
    simulation = paper.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    entries = (AccessEntry(paper.wallet.address, (0, 1)),)
    for access_list in (entries, ()):
        commitment = paper.wallet.commit(batch, replace(simulation, access_list=access_list), snapshot)
        assert commitment.transaction.call == batch.call and commitment.transaction.access_list == access_list
        assert commitment.transaction.gas == simulation.gas
    assert paper.wallet.rehearse(paper.intent(*SALES)) is None


def test_simulate__of_what_it_holds_on_paper_only__measures_it(paper: OnPaper) -> None:
    batch, snapshot = paper.batch(("DAI", 40_000 * DAI, "WETH"))
    simulation = paper.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    moved = {change.token.symbol: change.raw for change in simulation.changes}
    assert moved["DAI"] == -40_000 * DAI and moved["WETH"] > 0 and moved["USDT"] == 0
    assert isinstance(paper.real.wallet.simulate(batch, paper.real.reader.read()), Reverted)


@only_the_safe
def test_simulate__of_more_than_it_holds_on_paper__reverts_though_the_real_one_has_it(paper: OnPaper) -> None:
    batch, snapshot = paper.batch(("USDT", 80_000 * USD6, "WETH"))
    simulation = paper.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Reverted), simulation
    assert isinstance(paper.real.wallet.simulate(batch, paper.real.reader.read()), Simulated)


def test_simulate__of_what_both_hold__measures_the_same(paper: OnPaper) -> None:
    paper.holds(USDT=100_000 * USD6)
    batch, snapshot = paper.batch(("USDT", 50_000 * USD6, "WETH"))
    assert paper.wallet.simulate(batch, snapshot) == paper.real.wallet.simulate(batch, paper.real.reader.read())


@only_the_safe
def test_filled__on_a_node_that_does_not_simulate__moves_the_same(paper: OnPaper, replica: Replica) -> None:
    older = beside(paper.real, OlderRpc(replica.url))
    older.holds(USDT=60_000 * USD6, DAI=40_000 * DAI)
    intents = paper.intent(*SALES), older.intent(*SALES)
    replica.warp(12)
    seen, known = older.landed(intents[1]), paper.landed(intents[0])
    assert [change.raw for change in seen.changes] == [change.raw for change in known.changes]
    assert seen.reason is None and seen.swaps == ()
    assert abs(seen.gas_used - known.gas_used) <= known.gas_used // 5


# ---------------------------------------------------------------- when, and at which prices


def test_land__no_block_since__waits_and_asks_for_no_replacement(paper: OnPaper) -> None:
    landing = paper.wallet.land(paper.intent(*SALES), 0, 0)
    assert isinstance(landing, Waiting) and landing.mined
    assert "no block has come" in landing.reason


def test_filled__after_the_market_has_moved__gets_the_prices_of_then(paper: OnPaper) -> None:
    intent = paper.intent(*SALES)
    weth, price = paper.replica.token("WETH"), paper.replica.prices["WETH"]
    intent = moved_to(paper, intent, price * 1_004 // 1_000)
    receipt = paper.landed(intent)
    settlement = settle(intent, receipt)
    assert isinstance(settlement, Settlement)
    expected = next(change.raw for change in intent.expected if change.token == weth)
    arrived = next(change.raw for change in receipt.changes if change.token == weth)
    assert receipt.block > intent.block and 0.990 < arrived / expected < 0.999
    assert settlement.cost.shortfall > intent.cost.shortfall


def test_filled__twice__is_the_same(paper: OnPaper) -> None:
    intent = paper.intent(*SALES)
    paper.replica.warp(12)
    first = paper.landed(intent)
    paper.replica.mine(5)
    assert paper.landed(intent) == first


def test_filled__below_a_floor_by_then__has_failed_and_moved_nothing(paper: OnPaper) -> None:
    intent = paper.intent(*SALES, slippage_bps=40)
    intent = moved_to(paper, intent, paper.replica.prices["WETH"] * 104 // 100)
    receipt = paper.landed(intent)
    assert receipt.reason is not None and receipt.reason.startswith("on paper: ")
    assert {change.raw for change in receipt.changes} == {0} and receipt.gas_used > 50_000
    failure = settle(intent, receipt)
    assert isinstance(failure, Failure) and failure.mined is not None and failure.mined.gas > 0


def test_filled__past_its_deadline__has_failed_without_a_cost(paper: OnPaper) -> None:
    intent = paper.intent(*SALES, seconds=120)
    paper.replica.warp(600)
    receipt = paper.landed(intent)
    assert receipt.reason is not None and "not mined by its deadline" in receipt.reason
    assert (receipt.gas_used, {change.raw for change in receipt.changes}) == (0, {0})


def test_filled__while_gas_is_too_dear__waits_for_a_block_that_takes_it(paper: OnPaper) -> None:
    intent = paper.intent(*SALES)
    fees = intent.commitment.transaction.fees
    paper.replica.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(fees.max_fee + 1))
    paper.replica.warp(12)
    landing = paper.wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting) and "1 blocks since took more than its max fee" in landing.reason
    paper.replica.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(fees.max_fee // 3))
    paper.replica.warp(12)
    receipt = paper.landed(intent)
    assert receipt.reason is None and receipt.block == intent.block + 2
    assert receipt.gas_price == min(fees.max_fee, fees.max_fee // 3 + fees.tip)


def test_filled__in_a_block_that_came_while_it_was_thinking__waits_for_the_next(paper: OnPaper) -> None:
    intent = paper.intent(*SALES)
    paper.replica.warp(12)
    late = replace(intent, created_at=paper.replica.now())
    assert isinstance(paper.wallet.land(late, 0, 0), Waiting)
    paper.replica.warp(12)
    receipt = paper.landed(late)
    assert receipt.block > intent.block + 1


def test_filled__of_a_state_that_the_node_has_forgotten__has_failed_and_says_so(
    replica: Replica, signer: KeystoreSigner
) -> None:
    forgetful = Forgetful(replica.url)
    paper = on_paper("safe", replica, signer, forgetful)
    paper.holds(USDT=60_000 * USD6)
    intent = paper.intent(("USDT", 50_000 * USD6, "WETH"), seconds=100_000)
    replica.warp(12)
    forgetful.before = hex(intent.block + 2)
    with pytest.raises(Unavailable, match="missing trie node"):
        paper.wallet.land(intent, 0, 0)
    replica.mine(REMEMBERED)
    receipt = paper.landed(intent)
    assert receipt.reason is not None and "the keeper was away" in receipt.reason and receipt.gas_used == 0


class Forgetful(Rpc):
    """To a node that has no state from before a block."""

    before = "0x0"

    def batch_answers(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        answers = super().batch_answers(calls)
        old = [m == "eth_call" and "latest" not in p and int(p[1], 16) < int(self.before, 16) for m, p in calls]
        gone = {"error": {"code": -32000, "message": "missing trie node"}}
        return [gone if is_old else answer for is_old, answer in zip(old, answers, strict=True)]


# ---------------------------------------------------------------- what it holds after


@only_the_safe
def test_holdings__after_a_batch_has_settled__are_what_it_moved_and_the_next_goes_on_from_there(
    paper: OnPaper,
) -> None:
    intent = paper.intent(*SALES)
    paper.replica.warp(12)
    paper.settled(intent)
    held = {each.token.symbol: each.raw for each in paper.chain.read().balances}
    assert held["USDT"] == 10_000 * USD6 and held["DAI"] == 10_000 * DAI and held["WETH"] > 10 * 10**18
    further = paper.intent(("WETH", held["WETH"], "USDT"), seconds=900)
    paper.replica.warp(12)
    paper.settled(further)
    held = {each.token.symbol: each.raw for each in paper.chain.read().balances}
    assert held["WETH"] == 0 and 59_000 * USD6 < held["USDT"] < 60_000 * USD6


def test_everything__on_paper__leaves_the_chain_as_it_was(paper: OnPaper) -> None:
    before, nonce = really_held(paper), sent(paper)
    intent = paper.intent(*SALES)
    paper.wallet.execute(intent)
    paper.wallet.withdraw(intent)
    paper.replica.warp(12)
    paper.settled(intent)
    assert (really_held(paper), sent(paper)) == (before, nonce)


@only_the_safe
def test_bytes__of_a_paper_batch__are_taken_by_no_node(paper: OnPaper) -> None:
    intent = paper.intent(*SALES)
    with pytest.raises(Unavailable):
        paper.replica.rpc.call("eth_sendRawTransaction", "0x" + intent.commitment.raw.hex())
    assert intent.commitment.raw.startswith(b"paper: no key has signed this")


@only_the_safe
def test_replace__on_paper__halts(paper: OnPaper) -> None:
    with pytest.raises(Halt, match="on paper"):
        paper.wallet.replace(paper.intent(*SALES), Purpose.RAISE, Fees(Wei(9), Wei(1)))


@only_the_safe
def test_commit__before_anything_is_on_record__is_refused(paper: OnPaper) -> None:
    batch, snapshot = paper.batch(("USDT", 50_000 * USD6, "WETH"))
    simulation = paper.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    paper.ledger.ticks.clear()
    with pytest.raises(Unavailable, match="what the paper wallet begins with"):
        paper.wallet.commit(batch, simulation, snapshot)


@only_the_safe
def test_stands__after_its_block_was_replaced__is_false(paper: OnPaper) -> None:
    mark = paper.replica.snapshot()
    intent = paper.intent(*SALES)
    paper.replica.warp(12)
    receipt = paper.landed(intent)
    assert paper.wallet.stands(receipt.block, receipt.block_hash, receipt.block)
    paper.replica.revert(mark)
    paper.replica.warp(7)
    paper.replica.mine(2)
    assert not paper.wallet.stands(receipt.block, receipt.block_hash, receipt.block)


@only_the_safe
def test_simulate__of_a_token_whose_balance_is_no_word_of_storage__names_it(paper: OnPaper) -> None:
    # A contract that answers every call with 6 has no balances.
    paper.replica.rpc.call("anvil_setCode", USDT.address, "0x600660005260206000f3")
    batch, snapshot = paper.batch(("DAI", 40_000 * DAI, "WETH"))
    with pytest.raises(Unavailable, match="token USDT at 0xdAC1.*on paper it cannot be traded"):
        paper.wallet.simulate(batch, snapshot)


def test_kinds__of_wallets__are_all_tried() -> None:
    assert KINDS == ("safe", "safe-module")
