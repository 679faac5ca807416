"""bt, from PyPI, on shared daily prices with fees: another program, which sizes its trades in its own way.

It takes the fee of a purchase on top, f of what is bought, where a pool keeps f of what goes in: that is the square of
the fee apart. Dollars are its cash.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from given_grids import every, threshold
from given_studies import study_of

from rebalancer.research.kernel.outcomes import paths
from rebalancer.research.model import Configuration

FILE = Path(os.environ.get("REBALANCER_DATA", "../shared/data")) / "daily_close_usd.csv"
FEE = 0.001
DIFFERENCE = 1e-4
WEIGHTS = np.array([0.16] * 5 + [0.2])
"""Dollars come last."""

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"{FILE} is not here; REBALANCER_DATA names its folder")


def closes() -> tuple[list[str], list[str], np.ndarray[Any, np.dtype[np.float64]]]:
    with FILE.open() as file:
        head, *rows = csv.reader(file)
    return head[1:], [row[0] for row in rows], np.array([[float(price) for price in row[1:]] for row in rows])


def by_bt(asked: Configuration) -> tuple[float, list[int]]:
    """(what a dollar becomes, when it traded). The first purchase is free: a study starts on target."""
    bt, pandas = pytest.importorskip("bt"), pytest.importorskip("pandas")
    symbols, days, usd = closes()
    data = pandas.DataFrame(usd, index=pandas.to_datetime(days), columns=symbols)
    traded: list[int] = []

    class When(bt.Algo):  # type: ignore[misc, name-defined]
        """At the first day, and whenever the rule calls for it."""

        def __call__(self, target: Any) -> bool:
            if target.now not in data.index:
                return False
            now = int(data.index.get_loc(target.now))
            held = np.array([target.children[name].weight if now else 0.0 for name in symbols])
            if now == 0 or calls(asked, now, traded, np.append(held, 1 - held.sum())):
                traded.append(now)
                return True
            return False

    algos = [
        When(),
        bt.algos.SelectAll(),
        bt.algos.WeighSpecified(**dict.fromkeys(symbols, WEIGHTS[0])),
        bt.algos.Rebalance(),
    ]
    test = bt.Backtest(
        bt.Strategy("s", algos),
        data,
        initial_capital=1e6,
        commissions=lambda quantity, price: abs(quantity) * price * FEE if len(traded) > 1 else 0.0,
        integer_positions=False,
        progress_bar=False,
    )
    test.run()
    return float(test.strategy.values.iloc[-1] / 1e6), traded[1:]


def calls(asked: Configuration, now: int, traded: list[int], held: np.ndarray[Any, np.dtype[np.float64]]) -> bool:
    if asked.every is None:
        return bool((np.abs(held - WEIGHTS) > (asked.band or 0) / 1e18).any())
    # The first is due at once.
    return len(traded) == 1 or now - traded[-1] >= int(str(asked.every)) // 86_400


def by_kernel(asked: Configuration) -> tuple[float, list[int]]:
    symbols, _, usd = closes()
    table = np.hstack([usd, np.ones((len(usd), 1))])
    study = study_of(table, (*symbols, "USD"), weights=list(WEIGHTS), fee=round(FEE * 1_000_000))
    values, units = paths(study, [asked], (0, len(table) - 1))
    changed = (units[1:, 0] != units[:-1, 0]).any(axis=1)
    return float(values[-1, 0] / values[0, 0]), [int(at) + 1 for at in np.flatnonzero(changed)]


@pytest.mark.parametrize("asked", [threshold(0.05), every(30)], ids=["5 points", "every 30 d"])
def test_kernel__on_shared_prices_with_fees__comes_to_what_bt_comes_to(asked: Configuration) -> None:
    (found, traded), (other, traded_there) = by_kernel(asked), by_bt(asked)
    assert len(traded) > 20 and traded == traded_there
    assert found == pytest.approx(other, rel=DIFFERENCE)
