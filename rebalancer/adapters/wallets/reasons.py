"""Why a batch fails: the Safe says no more than GS013 of it, a module no more than that a call failed, so its calls are
run one by one until one fails.
"""

from __future__ import annotations

from collections.abc import Sequence

from rebalancer.adapters.chain.codec import revert_reason
from rebalancer.adapters.wallets.abi import transfer
from rebalancer.adapters.wallets.simulation import Place, Simulator
from rebalancer.adapters.wallets.steps import Step
from rebalancer.core.module_books import PREFIX
from rebalancer.units import Address

_INSIDE = "GS013"
_SAFE_SAYS = {
    "GS001": "the Safe has no threshold: it was never set up",
    "GS010": "too little gas",
    _INSIDE: "the batch fails inside the Safe",
    "GS020": "one signature is too few: the Safe's threshold is above 1",
    "GS025": "the sender is not the owner who is to have approved",
    "GS026": "the operator is no owner of the Safe",
}
"""docs/error_codes.md of the Safe's contracts, those that this batch can meet."""

_MODULE_SAYS = {
    "only_operator": "the module has another operator, or none",
    "paused": "the guardian or the owners have paused the module",
    "deadline": "it came too late",
    "nonce": "another rebalance came before it",
    "cooldown": "the last rebalance is too near",
    "heartbeat": "a feed is silent",
    "payment": "a token refuses to be sent",
    "approve": "a token refuses an approval",
    "execution": "a router refuses a swap: its pools pay less than the floor, or a token does not move",
    "balances": "a swap brought less than its floor",
    "max_loss": "the window's loss is used up",
    "max_turnover": "the window's turnover is used up",
}
"""Reasons of contracts/RebalanceModule.vy whose name alone does not say it to everybody."""
_HIDING = ("RebalanceModule: payment", "RebalanceModule: execution", "RebalanceModule: approve")
_NOT_ENABLED = "GS104"
"""What a Safe says to an account that is none of its modules."""

_TRANSFER_FAILED = ("TF", "STF", "UniswapV2: TRANSFER_FAILED")
"""What TransferHelper of V3 and the pairs of V2 say in place of a token's own words."""


def safe_reason(data: bytes) -> str:
    """The Safe's own code, with its meaning."""
    said = revert_reason(data)
    return f"{said} ({_SAFE_SAYS[said]})" if said in _SAFE_SAYS else said


def hides_the_reason(data: bytes) -> bool:
    """Whether the Safe reverted only because a call of the batch did."""
    return revert_reason(data) == _INSIDE


def module_reason(data: bytes) -> str:
    """The module's own reason, with its meaning."""
    said = revert_reason(data)
    if said == _NOT_ENABLED:
        return f"{said} (the Safe has not enabled the module, or not any more)"
    meaning = _MODULE_SAYS.get(said.removeprefix(PREFIX)) if said.startswith(PREFIX) else None
    return f"{said} ({meaning})" if meaning else said


def hides_a_call(data: bytes) -> bool:
    """Whether the module reverted because a call of the Safe did, which keeps its reason to itself.

    Of a token that refuses an approval in many words the module has no room for the words: it reverts without any.
    """
    return not data or revert_reason(data) in _HIDING


def first_failure(simulator: Simulator, safe: Address, steps: Sequence[Step], place: Place) -> str | None:
    """The first step that fails when the Safe makes them one by one, and why. None: none does. Raises Unavailable."""
    results = simulator.run(safe, [step.call for step in steps], place)
    for step, result in zip(steps, results, strict=True):
        if not result.success:
            said = revert_reason(result.data)
            refusal = _refusal(simulator, safe, step, place) if said in _TRANSFER_FAILED else None
            return f"{step.label}: {said}" + (f" ({refusal})" if refusal else "")
    return None


def _refusal(simulator: Simulator, safe: Address, step: Step, place: Place) -> str | None:
    """Which token of a step refuses to move at all, in its own words: asked by moving nothing of it."""
    probes = simulator.run(safe, [transfer(token.address, safe, 0) for token in step.moves], place)
    refused = (f"{t}: {revert_reason(p.data)}" for t, p in zip(step.moves, probes, strict=True) if not p.success)
    return next(refused, None)
