"""Nodes that answer strangely about one intent, and what has to make sense of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from given_ledger import an_intent

from rebalancer.adapters.chain.codec import uint_word
from rebalancer.adapters.chain.rpc import Call as RpcCall
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.clock import FixedClock
from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT, TRANSFER_EVENT
from rebalancer.adapters.wallets.fake import OPERATOR
from rebalancer.adapters.wallets.landing import Lander, Patience
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.unmined import INDEX_SECONDS
from rebalancer.units import Address

INTENT = an_intent(7)
SAFE = INTENT.commitment.transaction.call.to
HASH = INTENT.commitment.hash
HEAD = {"number": "0x3f9", "timestamp": hex(INTENT.deadline - 60), "hash": "0x0b"}
LATE = {**HEAD, "timestamp": hex(INTENT.deadline + INDEX_SECONDS + 1)}
FAR_LATER = INTENT.deadline + 10**8
MINED = {"number": "0x3f0", "timestamp": hex(INTENT.deadline - 300), "hash": "0x0a", "transactions": []}
BACKER = Address("0x" + "9" * 40)


class ScriptedRpc(Rpc):
    """Answers by method; a list is played in turn, its last answer stays, a function is asked, an error is raised."""

    def __init__(self, **answers: Any) -> None:
        super().__init__("http://node.example")
        self.answers = answers

    def call(self, method: str, *params: Any) -> Any:
        answer = self.answers[method]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(*params) if callable(answer) else answer

    def batch(self, calls: Sequence[RpcCall]) -> list[Any]:
        return [self.call(method, *params) for method, params in calls]

    def with_answers(self, **answers: Any) -> ScriptedRpc:
        self.answers |= answers
        return self


def some_nodes(rpc: Rpc, now: int = FAR_LATER, max_block_age: int = 10**9, quorum: int = 1) -> Nodes:
    """Believed whatever their time, where nothing else is said."""
    return Nodes(rpc, FixedClock(now), max_block_age, quorum)


def a_lander(asked: Rpc | Nodes, why: str | Exception = "Too little received", confirmations: int = 1) -> Lander:
    def explain(*_: object) -> str:
        if isinstance(why, Exception):
            raise why
        return why

    nodes = asked if isinstance(asked, Nodes) else some_nodes(asked)
    return Lander(nodes, (SAFE, OPERATOR), Patience(confirmations, poll=0.001), explain)


def a_receipt(**change: Any) -> dict[str, Any]:
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


def node_with(receipt: Any, block: Any = MINED, count: str = "0x8") -> ScriptedRpc:
    """Gives the batch this receipt; after its head it shows `block`, and has mined `count` of the operator's."""
    return ScriptedRpc(
        eth_chainId="0x1",
        eth_getTransactionReceipt=receipt,
        eth_getBlockByNumber=[HEAD, block],
        eth_getTransactionCount=count,
        eth_getTransactionByHash=None,
        eth_call=RpcError("node.example", "eth_call", -32000, "missing trie node", None),
    )


def a_transfer(token: Address, sender: Address, receiver: Address, raw: int) -> dict[str, Any]:
    topics = [TRANSFER_EVENT, *("0x" + "0" * 24 + a[2:].lower() for a in (sender, receiver))]
    return {"address": token.lower(), "topics": topics, "data": "0x" + uint_word(raw).hex()}
