"""The real module against the model of its policy, step by step, on a replica: whatever is asked of both, the verdict
and the reason are the same, and afterwards nonce, meters, targets, roles, balances, net value are, too. Whoever acts,
the theft at true prices stays within the published bound, a swap that is paid in advance gives no allowance and one
that is not leaves none behind, ether and the token that is not listed are not touched.

Each run starts on one of three Safes. What the module refuses is asked by eth_call, and now and then sent all the same;
what it accepts is sent.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from machine_draws import WHOLE
from machine_rules import ModuleMachine
from machine_world import World, a_world

from rebalancer.replica.chain import Replica

RUNS = int(os.environ.get("REBALANCER_FUZZ_RUNS", "0"))
"""With it there are so many runs, and other ones each time; without it they are always the same."""
USUAL_RUNS = 200
RULES_BEFORE = {
    *("paused", "deadline", "nonce", "cooldown", "sequencer", "grace", "answer", "future", "heartbeat", "band"),
    *("too_large", "swaps", "route", "tokens", "min_trade", "max_trade", "sells_overweight", "buys_underweight"),
    *("sells_past_target", "buys_past_target", "min_out", "amount_in", "path", "hub", "hub_twice", "call"),
    *("RouteCheck: length", "RouteCheck: selector", "RouteCheck: receiver", "RouteCheck: token_in"),
    *("RouteCheck: token_out", "RouteCheck: amount_in", "RouteCheck: min_out", "RouteCheck: constant"),
}
RULES_AFTER = {
    *("only_operator", "payment", "approve", "execution", "allowance_left", "ether", "balances", "range", "drift"),
    *("max_loss", "max_turnover"),
}
RULES_OF_DOORS = {
    *("only_operator", "only_guardian", "only_safe", "paused", "operator_is_owner", "operator_is_guardian"),
    *("target_step", "targets_count", "targets_range", "targets_sum"),
}


@pytest.fixture(scope="module")
def world(running_replica: Replica) -> World:
    return a_world(running_replica)


def test_module__whatever_is_asked_of_it__does_as_the_model_says(world: World) -> None:
    seen: Counter[str] = Counter()
    runs = RUNS or USUAL_RUNS
    play(world, seen, runs, fixed=not RUNS)
    if runs < USUAL_RUNS:
        return
    # What is drawn depends on what else was imported: a rule that did not come up gets a second chance, no third.
    rare = 2 if runs == USUAL_RUNS else 0
    if never_seen(seen, rare):
        play(world, seen, runs, fixed=False)
    asked = sum(count for name, count in seen.items() if name.startswith("rebalance: "))
    assert seen["rebalance: accepted"] >= asked // 10, f"too few are accepted: {seen}"
    assert not never_seen(seen, rare), f"nothing was refused by {never_seen(seen, rare)}: {seen}"


def play(world: World, seen: Counter[str], runs: int, fixed: bool) -> None:
    """So many whole runs, counted into `seen`; the same ones each time where `fixed`."""
    settled = settings(
        max_examples=2 * runs,
        # The first is the one that prepares the wallet.
        stateful_step_count=WHOLE + 1,
        derandomize=fixed,
        database=None,
        deadline=None,
        # To look for the shortest way to a failure takes minutes.
        phases=(Phase.generate, Phase.shrink) if runs > USUAL_RUNS else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    whole = seen["whole runs"]
    run_state_machine_as_test(lambda: ModuleMachine(world, seen, whole + runs), settings=settled)
    assert seen["whole runs"] >= whole + runs, f"of {2 * runs} runs too few were whole: {seen}"


def never_seen(seen: Counter[str], rare: int) -> list[str]:
    """What never comes up is not tested. Of what is as rare as one of many wrong fields a few may be missing; of what
    only shows when it is done, nothing in a long game, and in a short one as many as `rare`: each has its own attack.
    """
    after = {f"rebalance: {rule}" for rule in RULES_AFTER} - seen.keys()
    others = {f"rebalance: {rule}" for rule in RULES_BEFORE} | {f"door: {rule}" for rule in RULES_OF_DOORS}
    missing = others - seen.keys()
    return sorted((after if len(after) > rare else set()) | (missing if len(missing) > len(others) // 10 else set()))
