"""How fast the sweep's kernel is: against the leanest one that we can write, vectorbt and bt, where those are there.

10 assets, 1,826 days of a made-up market of a fixed seed, 1,000 configurations. Ratios are medians over pairs of runs
that follow each other, so that whatever else the machine does falls on both. Exit 1 where the kernel and the replay
differ by more than they may.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sweep_floor import run_floor

from rebalancer.core.model import Back, Policy, Target
from rebalancer.research.kernel import advance
from rebalancer.research.kernel_tables import TRADES, VALUE
from rebalancer.research.lanes import Lanes, lanes_of, study_of
from rebalancer.research.model import Frictions, Study
from rebalancer.research.outcomes import kept_of, outcomes, paths, runs_of
from rebalancer.research.policies import free_policy, token_of
from rebalancer.research.replay import run_replay
from rebalancer.research.sweep import Configuration
from rebalancer.research.synthetic import make_market
from rebalancer.units import ONE, Ppm, Token, Usd, Weight

ASSETS, DAYS, COUNT, SEED = 10, 1_826, 1_000, 1
FEE = Ppm(1_000)
DAY = 86_400
CHUNK = 128
MOST = 1e-6  # relative difference to the replay
HOLD = Configuration(None, None, Back.TARGET, None, None, None)
ROOT = Path(__file__).resolve().parents[2]
GRID = ("--band", "1 %,2 %,3 %,5 %,8 %", "--return-to", "target,half,edge", "--every", "1 d,7 d,30 d,90 d")


def make_study() -> Study:
    symbols = tuple("ABCDEFGHIJ")
    prices = make_market(SEED, DAYS, symbols)
    assets = tuple(token_of(symbol) for symbol in symbols)
    return Study(
        policy=policy_of(assets),
        targets=tuple(Target(token, Weight(ONE // ASSETS)) for token in assets),
        hub=token_of("USD"),
        prices=prices,
        frictions=Frictions((FEE,) * ASSETS, (None,) * ASSETS, np.full(DAYS, 20 * 10**9), np.full(DAYS, 2_000.0)),
        start=Usd(100_000 * ONE),
    )


def policy_of(assets: tuple[Token, ...]) -> Policy:
    """Dollars are what a trade passes through."""
    return replace(free_policy(assets), hubs=(token_of("USD"),))


def plain() -> list[Configuration]:
    """What the leanest kernel can do too: absolute bands, back to the targets."""
    return [replace(HOLD, band=Weight(int(band * ONE))) for band in np.linspace(0.02, 0.1, COUNT)]


def mixed() -> list[Configuration]:
    """Of everything that can be asked for."""
    bands = [Weight(int(band * ONE)) for band in np.linspace(0.01, 0.1, 37)]
    drawn = [replace(HOLD, band=band, back=back) for band in bands for back in Back]
    drawn += [replace(HOLD, relative=Weight(5 * band), back=back) for band in bands for back in Back]
    drawn += [replace(HOLD, band=band, back=back, every=7 * DAY) for band in bands[::4] for back in Back]
    drawn += [replace(HOLD, every=days * DAY) for days in (1, 7, 14, 30, 60, 90)]
    costs = [(fee, depth) for fee in (Ppm(500), Ppm(3_000)) for depth in (None, Usd(5_000_000 * ONE))]
    return [replace(one, fee=fee, depth=depth) for one in drawn for fee, depth in costs][:COUNT]


def once(lanes: Lanes, threads: ThreadPoolExecutor, *, measured: bool = False) -> float:
    """Seconds; the book is as it was afterwards, but for what it came to."""
    book, kept = lanes.book.copy(), kept_of(lanes, measured=measured)
    spans = [(at, min(at + CHUNK, end)) for start, end in runs_of(lanes) for at in range(start, end, CHUNK)]
    began = time.perf_counter()
    list(threads.map(lambda span: advance(lanes.shape, lanes.market, lanes.rules, book, kept, span), spans))
    took = time.perf_counter() - began
    lanes.book[:, len(lanes.shape) + VALUE :] = book[:, len(lanes.shape) + VALUE :]
    return took


def against_floor(study: Study, runs: int) -> dict[str, Any]:
    fresh = lanes_of(study, plain(), (0, DAYS - 1))
    bands = np.linspace(0.02, 0.1, COUNT)
    usd, target = np.ascontiguousarray(study.prices.usd), np.full(ASSETS, 1 / ASSETS)
    various = lanes_of(study, mixed(), (0, DAYS - 1))
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        asked, ours, lean, noted, others, setup = plain(), [], [], [], [], []
        for _ in range(runs + 1):
            setup.append(_timed(lambda: lanes_of(study, asked, (0, DAYS - 1))))
            ours.append(once(_renewed(fresh), threads))
            began = time.perf_counter()
            final, trades = run_floor(usd, target, bands, FEE / 1e6, threads)
            lean.append(time.perf_counter() - began)
            noted.append(once(_renewed(fresh), threads, measured=True))
            others.append(once(mixed_up := _renewed(various), threads))
        last = _renewed(fresh)
        once(last, threads)
    del ours[0], lean[0], noted[0], others[0], setup[0]  # compiled then
    n = len(fresh.shape)
    apart = np.abs(last.book[:, n + VALUE] / (study.start / ONE) / final - 1).max()
    return {
        "kernel_ms": 1e3 * min(ours),
        "kernel_ms_median": 1e3 * statistics.median(ours),
        "setup_ms": 1e3 * min(setup),
        "setup_ms_median": 1e3 * statistics.median(setup),
        "floor_ms": 1e3 * min(lean),
        "ratio_to_floor": statistics.median(a / b for a, b in zip(ours, lean, strict=True)),
        "ratio_to_floor_of_the_best": min(ours) / min(lean),
        "ratio_to_floor_with_setup": statistics.median((a + s) / b for a, s, b in zip(ours, setup, lean, strict=True)),
        "measured_ms": 1e3 * min(noted),
        "measured_ms_median": 1e3 * statistics.median(noted),
        "measured_ratio_to_floor": statistics.median(a / b for a, b in zip(noted, lean, strict=True)),
        "measured_ratio_to_floor_with_setup": statistics.median(
            (a + s) / b for a, s, b in zip(noted, setup, lean, strict=True)
        ),
        "mixed_ms": 1e3 * min(others),
        "mixed_rebalances": int(mixed_up.book[:, len(various.shape) + TRADES].sum()),
        "rebalances": int(trades.sum()),
        "floor_max_rel_diff": float(apart),
        "floor_same_trades": bool((last.book[:, n + TRADES] == trades).all()),
    }


def _renewed(lanes: Lanes) -> Lanes:
    return replace(lanes, book=lanes.book.copy())


def replay_difference(study: Study) -> float:
    """The greatest relative one of final values, over a year and four kinds of rule.

    With six assets, as a batch has room for their trades, and so much money that the smallest, a cent, is nothing.
    """
    count, days = 6, 365
    policy = policy_of(study.policy.assets[:count])
    shares = [Weight(ONE // 10 * tenths) for tenths in (2, 2, 2, 2, 1, 1)]
    part = replace(
        study,
        policy=policy,
        targets=tuple(Target(token, share) for token, share in zip(policy.assets, shares, strict=True)),
        prices=replace(
            study.prices,
            symbols=study.prices.symbols[:count],
            times=study.prices.times[:days],
            usd=study.prices.usd[:days, :count],
        ),
        frictions=Frictions(
            fee=(FEE,) * count,
            depth=(Usd(1_000_000_000 * ONE),) * count,
            gas_price=study.frictions.gas_price[:days],
            coin=study.frictions.coin[:days],
        ),
        start=Usd(10_000_000 * ONE),
    )
    bands = [replace(HOLD, band=Weight(3 * ONE // 100), back=back) for back in Back]
    found = outcomes(part, asked := [*bands, replace(HOLD, every=30 * DAY)], (0, days - 1))[0]
    replayed = [run_replay(study_of(part, one)) for one in asked]
    apart = (abs(a / float(b.units[-1] @ part.prices.usd[-1]) - 1) for a, b in zip(found, replayed, strict=True))
    return float(max(apart))


def cold(*, compiled: bool) -> tuple[float, float]:
    """Seconds of the whole command, by the clock and of processors, in a process of its own; the best of a few where it
    is compiled already."""
    with tempfile.TemporaryDirectory() as empty:
        env = dict(os.environ) | ({} if compiled else {"NUMBA_CACHE_DIR": empty})
        asked = [sys.executable, "-m", "rebalancer", "sweep", "--synthetic", str(SEED), *GRID, "--json"]
        return min(_run(asked, env) for _ in range(5 if compiled else 1))


def _run(asked: list[str], env: dict[str, str]) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = _timed(lambda: subprocess.run(asked, env=env, check=True, stdout=subprocess.DEVNULL, cwd=ROOT))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def rivals(study: Study, kernel: float, whole: float) -> dict[str, Any]:
    """By how much others are slower on as many configurations: than `kernel` seconds, and than the `whole` of it with
    tables and measures, which they do not make."""
    found: dict[str, Any] = {}
    for name, take in (("vectorbt", _by_vectorbt), ("bt", _by_bt)):
        if importlib.util.find_spec(name) is None:
            found |= {f"{name}_ratio": None, f"{name}_note": f"{name} is not installed here"}
            continue
        try:
            took, note = take(study)
            found |= {f"{name}_ratio": took / kernel, f"{name}_ratio_to_the_whole": took / whole, f"{name}_note": note}
        except (ImportError, ValueError) as error:  # vectorbt 1.0.0 with plotly 7, whose map traces have other names
            said = str(error).splitlines()[0]
            found |= {f"{name}_ratio": None, f"{name}_note": f"{name} does not run here: {said}"}
    return found


def _by_bt(study: Study) -> tuple[float, str]:
    """One configuration, a band of 5 %; it knows no way to work out many at once."""
    import bt
    import pandas

    usd = study.prices.usd
    names = [f"A{at}" for at in range(ASSETS)]
    data = pandas.DataFrame(usd, index=pandas.date_range("2020-01-01", periods=DAYS), columns=names)

    class Out(bt.Algo):  # type: ignore[misc]
        def __call__(self, target: Any) -> bool:
            held = np.array([target.children[name].weight if name in target.children else 0.0 for name in names])
            return bool((np.abs(held - 1 / ASSETS) > 0.05).any())

    def run() -> None:
        algos = [Out(), bt.algos.SelectAll(), bt.algos.WeighEqually(), bt.algos.Rebalance()]
        test = bt.Backtest(
            bt.Strategy("s", algos),
            data,
            initial_capital=1e5,
            commissions=lambda quantity, price: abs(quantity) * price * FEE / 1e6,
            integer_positions=False,
            progress_bar=False,
        )
        test.run()

    one = min(_timed(run) for _ in range(5))
    return COUNT * one, f"{1e3 * one:.1f} ms for one configuration, the best of 5, times {COUNT:,}"


def _by_vectorbt(study: Study) -> tuple[float, str]:
    """All configurations in one call, a group of columns that share cash for each: orders to target weights on the days
    on which our kernel trades. It cannot find these days itself that fast; handing them over is not counted."""
    import vectorbt
    from vectorbt.portfolio import nb
    from vectorbt.portfolio.enums import SizeType

    traded = np.concatenate([_traded(study, plain()[at : at + CHUNK]) for at in range(0, COUNT, CHUNK)], axis=1)
    sizes = np.where(np.repeat(traded, ASSETS, axis=1), 1 / ASSETS, np.nan)
    table = np.tile(study.prices.usd, (1, COUNT))
    groups, orders = np.repeat(np.arange(COUNT), ASSETS), int(traded.sum()) * ASSETS
    lengths, cash, fee = np.full(COUNT, ASSETS), np.full(COUNT, 1e5), FEE / 1e6

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
    bare, full = min(_timed(inner) for _ in range(5)), min(_timed(whole) for _ in range(4))
    note = (
        f"{full:.2f} s for all {COUNT:,} by Portfolio.from_orders, the best of 4, on {int(traded.sum()):,} known days; "
        f"{bare:.2f} s in its compiled loop alone, which returns orders and no value"
    )
    return full, note


def _traded(study: Study, asked: list[Configuration]) -> Any:
    """(days, configurations): whether each trades then; all buy at the first."""
    _, units = paths(study, asked, (0, DAYS - 1))
    changed = (units[1:] != units[:-1]).any(axis=2)
    return np.concatenate((np.ones((1, len(asked)), dtype=np.bool_), changed))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--runs", type=int, default=60, help="pairs of runs")
    asked = parser.parse_args()
    study = make_study()
    found: dict[str, Any] = {"assets": ASSETS, "days": DAYS, "configurations": COUNT, "seed": SEED}
    found |= against_floor(study, asked.runs)
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole = found["setup_ms_median"] + found["measured_ms_median"]
    found |= rivals(study, found["kernel_ms_median"] / 1e3, whole / 1e3)
    found["replay_max_rel_diff"] = replay_difference(study)
    found["cold_s"], found["cold_cpu_s"] = cold(compiled=True)
    found["cold_s_without_cache"], found["cold_cpu_s_without_cache"] = cold(compiled=False)
    if asked.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:28} {value}")
    return 0 if found["replay_max_rel_diff"] <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
