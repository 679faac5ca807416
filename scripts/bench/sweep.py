"""How fast the sweep's kernel is: against the leanest one that we can write, vectorbt and bt, where those are there.

10 assets, 1,826 days of a made-up market of a fixed seed, 1,000 configurations. Ratios are medians over pairs of runs
that follow each other, so that whatever else the machine does falls on both. Exit 1 where the kernel and the replay
differ by more than they may.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sweep_floor import run_floor
from sweep_rivals import rivals, timed

from rebalancer.core.model import Back, Policy, Target
from rebalancer.research.kernel.advance import advance
from rebalancer.research.kernel.lanes import Lanes, lanes_of, study_of
from rebalancer.research.kernel.outcomes import kept_of, outcomes, paths, runs_of
from rebalancer.research.kernel.tables import TRADES, VALUE
from rebalancer.research.model import Configuration, Frictions, Study
from rebalancer.research.prices.synthetic import make_market
from rebalancer.research.replay import run_replay
from rebalancer.research.study.policies import free_policy, token_of
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
            setup.append(timed(lambda: lanes_of(study, asked, (0, DAYS - 1))))
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
    took = timed(lambda: subprocess.run(asked, env=env, check=True, stdout=subprocess.DEVNULL, cwd=ROOT))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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
    days = np.concatenate([_traded(study, plain()[at : at + CHUNK]) for at in range(0, COUNT, CHUNK)], axis=1)
    found |= rivals(study.prices.usd, days, FEE / 1e6, (found["kernel_ms_median"] / 1e3, whole / 1e3))
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
