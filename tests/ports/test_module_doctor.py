"""The doctor of a RebalanceModule: what else may act for the Safe, and whether the module is ours; and a stolen key."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_keeper import Keeper
from given_modules import a_module_keeper, by_guardian, by_safe, module_of

from rebalancer.adapters.wallets.module_doctor import PROXIES
from rebalancer.cli.stolen_key import steal
from rebalancer.config import read_settings
from rebalancer.core.model import ModuleWallet
from rebalancer.market.addresses import keccak256
from rebalancer.replica.chain import Replica
from rebalancer.replica.safes import RELEASES, release_of
from rebalancer.wire import make_ports

ROUTER = "0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45"
GUARD_SLOT = "0x4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8"
MODULE_GUARD_SLOT = "0xb104e0b93118902c651344349b610029d694cfdec91c589c91ebafbcd0289947"
HANDLER_SLOT = "0x6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5"
FIRST = "0x0000000000000000000000000000000000000001"
"""Where a Safe's list of modules starts."""


@pytest.fixture
def keeper(replica: Replica, keystore: Path, tmp_path: Path, own_state: None) -> Keeper:
    """Off its targets, and not live yet."""
    return a_module_keeper(replica, tmp_path, keystore)


def troubles(keeper: Keeper) -> dict[str, str]:
    """What the doctor finds wrong; it must end as it says."""
    done = keeper.command("check", "--json")
    found = {row["check"]: row["seen"] for row in done.json["checks"] if not row["ok"]}
    assert done.json["ok"] is (done.code == 0) is (not found), done.said
    return found


def test_check__where_all_is_well__looks_at_module_safe_and_allowances(keeper: Keeper) -> None:
    done = keeper.command("check", "--json")
    assert done.code == 0, done.said
    seen = {row["check"]: row["seen"] for row in done.json["checks"]}
    assert "30 % of the wallet may be traded now and 0.15 % lost" in seen["module policy"]
    assert seen["module code"].startswith("this version's RebalanceModule, hash 0x")
    assert seen["Safe contract"].startswith("Safe 1.4.1") and seen["Safe proxy"] == "Safe's own proxy, of 1.4.1"
    assert [seen[n] for n in ("other modules", "transaction guard", "module guard")] == ["none"] * 3
    assert seen["fallback handler"] == "Safe's own, of 1.4.1"
    assert keeper.sent() == 0


@pytest.mark.parametrize("version", ["1.3.0", "1.5.0"])
def test_check__of_another_release_of_safe__knows_it_and_its_handler(keeper: Keeper, version: str) -> None:
    replica = keeper.replica
    slots = {hex(0): replica.place_safe(version), HANDLER_SLOT: release_of(replica.place_safe(version)).handler}
    for slot, account in slots.items():
        replica.rpc.call("anvil_setStorageAt", keeper.wallet, slot, "0x" + account[2:].zfill(64))
    done = keeper.command("check", "--json")
    seen = {row["check"]: row["seen"] for row in done.json["checks"]}
    assert done.code == 0 and seen["Safe contract"].startswith(f"Safe {version} at ")
    assert seen["fallback handler"] == f"Safe's own, of {version}"


@pytest.mark.parametrize("version", RELEASES)
def test_proxies__of_every_release__are_known_by_the_code_that_its_factory_makes(
    replica: Replica, version: str
) -> None:
    safe = replica.create_safe([replica.actor("owner").address], singleton=replica.place_safe(version))
    code = bytes.fromhex(replica.rpc.call("eth_getCode", safe, "latest")[2:])
    assert PROXIES["0x" + keccak256(code).hex()] == f"Safe's own proxy, of {version}"
    assert len(PROXIES) == len(RELEASES)


def test_check__of_a_safe_whose_proxy_obeys_somebody_else_too__names_its_code(keeper: Keeper) -> None:
    # CALLER == 0xde…de ? SELFDESTRUCT : DELEGATECALL to what slot 0 names, as a Safe's proxy does, and pass on what
    # that returns.
    asks, takes = "73" + "de" * 20 + "3314603e57", "5b33ff"
    delegates = "366000600037600060003660006000545af4" + "3d600060003e" + "603957" + "3d6000fd" + "5b3d6000f3"
    keeper.replica.rpc.call("anvil_setCode", keeper.wallet, f"0x{asks}{delegates}{takes}")
    found = troubles(keeper)
    assert set(found) == {"Safe proxy"} and "it may obey others than the owners" in found["Safe proxy"]
    assert keeper.wallet in found["Safe proxy"]


