"""What cannot be taken back is not done on one node's word, where several must agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from given_doubtful_nodes import AGE, Change, Json, Make, aged, blind, mined, no_old_states, on, simulated
from given_keeper import to_the_present
from given_unmined import an_intent_on, only_the_safe
from given_wallet import Desk

from rebalancer.adapters.chain.codec import uint_word
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.safe_reads import NONCE
from rebalancer.config import read_settings, write_example
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Gone, Landed, Waiting
from rebalancer.wire import make_ports


@only_the_safe
def test_land__mined_where_another_node_says_the_same__is_believed(desk: Desk, nodes: Make) -> None:
    intent, first, second = mined(desk), nodes(), nodes()
    landing = on(desk, first, second, quorum=2).wallet.land(intent, 0, 0)
    assert isinstance(landing, Landed) and landing.receipt.reason is None


@only_the_safe
def test_land__mined_by_one_node_alone__is_unavailable_and_says_what_the_other_says(desk: Desk, nodes: Make) -> None:
    intent, first, other = mined(desk), nodes(), nodes()
    other.change = blind()
    said = (
        f"{intent.commitment.hash} is done in block .*: 1 of 2 endpoints agree .*does not know {intent.commitment.hash}"
    )
    with pytest.raises(Unavailable, match=said):
        on(desk, first, other, quorum=2).wallet.land(intent, 0, 0)
    assert isinstance(on(desk, first, other).wallet.land(intent, 0, 0), Landed)


@only_the_safe
@pytest.mark.parametrize("what", ["gasUsed", "logs", "status"])
def test_land__mined_otherwise_on_another_node__is_unavailable(desk: Desk, nodes: Make, what: str) -> None:
    intent, first, other = mined(desk), nodes(), nodes()
    lies = {"gasUsed": "0x5208", "logs": [], "status": "0x0"}

    def change(call: Json, answer: Json) -> Json:
        if call["method"] == "eth_call":
            return no_old_states(call)
        if call["method"] != "eth_getTransactionReceipt":
            return answer
        return {**answer, "result": {**answer["result"], what: lies[what]}}

    other.change = change
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree .*127.0.0.1: is (done|failed) in block"):
        on(desk, first, other, quorum=2).wallet.land(intent, 0, 0)


@only_the_safe
def test_land__mined_where_another_node_is_a_moment_late__is_believed(desk: Desk, nodes: Make) -> None:
    intent, first, late = mined(desk), nodes(), nodes()
    asked: list[Json] = []

    def change(call: Json, answer: Json) -> Json:
        asked.extend([call] if call["method"] == "eth_getTransactionReceipt" else [])
        return blind()(call, answer) if len(asked) < 2 else answer

    late.change = change
    assert isinstance(on(desk, first, late, quorum=2).wallet.land(intent, 0, 0), Landed)


@only_the_safe
def test_land__gone_by_one_node_alone__is_unavailable_whichever_is_asked_first(desk: Desk, nodes: Make) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.wallet.execute(intent)
    desk.replica.warp(3_600)
    liar, honest = nodes(), nodes()
    liar.change = blind()
    assert isinstance(on(desk, liar).wallet.land(intent, 0, 0), Gone)
    for first, second in ((liar, honest), (honest, liar)):
        with pytest.raises(Unavailable, match="1 of 2 endpoints agree .* on less it is not believed"):
            on(desk, first, second, quorum=2).wallet.land(intent, 0, 0)


@only_the_safe
def test_land__gone_where_another_node_says_the_same__is_believed(desk: Desk, nodes: Make) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.replica.warp(3_600)
    assert isinstance(on(desk, nodes(), nodes(), quorum=2).wallet.land(intent, 0, 0), Gone)


@only_the_safe
def test_land__gone_where_another_node_still_holds_it__waits_so_that_it_can_be_cancelled(
    desk: Desk, nodes: Make
) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.replica.warp(3_600)
    first, other = nodes(), nodes()
    held = {"hash": intent.commitment.hash, "blockNumber": None}

    def holding(call: Json, answer: Json) -> Json:
        return answer | {"result": held} if call["method"] == "eth_getTransactionByHash" else answer

    other.change = holding
    landing = on(desk, first, other, quorum=2).wallet.land(intent, 0, 0)
    assert isinstance(landing, Waiting) and not landing.mined and "1 of 2 endpoints agree" in landing.reason


@only_the_safe
@pytest.mark.parametrize("how", ["stands still", "is behind", "gives an error"])
def test_land__gone_where_the_other_node_is_not_to_be_believed__is_unavailable(
    desk: Desk, nodes: Make, how: str
) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.replica.warp(3_600)
    first, other = nodes(), nodes()

    changes: dict[str, Change] = {"stands still": aged(-AGE - 60), "is behind": blind(blocks=-1)}
    other.change = changes.get(how, lambda call, _: no_old_states(call))
    said = {"stands still": "s old", "is behind": "behind block", "gives an error": "missing trie node"}[how]
    with pytest.raises(Unavailable, match=f"1 of 2 endpoints agree .*{said}"):
        on(desk, first, other, quorum=2).wallet.land(intent, 0, desk.reader.head().number)


@only_the_safe
def test_land__gone_where_the_other_node_knows_who_used_the_nonce__is_unavailable(desk: Desk, nodes: Make) -> None:
    intent = an_intent_on(desk, seconds=60)
    desk.replica.rpc.call("eth_sendTransaction", {"from": desk.wallet.operator, "to": desk.wallet.operator})
    desk.replica.warp(3_600)
    liar, honest = nodes(), nodes()
    liar.change = blind()
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree .*nonce 0 was used by"):
        on(desk, liar, honest, quorum=2).wallet.land(intent, 0, 0)


@only_the_safe
def test_land__while_it_waits__asks_no_other_node(desk: Desk, nodes: Make) -> None:
    intent, first, second = an_intent_on(desk), nodes(), nodes()
    asked: list[Json] = []
    second.before = asked.append
    desk.wallet.execute(intent)
    assert isinstance(on(desk, first, second, quorum=2).wallet.land(intent, 0, 0), Waiting)
    desk.replica.mine()
    assert isinstance(on(desk, first, second).wallet.land(intent, 0, 0), Landed) and asked == []


@only_the_safe
def test_land__with_fewer_nodes_than_must_agree__is_a_config_error(desk: Desk, nodes: Make) -> None:
    with pytest.raises(ConfigError, match="chain.quorum is 2, and chain.rpc names 1"):
        on(desk, nodes(), quorum=2).wallet.land(mined(desk), 0, 0)


def _otherwise(what: str) -> Change:
    """The operator's count, or the Safe's nonce, is one more."""

    def change(call: Json, answer: Json) -> Json:
        counts = what == "count" and call["method"] == "eth_getTransactionCount"
        reads = what == "safe" and call["method"] == "eth_call" and call["params"][0]["data"] == "0x" + NONCE.hex()
        if counts:
            return {**answer, "result": hex(int(answer["result"], 16) + 1)}
        return {**answer, "result": "0x" + uint_word(7).hex()} if reads else answer

    return change


@pytest.mark.parametrize(
    ("what", "said"), [("count", "the operator's next nonce is 1"), ("safe", "changed since block")]
)
def test_commit__where_another_node_says_otherwise__is_unavailable(
    desk: Desk, nodes: Make, what: str, said: str
) -> None:
    first, other = nodes(), nodes()
    other.change = _otherwise(what)
    decided = simulated(desk)
    with pytest.raises(Unavailable, match=f"its next nonce is 0: 1 of 2 endpoints agree .*{said}"):
        on(desk, first, other, quorum=2).wallet.commit(*decided)
    assert on(desk, first, other).wallet.commit(*decided).transaction.nonce == 0


def test_commit__where_another_node_stands_still__is_unavailable(desk: Desk, nodes: Make) -> None:
    first, other = nodes(), nodes()
    other.change = aged(-AGE - 60)
    decided = simulated(desk)
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree .*s old, expected at most 120 s"):
        on(desk, first, other, quorum=2).wallet.commit(*decided)


def test_commit__where_another_node_says_the_same__signs_after_one_request_to_each(desk: Desk, nodes: Make) -> None:
    decided = simulated(desk)
    rpc = Rpc([nodes().url, nodes().url], 1)
    assert desk.on(rpc, AGE, 2).wallet.commit(*decided).transaction.nonce == 0
    assert rpc.requests == 2


@only_the_safe
def test_make_ports__of_a_configuration_with_a_quorum__makes_a_wallet_that_asks_others(
    desk: Desk, nodes: Make, tmp_path: Path
) -> None:
    first, other, intent = nodes(), nodes(), mined(desk)
    to_the_present(desk.replica)
    write_example(tmp_path / "rebalancer.yaml", desk.wallet.address, desk.wallet.operator, first.url)
    settings = replace(read_settings(tmp_path / "rebalancer.yaml"), rpc_urls=(first.url, other.url), quorum=2)
    wallet = make_ports(settings, remember=False).wallet
    assert isinstance(wallet.land(intent, 0, 0), Landed)
    other.change = blind()
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree"):
        wallet.land(intent, 0, 0)
    for node in (first, other):
        node.change = aged(-settings.policy.limits.max_block_age - 60)
    with pytest.raises(Unavailable, match="s old, expected at most 120 s"):
        wallet.land(intent, 0, 0)
