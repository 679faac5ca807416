"""`plan` and `run` where other targets are wanted than the module has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from given_keeper import Gate, Keeper, command, ended
from given_modules import (
    MOVED,
    a_moving_keeper,
    by_safe,
    module_of,
    targets_of,
)

from rebalancer.core.model import (
    FINAL_BLOCKS,
)
from rebalancer.replica.chain import Replica
from rebalancer.units import ONE


@pytest.fixture
def keeper(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Wants all targets alike."""
    return a_moving_keeper(replica, tmp_path, keystore)


@pytest.fixture
def gate(keeper: Keeper) -> Iterator[Gate]:
    """The keeper's node, which can keep a request back."""
    keeper.go_live()
    gate = Gate(keeper.replica)
    keeper.edit(f'"{keeper.replica.url}"', f'"{gate.node.url()}"')
    yield gate
    gate.close()


def test_plan__of_other_targets__shows_the_call_and_sends_nothing(keeper: Keeper) -> None:
    found = keeper.command("plan", "--json").json
    assert found["outcome"] == "planned" and found["trades"] == []
    assert [target["weight_e18"] for target in found["targets"]] == [str(ONE // 5)] * 5
    assert [position["target_bps"] for position in found["positions"]] == [3_000, 2_500, 2_000, 1_500, 1_000]
    said = keeper.command("plan").said
    assert "sets targets: WETH 20 %, WBTC 20 %, USDC 20 %, LINK 20 %, UNI 20 %; its gas costs" in said
    assert keeper.sent() == 0


def test_run__of_other_targets__sets_them_once_and_rebalances_to_them(keeper: Keeper) -> None:
    keeper.go_live()
    found = keeper.command("run", "--live", "--json").json
    assert found["outcome"] == "settled" and found["changes"] == [] and targets_of(keeper) == MOVED
    assert len(found["targets"]) == 5 and keeper.settled_once()
    assert keeper.replica.receipt(found["tx"])["to"].lower() == module_of(keeper).lower()
    assert keeper.command("status", "--json").json["module"]["step_left_e18"][:1] == "5", "of 20 % a day 15 are used"
    keeper.replica.mine(FINAL_BLOCKS)
    after = keeper.command("run", "--live", "--json").json
    assert after["outcome"] == "settled" and after["targets"] == [] and after["changes"] != []
    assert [row[0] for row in keeper.rows()] == ["settled", "settled"]
    assert len(keeper.command("history", "--json").json["rebalances"]) == 1


def test_run__targets_outside_the_file__are_the_chains_while_they_are_estimated(keeper: Keeper) -> None:
    keeper.edit("targets: {method: equal}", "")
    by_safe(keeper, module_of(keeper), "set_targets(uint256[])", [part * 100 for part in MOVED])
    fixed = keeper.command("run", "--json")
    assert fixed.code == 2 and "The targets: target of WETH: 20 % on the chain, 30 % in the configuration" in fixed.said
    keeper.edit("\n\n\ntrigger:", "\n\ntargets: {method: equal}\n\ntrigger:")
    found = keeper.command("run", "--json").json
    assert found["targets_stand"] is None and [p["target_bps"] for p in found["positions"]] == MOVED


@pytest.mark.parametrize("after", [False, True], ids=["before it is sent", "once it is sent"])
def test_run__killed_while_it_sets_them__the_next_run_settles_the_same_transaction(
    keeper: Keeper, gate: Gate, after: bool
) -> None:
    gate.keep_back("eth_sendRawTransaction", after=after)
    process = keeper.started("run", "--live", "--json")
    assert gate.reached.wait(60)
    process.kill()
    process.communicate(timeout=30)
    gate.keep_back("")
    gate.open.set()
    recorded = keeper.asked("SELECT id, tx FROM intents")
    assert len(recorded) == 1
    found = keeper.command("run", "--live", "--json").json
    assert (found["outcome"], found["tx"]) == ("settled", recorded[0][1])
    assert targets_of(keeper) == MOVED and keeper.settled_once()


def test_run__while_a_copy_is_setting_them__leaves_and_they_are_set_once(
    keeper: Keeper, gate: Gate, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(keeper.folder, other, ignore=shutil.ignore_patterns("other"))
    gate.keep_back("eth_sendRawTransaction")
    process = keeper.started("run", "--live", "--json")
    assert gate.reached.wait(60)
    found = command("run", "--live", "--json", "--config", str(other / "rebalancer.yaml")).json
    assert found["outcome"] == "held" and "another keeper is at work on this wallet" in found["detail"]
    gate.keep_back("")
    gate.open.set()
    assert ended(process).json["outcome"] == "settled"
    assert keeper.command("run", "--live", "--json").json["outcome"] == "held"
    assert targets_of(keeper) == MOVED and keeper.settled_once()


def test_run__nothing_else_to_do__is_held_in_one_request_while_they_stand(keeper: Keeper) -> None:
    by_safe(keeper, module_of(keeper), "set_targets(uint256[])", [part * 100 for part in MOVED])
    for symbol, part in zip(("WETH", "WBTC", "USDC", "LINK", "UNI"), MOVED, strict=True):
        unit = 10 ** keeper.replica.token(symbol).decimals
        keeper.replica.deal(
            symbol, keeper.wallet, 250_000 * 10**8 * part * unit // (10_000 * keeper.replica.prices[symbol])
        )
    found = keeper.command("run", "--json").json
    assert (found["outcome"], found["targets_stand"], found["requests"]) == ("held", None, 1)
