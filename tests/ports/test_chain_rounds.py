"""Rounds of feeds, read through Chainlink's own proxies: which stood at a time, in how many requests, and whose word
that is.
"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from given_feed_history import BTC, DAY, ETH, head_of, irregular, midnights, next_phase, reads_of, scanned, write_rounds

from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.replica.chain import Replica
from rebalancer.replica.places import aggregator_address
from rebalancer.units import Address


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
