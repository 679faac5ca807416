"""Misbehaviours of calldata: a call of the right router with the right fields around it, which does something else."""

from __future__ import annotations

from given_bends import CALLDATA, argument, calldata, field, of_the_settler
from given_misbehaviour import Misbehaviour, Misbehaviours
from given_venue_stage import STRANGER, Stage
from given_wallet import DAI, WBTC
from zero_x_server import EXECUTE

from rebalancer.adapters.chain.codec import uint_word

NOBODY = "0x" + "00" * 20
CAPPED = 1 << 92
WORD, SELECTOR = 32, 4


def _doubled(_: object, raw: int) -> int:
    return 2 * raw


def _moved_offset(data: bytes) -> bytes:
    """The bytes that the second dynamic argument is read from stand elsewhere, and behind nothing."""
    place = SELECTOR + 2 * WORD
    start = int.from_bytes(data[place : place + WORD], "big")
    body = data[SELECTOR:]
    return data[:place] + uint_word(start + WORD) + body[2 * WORD + WORD : start] + bytes(WORD) + body[start:]


def _a_thousand_times_the_same(_: object, data: bytes) -> bytes:
    """In 0x's call, actions that all are one and the same sixteen thousand bytes."""
    count, tail = 400, uint_word(12_000) + bytes(12_000)
    head = bytes(12) + bytes.fromhex(STRANGER[2:]) + bytes(WORD) + uint_word(1) + uint_word(5 * WORD) + bytes(WORD)
    inner = EXECUTE.selector + head + uint_word(count) + uint_word(count * WORD) * count + tail
    arguments = CALLDATA["zero_x"].function.read(data)
    return CALLDATA["zero_x"].function.call(*arguments[:4], inner)


def _for_all(refused: str, place: tuple[int, ...], value: object) -> Misbehaviour:
    """Of the call in which Odos makes all trades of a plan: WETH and WBTC for USDC."""
    return Misbehaviour("odos", refused, argument("odos for all", place, value), stage=Stage.sells_two_tokens)


