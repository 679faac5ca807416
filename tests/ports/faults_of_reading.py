"""What goes wrong in a node that is read: it is behind, it lies, it forgets, it knows no such method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from given_faults import Fault, Json, error, fields, result
from given_keeper import HOLDINGS
from given_trials import Case, World

RECEIPT, CALL, HEADER = "eth_getTransactionReceipt", "eth_call", "eth_getBlockByNumber"
KNOWN, SIMULATE, HISTORY = "eth_getTransactionByHash", "eth_simulateV1", "eth_feeHistory"
ABSURD = "0x" + "11" * 32
OLD_BLOCK = 2
"""Of the replica's first day."""

SETTLES = ("settled", "held")
RECOVERS = ("Unavailable", "settled", "held")
WAITS = ("pending", "settled", "held")


# ---------------------------------------------------------------- nodes that are behind


def stuck_at(number: int) -> Fault:
    """As if no later block had ever come."""

    def ask(call: Json) -> Json:
        return {**call, "params": [hex(number) if p in ("latest", "pending") else p for p in call["params"]]}

    def answer(call: Json, true: Json) -> Json | None:
        found = true.get("result")
        if call["method"] in (RECEIPT, KNOWN) and isinstance(found, dict):
            later = found.get("blockNumber") is not None and int(found["blockNumber"], 16) > number
            return {**true, "result": None} if later and call["method"] == RECEIPT else true
        if call["method"] == HEADER and isinstance(found, dict) and int(found["number"], 16) > number:
            return {**true, "result": None}
        return true

    return Fault(ask=ask, answer=answer)


def behind(blocks: int) -> Callable[[World], Fault]:
    return lambda world: stuck_at(world.head() - blocks)


def behind_when_it_lands(world: World) -> Fault:
    """Honest until it is asked for a receipt."""
    fault = stuck_at(world.head() - 2)
    return Fault(on=(RECEIPT,), whole=True, ask=fault.ask, answer=fault.answer)


def looked_before(world: World) -> None:
    """A tick that has seen the newest block, and sent nothing."""
    world.replica.mine(3)
    world.tick(live=False)


def some_blocks(world: World) -> None:
    world.replica.mine(5)


def header_of_another(call: Json) -> Json:
    newest = call["params"][0] == "latest"
    return {**call, "params": [hex(OLD_BLOCK), False]} if newest else call


def one_less(value: Any) -> str:
    return hex(int(value, 16) - 1)


# ---------------------------------------------------------------- nodes that lie


def instead_of(true: int, lie: int) -> Callable[[Json, Json], Json]:
    """One word of return data for another, wherever it stands."""

    def change(call: Json, answer: Json) -> Json:
        if not isinstance(answer.get("result"), str):
            return answer
        return {**answer, "result": answer["result"].replace(f"{true:064x}", f"{lie:064x}")}

    return change


def half_a_balance() -> Fault:
    return Fault(on=(CALL,), answer=instead_of(HOLDINGS["WETH"], HOLDINGS["WETH"] // 2))


def a_price_off(per_mille: int) -> Callable[[World], Fault]:
    """One feed's answer, so much higher."""

    def fault(world: World) -> Fault:
        price = world.replica.prices["WETH"]
        return Fault(on=(CALL,), answer=instead_of(price, price * (1_000 + per_mille) // 1_000))

    return fault


def without_override(call: Json) -> Json:
    return {**call, "params": call["params"][:2]}


def gas_of(change: Callable[[int], int]) -> Callable[[Json, Json], Json]:
    """What a simulation says that its calls have used."""

    def changed(call: Json, answer: Json) -> Json:
        blocks = answer.get("result")
        for block in blocks if isinstance(blocks, list) else []:
            for each in block["calls"]:
                each["gasUsed"] = hex(change(int(each["gasUsed"], 16)))
        return answer

    return changed


CASES = (
    Case("behind the last block seen", behind(2), RECOVERS, "behind block", before=looked_before),
    Case("behind by three blocks at all times", behind(3), WAITS, "", before=some_blocks),
    Case("behind when it is asked for the receipt", behind_when_it_lands, RECOVERS, "behind block"),
    Case("its newest block is a day old", stuck_at(OLD_BLOCK), RECOVERS, "s old, expected at most"),
    Case("the header of an old block", Fault(on=(HEADER,), ask=header_of_another), RECOVERS, "s old, expected at most"),
    Case(
        "a header always one behind",
        Fault(on=(HEADER,), answer=fields(number=one_less)),
        RECOVERS,
        "of different blocks",
    ),
    Case("no block at all", Fault(on=(HEADER,), answer=result(None)), RECOVERS, "no block latest"),
    Case("a base fee of nothing", Fault(on=(HEADER,), answer=fields(baseFeePerGas="0x0")), RECOVERS, "base fee of 0"),
    Case(
        "a base fee that jumps",
        Fault(on=(HEADER,), answer=fields(baseFeePerGas=hex(10**12))),
        ("blocked", *SETTLES),
        "gas",
    ),
    Case(
        "another hash of the block, with a quorum",
        Fault(on=(HEADER,), answer=fields(hash=ABSURD)),
        RECOVERS,
        "1 of 2 endpoints agree",
        quorum=2,
    ),
    Case("a price a little off, with a quorum", a_price_off(3), RECOVERS, "1 of 2 endpoints agree", quorum=2),
    Case("half a balance", half_a_balance(), RECOVERS, "the node contradicts itself"),
    Case("twice a price", a_price_off(1_000), ("blocked", *SETTLES), "max_pool_gap"),
    Case("states lost", Fault(on=(CALL,), instead=error(-32000, "missing trie node")), RECOVERS, "missing trie node"),
    Case("no state overrides", Fault(on=(CALL,), ask=without_override), RECOVERS, "the lens did not run"),
    Case("no history of fees", Fault(on=(HISTORY,), instead=error(-32601, "no such method")), SETTLES, ""),
    Case("absurd tips", Fault(on=(HISTORY,), answer=fields(reward=[[hex(10**20)]] * 20)), SETTLES, ""),
    Case("no simulation", Fault(on=(SIMULATE,), instead=error(-32601, "no such method")), SETTLES, ""),
    Case("a simulation of nothing", Fault(on=(SIMULATE,), answer=result(None)), RECOVERS, "eth_simulateV1"),
    Case(
        "absurdly much gas",
        Fault(on=(SIMULATE,), answer=gas_of(lambda gas: 10**10)),
        ("blocked", *SETTLES),
        "a transaction may have 16,777,216 at most",
    ),
    Case(
        "too little gas",
        Fault(on=(SIMULATE,), answer=gas_of(lambda gas: gas // 2)),
        ("failed", "held", *SETTLES),
        "mined and reverted",
    ),
    Case("behind, and another node at hand", behind(2), SETTLES, "", before=looked_before, spare=True),
    Case("a day old, and another node at hand", stuck_at(OLD_BLOCK), SETTLES, "", spare=True),
    Case("behind when it lands, and another node at hand", behind_when_it_lands, SETTLES, "", spare=True),
    Case(
        "base fee of nothing, and another node at hand",
        Fault(on=(HEADER,), answer=fields(baseFeePerGas="0x0")),
        SETTLES,
        "",
        spare=True,
    ),
)
