"""How many live ticks a second a replay makes: where they all hold, and where one in twenty trades.

Six assets against a dollar, made-up prices. One process; the median of several runs, because a machine that does other
things as well only ever makes a run slower. `history_share` is what playing the ports takes of a tick that holds, the
rest is the tick itself. Exit 1 where a tick trades that should hold, or the other way round.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter, process_time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from rebalancer.core.model import Target, TickRecord
from rebalancer.core.over_time import horizon_of
from rebalancer.research.model import DOLLAR, Floats, Frictions, Prices, Study
from rebalancer.research.ports.scene import scene_of
from rebalancer.research.replay import run_replay
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.policies import free_policy, token_of
from rebalancer.research.study.triggers import trigger_from
from rebalancer.units import ONE, Ppm, Usd, Weight

SYMBOLS = ("BTC", "ETH", "LINK", "UNI", "AAVE", DOLLAR)
FIRST = (30_000.0, 2_000.0, 15.0, 8.0, 90.0, 1.0)
WEIGHTS = (25, 25, 15, 10, 5, 20)
DAY = 86_400
START = 1_577_836_800
EVERY = 20
"""Of so many ticks one trades."""
JUMP = 1.5


def quiet_market(ticks: int, seed: int) -> Floats:
    """Prices that shake by a per cent around where they were, and never leave a band of five points."""
    shakes = np.random.default_rng(seed).normal(0, 0.01, (ticks, len(FIRST)))
    shakes[:, -1] = 0
    return np.round(np.array(FIRST) * np.exp(shakes), 6)


def jumpy_market(ticks: int, seed: int) -> Floats:
    """The same, and at one time in twenty the first price is half as high again, or as before."""
    prices = quiet_market(ticks, seed)
    high = (np.arange(ticks) // EVERY) % 2 == 1
    prices[high, 0] = np.round(prices[high, 0] * JUMP, 6)
    return prices


def study_of(usd: Floats) -> Study:
    """Bands of five points around unequal weights, back to the target; 0.3 %, 20 gwei."""
    assets = tuple(token_of(symbol) for symbol in SYMBOLS)
    trigger = trigger_from(Flags(band="5 %"), assets)
    policy = replace(free_policy(assets), trigger=trigger, hubs=(assets[-1],))
    count = len(usd)
    return Study(
        policy=policy,
        targets=tuple(Target(t, Weight(w * ONE // 100)) for t, w in zip(assets, WEIGHTS, strict=True)),
        hub=assets[-1],
        prices=Prices(SYMBOLS, START + DAY * np.arange(count, dtype=np.int64), usd),
        frictions=Frictions(
            (Ppm(3_000),) * len(assets),
            (None,) * len(assets),
            np.full(count, 20 * 10**9, dtype=np.int64),
            usd[:, 1].copy(),
        ),
        start=Usd(100_000 * ONE),
    )


@dataclass(frozen=True)
class Pace:
    """Ticks a second of replays of one study, each from its prices to its backtest."""

    middle: float
    best: float
    of_cpu: float
    """Of a second of the processor's, the median."""
    trades: int


def pace_of(study: Study, runs: int) -> Pace:
    walls, cpus, trades = [], [], 0
    for _ in range(runs):
        began, spent = perf_counter(), process_time()
        trades = len(run_replay(study).trades)
        walls.append(len(study.prices.times) / (perf_counter() - began))
        cpus.append(len(study.prices.times) / (process_time() - spent))
    return Pace(median(walls), max(walls), median(cpus), trades)


def seconds_of_history(study: Study) -> float:
    """What the ports take of a tick that holds: making the timeline, reading the chain, and the ledger's rows."""
    began = process_time()
    scene = scene_of(study)
    for place in range(len(study.prices.times)):
        scene.chain.turn(place)
        snapshot = scene.chain.read()
        now = scene.chain.now()
        scene.ledger.read(horizon_of(now, study.policy.over_time))
        held = tuple((amount.token.address, amount.raw) for amount in scene.chain.balances)
        row = TickRecord(now, snapshot.block.number, "held", "", study.start, None, None, 0, 10**9, held)
        scene.ledger.record_tick(row)
    return (process_time() - began) / len(study.prices.times)


def middle(measure: Callable[[], float], runs: int) -> float:
    return median(measure() for _ in range(runs))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    quiet, jumpy = (study_of(make(given.ticks, given.seed)) for make in (quiet_market, jumpy_market))
    run_replay(study_of(jumpy_market(2 * EVERY, given.seed)))  # the planner's imports are no part of it
    hold, trade = pace_of(quiet, given.runs), pace_of(jumpy, max(given.runs // 3, 1))
    history = middle(lambda: seconds_of_history(quiet), given.runs)
    expected = (given.ticks - 1) // EVERY
    found = {
        "assets": len(SYMBOLS),
        "ticks": given.ticks,
        "runs": given.runs,
        "ticks_per_s": round(hold.middle),
        "ticks_per_s_best": round(hold.best),
        "ticks_per_cpu_s": round(hold.of_cpu),
        "tick_us": round(1e6 / hold.middle, 1),
        "history_us": round(1e6 * history, 1),
        "history_share": round(history * hold.of_cpu, 2),
        "trading_share": trade.trades / given.ticks,
        "trading_ticks_per_s": round(trade.middle),
        "trading_ticks_per_s_best": round(trade.best),
        "trade_ms": round(1e3 * given.ticks * (1 / trade.middle - 1 / hold.middle) / max(trade.trades, 1), 2),
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(found) if given.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    wrong = hold.trades != 0 or trade.trades != expected
    if wrong:
        words = f"traded {hold.trades} times where all should hold, and {trade.trades} times where {expected} should"
        print(words, file=sys.stderr)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
