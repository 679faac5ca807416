"""The module's gas, scenario by scenario, against what is recorded in module_gas.json.

Compared to the unit: the contracts' code, the addresses, the pools and the prices of a new replica are always the same,
each scenario starts from it, and of what differs from run to run (the block's time) no gas depends. A change of the
contract changes the figures: look at the difference, then record them anew with

    RECORD_GAS=1 python -m pytest -p no:ape_test -q tests/contracts/test_module_gas.py
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from given_gas import LEGS, Leg, Rebalance, a_rebalance
from given_hostile import deploy
from given_module import Module, bytecode, v2_path, v3_path

from rebalancer.adapters.chain.codec import address_word, uint_word
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.venues.router import EXACT_INPUT_SINGLE
from rebalancer.adapters.wallets.module_abi import POLICY, STATE, constructor_data
from rebalancer.core.model.module import ModuleRoute
from rebalancer.replica.chain import Replica

RECORDED = Path(__file__).with_name("module_gas.json")
RECORD = "RECORD_GAS" in os.environ
TOKENS = 5
REST = 3_600
USDC, USDT_HUB = 1, 16
"""Places of hubs: an asset's, and the first of the policy's further hubs."""
TOKEN_IN, TOKEN_OUT, SAFE, AMOUNT_IN, MIN_OUT, CONSTANT = 2, 3, 1, 4, 5, 6
SINGLE = ((TOKEN_IN, 4), (TOKEN_OUT, 36), (SAFE, 100), (AMOUNT_IN, 132), (MIN_OUT, 164), (CONSTANT, 196))
"""What RouteCheck asks of exactInputSingle: kind and offset. The last is a price limit of zero; the fee is free."""
SINGLE_LENGTH = 4 + 7 * 32

Receipt = dict[str, Any]


def _again(replica: Replica, act: Callable[[], Receipt]) -> Receipt:
    """The second time: nonce, meters and balances are not zero, as they are in the life of a module."""
    replica.warp(REST)
    act()
    replica.warp(REST)
    return act()


def _swaps(count: int) -> Callable[[Replica], Receipt]:
    def run(replica: Replica) -> Receipt:
        made = a_rebalance(replica, LEGS[:count], TOKENS)
        return _again(replica, made.by_module)

    return run


def _over(path: int, leg: Leg = LEGS[0]) -> Callable[[Replica], Receipt]:
    """One swap, by another path between the tokens of `leg`."""

    def run(replica: Replica) -> Receipt:
        made = a_rebalance(replica, (leg,), TOKENS)
        return _again(replica, replace(made, swaps=(replace(made.swaps[0], path=path),)).by_module)

    return run


def _checked(replica: Replica) -> Receipt:
    checks = [(kind, offset, 32, 0) for kind, offset in SINGLE]
    checker = deploy(replica, "RouteCheck", EXACT_INPUT_SINGLE, SINGLE_LENGTH, checks)
    made = a_rebalance(replica, LEGS[:1], TOKENS, routes=(ModuleRoute(MAINNET.swap_router_02, checker),))
    data = _single(made)
    swap = replace(made.swaps[0], path=len(data))
    return _again(replica, lambda: made.module.rebalance((swap,), data))


def _single(made: Rebalance) -> bytes:
    swap, leg = made.swaps[0], made.legs[0]
    words = (
        address_word(made.tokens[swap.token_in].address),
        address_word(made.tokens[swap.token_out].address),
        uint_word(leg.fee),
        address_word(made.module.safe),
        uint_word(swap.amount_in),
        uint_word(swap.min_out),
        uint_word(0),
    )
    return EXACT_INPUT_SINGLE + b"".join(words)


def _module(replica: Replica) -> Module:
    return a_rebalance(replica, LEGS[:1], TOKENS).module


def _set_targets(replica: Replica) -> Receipt:
    module = _module(replica)
    targets = [int(target) for target in reversed(module.state().targets)]
    return module.by_safe("set_targets(uint256[])", targets)


def _pause(replica: Replica) -> Receipt:
    module = _module(replica)
    return replica.transact(module.guardian, module.address, "pause()")


def _read(selector: bytes) -> Callable[[Replica], Receipt]:
    """A view sent as a transaction: the receipt says what it costs, the transaction's base included."""

    def run(replica: Replica) -> Receipt:
        module = _module(replica)
        return replica.send(module.operator, module.address, "0x" + selector.hex())

    return run


def _deployment(replica: Replica) -> Receipt:
    module = _module(replica)
    targets = [int(target) for target in module.state().targets]
    arguments = constructor_data(module.policy, module.operator, module.guardian, targets)
    transaction = {
        "from": replica.actor("deployer").address,
        "data": "0x" + (bytecode("RebalanceModule") + arguments).hex(),
    }
    return replica.receipt(replica.rpc.call("eth_sendTransaction", transaction))


SCENARIOS: dict[str, Callable[[Replica], Receipt]] = {
    "rebalance_one_swap": _swaps(1),
    "rebalance_two_swaps": _swaps(2),
    "rebalance_four_swaps": _swaps(4),
    "rebalance_v2_path": _over(v2_path(), Leg("WETH", "DAI", 3000)),
    "rebalance_three_hop_v3_path": _over(v3_path((500, USDT_HUB), (100, USDC), (3000, 0))),
    "rebalance_route_with_checker": _checked,
    "set_targets_by_safe": _set_targets,
    "pause": _pause,
    "policy": _read(POLICY),
    "state": _read(STATE),
    "deployment": _deployment,
}


def _recorded() -> dict[str, int]:
    return dict(json.loads(RECORDED.read_text())) if RECORDED.is_file() else {}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_module_gas__of_a_scenario__is_as_recorded(replica: Replica, scenario: str) -> None:
    receipt = SCENARIOS[scenario](replica)
    assert receipt["status"] == "0x1"
    gas = int(receipt["gasUsed"], 16)
    if RECORD:
        figures = {**_recorded(), scenario: gas}
        RECORDED.write_text(json.dumps({name: figures[name] for name in SCENARIOS if name in figures}, indent=1) + "\n")
    expected = _recorded().get(scenario)
    assert gas == expected, f"{scenario}: {gas} gas, recorded {expected}; meant? RECORD_GAS=1 records it"


def test_module_gas__file__has_every_scenario_and_no_other() -> None:
    assert list(_recorded()) == list(SCENARIOS)
