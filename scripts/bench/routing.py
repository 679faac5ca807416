"""The joint optimum of whole rebalances on the true mainnet pools, against its bound, other planners and the chain.

Everything is in basis points of what has to be moved: the dollars at the oracle that are not where they are wanted.
Plans are compared at equal weights reached, by their value at the shadow prices of the joint optimum: a unit that is
missing or over counts what it costs to buy it, or brings, at the margin. All balances are the integers that the pools
pay. `gap_to_bound_bp`: what the best plan misses of a bound that no plan can beat, certified in eighty digits
(dual_bound.py). `weights_off_bp`: how far the weights reached are from those wanted, of the portfolio. A V2 pair keeps
its fee in its reserves, where it moves the price for the next swap: what several swaps share pays less than its one
curve, which the bound allows. Such portfolios stand apart as `gap_with_shared_v2_bp`; `gap_had_they_swapped_once_bp` is
what is left of it where all that went through such a pair had gone in one swap, which no single paths can do: that is
how much of it is the planner's.
`solve_ms` is all of joint_routes, imports excluded.
With --scale: solve times against the number of pools, on random V2 and V3 pools, beside published ones.
Exit 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from dual_bound import bound_up, shadow_prices, worth_of
from plan_on_chain import mismatches
from portfolios import SIZES, Portfolio, balances_of, draw_portfolio, freedom, oracle_of, read_states, to_move
from rival_planners import grid, pairwise, through_weth
from routing_scale import scale_figures

from rebalancer.market.joint import Freedom, JointRoutes, joint_routes
from rebalancer.market.pools import Pool, swap_exact_in
from rebalancer.market.routing import Hop
from rebalancer.market.swap import Swap
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import ONE, Address, Usd

ROOT = Path(__file__).resolve().parents[2]
STATES = "mainnet_pools.json"
EACH = 32
"""Portfolios of each size."""
ON_CHAIN = 8
"""Of each size, made on the replica."""
LIMIT = 8
"""Swaps that the module makes in one batch."""
GAS_USD = 20 * 2_700 * ONE // 10**9
"""Of a unit, at 20 gwei and 2,700 dollars: 6.50 dollars for a swap of 120,000."""
REPEATS = 3
"""Timed runs of each solve: the fastest counts, in time of the processor. What else a machine does is not ours."""
GAP_AT_10K, GAP_ABOVE, MOST_MS, MOST_MS_WITH_GAS = 0.05, 0.01, 5.0, 150.0
GAPS = "gap_to_bound_bp", "gap_with_shared_v2_bp"
RIVALS: dict[str, Callable[[Sequence[Pool], Portfolio], dict[Address, int]]] = {
    "gain_vs_pairwise_bp": pairwise,
    "gain_vs_5pct_grid_bp": grid,
    "gain_vs_weth_hub_bp": through_weth,
}


@dataclass(frozen=True, slots=True)
class Case:
    """One portfolio planned and judged; all in basis points of what has to be moved, but for `weights_off`, of all."""

    portfolio: Portfolio
    plan: JointRoutes
    gap: float
    gap_swapped_once: float
    weights_off: float
    gains: dict[str, float]
    limited: float | None
    shares_v2: bool


def judged(pools: Sequence[Pool], portfolio: Portfolio) -> Case:
    plan = planned(pools, portfolio, freedom(portfolio))
    assert plan is not None, f"no plan for {portfolio}"
    prices = shadow_prices(portfolio.prices(), plan.prices)
    after = after_routes(portfolio, plan)
    targets = worth_of_targets(portfolio, prices)
    worth = worth_of(after, prices)

    def bp(dollars: Decimal) -> float:
        return float(dollars / targets) / to_move(portfolio) * 10_000

    bound = bound_up(pools, portfolio.holdings, prices)
    eight = planned(pools, portfolio, freedom(portfolio, most_swaps=LIMIT))
    return Case(
        portfolio,
        plan,
        bp(bound - worth),
        bp(bound - worth - lost_to_sharing(plan, prices)),
        weights_off_bp(portfolio, after, worth / targets),
        {name: bp(worth - worth_of(rival(pools, portfolio), prices)) for name, rival in RIVALS.items()},
        None if eight is None else bp(worth - worth_of(after_routes(portfolio, eight), prices)),
        shares_v2(plan),
    )


def planned(pools: Sequence[Pool], portfolio: Portfolio, allowed: Freedom) -> JointRoutes | None:
    answer = joint_routes(pools, portfolio.holdings, allowed)
    return answer if isinstance(answer, JointRoutes) else None


def after_routes(portfolio: Portfolio, plan: JointRoutes) -> dict[Address, int]:
    balances = balances_of(portfolio)
    for quote in plan.routes:
        sold, bought = quote.route.hops[0].token_in.address, quote.route.hops[-1].token_out.address
        balances[sold] -= quote.amount_in
        balances[bought] = balances.get(bought, 0) + quote.amount_out
    assert min(balances.values()) >= 0, f"the plan sells more than there is: {balances}"
    return balances


def worth_of_targets(portfolio: Portfolio, prices: dict[Address, Decimal]) -> Decimal:
    """Of a dollar at the oracle in target proportions, at the shadow prices: nu.w of the bound."""
    multiples = (
        prices[holding.balance.token.address] * ONE * 10**holding.price.token.decimals / Decimal(holding.price.usd)
        for holding in portfolio.holdings
    )
    shares = (Decimal(holding.wanted) / ONE for holding in portfolio.holdings)
    return sum((share * multiple for share, multiple in zip(shares, multiples, strict=True)), Decimal(0))


def weights_off_bp(portfolio: Portfolio, after: dict[Address, int], value: Decimal) -> float:
    """The furthest of what is held from its share of the value."""
    off = (
        Decimal(holding.price.value_down(after[holding.balance.token.address])) - value * holding.wanted
        for holding in portfolio.holdings
    )
    return float(max(abs(dollars) for dollars in off) / ONE / value) * 10_000


def shares_v2(plan: JointRoutes) -> bool:
    """Whether several routes go through one V2 pair."""
    pairs = Counter(
        hop.pool.address for quote in plan.routes for hop in quote.route.hops if isinstance(hop.pool, V2Pool)
    )
    return any(count > 1 for count in pairs.values())


def lost_to_sharing(plan: JointRoutes, prices: dict[Address, Decimal]) -> Decimal:
    """What V2 pairs would have paid more, had all that several routes sold to one gone in one swap."""
    first: dict[tuple[Address, Address], V2Pool] = {}
    passed: dict[tuple[Address, Address], tuple[Hop, int, int]] = {}
    now: dict[Address, Pool] = {}
    for quote in plan.routes:
        for hop, after in zip(quote.route.hops, quote.pools_after, strict=True):
            before = now.get(after.address, hop.pool)
            now[after.address] = after
            if not isinstance(before, V2Pool) or not isinstance(after, V2Pool):
                continue
            way = after.address, hop.token_in.address
            first.setdefault(way, before)
            _, taken, given = passed.get(way, (hop, 0, 0))
            moved = after.reserve0 - before.reserve0, after.reserve1 - before.reserve1
            came, went = moved if hop.token_in.address == after.token0.address else moved[::-1]
            passed[way] = hop, taken + came, given - went
    lost = Decimal(0)
    for way, (hop, taken, given) in passed.items():
        once = swap_exact_in(first[way], hop.token_in, taken)
        assert isinstance(once, Swap), f"{taken} {hop.token_in} went through {way[0]} in parts"
        lost += prices[hop.token_out.address] * (once.amount_out - given)
    return lost


def by_size(cases: Iterable[Case], figure: Callable[[Case], float | None]) -> dict[str, dict[str, float]]:
    """Median, largest and least for each size."""
    found: dict[int, list[float]] = {}
    for case in cases:
        if (value := figure(case)) is not None:
            found.setdefault(case.portfolio.dollars, []).append(value)
    return {
        str(size): {
            "median": round(statistics.median(values), 4),
            "largest": round(max(values), 4),
            "least": round(min(values), 4),
            "cases": len(values),
        }
        for size, values in sorted(found.items())
    }


def timed_ms(pools: Sequence[Pool], portfolios: Sequence[Portfolio], gas_price: Usd, most_swaps: int) -> dict[str, Any]:
    """The whole of joint_routes, curves and exact simulation included: of the processor, and by the clock."""
    spent = []
    for portfolio in portfolios:
        allowed = freedom(portfolio, gas_price, most_swaps)
        spent.append(min(seconds(pools, portfolio, allowed) for _ in range(REPEATS)))
    busy, clock = ([run[which] * 1e3 for run in spent] for which in (0, 1))
    return {
        "median": round(statistics.median(busy), 2),
        "largest": round(max(busy), 2),
        "median_by_the_clock": round(statistics.median(clock), 2),
    }


def seconds(pools: Sequence[Pool], portfolio: Portfolio, allowed: Freedom) -> tuple[float, float]:
    """(of the processor, by the clock)."""
    began, started = time.process_time(), time.perf_counter()
    joint_routes(pools, portfolio.holdings, allowed)
    return time.process_time() - began, time.perf_counter() - started


def figures(states: Path, each: int, seed: int) -> dict[str, Any]:
    pools, dice = read_states(states), random.Random(seed)
    oracle = oracle_of(pools)
    portfolios = [draw_portfolio(oracle, size, dice) for _ in range(each) for size in SIZES]
    cases = [judged(pools, portfolio) for portfolio in portfolios]
    alone = [case for case in cases if not case.shares_v2]
    on_chain = [(case.portfolio, case.plan) for case in cases[: ON_CHAIN * len(SIZES)]]
    differ = list(mismatches(states, on_chain))
    return {
        "portfolios": len(cases),
        "gap_to_bound_bp": by_size(alone, lambda case: case.gap),
        "gap_with_shared_v2_bp": by_size((case for case in cases if case.shares_v2), lambda case: case.gap),
        "gap_had_they_swapped_once_bp": by_size(
            (case for case in cases if case.shares_v2), lambda case: case.gap_swapped_once
        ),
        "weights_off_bp": by_size(cases, lambda case: case.weights_off),
        "loss_from_8_swaps_bp": by_size(cases, lambda case: case.limited),
        "no_plan_of_8_swaps": sum(case.limited is None for case in cases),
        "swaps": dict(sorted(Counter(len(case.plan.routes) for case in cases).items())),
        **{name: by_size(cases, lambda case: case.gains[name]) for name in RIVALS},  # noqa: B023
        "solve_ms": timed_ms(pools, portfolios, Usd(0), 1_000),
        "solve_with_gas_ms": timed_ms(pools, portfolios, Usd(GAS_USD), LIMIT),
        "plan_equals_chain": not differ,
        "plans_on_chain": len(on_chain),
        "swaps_on_chain": sum(len(plan.routes) for _, plan in on_chain),
        "first_mismatches": differ[:5],
    }


def missed(found: dict[str, Any]) -> list[str]:
    """The targets that the figures miss."""
    gaps = [(size, row["largest"]) for size, row in found["gap_to_bound_bp"].items()]
    gaps_over = [f"gap_to_bound_bp at {s}: {g}" for s, g in gaps if g > (GAP_AT_10K if s == "10000" else GAP_ABOVE)]
    broken = [f"{name}: a plan beats its bound" for name in GAPS if any(r["least"] < 0 for r in found[name].values())]
    slow = [
        f"{name} {found[name]['median']}"
        for name, most in (("solve_ms", MOST_MS), ("solve_with_gas_ms", MOST_MS_WITH_GAS))
        if found[name]["median"] > most
    ]
    return [*gaps_over, *broken, *slow, *([] if found["plan_equals_chain"] else ["plan_equals_chain"])]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--scale", action="store_true", help="solve times against the number of random pools")
    parser.add_argument("--each", type=int, default=EACH, help="portfolios of each size")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    states = Path(os.environ.get("REBALANCER_DATA", ROOT / ".." / "shared" / "data")) / STATES
    if options.scale:
        found = scale_figures(options.seed)
    elif states.is_file():
        found = figures(states, options.each, options.seed)
        found["missed"] = missed(found)
    else:
        found = {"skipped": [f"true mainnet states: no {STATES} in REBALANCER_DATA"]}
    found |= {"seed": options.seed, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(found) if options.json else json.dumps(found, indent=2))
    return 1 if found.get("missed") else 0


if __name__ == "__main__":
    sys.exit(main())
