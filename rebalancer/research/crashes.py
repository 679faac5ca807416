"""Returns and weights in; how assets went together on the worst days, and how they would have by constancy alone, out.

On chosen days correlation differs by the choice alone (Boyer, Gibson and Loretan 1999), all the more where tails are
fat. So it is held against days as long as these were, one by one, with one correlation throughout: x = r A u, an
elliptical law (Cambanis, Huang and Simons 1981), with A A' the covariance of all days, r a day's own length under it,
(x' C^-1 x)^1/2, and u drawn anew, evenly over the sphere. As lengths are kept, neither fat tails nor times that are
wild and calm by turns look like another correlation. What is above the 190th of 199 such pasts comes by chance once
in twenty times (a Monte Carlo test: Davison and Hinkley 1997, section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rebalancer.research.model import Floats

WORST = 0.1
"""The share of days that counts as crashes: those on which the assets together fell the most."""
LEAST_WORST = 10
"""Days among them, below which nothing is said of them."""
_DRAWS, _MOST = 199, 190
_SEED = 1
"""The same prices, the same words."""
_NOTHING = 1e-9
"""Of the largest deviation of a mixture of assets: what is left of one that another is the same as."""


@dataclass(frozen=True, slots=True)
class Crashes:
    """Correlations on the worst days, and there if they were the same on all days; of shape (assets, assets)."""

    days: int
    matrix: Floats
    if_constant: Floats
    """In the mean of what was drawn."""
    mean: float
    """Of all pairs, as the next two."""
    mean_if_constant: float
    most_if_constant: float
    """More than this comes by chance once in twenty times."""

    @property
    def more(self) -> bool:
        """Whether assets went together more on the worst days than chance and the length of those days account for."""
        return self.mean > self.most_if_constant


def crashes_of(returns: Floats, shares: Floats) -> Crashes | None:
    """`returns` of shape (days, assets), of which each moves; `shares` of the assets. None: the worst are too few."""
    whole = returns @ shares
    count = int(np.count_nonzero(whole <= np.quantile(whole, WORST)))
    if count < LEAST_WORST:
        return None
    matrix = _on_the_worst(returns, shares, count)
    drawn = _if_constant(returns, shares, count)
    means = np.sort([mean_of_pairs(one) for one in drawn])
    return Crashes(
        days=count,
        matrix=matrix,
        if_constant=drawn.mean(axis=0),
        mean=mean_of_pairs(matrix),
        mean_if_constant=float(means.mean()),
        most_if_constant=float(means[_MOST - 1]),
    )


def mean_of_pairs(matrix: Floats) -> float:
    """Of a symmetric matrix, beside its diagonal."""
    return float(matrix[np.triu_indices(len(matrix), 1)].mean())


def _on_the_worst(returns: Floats, shares: Floats, count: int) -> Floats:
    """What stands still on them goes with nothing."""
    worst = np.argpartition(returns @ shares, count - 1)[:count]
    covariance = np.cov(returns[worst], rowvar=False)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    return np.divide(covariance, scale, out=np.eye(len(scale)), where=scale > 0)


def _if_constant(returns: Floats, shares: Floats, count: int) -> Floats:
    """Correlations on the worst days of each past that was drawn, of shape (draws, assets, assets)."""
    places, deviations, mixtures = np.linalg.svd(returns - returns.mean(axis=0), full_matrices=False)
    real = deviations > _NOTHING * deviations[0]
    lengths = np.linalg.norm(places[:, real], axis=1)
    root = deviations[real, np.newaxis] * mixtures[real]
    dice = np.random.default_rng(_SEED)
    found = np.empty((_DRAWS, returns.shape[1], returns.shape[1]))
    for place in range(_DRAWS):
        ways = dice.standard_normal((len(returns), len(root)))
        ways *= (lengths / np.linalg.norm(ways, axis=1))[:, np.newaxis]
        found[place] = _on_the_worst(ways @ root, shares, count)
    return found
