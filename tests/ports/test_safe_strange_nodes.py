"""Nodes that answer strangely: nothing is taken for settled or gone that is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from given_chain import a_state
from given_ledger import USDC, WETH, an_intent
from given_wallet import LIMITS

from rebalancer.adapters.chain.codec import CallResult, EthCall, uint_word
from rebalancer.adapters.chain.rpc import Call as RpcCall
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT, TRANSFER_EVENT
from rebalancer.adapters.wallets.fake import OPERATOR, FakeSigner
from rebalancer.adapters.wallets.landing import INDEX_SECONDS, Lander, Patience
from rebalancer.adapters.wallets.module_abi import REBALANCE, REBALANCED_EVENT
from rebalancer.adapters.wallets.reasons import safe_reason
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.adapters.wallets.simulation import Place, Ran, Simulator
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Call, Gone, Landed, Waiting
from rebalancer.units import Address, Amount

INTENT = an_intent(7)
SAFE = INTENT.commitment.transaction.call.to
HASH = INTENT.commitment.hash
HEAD = {"number": "0x3f9", "timestamp": hex(INTENT.deadline - 60), "hash": "0x0b"}
MINED = {"number": "0x3f0", "timestamp": hex(INTENT.deadline - 300), "hash": "0x0a", "transactions": []}
BACKER = Address("0x" + "9" * 40)


class ScriptedRpc(Rpc):
    """Answers by method; a list is played in turn, its last answer stays, an exception is raised."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("http://node.example")
        self.answers = answers

    def call(self, method: str, *params: Any) -> Any:
        answer = self.answers[method]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def batch(self, calls: Sequence[RpcCall]) -> list[Any]:
        return [self.call(method, *params) for method, params in calls]


def _error(reason: str) -> RpcError:
    return RpcError("node.example", "eth_any", -32000, reason, None)


def _lander(rpc: Rpc, why: str | Exception = "Too little received") -> Lander:
    def explain(*_: object) -> str:
        if isinstance(why, Exception):
            raise why
        return why

    return Lander(rpc, (SAFE, OPERATOR), Patience(poll=0.001), explain)


def _receipt(**change: Any) -> dict[str, Any]:
    success = {"address": SAFE, "topics": [EXECUTION_SUCCESS_EVENT, "0x00"], "data": "0x"}
    whole = {
        "transactionHash": HASH,
        "blockNumber": MINED["number"],
        "blockHash": MINED["hash"],
        "status": "0x1",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x9",
        "logs": [success],
    }
    return {name: value for name, value in {**whole, **change}.items() if value is not None}


def _seen(receipt: Any, block: Any = MINED, count: str = "0x8", **answers: Any) -> ScriptedRpc:
    return ScriptedRpc(
        eth_chainId="0x1",
        eth_getTransactionReceipt=receipt,
        eth_getBlockByNumber=[HEAD, block],
        eth_getTransactionCount=count,
        eth_getTransactionByHash=None,
        **answers,
    )


def _transfer(token: Address, sender: Address, receiver: Address, raw: int) -> dict[str, Any]:
    topics = [TRANSFER_EVENT, *("0x" + "0" * 24 + a[2:].lower() for a in (sender, receiver))]
    return {"address": token.lower(), "topics": topics, "data": "0x" + uint_word(raw).hex()}


