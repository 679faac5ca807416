"""A study and what came of it in, what the result does not show, out: the sentences that stand beside every figure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rebalancer.research.measures import Measures
from rebalancer.research.model import Study
from rebalancer.research.sweep.words import growth_words


@dataclass(frozen=True, slots=True)
class Caveat:
    """What is not shown in a few words, and why that matters."""

    what: str
    why: str


_ALWAYS = (
    Caveat(
        "The tokens that died.",
        "Whoever chooses today chooses among survivors; a portfolio chosen at the first day held some that went to "
        "nothing, and a rebalance buys them all the way down.",
    ),
    Caveat(
        "What happens between two prices.",
        "It trades at the price that made it decide, at once, and sees no other: a crash that is over by the next "
        "price never happened. Feeds lag and round; here they do neither.",
    ),
    Caveat(
        "Those who trade against you.",
        "No front-running, no failed transaction, no venue that is down, no gas spike in the hour in which everybody "
        "trades.",
    ),
    Caveat(
        "The peg.",
        "Dollars are worth one dollar at all times, and earn nothing.",
    ),
    Caveat(
        "Your tax.",
        "Lots and two rates by calendar year, losses set off and carried on; no brackets, allowances or wash sales, "
        "and the tax is paid from elsewhere. It is no advice.",
    ),
)
_NO_DEPTH = Caveat(
    "What your own size costs.",
    "No depth was given, so that trades move no price. With --pools or --depth they do.",
)
_DEPTH = Caveat(
    "Pools when they are thin.",
    "Each pool is as deep at all times as was given, and full again by the next price. In a crash liquidity leaves "
    "first.",
)
_MADE_UP = Caveat(
    "Any market.",
    "These prices were drawn from a formula. What does well on them has shown that its arithmetic is right, and no "
    "more.",
)


def caveats(study: Study, ours: Measures, synthetic: bool) -> tuple[Caveat, ...]:
    """The most important first."""
    deep = all(depth is None for depth in study.frictions.depth)
    return (
        *((_MADE_UP,) if synthetic else ()),
        _one_path(ours),
        *((bonus,) if (bonus := _bonus(ours)) is not None else ()),
        _NO_DEPTH if deep else _DEPTH,
        *_ALWAYS,
    )


def sharpe_error(years: float) -> float:
    """One standard error of an annual Sharpe ratio S, for even and independent returns: sqrt((1 + S^2/(2 q))/years)
    with q samples a year (Lo, 2002). With daily samples the term with q is next to nothing, and left out."""
    return 1 / math.sqrt(years)


def _one_path(ours: Measures) -> Caveat:
    known = ""
    if ours.sharpe is not None:
        error = sharpe_error(ours.years)
        known = f" By the length alone a Sharpe ratio of {ours.sharpe:.2f} is known to about ± {error:.2f}."
    return Caveat(
        "Any other past, or the future.",
        f"This is one path of {ours.years:.1f} years, and they come once.{known} Whoever tries many rules on it finds "
        "one that did well by luck: see `rebalancer sweep` for what is left out of sample.",
    )


def _bonus(ours: Measures) -> Caveat | None:
    """Whether the difference to holding can be told from nothing."""
    if ours.bonus is None or not ours.bonus_error:
        return None
    points, error = f"{100 * ours.bonus:+.1f}", f"{100 * ours.bonus_error:.1f}"
    figure = f"{points} points {growth_words(ours.years)}, ± {error} (one standard error)"
    if abs(ours.bonus) < 2 * ours.bonus_error:
        return Caveat(
            "That rebalancing pays, or does not.",
            f"Against hold it made {figure}: that cannot be told from nothing. What it does show is what it cost, and "
            "how near the weights stayed to their targets.",
        )
    return Caveat("Why it differs from hold.", f"{figure}. It rests on how these tokens ended, against each other.")
