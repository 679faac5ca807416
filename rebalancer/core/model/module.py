"""The policy of a RebalanceModule as the owners fixed it on-chain (contracts/mandate.vy), and what moves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from rebalancer.units import Address, Ppm, Usd, Weight

NOBODY = Address("0x0000000000000000000000000000000000000000")

# What contracts/mandate.vy holds at most, and asserts of a policy at deployment. Told nowhere else.
MOST_ASSETS, MOST_HUBS, MOST_ROUTES = 12, 4, 6
MOST_SWAPS = 8
"""In one rebalance."""
MOST_DATA = 4_096
"""Bytes of calldata from outside, of all swaps of a rebalance together."""
MOST_CHECKS = 10
"""Fields that one RouteCheck looks at."""
MOST_DECIMALS, MOST_FEED_DECIMALS = 27, 18
LONGEST_HEARTBEAT = 7 * 86_400
"""Margin included."""
SHORTEST_WINDOW, LONGEST_WINDOW = 3_600, 90 * 86_400
LONGEST_GRACE = 86_400
MOST_LOSS, MOST_SHORTFALL, MOST_TOLERANCE = Ppm(100_000), Ppm(50_000), Ppm(20_000)


@dataclass(frozen=True, slots=True)
class ModuleAsset:
    """One token of the portfolio, and how the module prices it.

    Heartbeats in seconds, margin included. `second_feed` is NOBODY where the price is one feed. `least` and `most`
    are the weights between which the owners want the token, the prices those between which the feeds are believed
    (both 0: any).
    """

    token: Address
    feed: Address
    heartbeat: int
    second_feed: Address
    second_heartbeat: int
    least: Ppm
    most: Ppm
    price_low: Usd
    price_high: Usd


@dataclass(frozen=True, slots=True)
class ModuleRoute:
    """A router. `checker` is NOBODY where the module builds the call of SwapRouter02 itself."""

    router: Address
    checker: Address


class CheckKind(IntEnum):
    """What a field of calldata from outside must be: contracts/RouteCheck.vy."""

    SAFE = 1
    TOKEN_IN = 2
    TOKEN_OUT = 3
    AMOUNT_IN = 4
    AT_LEAST_MIN_OUT = 5
    CONSTANT = 6


NEEDED_KINDS = tuple(kind for kind in CheckKind if kind is not CheckKind.CONSTANT)
"""Each must be some field's, or the calldata may do what the router can do with an old allowance."""


@dataclass(frozen=True, slots=True)
class FieldCheck:
    """`size` bytes of the calldata from byte `offset` on, its selector counted, read as a big-endian integer."""

    kind: CheckKind
    offset: int
    size: int
    pinned: int
    """What it must be, for CONSTANT."""


@dataclass(frozen=True, slots=True)
class Checker:
    """A RouteCheck, as it says itself: one function of a router, and what must stand in its calldata.

    `length`: bytes of the whole calldata, 0 for any.
    """

    address: Address
    selector: bytes
    length: int
    checks: tuple[FieldCheck, ...]

    @property
    def open_kinds(self) -> tuple[CheckKind, ...]:
        """What no field is checked to be, of all that one must be. Where there is any it is opaque."""
        seen = {check.kind for check in self.checks}
        return tuple(kind for kind in NEEDED_KINDS if kind not in seen)


@dataclass(frozen=True, slots=True)
class ModuleLimits:
    """What no key of a server can cross. Seconds, shares of the wallet, and dollars, as the fields say."""

    window: int
    """Seconds over which the meters of loss, turnover and target moves empty from full."""
    max_turnover: Ppm
    """Most that may be traded over a window."""
    max_loss: Ppm
    """Most that the wallet may lose over a window at oracle prices."""
    max_shortfall: Ppm
    """Most that one swap may bring less than the oracle says."""
    min_trade: Usd
    max_trade: Ppm
    tolerance: Ppm
    """How far a swap may pass a target."""
    cooldown: int
    """Seconds between two rebalances."""
    target_step: Ppm
    """How far the operator may move the targets over a window: half the sum of all moves. 0: not at all."""
    allow_opaque: bool
    """Whether a checker may leave the receiver, a token, the amount or the router's own minimum unchecked."""
    sequencer: Address
    """Of a rollup: the feed that tells whether its sequencer is up. NOBODY elsewhere."""
    grace: int
    """Seconds to wait after the sequencer's restart."""


@dataclass(frozen=True, slots=True)
class ModulePolicy:
    """All that was fixed at deployment."""

    safe: Address
    assets: tuple[ModuleAsset, ...]
    hubs: tuple[Address, ...]
    routes: tuple[ModuleRoute, ...]
    limits: ModuleLimits


@dataclass(frozen=True, slots=True)
class ModuleState:
    """All that moves. `last` is the time of the last rebalance, 0 before the first."""

    operator: Address
    guardian: Address
    paused: bool
    nonce: int
    last: int
    targets: tuple[Ppm, ...]
    """In the order of the policy's assets."""
    loss_left: Weight
    turnover_left: Weight
    step_left: Weight


@dataclass(frozen=True, slots=True)
class ModuleSwap:
    """One swap as the module takes it: places in the policy's lists, base units, and the path in one word."""

    route: int
    token_in: int
    token_out: int
    amount_in: int
    min_out: int
    path: int


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """What a rebalance is asked for. `data`: the calldata of all swaps over routes with a checker, one after the other.

    The path of such a swap is where its own lies in there: start << 16 | length.
    """

    swaps: tuple[ModuleSwap, ...]
    data: bytes = b""
