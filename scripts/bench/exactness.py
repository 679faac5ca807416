"""Local swaps against the chain's own: random sizes, both directions, exact in and exact out, to the wei.

Runs on the replica with its own pools, with made-up extreme ones, and with true mainnet states where the data
folder is there. Exit 1 on a mismatch.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from chain_pools import read_pools
from stress_pools import write_stress_file
from swap_cases import Case, chain_calls, difference, simulate

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.market.pools import Pool
from rebalancer.market.swap import Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.replica.chain import Replica

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 100
LANES = 2  # requests under way at a time: one core simulates here while the other quotes there
BEYOND = 0.03  # share of the cases that go far beyond what the pool holds around its price
EMPTY = 1 << 64  # what stands for a depth of nothing
STATES = "mainnet_pools.json"
COMPARED_WITH = "QuoterV2 (amount, price after, ticks crossed); UniswapV2Pair.swap and SwapRouter02"


def draw(pool: Pool, dice: random.Random) -> Case:
    """A case whose size is log-uniform from one unit to beyond the pool's depth."""
    zero_for_one, exact_in = dice.random() < 0.5, dice.random() < 0.5
    match pool:
        case V2Pool():
            held = (pool.reserve0, pool.reserve1)
        case V3Pool():
            held = ((pool.liquidity << 96) // pool.sqrt_price_x96, pool.liquidity * pool.sqrt_price_x96 >> 96)
    reserve = held[0 if zero_for_one == exact_in else 1] or EMPTY
    low, high = (0, reserve.bit_length() + 1)
    if dice.random() < BEYOND:
        low, high = high, min(high + 80, 250)
    return Case(pool, zero_for_one, exact_in, max(1, int(2 ** dice.uniform(low, high))))


def compare(url: str, cases: Sequence[Case]) -> list[str]:
    """The differences found."""
    with ThreadPoolExecutor(LANES) as threads:
        lanes = [threads.submit(compare_lane, url, cases[lane::LANES]) for lane in range(LANES)]
        return [found for lane in lanes for found in lane.result()]


def compare_lane(url: str, cases: Sequence[Case]) -> list[str]:
    rpc = Rpc(url, timeout=300.0)
    chunks = (cases[at : at + CHUNK] for at in range(0, len(cases), CHUNK))
    found = [line for chunk in chunks for line in compare_chunk(rpc, chunk)]
    rpc.close()
    return found


def compare_chunk(rpc: Rpc, cases: Sequence[Case]) -> Iterator[str]:
    ours = [simulate(case) for case in cases]
    calls = [chain_calls(case, swap) for case, swap in zip(cases, ours, strict=True)]
    answers = iter(rpc.batch_answers([call for group in calls for call in group]))
    for case, swap, group in zip(cases, ours, calls, strict=True):
        differs = difference(case, swap, [next(answers) for _ in group])
        if differs is not None:
            yield f"{case}: {differs}"


def run(pools_file: Path | None, count: int, seed: int) -> tuple[dict[str, Any], list[str]]:
    """The figures of one source, and its differences."""
    started = time.perf_counter()
    with Replica.start(pools=pools_file) as replica:
        reader = Rpc(replica.url, timeout=300.0)
        pools = read_pools(reader, addresses_in(pools_file) if pools_file else None)
        reader.close()
        dice = random.Random(seed)
        cases = [draw(pools[number % len(pools)], dice) for number in range(count)]
        found = compare(replica.url, cases)
    seconds = time.perf_counter() - started
    return {**coverage(pools, cases), "mismatches": len(found), "seconds": round(seconds, 1)}, found


def coverage(pools: Sequence[Pool], cases: Sequence[Case]) -> dict[str, Any]:
    """What the cases reach, by our own answers, and how long one of these takes."""
    started = time.perf_counter()
    ours = [simulate(case) for case in cases]
    seconds = time.perf_counter() - started
    swaps = [swap for swap in ours if isinstance(swap, Swap)]
    return {
        "pools": len(pools),
        "cases": len(cases),
        "cases_v3": sum(isinstance(case.pool, V3Pool) for case in cases),
        "cases_v2": sum(isinstance(case.pool, V2Pool) for case in cases),
        "refused": len(ours) - len(swaps),
        "out_of_liquidity": sum(swap.unfilled > 0 for swap in swaps),
        "crossing_ticks": sum(swap.ticks_crossed > 0 for swap in swaps),
        "crossing_ten_or_more": sum(swap.ticks_crossed >= 10 for swap in swaps),
        "ticks_crossed": sum(swap.ticks_crossed for swap in swaps),
        "local_mean_us": round(seconds / max(len(cases), 1) * 1e6, 1),
    }


def addresses_in(pools_file: Path) -> set[str]:
    """The pools that the file is about: those that the replica adds are compared without it."""
    content = json.loads(pools_file.read_text())
    return {entry["address"].lower() for entry in (*content["uniswap_v3"], *content["uniswap_v2"])}


def sources(stress: Path) -> dict[str, Path | None]:
    """Where pool states come from: the replica's own, extreme ones, and a file of mainnet states if there is one."""
    folder = Path(os.environ.get("REBALANCER_DATA", ROOT / ".." / "shared" / "data"))
    states = folder / STATES
    if states.is_file():
        return {"replica": None, "stress": stress, "mainnet_states": states}
    return {"replica": None, "stress": stress}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--cases", type=int, default=24_000, help="swaps to compare, over all sources")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    rows: dict[str, Any] = {}
    found: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        stress = Path(folder) / "stress.json"
        write_stress_file(stress, options.seed)
        chosen = sources(stress)
        for name, states in chosen.items():
            rows[name], differences = run(states, -(-options.cases // len(chosen)), options.seed)
            found += differences
    skipped = [] if "mainnet_states" in rows else [f"true mainnet states: no {STATES} in REBALANCER_DATA"]
    report = {
        "cases": sum(row["cases"] for row in rows.values()),
        "mismatches": len(found),
        "compared_with": COMPARED_WITH,
        "sources": rows,
        "skipped": skipped,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
        "first_mismatches": found[:5],
    }
    print(json.dumps(report) if options.json else json.dumps(report, indent=2))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
