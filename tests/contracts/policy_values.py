"""The words of policy_model.py: what goes in, what comes out, and how it rounds. Integers only.

Dollars are integers at 1e18, shares are parts per million (PPM), meters count at 1e18, times are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

PPM = 10**6
ONE = 10**18
HALF = 2**128 - 1
"""Most that a balance, a price, or the worth of the wallet may be."""


class Refused(Exception):
    """A rule does not allow it."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def require(holds: bool, rule: str) -> None:
    if not holds:
        raise Refused(rule)


def div_up(a: int, b: int) -> int:
    return -(-a // b)


def price_of(*answers: tuple[int, int]) -> int:
    """The price of one token at 1e18, rounded down: the product of one or two (answer, decimals) of feeds."""
    product, scale = ONE, 1
    for answer, decimals in answers:
        product, scale = product * answer, scale * 10**decimals
    return product // scale


@dataclass(frozen=True, slots=True)
class Asset:
    """`least` and `most` in PPM of the wallet; the price band in dollars, both 0 for any price."""

    decimals: int
    least: int = 0
    most: int = PPM
    price_low: int = 0
    price_high: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """As the contract's struct of this name, less what concerns routes and the sequencer."""

    window: int
    max_turnover: int
    max_loss: int
    max_shortfall: int
    min_trade: int
    max_trade: int
    tolerance: int
    cooldown: int
    target_step: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    assets: tuple[Asset, ...]
    limits: Limits
    routes: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """A price is an integer, or the name of the rule (`answer`, `future`, `heartbeat`) by which its feed fails."""

    now: int
    prices: tuple[int | str, ...]
    sequencer: str = ""
    """`sequencer` or `grace`, where it is down or has just restarted."""


@dataclass(frozen=True, slots=True)
class Swap:
    token_in: int
    token_out: int
    amount_in: int
    min_out: int
    route: int = 0
    fault: str = ""
    """The rule of the path or the call that this swap breaks: `path`, `hub`, `hub_twice`, `call`, …"""


@dataclass(frozen=True, slots=True)
class Fill:
    """What a swap really took (less than nothing if the token came in) and brought."""

    spent: int
    received: int
    fault: str = ""
    """Of a built call `payment` or `execution`, of one that is brought `approve`, `execution` or `allowance_left`."""


@dataclass(frozen=True, slots=True)
class Order:
    sender: str
    swaps: tuple[Swap, ...]
    deadline: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Dollars, but for weights and drift: these are in PPM, rounded down."""

    nav: int
    weights: tuple[int, ...]
    drift: int
    loss_left: int
    turnover_left: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What one rebalance did: dollars, and the two shares that it added to the meters."""

    nav_before: int
    nav_after: int
    traded: int
    loss: int
    turnover: int


def distance(values: Sequence[int], targets: Sequence[int]) -> int:
    """The sum of all distances from the targets, in dollars."""
    nav = sum(values)
    return sum(abs(value - nav * target // PPM) for value, target in zip(values, targets, strict=True))


def full(share: int) -> int:
    """A share in PPM as a meter counts it."""
    return share * (ONE // PPM)
