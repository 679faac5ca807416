"""Which node's word a wallet takes: what to ask in, what one says that is to be believed out.

Believed is a node whose newest block is the present by our clock, and not behind what was read before: one that stands
still, or that makes the time up, knows nothing of what became of a transaction. What cannot be taken back is asked of
others too, as many as are configured to agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rebalancer.adapters.chain.at_block import NoBlock, read_head
from rebalancer.adapters.chain.freshness import Head, why_stale
from rebalancer.adapters.chain.quorum import PAUSES, ask_others, enough_others
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.core.errors import LostNode, Unavailable
from rebalancer.core.model import FAR_BEHIND, Block
from rebalancer.ports import Clock

T = TypeVar("T", bound=Head)


@dataclass(frozen=True, slots=True)
class Nodes:
    """The endpoints of `rpc`. `max_block_age` is in seconds; `quorum`: how many must say the same; `pauses`: seconds
    before one that does not is asked again.
    """

    rpc: Rpc
    clock: Clock
    max_block_age: int
    quorum: int = 1
    pauses: tuple[float, ...] = PAUSES

    def newest(self, ask: Callable[[Rpc], T], least: int = 0) -> tuple[Rpc, T]:
        """What `ask` gives of the endpoint in use: the present, and at block `least` or later. Another is asked where
        it is not. `ask` makes one request.

        With it the endpoint that said so, alone: what else there is to ask of it is asked there. Were another to answer
        the rest, nobody would know who said what, and one that lies could agree with itself.

        Raises Unavailable where it is so nowhere, Halt where the furthest is FAR_BEHIND `least`.
        """
        found, refusals = list[tuple[str, T]](), list[Unavailable]()
        while True:
            said = ask(self.rpc)
            source = self.rpc.alone()
            stale = self._why_stale(source, said)
            if stale is not None:
                refusals.append(stale)
            elif said.number >= least:
                return source, said
            else:
                found.append((source.host, said))
            if not self.rpc.turn_away():
                break
        if not found:
            raise Unavailable("; ".join(dict.fromkeys(map(str, refusals))))
        host, said = max(found, key=lambda each: each[1].number)
        if least - said.number > FAR_BEHIND:
            raise LostNode(host, said.number, least)
        raise _behind(host, said, least)

    def head(self) -> Block:
        """The newest block, with what builders were paid lately. Raises Unavailable."""
        return self.newest(read_head)[1]

    def agree(self, source: Rpc, what: str, ask: Callable[[Rpc], Unavailable | None]) -> None:
        """Ask others for `what` the endpoint `source` has said, where one is not enough.

        `ask` says why an endpoint does not agree. Raises Unavailable where too few do, ConfigError where there are not
        so many.
        """
        if self.quorum <= 1:
            return
        others = enough_others(self.rpc, source, self.quorum)
        # Blocks reach them one after the other: whatever it is, they may say the same in a moment.
        agree, refusals = ask_others(others, self.quorum, ask, lambda _: True, self.pauses)
        if agree < self.quorum:
            raise Unavailable(
                f"{what}: {agree} of {self.quorum} endpoints agree ({source.host} was asked first), and on less it is "
                f"not believed. {'; '.join(map(str, refusals))}"
            )

    def why_not(self, rpc: Rpc, said: Head, least: int = 0) -> Unavailable | None:
        """Why what one endpoint has said is not to be believed: it is not the present, or is behind `least`."""
        stale = self._why_stale(rpc, said)
        if stale is not None or said.number >= least:
            return stale
        return _behind(rpc.host, said, least)

    def _why_stale(self, rpc: Rpc, said: Head) -> Unavailable | None:
        return why_stale(rpc.host, said, self.clock.now(), self.max_block_age)


def _behind(host: str, said: Head, least: int) -> NoBlock:
    return NoBlock(
        f"{host}: at block {said.number}, behind block {least} that was read before, so what it says is not believed; "
        "wait for it to catch up, or use another node"
    )
