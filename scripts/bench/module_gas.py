#!/usr/bin/env python3
"""What the module's walls cost in gas, over the same swaps as the Safe's own batch and from an account of its own.

Real Safe 1.4.1, SwapRouter02, V3 pools and EACAggregatorProxy on the replica; built routes; one feed for each token.
`safe_batch` is the transaction of the wallet kind `safe`: approvals, swaps with their deadline, approvals back to
zero, by MultiSendCallOnly, the operator as its one owner. `safe_batch_bare` leaves out the deadline, which the module
checks for itself. `bare`: the overhead of contracts/mocks/BareModule.vy, which makes the same calls and checks
nothing, and what a further token costs it; `left_for_rules`: the limits less that.
Every transaction of a Safe or of a module is measured as the keeper sends it: with an access list (EIP-2930, made by
the keeper's own code) where that is cheaper, without one where it is not, each for itself. `without_access_lists`: the
same figures where none has one. The parts, and the account's own swaps, have none either.
All gas is that of receipts: with the transaction's base and calldata, after refunds. Exit 1 where a limit is passed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "core"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "contracts"))

from gas_parts import parts_of
from given_gas import ROUTER, Rebalance, a_rebalance, fill, legs_of
from given_module import FAR, asset

from rebalancer.adapters.wallets.module_abi import rebalance_data
from rebalancer.core.model import Call
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
    slope = _slope(cases, "overhead")
    bare = {
        "two_swaps_five_tokens": main_case["bare_overhead"],
        "per_further_token": _slope(cases, "bare_overhead"),
    }
    return {
        "benchmark": "module_gas",
        "compared_with": "the Safe's own batch by MultiSendCallOnly, and plain transactions of an account",
        **{name: {key: figures[key] for key in _KEYS} for name, figures in cases.items()},
        "safe_batch_bare": {name: figures["safe_batch_bare"] for name, figures in cases.items()},
        "per_further_token": slope,
        "without_access_lists": {
            **{name: {key: figures[f"plain_{key}"] for key in _PLAIN_KEYS} for name, figures in cases.items()},
            "per_further_token": _slope(cases, "plain_overhead"),
        },
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


_PLAIN_KEYS = ("safe_batch", "module", "overhead")
_KEYS = ("swap_only", *_PLAIN_KEYS)


def _slope(cases: dict[str, dict[str, int]], key: str) -> int:
    """The overhead `key` of one more token between five and ten, rounded up, where it is most."""
    pairs = ((cases[f"{word}_five_tokens"][key], cases[f"{word}_ten_tokens"][key]) for word in WORDS.values())
    return max(-((five - ten) // 5) for five, ten in pairs)


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
        batch = both_ways(replica, partial(made.by_safe, safe))
        bare = both_ways(replica, partial(made.by_safe, safe, deadline=False))
        module = both_ways(replica, made.by_module)
        by_bare = a_bare_module(replica, made)
        see_same_work(replica, made.by_module, by_bare)
        unruled = both_ways(replica, by_bare)
    return {
        "swap_only": alone,
        "safe_batch": batch.as_sent,
        "safe_batch_bare": bare.as_sent,
        "module": module.as_sent,
        "overhead": module.as_sent - batch.as_sent,
        "plain_safe_batch": batch.plain,
        "plain_module": module.plain,
        "plain_overhead": module.plain - batch.plain,
        "bare_overhead": unruled.as_sent - batch.as_sent,
    }


class Act(Protocol):
    """One transaction, with an access list where `listed`."""

    def __call__(self, *, listed: bool = False) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Gas:
    """Of one transaction without an access list, and as the keeper sends it."""

    plain: int
    as_sent: int


def both_ways(replica: Replica, act: Act) -> Gas:
    """The keeper's rule: a list is sent where the gas is lower with it."""
    plain = second_time(replica, lambda: [act()])
    return Gas(plain, min(plain, second_time(replica, lambda: [act(listed=True)])))


def a_bare_module(replica: Replica, made: Rebalance) -> Act:
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
    return partial(made.send, module.operator, Call(bare, rebalance_data(made.swaps, b"", FAR, 1)))


def see_same_work(replica: Replica, *acts: Act) -> None:
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


def second_time(replica: Replica, act: Callable[[], list[dict[str, Any]]]) -> int:
    """The gas of doing it again, a while after the first time; then all is as it was."""
    with replica.scratch():
        act()
        replica.warp(REST)
        return sum(int(receipt["gasUsed"], 16) for receipt in act())


def second_feed(replica: Replica) -> int:
    """What it costs when a token's price is the product of two feeds: BTC/USD times WBTC/BTC."""
    gas = []
    for last in (replace(asset("WBTC"), second_feed=NOBODY, second_heartbeat=0), asset("WBTC")):
        with replica.scratch():
            assets = tuple(asset(symbol) for symbol in ("WETH", "USDC", "LINK", "DAI"))
            made = a_rebalance(replica, legs_of(2, 5), 5, assets=(*assets, last))
            replica.warp(REST)
            gas.append(both_ways(replica, made.by_module).as_sent)
    return gas[1] - gas[0]


def parts(replica: Replica) -> dict[str, int]:
    """Of two swaps with five tokens."""
    with replica.scratch():
        made = a_rebalance(replica, legs_of(2, 5), 5)
        replica.warp(REST)
        made.by_module()
        replica.warp(REST)
        return parts_of(replica, made.by_module())


if __name__ == "__main__":
    sys.exit(main())
