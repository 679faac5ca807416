"""What one node said of a block, asked of others: as many must say the same as the configuration wants.

Compared are the raw results of the same reads at the same block hash. A node that does not have the block yet is
asked again a moment later; one that says otherwise does not count, and is named where too few agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rebalancer.adapters.chain.at_block import AtBlock, NoBlock, Reads, read_again
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Block
from rebalancer.units import Address, Wei

PAUSES = (1.0, 2.0)
"""Seconds before a node that lacks the block is asked a second and a third time: nodes are rarely further apart."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was asked of a node at one block, in one request or several, and what it answered."""

    source: Rpc
    """The node alone."""
    reads: tuple[Reads, ...]
    found: AtBlock


@dataclass(frozen=True, slots=True)
class Quorum:
    """Asks for the agreement of `count` nodes of `chain_id`, the one that was read first among them."""

    rpc: Rpc
    chain_id: int
    multicall3: Address
    count: int

    def confirm(self, said: Said) -> None:
        """Returns where enough nodes agree. Raises Unavailable, ConfigError (too few endpoints, another chain)."""
        asked = enough_others(self.rpc, said.source, self.count)
        agree, refusals = ask_others(asked, self.count, lambda rpc: self._ask(rpc, said), _may_be_late)
        if agree >= self.count:
            return
        raise Unavailable(
            f"block {said.found.block.number}: {agree} of {self.count} endpoints agree ({said.source.host} was read), "
            f"and nothing is traded on less. {'; '.join(map(str, refusals))}"
        )

    def _ask(self, rpc: Rpc, said: Said) -> Unavailable | None:
        """None where it says the same, or what is between."""
        try:
            found = read_again(rpc, self.chain_id, self.multicall3, said.reads, said.found.block)
        except Unavailable as error:
            return error
        here, there = said.found, found
        if _plain(here.block) != _plain(there.block):
            return Unavailable(f"{rpc.host}: another header of block {here.block.number}: {there.block}")
        pairs = [
            (a, b)
            for mine, theirs in zip(here.results, there.results, strict=True)
            for a, b in zip(mine, theirs, strict=True)
        ]
        differ = sum(a != b for a, b in pairs)
        if differ:
            return Unavailable(
                f"{rpc.host}: {differ} of {len(pairs)} reads at block {here.block.number} say otherwise than "
                f"{said.source.host}; look at both nodes"
            )
        return None


def enough_others(rpc: Rpc, source: Rpc, count: int) -> tuple[Rpc, ...]:
    """The endpoints but `source`, each alone. ConfigError where all of them with it are fewer than `count`."""
    others = rpc.others(source)
    if len(others) + 1 < count:
        raise ConfigError(
            f"chain.quorum is {count}, and chain.rpc names {len(others) + 1}: give it as many endpoints as are to "
            "agree, of different providers"
        )
    return others


def ask_others(
    others: Sequence[Rpc],
    count: int,
    ask: Callable[[Rpc], Unavailable | None],
    again: Callable[[Unavailable], bool],
    pauses: Sequence[float] = PAUSES,
) -> tuple[int, tuple[Unavailable, ...]]:
    """How many agree, the one that was asked first among them, until they are `count`; and what the rest say.

    `ask` gives None where an endpoint agrees; what it gives else, `again` says whether that may be otherwise after
    `pauses`, in seconds.
    """
    agree, refusals = 1, dict[Rpc, Unavailable]()
    for pause in (0.0, *pauses):
        time.sleep(pause)
        for rpc in others:
            refusal = ask(rpc)
            if refusal is None:
                agree, _ = agree + 1, refusals.pop(rpc, None)
            else:
                refusals[rpc] = refusal
            if agree >= count:
                return agree, tuple(refusals.values())
        others = tuple(rpc for rpc in others if rpc in refusals and again(refusals[rpc]))
        if not others:
            break
    return agree, tuple(refusals.values())


def _may_be_late(refusal: Unavailable) -> bool:
    return isinstance(refusal, NoBlock)


def joined(first: Said, then: Sequence[Said]) -> Said:
    """All that was asked at one block, as one request."""
    reads = tuple(read for said in (first, *then) for read in said.reads)
    results = tuple(result for said in (first, *then) for result in said.found.results)
    return Said(first.source, reads, AtBlock(first.found.block, results))


def _plain(block: Block) -> Block:
    """Without the tip: what recent blocks paid is each node's own memory."""
    return replace(block, tip=Wei(0))
