"""An estimate in, words for people out: what holds, from where it came, and why it is not what the method says."""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.model.estimation import Estimate, Estimation
from rebalancer.core.render import duration, percent
from rebalancer.units import ONE, PPM, Ppm, Weight

TARGETS_HEAD = ("token", "target", "estimate", "before", "start", "bounds")


def target_rows(estimation: Estimation, found: Estimate) -> tuple[tuple[str, ...], ...]:
    """One row for each asset under TARGETS_HEAD."""
    wanted = found.wanted or (None,) * len(found.weights)
    rows = zip(estimation.bounds, found.weights, wanted, found.before, estimation.start, strict=True)
    return tuple(
        (
            bound.token.symbol,
            _share(weight),
            "none" if want is None else _share(want),
            _share(before),
            _share(start),
            "kept" if bound.least == bound.most else f"{_share(bound.least)} - {_share(bound.most)}",
        )
        for bound, weight, want, before, start in rows
    )


def estimate_words(
    estimation: Estimation, found: Estimate, times: tuple[int, int], failed: tuple[str, int] | None
) -> Iterator[str]:
    """`times`: now, and of the next update. `failed`: why the newest one is still to come, or is without figures, and
    when the chain is asked for it again.
    """
    now, following = times
    if found.samples:
        yield (
            f"estimated as of {duration(now - found.at)} ago, from {found.samples} returns of the "
            f"{estimation.lookback} days before"
        )
    if estimation.step is not None and found.wanted not in (None, found.weights):
        yield f"the estimate is further than a step of {_share(estimation.step[0])}, or its bounds: the rest follows"
    for bound, weight in zip(estimation.bounds, found.weights, strict=True):
        if 2 * weight > PPM > bound.least and bound.most == PPM and found.wanted is not None:
            yield (
                f"{bound.token} has {_share(weight)} of all: by risk, what hardly moves weighs the most; a `range`, or "
                "`targets.keep`, bounds it"
            )
    if failed is not None:
        why, again = failed
        yield f"the targets before hold: {why}"
        yield f"the chain is asked again in {duration(again - now)}"
        return
    if found.why is not None:
        yield f"the targets before hold: {found.why}"
    yield f"estimated anew in {duration(following - now)}"


def _share(ppm: Ppm) -> str:
    return percent(Weight(ppm * ONE // PPM))
