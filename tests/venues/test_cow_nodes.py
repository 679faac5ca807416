"""Nodes that keep back, make up or contradict what became of orders: none of them closes an intent wrongly.

The chain and the contract are real; what stands between them and the keeper is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from given_chain import LyingNode
from given_cow import a_cow_world
from given_cow_keeper import ONE_PAIR, CowKeeper, a_cow_keeper
from given_doubtful_nodes import on
from given_venue_world import VenueWorld

from rebalancer.adapters.chain.codec import uint_word
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.order_events import Said
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import End, Intent, Landed, Landing, Waiting
from rebalancer.core.settle import settle
from rebalancer.replica.chain import Replica

STRANGE_FIELDS: list[tuple[str, object]] = [
    ("address", "0x" + "00" * 19 + "aa"),
    ("blockNumber", "0x1"),
    ("removed", True),
    ("topics", []),
    ("topics", [Said.TRADE.value, "0x" + "11" * 32]),
    ("topics", ["0x" + "22" * 32, "0x" + "11" * 32]),
    ("data", "0x"),
    ("data", "0x" + "ff" * 256),
    ("data", 7),
    ("logIndex", "three"),
]
Json = dict[str, Any]
Change = Callable[[Json, Json], Json]


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_cow_world(replica, signer)


@pytest.fixture
def keeper(world: VenueWorld, tmp_path: Path) -> Iterator[CowKeeper]:
    """One order stands open."""
    with a_cow_keeper(world, tmp_path, ONE_PAIR) as keeper:
        keeper.tick()
        yield keeper


@pytest.fixture
def node(replica: Replica) -> Iterator[LyingNode]:
    made = LyingNode(replica.url)
    yield made
    made.close()


@pytest.fixture
def other(replica: Replica) -> Iterator[LyingNode]:
    made = LyingNode(replica.url)
    yield made
    made.close()


def seen_by(keeper: CowKeeper, *nodes: LyingNode, quorum: int = 1) -> Landing:
    return on(keeper.world.desk, *nodes, quorum=quorum).wallet.land(keeper.intent, 0, 0)


def logs(change: Callable[[list[Json]], object]) -> Change:
    """The events are others than they are."""

    def changed(call: Json, answer: Json) -> Json:
        return {**answer, "result": change(answer["result"])} if call["method"] == "eth_getLogs" else answer

    return changed


def without(said: Said) -> Change:
    return logs(lambda found: [log for log in found if log["topics"][0] != said.value])


def with_field(name: str, value: object) -> Change:
    """In each trade."""
    return logs(lambda found: [log | {name: value} if log["topics"][0] == Said.TRADE.value else log for log in found])


def refuses(call: Json, words: str) -> Json:
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32600, "message": words}}


def at_most(blocks: int) -> Change:
    """As nodes that show so many blocks' events at once."""

    def change(call: Json, answer: Json) -> Json:
        if call["method"] != "eth_getLogs":
            return answer
        asked = call["params"][0]
        size = int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) + 1
        return answer if size <= blocks else refuses(call, f"you can make eth_getLogs with up to {blocks} blocks")

    return change


