"""The chain out of memory: whole states in, the snapshots that a reader would have made of them out.

Plays the port `Chain` for tests of the tick, and history for replays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rebalancer.adapters.chain.pools import v3_pool_of
from rebalancer.core.errors import RebalancerError, Unavailable
from rebalancer.core.model import Block, Receipt, Snapshot
from rebalancer.core.model.snapshot import SLOT
from rebalancer.market.pools import Pool
from rebalancer.market.routing import MoreTicks
from rebalancer.market.uniswap_v3 import V3Pool, within_words, word_of
from rebalancer.units import Address, Amount


class FakeChain:
    """Stands at one of `states`, the first one at first; `advance` goes on to the next.

    The pools of a state are known as widely as they ever will be. A read shows `reach` bitmap words to each
    side of the current one, as a node's answer does, so that plans meet NeedTicks here too. While `failure`
    is set, every read raises it, and while `disagreement` is, every confirmation. `reads`, `tick_reads` and
    `confirmed` count what was asked.
    """

    def __init__(self, states: Sequence[Snapshot], reach: int = 2) -> None:
        if not states:
            raise ValueError("a chain needs one state at least")
        self._states = tuple(states)
        self._at = 0
        self._reach = reach
        self.failure: RebalancerError | None = None
        self.disagreement: RebalancerError | None = None
        self.reads = 0
        self.tick_reads = 0
        self.confirmed = 0

    def advance(self) -> bool:
        """Go on to the next state. False at the last one, where the chain stays."""
        if self._at + 1 == len(self._states):
            return False
        self._at += 1
        return True

    def reorganise(self, states: Sequence[Snapshot]) -> None:
        """Another history: the chain stands at the last of `states`, and has never seen any other."""
        self._states = tuple(states)
        self._at = len(self._states) - 1

    def mine(self, receipt: Receipt) -> None:
        """Go on to the blocks after a transaction of the wallet: this state and all later ones show what it did."""
        changes = {change.token.address: change for change in receipt.changes}
        now = self._states[self._at]
        number = max(now.block.number, receipt.block) + 1
        block = Block(
            number, f"0x{number:064x}", max(now.block.timestamp, receipt.timestamp) + SLOT, now.block.base_fee
        )
        later = (replace(now, block=block), *self._states[self._at + 1 :])
        moved = tuple(replace(state, balances=_moved(state.balances, changes)) for state in later)
        self._states = (*self._states[: self._at + 1], *moved)
        self._at += 1

    def deepen(self, blocks: int) -> None:
        """So many blocks more, in which nothing happens: this state and all later ones come after them."""
        self._states = (
            *self._states[: self._at + 1],
            *(replace(state, block=_after(state.block, blocks)) for state in self._states[self._at :]),
        )
        self._at += 1

    def head(self) -> Block:
        self._fail()
        return self._states[self._at].block

    def read(self, last_block: int = 0) -> Snapshot:
        self._fail()
        self.reads += 1
        state = self._states[self._at]
        return replace(state, pools=tuple(self._narrow(pool) for pool in state.pools))

    def confirm(self, snapshot: Snapshot) -> None:
        self._fail()
        if self.disagreement is not None:
            raise self.disagreement
        self.confirmed += 1

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        wider = {}
        for part in need.needs:
            pool = v3_pool_of(snapshot, part)
            low, high = min(part.word_low, pool.word_low), max(part.word_high, pool.word_high)
            if (low, high) != (pool.word_low, pool.word_high):
                wider[pool.address] = _between(self._whole(snapshot.block, pool), low, high)
        if not wider:
            return snapshot
        self._fail()
        self.tick_reads += 1
        return replace(snapshot, pools=tuple(wider.get(pool.address, pool) for pool in snapshot.pools))

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    def _whole(self, block: Block, pool: V3Pool) -> V3Pool:
        """`pool` at `block` as widely as it is known."""
        for state in self._states[: self._at + 1]:
            if state.block.hash == block.hash:
                return next(p for p in state.pools if isinstance(p, V3Pool) and p.address == pool.address)
        raise Unavailable(f"block {block.number} is not {block.hash} any more: the chain was reorganised; read again")

    def _narrow(self, pool: Pool) -> Pool:
        if not isinstance(pool, V3Pool):
            return pool
        word = word_of(pool.tick, pool.tick_spacing)
        return _between(pool, max(word - self._reach, pool.word_low), min(word + self._reach, pool.word_high))


def _after(block: Block, blocks: int) -> Block:
    number = block.number + blocks
    return replace(block, number=number, hash=f"0x{number:064x}", timestamp=block.timestamp + blocks * SLOT)


def _moved(balances: tuple[Amount, ...], changes: Mapping[Address, Amount]) -> tuple[Amount, ...]:
    return tuple(held + changes.get(held.token.address, Amount(held.token, 0)) for held in balances)


def _between(whole: V3Pool, low: int, high: int) -> V3Pool:
    """What `whole` is for somebody who has read the words `low` to `high`, both inclusive."""
    if low < whole.word_low or high > whole.word_high:
        raise Unavailable(
            f"pool {whole.address}: words {low} to {high} are asked for, the state holds {whole.word_low} to "
            f"{whole.word_high}; give it a wider state"
        )
    return within_words(whole, low, high)
