"""After the last tick of a world: what its chain and its ledger say of each other, and of what was decided.

Nothing that the keeper says of itself is believed here: the chain's blocks, receipts and balances, and the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crash_records import Landed
from given_crashes import World, batches

from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT, TRANSFER_EVENT
from rebalancer.adapters.wallets.module_abi import REBALANCED_EVENT, TARGETS_SET_EVENT

AT_ONCE = 50
WELL = {"held", "settled", "pending", "failed"}
"""How a tick may end here; one that was killed has said nothing."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is not as it should be, in words: empty where all is."""

    double_sends: tuple[str, ...]
    lost_fills: tuple[str, ...]
    unresolved: tuple[str, ...]
    differences: tuple[str, ...]
    strange: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.double_sends, *self.lost_fills, *self.unresolved, *self.differences, *self.strange)


@dataclass(frozen=True, slots=True)
class Mined:
    """A transaction of the operator's, as a block has it."""

    hash: str
    nonce: int
    block: int
    block_hash: str
    receipt: dict[str, Any]

    @property
    def logs(self) -> list[dict[str, Any]]:
        return list(self.receipt["logs"])


def judge(world: World, failures: int) -> Verdict:
    """`failures`: batches that were to fail at most, before one settles."""
    sent, landed = tuple(_mined(world)), world.records.landed()
    executed = tuple(each for each in sent if _executions(world, each))
    return Verdict(
        double_sends=tuple(_double(world, sent, executed)),
        lost_fills=tuple(_lost(world, executed, landed)),
        unresolved=tuple(_unresolved(world, landed, failures)),
        differences=tuple(_differences(world, sent, landed)),
        strange=tuple(_strange(world)),
    )


def unrecorded(world: World) -> tuple[str, ...]:
    """What the network has of the operator's, and the ledger has not: asked whenever a keeper was killed."""
    known = {each.hash for each in world.records.attempts()}
    out = {*world.pooled().values(), *(each.hash for each in _mined(world))}
    return tuple(f"{digest} was sent, and the ledger does not know it" for digest in sorted(out - known))


def _mined(world: World) -> Iterator[Mined]:
    call, batch = world.replica.rpc.call, world.replica.rpc.batch
    numbers = range(world.first_block + 1, int(call("eth_blockNumber"), 16) + 1)
    operator = world.keeper.operator.address.lower()
    for start in range(0, len(numbers), AT_ONCE):
        asked = [("eth_getBlockByNumber", [hex(number), True]) for number in numbers[start : start + AT_ONCE]]
        for block in batch(asked):
            for each in block["transactions"]:
                if each["from"].lower() == operator:
                    receipt = call("eth_getTransactionReceipt", each["hash"])
                    number = int(block["number"], 16)
                    yield Mined(each["hash"].lower(), int(each["nonce"], 16), number, block["hash"].lower(), receipt)


def _executions(world: World, mined: Mined) -> list[str]:
    """What each batch that it has executed is told by."""
    keeper = world.keeper
    speaker, events = (
        (keeper.wallet, (EXECUTION_SUCCESS_EVENT,))
        if keeper.module is None
        else (keeper.module, (REBALANCED_EVENT, TARGETS_SET_EVENT))
    )
    told = [log["topics"][0] for log in mined.logs if log["address"].lower() == speaker.lower()]
    return [event for event in told if event in events]


def _double(world: World, sent: tuple[Mined, ...], executed: tuple[Mined, ...]) -> Iterator[str]:
    """More than one batch for what was decided once, or a transaction that nobody has decided."""
    counted = batches(world.keeper) - world.first_batch
    events = [event for each in executed for event in _executions(world, each)]
    if len(set(events)) < len(events) or len(events) > world.settles or counted > 1:
        yield f"{len(events)} batches were executed, and {counted} rebalances are counted: expected each of them once"
    intents: dict[str, int] = {each.hash: each.number for each in world.records.attempts()}
    by_intent: dict[int, list[str]] = {}
    for each in sent:
        if each.hash not in intents:
            yield f"{each.hash} was mined, and the ledger does not know it"
            continue
        by_intent.setdefault(intents[each.hash], []).append(each.hash)
    for number, hashes in by_intent.items():
        if len(hashes) > 1:
            yield f"of intent {number} {len(hashes)} transactions were mined: {', '.join(hashes)}"


