"""Nodes that answer strangely to a sending, a count or a simulation: the batch is never guessed to be taken or good."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from given_chain import a_state
from given_strange_nodes import BACKER, HASH, HEAD, INTENT, SAFE, ScriptedRpc, some_nodes
from given_wallet import LIMITS

from rebalancer.adapters.chain.codec import CallResult, EthCall, uint_word
from rebalancer.adapters.chain.rpc import Call as RpcCall
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.counting import Counter
from rebalancer.adapters.wallets.fake import OPERATOR, FakeSigner
from rebalancer.adapters.wallets.reasons import safe_reason
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.adapters.wallets.simulation import Place, Ran, Simulator
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Call

CALL, PLACE = Call(SAFE, b"\x01"), Place(1_000, 1_700_000_000)


def _error(reason: str) -> RpcError:
    return RpcError("node.example", "eth_any", -32000, reason, None)


def _sender(rpc: Rpc) -> Sender:
    return Sender(some_nodes(rpc), 1, FakeSigner(), LIMITS)


def _next_nonce(rpc: Rpc, reads: Sequence[EthCall] = ()) -> tuple[int, tuple[CallResult, ...]]:
    """With what was read beside it."""
    read: list[CallResult] = []
    nonce = Counter(some_nodes(rpc), OPERATOR).next(a_state(1_000), reads, read.extend)
    return nonce, tuple(read)


def test_send__answered_with_another_hash__halts() -> None:
    with pytest.raises(Halt, match=HASH):
        _sender(ScriptedRpc(eth_sendRawTransaction="0x" + "00" * 32)).send(INTENT)


@pytest.mark.parametrize("said", ["already known", "nonce too low", "ALREADY_EXISTS", "transaction already imported"])
def test_send__refused_though_the_node_has_it__is_done(said: str) -> None:
    rpc = ScriptedRpc(eth_sendRawTransaction=_error(said), eth_getTransactionByHash={"hash": HASH})
    _sender(rpc).send(INTENT)


def test_send__refused_and_unknown__is_unavailable_with_the_nodes_words() -> None:
    rpc = ScriptedRpc(eth_sendRawTransaction=_error("max fee per gas less than block base fee"))
    rpc.answers["eth_getTransactionByHash"] = None
    with pytest.raises(Unavailable, match=r"less than block base fee.*was not taken"):
        _sender(rpc).send(INTENT)


@pytest.mark.parametrize(
    ("counts", "part"),
    [
        (("0x7", "0x7", "0x8"), r"1 of its transactions wait to be mined \(nonce 7 is next\)"),
        (("0x8", "0x7", "0x7"), "a node behind it has fallen behind"),
        (("0x7", "0x8", "0x8"), "1 of its transactions were mined since block 1000, expected none; what was planned"),
        (("0x7", None, "0x7"), "null is no 0x-hex number"),
    ],
)
def test_next_nonce__where_the_counts_differ__is_unavailable(counts: list[Any], part: str) -> None:
    rpc = ScriptedRpc(
        eth_getTransactionCount=list(counts), eth_getBlockByNumber=HEAD, eth_blockNumber=_error("no such method")
    )
    with pytest.raises(Unavailable, match=part):
        _next_nonce(rpc)


def test_next_nonce__the_key_was_used_elsewhere_since__names_the_transaction() -> None:
    other = {"from": OPERATOR.upper().replace("0X", "0x"), "nonce": "0x7", "hash": "0x0d", "to": BACKER}
    rpc = ScriptedRpc(eth_getTransactionCount=["0x7", "0x8", "0x8", "0x7", "0x8"], eth_blockNumber="0x3eb")
    rpc.answers["eth_getBlockByNumber"] = {**HEAD, "transactions": [other]}
    with pytest.raises(Unavailable, match=rf"since block 1000, expected none: 0x0d \(to {BACKER}, in block 1002\); "):
        _next_nonce(rpc)


def test_next_nonce__where_the_node_hides_what_is_pending__is_no_alarm() -> None:
    # Of what a relay holds back, a node counts nothing: at `pending` it may even say less than it has mined.
    for pending in ("0x7", "0x6", "0x0"):
        rpc = ScriptedRpc(eth_getTransactionCount=["0x7", "0x7", pending], eth_getBlockByNumber=HEAD)
        assert _next_nonce(rpc) == (7, ())


def test_next_nonce__asks_for_the_counts_first__at_the_snapshots_block_latest_and_pending() -> None:
    asked: list[RpcCall] = []

    class Watched(ScriptedRpc):
        def batch(self, calls: Sequence[RpcCall]) -> list[Any]:
            asked.extend(calls)
            return super().batch(calls)

    rpc = Watched(eth_getBlockByNumber=HEAD, eth_getTransactionCount="0x7", eth_call="0x0102")
    found = _next_nonce(rpc, [EthCall(SAFE, b"\x07")])
    assert found == (7, (CallResult(True, b"\x01\x02"),))
    counts = [("eth_getTransactionCount", [OPERATOR, tag]) for tag in ("0x3e8", "latest", "pending")]
    head, read = ("eth_getBlockByNumber", ["latest", False]), ("eth_call", [{"to": SAFE, "data": "0x07"}, "latest"])
    assert asked == [*counts, read, head]


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
