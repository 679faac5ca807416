"""What a node has begun to tell of a landing is its own to the end: none that falls silent is completed by another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from given_chain import LyingNode
from given_doubtful_nodes import EvasiveNode, Json, mined, on
from given_unmined import a_desk_of, not_mining
from given_wallet import Desk

from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Landed
from rebalancer.replica.chain import Replica

RECEIPT, BLOCK = "eth_getTransactionReceipt", "eth_getBlockByNumber"


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner) -> Iterator[Desk]:
    desk = a_desk_of("safe", replica, signer)
    with not_mining(replica):
        yield desk


@pytest.fixture
def evasive(replica: Replica) -> Iterator[EvasiveNode]:
    """Silent when it is asked for the block alone: that comes after the receipt."""
    node = EvasiveNode(replica.url)
    node.methods = (BLOCK,)
    yield node
    node.close()


@pytest.fixture
def honest(replica: Replica) -> Iterator[LyingNode]:
    node = LyingNode(replica.url)
    yield node
    node.close()


def with_tenfold_gas(call: Json, answer: Json) -> Json:
    if call["method"] != RECEIPT or answer["result"] is None:
        return answer
    used = hex(10 * int(answer["result"]["gasUsed"], 16))
    return {**answer, "result": {**answer["result"], "gasUsed": used}}


@pytest.mark.parametrize("times", [1, 10**6])
def test_land__a_forged_receipt_and_then_silence__is_not_agreed_to_by_who_forged_it(
    desk: Desk, evasive: EvasiveNode, honest: LyingNode, times: int
) -> None:
    intent = mined(desk)
    evasive.change, evasive.times = with_tenfold_gas, times
    with pytest.raises(Unavailable, match="is done in block .*: 1 of 2 endpoints agree"):
        on(desk, evasive, honest, quorum=2).wallet.land(intent, 0, 0)
    assert evasive.times < times, "it was to fall silent"


def test_land__silence_after_the_receipt__is_told_whole_by_the_next(
    desk: Desk, evasive: EvasiveNode, honest: LyingNode
) -> None:
    intent, asked = mined(desk), list[str]()
    honest.before = lambda call: asked.append(call["method"])
    evasive.change, evasive.times = with_tenfold_gas, 10**6
    landing = on(desk, evasive, honest).wallet.land(intent, 0, 0)
    assert landing == desk.wallet.land(intent, 0, 0) and isinstance(landing, Landed)
    assert RECEIPT in asked and BLOCK in asked


def test_land__silence_after_the_receipt_and_no_other_node__is_unavailable(desk: Desk, evasive: EvasiveNode) -> None:
    intent = mined(desk)
    evasive.times = 10**6
    with pytest.raises(Unavailable, match="127.0.0.1"):
        on(desk, evasive).wallet.land(intent, 0, 0)


def test_land__both_nodes_are_silent_after_the_receipt__is_unavailable_and_ends(
    desk: Desk, evasive: EvasiveNode, replica: Replica
) -> None:
    intent, other = mined(desk), EvasiveNode(replica.url)
    other.methods, other.times = evasive.methods, 10**6
    evasive.times = 10**6
    with pytest.raises(Unavailable):
        on(desk, evasive, other).wallet.land(intent, 0, 0)
    other.close()
    assert 0 < 10**6 - evasive.times <= 2 and 0 < 10**6 - other.times <= 2
