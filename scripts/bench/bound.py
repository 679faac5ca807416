"""What a thief with the operator's key can take through the policy, against the bound that is published.

Random policies and wallets, each attacked by each strategy of thief.py on the executable model of the contract. With
T the turnover, s the shortfall of a swap and L the loss that a window allows, and b the worst mispricing of a pair of
listed tokens, max of (true_i / true_j) / (feed_i / feed_j) - 1, at the moments of the acts:

    bound = min(L, s*T) + b*T        theft in any span of time <= bound * (1 + span / window)

Theft is the sum, over the acts in the span, of what left the wallet at true prices as a share of what the wallet was
worth at true prices right before the act. `max_theft_over_bound` is the worst ratio of the two sides over all spans
of all paths: at a span of no time it asks for one bound in one go, at one window for two, at n windows for n + 1.
`over_charged_wei_usd` compares each single act with what it was charged, loss + b*turnover, in 1e-18 dollars: values
are rounded down to those, so that an act may hide one for each token, and so much is taken off a theft first.
Then the other side: how often limits refuse an honest rebalance (honest.py), where the data folder is there.
Exit 1 where the bound does not hold, or where the thief is too tame to say so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from honest import bound, late_share, missing, read_rounds, read_ticks, replay, report, round_moves
from lucky_world import DAY, EXACT, START, Act, World
from policy_model import ONE, PPM, Account, Asset, Limits, Policy
from thief import STRATEGIES, Attack, attack

ROOT = Path(__file__).resolve().parents[2]
FINE = 10**9
"""Ratios are integers at this, rounded up, until they are printed."""
TAME = 0.7
"""A thief who does not come this near to the bound proves nothing."""
MOST_ASSETS = 12
OFF = ONE * 75 // 10_000
"""Feeds that are 75 bp off: what the limits are compared at."""
SUGGESTED = Limits(
    window=DAY,
    max_turnover=300_000,
    max_loss=1_500,
    max_shortfall=10_000,
    min_trade=50 * ONE,
    max_trade=300_000,
    tolerance=2_500,
    cooldown=600,
)
CANDIDATES = {
    "suggested": SUGGESTED,
    "shortfall_half": replace(SUGGESTED, max_shortfall=5_000, max_loss=5_000),
    "turnover_15": replace(SUGGESTED, max_loss=1_000, max_turnover=150_000),
}
"""The second has the same bound as the first: there the floor of each swap is what binds, and not the meter of loss."""
CHURN = ("churn_in_a_still_market", "churn_inside_the_tolerance")
GIVEN = ONE // 1000
"""The drift, as a share of the wallet, that the thief has in a still market."""


def ratios(acts: Sequence[Act], limits: Limits) -> tuple[int, int, int]:
    """The worst over all spans of the path: theft over bound * (1 + span / window); over bound within a window; over
    bound in one act. All at FINE, rounded up."""
    law, sliding, one_go = 0, 0, 0
    shares = [-(-(act.taken - act.unseen) * ONE * ONE // act.worth) for act in acts]
    for i, first in enumerate(acts):
        stolen, off = 0, 0
        for share, act in zip(shares[i:], acts[i:], strict=True):
            stolen, off = stolen + share, max(off, act.off)
            whole, span = bound(limits, off) * ONE, act.at - first.at
            law = max(law, -(-stolen * limits.window * FINE // (whole * (limits.window + span))))
            if span <= limits.window:
                sliding = max(sliding, -(-stolen * FINE // whole))
            if act is first:
                one_go = max(one_go, -(-stolen * FINE // whole))
    return law, sliding, one_go


def over_charged(act: Act) -> int:
    """By how many 1e-18 dollars an act took more than loss + b*turnover of what the wallet was worth."""
    charged = act.worth * (act.moved.loss * ONE + act.off * act.moved.turnover) // (ONE * ONE)
    wei: int = 10**EXACT
    return -(-(act.taken - charged) // wei)


def search(policies: int, seed: int) -> dict[str, Any]:
    """Every strategy against as many random worlds."""
    rows: dict[str, Any] = {}
    refusals: Counter[str] = Counter()
    for name, strategy in STRATEGIES.items():
        paths = [attack(random.Random(f"{seed} {name} {number}"), strategy) for number in range(policies)]
        worst = [ratios(path.acts, path.world.limits) for path in paths]
        refusals.update(rule for path in paths for rule in path.refusals.elements())
        law, sliding, one_go = (max(column) / FINE for column in zip(*worst, strict=True))
        rows[name] = {
            "theft_over_bound": law,
            "in_one_window_over_bound": sliding,
            "in_one_go_over_bound": one_go,
            "over_charged_wei_usd": max(over_charged(act) for path in paths for act in path.acts),
            "acts": sum(len(path.acts) for path in paths),
        }
    return {
        "paths": policies * len(STRATEGIES),
        "acts": sum(row["acts"] for row in rows.values()),
        "max_theft_over_bound": max(row["theft_over_bound"] for row in rows.values()),
        "max_in_one_window_over_bound": max(row["in_one_window_over_bound"] for row in rows.values()),
        "max_in_one_go_over_bound": max(row["in_one_go_over_bound"] for row in rows.values()),
        "over_charged_wei_usd": max(row["over_charged_wei_usd"] for row in rows.values()),
        "by_strategy": rows,
        "refusals": dict(refusals.most_common()),
    }


def still_market(limits: Limits, strategy: str, seed: int) -> dict[str, float]:
    """A wallet on its targets, feeds that do not move, and a day: what direction still lets the thief trade and take,
    as shares of the wallet, where the market swings by OFF around the feeds."""
    worst: dict[str, float] = {"turnover": 0.0, "theft": 0.0}
    for targets in ((500_000, 500_000), (400_000, 400_000, 200_000), (250_000,) * 4):
        policy = Policy((Asset(18),) * len(targets), limits)
        account = Account(policy, targets, tuple(target * ONE for target in targets))
        world = World(account, (ONE,) * len(targets), OFF)
        world.give(0, PPM * GIVEN)
        path = Attack(world, STRATEGIES[strategy], random.Random(seed), most_acts=300)
        path.run(1)
        day = [act for act in path.acts if act.at < START + limits.window]
        worst["turnover"] = max(worst["turnover"], sum(act.moved.turnover / ONE for act in day))
        worst["theft"] = max(worst["theft"], sum(act.taken / act.worth for act in day))
    return {name: round(share, 6) for name, share in worst.items()}


def honest(folder: Path, seed: int) -> dict[str, Any]:
    """How often each candidate refuses an honest keeper, and what the feeds themselves do."""
    if names := missing(folder):
        reason = f"no {', '.join(names)} in REBALANCER_DATA"
        return {"honest_blocked_share": None, "honest": None, "feed_moves": None, "skipped": [reason]}
    rounds = read_rounds(folder)
    ticks = read_ticks(rounds)
    rows = {name: candidate(limits, seed, ticks) for name, limits in CANDIDATES.items()}
    return {
        "honest_blocked_share": rows["suggested"]["next_round"]["refused_at_first_share"],
        "honest": rows,
        "refused_where_a_round_lands_before_it": {
            f"tolerance {tolerance}": round(late_share(ticks, replace(SUGGESTED, tolerance=tolerance), seed), 4)
            for tolerance in (0, 1_000, 2_500, 5_000)
        },
        "feed_moves": round_moves(rounds, ticks),
        "skipped": [],
    }


def candidate(limits: Limits, seed: int, ticks: Sequence[Any]) -> dict[str, Any]:
    markets = {market: report(replay(ticks, limits, market, seed)) for market in ("next_round", "on_the_way")}
    return {"limits": asdict(limits), "bound_at_75_bp": bound(limits, OFF) / ONE, **markets}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--policies", type=int, default=150, help="random policies and wallets for each strategy")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.perf_counter()
    folder = Path(os.environ.get("REBALANCER_DATA", ROOT / ".." / "shared" / "data"))
    figures = {
        **search(options.policies, options.seed),
        "bound": "theft in any span <= (min(L, s*T) + b*T) * (1 + span / window); b: worst mispricing of a pair",
        "still_market_day": {name: still_market(SUGGESTED, name, options.seed) for name in CHURN},
        **honest(folder, options.seed),
        "seed": options.seed,
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(figures) if options.json else json.dumps(figures, indent=2))
    holds: bool = figures["max_theft_over_bound"] <= 1 and figures["over_charged_wei_usd"] <= MOST_ASSETS
    still = all(row["turnover"] <= 2 * GIVEN / ONE for row in figures["still_market_day"].values())
    return 0 if holds and still and figures["max_theft_over_bound"] >= TAME else 1


if __name__ == "__main__":
    sys.exit(main())
