"""Backtests made by hand: few samples, round figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rebalancer.research.model import Backtest, Prices, Traded

DAY = 86_400
YEAR = 365 * DAY
START = 1_577_836_800
"""2020-01-01, 00:00 UTC."""


def made(
    usd: Sequence[Sequence[float]],
    units: Sequence[Sequence[float]],
    *,
    trades: Sequence[Traded] = (),
    days: Sequence[float] | None = None,
    symbols: Sequence[str] | None = None,
) -> Backtest:
    """Equal targets, and samples a day apart."""
    prices = np.array(usd, dtype=np.float64)
    count = prices.shape[1]
    after = np.array(range(len(prices)) if days is None else days, dtype=np.float64)
    return Backtest(
        name="made",
        prices=Prices(
            tuple(symbols or [f"T{place}" for place in range(count)]),
            (START + after * DAY).astype(np.int64),
            prices,
        ),
        targets=np.full(prices.shape, 1 / count),
        units=np.array(units, dtype=np.float64),
        trades=tuple(trades),
    )


def worth(*values: float, days: Sequence[float] | None = None, gas: Sequence[tuple[int, float]] = ()) -> Backtest:
    """One unit of one token, at these prices; gas as (place, dollars)."""
    trades = [traded(at, (0.0,), gas=dollars) for at, dollars in gas]
    return made([[value] for value in values], [[1.0]] * len(values), trades=trades, days=days)


def traded(at: int, changes: Sequence[float], sold: float = 0.0, why: str = "asked", **costs: float) -> Traded:
    """`costs`: fee, impact and gas, where there are any."""
    paid = {kind: costs.get(kind, 0.0) for kind in ("fee", "impact", "gas")}
    return Traded(at, tuple(changes), sold, why=why, **paid)
