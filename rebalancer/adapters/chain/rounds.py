"""Feeds and times in; of each feed the round that stood at each time, as one block has them, out.

A proxy numbers its rounds phase << 64 | n, with n from 1 in each phase: the phase is the aggregator that the proxy
pointed to (Chainlink, "Getting Historical Data"). The round of a time is searched for instead of all being read: each
request splits what is left of every feed into as many parts as a call carries, so that a quarter of a year of any feed
is found in some six requests. A round that is not there counts as later than any time, which makes a phase of unknown
length as good as one whose last round is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.at_block import Reads, read_again
from rebalancer.adapters.chain.codec import CallResult, DecodeError, EthCall, Words, uint_word
from rebalancer.adapters.chain.holdings import answer_of
from rebalancer.adapters.chain.oracles import LATEST_ROUND_DATA
from rebalancer.adapters.chain.quorum import Quorum, Said
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.model import Block
from rebalancer.units import Address

GET_ROUND_DATA = bytes.fromhex("9a6fc8f5")
"""getRoundData(uint80)"""
AT_ONCE = 512
"""Rounds of one feed in one call: some six million gas, far below what any node allows."""
PHASES = 3
"""How many are looked into, the present one first. Feeds get a new aggregator every year or two."""
_LONGEST_PHASE = 1 << 32
"""Aggregators count their rounds in 32 bits."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a feed said; `updated_at` in Unix seconds. The answer may be anything, a price or not."""

    id: int
    answer: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class RoundReads:
    """Reads rounds of one node, and has as many nodes as `quorum` says agree on those that are given out."""

    rpc: Rpc
    chain_id: int
    multicall3: Address
    quorum: int

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]:
        """For each feed, and each of `times` in Unix seconds, the last round written by then, where there is one.

        Raises Unavailable, also where the block is not the node's any more; ConfigError for what is no feed.
        """
        node = self.rpc.alone()
        searches = self._searched(node, feeds, times, block)
        # What counts is read once more, all in one request: it is what other nodes are asked to agree on. With the
        # round after each, because that is what makes a round the last one of its time.
        calls = [[_call(search, n) for n in search.edges()] for search in searches]
        reads = tuple(Reads.of(self.multicall3, each) for each in calls)
        found = read_again(node, self.chain_id, self.multicall3, reads, block)
        if self.quorum > 1:
            Quorum(self.rpc, self.chain_id, self.multicall3, self.quorum).confirm(Said(node, reads, found))
        rounds: dict[Address, dict[int, Round]] = {feed: {} for feed in feeds}
        for search, results in zip(searches, found.results, strict=True):
            known = {n: _round(search, n, result) for n, result in zip(search.edges(), results, strict=True)}
            for time, (low, _) in search.brackets.items():
                _check_stood(search, time, known)
                if (stood := known.get(low)) is not None:
                    rounds[search.feed][time] = stood
        return rounds

    def _searched(self, node: Rpc, feeds: Sequence[Address], times: Sequence[int], block: Block) -> list[_Search]:
        """A search for each feed and phase that it needs, all done; of one feed the newest phase first."""
        latest = self._ask(node, [[EthCall(feed, LATEST_ROUND_DATA)] for feed in feeds], block)
        going = [_Search.of_latest(feed, result, times) for feed, (result,) in zip(feeds, latest, strict=True)]
        done: list[_Search] = []
        for _ in range(PHASES):
            self._run(node, going, block)
            done += going
            # A time without a round in a phase may have one in the phase before.
            going = [s.before() for s in going if s.phase > 1 and s.unplaced()]
        return done

    def _run(self, node: Rpc, searches: Sequence[_Search], block: Block) -> None:
        """To the end: each request leaves at most half of every bracket, and mostly far less."""
        while asked := [(search, numbers) for search in searches if (numbers := search.wanted())]:
            calls = [[_call(search, n) for n in numbers] for search, numbers in asked]
            for (search, numbers), results in zip(asked, self._ask(node, calls, block), strict=True):
                search.narrow([(n, _round(search, n, r)) for n, r in zip(numbers, results, strict=True)])

    def _ask(self, node: Rpc, calls: Sequence[Sequence[EthCall]], block: Block) -> tuple[tuple[CallResult, ...], ...]:
        reads = [Reads.of(self.multicall3, each) for each in calls]
        return read_again(node, self.chain_id, self.multicall3, reads, block).results


