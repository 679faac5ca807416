#!/usr/bin/env python3
"""What the module's walls cost in gas, over the same swaps as the Safe's own batch and from an account of its own.

Real Safe 1.4.1, SwapRouter02, V3 pools and EACAggregatorProxy on the replica; built routes; one feed for each token.
`safe_batch` is the transaction of the wallet kind `safe`: approvals, swaps with their deadline, approvals back to
zero, by MultiSendCallOnly, the operator as its one owner. `safe_batch_bare` leaves out the deadline, which the module
checks for itself. `access_lists`: what both would be if sent with lists of the accounts and slots that they touch;
no other figure uses them. `bare`: the overhead of contracts/mocks/BareModule.vy, which makes the same calls and checks
nothing, and what a further token costs it; `left_for_rules`: the limits less that. All gas is that of receipts: with
the transaction's base and calldata, after refunds.
Exit 1 where a limit is passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "contracts"))

from gas_parts import parts_of
from given_gas import ROUTER, Rebalance, a_rebalance, fill, legs_of
from given_module import FAR, asset

from rebalancer.adapters.wallets.module_abi import rebalance_data
from rebalancer.core.model.module import NOBODY
from rebalancer.replica.bytecode import mock_init_code
from rebalancer.replica.calls import encode_values
from rebalancer.replica.chain import Replica

WORDS = {1: "one_swap", 2: "two_swaps", 4: "four_swaps"}
TOKENS = {3: "three_tokens", 5: "five_tokens", 10: "ten_tokens"}
LIMITS = {"two_swaps_five_tokens.overhead": 100_000, "per_further_token": 24_000}
REST = 3_600
"""Seconds between two rebalances: beyond the cooldown."""


def main() -> int:
    """0 where the overhead keeps to its limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    arguments = parser.parse_args()
    with Replica.start() as replica:
        figures = measure(replica)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name}: {value}" for name, value in figures.items()))
    return 0 if figures["ok"] else 1


def measure(replica: Replica) -> dict[str, Any]:
    """Every figure, by name."""
    cases = {
        f"{swaps_word}_{tokens_word}": case(replica, swaps, tokens)
        for swaps, swaps_word in WORDS.items()
        for tokens, tokens_word in TOKENS.items()
    }
    main_case = cases["two_swaps_five_tokens"]
    slope = max(_slope(cases, word, "overhead") for word in WORDS.values())
    bare_slope = max(_slope(cases, word, "bare_overhead") for word in WORDS.values())
    bare = {"two_swaps_five_tokens": main_case["bare_overhead"], "per_further_token": bare_slope}
    return {
        "benchmark": "module_gas",
        "compared_with": "the Safe's own batch by MultiSendCallOnly, and plain transactions of an account",
        **{name: {key: figures[key] for key in _KEYS} for name, figures in cases.items()},
        "safe_batch_bare": {name: figures["safe_batch_bare"] for name, figures in cases.items()},
        "access_lists": {
            name: {"safe_batch": figures["safe_batch_listed"], "module": figures["module_listed"]}
            for name, figures in cases.items()
        },
        "per_further_token": slope,
        "second_feed": second_feed(replica),
        "parts": parts(replica),
        "bare": bare,
        "limits": LIMITS,
        "left_for_rules": {
            "two_swaps_five_tokens": LIMITS["two_swaps_five_tokens.overhead"] - bare["two_swaps_five_tokens"],
            "per_further_token": LIMITS["per_further_token"] - bare["per_further_token"],
        },
        "ok": main_case["overhead"] <= LIMITS["two_swaps_five_tokens.overhead"]
        and slope <= LIMITS["per_further_token"],
    }


_KEYS = ("swap_only", "safe_batch", "module", "overhead")


