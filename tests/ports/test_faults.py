"""Nodes that go wrong, one of each kind, and the judge of the trials. All faults, many times: bench/faults.py."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from faults_of_all import CASES
from given_faults import Fault, Proxy, error, fields, http, result
from given_lab import Lab
from given_trials import Case, World

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import Unavailable
from rebalancer.replica.chain import Replica

BY_NAME = {case.name: case for case in CASES}
OF_EACH_KIND = (
    "an answer cut off in the middle",
    "another chain",
    "behind the last block seen",
    "a price a little off, with a quorum",
    "half a balance",
    "sent, and answered with 500",
    "replacement underpriced",
    "no receipt",
    "the receipt of another",
    "behind when it lands, and another node at hand",
    "the base fee jumps while it waits",
    "its block is replaced",
)
HONEST = Case("no fault", Fault(), ("settled", "held"), "")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("trials"))
    yield lab
    lab.close()


@pytest.fixture
def proxy(replica: Replica) -> Iterator[Proxy]:
    proxy = Proxy(replica.url)
    yield proxy
    proxy.close()


def test_faults__of_the_list__are_many_and_each_has_one_name() -> None:
    assert len(BY_NAME) == len(CASES) >= 60
    assert set(OF_EACH_KIND) <= set(BY_NAME)


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_keeper__whose_node_goes_wrong__ends_as_the_fault_says_and_trades_once(lab: Lab, name: str) -> None:
    verdict = lab.trial(BY_NAME[name])
    assert (verdict.strange, verdict.wrong, verdict.hung) == (None, (), False)


# ---------------------------------------------------------------- the judge


def test_trial__without_a_fault__settles_and_holds(lab: Lab) -> None:
    verdict = lab.trial(HONEST)
    assert [ended.word for ended in verdict.ends] == ["settled", "held"]
    assert (verdict.strange, verdict.wrong) == (None, ())


def test_trial__that_ends_otherwise_than_its_fault_says__is_strange(lab: Lab) -> None:
    verdict = lab.trial(replace(HONEST, ends=("pending", "held")))
    assert verdict.strange is not None
    assert verdict.strange.startswith("ended settled → held, expected pending → held")


def test_trial__that_says_something_else__is_strange(lab: Lab) -> None:
    verdict = lab.trial(replace(HONEST, saying="nonce too low"))
    assert verdict.strange is not None and "expected 'nonce too low' in it" in verdict.strange


def test_trial__whose_fault_never_strikes__is_strange(lab: Lab) -> None:
    verdict = lab.trial(replace(HONEST, fault=Fault(on=("eth_nothing",))))
    assert verdict.strange == "the fault never struck"


def test_trial__with_a_transaction_that_the_ledger_does_not_know__is_wrong(lab: Lab) -> None:
    def used_elsewhere(world: World) -> None:
        operator = world.keeper.operator.address
        world.replica.send(operator, operator)

    verdict = lab.trial(replace(HONEST, meanwhile=used_elsewhere))
    assert len(verdict.wrong) == 1 and verdict.wrong[0].endswith("was mined, and the ledger does not know it")


def test_trial__whose_ledger_is_lost__is_wrong(lab: Lab) -> None:
    def forgotten(world: World) -> None:
        for path in world.keeper.folder.glob("rebalancer.sqlite*"):
            path.unlink()

    verdict = lab.trial(replace(HONEST, meanwhile=forgotten))
    assert any(words.startswith("executed: ['0x") and words.endswith("settled: []") for words in verdict.wrong)


def test_trial__that_trades_on_a_price_that_is_false__is_wrong(lab: Lab) -> None:
    """A little: what the pools say would tell of more. Against a node that lies so, there is the quorum."""
    verdict = lab.trial(replace(HONEST, fault=BY_NAME["a price a little off, with a quorum"].fault))
    assert any("intent 1 was decided on false prices: {'WETH': " in words for words in verdict.wrong), verdict


def test_trial__that_loses_money__is_wrong(lab: Lab) -> None:
    def robbed(world: World) -> None:
        world.replica.deal("WETH", world.keeper.wallet, 0)

    verdict = lab.trial(replace(HONEST, ends=("settled",), meanwhile=robbed))
    assert [words.split(" ")[:3] for words in verdict.wrong] == [
        ["the", "wallet's", "WETH"],
        *[["a", "batch", "was"]] * 5,
        ["the", "wallet", "was"],
    ]


# ---------------------------------------------------------------- the proxy


def test_proxy__without_a_fault__gives_what_the_node_says(replica: Replica, proxy: Proxy) -> None:
    rpc, calls = Rpc(proxy.url), [("eth_chainId", []), ("eth_blockNumber", [])]
    assert rpc.batch(calls) == replica.rpc.batch(calls)
    assert rpc.call("eth_blockNumber") == replica.rpc.call("eth_blockNumber")
    assert proxy.asked == [("eth_chainId", "eth_blockNumber"), ("eth_blockNumber",)]


def test_proxy__with_a_fault_of_one_method__leaves_the_others_alone(replica: Replica, proxy: Proxy) -> None:
    proxy.go_wrong(Fault(on=("eth_blockNumber",), answer=result("0x7")))
    rpc = Rpc(proxy.url)
    assert rpc.batch([("eth_chainId", []), ("eth_blockNumber", [])]) == ["0x1", "0x7"]
    assert (rpc.call("eth_chainId"), proxy.struck) == ("0x1", 1)
    proxy.be_honest()
    assert rpc.call("eth_blockNumber") == replica.rpc.call("eth_blockNumber")


def test_proxy__with_a_fault_that_strikes_once__is_honest_after_that(replica: Replica, proxy: Proxy) -> None:
    proxy.go_wrong(Fault(times=1, reply=http(503)))
    rpc = Rpc(proxy.url)
    with pytest.raises(Unavailable, match="HTTP 503"):
        rpc.call("eth_chainId")
    assert (rpc.call("eth_chainId"), proxy.struck) == ("0x1", 1)


def test_proxy__that_answers_instead__asks_the_node_nothing(replica: Replica, proxy: Proxy) -> None:
    proxy.go_wrong(Fault(on=("evm_mine",), instead=error(-32000, "no")))
    before = replica.rpc.call("eth_blockNumber")
    with pytest.raises(Unavailable, match="evm_mine failed: no"):
        Rpc(proxy.url).call("evm_mine")
    assert replica.rpc.call("eth_blockNumber") == before


def test_proxy__that_delivers_twice__is_heard_twice(replica: Replica, proxy: Proxy) -> None:
    proxy.go_wrong(Fault(deliveries=2))
    before = int(replica.rpc.call("eth_blockNumber"), 16)
    Rpc(proxy.url).call("evm_mine")
    assert int(replica.rpc.call("eth_blockNumber"), 16) == before + 2


def test_proxy__that_changes_fields__keeps_the_others(replica: Replica, proxy: Proxy) -> None:
    proxy.go_wrong(Fault(answer=fields(hash="0x1", number=lambda old: hex(int(old, 16) + 1))))
    true = replica.rpc.call("eth_getBlockByNumber", "latest", False)
    lie = Rpc(proxy.url).call("eth_getBlockByNumber", "latest", False)
    assert lie == {**true, "hash": "0x1", "number": hex(int(true["number"], 16) + 1)}
