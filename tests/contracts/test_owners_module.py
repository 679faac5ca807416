"""`ape run module`, each action at a desk: what it does, what it refuses, and what the keeper's file is to say then."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from given_owners import Owners, some_owners

from rebalancer.core.model.module import NOBODY
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import Address
from scripts import module as actions
from scripts._owners.making import deploy

NEXT = Address("0x00000000000000000000000000000000000000b2")


@pytest.fixture
def owners(replica: Replica, tmp_path: Path) -> Owners:
    return some_owners(replica, tmp_path)


def _not_enabled(owners: Owners) -> Address:
    """Deployed and paid for, and the owners' file thrown away."""
    out = owners.folder / "lost.json"
    owners.at(owners.desk(), lambda desk: deploy(desk, owners.config, out), "y\nn\n")
    (wanted,) = json.loads(out.read_text())["transactions"]
    return Address(wanted["contractInputsValues"]["module"])


def test_enable__of_a_module_that_was_only_deployed__enables_it_once(owners: Owners) -> None:
    module = _not_enabled(owners)
    done = owners.act(actions._enable, module)
    assert (done.exit_code, owners.modules()) == (0, (module,)), done.output
    assert "token WETH" in done.output, "whoever signs sees the policy"
    sent = owners.sent()
    assert "Nothing to do" in owners.act(actions._enable, module).output
    assert owners.sent() == sent


def test_enable__of_what_only_answers_like_a_module__is_refused(owners: Owners) -> None:
    module, sent = _not_enabled(owners), owners.sent()
    code = owners.replica.rpc.call("eth_getCode", module, "latest")
    owners.replica.rpc.call("anvil_setCode", module, code + "00")
    done = owners.act(actions._enable, module)
    assert (done.exit_code, "is not that of this version's RebalanceModule" in done.output) == (1, True), done.output
    assert (owners.modules(), owners.sent()) == ((), sent)


def test_enable__while_a_feed_is_stale__says_that_it_cannot_be_compared(owners: Owners) -> None:
    module = _not_enabled(owners)
    owners.replica.set_round("UNI/USD", 8 * 10**8, owners.replica.now() - 8 * 86_400)
    done = owners.act(actions._enable, module)
    assert (done.exit_code, "cannot be compared" in done.output, owners.modules()) == (1, True, ()), done.output


def test_set_targets__by_the_only_owner__says_the_lines_of_the_file(owners: Owners) -> None:
    module = owners.deployed()
    done = owners.act(actions._set_targets, module, ("WETH=35%", f"{LISTINGS['USDC'].token.address}=15%"))
    assert "WETH 30 %, WBTC 25 %, USDC 20 %, LINK 15 %, UNI 10 % → WETH 35 %, WBTC 25 %, USDC 15 %" in done.output
    assert owners.state(module).targets == (350_000, 250_000, 150_000, 150_000, 100_000)
    assert done.output.endswith("stops at the difference:\n  tokens.WETH.target: 35 %\n  tokens.USDC.target: 15 %\n")


def test_set_targets__into_a_file__is_to_be_mended_once_it_is_signed(owners: Owners) -> None:
    module, out = owners.deployed(), owners.folder / "targets.json"
    done = owners.act(actions._set_targets, module, ("WETH=35%", "USDC=15%"), role=None, out=out)
    assert "Once the owners have signed: mend the file too" in done.output
    (wanted,) = json.loads(out.read_text())["transactions"]
    assert wanted["contractInputsValues"] == {"targets": "[350000, 250000, 150000, 150000, 100000]"}
    assert owners.state(module).targets[0] == 300_000


def test_set_targets__two_tokens_of_one_name__only_the_address_tells(owners: Owners) -> None:
    module = owners.deployed()
    text = f"{0x20:064x}{4:064x}{b'WETH'.hex():0<64}"
    link = LISTINGS["LINK"].token.address
    owners.replica.rpc.call("anvil_setCode", link, "0x" + _returning(text))
    done = owners.act(actions._set_targets, module, ("WETH=35%", "USDC=15%"))
    assert (done.exit_code, "more than one asset is called so" in done.output) == (1, True), done.output
    weth = LISTINGS["WETH"].token.address
    done = owners.act(actions._set_targets, module, (f"{weth}=35%", "USDC=15%"))
    assert owners.state(module).targets == (350_000, 250_000, 150_000, 150_000, 100_000), done.output