CALLS: Misbehaviours = {
    # For whom
    "a foreign receiver (1inch)": Misbehaviour(
        "one_inch", f"^receiver: {STRANGER}", argument("one_inch", (1, 3), STRANGER)
    ),
    "a foreign receiver (0x)": Misbehaviour("zero_x", f"^receiver: {STRANGER}", of_the_settler((0, 0), STRANGER)),
    "a foreign receiver (Velora)": Misbehaviour(
        "velora", f"^receiver: {STRANGER}", argument("velora", (1, 6), STRANGER)
    ),
    "a foreign receiver (KyberSwap)": Misbehaviour(
        "kyber", f"^receiver: {STRANGER}", argument("kyber", (0, 3, 6), STRANGER)
    ),
    "a foreign receiver (Odos)": Misbehaviour("odos", f"^receiver: {STRANGER}", argument("odos", (0, 6), STRANGER)),
    "nobody as the receiver (0x, which burns it)": Misbehaviour(
        "zero_x", f"^receiver: {NOBODY}", of_the_settler((0, 0), NOBODY)
    ),
    # How little
    "no minimum": Misbehaviour(
        "one_inch", "^least_out: the router insists on 0 USDC only", argument("one_inch", (1, 5), 0)
    ),
    "a minimum of one unit": Misbehaviour(
        "odos", "^least_out: the router insists on 0.000001", argument("odos", (0, 5), 1)
    ),
    "no minimum but that of an action": Misbehaviour(
        "zero_x", "^its calldata leaves the minimum to an action", of_the_settler((0,), (NOBODY, NOBODY, 0))
    ),
    "a quoted amount of one unit, all above it is kept": Misbehaviour(
        "velora", "^least_out: the router insists on 0 USDC", argument("velora", (1, 4), 1)
    ),
    # What
    "calldata that sells another token": Misbehaviour(
        "one_inch", f"^token_in: {WBTC.address}", argument("one_inch", (1, 0), WBTC.address)
    ),
    "calldata that buys another token": Misbehaviour(
        "kyber", f"^token_out: {DAI.address}", argument("kyber", (0, 3, 1), DAI.address)
    ),
    "calldata that sells twice as much": Misbehaviour("velora", "^amount_in: ", argument("velora", (1, 2), _doubled)),
    "calldata that sells all that there is": Misbehaviour(
        "odos", "^amount_in: 0 base units", argument("odos", (0, 1), 0)
    ),
    "calldata for another pair than its answer": Misbehaviour(
        "zero_x", f"^token_in: {WBTC.address}", argument("zero_x", (1,), WBTC.address)
    ),
    # For whom else
    "a referral": Misbehaviour("odos", "^extras: a referral, code 7", argument("odos", (3,), (7, 0, NOBODY))),
    "a referral's fee": Misbehaviour(
        "odos", f"^extras: a referral's fee of {10**16} parts", argument("odos", (3,), (0, 10**16, STRANGER))
    ),
    "a partner's fee": Misbehaviour(
        "velora", "^extras: a fee of 100 bp", argument("velora", (2,), int(STRANGER, 16) << 96 | 100)
    ),
    "a partner's share of the surplus": Misbehaviour(
        "velora", "^extras: a fee of .* for the partner 0x", argument("velora", (2,), int(STRANGER, 16) << 96 | CAPPED)
    ),
    "a fee on what is sold": Misbehaviour(
        "kyber",
        f"^extras: a fee for {STRANGER}",
        argument("kyber", (0, 3), lambda _, swap: (*swap[:4], (STRANGER,), (swap[7] // 100,), *swap[6:])),
    ),
    "a permit": Misbehaviour("velora", "^extras: a permit", argument("velora", (3,), b"signed")),
    "a pull through Permit2": Misbehaviour(
        "one_inch", "^extras: a pull through Permit2", argument("one_inch", (1, 6), 4)
    ),
    "coin by a flag": Misbehaviour("one_inch", "^extras: extra native coin", argument("one_inch", (1, 6), 2)),
    "a partial fill": Misbehaviour("one_inch", "^extras: a partial fill", argument("one_inch", (1, 6), 1)),
    "a part of it that is sold": Misbehaviour(
        "kyber", "^extras: .* base units are sold", argument("kyber", (0, 3, 3), lambda _, given: (given[0] // 2,))
    ),
    "a flag of tomorrow": Misbehaviour(
        "one_inch", "^extras: unknown flags 0x4000", argument("one_inch", (1, 6), 1 << 14)
    ),
    "an approval by the router": Misbehaviour(
        "kyber", f"^extras: an approval for {STRANGER.lower()}", argument("kyber", (0, 1), STRANGER)
    ),
    "a Settler that is in no registry": Misbehaviour(
        "zero_x", f"^extras: the swap is made by {STRANGER}, which is no Settler", argument("zero_x", (3,), STRANGER)
    ),
    "somebody who pulls and is in no registry": Misbehaviour(
        "zero_x", f"^extras: the tokens may be pulled by {STRANGER}", argument("zero_x", (0,), STRANGER)
    ),
    # In which form
    "an unknown function": Misbehaviour(
        "one_inch", "^its calldata calls 0x83800a8e, expected swap", field("tx.data", "0x83800a8e" + "00" * 128)
    ),
    "an approval by the router's own address": Misbehaviour(
        "kyber", "^its calldata calls 0x095ea7b3, expected swap", field("data.data", "0x095ea7b3" + "00" * 64)
    ),
    "a transfer by the router's own address": Misbehaviour(
        "odos", "^its calldata calls 0xa9059cbb, expected swap", field("transaction.data", "0xa9059cbb" + "00" * 64)
    ),
    "an offset that is moved": Misbehaviour(
        "one_inch",
        "^its calldata for swap is not encoded as the ABI has it",
        calldata("one_inch", lambda _, data: _moved_offset(data)),
    ),
    "bytes behind the end": Misbehaviour(
        "velora", "is not encoded as the ABI has it$", calldata("velora", lambda _, data: data + bytes(WORD))
    ),
    "more bytes behind the end than the venue's own four": Misbehaviour(
        "one_inch", "is not encoded as the ABI has it$", calldata("one_inch", lambda _, data: data + bytes(WORD))
    ),
    "an address of more than twenty bytes": Misbehaviour(
        "kyber",
        "^its calldata for swap cannot be read",
        calldata("kyber", lambda _, data: data[: SELECTOR + WORD] + b"\x01" + data[SELECTOR + WORD + 1 :]),
    ),
    "calldata cut off": Misbehaviour(
        "odos", "^its calldata for swap cannot be read", calldata("odos", lambda _, data: data[: SELECTOR + 5 * WORD])
    ),
    "a few bytes that unfold into megabytes": Misbehaviour(
        "zero_x",
        "^its calldata for execute (is not encoded as the ABI has it|cannot be read)",
        calldata("zero_x", _a_thousand_times_the_same),
        weighs=True,
    ),
    # For a whole plan
    "a whole plan for a stranger": _for_all(f"^receiver: {STRANGER}", (1, 0, 3), STRANGER),
    "a whole plan without a minimum": _for_all("^least_out: the router insists on 0 USDC", (1, 0, 2), 0),
    "a whole plan that sells more of one token": _for_all("^amount_in: .* of WBTC are sold", (0, 1, 1), _doubled),
    "a whole plan that sells a token more": _for_all(
        f"^token_in: .*{DAI.address}", (0,), lambda _, sold: (*sold, (DAI.address, 10**18, STRANGER))
    ),
    "a whole plan that sells a token twice": _for_all("^token_in: ", (0,), lambda _, sold: (*sold, sold[0])),
    "a whole plan that buys another token": _for_all(f"; token_out: {DAI.address}", (1, 0, 0), DAI.address),
    "a whole plan with a referral's fee": _for_all("^extras: a referral's fee", (4,), (0, 10**16, STRANGER)),
}
