"""What a node says of a batch without a receipt: nothing is taken for gone that may still happen."""

from __future__ import annotations

from typing import Any

import pytest
from given_strange_nodes import (
    BACKER,
    HASH,
    HEAD,
    INTENT,
    LATE,
    MINED,
    SAFE,
    ScriptedRpc,
    a_lander,
    node_with,
    some_nodes,
)

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.adapters.wallets.fake import OPERATOR
from rebalancer.adapters.wallets.unmined import INDEX_SECONDS
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Gone, Waiting

STRANGER = {"from": BACKER, "nonce": "0x7", "hash": "0x0d", "to": SAFE}
LATE_AT = INTENT.deadline + INDEX_SECONDS + 1
PRUNED = RpcError("node.example", "eth_getTransactionCount", -32000, "missing trie node", None)
UNSEEN = {"nobody": {**MINED, "transactions": [STRANGER]}, "no block": None, "pruned": PRUNED}


def test_land__nonce_used_by_ours_and_no_receipt_yet__waits() -> None:
    ours = {"from": OPERATOR.lower(), "nonce": "0x7", "hash": HASH, "to": SAFE}
    landing = a_lander(node_with(None, {**MINED, "transactions": [ours]})).land(INTENT, 0, 0)
    assert isinstance(landing, Waiting)
    assert "has no receipt yet" in landing.reason


def test_land__nonce_used_and_nobody_to_be_seen__waits() -> None:
    landing = a_lander(node_with(None, {**MINED, "transactions": [STRANGER]})).land(INTENT, 0, 0)
    assert isinstance(landing, Waiting)
    assert "shows no transaction with it" in landing.reason


@pytest.mark.parametrize("block", UNSEEN.values(), ids=UNSEEN)
def test_land__nonce_used_and_nobody_to_be_seen_long_past_the_deadline__halts(block: Any) -> None:
    rpc = node_with(None, block)
    rpc.answers["eth_getBlockByNumber"] = [LATE, block]
    with pytest.raises(Halt, match=f"node.example says that nonce 7 is used .*knows nothing of {HASH}.*explorer"):
        a_lander(rpc).land(INTENT, 0, 0)


def test_land__nonce_used_on_a_node_that_shows_no_blocks__waits_until_the_deadline_is_long_past() -> None:
    for seconds in (0, INDEX_SECONDS):
        rpc = node_with(None)
        rpc.answers["eth_getBlockByNumber"] = [{**HEAD, "timestamp": hex(INTENT.deadline + seconds)}, PRUNED]
        landing = a_lander(rpc).land(INTENT, 0, 0)
        assert isinstance(landing, Waiting) and landing.mined and "missing trie node" in landing.reason


@pytest.mark.parametrize(
    ("at", "last"),
    [(1_007, 1_017), (1_017, 1_017), (1_007, 99_999), (1_038, 99_999), (99_968, 99_999), (99_999, 99_999)],
)
def test_land__nonce_used_on_a_node_without_old_states__is_found_near_both_ends(at: int, last: int) -> None:
    rpc = _pruned(at, last, {**STRANGER, "from": OPERATOR})
    with pytest.raises(Halt, match=f"nonce 7 was used by 0x0d .to {SAFE}, in block {at}."):
        a_lander(rpc).land(INTENT, 0, 0)


def test_land__nonce_used_far_from_both_ends_without_old_states__waits_and_says_how_far_it_looked() -> None:
    landing = a_lander(_pruned(50_000, 99_999, {**STRANGER, "from": OPERATOR})).land(INTENT, 0, 0)
    assert isinstance(landing, Waiting) and landing.mined
    assert "64 of the blocks 1007 to 99999 show no transaction with it, and node.example" in landing.reason


def test_land__nonce_used_by_ours_without_old_states_and_receipts__waits() -> None:
    landing = a_lander(_pruned(1_010, 99_999, {**STRANGER, "from": OPERATOR, "hash": HASH})).land(INTENT, 0, 0)
    assert landing == Waiting("mined in block 1010, node.example has no receipt yet", mined=True)


def _pruned(at: int, last: int, transaction: dict[str, str]) -> ScriptedRpc:
    """A node that keeps states of the newest block only; block `at` of `last` holds the transaction."""

    def block(tag: str, _: bool) -> dict[str, Any]:
        number = last if tag == "latest" else int(tag, 16)
        return {**HEAD, "number": hex(number), "transactions": [transaction] if number == at else []}

    rpc = node_with(None)
    return rpc.with_answers(eth_getBlockByNumber=block, eth_getTransactionCount=["0x8", PRUNED])


def test_land__nonce_used_by_ours_without_a_receipt_long_past_the_deadline__still_waits() -> None:
    ours = {"from": OPERATOR.lower(), "nonce": "0x7", "hash": HASH, "to": SAFE}
    rpc = node_with(None)
    rpc.answers["eth_getBlockByNumber"] = [LATE, {**MINED, "transactions": [ours]}]
    assert isinstance(a_lander(rpc).land(INTENT, 0, 0), Waiting)


