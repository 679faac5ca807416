"""What became of a sent intent: the chain is asked about all its transactions until it is final or patience ends.

What one node says of it is `observing`'s to tell, and whose word is taken is that of `nodes`; here is how long to ask,
and that an end which the ledger would close the intent by is said by as many nodes as are configured to agree.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.observing import Explain, Observer
from rebalancer.adapters.wallets.unmined import names_of
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Gone, Intent, Landed, Landing, Waiting
from rebalancer.units import Address

POLL_SECONDS = 1.0
SLOWLY = 12
"""Times as long between two looks at orders that are open: others fill them, no sooner than in a block, and each look
takes several requests.
"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How deep a block must lie to be final (1: mined is enough), and how often to look, in seconds."""

    confirmations: int = 1
    poll: float = POLL_SECONDS


class Lander:
    """Watches the transactions that execute batches of a Safe.

    `accounts`: the Safe, and the operator who sends; `relay`: the host that they are sent to, where that is no node.
    """

    def __init__(
        self,
        nodes: Nodes,
        accounts: tuple[Address, Address],
        patience: Patience,
        explain: Explain,
        relay: str | None = None,
    ) -> None:
        self._nodes = nodes
        self._observer = Observer(nodes.rpc, *accounts, patience.confirmations, explain, relay)
        self._poll = patience.poll

    def land(self, intent: Intent, seconds: int, last_block: int) -> Landing:
        """Look at once, and again until it is final or `seconds` have gone by; what fails is tried again so long.

        Raises Unavailable (the last look failed, or no node is to be believed), ConfigError (a node of another chain),
        Halt.
        """
        end = time.monotonic() + seconds
        while True:
            seen: Landing | Unavailable
            try:
                seen = self._look(intent, last_block)
            except Unavailable as error:
                seen = error
            left = end - time.monotonic()
            if left <= 0 or isinstance(seen, Landed | Gone):
                break
            ordered = isinstance(seen, Waiting) and bool(seen.open_orders)
            time.sleep(min(self._poll * (SLOWLY if ordered else 1), left))
        if isinstance(seen, Unavailable):
            raise seen
        return seen

    def _look(self, intent: Intent, last_block: int) -> Landing:
        source, landing = self._told(intent, last_block)
        if not isinstance(landing, Landed | Gone):
            return landing
        waits: list[Waiting] = []
        try:
            self._nodes.agree(
                source,
                f"{names_of(intent)} {_ending(landing)}",
                lambda rpc: self._denied(rpc, intent, landing, last_block, waits),
            )
        except Unavailable as error:
            if isinstance(landing, Landed) or not waits:
                raise
            # Nothing is closed by it: to go on waiting, or to cancel with the same nonce, is right whoever is.
            return Waiting(str(error))
        return landing

    def _told(self, intent: Intent, last_block: int) -> tuple[Rpc, Landing]:
        """What one endpoint says, and which: every word is its own. Where it cannot say all, another is asked all."""
        nodes = self._nodes
        while True:
            source, seen = nodes.newest(lambda rpc: replace(self._observer, rpc=rpc).ask(intent), last_block)
            try:
                return source, replace(self._observer, rpc=source).landing(intent, seen, nodes.clock.now())
            except Unavailable:
                if not nodes.rpc.turn_away():
                    raise
            except Halt as halt:
                # A person closes the intent by it: it is an end like the others.
                what = f"{names_of(intent)} can never be mined, by {source.host}: {halt}"
                nodes.agree(source, what, lambda rpc: self._goes_on(rpc, intent, last_block))
                raise

    def _goes_on(self, rpc: Rpc, intent: Intent, last_block: int) -> Unavailable | None:
        """What another endpoint says, where that is no halt; None: it halts too."""
        observer = replace(self._observer, rpc=rpc, explain=_unexplained)
        try:
            seen = observer.ask(intent)
            refusal = self._nodes.why_not(rpc, seen, last_block)
            other = observer.landing(intent, seen, self._nodes.clock.now())
        except Unavailable as error:
            return error
        except Halt:
            return refusal
        return Unavailable(f"{rpc.host}: {_ending(other)}")

    def _denied(
        self, rpc: Rpc, intent: Intent, landing: Landing, last_block: int, waits: list[Waiting]
    ) -> Unavailable | None:
        """Why another endpoint does not say the same; None: it does. Unmined there: added to `waits`."""
        # Why it failed was asked already, where it did: that needs no second word.
        observer = replace(self._observer, rpc=rpc, explain=_unexplained)
        try:
            seen = observer.ask(intent)
            if (refusal := self._nodes.why_not(rpc, seen, last_block)) is not None:
                return refusal
            other = observer.landing(intent, seen, self._nodes.clock.now())
        except Unavailable as error:
            return error
        except Halt as error:
            return Unavailable(f"{rpc.host}: {error}")
        if _alike(landing, other):
            return None
        if isinstance(other, Waiting) and not other.mined:
            waits.append(other)
        return Unavailable(f"{rpc.host}: {_ending(other)}")


def _alike(one: Landing, other: Landing) -> bool:
    """Whether they would close an intent alike."""
    if not isinstance(one, Landed) or not isinstance(other, Landed):
        return isinstance(one, Gone) and isinstance(other, Gone)
    # A failure's words are each node's own.
    failed = (one.receipt.reason is None, other.receipt.reason is None)
    return failed[0] == failed[1] and replace(one.receipt, reason=None) == replace(other.receipt, reason=None)


def _ending(landing: Landing) -> str:
    match landing:
        case Landed(receipt):
            how = "done" if receipt.reason is None else "failed"
            return f"is {how} in block {receipt.block} ({receipt.block_hash}) with {receipt.tx}"
        case Gone(reason) | Waiting(reason):
            return f"is not mined: {reason}" if isinstance(landing, Gone) else reason


def _unexplained(*_: object) -> str:
    return ""
