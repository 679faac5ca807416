"""The clock, and the chain as it was: prices, pools and gas of the present time, and the wallet as batches left it."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.model import Allowance, Block, SafeState, Snapshot
from rebalancer.core.model.snapshot import SLOT
from rebalancer.market.routing import MoreTicks
from rebalancer.research.ports.pools import Place, address_of, pool_at
from rebalancer.units import ONE, Amount, Price, Token, Usd, Wei

OPERATOR = address_of("operator of a replay")
WALLET = address_of("wallet of a replay")
ROUTER = address_of("router of a replay")
COIN = Token("ETH", address_of("the chain's coin"), 18)
_RICH = Wei(10**9 * ONE)
"""What the operator's gas has cost is counted, and never lacking."""
_SAFE = SafeState("1.4.1", 0, 1, (OPERATOR,), ())


@dataclass(frozen=True, slots=True)
class Timeline:
    """What the chain says at every time, as integers. `usd`: of each of `tokens`, the hub's among them."""

    tokens: tuple[Token, ...]
    """The assets in the order of the policy, and the hub after them where it is none of them."""
    times: list[int]
    usd: list[tuple[Usd, ...]]
    base_fee: list[int]
    coin: list[int]
    places: tuple[Place, ...]


class HistoryChain:
    """Plays Clock and Chain. `turn` moves on to a time; a batch lands in the next block, which is of the same second:
    what is bought at a close is bought at that time, and `every: 1 d` on daily closes trades every day."""

    def __init__(self, timeline: Timeline, held: list[int]) -> None:
        """`held`: base units of each token at the first time."""
        self._timeline = timeline
        self._place = 0
        self._block = self._at(0)
        self._balances = tuple(Amount(token, raw) for token, raw in zip(timeline.tokens, held, strict=True))
        self._allowances = tuple(Allowance(ROUTER, Amount(token, 0)) for token in timeline.tokens)

    def turn(self, place: int) -> None:
        """Time goes on to the one at `place`."""
        self._place = place
        self._block = self._at(0)

    @property
    def balances(self) -> tuple[Amount, ...]:
        return self._balances

    def mine(self, changes: tuple[Amount, ...]) -> Block:
        """The next block, in which a batch has changed the balances by so much, in their order."""
        self._block = self._at(1)
        self._balances = tuple(held + change for held, change in zip(self._balances, changes, strict=True))
        return self.head()

    def now(self) -> int:
        return self._block.timestamp

    def head(self) -> Block:
        return self._block

    def _at(self, later: int) -> Block:
        """So many blocks after that of the present time, and of the same second."""
        now = self._timeline.times[self._place]
        number = now // SLOT + later
        return Block(number, f"0x{number:064x}", now, Wei(self._timeline.base_fee[self._place]))

    def read(self, last_block: int = 0) -> Snapshot:
        known, block, usd = self._timeline, self._block, self._timeline.usd[self._place]
        now = block.timestamp
        return Snapshot(
            block=block,
            balances=self._balances,
            prices=tuple([Price(token, price, now) for token, price in zip(known.tokens, usd, strict=True)]),
            native=Price(COIN, Usd(known.coin[self._place]), now),
            pools=tuple([pool_at(place, usd) for place in known.places]),
            allowances=self._allowances,
            wallet=_SAFE,
            operator_balance=_RICH,
        )

    def confirm(self, snapshot: Snapshot) -> None:
        """There is one history."""

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        raise AssertionError(f"all ticks of these pools are known, and asked for are {need}")
