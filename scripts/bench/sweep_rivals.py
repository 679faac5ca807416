"""How fast vectorbt and bt are on what `bench/sweep.py` asks the kernel for, each used as it is fastest."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def rivals(usd: Any, days: Any, fee: float, ours: tuple[float, float]) -> dict[str, Any]:
    """By how much others are slower. `days` of shape (times, configurations): whether each trades then. `ours`: seconds
    for all of them, of the kernel, and of the whole with tables and measures, which others do not make."""
    found: dict[str, Any] = {}
    kernel, whole = ours
    for name, take in (("vectorbt", _by_vectorbt), ("bt", _by_bt)):
        if importlib.util.find_spec(name) is None:
            found |= {f"{name}_ratio": None, f"{name}_note": f"{name} is not installed here"}
            continue
        try:
            took, note = take(usd, days, fee)
            found |= {f"{name}_ratio": took / kernel, f"{name}_ratio_to_the_whole": took / whole, f"{name}_note": note}
        except (ImportError, ValueError) as error:  # vectorbt 1.0.0 with plotly 7, whose map traces have other names
            said = str(error).splitlines()[0]
            found |= {f"{name}_ratio": None, f"{name}_note": f"{name} does not run here: {said}"}
    return found


def _by_bt(usd: Any, days: Any, fee: float) -> tuple[float, str]:
    """One configuration, a band of 5 %; it knows no way to work out many at once."""
    import bt
    import pandas

    (times, assets), count = usd.shape, days.shape[1]
    names = [f"A{at}" for at in range(assets)]
    data = pandas.DataFrame(usd, index=pandas.date_range("2020-01-01", periods=times), columns=names)

    class Out(bt.Algo):  # type: ignore[misc]
        def __call__(self, target: Any) -> bool:
            held = np.array([target.children[name].weight if name in target.children else 0.0 for name in names])
            return bool((np.abs(held - 1 / assets) > 0.05).any())

    def run() -> None:
        algos = [Out(), bt.algos.SelectAll(), bt.algos.WeighEqually(), bt.algos.Rebalance()]
        test = bt.Backtest(
            bt.Strategy("s", algos),
            data,
            initial_capital=1e5,
            commissions=lambda quantity, price: abs(quantity) * price * fee,
            integer_positions=False,
            progress_bar=False,
        )
        test.run()

    one = min(timed(run) for _ in range(5))
    return count * one, f"{1e3 * one:.1f} ms for one configuration, the best of 5, times {count:,}"


def _by_vectorbt(usd: Any, days: Any, fee: float) -> tuple[float, str]:
    """All configurations in one call, a group of columns that share cash for each: orders to target weights on the days
    on which our kernel trades. It cannot find these days itself that fast; handing them over is not counted."""
    import vectorbt
    from vectorbt.portfolio import nb
    from vectorbt.portfolio.enums import SizeType

    assets, count = usd.shape[1], days.shape[1]
    sizes = np.where(np.repeat(days, assets, axis=1), 1 / assets, np.nan)
    table = np.tile(usd, (1, count))
    groups, orders = np.repeat(np.arange(count), assets), int(days.sum()) * assets
    lengths, cash = np.full(count, assets), np.full(count, 1e5)

    def whole() -> None:
        vectorbt.Portfolio.from_orders(
            table,
            sizes,
            size_type="targetpercent",
            fees=fee,
            init_cash=1e5,
            group_by=groups,
            cash_sharing=True,
            call_seq="auto",
            freq="1D",
            max_orders=orders,
        ).final_value()

    def inner() -> None:
        nb.simulate_from_orders_nb(
            table.shape,
            lengths,
            cash,
            nb.build_call_seq(table.shape, lengths),
            size=sizes,
            size_type=np.asarray(SizeType.TargetPercent),
            fees=np.asarray(fee),
            close=table,
            auto_call_seq=True,
            max_orders=orders,
        )

    inner()  # compiled then
    bare, full = min(timed(inner) for _ in range(5)), min(timed(whole) for _ in range(4))
    note = (
        f"{full:.2f} s for all {count:,} by Portfolio.from_orders, the best of 4, on {int(days.sum()):,} known days; "
        f"{bare:.2f} s in its compiled loop alone, which returns orders and no value"
    )
    return full, note


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
