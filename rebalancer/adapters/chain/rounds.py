"""Feeds and times in; of each feed the round that stood at each time, as one block has them, out.

A proxy numbers its rounds phase << 64 | n, with n from 1 in each phase: the phase is the aggregator that the proxy
pointed to (Chainlink, "Getting Historical Data"). The round of a time is searched for instead of all being read: each
request splits what is left of every feed into as many parts as a call carries, so that a quarter of a year of any feed
is found in some six requests. Up to the feed's latest round one that is not there says nothing, and those beside it are
looked at. In the phases before, whose length nobody says, it counts as later than any time: so the search ends at the
last.
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
ALL_PHASES = 1 << 16
"""As many as a proxy counts."""
_LONGEST_PHASE = 1 << 32
"""Aggregators count their rounds in 32 bits."""
_MOST_MISSING = 200
"""Rounds below the latest that may not be there, of those that are looked at: aggregators leave out one here and there
at most, and a node that knows of none must not be asked for ever."""


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
    phases: int = PHASES

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]:
        """For each feed, and each of `times` in Unix seconds, the last round written by then, where there is one.

        Raises Unavailable, also where the block is not the node's any more; ConfigError for what is no feed.
        """
        node = self.rpc.alone()
        latest = self._ask(node, [_latest_calls(feeds)], block)[0]
        searches = self._searched(
            node, [_Search.of_latest(*each, times) for each in zip(feeds, latest, strict=True)], block
        )
        # What counts is read once more, all in one request: it is what other nodes are asked to agree on. With the
        # latest rounds, where the searches began, and with what follows on each round, because that is what makes it
        # the last one of its time.
        calls = [_latest_calls(feeds), *([_call(search, n) for n in search.edges()] for search in searches)]
        reads = tuple(Reads.of(self.multicall3, each) for each in calls)
        found = read_again(node, self.chain_id, self.multicall3, reads, block)
        if found.results[0] != latest:
            raise DecodeError(
                f"feeds: their latest rounds at block {block.number} are others when they are read again; use another "
                "node"
            )
        if self.quorum > 1:
            Quorum(self.rpc, self.chain_id, self.multicall3, self.quorum).confirm(Said(node, reads, found))
        rounds: dict[Address, dict[int, Round]] = {feed: {} for feed in feeds}
        for search, results in zip(searches, found.results[1:], strict=True):
            known = {n: _round(search, n, result) for n, result in zip(search.edges(), results, strict=True)}
            for time, (low, _) in search.brackets.items():
                _check_stood(search, time, known)
                if (stood := known.get(low)) is not None:
                    rounds[search.feed][time] = stood
        return rounds

    def _searched(self, node: Rpc, going: list[_Search], block: Block) -> list[_Search]:
        """A search for each feed and phase that it needs, all done; of one feed the newest phase first."""
        done: list[_Search] = []
        for _ in range(self.phases):
            self._run(node, going, block)
            done += going
            # A time without a round in a phase may have one in the phase before.
            going = [s.before() for s in going if s.phase > 1 and s.unplaced()]
        return done

    def _run(self, node: Rpc, searches: Sequence[_Search], block: Block) -> None:
        """To the end: each request leaves at most half of every bracket, mostly far less, or finds a round missing."""
        while asked := [(search, numbers) for search in searches if (numbers := search.wanted())]:
            calls = [[_call(search, n) for n in numbers] for search, numbers in asked]
            for (search, numbers), results in zip(asked, self._ask(node, calls, block), strict=True):
                search.narrow([(n, _round(search, n, r)) for n, r in zip(numbers, results, strict=True)])

    def _ask(self, node: Rpc, calls: Sequence[Sequence[EthCall]], block: Block) -> tuple[tuple[CallResult, ...], ...]:
        reads = [Reads.of(self.multicall3, each) for each in calls]
        return read_again(node, self.chain_id, self.multicall3, reads, block).results


class _Search:
    """Of one phase of a feed: between which rounds each time falls.

    A bracket is (low, high): `low` was written by that time, or is 0; `high` was not, or is beyond the last. It is done
    where all that is between them is `missing`. `last`: the latest round; None: nobody says which it is.
    """

    def __init__(self, feed: Address, phase: int, last: int | None, times: Sequence[int]) -> None:
        self.feed = feed
        self.phase = phase
        self.known = last or 0
        """Up to it a round that is not there is missing, and not beyond the last."""
        self.missing: set[int] = set()
        self.brackets = dict.fromkeys(times, (0, (_LONGEST_PHASE if last is None else last) + 1))

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
        return _Search(self.feed, self.phase - 1, None, self.unplaced())

    def wanted(self) -> list[int]:
        """The rounds to read next, in their order; none where every time has its place."""
        open_ = {bracket for bracket in self.brackets.values() if self._is_open(bracket)}
        share = max(AT_ONCE // max(len(open_), 1), 1)
        return sorted({number for bracket in open_ for number in _between(bracket, share, self.missing)})

    def narrow(self, rounds: Sequence[tuple[int, Round | None]]) -> None:
        """With what was read: up to the first round that was written after a time, or that is beyond the last.

        DecodeError where too many are missing.
        """
        self.missing |= {number for number, found in rounds if found is None and number <= self.known}
        if len(self.missing) > _MOST_MISSING:
            raise DecodeError(
                f"feed {self.feed}: more than {_MOST_MISSING} of its rounds before the latest are not there; use "
                "another node"
            )
        for time, (low, high) in self.brackets.items():
            for number, found in rounds:
                if not low < number < high or number in self.missing:
                    continue
                if found is None or found.updated_at > time:
                    high = number
                    break
                low = number
            self.brackets[time] = low, high

    def edges(self) -> list[int]:
        """Every round that stood at one of the times, and those after it up to the first that is there."""
        return sorted({n for low, high in self.brackets.values() for n in range(max(low, 1), high + 1)})

    def _is_open(self, bracket: tuple[int, int]) -> bool:
        low, high = bracket
        return high - low - 1 > sum(low < number < high for number in self.missing)


def _between(bracket: tuple[int, int], count: int, missing: set[int]) -> list[int]:
    """Up to `count` rounds inside, evenly spread; neither end, and none that is missing. At least one."""
    low, high = bracket
    parts = min(count + 1, high - low)
    spread = [low + (high - low) * part // parts for part in range(1, parts)]
    there = [number for number in spread if number not in missing]
    return there or [next(number for number in range(low + 1, high) if number not in missing)]


def _latest_calls(feeds: Sequence[Address]) -> list[EthCall]:
    return [EthCall(feed, LATEST_ROUND_DATA) for feed in feeds]


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
    low, high = search.brackets[time]
    stood, after = known.get(low), known[high]
    there = low == 0 or (stood is not None and stood.updated_at <= time)
    later = high > search.known if after is None else after.updated_at > time
    if not there or not later or any(known[n] is not None for n in range(low + 1, high)):
        raise DecodeError(
            f"feed {search.feed}: the rounds around {time} are others when they are read again; use another node"
        )
