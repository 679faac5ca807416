"""`targets.method` from end to end: on a real chain whose feeds have a past, and on one whose feeds have none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from given_feed_history import DAY, give_a_past
from given_keeper import Keeper

START = [300_000, 250_000, 200_000, 150_000, 100_000]
ENOUGH = 90 + 3 * 31 + 2
"""Days of the past: of the last update and the two before."""


def estimate(keeper: Keeper, method: str = "inverse_volatility") -> None:
    """The configuration asks for it; USDC is its cash."""
    keeper.edit("# targets:\n#   method: inverse_volatility  ", f"targets:\n  method: {method}  ")


def files() -> list[Path]:
    """What the keepers of this test remember of estimates."""
    return sorted(Path(os.environ["XDG_STATE_HOME"], "rebalancer").glob("*.targets"))


def targets_of(found: list[dict[str, object]]) -> list[object]:
    return [one["target_ppm"] for one in found]


def test_targets__by_inverse_volatility__shows_them_and_a_plan_goes_there(keeper: Keeper) -> None:
    give_a_past(keeper.replica, ENOUGH)
    estimate(keeper)
    found = keeper.command("targets", "--json").json
    assert (found["method"], found["samples"], found["why"]) == ("inverse_volatility", 90, None)
    assert [one["start_ppm"] for one in found["targets"]] == START
    weights = {one["token"]: one["target_ppm"] for one in found["targets"]}
    assert sum(weights.values()) == 1_000_000 and weights["USDC"] == 200_000
    # All four walk by 3 % a day: a fifth each, as far as 90 days tell.
    assert all(130_000 < weights[symbol] < 270_000 for symbol in ("WETH", "WBTC", "LINK", "UNI")), weights
    assert weights["WETH"] != 300_000
    assert found["estimated_at"] <= keeper.replica.now() < found["next"] and found["until"] % DAY == 0
    said = keeper.command("targets").said
    assert "Targets by inverse_volatility" in said and "kept" in said
    planned = keeper.command("plan", "--json").json
    assert {one["token"]: 100 * one["target_bps"] for one in planned["positions"]} == weights


def test_run__with_estimated_targets__asks_for_rounds_once_in_a_period(keeper: Keeper) -> None:
    give_a_past(keeper.replica, ENOUGH)
    estimate(keeper)
    for _ in range(3):
        assert keeper.command("run").code == 0
    first, *others = [row[0] for row in keeper.asked("SELECT requests FROM ticks ORDER BY id")]
    assert 8 <= first <= 30
    assert max(others) <= 6  # as any tick that plans a rebalance
    (file,) = files()
    assert file.stat().st_size < 2_000


def test_bands__of_estimated_targets__measures_against_these(keeper: Keeper) -> None:
    give_a_past(keeper.replica, ENOUGH)
    estimate(keeper)
    keeper.edit("  volatility: 60 %  ", "  volatility: measured  ")
    weights = targets_of(keeper.command("targets", "--json").json["targets"])
    found = keeper.command("bands", "--json").json
    assert [int(one["target_e18"]) // 10**12 for one in found["bands"]] == weights
    assert found["measured"]["samples"] == 90


def test_run__after_the_file_was_lost__has_the_same_targets(keeper: Keeper) -> None:
    give_a_past(keeper.replica, ENOUGH)
    estimate(keeper, "equal_risk")
    first = keeper.command("targets", "--json").json
    assert targets_of(first["targets"]) != START
    (file,) = files()
    file.unlink()
    assert targets_of(keeper.command("targets", "--json").json["targets"]) == targets_of(first["targets"])


def test_targets__without_a_history__are_where_they_start_and_say_why(keeper: Keeper) -> None:
    give_a_past(keeper.replica, 20)
    estimate(keeper)
    done = keeper.command("targets", "--json")
    assert done.code == 0 and targets_of(done.json["targets"]) == START
    assert "returns of the 90 days before, expected at least 60; wait until there is history" in done.json["why"]
    said = keeper.command("targets").said
    assert "the targets before hold: there are prices of all tokens for" in said
    assert "the chain is asked again in" in said and "estimated anew" not in said
    assert 0 < done.json["again"] - keeper.replica.now() <= 3_600 < done.json["next"] - keeper.replica.now()
    checks = {one["check"]: one["seen"] for one in keeper.command("check", "--json").json["checks"]}
    assert "the targets before hold" in checks["targets"]


def test_targets__that_are_fixed__say_what_would_move_them(keeper: Keeper) -> None:
    done = keeper.command("targets", "--json")
    assert done.code == 2 and "targets.method is fixed, expected one that estimates" in done.json["message"]


def test_correlations__of_the_feeds__are_of_the_portfolio(
    keeper: Keeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    give_a_past(keeper.replica, 100)
    found = keeper.command("correlations", "--json").json
    assert found["symbols"] == ["WETH", "WBTC", "LINK", "UNI"] and found["still"] == ["USDC"]
    assert 95 <= found["samples"] <= 100 and len(found["pairs"]) == 6
    assert sum(one["risk"] for one in found["assets"]) > 0.999
