"""The commands of a keeper whose wallet is a RebalanceModule's, from end to end on a real chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_keeper import Keeper, bring_on_target
from given_modules import a_module_keeper, by_guardian, by_safe, module_of

from rebalancer.core.model import FINAL_BLOCKS
from rebalancer.replica.chain import Replica

ROUTER = "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45"
MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
FIRST = "0x0000000000000000000000000000000000000001"
"""Where a Safe's list of modules starts."""


@pytest.fixture
def keeper(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Off its targets, and not live yet."""
    return a_module_keeper(replica, tmp_path, keystore)


# ---------------------------------------------------------------- the tick


def test_run__live__settles_through_the_module_once_and_the_next_tick_holds(keeper: Keeper) -> None:
    keeper.go_live()
    found = keeper.command("run", "--live", "--json").json
    assert found["outcome"] == "settled" and keeper.settled_once()
    receipt = keeper.replica.receipt(found["tx"])
    assert (receipt["from"].lower(), receipt["to"].lower()) == (
        keeper.operator.address.lower(),
        module_of(keeper).lower(),
    )
    second = keeper.command("run", "--live", "--json").json
    assert second["outcome"] == "held" and second["max_drift_bps"] <= 5
    keeper.replica.mine(FINAL_BLOCKS)
    # One tick more looks whether it still stands where it landed.
    assert keeper.command("run", "--live", "--json").json["requests"] > 1
    assert keeper.command("run", "--live", "--json").json["requests"] == 1


def test_run__live_with_an_old_allowance_to_the_router__settles_and_leaves_it(keeper: Keeper) -> None:
    for symbol in ("WETH", "WBTC", "USDC"):
        by_safe(keeper, keeper.replica.token(symbol).address, "approve(address,uint256)", ROUTER, 1)
    keeper.go_live()
    assert keeper.command("run", "--live", "--json").json["outcome"] == "settled"
    weth = keeper.replica.token("WETH").address
    assert keeper.replica.read(weth, "allowance(address,address)", keeper.wallet, ROUTER)[0] == 1


def test_run__on_target__is_held_in_one_request(keeper: Keeper) -> None:
    bring_on_target(keeper)
    found = keeper.command("run", "--json").json
    assert (found["outcome"], found["requests"]) == ("held", 1)


def test_run__off_target_again_in_the_cooldown__is_held_and_says_how_long(keeper: Keeper) -> None:
    keeper.go_live()
    keeper.command("run", "--live")
    keeper.replica.mine(FINAL_BLOCKS)
    keeper.replica.deal("USDC", keeper.wallet, 120_000 * 10**6)
    found = keeper.command("run", "--live", "--json").json
    assert found["outcome"] == "held" and "its cooldown is 10 min" in found["detail"]
    assert keeper.sent() == 1


def test_run__paused__is_blocked_by_the_modules_rule(keeper: Keeper) -> None:
    by_guardian(keeper, "pause()")
    done = keeper.command("run", "--json")
    assert done.code == 4
    assert [breach["rule"] for breach in done.json["breaches"]] == ["RebalanceModule: paused"]


def test_run__disabled_by_the_owners__is_blocked(keeper: Keeper) -> None:
    by_safe(keeper, keeper.wallet, "disableModule(address,address)", FIRST, module_of(keeper))
    done = keeper.command("run", "--json")
    assert done.code == 4
    assert [breach["rule"] for breach in done.json["breaches"]] == ["module_enabled"]


def test_run__an_owner_since_it_was_deployed__is_blocked(keeper: Keeper) -> None:
    by_safe(keeper, keeper.wallet, "addOwnerWithThreshold(address,uint256)", keeper.operator.address, 1)
    done = keeper.command("run", "--json")
    assert done.code == 4
    assert [breach["rule"] for breach in done.json["breaches"]] == ["RebalanceModule: operator_is_owner"]


def test_run__dropped_by_the_guardian__is_a_config_error_that_shows_both(keeper: Keeper) -> None:
    by_guardian(keeper, "drop_operator()")
    done = keeper.command("run")
    assert done.code == 2 and keeper.operator.address in done.said
    assert "nobody (it was dropped) on the chain" in done.said and "set_operator" in done.said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("max_turnover: 30 %", "max_turnover: 20 %", "max_turnover: 30 % on the chain, 20 % in the configuration"),
        ("cooldown: 10 min", "cooldown: 90 s", "cooldown: 10 min on the chain, 90 s in the configuration"),
        ("target: 15 %", "target: 15 %\n    range: 5 % - 40 %", "LINK, range: 0 % to 100 % on the chain, 5 % to 40 %"),
        (
            "target: 15 %",
            "target: 15 %\n    price_band: 2 USD - 200 USD",
            "LINK, price band: any price on the chain, 2 USD to 200 USD in the configuration",
        ),
        ("heartbeat: 1 h}         # UNI", "heartbeat: 2 h}         # UNI", "at most 65 min old on the chain"),
        (
            "min_trade: 50 USD\n  max_trade: 30",
            "min_trade: 60 USD\n  max_trade: 30",
            "min_trade: 50 USD on the chain, 60",
        ),
        (
            "cooldown: 10 min",
            f'cooldown: 10 min\n  routes: [{{router: "{ROUTER}", checker: "{MULTICALL}"}}]',
            f"route 1: none on the chain, {ROUTER}, checked by {MULTICALL} in the configuration",
        ),
        ("# hubs: [USDT, DAI]", "hubs: [DAI]", "hubs: none on the chain, DAI in the configuration"),
    ],
)
def test_run__a_policy_that_the_file_tells_otherwise__is_a_config_error_that_shows_both(
    keeper: Keeper, old: str, new: str, said: str
) -> None:
    keeper.edit(old, new)
    done = keeper.command("run")
    assert done.code == 2 and said in done.said and "A deployed policy never changes" in done.said
    assert done.said.count(" on the chain, ") == 1
    assert [outcome for outcome, _ in keeper.rows()] == ["ConfigError"]


def test_run__targets_that_the_owners_have_moved__is_a_config_error_that_shows_both(keeper: Keeper) -> None:
    targets = [350_000, 250_000, 150_000, 150_000, 100_000]
    by_safe(keeper, module_of(keeper), "set_targets(uint256[])", targets)
    done = keeper.command("run")
    assert done.code == 2
    assert "target of WETH: 35 % on the chain, 30 % in the configuration" in done.said
    assert "target of USDC: 15 % on the chain, 20 % in the configuration" in done.said
    assert "target of UNI" not in done.said and "set_targets" in done.said


def test_run__another_guardian_than_the_files__is_a_config_error(keeper: Keeper) -> None:
    by_safe(keeper, module_of(keeper), "set_guardian(address)", ROUTER)
    done = keeper.command("run")
    assert done.code == 2 and f"The guardian: {ROUTER} on the chain" in done.said


@pytest.mark.parametrize("command", ["run", "plan", "check", "status"])
def test_command__before_the_module_is_deployed__says_how_to_deploy_it(keeper: Keeper, command: str) -> None:
    keeper.edit(f"module: {module_of(keeper)}", "module:")
    done = keeper.command(command)
    assert done.code == 2 and "wallet.module is empty" in done.said and "deploy_module" in done.said


def test_run__a_module_of_another_safe__is_a_config_error_that_shows_both(keeper: Keeper) -> None:
    other = keeper.replica.create_safe([keeper.replica.actor("owner").address], salt=9)
    keeper.edit(f"address: {keeper.wallet}", f"address: {other}")
    done = keeper.command("run")
    assert done.code == 2 and f"safe: {keeper.wallet} on the chain, {other} in the configuration" in done.said


def test_status__of_a_module__tells_what_it_leaves_room_for(keeper: Keeper) -> None:
    keeper.go_live()
    fresh = keeper.command("status", "--json").json["module"]
    assert fresh == {
        "address": module_of(keeper),
        "paused": False,
        "nonce": 0,
        "turnover_left_e18": str(3 * 10**17),
        "loss_left_e18": str(15 * 10**14),
        "step_left_e18": "0",
    }
    keeper.command("run", "--live")
    by_guardian(keeper, "pause()")
    used = keeper.command("status", "--json").json["module"]
    assert used["paused"] is True and used["nonce"] == 1
    assert 0 < int(used["turnover_left_e18"]) < 2 * 10**16 and 0 < int(used["loss_left_e18"]) < 15 * 10**14
    assert "module: PAUSED; 1 rebalances so far; 0." in keeper.command("status").out
