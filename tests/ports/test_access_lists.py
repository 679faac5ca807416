"""A batch goes with an access list where the very run with it used less gas, and in every other case without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from given_modules import a_filled_desk, batch_of, receipt_of, simulated, three_trades
from given_wallet import DAI, LIMITS, USDT, Desk, a_desk, a_trade, an_intent_of, nodes_of

from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.access_lists import ENTRY_GAS, access_list_to_json
from rebalancer.adapters.wallets.fake import FakeSigner
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Batch, Simulated, Snapshot
from rebalancer.replica.chain import Replica

Change = Callable[[Any], Any]

STRANGERS = [{"address": f"0x{number:040x}", "storageKeys": []} for number in range(0xA000, 0xA200)]
"""Accounts that no batch touches: 512 of them cost 1,228,800 gas."""


class Node(Rpc):
    """To the replica. What it answers about lists, and about batches that have one, is changed on the way back."""

    def __init__(self, url: str, about_lists: Change = lambda a: a, about_listed: Change = lambda a: a) -> None:
        super().__init__(url)
        self.asked: list[tuple[str, Any]] = []
        self._about_lists = about_lists
        self._about_listed = about_listed

    def call(self, method: str, *params: Any) -> Any:
        self.asked.append((method, params))
        answer = super().call(method, *params)
        if method == "eth_createAccessList":
            return self._about_lists(answer)
        return self._about_listed(answer) if method == "eth_simulateV1" and _lists_in(params) else answer


def _lists_in(params: Any) -> dict[int, Any]:
    """Of a simulation: the lists by the place of their calls."""
    calls = params[0]["blockStateCalls"][0]["calls"]
    return {place: call["accessList"] for place, call in enumerate(calls) if "accessList" in call}


def _raise(error: Exception) -> Change:
    def change(answer: Any) -> Any:
        raise error

    return change


def _every_call(**fields: Any) -> Change:
    """The same simulation with other `fields` in the result of every call."""
    return lambda answer: [{**answer[0], "calls": [{**call, **fields} for call in answer[0]["calls"]]}]


def _refusal(reason: str) -> RpcError:
    return RpcError("node.example", "eth_any", -32601, reason, None)


NO_SUCH_METHOD = _raise(_refusal("the method eth_createAccessList does not exist"))


def _safe_desk(replica: Replica, signer: KeystoreSigner) -> Desk:
    desk = a_desk(replica, replica.create_safe([signer.address]), signer)
    for token in (USDT, DAI):
        replica.deal(token.symbol, desk.wallet.address, 200_000 * 10**token.decimals)
    replica.mine()
    return desk


@pytest.fixture(params=[_safe_desk, a_filled_desk], ids=["safe", "safe-module"])
def desk(request: pytest.FixtureRequest, replica: Replica, signer: KeystoreSigner) -> Desk:
    made: Desk = request.param(replica, signer)
    return made


@pytest.fixture
def batch(desk: Desk) -> tuple[Batch, Snapshot]:
    return batch_of(desk, three_trades(desk))


def _by(desk: Desk, node: Node, batch: tuple[Batch, Snapshot]) -> Simulated:
    simulation = desk.on(node).wallet.simulate(*batch)
    assert isinstance(simulation, Simulated), simulation
    return simulation


def _plain(desk: Desk, batch: tuple[Batch, Snapshot]) -> Simulated:
    """By a node that makes no lists."""
    simulation = _by(desk, Node(desk.replica.url, NO_SUCH_METHOD), batch)
    assert simulation.access_list == ()
    return simulation


def test_batch__that_is_cheaper_with_a_list__is_sent_with_that_list_and_uses_what_was_simulated(desk: Desk) -> None:
    batch, simulation, snapshot = simulated(desk)
    intent = an_intent_of(batch, simulation, snapshot, desk.wallet.commit(batch, simulation, snapshot))
    desk.wallet.execute(intent)
    assert receipt_of(desk, intent).gas_used == simulation.gas
    mined = desk.replica.rpc.call("eth_getTransactionByHash", intent.commitment.hash)
    assert mined["type"] == "0x2"
    recorded = access_list_to_json(intent.commitment.transaction.access_list)
    assert len(recorded) > 5
    assert mined["accessList"] == [{**entry, "address": entry["address"].lower()} for entry in recorded]


def test_simulate__with_a_list__moves_the_same_for_less_gas(desk: Desk, batch: tuple[Batch, Snapshot]) -> None:
    listed, plain = _by(desk, Node(desk.replica.url), batch), _plain(desk, batch)
    assert listed.gas < plain.gas
    assert replace(listed, gas=plain.gas, access_list=()) == plain


def test_simulate__of_one_swap__is_cheaper_with_a_list_too(desk: Desk) -> None:
    batch = batch_of(desk, (a_trade(desk, "USDT", 50_000 * 10**6, "WETH"),))
    listed = _by(desk, Node(desk.replica.url), batch)
    assert listed.access_list
    assert listed.gas < _plain(desk, batch).gas


def test_simulate__asks_for_the_list_of_the_very_call_and_runs_it_with_what_it_was_told(
    desk: Desk, batch: tuple[Batch, Snapshot]
) -> None:
    node = Node(desk.replica.url)
    made, snapshot = batch
    simulation = _by(desk, node, batch)
    asked = [params for method, params in node.asked if method == "eth_createAccessList"]
    limit = -(-_plain(desk, batch).gas * 3 // 2)
    call = {"from": made.operator, "to": made.call.to, "data": "0x" + made.call.data.hex(), "gas": hex(limit)}
    assert asked == [(call, hex(snapshot.block.number))]
    first, second = [params for method, params in node.asked if method == "eth_simulateV1"]
    assert _lists_in(first) == {}
    assert _lists_in(second) == {len(snapshot.balances): access_list_to_json(simulation.access_list)}
    assert second[1] == hex(snapshot.block.number)


def test_list__never_names_the_contract_that_is_called(desk: Desk, batch: tuple[Batch, Snapshot]) -> None:
    told: list[str] = []

    def listen(answer: Any) -> Any:
        told.extend(entry["address"] for entry in answer["accessList"])
        return answer

    simulation = _by(desk, Node(desk.replica.url, listen), batch)
    named = [entry.address.lower() for entry in simulation.access_list]
    assert batch[0].call.to.lower() in told
    assert sorted(named) == sorted(address for address in told if address != batch[0].call.to.lower())


@pytest.mark.parametrize("strangers", [8, 512], ids=["dearer", "dearer than the batch may be"])
def test_simulate__with_a_list_that_costs_more_than_it_saves__goes_without(
    desk: Desk, batch: tuple[Batch, Snapshot], strangers: int
) -> None:
    saved = _plain(desk, batch).gas - _by(desk, Node(desk.replica.url), batch).gas
    assert saved < strangers * ENTRY_GAS

    def pad(answer: Any) -> Any:
        return {**answer, "accessList": answer["accessList"] + STRANGERS[:strangers]}

    node = Node(desk.replica.url, pad)
    assert _by(desk, node, batch) == _plain(desk, batch)
    ran_with_it = any(_lists_in(params) for method, params in node.asked if method == "eth_simulateV1")
    assert ran_with_it == (strangers == 8)


def test_simulate__of_a_list_that_changes_nothing__goes_without(desk: Desk, batch: tuple[Batch, Snapshot]) -> None:
    plain = _plain(desk, batch)
    equal = Node(desk.replica.url, about_listed=_every_call(gasUsed=hex(plain.gas)))
    assert _by(desk, equal, batch) == plain


ABOUT_LISTS: dict[str, Change] = {
    "no such method": NO_SUCH_METHOD,
    "a key that may not call it": _raise(Unavailable("node.example: HTTP 403: not in your plan")),
    "null": lambda answer: None,
    "a bare list": lambda answer: answer["accessList"],
    "an empty one": lambda answer: {**answer, "accessList": []},
    "of a call that failed": lambda answer: {**answer, "error": "execution reverted"},
}


@pytest.mark.parametrize("change", ABOUT_LISTS.values(), ids=ABOUT_LISTS)
def test_simulate__where_no_list_is_given__goes_without(
    desk: Desk, batch: tuple[Batch, Snapshot], change: Change
) -> None:
    assert _by(desk, Node(desk.replica.url, change), batch) == _plain(desk, batch)


ABOUT_LISTED: dict[str, Change] = {
    "refused": _raise(_refusal("unknown field accessList")),
    "no answer": _raise(Unavailable("node.example: no answer within 10 s")),
    "malformed": lambda answer: [],
    "failed": _every_call(status="0x0"),
    "no balances": _every_call(returnData="0x"),
}


@pytest.mark.parametrize("change", ABOUT_LISTED.values(), ids=ABOUT_LISTED)
def test_simulate__where_it_does_not_run_with_its_list__goes_without(
    desk: Desk, batch: tuple[Batch, Snapshot], change: Change
) -> None:
    node = Node(desk.replica.url, about_listed=change)
    assert _by(desk, node, batch) == _plain(desk, batch)
    assert _by(desk, node, batch) == _plain(desk, batch), "it still measures by eth_simulateV1"


def test_simulate__on_an_older_node__is_not_asked_for_a_list(desk: Desk, batch: tuple[Batch, Snapshot]) -> None:
    class Older(Node):
        def call(self, method: str, *params: Any) -> Any:
            if method == "eth_simulateV1":
                raise _refusal("the method eth_simulateV1 does not exist")
            return super().call(method, *params)

    node = Older(desk.replica.url)
    assert _by(desk, node, batch).access_list == ()
    assert "eth_createAccessList" not in {method for method, _ in node.asked}


def test_commit__where_the_signer_leaves_the_list_out__halts(desk: Desk) -> None:
    class Forgetful(FakeSigner):
        def sign(self, transaction: Any) -> Any:
            return super().sign(replace(transaction, access_list=()))

    batch, simulation, snapshot = simulated(desk)
    signer = Forgetful(batch.operator)
    with pytest.raises(Halt, match="signed another transaction"):
        Sender(nodes_of(desk.replica, Rpc(desk.replica.url)), 1, signer, LIMITS).sign(batch, simulation, snapshot, 0)
