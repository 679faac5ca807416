"""From deployment to removal: the owners' scripts as people run them, each on what the one before has left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from given_fork import ZERO, Fork
from given_fork_scripts import GUARDIAN, OWNER, STRANGER, Owners, module_in, some_owners

from rebalancer.adapters.chain.deployments import MAINNET

OTHER_MODULE = "0x00000000000000000000000000000000000000A1"


@pytest.fixture
def owners(fork: Fork, accounts: Any, tmp_path: Path) -> Owners:
    fork.come_to_the_present()
    return some_owners(fork, accounts, tmp_path)


def _enable_another(owners: Owners) -> None:
    owners.as_the_safe(owners.safe.address, owners.safe.enableModule.encode_input(OTHER_MODULE))


def test_deploy_module__sending_is_declined__its_file_enables_it(owners: Owners) -> None:
    out = owners.folder / "enable.json"
    options = ("-c", str(owners.config), "--account", OWNER, "--out", str(out))
    done = owners.run("deploy_module", *options, answers="y\nn\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0.5 % of the wallet lost over 1 d, at oracle prices" in done.stdout
    assert "WETH 30 %, WBTC 25 %, USDC 20 %, LINK 15 %, UNI 10 %" in done.stdout
    assert owners.modules() == []
    owners.carry_out(out)
    assert owners.modules() == [module_in(done.stdout)]


def test_deploy_module__by_the_only_owner__is_enabled_at_once(owners: Owners) -> None:
    module = owners.deploy()
    assert owners.modules() == [module]
    state = owners.state(module)
    assert (state.operator, state.guardian, state.paused) == (owners.operator, owners.guardian, False)


def test_deploy_module__not_confirmed__sends_nothing(owners: Owners) -> None:
    nonce = owners.fork.nonce(owners.owner.address)
    done = owners.run("deploy_module", "-c", str(owners.config), "--account", OWNER, answers="n\n")
    assert done.returncode == 1
    assert owners.fork.nonce(owners.owner.address) == nonce


def test_module__by_the_only_owner__does_each_action_and_says_so(owners: Owners) -> None:
    module = owners.deploy()
    said = owners.act("set_targets", module, "WETH=35%", "USDC=15%")
    assert "WETH 30 %, WBTC 25 %, USDC 20 %, LINK 15 %, UNI 10 % → WETH 35 %, WBTC 25 %, USDC 15 %" in said
    assert owners.state(module).targets == (350_000, 250_000, 150_000, 150_000, 100_000)
    next_operator = "0x00000000000000000000000000000000000000b2"
    assert f"operator: {owners.operator} → " in owners.act("set_operator", module, next_operator)
    assert owners.state(module).operator.lower() == next_operator
    assert f"guardian: {owners.guardian} → nobody" in owners.act("set_guardian", module, ZERO)
    assert owners.state(module).guardian == ZERO
    assert "paused: no → yes" in owners.act("pause", module)
    assert owners.state(module).paused
    assert "Nothing to do." in owners.act("pause", module)
    owners.act("unpause", module)
    assert not owners.state(module).paused
    assert "enabled → not enabled" in owners.act("remove", module)
    assert owners.modules() == []


def test_module__by_the_guardian__stops_at_once_and_starts_nothing(owners: Owners) -> None:
    module = owners.deploy()
    owners.act("pause", module, account=GUARDIAN)
    owners.act("drop_operator", module, account=GUARDIAN)
    state = owners.state(module)
    assert (state.paused, state.operator) == (True, ZERO)
    out = owners.folder / "unpause.json"
    owners.act("unpause", module, "--out", str(out), account=GUARDIAN)
    assert owners.state(module).paused, "only a file for the owners was written"
    owners.carry_out(out)
    assert not owners.state(module).paused


def test_replace_module__behind_another_module__takes_its_place_by_one_file(owners: Owners) -> None:
    old = owners.deploy()
    _enable_another(owners)
    owners.edit(lambda content: content["module"].update(max_loss="1 %"))
    out = owners.folder / "replace.json"
    options = ("-c", str(owners.config), "--old", old, "--account", OWNER, "--out", str(out))
    done = owners.run("replace_module", *options, answers="y\nn\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "max_loss: 0.5 % of the wallet lost over 1 d, at oracle prices → 1 % of the wallet" in done.stdout
    assert "max_turnover:" not in done.stdout, "only what differs"
    owners.carry_out(out)
    assert set(owners.modules()) == {OTHER_MODULE, module_in(done.stdout)}


def test_replace_module__by_the_only_owner__is_one_transaction(owners: Owners) -> None:
    old = owners.deploy()
    _enable_another(owners)
    owners.edit(lambda content: content["module"].update(cooldown="1 h"))
    before = owners.batches()
    options = ("-c", str(owners.config), "--old", old, "--account", OWNER)
    done = owners.run("replace_module", *options, answers="y\ny\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert owners.modules() == [module_in(done.stdout), OTHER_MODULE]
    assert owners.batches() == before + 1


def test_module__what_the_contract_would_refuse__is_refused_in_words(owners: Owners) -> None:
    module = owners.deploy()
    nonce = owners.batches()
    refused = {
        ("set_targets", "WETH=35%"): "the targets sum to 105 %, not to 100 %",
        ("set_targets", "DAI=5%"): "DAI: no asset of this module",
        ("set_operator", owners.owner.address): "is an owner of the Safe",
        ("set_guardian", owners.operator): "is the operator",
    }
    for (action, value), words in refused.items():
        done = owners.run("module", action, module, value, "--account", OWNER, answers="y\n")
        assert (done.returncode, words in done.stderr) == (1, True), (action, done.stdout, done.stderr)
    done = owners.run("module", "pause", module, "--account", STRANGER, answers="y\n")
    assert (done.returncode, "is neither the guardian" in done.stderr) == (1, True), done.stderr
    done = owners.run("module", "pause", MAINNET.weth, "--account", OWNER, answers="y\n")
    assert (done.returncode, "no RebalanceModule answers" in done.stderr) == (2, True), done.stderr
    assert owners.batches() == nonce


def test_deploy_module__what_the_contract_would_refuse__is_refused_in_words(owners: Owners) -> None:
    nonce = owners.fork.nonce(owners.owner.address)

    def spoil(content: dict[str, Any]) -> None:
        content["wallet"]["operator"] = owners.owner.address
        content["tokens"]["UNI"]["price"] = {"feed": MAINNET.weth, "heartbeat": "1 h"}
        permit2 = {"router": "0x000000000022D473030F116dDEE9F6B43aC78BA3", "checker": MAINNET.weth}
        content["module"]["routes"] = [permit2]

    owners.edit(spoil)
    done = owners.run("deploy_module", "-c", str(owners.config), "--account", OWNER, answers="y\ny\n")
    assert done.returncode == 1
    for words in ("is an owner of the Safe", f"UNI: the feed {MAINNET.weth} does not answer", "is Permit2"):
        assert words in done.stderr
    assert owners.fork.nonce(owners.owner.address) == nonce


def test_deploy_check__of_a_listing__says_what_it_checks_and_its_address(owners: Owners) -> None:
    name = "swap_router_02_exact_input_single"
    done = owners.run("deploy_check", name, "--account", OWNER, answers="y\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bytes 100 to 131 (recipient) must be SAFE" in done.stdout
    assert f'router: "{MAINNET.swap_router_02}", checker: "0x' in done.stdout