def _returning(words: str) -> str:
    """The runtime code of a contract that returns `words`, whatever is asked: three words."""
    pushes = "".join(f"7f{words[64 * place : 64 * place + 64]}60{32 * place:02x}52" for place in range(3))
    return pushes + "60606000f3"


def test_set_operator__by_the_only_owner__says_the_lines_of_the_file(owners: Owners) -> None:
    module = owners.deployed()
    done = owners.act(actions._set_operator, module, NEXT)
    assert owners.state(module).operator == NEXT
    assert f'  wallet.operator: "{NEXT}"\n' in done.output
    assert "wallet.keystore, wallet.password_file: its key" in done.output


def test_set_guardian__to_another_and_to_nobody__says_the_line_of_the_file(owners: Owners) -> None:
    module = owners.deployed()
    assert f'  module.guardian: "{NEXT}"\n' in owners.act(actions._set_guardian, module, NEXT).output
    assert owners.state(module).guardian == NEXT
    assert "module.guardian: take the line out" in owners.act(actions._set_guardian, module, NOBODY).output
    assert owners.state(module).guardian == NOBODY


def test_pause_and_unpause__by_the_only_owner__do_it_once(owners: Owners) -> None:
    module = owners.deployed()
    assert "paused: no → yes" in owners.act(actions._pause, module).output
    assert owners.state(module).paused
    assert "Nothing to do." in owners.act(actions._pause, module).output
    assert owners.act(actions._unpause, module).exit_code == 0
    assert not owners.state(module).paused


def test_pause_and_drop__by_the_guardian__are_sent_at_once(owners: Owners) -> None:
    module = owners.deployed()
    owners.act(actions._pause, module, role="guardian")
    owners.act(actions._drop_operator, module, role="guardian")
    state = owners.state(module)
    assert (state.paused, state.operator) == (True, NOBODY)
    out = owners.folder / "unpause.json"
    owners.act(actions._unpause, module, role="guardian", out=out)
    assert owners.state(module).paused, "only a file for the owners was written"
    assert json.loads(out.read_text())["transactions"][0]["contractMethod"]["name"] == "unpause"


def test_remove__by_the_only_owner__the_safe_knows_it_no_longer(owners: Owners) -> None:
    module = owners.deployed()
    assert "enabled → not enabled" in owners.act(actions._remove, module).output
    assert owners.modules() == ()


REFUSED: dict[str, tuple[Callable[[Owners, Address], object], str]] = {
    "targets above 100 %": (lambda o, m: o.act(actions._set_targets, m, ("WETH=35%",)), "sum to 105 %, not to 100 %"),
    "a token that is none": (lambda o, m: o.act(actions._set_targets, m, ("DAI=5%",)), "DAI: no asset of this module"),
    "an owner as operator": (lambda o, m: o.act(actions._set_operator, m, o.actor("owner")), "is an owner of the Safe"),
    "the operator as guardian": (lambda o, m: o.act(actions._set_guardian, m, o.actor("operator")), "is the operator"),
    "a stranger's pause": (lambda o, m: o.act(actions._pause, m, role="attacker"), "is neither the guardian"),
    "no module there": (lambda o, m: o.act(actions._pause, LISTINGS["WETH"].token.address), "no RebalanceModule"),
    "a feed for a module": (lambda o, m: o.act(actions._pause, FEEDS["ETH/USD"].address), "no RebalanceModule"),
}


@pytest.mark.parametrize(("attempt", "words"), REFUSED.values(), ids=REFUSED)
def test_actions__what_would_be_refused__say_why_and_change_nothing(
    owners: Owners, attempt: Callable[[Owners, Address], object], words: str
) -> None:
    module = owners.deployed()
    before = owners.state(module)
    done = attempt(owners, module)
    assert words in done.output, done.output  # type: ignore[attr-defined]
    assert done.exit_code in (1, 2)  # type: ignore[attr-defined]
    assert owners.state(module) == before