def test_land__filled__has_what_the_events_and_the_transfers_say(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.fill(order, more=3)
    landing = seen_by(keeper, node)
    assert isinstance(landing, Landed)
    (end,) = landing.receipt.orders
    assert (end.how, end.sold, end.bought) == (End.FILLED, order.sell.raw, order.least.raw + 3)
    assert end.tx == landing.receipt.tx != keeper.intent.commitment.hash


def test_land__where_a_node_shows_few_blocks_at_once__asks_in_parts(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.world.replica.mine(17)
    keeper.fill(order)
    keeper.world.replica.mine(5)
    for blocks in (1, 3, 10):
        node.change = at_most(blocks)
        assert isinstance(seen_by(keeper, node), Landed), blocks


def test_land__where_a_node_shows_no_events_at_all__is_unavailable(keeper: CowKeeper, node: LyingNode) -> None:
    node.change = lambda call, answer: refuses(call, "no logs here") if call["method"] == "eth_getLogs" else answer
    with pytest.raises(Unavailable, match="no logs here"):
        seen_by(keeper, node)


@pytest.mark.parametrize("what", [logs(lambda _: []), without(Said.PRESIGNED)], ids=["none", "not ours"])
def test_land__where_a_node_does_not_keep_events__is_unavailable_and_not_expired(
    keeper: CowKeeper, node: LyingNode, what: Change
) -> None:
    keeper.expire(*keeper.orders)
    node.change = what
    with pytest.raises(Unavailable, match="shows no PreSignature of order .*: it does not keep all events"):
        seen_by(keeper, node)


def test_land__filled_and_a_node_keeps_that_back__is_unavailable_and_not_expired(
    keeper: CowKeeper, node: LyingNode
) -> None:
    (order,) = keeper.orders
    keeper.fill(order)
    keeper.expire(order)
    node.change = without(Said.TRADE)
    with pytest.raises(Unavailable, match="shows no Trade of order .*, and counts it as filled"):
        seen_by(keeper, node)


def test_land__filled_and_one_of_two_nodes_keeps_that_back__is_unavailable_whichever_is_asked_first(
    keeper: CowKeeper, node: LyingNode, other: LyingNode
) -> None:
    (order,) = keeper.orders
    keeper.fill(order)
    keeper.expire(order)
    assert isinstance(seen_by(keeper, node, other, quorum=2), Landed), "both say the same"

    def change(call: Json, answer: Json) -> Json:
        if call["method"] == "eth_call":
            return refuses(call, "missing trie node")
        return without(Said.TRADE)(call, answer)

    node.change = change
    assert isinstance(seen_by(keeper, node), Landed), "alone it would be believed: that is what a quorum is for"
    for pair in ((node, other), (other, node)):
        with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
            seen_by(keeper, *pair, quorum=2)


def test_land__an_event_that_makes_no_sense__never_closes_the_intent(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.fill(order)
    for name, value in STRANGE_FIELDS:
        node.change = with_field(name, value)
        with pytest.raises(Unavailable):
            pytest.fail(f"{name} {value}: {seen_by(keeper, node)}")


def test_land__filled_in_a_block_that_is_being_replaced__waits(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.fill(order)
    node.change = with_field("blockHash", "0x" + "cd" * 32)
    landing = seen_by(keeper, node)
    assert isinstance(landing, Waiting) and landing.mined and "is being replaced" in landing.reason


def test_land__filled_twice__is_unavailable(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.fill(order)
    node.change = logs(lambda found: [*found, found[-1]])
    with pytest.raises(Unavailable, match="was filled 2 times, and can be once"):
        seen_by(keeper, node)


def test_land__a_fill_whose_receipt_does_not_say_so__is_unavailable(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.fill(order)
    ours = keeper.intent.commitment.hash
    for change in (None, {"logs": []}, {"status": "0x0"}, {"blockHash": "0x" + "cd" * 32}):

        def changed(call: Json, answer: Json, change: Json | None = change) -> Json:
            if call["method"] != "eth_getTransactionReceipt" or call["params"][0] == ours:
                return answer
            return {**answer, "result": None if change is None else answer["result"] | change}

        node.change = changed
        with pytest.raises(Unavailable):
            pytest.fail(f"{change}: {seen_by(keeper, node)}")


def test_land__a_fill_that_pays_nobody__halts(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.fill(order)

    def unpaid(call: Json, answer: Json) -> Json:
        result = answer.get("result")
        if call["method"] != "eth_getTransactionReceipt" or not result:
            return answer
        bought = order.least.token.address.lower()
        kept = [log for log in result["logs"] if log["address"] != bought]
        return {**answer, "result": result | {"logs": kept}}

    node.change = unpaid
    landing = seen_by(keeper, node)
    assert isinstance(landing, Landed)
    with pytest.raises(Halt, match="expected at least"):
        settle(keeper.intent, landing.receipt)


def test_land__a_presignature_that_failed_by_its_receipt_alone__is_unavailable(
    keeper: CowKeeper, node: LyingNode
) -> None:
    node.change = failed_receipt(keeper.intent)
    with pytest.raises(Unavailable, match="an order that it makes valid is so: the node contradicts itself"):
        seen_by(keeper, node)


def failed_receipt(intent: Intent) -> Change:
    def change(call: Json, answer: Json) -> Json:
        if call["method"] != "eth_getTransactionReceipt" or call["params"][0] != intent.commitment.hash:
            return answer
        return {**answer, "result": answer["result"] | {"status": "0x0", "logs": []}}

    return change


def test_land__cancelled_and_the_contract_says_so_too__is_over_at_once(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.invalidate(order)
    landing = seen_by(keeper, node)
    assert isinstance(landing, Landed) and landing.receipt.orders[0].how is End.CANCELLED
    assert not any(change.raw for change in landing.receipt.changes)


def test_land__signed_anew_after_it_was_taken_back__is_open(keeper: CowKeeper, node: LyingNode) -> None:
    (order,) = keeper.orders
    keeper.unsign(order)
    keeper.unsign(order, again=True)
    landing = seen_by(keeper, node)
    assert isinstance(landing, Waiting) and landing.open_orders == (order,)


def test_land__filled_and_its_count_set_back_to_zero_after_expiry__is_filled(
    keeper: CowKeeper, node: LyingNode
) -> None:
    """Whoever settles may free the storage of an order that has expired."""
    (order,) = keeper.orders
    keeper.fill(order)
    keeper.expire(order)

    def freed(call: Json, answer: Json) -> Json:
        return {**answer, "result": "0x" + uint_word(0).hex()} if call["method"] == "eth_call" else answer

    node.change = freed
    landing = seen_by(keeper, node)
    assert isinstance(landing, Landed) and landing.receipt.orders[0].how is End.FILLED
