"""Feeds with a past: rounds written behind a replica's real proxies, and a change of their aggregator."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence

from rebalancer.adapters.chain.at_block import read_head
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rounds import Round, RoundReads
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.model import Block
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.replica.bytecode import mock_init_code
from rebalancer.replica.calls import encode_values
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS
from rebalancer.replica.places import aggregator_address
from rebalancer.replica.storage import write
from rebalancer.units import Address

DAY = 86_400
LIVE, LATEST, ROUNDS = 0, 1, 2
"""Slots of MockAggregator, which has its variables in this order."""
BATCH = 2_000
Past = Sequence[tuple[int, int]]
"""(Unix seconds, answer), oldest first. At second 0: a round that is not there."""
ETH, BTC = FEEDS["ETH/USD"], FEEDS["BTC/USD"]
DAYS = 90


def write_rounds(replica: Replica, aggregator: Address, rounds: Past, live: bool = False) -> None:
    """All rounds of a mock from 1 on. `live`: the newest counts as written now. No block is mined."""
    calls = [write(aggregator, LIVE, int(live)), write(aggregator, LATEST, len(rounds))]
    for number, (at, answer) in enumerate(rounds, 1):
        key = keccak256(ROUNDS.to_bytes(32, "big") + number.to_bytes(32, "big"))
        calls.append(write(aggregator, int.from_bytes(key, "big"), at << 192 | answer % (1 << 192)))
    for start in range(0, len(calls), BATCH):
        replica.rpc.batch(calls[start : start + BATCH])


def next_phase(replica: Replica, feed: str, rounds: Past) -> None:
    """The proxy's owner points it to a new aggregator, which has these rounds already."""
    proxy = FEEDS[feed].address
    code = mock_init_code("MockAggregator") + encode_values(("string", "uint8", "int256"), "ETH / USD", 8, 1)
    aggregator = replica.deploy(bytes.fromhex(code[2:]))
    write_rounds(replica, aggregator, rounds)
    owner = checksum_address(replica.read(proxy, "owner()", returns=("address",))[0])
    replica.rpc.call("anvil_setBalance", owner, hex(10**18))
    replica.transact(owner, proxy, "proposeAggregator(address)", aggregator)
    replica.transact(owner, proxy, "confirmAggregator(address)", aggregator)


def irregular(dice: random.Random, start: int, end: int, count: int) -> Past:
    """So many rounds at any times between two, some of them at the same second, each with an answer of its own."""
    times = sorted(dice.randrange(start, end) for _ in range(count))
    return [(at, 10**8 + number) for number, at in enumerate(times)]


def give_a_past(replica: Replica, days: int, daily: float = 0.03) -> None:
    """To every feed in dollars but the dollars' own, a walk of `daily` that ends at its present price, a round within
    the hour before each midnight; to the others a round a day that says the same."""
    dice, midnight = random.Random(5), replica.now() // DAY * DAY
    for feed in FEEDS.values():
        present = int(replica.read(feed.address, "latestAnswer()", returns=("int256",))[0])
        moves = feed.name in ("ETH/USD", "BTC/USD", "LINK/USD", "UNI/USD")
        answers = [present]
        for _ in range(days):
            answers.append(round(answers[-1] * (1 + dice.gauss(0, daily))) if moves else present)
        past = [(midnight - DAY * back - dice.randrange(60, 3_000), a) for back, a in enumerate(answers[1:])]
        write_rounds(replica, aggregator_address(feed), [*past[::-1], (midnight, present)], live=True)
    replica.mine()


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
    there = [(at, number, answer) for number, (at, answer) in enumerate(rounds, 1) if at]
    found = {}
    for time in times:
        place = bisect_right([at for at, _, _ in there], time)
        if place:
            at, number, answer = there[place - 1]
            found[time] = Round(phase << 64 | number, answer, at)
    return found
