"""What the owners asked for: triggers, bands, limits, targets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rebalancer.core.model.measured import Volatility
from rebalancer.core.model.schedule import Cadence
from rebalancer.units import Address, Bps, Token, Usd, Wei, Weight


@dataclass(frozen=True, slots=True)
class Width:
    """How far the weight of a token may wander from its target; the nearer of the two edges counts.

    `absolute` is a share of the portfolio (5 points), `relative` a share of the target (25 %).
    """

    token: Token
    absolute: Weight | None
    relative: Weight | None
    drawn_at: Weight | None = None
    """The volatility of a year that it is drawn for: with what is measured both edges widen and narrow. None: never."""


@dataclass(frozen=True, slots=True)
class Band:
    """When to act on a token, and how far to go back, both as distances from its target, on either side.

    A drift beyond `trigger` calls for a rebalance, which brings the weight to within `back`; 0 <= back <= trigger.
    """

    token: Token
    trigger: Weight
    back: Weight


class Back(Enum):
    """How far back into a drawn band a rebalance goes."""

    TARGET = "target"
    HALF = "half"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Drawn:
    """The owners draw the bands, and say how far back a rebalance goes."""

    widths: tuple[Width, ...]
    back: Back


@dataclass(frozen=True, slots=True)
class Optimal:
    """Both distances are computed at each tick, so that tracking, fees and gas together cost the least."""

    widest: tuple[Width, ...]
    """Triggers are never wider than these; a token without one has a limit of its own in `optimal_bands`."""


@dataclass(frozen=True, slots=True)
class Known:
    """The distances of this tick."""

    bands: tuple[Band, ...]


Bands = Drawn | Optimal | Known


@dataclass(frozen=True, slots=True)
class Calendar:
    """Act when the time has come since the last settled rebalance."""

    every: Cadence


@dataclass(frozen=True, slots=True)
class Threshold:
    """Act when a weight has left its band by at least min_trade in dollars."""

    bands: Bands


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Look when the time has come since the last settled rebalance, act if a weight has left its band."""

    every: Cadence
    bands: Bands


Trigger = Calendar | Threshold | Hybrid


@dataclass(frozen=True, slots=True)
class Delay:
    """What rises is not sold, and what falls is not bought, for a while: against the mean of daily prices."""

    average: int
    """Days."""
    most: int
    """Seconds from when the trigger first called for it; then it is done anyway."""


@dataclass(frozen=True, slots=True)
class RiskBudget:
    """What has fallen by more than `fall` from its highest daily price in so many days is not bought at all."""

    fall: Bps
    days: int


@dataclass(frozen=True, slots=True)
class Patience:
    """When a trade that is called for waits. None: never for that reason."""

    delay: Delay | None
    budget: RiskBudget | None


@dataclass(frozen=True, slots=True)
class Tracking:
    """What drift costs the owners, and how fast it comes: what `Optimal` weighs fees and gas against."""

    penalty: int
    """Lambda: a weight that is x off its target costs penalty * x^2 of the portfolio in a year. 1e18 to one."""
    volatilities: tuple[Volatility, ...]
    """As the owners give them. They go before what is measured."""
    named: bool = False
    """Whether the owners have named the penalty themselves: then a rebalance must save more than it costs."""


class Contributions(Enum):
    """What cash above its target, or below it, does to a rebalance."""

    ONLY = "only"
    """Above it buys the laggards, and nothing else is ever traded: no asset is sold, not even to fill cash up."""
    FIRST = "first"
    """Where that alone brings every weight inside its band, nothing else is traded."""
    IGNORE = "ignore"
    """It is one weight among others."""


@dataclass(frozen=True, slots=True)
class Window:
    """When trading is allowed, in UTC: days (0 is Monday) and [start, end) in seconds of the day.

    `end` before `start` runs over midnight and belongs to the day on which it started.
    """

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What no batch may cross. Each is a rule of `guard`, `cost` or `plan` of the same name."""

    min_trade: Usd
    """A trade below this is not worth its trouble and is left out."""
    max_trade: Bps
    """Most that one trade may move, as a share of the portfolio; the rest waits for a later tick."""
    max_slippage: Bps
    """Most that a swap may bring less than the oracle's value, and less than the plan expects: sets its floor."""
    max_impact: Bps
    """Most that our own trade may move the price we get, against the pool's mid price and fee."""
    max_pool_gap: Bps
    """Most that a pool's mid price may stand off the oracle's before nothing is believed."""
    max_cost: Bps
    """Most that fee, impact and gas together may cost, as a share of the value traded."""
    max_gas_price: Wei
    """Most that a unit of gas may cost."""
    tip: Wei
    """What the block's builder is offered per unit of gas."""
    min_operator_balance: Wei
    """Least native coin that the operator must hold, so that a batch never lacks gas."""
    deadline: int
    """Seconds after the snapshot's block at which a batch that is not mined is void."""
    max_block_age: int
    """Most seconds that the head may be old: a node further behind is not believed."""


@dataclass(frozen=True, slots=True)
class OverTime:
    """What the keeper may not cross over days, whatever each tick says.

    Each is a rule of `over_time` of the same name.
    """

    drawdown: Bps
    """Most that a dollar which was there may lose within `drawdown_window`.

    Deposits and withdrawals are no part of it.
    """
    drawdown_window: int
    """Seconds."""
    trades_per_day: int
    """Rebalances in 24 hours."""
    turnover_per_day: Bps
    """Of the portfolio, in 24 hours."""
    cost_per_month: Bps
    """Of the portfolio, in 30 days."""
    failures: int
    """Batches that may fail in a row."""
    ramp: Bps
    """Most of the portfolio that may have been traded in all before `ramp_days` have gone well."""
    ramp_days: int
    """0: no ramp."""
    refill_days: int
    """When the operator's coin lasts for fewer days at the usual use, a person is told."""


@dataclass(frozen=True, slots=True)
class Replacing:
    """What is done about a transaction that is not mined."""

    after: int
    """Seconds unmined, after which its fees are raised."""
    cancel: bool
    """Where they can be raised no more, or the batch is void: use its nonce up.

    Then it cannot happen any more, and cost its gas.
    """


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the decision rests on that does not come from the chain."""

    assets: tuple[Token, ...]
    """The portfolio, in the order of the file. Other known tokens are hubs or price sources only."""
    cash: Token | None
    """Takes what rounding and limits leave over; None: what is left over stays where it is."""
    hubs: tuple[Token, ...]
    contributions: Contributions
    """Without `cash` it has no effect."""
    trigger: Trigger
    tracking: Tracking
    window: Window | None
    limits: Limits
    over_time: OverTime
    replacing: Replacing
    apart: int | None = None
    """Least seconds between two rebalances that settle."""
    patience: Patience | None = None
    waits: frozenset[Address] = frozenset()
    """Tokens that a rebalance of this tick leaves where they are: `core.patience` says which, once a trigger calls."""


@dataclass(frozen=True, slots=True)
class Target:
    """The weight that a token should have. The targets of a tick sum to ONE."""

    token: Token
    weight: Weight