def _lost(world: World, executed: tuple[Mined, ...], landed: tuple[Landed, ...]) -> Iterator[str]:
    """What was filled, and does not stand in the ledger as it was."""
    settled = {each.tx: each for each in landed if each.settled}
    total: dict[str, int] = {}
    for each in executed:
        moved = _transfers(each, world.keeper.wallet)
        for token, raw in moved.items():
            total[token] = total.get(token, 0) + raw
        known = settled.get(each.hash)
        fills = {} if known is None else world.records.fills(known.turn)
        if fills != moved:
            yield f"{each.hash} moved {moved}, the ledger has {fills}"
    for symbol, raw in world.dealt.items():
        expected = raw + total.get(world.replica.token(symbol).address.lower(), 0)
        held = world.replica.balance(symbol, world.keeper.wallet)
        if held != expected:
            yield f"the wallet holds {held} {symbol}, expected {expected}: what it was given and all fills"


def _transfers(mined: Mined, wallet: str) -> dict[str, int]:
    holder, moved = wallet[2:].lower(), dict[str, int]()
    for log in mined.logs:
        if log["topics"][0] != TRANSFER_EVENT:
            continue
        sender, receiver = (topic[-40:].lower() for topic in log["topics"][1:3])
        raw = int(log["data"], 16) * ((receiver == holder) - (sender == holder))
        moved[log["address"].lower()] = moved.get(log["address"].lower(), 0) + raw
    return {token: raw for token, raw in moved.items() if raw}


def _unresolved(world: World, landed: tuple[Landed, ...], failures: int) -> Iterator[str]:
    waits = world.open()
    if waits is not None:
        yield f"intent {waits.number} is open: {waits.newest.hash}"
    if pooled := world.pooled():
        yield f"still waits to be mined: {', '.join(pooled.values())}"
    if (settled := sum(each.settled for each in landed)) != world.settles:
        yield f"{settled} intents have settled, expected {world.settles}"
    if sum(not each.settled for each in landed) > failures:
        reasons = "; ".join(str(each.reason) for each in landed if not each.settled)
        yield f"more than {failures} have failed: {reasons}"
    # Of two hosts at once one leaves because the other is at work, and may be the last to say so.
    at_work = [each for each in world.ran if not each.busy]
    if not at_work or at_work[-1].word != "held":
        yield f"the last tick at work ended {at_work[-1].word if at_work else 'never'}, expected held"


def _differences(world: World, sent: tuple[Mined, ...], landed: tuple[Landed, ...]) -> Iterator[str]:
    """Every mined transaction has exactly one landing, with its block and gas; every landing stands on the chain."""
    on_chain = {each.hash: each for each in sent}
    by_tx = {each.tx: each for each in landed if each.tx is not None}
    for digest in sorted(on_chain.keys() - by_tx.keys()):
        yield f"{digest} is in block {on_chain[digest].block}, and no intent landed with it"
    for landing in by_tx.values():
        mined = on_chain.get(str(landing.tx))
        if mined is None:
            yield f"intent {landing.number} landed with {landing.tx}, which is in no block"
            continue
        saw = (landing.block, str(landing.block_hash).lower(), landing.gas_used)
        there = (mined.block, mined.block_hash, int(mined.receipt["gasUsed"], 16))
        if saw != there:
            yield f"{landing.tx} is in (block, hash, gas) {there}, the ledger has {saw}"
        done = bool(_executions(world, mined)) and mined.receipt["status"] == "0x1"
        if done != landing.settled:
            yield f"{landing.tx} {'executed a batch' if done else 'did nothing'}, the ledger says: {landing.reason}"
    if [each.nonce for each in sent] != list(range(world.first_nonce, world.first_nonce + world.sent())):
        yield f"nonces {[each.nonce for each in sent]}, expected {world.sent()} from {world.first_nonce} on"
    if not world.records.whole():
        yield "the ledger's file is damaged"


def _strange(world: World) -> Iterator[str]:
    for ran in world.ran:
        if not ran.killed and ran.word not in WELL:
            yield f"a tick ended {ran.word}: {ran.detail}"
