"""The owners' scripts under ape, as people run them, each on what the one before has left.

What the steps do is shown beside the contracts (tests/contracts/test_owners_*.py); here, that ape carries them: its
commands and options, its accounts, its transactions, and the file for the Safe's app.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from given_fork import Fork
from given_fork_scripts import GUARDIAN, OWNER, Owners, module_in, some_owners

from rebalancer.adapters.chain.deployments import MAINNET


@pytest.fixture
def owners(fork: Fork, accounts: Any, tmp_path: Path) -> Owners:
    fork.come_to_the_present()
    return some_owners(fork, accounts, tmp_path)


def test_owners__from_deployment_to_replacement__by_file_by_the_owner_and_by_the_guardian(owners: Owners) -> None:
    out = owners.folder / "enable.json"
    done = owners.run(
        "deploy_module", "-c", str(owners.config), "--account", OWNER, "--out", str(out), answers="y\nn\n"
    )
    assert (done.returncode, owners.modules()) == (0, []), done.stdout + done.stderr
    assert "0.5 % of the wallet lost over 1 d, at oracle prices" in done.stdout
    owners.carry_out(out)
    module = module_in(done.stdout)
    assert owners.modules() == [module]

    said = owners.act("set_targets", module, "WETH=35%", "USDC=15%")
    assert "WETH 30 %, WBTC 25 %, USDC 20 %, LINK 15 %, UNI 10 % → WETH 35 %, WBTC 25 %, USDC 15 %" in said
    assert owners.state(module).targets == (350_000, 250_000, 150_000, 150_000, 100_000)
    owners.act("pause", module, account=GUARDIAN)
    assert owners.state(module).paused

    before = owners.batches()
    done = owners.run("module", "set_operator", module, owners.owner.address, "--account", OWNER, answers="y\n")
    assert (done.returncode, "is an owner of the Safe" in done.stderr) == (1, True), done.stdout + done.stderr
    assert owners.batches() == before

    owners.edit(lambda content: content["module"].update(max_loss="1 %"))
    options = ("-c", str(owners.config), "--old", module, "--account", OWNER)
    done = owners.run("replace_module", *options, answers="y\ny\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "max_loss: 0.5 % before, 1 % after" in done.stdout
    assert owners.modules() == [module_in(done.stdout)]
    assert owners.batches() == before + 1


def test_deploy_check__of_a_listing__says_what_it_checks_and_its_address(owners: Owners) -> None:
    done = owners.run("deploy_check", "swap_router_02_exact_input_single", "--account", OWNER, answers="y\n")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bytes 100 to 131 (recipient) must be SAFE" in done.stdout
    assert f'router: "{MAINNET.swap_router_02}", checker: "0x' in done.stdout


def test_deploy_check__of_a_listing_that_names_an_address__wants_it_given_and_there(owners: Owners) -> None:
    done = owners.run("deploy_check", "zero_x_exec", "--account", OWNER)
    assert done.returncode == 1 and "SETTLER is missing, the Settler that 0x's registry" in done.stderr, done.stderr
    nowhere = "SETTLER=0x00000000000000000000000000000000000000aa"
    done = owners.run("deploy_check", "zero_x_exec", "--given", nowhere, "--account", OWNER)
    assert done.returncode == 1 and "there is no contract at the address of" in done.stderr, done.stderr
