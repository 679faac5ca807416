"""A person's word on an intent with orders: it closes nothing that may still be filled, whatever a node says of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from given_chain import LyingNode
from given_cow import a_cow_world
from given_cow_keeper import ONE_PAIR, CowKeeper, Killed, a_cow_keeper
from given_doubtful_nodes import no_old_states, on
from given_venue_world import VenueWorld
from given_wallet import WETH

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Failed, Pending, Settled
from rebalancer.keeper import resume
from rebalancer.replica.chain import Replica

Json = dict[str, Any]
UNSEEN = {"eth_getTransactionReceipt": None, "eth_getTransactionByHash": None, "eth_getTransactionCount": "0x0"}


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_cow_world(replica, signer)


@pytest.fixture
def keeper(world: VenueWorld, tmp_path: Path) -> Iterator[CowKeeper]:
    """One order stands open. The operator has sent something before: its count was not always 0."""
    world.replica.deal("ETH", world.operator, 10**19)
    world.replica.send(world.operator, world.operator)
    with a_cow_keeper(world, tmp_path, ONE_PAIR) as keeper:
        keeper.tick()
        yield keeper


@pytest.fixture
def nodes(replica: Replica) -> Iterator[tuple[LyingNode, LyingNode]]:
    made = LyingNode(replica.url), LyingNode(replica.url)
    yield made
    for node in made:
        node.close()


def unseen(call: Json, answer: Json) -> Json:
    """Nothing was ever sent."""
    return {**answer, "result": UNSEEN[call["method"]]} if call["method"] in UNSEEN else answer


def keeps_no_index(call: Json, answer: Json) -> Json:
    """Neither receipts nor old states, and else the truth."""
    method, asked = call["method"], call["params"]
    if method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        return {**answer, "result": None}
    return keeps_no_states(call, answer) if asked else answer


def keeps_no_states(call: Json, answer: Json) -> Json:
    """Of the past."""
    if call["method"] == "eth_getTransactionCount" and call["params"][1] not in ("latest", "pending"):
        return no_old_states(call)
    return answer


def long_after_its_deadline(keeper: CowKeeper, seconds: int = 601) -> None:
    replica = keeper.world.replica
    replica.warp(keeper.intent.deadline + seconds - replica.now())
    replica.mine(70)


def test_resume__where_one_of_two_nodes_says_that_it_never_was__has_nothing_to_resume(
    keeper: CowKeeper, nodes: tuple[LyingNode, LyingNode]
) -> None:
    nodes[0].change = unseen
    keeper.ports = replace(keeper.ports, wallet=on(keeper.world.desk, *nodes, quorum=2).wallet)
    long_after_its_deadline(keeper)
    assert isinstance(keeper.tick().outcome, Pending)
    long_after_its_deadline(keeper, 1_801)
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
        keeper.tick()
    assert keeper.past.halted is None and keeper.past.open_intent is not None


@pytest.mark.parametrize("change", [unseen, keeps_no_index])
def test_resume__while_its_order_may_be_filled__closes_nothing_on_one_nodes_word(
    keeper: CowKeeper, nodes: tuple[LyingNode, LyingNode], change: Any
) -> None:
    honest, (order,) = keeper.ports, keeper.orders
    long_after_its_deadline(keeper)
    nodes[0].change = change
    keeper.ports = replace(honest, wallet=on(keeper.world.desk, nodes[0]).wallet)
    assert isinstance(keeper.tick().outcome, Pending)
    keeper.ports = honest
    keeper.fill(order)
    assert isinstance(keeper.tick().outcome, Settled)


def test_tick__somebody_has_used_the_withdrawals_nonce__halts_and_is_resumed_when_the_order_is_over(
    keeper: CowKeeper,
) -> None:
    (order,), operator = keeper.orders, keeper.world.operator
    keeper.dearer("WETH", 103)
    with keeper.killed_at("withdraw"), pytest.raises(Killed):
        keeper.tick()
    keeper.world.replica.send(operator, operator)
    with pytest.raises(Halt, match=f"nonce 2 of their withdrawal is used .* order {order.uid} is open until"):
        keeper.tick()
    assert resume(keeper.ports, keeper.policy, "it was me").closed is None, "the order may be filled yet"
    with pytest.raises(Halt, match="can never be mined"):
        keeper.tick()
    keeper.expire(order)
    assert resume(keeper.ports, keeper.policy, "it was me").closed is not None
    assert keeper.past.open_intent is None


def test_tick__the_withdrawals_nonce_is_used_and_nobody_knows_by_whom__ends_with_the_order(
    keeper: CowKeeper, nodes: tuple[LyingNode, LyingNode]
) -> None:
    (order,), replica, operator = keeper.orders, keeper.world.replica, keeper.world.operator
    keeper.dearer("WETH", 103)
    with keeper.killed_at("withdraw"), pytest.raises(Killed):
        keeper.tick()
    replica.mine(40)
    replica.send(operator, operator)
    replica.mine(40)
    nodes[0].change = keeps_no_states
    keeper.ports = replace(keeper.ports, wallet=on(keeper.world.desk, nodes[0]).wallet)
    waits = keeper.tick().outcome
    assert isinstance(waits, Pending) and "has no receipt of it yet" in waits.reason
    keeper.expire(order)
    replica.mine(200)
    assert isinstance(keeper.tick().outcome, Failed) and keeper.past.open_intent is None


def test_tick__a_withdrawal_whose_fees_cannot_be_raised__is_sent_as_it_is_on_record(keeper: CowKeeper) -> None:
    keeper.dearer("WETH", 103)
    with keeper.killed_at("withdraw"), pytest.raises(Killed):
        keeper.tick()
    replica, operator = keeper.world.replica, keeper.world.operator
    signed = keeper.intent.withdrawals[-1].signed.transaction
    replica.deal("ETH", operator, signed.gas * signed.fees.max_fee * 101 // 100)
    replica.warp(keeper.policy.replacing.after + 1)
    keeper.tick()
    assert keeper.allowance(WETH) == 0, "it is mined"
