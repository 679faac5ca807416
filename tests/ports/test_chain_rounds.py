"""Rounds of feeds, read through Chainlink's own proxies: which stood at a time, in how many requests, and whose word
that is.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from given_chain import LyingNode
from given_feed_history import DAY, Past, irregular, next_phase, write_rounds

from rebalancer.adapters.chain.at_block import read_head
from rebalancer.adapters.chain.codec import DecodeError, uint_word
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rounds import GET_ROUND_DATA, Round, RoundReads
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Block
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS
from rebalancer.replica.places import aggregator_address
from rebalancer.units import Address

ETH, BTC = FEEDS["ETH/USD"], FEEDS["BTC/USD"]
DAYS = 90


@pytest.fixture
def second(replica: Replica) -> Iterator[LyingNode]:
    """Another node of the same chain, honest until told otherwise."""
    node = LyingNode(replica.url)
    yield node
    node.close()


def reads_of(*urls: str, quorum: int = 1) -> RoundReads:
    return RoundReads(Rpc(urls, 1), 1, MAINNET.multicall3, quorum)


def head_of(replica: Replica) -> Block:
    replica.mine()
    return read_head(replica.rpc)


def midnights(block: Block, days: int = DAYS) -> list[int]:
    last = block.timestamp // DAY * DAY
    return [last - DAY * back for back in range(days, -1, -1)]


def scanned(rounds: Past, times: list[int], phase: int = 1) -> dict[int, Round]:
    """What reading every round would find."""
    found = {}
    for time in times:
        number = bisect_right([at for at, _ in rounds], time)
        if number:
            found[time] = Round(phase << 64 | number, rounds[number - 1][1], rounds[number - 1][0])
    return found


def test_at__of_feeds_with_thousands_of_rounds__finds_what_a_scan_finds_in_a_few_requests(replica: Replica) -> None:
    dice, now = random.Random(1), replica.now()
    long = irregular(dice, now - 200 * DAY, now, 9_000)
    # A feed that was silent for weeks in the middle, and younger than the first times.
    short = [*irregular(dice, now - 80 * DAY, now - 60 * DAY, 300), *irregular(dice, now - 30 * DAY, now, 300)]
    write_rounds(replica, aggregator_address(ETH), long)
    write_rounds(replica, aggregator_address(BTC), short)
    block, reads = head_of(replica), reads_of(replica.url)
    times = midnights(block)
    found = reads.at((ETH.address, BTC.address), times, block)
    assert found == {ETH.address: scanned(long, times), BTC.address: scanned(short, times)}
    assert times[0] not in found[BTC.address] and reads.rpc.requests <= 7


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


def test_at__over_a_change_of_the_aggregator__goes_on_in_the_phase_before(replica: Replica) -> None:
    dice, now = random.Random(2), replica.now()
    old = irregular(dice, now - 100 * DAY, now - 20 * DAY, 700)
    new = irregular(dice, now - 30 * DAY, now, 400)
    write_rounds(replica, aggregator_address(ETH), old)
    next_phase(replica, "ETH/USD", new)
    block, reads = head_of(replica), reads_of(replica.url)
    times = midnights(block)
    found = reads.at((ETH.address,), times, block)[ETH.address]
    # Where both have a round of that time, the newer aggregator's counts.
    assert found == scanned(old, times) | scanned(new, times, phase=2)
    assert {one.id >> 64 for one in found.values()} == {1, 2} and reads.rpc.requests <= 12


def test_at__of_answers_that_are_no_price__gives_them_as_they_are(replica: Replica) -> None:
    now = replica.now()
    write_rounds(replica, aggregator_address(ETH), [(now - 3 * DAY, -5), (now - 2 * DAY, 0), (now + DAY, 9)])
    block = head_of(replica)
    found = reads_of(replica.url).at((ETH.address,), [now - 3 * DAY, now], block)[ETH.address]
    assert [found[time].answer for time in (now - 3 * DAY, now)] == [-5, 0], "and the one to come is no round yet"


def test_at__of_a_block_that_is_not_the_chains__is_unavailable(replica: Replica) -> None:
    block = replace(head_of(replica), hash="0x" + "ab" * 32)
    with pytest.raises(Unavailable, match="the chain was reorganised"):
        reads_of(replica.url).at((ETH.address,), midnights(block), block)


def test_at__of_what_is_no_feed__names_it(replica: Replica) -> None:
    nobody = Address("0x00000000000000000000000000000000000000B7")
    block = head_of(replica)
    with pytest.raises(ConfigError, match=f"feed {nobody}: latestRoundData.* gave nothing: no such contract"):
        reads_of(replica.url).at((nobody,), midnights(block), block)


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
        # The latest round, the search, and what counts.
        if call["method"] != "eth_call" or reads < 3:
            return answer
        return {**answer, "result": answer["result"].replace(uint_word(at).hex(), uint_word(at + 100 * DAY).hex())}

    second.change = later
    with pytest.raises(DecodeError, match="are others when they are read again; use another node"):
        reads_of(second.url).at((ETH.address,), midnights(block), block)
    assert reads == 3


# ---------------------------------------------------------------- two nodes


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
