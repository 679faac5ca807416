"""What goes wrong with a transaction: refused, lost, taken and denied, mined and hidden, mined and taken back."""

from __future__ import annotations

from given_faults import Fault, Json, error, fields, http, result
from given_trials import Case, World

from rebalancer.market.addresses import keccak256

SEND, RECEIPT = "eth_sendRawTransaction", "eth_getTransactionReceipt"
COUNT, KNOWN = "eth_getTransactionCount", "eth_getTransactionByHash"
ABSURD = "0x" + "11" * 32

SETTLES = ("settled", "held")
RECOVERS = ("Unavailable", "settled", "held")
WAITS = ("pending", "settled", "held")


# ---------------------------------------------------------------- sending


def taken_and_lost(call: Json) -> Json:
    """The hash that it should have, and nothing is done with it."""
    raw = bytes.fromhex(call["params"][0][2:])
    return {"result": "0x" + keccak256(raw).hex()}


def refused(message: str) -> Fault:
    return Fault(on=(SEND,), instead=error(-32000, message))


# ---------------------------------------------------------------- counts


def counts(by: int, *tags: str) -> Fault:
    """The operator's count, wrong at these tags; at all, where none is named."""

    def change(call: Json, answer: Json) -> Json:
        wrong = not tags or call["params"][1] in tags
        return {**answer, "result": hex(max(int(answer["result"], 16) + by, 0))} if wrong else answer

    return Fault(on=(COUNT,), answer=change)


def key_used_before(world: World) -> None:
    """A transaction of the operator's that is none of the keeper's, long before."""
    operator = world.keeper.operator.address
    world.own.add(str(world.replica.send(operator, operator)["transactionHash"]))
    world.replica.mine(1)


# ---------------------------------------------------------------- landing


def removed(call: Json, answer: Json) -> Json:
    return fields(logs=lambda logs: [{**log, "removed": True} for log in logs])(call, answer)


def not_mined(world: World) -> None:
    world.automine(False)


def mined_at_last(world: World) -> None:
    world.replica.mine(1)
    world.automine(True)


def base_fee_jumps(world: World) -> Fault:
    """As soon as anybody asks for a receipt: beyond what the first transaction pays, and below the limit."""
    left = [hex(8 * 10**9)]

    def ask(call: Json) -> Json:
        while left:
            world.replica.rpc.call("anvil_setNextBlockBaseFeePerGas", left.pop())
            world.replica.rpc.call("evm_mine")
        return call

    return Fault(on=(RECEIPT,), ask=ask)


def marked(world: World) -> None:
    world.mark = world.replica.snapshot()


def reorganised(world: World) -> None:
    """Other blocks in the place of the newest, and the transaction in none of them."""
    world.replica.revert(world.mark)
    world.replica.mine(3)


def hidden(call: Json, answer: Json) -> Json | None:
    mined = isinstance(answer.get("result"), dict) and answer["result"].get("blockNumber") is not None
    return answer if call["method"] != KNOWN or mined else {**answer, "result": None}


def only_mined_ones(call: Json) -> Json:
    return {**call, "params": ["latest" if p == "pending" else p for p in call["params"]]}


def resumed(world: World) -> None:
    world.replica.mine(1)  # with what anvil would have mined a moment later
    world.resume()


CASES = (
    Case("sent, and answered with 500", Fault(on=(SEND,), reply=http(500)), WAITS, "sending was not confirmed"),
    Case("sent, and answered with 500 once", Fault(on=(SEND,), reply=http(500), times=1), SETTLES, ""),
    Case("sent, and never answered", Fault(on=(SEND,), reply=http(504)), WAITS, "sending was not confirmed"),
    Case("taken and lost", Fault(on=(SEND,), instead=taken_and_lost), WAITS, "does not know"),
    Case("sent twice", Fault(on=(SEND,), deliveries=2), SETTLES, ""),
    Case("already known, though it is not", refused("already known"), WAITS, "was not taken"),
    Case("nonce too low", refused("nonce too low"), WAITS, "was not taken"),
    Case("nonce too high", refused("nonce too high"), WAITS, "was not taken"),
    Case("replacement underpriced", refused("replacement transaction underpriced"), WAITS, "was not taken"),
    Case("too many to send", Fault(on=(SEND,), instead=error(-32005, "limit exceeded")), WAITS, "limit exceeded"),
    Case(
        "another hash of what was sent",
        Fault(on=(SEND,), answer=result(ABSURD)),
        ("Halt", "held"),
        "was answered",
        meanwhile=resumed,
    ),
    Case("a count that jumps", counts(1, "latest"), RECOVERS, "mined since"),
    Case("a count that falls back", counts(-1, "latest", "pending"), RECOVERS, "fallen behind", before=key_used_before),
    Case("something of the operator's waits", counts(1, "pending"), RECOVERS, "wait to be mined"),
    Case("no receipt", Fault(on=(RECEIPT,), answer=result(None)), WAITS, "has no receipt yet"),
    Case(
        "the receipt of another",
        Fault(on=(RECEIPT,), answer=fields(transactionHash=ABSURD)),
        RECOVERS,
        "was given another one",
    ),
    Case(
        "a receipt of another block", Fault(on=(RECEIPT,), answer=fields(blockHash=ABSURD)), WAITS, "is being replaced"
    ),
    Case("a receipt without a block", Fault(on=(RECEIPT,), answer=fields(blockNumber=None)), RECOVERS, "null"),
    Case("removed events", Fault(on=(RECEIPT,), answer=removed), WAITS, "is being replaced"),
    Case(
        "nothing is mined",
        Fault(on=(RECEIPT,)),
        ("pending", "settled", "held"),
        "waits to be mined",
        before=not_mined,
        meanwhile=mined_at_last,
    ),
    Case(
        "nothing is mined, and the pool is hidden",
        Fault(on=(KNOWN, COUNT), ask=only_mined_ones, answer=hidden),
        ("pending", "pending", "settled", "held"),
        "",
        under=2,
        before=not_mined,
        meanwhile=mined_at_last,
    ),
    Case(
        "the base fee jumps while it waits",
        base_fee_jumps,
        ("pending", *WAITS),
        "its fees are raised",
        under=2,
        before=not_mined,
        meanwhile=mined_at_last,
    ),
    Case(
        "its block is replaced",
        Fault(on=(RECEIPT,)),
        ("settled", "settled", "held"),
        "",
        before=marked,
        meanwhile=reorganised,
    ),
    Case("a receipt without events", Fault(on=(RECEIPT,), answer=fields(logs=[])), RECOVERS, "contradicts itself"),
    Case(
        "a receipt that says reverted",
        Fault(on=(RECEIPT,), answer=fields(status="0x0")),
        RECOVERS,
        "contradicts itself",
    ),
)
