"""Where the gas of one rebalance went: a transaction's call tree in, gas by part out. The parts sum to the gas used."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rebalancer.adapters.wallets.module_abi import REBALANCE
from rebalancer.replica.chain import Replica

# EIP-2028, EIP-2929, EIP-2200, EIP-3529.
BASE = 21_000
ZERO_BYTE, BYTE = 4, 16
COLD_ACCOUNT, WARM_ACCOUNT = 2_600, 100
COLD_SLOT, RESET_SLOT = 2_100, 2_900
CLEARED = 19_900
"""Given back where a slot of zero is set and cleared in one transaction: what the router is paid, and pays on."""
LOG, LOG_BYTE = 375, 8

READS = {
    "feaf968c": "feeds",  # latestRoundData()
    "70a08231": "balances",  # balanceOf(address)
}
BY_SAFE = "468721a7"
"""execTransactionFromModule(address,uint256,bytes,uint8)"""
SLOTS = 3
"""Of the module: operator, targets, meters; the last is written too."""


def parts_of(replica: Replica, receipt: dict[str, Any]) -> dict[str, int]:
    """`safe_calls` is what the Safe itself takes around each payment, `code` the module's own computing.

    A refund is taken off the payments. An account's first touch counts for the part that touches it.
    """
    trace = replica.rpc.call("debug_traceTransaction", receipt["transactionHash"], {"tracer": "callTracer"})
    data = bytes.fromhex(trace["input"][2:])
    if data[:4] != REBALANCE:
        raise ValueError(f"{receipt['transactionHash']} is no rebalance")
    total = int(receipt["gasUsed"], 16)
    parts: Counter[str] = Counter(transaction=BASE + sum(BYTE if byte else ZERO_BYTE for byte in data))
    seen = {trace["to"]}
    # The Safe's ether is read before any call of it.
    safe = next(call["to"] for call in trace["calls"] if _part(call) == "payments")
    parts["safe_calls"] += COLD_ACCOUNT
    seen.add(safe)
    for call in trace["calls"]:
        part = _part(call)
        gas = int(call["gasUsed"], 16) + (WARM_ACCOUNT if call["to"] in seen else COLD_ACCOUNT)
        if part == "payments":
            inner = int(_inner(call)["gasUsed"], 16)
            parts["safe_calls"] += gas - inner
            gas = inner
        parts[part] += gas
        seen |= _addresses(call)
    parts["payments"] -= CLEARED * sum(_part(call) == "router" for call in trace["calls"])
    parts["storage"] = SLOTS * COLD_SLOT + RESET_SLOT
    event = next(log for log in receipt["logs"] if log["address"] == trace["to"])
    parts["event"] = LOG * (1 + len(event["topics"])) + LOG_BYTE * (len(event["data"]) // 2 - 1)
    parts["code"] = total - sum(parts.values())
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def _part(call: dict[str, Any]) -> str:
    selector = call["input"][2:10]
    return "payments" if selector == BY_SAFE else READS.get(selector, "router")


def _inner(call: dict[str, Any]) -> dict[str, Any]:
    """What a module's call of a Safe is about: the Safe's proxy delegates to its singleton, which makes one call."""
    made: dict[str, Any] = call["calls"][0]["calls"][0]
    return made


def _addresses(call: dict[str, Any]) -> set[str]:
    return {call["to"]}.union(*(_addresses(inner) for inner in call.get("calls", [])))