class _Search:
    """Of one phase of a feed: between which rounds each time falls.

    A bracket is (low, high): `low` was written by that time, or is 0; `high` was not, or is beyond the last.
    """

    def __init__(self, feed: Address, phase: int, last: int, times: Sequence[int]) -> None:
        self.feed = feed
        self.phase = phase
        self.brackets = dict.fromkeys(times, (0, last + 1))

    @staticmethod
    def of_latest(feed: Address, latest: CallResult, times: Sequence[int]) -> _Search:
        """In the phase of the latest round. Raises Unavailable, ConfigError where there is no feed."""
        number = answer_of(f"feed {feed}: latestRoundData()", latest).uint(0, 80)
        return _Search(feed, number >> 64, number % (1 << 64), times)

    def unplaced(self) -> list[int]:
        """The times before the first round."""
        return [time for time, (low, _) in self.brackets.items() if low == 0]

    def before(self) -> _Search:
        """Of those times, in the phase before."""
        return _Search(self.feed, self.phase - 1, _LONGEST_PHASE, self.unplaced())

    def wanted(self) -> list[int]:
        """The rounds to read next, in their order; none where every time has its place."""
        open_ = {bracket for bracket in self.brackets.values() if bracket[1] - bracket[0] > 1}
        share = max(AT_ONCE // max(len(open_), 1), 1)
        return sorted({number for bracket in open_ for number in _between(bracket, share)})

    def narrow(self, rounds: Sequence[tuple[int, Round | None]]) -> None:
        """With what was read: up to the first round that was written after a time, or that is not there."""
        for time, (low, high) in self.brackets.items():
            for number, found in rounds:
                if not low < number < high:
                    continue
                if found is None or found.updated_at > time:
                    high = number
                    break
                low = number
            self.brackets[time] = low, high

    def edges(self) -> list[int]:
        """Every round that stood at one of the times, and the one after it."""
        return sorted({number for low, _ in self.brackets.values() for number in (low, low + 1) if number})


def _between(bracket: tuple[int, int], count: int) -> list[int]:
    """Up to `count` rounds inside, evenly spread; neither end."""
    low, high = bracket
    parts = min(count + 1, high - low)
    return [low + (high - low) * part // parts for part in range(1, parts)]


def _call(search: _Search, number: int) -> EthCall:
    return EthCall(search.feed, GET_ROUND_DATA + uint_word(search.phase << 64 | number))


def _round(search: _Search, number: int, result: CallResult) -> Round | None:
    """None: it is not there. Some aggregators revert then, others give zeros. DecodeError for another round."""
    words = Words(result.data, what=f"feed {search.feed}: getRoundData()")
    if not result.success or words.uint(3) == 0:
        return None
    asked = search.phase << 64 | number
    if words.uint(0, 80) != asked:
        raise DecodeError(f"{words.what}: round {words.uint(0, 80)} in answer to {asked}; use another node")
    return Round(asked, words.sint(1), words.uint(3))


def _check_stood(search: _Search, time: int, known: dict[int, Round | None]) -> None:
    """DecodeError where what was read again is not what the search has found."""
    low, _ = search.brackets[time]
    stood, after = known.get(low), known[low + 1]
    there = low == 0 or (stood is not None and stood.updated_at <= time)
    if not there or (after is not None and after.updated_at <= time):
        raise DecodeError(
            f"feed {search.feed}: the rounds around {time} are others when they are read again; use another node"
        )
