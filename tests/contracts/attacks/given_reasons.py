"""What a refused call says: the rule, out of the revert's data, and all the rules that there are."""

from __future__ import annotations

import re
from pathlib import Path

from eth_abi.abi import decode as abi_decode

from rebalancer.adapters.chain.rpc import RpcError

CONTRACTS = Path(__file__).resolve().parents[3] / "contracts"
ASSERTED = re.compile(r'^ *assert .*, "((?:RebalanceModule|RouteCheck): \w+)"$', re.MULTILINE)
NO_REASON = ""
"""Where nothing says why: the lock, a token that reverts, an array that is too long."""
BEFORE_EXECUTION = {
    *("paused", "deadline", "nonce", "cooldown", "sequencer", "grace", "answer", "future", "heartbeat", "band"),
    *("swaps", "route", "tokens", "min_trade", "max_trade", "sells_overweight", "buys_underweight"),
    *("sells_past_target", "buys_past_target", "min_out", "amount_in", "path", "hub", "hub_twice", "call"),
}
"""Rules that preview() has too."""


def reason_of(error: RpcError) -> str:
    """The whole text of a revert, of Solidity's and Vyper's kind; NO_REASON where there is none."""
    data = bytes.fromhex((error.data or "0x")[2:])
    if data[:4].hex() != "08c379a0":
        return NO_REASON
    return str(abi_decode(["string"], data[4:])[0])


def in_full(rule: str) -> str:
    """The reason that goes with a rule: of the module, unless it says whose it is."""
    return rule if ":" in rule or rule == NO_REASON or rule.startswith("GS") else f"RebalanceModule: {rule}"


def all_rules() -> set[str]:
    """Every one that a contract of ours, and no mock, may give as its reason; of the module by the rule alone."""
    texts = [path.read_text() for path in sorted(CONTRACTS.glob("*.vy"))]
    return {reason.removeprefix("RebalanceModule: ") for text in texts for reason in ASSERTED.findall(text)}