def test_land__nonce_used_by_another_long_past_the_deadline__halts_all_the_same() -> None:
    rpc = node_with(None)
    rpc.answers["eth_getBlockByNumber"] = [LATE, {**MINED, "transactions": [{**STRANGER, "from": OPERATOR.lower()}]}]
    with pytest.raises(Halt, match="nonce 7 was used by 0x0d"):
        a_lander(rpc).land(INTENT, 0, 0)


@pytest.mark.parametrize(
    "transactions",
    [None, 5, {}, [None], [{"from": OPERATOR, "nonce": "0x7"}], [{"from": OPERATOR, "nonce": None, "hash": HASH}]],
    ids=str,
)
def test_land__in_a_block_with_malformed_transactions__is_unavailable(transactions: Any) -> None:
    with pytest.raises(Unavailable):
        a_lander(node_with(None, {**MINED, "transactions": transactions})).land(INTENT, 0, 0)


@pytest.mark.parametrize("late", [0, 60])
def test_land__known_and_unmined__says_past_its_deadline_what_a_person_can_do(late: int) -> None:
    rpc = node_with(None, count="0x7")
    head = {**HEAD, "timestamp": hex(INTENT.deadline + late)}
    rpc.answers |= {"eth_getTransactionByHash": {"hash": HASH}, "eth_getBlockByNumber": head}
    landing = a_lander(rpc).land(INTENT, 0, 0)
    assert isinstance(landing, Waiting) and landing.reason.startswith(f"{HASH} waits to be mined, with nonce 7")
    told = "60 s past its deadline: mined now, it can only revert and burn gas" in landing.reason
    how = "with nonce 7, a max fee above 10000000000 wei and a tip above 1000000000 wei" in landing.reason
    assert told == how == bool(late)


@pytest.mark.parametrize("known", [None, {"hash": HASH}], ids=["unknown", "known"])
def test_land__an_earlier_nonce_is_free_again_long_past_the_deadline__halts_and_says_how_to_look(known: Any) -> None:
    rpc = node_with(None, count="0x6").with_answers(eth_getTransactionByHash=known)
    for seconds in (-60, INDEX_SECONDS):
        rpc.answers["eth_getBlockByNumber"] = {**HEAD, "timestamp": hex(INTENT.deadline + seconds)}
        assert isinstance(a_lander(rpc).land(INTENT, 0, 0), Waiting)
    rpc.answers["eth_getBlockByNumber"] = LATE
    said = f"its next nonce is 6, and the nonce of {HASH} is 7, long past .* was taken back .*explorer.*Then resume"
    with pytest.raises(Halt, match=said):
        a_lander(rpc).land(INTENT, 0, 0)


@pytest.mark.parametrize(("now", "kind"), [(INDEX_SECONDS, Waiting), (INDEX_SECONDS + 1, Gone)])
def test_land__long_past_the_deadline_by_the_nodes_time_alone__is_not_gone(now: int, kind: type) -> None:
    rpc = node_with(None, count="0x7").with_answers(eth_getBlockByNumber={**LATE, "timestamp": hex(LATE_AT + 100)})
    assert isinstance(a_lander(some_nodes(rpc, INTENT.deadline + now)).land(INTENT, 0, 0), kind)


@pytest.mark.parametrize("block", UNSEEN.values(), ids=UNSEEN)
def test_land__nonce_used_and_nobody_seen_long_past_the_deadline_by_the_nodes_time_alone__waits(block: Any) -> None:
    rpc = node_with(None, block).with_answers(eth_getBlockByNumber=[LATE, block])
    assert isinstance(a_lander(some_nodes(rpc, INTENT.deadline + INDEX_SECONDS)).land(INTENT, 0, 0), Waiting)


@pytest.mark.parametrize(("at", "depth"), [(0x3F9, 1), (0x3F8, 2)])
def test_land__nonce_used_by_another_in_a_block_that_may_be_replaced_yet__waits(at: int, depth: int) -> None:
    landing = a_lander(_pruned(at, 0x3F9, {**STRANGER, "from": OPERATOR}), confirmations=3).land(INTENT, 0, 0)
    said = f"nonce 7 was used by 0x0d (to {SAFE}, in block {at}), {depth} of 3 confirmations"
    assert landing == Waiting(said, mined=True)


def test_land__nonce_used_by_another_as_deep_as_is_asked_for__halts() -> None:
    with pytest.raises(Halt, match="nonce 7 was used by 0x0d"):
        a_lander(_pruned(0x3F7, 0x3F9, {**STRANGER, "from": OPERATOR}), confirmations=3).land(INTENT, 0, 0)