def test_land__status_one_without_the_safes_word__is_a_failure() -> None:
    landing = _lander(_seen(_receipt(logs=[]))).land(INTENT, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.reason == f"mined, but the Safe {SAFE} does not report ExecutionSuccess"


def test_land__the_word_of_another_safe__is_a_failure() -> None:
    other = {"address": BACKER, "topics": [EXECUTION_SUCCESS_EVENT], "data": "0x"}
    landing = _lander(_seen(_receipt(logs=[other]))).land(INTENT, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.reason is not None


def test_land__transfers_in_and_out__are_summed_by_token() -> None:
    logs = [
        *_receipt()["logs"],
        _transfer(USDC.address, SAFE, BACKER, 700),
        _transfer(USDC.address, SAFE, BACKER, 300),
        _transfer(USDC.address, BACKER, SAFE, 1),
        _transfer(WETH.address, BACKER, SAFE, 5),
        _transfer(WETH.address, SAFE, SAFE, 50),
        _transfer(WETH.address, BACKER, OPERATOR, 500),
        _transfer(BACKER, BACKER, SAFE, 5_000),
        {"address": WETH.address, "topics": [TRANSFER_EVENT], "data": "0x"},
        {"address": WETH.address, "topics": [], "data": "0x"},
    ]
    landing = _lander(_seen(_receipt(logs=logs))).land(INTENT, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.changes == (Amount(USDC, -999), Amount(WETH, 5))


@pytest.mark.parametrize("block", [None, {**MINED, "hash": "0x0c"}], ids=["no block", "another block"])
def test_land__in_a_block_that_is_being_replaced__waits(block: Any) -> None:
    landing = _lander(_seen(_receipt(), block)).land(INTENT, 0)
    assert landing == Waiting("block 1008, in which it was mined, is being replaced")


@pytest.mark.parametrize(
    "name", ["transactionHash", "blockNumber", "blockHash", "status", "gasUsed", "effectiveGasPrice", "logs"]
)
def test_land__with_half_a_receipt__is_unavailable(name: str) -> None:
    with pytest.raises(Unavailable, match=name):
        _lander(_seen(_receipt(**{name: None}))).land(INTENT, 0)


def test_land__reverted_where_the_node_cannot_say_why__is_a_failure_all_the_same() -> None:
    rpc = _seen(_receipt(status="0x0", logs=[]))
    landing = _lander(rpc, Unavailable("node.example: missing trie node")).land(INTENT, 0)
    assert isinstance(landing, Landed)
    expected = "mined and reverted with 21000 of 500000 gas: why is not known: node.example: missing trie node"
    assert landing.receipt.reason == expected


def test_land__nonce_used_by_ours_and_no_receipt_yet__waits() -> None:
    ours = {"from": OPERATOR.lower(), "nonce": "0x7", "hash": HASH, "to": SAFE}
    landing = _lander(_seen(None, {**MINED, "transactions": [ours]})).land(INTENT, 0)
    assert isinstance(landing, Waiting)
    assert "has no receipt yet" in landing.reason


STRANGER = {"from": BACKER, "nonce": "0x7", "hash": "0x0d", "to": SAFE}
LATE = {**HEAD, "timestamp": hex(INTENT.deadline + INDEX_SECONDS + 1)}


def test_land__nonce_used_and_nobody_to_be_seen__waits() -> None:
    landing = _lander(_seen(None, {**MINED, "transactions": [STRANGER]})).land(INTENT, 0)
    assert isinstance(landing, Waiting)
    assert "shows no transaction with it" in landing.reason


PRUNED = RpcError("node.example", "eth_getTransactionCount", -32000, "missing trie node", None)
UNSEEN = {"nobody": {**MINED, "transactions": [STRANGER]}, "no block": None, "pruned": PRUNED}


@pytest.mark.parametrize("block", UNSEEN.values(), ids=UNSEEN)
def test_land__nonce_used_and_nobody_to_be_seen_long_past_the_deadline__is_gone(block: Any) -> None:
    rpc = _seen(None, block)
    rpc.answers["eth_getBlockByNumber"] = [LATE, block]
    landing = _lander(rpc).land(INTENT, 0)
    assert isinstance(landing, Gone)
    assert "node.example says that nonce 7 is used" in landing.reason


def test_land__nonce_used_on_a_node_without_old_states__is_unavailable_until_the_deadline_is_long_past() -> None:
    for seconds in (0, INDEX_SECONDS):
        rpc = _seen(None)
        rpc.answers["eth_getBlockByNumber"] = [{**HEAD, "timestamp": hex(INTENT.deadline + seconds)}, PRUNED]
        with pytest.raises(Unavailable, match="missing trie node"):
            _lander(rpc).land(INTENT, 0)


def test_land__nonce_used_by_ours_without_a_receipt_long_past_the_deadline__still_waits() -> None:
    ours = {"from": OPERATOR.lower(), "nonce": "0x7", "hash": HASH, "to": SAFE}
    rpc = _seen(None)
    rpc.answers["eth_getBlockByNumber"] = [LATE, {**MINED, "transactions": [ours]}]
    assert isinstance(_lander(rpc).land(INTENT, 0), Waiting)


def test_land__nonce_used_by_another_long_past_the_deadline__halts_all_the_same() -> None:
    rpc = _seen(None)
    rpc.answers["eth_getBlockByNumber"] = [LATE, {**MINED, "transactions": [{**STRANGER, "from": OPERATOR.lower()}]}]
    with pytest.raises(Halt, match="nonce 7 was used by 0x0d"):
        _lander(rpc).land(INTENT, 0)


@pytest.mark.parametrize(
    "transactions",
    [None, 5, {}, [None], [{"from": OPERATOR, "nonce": "0x7"}], [{"from": OPERATOR, "nonce": None, "hash": HASH}]],
    ids=str,
)
def test_land__in_a_block_with_malformed_transactions__is_unavailable(transactions: Any) -> None:
    with pytest.raises(Unavailable):
        _lander(_seen(None, {**MINED, "transactions": transactions})).land(INTENT, 0)


def test_land__with_the_receipt_of_another_transaction__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="given another one"):
        _lander(_seen(_receipt(transactionHash="0x" + "0d" * 32))).land(INTENT, 0)


@pytest.mark.parametrize("receipt", [None, _receipt()], ids=["unknown", "mined"])
def test_land__on_a_node_of_another_chain__is_a_config_error(receipt: Any) -> None:
    rpc = _seen(receipt, count="0x0")
    rpc.answers |= {"eth_chainId": "0x2105", "eth_getBlockByNumber": LATE}
    with pytest.raises(ConfigError, match="chain id 8453, expected 1"):
        _lander(rpc).land(INTENT, 0)


@pytest.mark.parametrize("late", [0, 60])
def test_land__known_and_unmined__says_past_its_deadline_what_a_person_can_do(late: int) -> None:
    rpc = _seen(None, count="0x7")
    head = {**HEAD, "timestamp": hex(INTENT.deadline + late)}
    rpc.answers |= {"eth_getTransactionByHash": {"hash": HASH}, "eth_getBlockByNumber": head}
    landing = _lander(rpc).land(INTENT, 0)
    assert isinstance(landing, Waiting) and landing.reason.startswith(f"{HASH} waits to be mined, with nonce 7")
    told = "60 s past its deadline: mined now, it can only revert and burn gas" in landing.reason
    how = "with nonce 7, a max fee above 10000000000 wei and a tip above 1000000000 wei" in landing.reason
    assert told == how == bool(late)


def test_land__of_an_intent_sent_to_another_wallet_than_the_configured_one__counts_that_wallets_changes() -> None:
    safe = Address("0x" + "7" * 40)
    sent = INTENT.commitment
    call = replace(sent.transaction.call, to=safe)
    intent = replace(INTENT, commitment=replace(sent, transaction=replace(sent.transaction, call=call)))
    success = {"address": safe, "topics": [EXECUTION_SUCCESS_EVENT, "0x00"], "data": "0x"}
    logs = [success, _transfer(WETH.address, BACKER, safe, 5), _transfer(WETH.address, BACKER, SAFE, 70)]
    landing = _lander(_seen(_receipt(logs=logs))).land(intent, 0)
    assert isinstance(landing, Landed)
    assert (landing.receipt.reason, landing.receipt.changes[1]) == (None, Amount(WETH, 5))


def test_land__a_receipt_that_comes_late__is_waited_for() -> None:
    rpc = _seen([None, None, _receipt()], count="0x7")
    rpc.answers["eth_getBlockByNumber"] = [HEAD, HEAD, HEAD, MINED]
    landing = _lander(rpc).land(INTENT, 5)
    assert isinstance(landing, Landed)


def test_land__a_node_that_forgot_the_nonce__does_not_make_it_gone_before_the_deadline() -> None:
    assert isinstance(_lander(_seen(None, count="0x0")).land(INTENT, 0), Waiting)
    late = _seen(None, count="0x0")
    late.answers["eth_getBlockByNumber"] = {**HEAD, "timestamp": hex(INTENT.deadline + 1)}
    assert isinstance(_lander(late).land(INTENT, 0), Gone)


def test_send__answered_with_another_hash__halts() -> None:
    with pytest.raises(Halt, match=HASH):
        _sender(ScriptedRpc(eth_sendRawTransaction="0x" + "00" * 32)).send(INTENT.commitment)


@pytest.mark.parametrize("said", ["already known", "nonce too low", "ALREADY_EXISTS", "transaction already imported"])
def test_send__refused_though_the_node_has_it__is_done(said: str) -> None:
    rpc = ScriptedRpc(eth_sendRawTransaction=_error(said), eth_getTransactionByHash={"hash": HASH})
    _sender(rpc).send(INTENT.commitment)


def _of_a_module(topics: list[str], speaker: Address = SAFE) -> Landed:
    """What becomes of a module's batch that was mined with status 1, and one event."""
    call = Call(SAFE, REBALANCE + bytes(128))
    signed = replace(INTENT.commitment, transaction=replace(INTENT.commitment.transaction, call=call))
    receipt = _receipt(logs=[{"address": speaker, "topics": topics, "data": "0x"}])
    rpc = ScriptedRpc(
        eth_chainId="0x1",
        eth_getTransactionReceipt=receipt,
        eth_getBlockByNumber=[HEAD, MINED],
        eth_getTransactionCount="0x8",
        eth_getTransactionByHash=None,
    )
    landing = _lander(rpc).land(replace(INTENT, commitment=signed), 0)
    assert isinstance(landing, Landed), landing
    return landing


def test_land__of_a_modules_batch__is_told_by_the_modules_event_alone() -> None:
    assert _of_a_module([REBALANCED_EVENT, "0x07"]).receipt.reason is None
    for strange in (_of_a_module([EXECUTION_SUCCESS_EVENT]), _of_a_module([REBALANCED_EVENT], BACKER)):
        assert strange.receipt.reason == f"mined, but the module {SAFE} does not report Rebalanced"


def test_send__refused_and_unknown__is_unavailable_with_the_nodes_words() -> None:
    rpc = ScriptedRpc(eth_sendRawTransaction=_error("max fee per gas less than block base fee"))
    rpc.answers["eth_getTransactionByHash"] = None
    with pytest.raises(Unavailable, match=r"less than block base fee.*was not taken"):
        _sender(rpc).send(INTENT.commitment)


@pytest.mark.parametrize(
    ("counts", "part"),
    [
        (("0x7", "0x7", "0x8"), r"1 of its transactions wait to be mined \(nonce 7 is next\)"),
        (("0x8", "0x7", "0x7"), "a node behind it has fallen behind"),
        (("0x7", "0x8", "0x8"), "1 of its transactions were mined since block"),
        (("0x7", None, "0x7"), "null is no 0x-hex number"),
    ],
)
def test_count_and_read__where_the_counts_differ__is_unavailable(counts: list[Any], part: str) -> None:
    rpc = ScriptedRpc(eth_getTransactionCount=list(counts))
    with pytest.raises(Unavailable, match=part):
        _sender(rpc).count_and_read((), a_state(1_000))


def test_count_and_read__asks_for_the_counts_first__at_the_snapshots_block_latest_and_pending() -> None:
    asked: list[RpcCall] = []

    class Watched(ScriptedRpc):
        def batch(self, calls: Sequence[RpcCall]) -> list[Any]:
            asked.extend(calls)
            return super().batch(calls)

    rpc = Watched(eth_getTransactionCount="0x7", eth_call="0x0102")
    found = _sender(rpc).count_and_read([EthCall(SAFE, b"\x07")], a_state(1_000))
    assert found == (7, (CallResult(True, b"\x01\x02"),))
    counts = [("eth_getTransactionCount", [OPERATOR, tag]) for tag in ("0x3e8", "latest", "pending")]
    assert asked == [*counts, ("eth_call", [{"to": SAFE, "data": "0x07"}, "latest"])]


def _sender(rpc: Rpc) -> Sender:
    return Sender(rpc, 1, FakeSigner(), LIMITS)


CALL, PLACE = Call(SAFE, b"\x01"), Place(1_000, 1_700_000_000)


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, [{}], [{"calls": []}], [{"calls": [None]}], [{"calls": [{"status": "0x1"}]}], [[]], "0x"],
    ids=str,
)
def test_run__where_the_simulation_is_answered_with_something_else__is_unavailable(answer: Any) -> None:
    with pytest.raises(Unavailable):
        Simulator(ScriptedRpc(eth_simulateV1=[answer]), BACKER).run(OPERATOR, [CALL], PLACE)


