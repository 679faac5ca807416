"""A study and the targets that it was played with in, what of it was taken otherwise than was asked out, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rebalancer.core.model import Contributions, Target
from rebalancer.core.model.estimation import Estimation, Method
from rebalancer.core.periods import DAY, last_update
from rebalancer.core.render import targets_words
from rebalancer.research.benchmarks import DCA, HOLD
from rebalancer.research.model import LEAST_FEE, Floats, Study
from rebalancer.research.prices.times import written
from rebalancer.research.sweep.words import free_words
from rebalancer.units import ONE, PPM, Weight


@dataclass(frozen=True, slots=True)
class Moves:
    """What became of targets that are estimated."""

    times: int
    """How often any of them changed."""
    last: tuple[Target, ...]
    why: str
    """Why they never did; empty: they did."""


def taken(study: Study, targets: Floats) -> tuple[str, ...]:
    """What the replay and the benchmarks take otherwise than was asked, for people to read. `targets`: weights at each
    time, of shape (times, assets)."""
    return tuple(_taken(study, moves_of(study, targets)))


def moves_of(study: Study, targets: Floats) -> Moves | None:
    """From the study's own targets on; None: they are not estimated."""
    if study.estimation is None:
        return None
    weights = {target.token.address: target.weight / ONE for target in study.targets}
    first = [weights[token.address] for token in study.policy.assets]
    changed = np.abs(np.diff(np.vstack([first, targets]), axis=0)) > 0.1 / PPM
    times = int(np.count_nonzero(changed.any(axis=1)))
    last = tuple(
        Target(token, Weight(round(share * PPM) * (ONE // PPM)))
        for token, share in zip(study.policy.assets, targets[-1].tolist(), strict=True)
    )
    return Moves(times, last, "" if times else _why_still(study, study.estimation))


def _taken(study: Study, moves: Moves | None) -> Iterator[str]:
    assets, fees = study.policy.assets, study.frictions.fee
    free = [t.symbol for t, fee in zip(assets, fees, strict=True) if fee < LEAST_FEE and t.address != study.hub.address]
    if free:
        yield free_words(f" ({', '.join(free)})")
    yield from _contributions(study)
    if moves is not None:
        yield _moved(study, moves)
        yield f"{HOLD} and {DCA} keep to the first targets, and do not follow those that are estimated"


def _contributions(study: Study) -> Iterator[str]:
    """No money comes or goes in a replay."""
    cash = study.policy.cash
    if cash is None:
        return
    match study.policy.contributions:
        case Contributions.ONLY:
            yield (
                "contributions: only buys with new money, and a backtest has none: nothing is sold, and nothing bought "
                f"but with the {cash} by which the fall of the others has brought it above its target. So it is hold, "
                "or next to it, and says nothing of what contributions would come to"
            )
        case Contributions.FIRST:
            yield (
                f"contributions: first is played without new money: none comes or goes, and {cash} moves first only "
                "where prices have taken it off its target"
            )
        case Contributions.IGNORE:
            return


def _moved(study: Study, moves: Moves) -> str:
    method = "" if study.estimation is None else study.estimation.method.value
    if moves.why:
        return f"targets: {method} never moved them, from {targets_words(study.targets)}: {moves.why}"
    often = "once" if moves.times == 1 else f"{moves.times:,} times"
    return f"targets: {method} moved them {often}, from {targets_words(study.targets)} to {targets_words(moves.last)}"


def _why_still(study: Study, asked: Estimation) -> str:
    first, last = int(study.prices.times[0]), int(study.prices.times[-1])
    if asked.step is not None and asked.step[1] > last:
        return f"they move from {written(asked.step[1])} on (targets.since), and the last price is of {written(last)}"
    due = last_update(asked.update, last)
    # Two thirds of the days at least, as the estimators have it.
    least, days = -(-2 * asked.lookback // 3), max(due - first, 0) // DAY
    if asked.method is not Method.EQUAL and days < least:
        return (
            f"the last update, of {written(due)}, has prices of {days} days behind it, expected at least {least} of "
            f"targets.lookback, {asked.lookback} d"
        )
    return (
        "no update came to other weights; none does where a midnight has no price, or a price stands still or moves "
        "more than threefold in a day"
    )
