"""Rounds of feeds from nodes that are not to be relied on, and feeds that lack some of theirs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from given_chain import LyingNode
from given_feed_history import DAY, ETH, head_of, irregular, midnights, next_phase, reads_of, scanned, write_rounds

from rebalancer.adapters.chain.codec import DecodeError, uint_word
from rebalancer.adapters.chain.oracles import LATEST_ROUND_DATA
from rebalancer.adapters.chain.rounds import GET_ROUND_DATA
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.replica.chain import Replica
from rebalancer.replica.places import aggregator_address


@pytest.fixture
def second(replica: Replica) -> Iterator[LyingNode]:
    """Another node of the same chain, honest until told otherwise."""
    node = LyingNode(replica.url)
    yield node
    node.close()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_at__of_a_feed_with_few_rounds__finds_them_and_asks_for_none_below_the_first(
    replica: Replica, second: LyingNode, count: int
) -> None:
    now = replica.now()
    rounds = [(now - 10 * DAY * (count - place), 7 + place) for place in range(count)]
    write_rounds(replica, aggregator_address(ETH), rounds)
    block, asked = head_of(replica), list[str]()
    second.before = lambda call: asked.append(str(call["params"]))
    times = midnights(block)
    assert reads_of(second.url).at((ETH.address,), times, block) == {ETH.address: scanned(rounds, times)}
    none = GET_ROUND_DATA + uint_word(1 << 64)
    assert none.hex() not in "".join(asked)


@pytest.mark.parametrize("missing", [1, 30])
def test_at__of_a_feed_that_lacks_rounds_here_and_there__passes_them_over(replica: Replica, missing: int) -> None:
    dice, now = random.Random(missing), replica.now()
    rounds = list(irregular(dice, now - 100 * DAY, now, 1_000))
    # The middle is what the search looks at first.
    for place in [499, *dice.sample(range(999), missing - 1)]:
        rounds[place] = (0, 0)
    write_rounds(replica, aggregator_address(ETH), rounds)
    block, reads = head_of(replica), reads_of(replica.url)
    times = midnights(block)
    assert reads.at((ETH.address,), times, block)[ETH.address] == scanned(rounds, times)
    assert reads.rpc.requests <= 12


def test_at__of_a_feed_whose_rounds_are_all_missing__ends_and_is_unavailable(replica: Replica) -> None:
    now = replica.now()
    write_rounds(replica, aggregator_address(ETH), [*[(0, 0)] * 5_000, (now - 60, 7)])
    block, reads = head_of(replica), reads_of(replica.url)
    with pytest.raises(DecodeError, match="more than 200 of its rounds before the latest are not there; use another"):
        reads.at((ETH.address,), midnights(block), block)
    assert reads.rpc.requests <= 3


def test_at__of_a_node_that_answers_with_another_round__is_unavailable(replica: Replica, second: LyingNode) -> None:
    now = replica.now()
    write_rounds(replica, aggregator_address(ETH), [(now - 5 * DAY + hour * 3_600, 7 + hour) for hour in range(100)])
    block = head_of(replica)

    def swap(call: dict[str, Any]) -> None:
        for params in call["params"][:1] if call["method"] == "eth_call" else ():
            five, four = ((GET_ROUND_DATA + uint_word(1 << 64 | n)).hex() for n in (5, 4))
            params["data"] = params["data"].replace(five, four)

    second.before = swap
    with pytest.raises(DecodeError, match=r"round \d+20 in answer to \d+21; use another node"):
        reads_of(second.url).at((ETH.address,), midnights(block), block)


def test_at__of_a_node_that_says_otherwise_when_it_is_asked_again__is_unavailable(
    replica: Replica, second: LyingNode
) -> None:
    at = replica.now() - 5 * DAY
    write_rounds(replica, aggregator_address(ETH), [(at - DAY, 7), (at, 8)])
    block, reads = head_of(replica), 0

    def later(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        nonlocal reads
        reads += call["method"] == "eth_call"
        # The latest round, the search, the latest round again, and what counts.
        if call["method"] != "eth_call" or reads < 4:
            return answer
        return {**answer, "result": answer["result"].replace(uint_word(at).hex(), uint_word(at + 100 * DAY).hex())}

    second.change = later
    with pytest.raises(DecodeError, match="are others when they are read again; use another node"):
        reads_of(second.url).at((ETH.address,), midnights(block), block)
    assert reads == 4


def test_at__where_two_nodes_must_agree_and_do__is_found(replica: Replica, second: LyingNode) -> None:
    now = replica.now()
    rounds = irregular(random.Random(3), now - 100 * DAY, now, 500)
    write_rounds(replica, aggregator_address(ETH), rounds)
    block = head_of(replica)
    times = midnights(block)
    found = reads_of(replica.url, second.url, quorum=2).at((ETH.address,), times, block)
    assert found[ETH.address] == scanned(rounds, times)


def test_at__where_the_second_node_says_otherwise__is_unavailable_and_names_it(
    replica: Replica, second: LyingNode
) -> None:
    def lie(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_call":
            return answer
        # The last figure of the last answer.
        text = answer["result"]
        return {**answer, "result": text[:-1] + ("1" if text[-1] != "1" else "2")}

    now = replica.now()
    write_rounds(replica, aggregator_address(ETH), irregular(random.Random(4), now - 100 * DAY, now, 500))
    block = head_of(replica)
    second.change = lie
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree.*say otherwise than"):
        reads_of(replica.url, second.url, quorum=2).at((ETH.address,), midnights(block), block)


def test_at__where_two_must_agree_and_one_is_there__is_a_config_error(replica: Replica) -> None:
    block = head_of(replica)
    with pytest.raises(ConfigError, match=r"chain\.quorum is 2"):
        reads_of(replica.url, quorum=2).at((ETH.address,), midnights(block), block)


def test_at__of_a_node_that_hides_the_newest_phase__is_refused_by_a_second_one(
    replica: Replica, second: LyingNode
) -> None:
    """All that it shows is true, and there is more: so the latest round is asked of both."""
    dice, now = random.Random(6), replica.now()
    old = irregular(dice, now - 100 * DAY, now - 40 * DAY, 300)
    write_rounds(replica, aggregator_address(ETH), old)
    next_phase(replica, "ETH/USD", irregular(dice, now - 50 * DAY, now, 300))
    block = head_of(replica)
    times = midnights(block)
    latest, older = (_raw(replica, data) for data in (LATEST_ROUND_DATA, GET_ROUND_DATA + uint_word(1 << 64 | 300)))

    def hide(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "result": answer["result"].replace(latest, older)} if call["method"] == "eth_call" else answer

    second.change = hide
    assert reads_of(second.url).at((ETH.address,), times, block)[ETH.address] == scanned(old, times)
    with pytest.raises(Unavailable, match="1 of 2 endpoints agree.*say otherwise than"):
        reads_of(second.url, replica.url, quorum=2).at((ETH.address,), times, block)


def _raw(replica: Replica, data: bytes) -> str:
    answer: str = replica.rpc.call("eth_call", {"to": ETH.address, "data": "0x" + data.hex()}, "latest")
    return answer.removeprefix("0x")