def test_run__a_revert_told_in_the_error__is_kept() -> None:
    result = {"status": "0x0", "gasUsed": "0x5208", "returnData": "0x", "error": {"code": 3, "data": "0x4e487b71"}}
    rpc = ScriptedRpc(eth_simulateV1=[[{"calls": [result]}]])
    assert Simulator(rpc, BACKER).run(OPERATOR, [CALL], PLACE) == (Ran(False, bytes.fromhex("4e487b71"), 21_000),)


def test_run__where_both_ways_fail__is_unavailable_and_tries_both_again() -> None:
    rpc = ScriptedRpc(eth_simulateV1=_error("rate limit"), eth_getCode=_error("rate limit"))
    simulator = Simulator(rpc, BACKER)
    with pytest.raises(Unavailable, match="rate limit"):
        simulator.run(OPERATOR, [CALL], PLACE)
    good = {"status": "0x1", "gasUsed": "0x5208", "returnData": "0x"}
    rpc.answers["eth_simulateV1"] = [[{"calls": [good]}]]
    assert simulator.run(OPERATOR, [CALL], PLACE) == (Ran(True, b"", 21_000),)


def test_safe_reason__of_an_unknown_code__is_the_code() -> None:
    said = bytes.fromhex("08c379a0") + uint_word(32) + uint_word(5) + b"GS031".ljust(32, b"\x00")
    assert safe_reason(said) == "GS031"
