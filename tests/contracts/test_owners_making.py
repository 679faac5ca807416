"""A new module by the owners' scripts, and one in the place of another: what is looked at before it is paid for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from given_module import with_limits
from given_owners import Owners, some_owners

from rebalancer.replica.chain import Replica
from rebalancer.units import ONE, Address
from scripts._owners.desk import Desk
from scripts._owners.making import NOT_THERE_YET, deploy, deploy_wanted, replace_old
from scripts._owners.wanted import Wanted, read_wanted

OTHER = Address("0x00000000000000000000000000000000000000A1")


@pytest.fixture
def owners(replica: Replica, tmp_path: Path) -> Owners:
    return some_owners(replica, tmp_path)


def _deploy(owners: Owners, out: Path | None = None, answers: str = "y\ny\n") -> Result:
    return owners.at(owners.desk(), lambda desk: deploy(desk, owners.config, out), answers)


def _replace(owners: Owners, old: Address, out: Path | None = None, answers: str = "y\ny\n") -> Result:
    return owners.at(owners.desk(), lambda desk: replace_old(desk, owners.config, old, out), answers)


def _deploy_only(desk: Desk, wanted: Wanted) -> None:
    deploy_wanted(desk, wanted)


def _enable(owners: Owners, module: Address) -> None:
    owners.replica.deal("ETH", owners.safe, 10**18)
    owners.replica.transact(owners.safe, owners.safe, "enableModule(address)", module)


def test_deploy__by_the_only_owner__is_enabled_and_says_what_comes_next(owners: Owners) -> None:
    done = _deploy(owners)
    assert done.exit_code == 0, done.output
    (module,) = owners.modules()
    assert f"wallet.module` to {module}" in done.output
    assert f"ape run module enable {module}" in done.output
    assert "0.15 % of the wallet lost over 1 d, at oracle prices" in done.output
    state = owners.state(module)
    assert (state.operator, state.guardian, state.paused) == (owners.actor("operator"), owners.actor("guardian"), False)


def test_deploy__not_confirmed__pays_nothing(owners: Owners) -> None:
    sent = owners.sent()
    done = _deploy(owners, answers="n\n")
    assert (done.exit_code, "Deploy it, paid for by" in done.output) == (1, True), done.output
    assert owners.sent() == sent


def test_deploy__its_file_cannot_be_written__pays_nothing(owners: Owners) -> None:
    sent, out = owners.sent(), owners.folder / "no" / "such" / "folder.json"
    done = _deploy(owners, out)
    assert (done.exit_code, "cannot be written" in done.output, "--out" in done.output) == (1, True, True), done.output
    assert owners.sent() == sent


def test_deploy__a_file_stands_at_out__is_as_it_was_until_the_end(owners: Owners) -> None:
    out = owners.folder / "enable.json"
    out.write_text("old")
    assert "Deploy it, paid for by" in _deploy(owners, out, answers="n\n").output
    assert out.read_text() == "old"
    out.unlink()
    assert "Deploy it, paid for by" in _deploy(owners, out, answers="n\n").output
    assert not out.exists()


def test_deploy__sending_is_declined__its_file_enables_it(owners: Owners) -> None:
    out = owners.folder / "enable.json"
    done = _deploy(owners, out, answers="y\nn\n")
    (wanted,) = json.loads(out.read_text())["transactions"]
    assert (wanted["to"], wanted["contractMethod"]["name"]) == (owners.safe, "enableModule")
    assert f"RebalanceModule {wanted['contractInputsValues']['module']}," in done.output
    assert owners.modules() == ()


def test_deploy__what_the_contract_would_refuse__is_refused_in_words(owners: Owners) -> None:
    sent = owners.sent()
    owners.edit(lambda content: content["wallet"].update(operator=owners.actor("owner")))
    done = _deploy(owners)
    assert (done.exit_code, "is an owner of the Safe" in done.output) == (1, True), done.output
    assert owners.sent() == sent


def test_deploy__the_safe_would_refuse_a_module__pays_nothing(owners: Owners) -> None:
    _enable(owners, NOT_THERE_YET)
    sent = owners.sent()
    done = _deploy(owners)
    assert (done.exit_code, "would revert: GS102" in done.output) == (1, True), done.output
    assert owners.sent() == sent


def test_deploy_wanted__the_chain_says_what_rounding_would_hide__is_not_what_was_wanted(owners: Owners) -> None:
    wanted = read_wanted(owners.config, 1)
    other = replace(wanted, policy=with_limits(wanted.policy, min_trade=50 * ONE + 4 * 10**15))
    done = owners.at(owners.desk(), lambda desk: _deploy_only(desk, other), "y\n")
    assert (done.exit_code, "do not enable it" in done.output) == (1, True), done.output
    assert "min_trade: 50.004 USD wanted, 50 USD on the chain" in done.output


def test_replace__of_a_hidden_decimal_and_another_order__says_both_exactly(owners: Owners) -> None:
    old = owners.deployed()

    def change(content: dict) -> None:  # type: ignore[type-arg]
        content["module"]["min_trade"] = "50.004 USD"
        tokens = content["tokens"]
        content["tokens"] = {"UNI": tokens.pop("UNI"), **tokens}

    owners.edit(change)
    done = _replace(owners, old, answers="n\n")
    assert "min_trade: 50 USD before, 50.004 USD after" in done.output
    assert "tokens: WETH, WBTC, USDC, LINK, UNI before, UNI, WETH, WBTC, USDC, LINK after" in done.output
    assert "max_turnover" not in done.output, "only what differs"


def test_replace__behind_another_module__is_one_transaction_in_its_place(owners: Owners) -> None:
    old = owners.deployed()
    _enable(owners, OTHER)
    owners.edit(lambda content: content["module"].update(cooldown="1 h"))
    sent = owners.sent()
    done = _replace(owners, old)
    assert (done.exit_code, "cooldown: 10 min before, 1 h after" in done.output) == (0, True), done.output
    new, other = owners.modules()
    assert (other, new == old) == (OTHER, False)
    assert owners.sent() == sent + 2, "the deployment, and one batch"


def test_replace__of_a_module_that_is_not_enabled__pays_nothing(owners: Owners) -> None:
    sent = owners.sent()
    done = _replace(owners, OTHER)
    assert (done.exit_code, "is not enabled on this Safe" in done.output) == (1, True), done.output
    assert owners.sent() == sent
