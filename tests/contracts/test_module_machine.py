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
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from hypothesis.stateful import run_state_machine_as_test
from machine_draws import WHOLE
from machine_rules import ModuleMachine
from machine_world import World, a_world

from rebalancer.replica.chain import Replica

RUNS = int(os.environ.get("REBALANCER_FUZZ_RUNS", "0"))
"""With it there are so many runs, and other ones each time; without it they are always the same."""
LEAST_RUNS, AT_A_TIME, MOST_RUNS = 60, 20, 400
"""Without it: at least so many, and more of them until all has come up that must."""
FEW = 200
"""In fewer runs than these two rules may stay unseen of those that only show when all is done."""
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


@pytest.fixture
def always_the_same(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hypothesis draws numbers that stand in whichever files are loaded: the game beside other tests, or after an edit
    elsewhere, would be another, and few of its batches accepted.
    """
    if not RUNS:
        monkeypatch.setattr(providers, "_get_local_constants", Constants)
    providers.CONSTANTS_CACHE.cache.clear()
    yield
    providers.CONSTANTS_CACHE.cache.clear()


def test_module__whatever_is_asked_of_it__does_as_the_model_says(world: World, always_the_same: None) -> None:
    seen: Counter[str] = Counter()
    if RUNS:
        play(world, seen, RUNS, None)
    for number in range(0 if RUNS else MOST_RUNS // AT_A_TIME):
        play(world, seen, AT_A_TIME, number)
        if seen["whole runs"] >= LEAST_RUNS and too_many_refused(seen) == never_seen(seen) == []:
            break
    if RUNS and RUNS < FEW:
        return
    assert too_many_refused(seen) == [], f"too few are accepted: {seen}"
    assert never_seen(seen) == [], f"nothing was refused by {never_seen(seen)}: {seen}"


def play(world: World, seen: Counter[str], runs: int, number: int | None) -> None:
    """So many whole runs, counted into `seen`; those of a number are the same each time."""
    settled = settings(
        max_examples=2 * runs,
        # The first is the one that prepares the wallet.
        stateful_step_count=WHOLE + 1,
        database=None,
        deadline=None,
        # To look for the shortest way to a failure takes minutes.
        phases=(Phase.generate, Phase.shrink) if runs > FEW else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    wanted = seen["whole runs"] + runs

    def machine() -> ModuleMachine:
        return ModuleMachine(world, seen, wanted)

    run_state_machine_as_test(machine if number is None else seed(number)(machine), settings=settled)
    assert seen["whole runs"] >= wanted, f"of {2 * runs} runs too few were whole: {seen}"


def too_many_refused(seen: Counter[str]) -> list[str]:
    """The refusals, where not one batch in ten was accepted."""
    asked = {name: count for name, count in seen.items() if name.startswith("rebalance: ")}
    return [] if asked["rebalance: accepted"] >= sum(asked.values()) // 10 else sorted(asked)


def never_seen(seen: Counter[str]) -> list[str]:
    """What never comes up is not tested. Of what is as rare as one of many wrong fields a few may be missing; of what
    only shows when it is done, nothing in a long game, and in a short one two: each has its own attack.
    """
    after = {f"rebalance: {rule}" for rule in RULES_AFTER} - seen.keys()
    others = {f"rebalance: {rule}" for rule in RULES_BEFORE} | {f"door: {rule}" for rule in RULES_OF_DOORS}
    missing, rare = others - seen.keys(), 2 if seen["whole runs"] <= FEW else 0
    return sorted((after if len(after) > rare else set()) | (missing if len(missing) > len(others) // 10 else set()))
