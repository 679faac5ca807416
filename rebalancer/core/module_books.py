"""A RebalanceModule's wallet as its contract counts it: a snapshot in; holdings, swaps in their places, meters out.

Every rounding is the contracts' own (books.vy, RebalanceModule.vy), to the integer. The module's price of a token is
ours, where ours comes from the same feeds: 1e18 times the answers, over their decimals, rounded down. An answer that it
takes for none whatever its time (core.price.MOST_ANSWER) is no price of ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rebalancer.core.model.batch import Breach
from rebalancer.core.model.module import ModuleAsset, ModuleLimits, ModuleSwap
from rebalancer.core.model.snapshot import ModuleWallet, Snapshot
from rebalancer.units import ONE, PPM, Address, Amount, Ppm, Price, Usd, Weight, mul_div_down, mul_div_up

PREFIX = "RebalanceModule: "
"""Of every reason that the contract reverts with."""
HALF = 2**128 - 1
"""Most that a price, a balance, and the wallet's worth may be for the module."""
_WIDER = ONE // PPM
"""A share in millionths as the meters count it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a rebalance is asked for: `at` is the time of the block that it is mined in.

    `data`: see ModuleCall.
    """

    swaps: tuple[ModuleSwap, ...]
    sender: Address
    deadline: int
    nonce: int
    at: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Holding:
    """One of the module's assets: its terms, its target, and what the wallet has of it at which price."""

    asset: ModuleAsset
    target: Ppm
    balance: Amount
    price: Price

    def __str__(self) -> str:
        return self.balance.token.symbol

    @property
    def value(self) -> Usd:
        """Rounded down."""
        return self.price.value_down(self.balance.raw)

    def moved(self, raw: int) -> Holding:
        """With so many base units more, or less."""
        return replace(self, balance=replace(self.balance, raw=self.balance.raw + raw))


@dataclass(frozen=True, slots=True)
class Books:
    """The holdings in the order of the module's policy."""

    holdings: tuple[Holding, ...]

    @property
    def worth(self) -> Usd:
        return Usd(sum(holding.value for holding in self.holdings))

    def after(self, changes: Sequence[Amount]) -> Books:
        """With signed changes of the wallet; a token that is not among them did not change."""
        moved = {change.token.address: change.raw for change in changes}
        return Books(tuple(h.moved(moved.get(h.asset.token, 0)) for h in self.holdings))

    def knows(self, swap: ModuleSwap) -> bool:
        """Whether the swap names two different places of the portfolio."""
        places = range(len(self.holdings))
        return swap.token_in in places and swap.token_out in places and swap.token_in != swap.token_out


@dataclass(frozen=True, slots=True)
class Step:
    """One swap in its place, with both tokens as the swaps before it leave them at their minimums.

    `worth` is the wallet's before the first.
    """

    number: int
    swap: ModuleSwap
    seller: Holding
    buyer: Holding
    worth: Usd
    limits: ModuleLimits

    def __str__(self) -> str:
        return f"swap {self.number}, {self.seller} for {self.buyer},"

    @property
    def sold(self) -> Usd:
        """Dollars of what is sold, rounded up."""
        return self.seller.price.value_up(self.swap.amount_in)

    @property
    def slack(self) -> Usd:
        """How far a token may pass its target."""
        return share_of(self.worth, self.limits.tolerance)

    @property
    def goal_in(self) -> Usd:
        """Where the sold token's value should be."""
        return share_of(self.worth, self.seller.target)

    @property
    def goal_out(self) -> Usd:
        """Where the bought token's value should be."""
        return share_of(self.worth, self.buyer.target)

    @property
    def floor(self) -> Amount:
        """The least that the module lets this swap ask for: the oracle's rate less the shortfall, rounded up."""
        return self.buyer.price.amount_up(Usd(mul_div_up(self.sold, PPM - self.limits.max_shortfall, PPM)))


def books_of(snapshot: Snapshot, wallet: ModuleWallet) -> Books:
    """The wallet as read. Every asset of the module is a token of the configuration: the reading saw to it."""
    listed = {balance.token.address: balance for balance in snapshot.balances}
    return Books(
        tuple(
            Holding(asset, target, listed[asset.token], snapshot.price(listed[asset.token].token))
            for asset, target in zip(wallet.policy.assets, wallet.state.targets, strict=True)
        )
    )


def steps(books: Books, limits: ModuleLimits, swaps: Sequence[ModuleSwap]) -> Iterator[Step | None]:
    """Each swap as the module sees it in its turn; None where its tokens are not two of the portfolio."""
    held, worth = list(books.holdings), books.worth
    for number, swap in enumerate(swaps, 1):
        if not books.knows(swap):
            yield None
            continue
        yield Step(number, swap, held[swap.token_in], held[swap.token_out], worth, limits)
        held[swap.token_in] = held[swap.token_in].moved(-swap.amount_in)
        held[swap.token_out] = held[swap.token_out].moved(swap.min_out)


def least_after(books: Books, swaps: Sequence[ModuleSwap]) -> Books:
    """What there must be of each token after the swaps. They all name tokens of the portfolio."""
    held = list(books.holdings)
    for swap in swaps:
        held[swap.token_in] = held[swap.token_in].moved(-swap.amount_in)
        held[swap.token_out] = held[swap.token_out].moved(swap.min_out)
    return Books(tuple(held))


def share_of(worth: Usd, share: Ppm) -> Usd:
    """So many millionths of the wallet, rounded down."""
    return Usd(mul_div_down(worth, share, PPM))


def breach(rule: str, observed: str, allowed: str) -> Breach:
    """Under the name that the contract reverts with."""
    return Breach(PREFIX + rule, observed, allowed)


def loss_left(wallet: ModuleWallet, read_at: int, at: int) -> Weight:
    """What may be lost in a block of time `at`, of a state that was read at `read_at`."""
    return _left(wallet, (wallet.state.loss_left, wallet.policy.limits.max_loss), read_at, at)


def turnover_left(wallet: ModuleWallet, read_at: int, at: int) -> Weight:
    """What may be traded in a block of time `at`, of a state that was read at `read_at`."""
    return _left(wallet, (wallet.state.turnover_left, wallet.policy.limits.max_turnover), read_at, at)


def seconds_until(wallet: ModuleWallet, least: Weight) -> int | None:
    """How long the meter of turnover takes to leave room for `least`; None where it never does."""
    missing, full = least - wallet.state.turnover_left, wallet.policy.limits.max_turnover * _WIDER
    return None if least > full else mul_div_up(max(missing, 0), wallet.policy.limits.window, full)


def _left(wallet: ModuleWallet, meter: tuple[Weight, Ppm], read_at: int, at: int) -> Weight:
    """A full meter is empty a window later; the module counts, and rounds, from its last rebalance."""
    left, full = meter[0], meter[1] * _WIDER
    if left >= full:
        return left
    leaked_then, leaked_now = (
        mul_div_down(full, time - wallet.state.last, wallet.policy.limits.window) for time in (read_at, at)
    )
    return Weight(min(full, left + leaked_now - leaked_then))