def test_check__of_a_safe_that_others_act_for__names_each_and_what_to_do(keeper: Keeper) -> None:
    stranger = keeper.replica.actor("attacker").address
    by_safe(keeper, keeper.wallet, "enableModule(address)", stranger)
    by_safe(keeper, keeper.wallet, "setFallbackHandler(address)", stranger)
    for slot in (GUARD_SLOT, MODULE_GUARD_SLOT):
        # As a guard would stand there: setting one asks it whether it is one.
        keeper.replica.rpc.call("anvil_setStorageAt", keeper.wallet, slot, "0x" + stranger[2:].zfill(64))
    keeper.replica.mine()
    found = troubles(keeper)
    assert set(found) == {"other modules", "fallback handler", "transaction guard", "module guard"}
    assert all(stranger in seen for seen in found.values())
    assert "setFallbackHandler(0x0…0)" in found["fallback handler"] and "disable" in found["other modules"]


def test_check__with_an_allowance_left_to_the_router__says_how_to_take_it_back(keeper: Keeper) -> None:
    usdc = keeper.replica.token("USDC").address
    by_safe(keeper, usdc, "approve(address,uint256)", ROUTER, 7 * 10**6)
    found = troubles(keeper)
    assert set(found) == {"standing allowance"}
    assert (
        "may still pull 7 USDC" in found["standing allowance"]
        and f"approve({ROUTER}, 0)" in found["standing allowance"]
    )


def test_check__of_a_module_with_other_code__trusts_none_of_its_answers(keeper: Keeper) -> None:
    code = keeper.replica.rpc.call("eth_getCode", module_of(keeper), "latest")
    # What WBTC's two feeds are divided by, one of the immutables: it says the same of itself, and counts otherwise.
    scale = f"{10**16:064x}"
    assert code.count(scale) == 1
    keeper.replica.rpc.call("anvil_setCode", module_of(keeper), code.replace(scale, f"{10**15:064x}"))
    found = troubles(keeper)
    assert set(found) == {"module code"} and "trust none of its answers" in found["module code"]


@pytest.mark.parametrize(
    ("act", "check"),
    [
        (lambda k: by_guardian(k, "pause()"), "RebalanceModule: paused"),
        (lambda k: by_safe(k, k.wallet, "disableModule(address,address)", FIRST, k.module), "module_enabled"),
        (
            lambda k: by_safe(k, k.wallet, "addOwnerWithThreshold(address,uint256)", k.operator.address, 1),
            "RebalanceModule: operator_is_owner",
        ),
        (lambda k: by_guardian(k, "drop_operator()"), "one snapshot"),
        (lambda k: k.edit("decimals: 6\n    target", "decimals: 8\n    target"), "one snapshot"),
    ],
    ids=["paused", "disabled", "owner", "dropped", "decimals"],
)
def test_check__of_a_module_that_cannot_act__names_the_rule(keeper: Keeper, act: object, check: str) -> None:
    assert callable(act)
    act(keeper)
    assert check in troubles(keeper)


def test_check__while_a_feed_is_silent__names_it_as_soon_as_the_module_would(keeper: Keeper) -> None:
    keeper.replica.set_round("UNI/USD", 8 * 10**8, keeper.replica.now() - 3_800)
    assert troubles(keeper) == {}
    keeper.replica.set_round("UNI/USD", 8 * 10**8, keeper.replica.now() - 4_000)
    assert "one snapshot" in troubles(keeper)


# ---------------------------------------------------------------- the demo's thief


def test_steal__where_the_operator_has_become_an_owner__says_what_went_through(keeper: Keeper) -> None:
    wallet = make_ports(read_settings(keeper.config)).chain.read().wallet
    assert isinstance(wallet, ModuleWallet)
    by_safe(keeper, keeper.wallet, "addOwnerWithThreshold(address,uint256)", keeper.operator.address, 1)
    first, *_, last = steal(keeper.replica, wallet)
    assert first.refused_by is None and last.refused_by is None
    assert keeper.replica.balance("WETH", keeper.operator.address) == 40 * 10**18


def test_steal__of_a_module_that_nothing_goes_around__has_none_of_three_attempts_succeed(keeper: Keeper) -> None:
    wallet = make_ports(read_settings(keeper.config)).chain.read().wallet
    assert isinstance(wallet, ModuleWallet)
    attacks = steal(keeper.replica, wallet)
    assert len(attacks) == 3 and all(attack.refused_by for attack in attacks)
    assert keeper.replica.balance("WETH", keeper.operator.address) == 0 and keeper.sent() == 3
