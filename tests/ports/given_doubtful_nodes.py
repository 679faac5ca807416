"""Nodes in front of a replica that are not to be believed about what the operator has sent, and who asks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from given_chain import LyingNode
from given_unmined import an_intent_on
from given_wallet import Desk, a_trade

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.model import Batch, Intent, Simulated, Snapshot

AGE = 120
"""Seconds: no older block is believed."""
Json = dict[str, Any]
Change = Callable[[Json, Json], Json]
Make = Callable[[], LyingNode]


class EvasiveNode(LyingNode):
    """Gives no answer to a request that it does not want: those of one call to any of `methods`, `times` in all."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.methods: tuple[str, ...] = ()
        self.times = 0

    def body(self, url: str, calls: Any) -> bytes:
        if self.times > 0 and isinstance(calls, dict) and calls["method"] in self.methods:
            self.times -= 1
            return b"bad gateway"
        return super().body(url, calls)


def on(desk: Desk, *nodes: LyingNode, quorum: int = 1) -> Desk:
    return desk.on(Rpc([node.url for node in nodes], 1), AGE, quorum)


def head_moved(call: Json, answer: Json, seconds: int = 0, blocks: int = 0) -> Json:
    if call["method"] != "eth_getBlockByNumber" or call["params"][0] != "latest":
        return answer
    head = answer["result"]
    moved = {"timestamp": hex(int(head["timestamp"], 16) + seconds), "number": hex(int(head["number"], 16) + blocks)}
    return {**answer, "result": {**head, **moved}}


def aged(seconds: int) -> Change:
    """The newest block's time is off by so much; all else is true."""
    return lambda call, answer: head_moved(call, answer, seconds)


def blind(seconds: int = 0, blocks: int = 0) -> Change:
    """A node that knows nothing that the operator has ever sent, at a head of another time and number."""
    unseen = {"eth_getTransactionReceipt": None, "eth_getTransactionByHash": None, "eth_getTransactionCount": "0x0"}

    def change(call: Json, answer: Json) -> Json:
        if call["method"] in unseen:
            return {**answer, "result": unseen[call["method"]]}
        return head_moved(call, answer, seconds, blocks)

    return change


def no_old_states(call: Json) -> Json:
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": "missing trie node"}}


def mined(desk: Desk) -> Intent:
    intent = an_intent_on(desk)
    desk.wallet.execute(intent)
    desk.replica.mine(2)
    return intent


def simulated(desk: Desk) -> tuple[Batch, Simulated, Snapshot]:
    snapshot = desk.reader.read()
    deadline = snapshot.block.timestamp + 600
    trade = a_trade(desk, "USDT", 50_000 * 10**6, "WETH")
    batch = desk.wallet.build(desk.quotes([trade], snapshot, deadline), snapshot, deadline)
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    return batch, simulation, snapshot