def _slope(cases: dict[str, dict[str, int]], word: str, key: str) -> int:
    """The overhead `key` of one more token between five and ten, rounded up."""
    return -((cases[f"{word}_five_tokens"][key] - cases[f"{word}_ten_tokens"][key]) // 5)


def case(replica: Replica, swaps: int, tokens: int) -> dict[str, int]:
    """The same swaps in the three ways, each on the same state."""
    with replica.scratch():
        made = a_rebalance(replica, legs_of(swaps, tokens), tokens)
        operator = made.module.operator
        safe = replica.create_safe([operator], salt=1)
        for holder in (safe, operator):
            fill(replica, holder, made.tokens, made.legs)
        replica.warp(REST)
        alone = second_time(replica, lambda: made.by_account(operator))
        batch = second_time(replica, lambda: [made.by_safe(safe)])
        bare = second_time(replica, lambda: [made.by_safe(safe, deadline=False)])
        module = second_time(replica, lambda: [made.by_module()])
        listed_batch = second_time(replica, lambda: [made.by_safe(safe, listed=True)])
        listed_module = second_time(replica, lambda: [made.by_module(listed=True)])
        by_bare = a_bare_module(replica, made)
        see_same_work(replica, made.by_module, by_bare)
        unruled = second_time(replica, lambda: [by_bare()])
    return {
        "swap_only": _gas(alone),
        "safe_batch": _gas(batch),
        "safe_batch_bare": _gas(bare),
        "module": _gas(module),
        "overhead": _gas(module) - _gas(batch),
        "safe_batch_listed": _gas(listed_batch),
        "module_listed": _gas(listed_module),
        "bare_overhead": _gas(unruled) - _gas(batch),
    }


def a_bare_module(replica: Replica, made: Rebalance) -> Callable[[], dict[str, Any]]:
    """The same swaps of the same Safe by a module that checks nothing, with the calldata of the measured time."""
    module = made.module
    targets = sum(int(target) << (20 * place) for place, target in enumerate(module.state().targets))
    arguments = encode_values(
        ("address", "address", "address", "uint256", "address[]", "address[]"),
        *(module.safe, module.operator, ROUTER, targets),
        [each.token for each in module.policy.assets],
        [each.feed for each in module.policy.assets],
    )
    bare = replica.deploy(bytes.fromhex(mock_init_code("BareModule")[2:] + arguments))
    replica.transact(module.safe, module.safe, "enableModule(address)", bare)
    data = "0x" + rebalance_data(made.swaps, b"", FAR, 1).hex()
    return lambda: replica.send(module.operator, bare, data)


def see_same_work(replica: Replica, *acts: Callable[[], dict[str, Any]]) -> None:
    """AssertionError unless all make the same calls with the same data in the same order, and move the same.

    But for zeros at the end of the data: a call with Bytes is sent as long as the interface bounds it.
    """
    seen = []
    for act in acts:
        with replica.scratch():
            receipt = act()
            options = [receipt["transactionHash"], {"tracer": "callTracer"}]
            calls = replica.rpc.call("debug_traceTransaction", *options)["calls"]
            # The Safe's own log names the module, and the module's is its own.
            apart = {receipt["to"], next(call["to"] for call in calls if _is_call(call))}
            moved = [
                (log["address"], log["topics"], log["data"]) for log in receipt["logs"] if log["address"] not in apart
            ]
            seen.append(([(call["type"], call["to"], call["input"].rstrip("0")) for call in calls], moved))
    if any(each != seen[0] for each in seen):
        raise AssertionError("contracts/mocks/BareModule.vy: other calls or other transfers than RebalanceModule's")


def _is_call(call: dict[str, Any]) -> bool:
    return bool(call["type"] == "CALL")


def second_time(replica: Replica, act: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The receipts of doing it again, a while after the first time; then all is as it was."""
    with replica.scratch():
        act()
        replica.warp(REST)
        return act()


def second_feed(replica: Replica) -> int:
    """What it costs when a token's price is the product of two feeds: BTC/USD times WBTC/BTC."""
    gas = []
    for last in (replace(asset("WBTC"), second_feed=NOBODY, second_heartbeat=0), asset("WBTC")):
        with replica.scratch():
            assets = tuple(asset(symbol) for symbol in ("WETH", "USDC", "LINK", "DAI"))
            made = a_rebalance(replica, legs_of(2, 5), 5, assets=(*assets, last))
            replica.warp(REST)
            gas.append(_gas(second_time(replica, lambda: [made.by_module()])))  # noqa: B023
    return gas[1] - gas[0]


def parts(replica: Replica) -> dict[str, int]:
    """Of two swaps with five tokens."""
    with replica.scratch():
        made = a_rebalance(replica, legs_of(2, 5), 5)
        replica.warp(REST)
        made.by_module()
        replica.warp(REST)
        return parts_of(replica, made.by_module())


def _gas(receipts: list[dict[str, Any]]) -> int:
    return sum(int(receipt["gasUsed"], 16) for receipt in receipts)


if __name__ == "__main__":
    sys.exit(main())
