"""The file for Safe's Transaction Builder, and the transaction of a single owner."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from given_module import a_module

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.chain import Replica
from rebalancer.units import Address
from scripts._owners.batch import OwnersCall, builder_file, checksum, disable_module, enable_module, execution
from scripts._owners.sight import FIRST, Sight

SAFE, MODULE, OTHER = (Address(f"0x{'0' * 38}{tail}") for tail in ("A1", "b2", "C3"))
DOWNLOADED: dict[str, Any] = {
    "version": "1.0",
    "chainId": "1",
    "createdAt": 1761326849944,
    "meta": {
        "name": "Transactions Batch",
        "description": "",
        "txBuilderVersion": "1.18.2",
        "createdFromSafeAddress": "0xA77DE01e157f9f57C7c4A326eeE9C4874D0598b6",
        "createdFromOwnerAddress": "",
        "checksum": "0x8b5032f716845c8b08bab3d63dbd9ba92e056f3557793cd041e59b84e16aa989",
    },
    "transactions": [
        {
            "to": "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
            "value": "0",
            "data": None,
            "contractMethod": {
                "inputs": [
                    {"internalType": "address", "name": "spender", "type": "address"},
                    {"internalType": "uint256", "name": "value", "type": "uint256"},
                ],
                "name": "approve",
                "payable": False,
            },
            "contractInputsValues": {"spender": "0x474e5Ded6b5D078163BFB8F6dBa355C3aA5478C8", "value": "100000000000"},
        }
    ],
}
"""A file as the app itself has made it."""


def test_checksum__of_a_file_that_the_app_made__is_the_apps() -> None:
    assert checksum(DOWNLOADED) == DOWNLOADED["meta"]["checksum"]


def test_checksum__of_a_changed_file__is_another() -> None:
    changed = copy.deepcopy(DOWNLOADED)
    changed["transactions"][0]["contractInputsValues"]["value"] = "100000000001"
    assert checksum(changed) != DOWNLOADED["meta"]["checksum"]


def test_builder_file__of_two_calls__has_the_apps_keys_and_texts() -> None:
    targets = OwnersCall(MODULE, "set_targets", (("targets", "uint256[]"),), ((600_000, 400_000),))
    content = builder_file(1, SAFE, "replace", [disable_module(SAFE, FIRST, MODULE), targets], 1_700_000_000)
    assert {key: set(value) for key, value in content.items() if key == "meta"} == {"meta": set(DOWNLOADED["meta"])}
    assert set(content) == set(DOWNLOADED)
    assert set(content["transactions"][0]) == set(DOWNLOADED["transactions"][0])
    assert content["createdAt"] == 1_700_000_000_000
    assert content["meta"]["checksum"] == checksum(content)
    assert content["transactions"][0]["contractInputsValues"] == {"prevModule": FIRST, "module": MODULE}
    assert content["transactions"][1]["contractInputsValues"] == {"targets": "[600000, 400000]"}


def _a_safe(replica: Replica) -> tuple[Address, Address]:
    module = a_module(replica)
    return module.safe, module.address


def test_execution__of_two_calls__does_both_in_one_transaction(replica: Replica) -> None:
    safe, module = _a_safe(replica)
    owner = replica.actor("owner").address
    calls = [disable_module(safe, FIRST, module), enable_module(safe, OTHER)]
    replica.send(owner, safe, "0x" + execution(safe, MAINNET.multi_send_call_only, owner, calls).hex())
    assert Sight(replica.rpc).safe(safe).modules == (OTHER,)
    assert replica.read(safe, "nonce()") == (1,)


def test_execution__of_one_call__does_it(replica: Replica) -> None:
    safe, module = _a_safe(replica)
    owner = replica.actor("owner").address
    call = OwnersCall(module, "pause")
    replica.send(owner, safe, "0x" + execution(safe, MAINNET.multi_send_call_only, owner, [call]).hex())
    found = Sight(replica.rpc).module(module)
    assert found is not None and found[1].paused


def test_execution__one_of_two_calls_reverts__neither_happens(replica: Replica) -> None:
    safe, module = _a_safe(replica)
    owner = replica.actor("owner").address
    calls = [enable_module(safe, OTHER), disable_module(safe, OTHER, MODULE)]
    data = "0x" + execution(safe, MAINNET.multi_send_call_only, owner, calls).hex()
    with pytest.raises(RpcError):
        replica.send(owner, safe, data)
    assert Sight(replica.rpc).safe(safe).modules == (module,)


def test_execution__sent_by_somebody_else__the_safe_refuses_it(replica: Replica) -> None:
    safe, module = _a_safe(replica)
    owner, attacker = replica.actor("owner").address, replica.actor("attacker").address
    data = execution(safe, MAINNET.multi_send_call_only, owner, [OwnersCall(module, "pause")])
    with pytest.raises(RpcError, match="GS025"):
        replica.send(attacker, safe, "0x" + data.hex())
