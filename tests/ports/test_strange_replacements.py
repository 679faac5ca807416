"""What a node says of an intent with several transactions: of one nonce, of which at most one can be mined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from given_strange_nodes import BACKER, HASH, HEAD, INTENT, MINED, SAFE, ScriptedRpc, a_lander, a_receipt, node_with

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.adapters.wallets.fake import OPERATOR, FakeSigner
from rebalancer.adapters.wallets.unmined import INDEX_SECONDS
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import (
    FAR_BEHIND,
    Call,
    Fees,
    Gone,
    Landed,
    Purpose,
    Replacement,
    SignedTransaction,
    Transaction,
    Waiting,
)
from rebalancer.units import Wei

FIRST = INTENT.commitment
HIGHER, HIGHEST = Fees(Wei(2 * 10**10), Wei(2 * 10**9)), Fees(Wei(4 * 10**10), Wei(4 * 10**9))
RAISED = FakeSigner().sign(replace(FIRST.transaction, fees=HIGHER))
CANCELLED = FakeSigner().sign(Transaction(1, FIRST.transaction.nonce, 21_000, HIGHEST, Call(OPERATOR, b"")))
SIGNED_AT = INTENT.deadline + 30
REPLACED = replace(INTENT, replacements=(Replacement(Purpose.RAISE, INTENT.created_at + 180, RAISED),))
GIVEN_UP = replace(REPLACED, replacements=(*REPLACED.replacements, Replacement(Purpose.CANCEL, SIGNED_AT, CANCELLED)))
REFUSED = RpcError("node.example", "eth_any", -32000, "internal error", None)


def _node(mined: SignedTransaction | None, *known: SignedTransaction, count: int = 8, late: int = -60) -> ScriptedRpc:
    """Has mined one, if any, and shows those `known`; its newest block is `late` seconds after the deadline."""

    def receipt(digest: str) -> Any:
        return a_receipt(transactionHash=digest) if mined is not None and digest == mined.hash else None

    def shown(digest: str) -> Any:
        return {"hash": digest} if digest in {each.hash for each in known} else None

    head = {**HEAD, "timestamp": hex(INTENT.deadline + late)}
    return node_with(None, count=hex(count)).with_answers(
        eth_getTransactionReceipt=receipt, eth_getTransactionByHash=shown, eth_getBlockByNumber=[head, MINED]
    )


@pytest.mark.parametrize("signed", [FIRST, RAISED], ids=["the first", "the dearer"])
def test_land__whichever_of_its_transactions_was_mined__is_told_by_its_hash(signed: SignedTransaction) -> None:
    for intent in (REPLACED, GIVEN_UP):
        landing = a_lander(_node(signed)).land(intent, 0, 0)
        assert isinstance(landing, Landed)
        assert (landing.receipt.tx, landing.receipt.reason) == (signed.hash, None)


@pytest.mark.parametrize("status", ["0x1", "0x0"])
def test_land__the_cancellation_was_mined__is_a_failure_that_says_so_and_moved_nothing(status: str) -> None:
    rpc = _node(CANCELLED)
    rpc.answers["eth_getTransactionReceipt"] = lambda digest: (
        a_receipt(transactionHash=digest, status=status, logs=[]) if digest == CANCELLED.hash else None
    )
    landing = a_lander(rpc).land(GIVEN_UP, 0, 0)
    assert isinstance(landing, Landed)
    receipt = landing.receipt
    assert receipt.reason == f"cancelled: {CANCELLED.hash} has used up nonce 7, so the batch can never be mined"
    assert receipt.tx == CANCELLED.hash and {change.raw for change in receipt.changes} == {0}
    assert (receipt.gas_used, receipt.gas_price) == (21_000, 9)


def test_land__with_receipts_of_two_of_its_transactions__is_unavailable() -> None:
    rpc = _node(None).with_answers(eth_getTransactionReceipt=lambda digest: a_receipt(transactionHash=digest))
    with pytest.raises(Unavailable, match="receipts of 2 transactions with one nonce"):
        a_lander(rpc).land(REPLACED, 0, 0)


def test_land__with_the_receipt_of_another_of_its_transactions__is_unavailable() -> None:
    rpc = _node(None)
    rpc.answers["eth_getTransactionReceipt"] = lambda digest: a_receipt() if digest == RAISED.hash else None
    with pytest.raises(Unavailable, match=f"asked for the receipt of {RAISED.hash}, was given another one"):
        a_lander(rpc).land(REPLACED, 0, 0)


@pytest.mark.parametrize("signed", GIVEN_UP.transactions, ids=["first", "raised", "cancelled"])
def test_land__nonce_used_by_one_of_its_own_without_a_receipt__waits(signed: SignedTransaction) -> None:
    ours = {"from": OPERATOR, "nonce": "0x7", "hash": signed.hash, "to": SAFE}
    rpc = _node(None)
    rpc.answers["eth_getBlockByNumber"] = [HEAD, {**MINED, "transactions": [ours]}]
    landing = a_lander(rpc).land(GIVEN_UP, 0, 0)
    assert isinstance(landing, Waiting) and landing.mined and "has no receipt yet" in landing.reason


def test_land__nonce_used_by_none_of_its_own__halts_and_names_all() -> None:
    other = {"from": OPERATOR, "nonce": "0x7", "hash": "0x0d", "to": BACKER}
    rpc = _node(None)
    rpc.answers["eth_getBlockByNumber"] = [HEAD, {**MINED, "transactions": [other]}]
    with pytest.raises(Halt, match=rf"used by 0x0d .to {BACKER}.*{HASH} .replaced by {RAISED.hash}, {CANCELLED.hash}"):
        a_lander(rpc).land(GIVEN_UP, 0, 0)


def test_land__only_an_older_one_is_known__waits_for_that() -> None:
    landing = a_lander(_node(None, FIRST, count=7)).land(REPLACED, 0, 0)
    assert landing == Waiting(f"{HASH} waits to be mined, with nonce 7")
    both = a_lander(_node(None, FIRST, RAISED, count=7)).land(REPLACED, 0, 0)
    assert both == Waiting(f"{RAISED.hash} waits to be mined, with nonce 7")


def test_land__its_cancellation_is_known__waits_without_telling_how_to_cancel_it() -> None:
    landing = a_lander(_node(None, CANCELLED, count=7, late=60)).land(GIVEN_UP, 0, 0)
    assert landing == Waiting(f"the cancellation {CANCELLED.hash} waits to be mined, with nonce 7")


def test_land__being_cancelled_and_an_older_one_is_known_past_the_deadline__waits_for_that() -> None:
    landing = a_lander(_node(None, RAISED, count=7, late=60)).land(GIVEN_UP, 0, 0)
    assert landing == Waiting(f"{RAISED.hash} waits to be mined, with nonce 7")


@pytest.mark.parametrize(("late", "kind"), [(INDEX_SECONDS, Waiting), (INDEX_SECONDS + 1, Gone)])
def test_land__replaced_and_unknown__is_gone_long_after_its_deadline(late: int, kind: type) -> None:
    landing = a_lander(_node(None, count=7, late=late)).land(REPLACED, 0, 0)
    assert isinstance(landing, kind)
    assert f"{HASH} (replaced by {RAISED.hash})" in landing.reason


@pytest.mark.parametrize(("late", "kind"), [(30 + INDEX_SECONDS, Waiting), (31 + INDEX_SECONDS, Gone)])
def test_land__cancelled_and_unknown__is_gone_long_after_the_cancellation_was_signed(late: int, kind: type) -> None:
    landing = a_lander(_node(None, count=7, late=late)).land(GIVEN_UP, 0, 0)
    assert isinstance(landing, kind) and CANCELLED.hash in landing.reason


def test_land__an_earlier_nonce_is_free_again__waits_and_says_what_stands_before_it() -> None:
    for known in ((), (FIRST,)):
        landing = a_lander(_node(None, *known, count=5)).land(INTENT, 0, 0)
        assert isinstance(landing, Waiting) and not landing.mined
        assert "; the operator's next nonce is 5, so nothing of it can be mined before another" in landing.reason


# ---------------------------------------------------------------- the node


@pytest.mark.parametrize("mined", [FIRST, None], ids=["mined", "unknown"])
def test_land__on_a_node_behind_the_last_block_seen__is_unavailable_whatever_it_says(
    mined: SignedTransaction | None,
) -> None:
    rpc = _node(mined, late=INDEX_SECONDS + 1, count=8 if mined else 7)
    with pytest.raises(Unavailable, match="at block 1017, behind block 1018 that was read before"):
        a_lander(rpc).land(INTENT, 0, 0x3F9 + 1)
    assert isinstance(a_lander(_node(mined, late=INDEX_SECONDS + 1, count=7)).land(INTENT, 0, 0x3F9), Landed | Gone)


@pytest.mark.parametrize("mined", [FIRST, None], ids=["mined", "unknown"])
def test_land__of_an_intent_of_a_block_that_never_was__is_told_all_the_same(mined: SignedTransaction | None) -> None:
    rpc = _node(mined, late=INDEX_SECONDS + 1, count=8 if mined else 7)
    assert isinstance(a_lander(rpc).land(replace(INTENT, block=10**9), 0, 0), Landed | Gone)


def test_land__nonce_used_after_a_block_that_never_was__is_looked_for_below_the_head() -> None:
    other = {"from": OPERATOR, "nonce": "0x7", "hash": "0x0d", "to": BACKER}
    rpc = _node(None).with_answers(eth_getBlockByNumber=[HEAD, {**MINED, "transactions": [other]}])
    with pytest.raises(Halt, match="nonce 7 was used by 0x0d .*in block 1017"):
        a_lander(rpc).land(replace(INTENT, block=10**9), 0, 0)


@pytest.mark.parametrize(("behind", "error"), [(FAR_BEHIND, Unavailable), (FAR_BEHIND + 1, Halt)])
def test_land__on_a_node_far_behind_the_last_block_seen__halts(behind: int, error: type[Exception]) -> None:
    with pytest.raises(
        error, match=f"node.example(: | is )at block 1017, .*behind block {0x3F9 + behind} that was read"
    ):
        a_lander(_node(FIRST)).land(INTENT, 0, 0x3F9 + behind)


def test_land__behind_at_first__is_asked_again_while_patience_lasts() -> None:
    rpc = _node(FIRST)
    rpc.answers["eth_getBlockByNumber"] = [HEAD, HEAD, {**HEAD, "number": "0x400"}, MINED]
    assert isinstance(a_lander(rpc).land(INTENT, 5, 0x400), Landed)


def test_land__where_looks_fail__goes_on_while_patience_lasts_and_then_says_how_the_last_one_failed() -> None:
    rpc = _node(FIRST).with_answers(eth_chainId=[REFUSED, REFUSED, "0x1"])
    assert isinstance(a_lander(rpc).land(INTENT, 5, 0), Landed)
    for seconds in (0, 1):
        with pytest.raises(Unavailable, match="internal error"):
            a_lander(_node(FIRST).with_answers(eth_chainId=REFUSED)).land(INTENT, seconds, 0)


def test_land__events_of_a_block_that_was_taken_back__waits() -> None:
    removed = [{**log, "removed": True} for log in a_receipt()["logs"]]
    landing = a_lander(node_with(a_receipt(logs=removed))).land(INTENT, 0, 0)
    assert landing == Waiting("block 1008, in which it was mined, is being replaced", mined=True)
    kept = [{**log, "removed": False} for log in a_receipt()["logs"]]
    assert isinstance(a_lander(node_with(a_receipt(logs=kept))).land(INTENT, 0, 0), Landed)


def test_land__mined_above_the_newest_block__has_no_confirmations() -> None:
    rpc = node_with(a_receipt(blockNumber="0x3fb"))
    landing = a_lander(rpc).land(INTENT, 0, 0)
    assert landing == Waiting("mined in block 1019, 0 of 1 confirmations", mined=True, block_hash=MINED["hash"])


def test_land__mined_and_not_deep_enough__names_the_block_that_it_is_in() -> None:
    lander = a_lander(node_with(a_receipt(blockNumber="0x3f8", blockHash="0xb10c")), confirmations=3)
    assert lander.land(INTENT, 0, 0) == Waiting("mined in block 1016, 2 of 3 confirmations", True, "0xb10c")


def test_land__of_all_it_asks_in_one_request__once_for_each_transaction() -> None:
    asked: list[int] = []

    class Counting(ScriptedRpc):
        def batch(self, calls: Any) -> list[Any]:
            asked.append(len(calls))
            return super().batch(calls)

    rpc = Counting(**_node(None, FIRST, count=7).answers)
    a_lander(rpc).land(GIVEN_UP, 0, 0)
    assert asked == [3 + 2 * 3]
