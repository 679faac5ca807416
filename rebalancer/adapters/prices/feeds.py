"""Tokens and times in, what their Chainlink feeds said at these times out; over years, in parts that are kept.

A part is some ninety times of all feeds, and some eight requests. Each is read at a head of its own: a node that keeps
no archive answers for its last blocks only, and what a round of the past says does not change.

What was kept proves itself first: a fork or a replica of a chain has that chain's number, and rounds of its own. So the
newest round of each file is read again, and where the node says another, the file is none of its chain's. All that is
older stood in the same file when that one was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from rebalancer.adapters.chain.rounds import Round
from rebalancer.adapters.prices.kept import KeptPrices
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Block
from rebalancer.core.price import Feed, FeedPrice, PriceRule
from rebalancer.core.schedule import moment_words
from rebalancer.units import Address

AT_ONCE = 90
"""Times in a part: what a measurement of volatility reads at once too."""
SETTLED = 3_600
"""Seconds after which a round is not reorganised away any more: what is younger is not kept. Finality takes 13 min."""

BELIEVED = 25 * 3_600
"""Seconds for which a round counts as a price of the past, whatever its feed promises today: a day and its delay."""
_NONE = (Decimal(0), -(1 << 62))
"""Of a time without a round: older than anything is believed."""

Told = Callable[[int, int], None]
"""Parts done, of how many."""
_KeptRounds = dict[int, tuple[Decimal, int]]


class Rounds(Protocol):
    """`adapters.chain.rounds.RoundReads`, or what stands for it."""

    def at(self, feeds: Sequence[Address], times: Sequence[int], block: Block) -> dict[Address, dict[int, Round]]: ...


@dataclass(frozen=True, slots=True)
class Quoted:
    """A price at one of the times, and when the oldest of what it rests on was written.

    `late`: a feed had been silent for longer than it promises, so that no tick would have traded on it.
    """

    usd: Decimal
    written: int
    late: bool = False


class FeedHistory:
    """Of one chain; remembers in `folder`, by chain and feed. `notices`: what became of files of other chains."""

    def __init__(
        self, chain_id: int, rules: Sequence[PriceRule], rounds: Rounds, head: Callable[[], Block], folder: Path
    ) -> None:
        self._chain_id = chain_id
        self._head = head
        self._feeds = {rule.token.symbol: rule.feeds for rule in rules if isinstance(rule, FeedPrice)}
        self._rounds = rounds
        self._folder = folder
        self._alone: set[Address] = set()
        """Feeds whose files are neither read nor written."""
        self.notices: list[str] = []

    @property
    def symbols(self) -> tuple[str, ...]:
        """The tokens that have feeds."""
        return tuple(self._feeds)

    def read(self, symbols: Sequence[str], times: Sequence[int], told: Told) -> dict[str, dict[int, Quoted]]:
        """For each symbol, and each of `times` that all its feeds had a price at, that price: of the last day, or as
        long as a feed may be silent.

        Raises Unavailable, with what was read so far kept; ConfigError for a token without a feed, or what is none.
        """
        if unknown := [symbol for symbol in symbols if symbol not in self._feeds]:
            raise ConfigError(
                f"prices: no feed of {', '.join(unknown)}; expected tokens of the configuration that have one: "
                f"{', '.join(self._feeds) or 'there are none'}"
            )
        addresses = dict.fromkeys(feed.address for symbol in symbols for feed in self._feeds[symbol])
        kept = self._proved({address: self._file(address).read() for address in addresses})
        parts = self._parts(kept, times)
        for done, (asked, part) in enumerate(parts):
            told(done, len(parts))
            self._read_part(asked, part, self._head(), kept)
        told(len(parts), len(parts))
        return {symbol: _prices(self._feeds[symbol], kept, times) for symbol in symbols}

    def _proved(self, kept: dict[Address, _KeptRounds]) -> dict[Address, _KeptRounds]:
        """What the node says too, by the newest round of each file. The other files are set aside, or left alone where
        the node has not come as far.
        """
        newest = {address: max(known) for address, known in kept.items() if known}
        if not newest:
            return kept
        block = self._head()
        self._alone = {address for address, time in newest.items() if time > block.timestamp}
        asked = {address: time for address, time in newest.items() if address not in self._alone}
        said = self._rounds.at(list(asked), sorted(set(asked.values())), block) if asked else {}
        for address, time in asked.items():
            if _entry(said[address].get(time)) != kept[address][time]:
                self._set_aside(self._file(address), time)
                kept[address] = {}
        for address in self._alone:
            kept[address] = {}
            self.notices.append(
                f"{self._file(address).path} goes further than this node, which is at {moment_words(block.timestamp)}: "
                "it was left alone"
            )
        return kept

    def _set_aside(self, file: KeptPrices, time: int) -> None:
        aside = file.set_aside()
        self.notices.append(
            f"{file.path} has another round of {moment_words(time)} than this node: it was of another chain with the "
            f"number {self._chain_id}, or the feed was replaced. It is {aside.name} now, and all was read anew"
        )

    def _parts(
        self, kept: Mapping[Address, _KeptRounds], times: Sequence[int]
    ) -> list[tuple[list[Address], list[int]]]:
        """Newest first: of these a node knows the most."""
        parts = []
        for end in range(len(times), 0, -AT_ONCE):
            part = times[max(end - AT_ONCE, 0) : end]
            asked = [address for address, known in kept.items() if any(time not in known for time in part)]
            missing = [time for time in part if any(time not in kept[address] for address in asked)]
            if asked:
                parts.append((asked, missing))
        return parts

    def _read_part(
        self, feeds: Sequence[Address], times: Sequence[int], block: Block, kept: Mapping[Address, _KeptRounds]
    ) -> None:
        past = [time for time in times if time <= block.timestamp]
        if not past:
            return
        for address, rounds in self._rounds.at(feeds, past, block).items():
            found = {time: entry for time, one in rounds.items() if (entry := _entry(one)) is not None}
            kept[address].update(found)
            if address in self._alone:
                continue
            last = block.timestamp - SETTLED
            self._file(address).write({time: each for time, each in kept[address].items() if time <= last})

    def _file(self, feed: Address) -> KeptPrices:
        return KeptPrices(self._folder / f"{self._chain_id}-{feed.lower()}.csv")


def _entry(said: Round | None) -> tuple[Decimal, int] | None:
    """As it is kept; None: it is no price."""
    return None if said is None or said.answer <= 0 else (Decimal(said.answer), said.updated_at)


def _prices(feeds: Sequence[Feed], kept: Mapping[Address, _KeptRounds], times: Sequence[int]) -> dict[int, Quoted]:
    """The product of what the feeds said, where all of them had said something."""
    found = {}
    for time in times:
        usd, written, late = Decimal(1), time, False
        for feed in feeds:
            answer, at = kept[feed.address].get(time, _NONE)
            silent, promised = time - at, feed.heartbeat + feed.margin
            if silent > max(promised, BELIEVED):
                break
            usd *= answer.scaleb(-feed.decimals)
            written, late = min(written, at), late or silent > promised
        else:
            found[time] = Quoted(usd, written, late)
    return found
