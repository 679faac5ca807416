"""The section about targets that are estimated. A part of `schema`, in a file of its own."""

from __future__ import annotations

from typing import Final, Literal

from rebalancer.config.schema import Section
from rebalancer.config.values import Lookback, PpmLimit, Since, Symbol, UpdateTime
from rebalancer.core.model.estimation import EveryMonths

FIXED: Final = "fixed"


class TargetsSection(Section):
    """A token's `target` is where it starts, and what holds until there is history enough."""

    method: Literal["fixed", "equal", "inverse_volatility", "equal_risk", "minimum_variance", "maximum_sharpe"] = FIXED
    """What the owners write is what everybody expects, and no estimate of it can be wrong."""
    lookback: Lookback | None = None
    """None: 90 d, which gives a deviation to a thirteenth and is recent; of `maximum_sharpe` a year, since a mean is
    known far worse."""
    update: UpdateTime = EveryMonths(1)
    """Of 90 days a third is new then; more often moves the weights by noise, and each move is traded."""
    step: PpmLimit | None = None
    """The most that a target may move at one update; None: any distance."""
    since: Since | None = None
    """With `step`: the day from which the targets move, beginning at each token's `target`."""
    keep: list[Symbol] | None = None
    """Tokens that keep their `target`, the others share the rest; None: `cash`, since whatever weighs by risk would put
    all into what hardly moves."""
