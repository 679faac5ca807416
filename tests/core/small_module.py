"""The small market's wallet behind a RebalanceModule: the same assets, targets and prices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from small_market import ASSETS, ATTACKER, NOW, OPERATOR, OWNER, ROUTER, TARGETS, snapshot_with
from suggested_limits import SUGGESTED

from rebalancer.core.model import (
    NOBODY,
    ModuleAsset,
    ModulePolicy,
    ModuleRoute,
    ModuleState,
    ModuleWallet,
    SafeState,
    Snapshot,
)
from rebalancer.units import ONE, PPM, Address, Ppm, Usd, Weight

SAFE = Address("0x5000000000000000000000000000000000000005")
MODULE = Address("0x6000000000000000000000000000000000000006")
GUARDIAN = Address("0x7000000000000000000000000000000000000007")
HUB = Address("0x8000000000000000000000000000000000000008")
FEED = Address("0x9000000000000000000000000000000000000009")
DAY = 86_400
WIDER = ONE // PPM

MODULE_LIMITS = replace(SUGGESTED, max_loss=Ppm(5_000))
POLICY_ON_CHAIN = ModulePolicy(
    safe=SAFE,
    assets=tuple(
        ModuleAsset(token.address, FEED, 3_600, NOBODY, 0, Ppm(0), Ppm(PPM), Usd(0), Usd(0)) for token in ASSETS
    ),
    hubs=(HUB,),
    routes=(ModuleRoute(ATTACKER, FEED), ModuleRoute(ROUTER, NOBODY)),
    limits=MODULE_LIMITS,
)
STATE = ModuleState(
    operator=OPERATOR,
    guardian=GUARDIAN,
    paused=False,
    nonce=7,
    last=NOW - DAY,
    targets=tuple(Ppm(target.weight // WIDER) for target in TARGETS),
    loss_left=Weight(5_000 * WIDER),
    turnover_left=Weight(300_000 * WIDER),
    step_left=Weight(0),
)
SAFE_STATE = SafeState("1.4.1", 3, 2, (OWNER, GUARDIAN), (MODULE,))
WALLET_OF_MODULE = ModuleWallet(SAFE_STATE, MODULE, POLICY_ON_CHAIN, STATE)


def wallet_with(**changes: Any) -> ModuleWallet:
    """The wallet with other limits and another state, each by its name."""
    limits = {name: value for name, value in changes.items() if hasattr(MODULE_LIMITS, name)}
    state = {name: value for name, value in changes.items() if hasattr(STATE, name)}
    policy = replace(POLICY_ON_CHAIN, limits=replace(MODULE_LIMITS, **limits))
    return replace(WALLET_OF_MODULE, policy=policy, state=replace(STATE, **state))


def module_snapshot(*dollars: str | int, wallet: ModuleWallet = WALLET_OF_MODULE, **others: Any) -> Snapshot:
    """What a tick reads of a module's wallet that holds so many dollars of each of ASSETS."""
    return replace(snapshot_with(*dollars, **others), wallet=wallet)
