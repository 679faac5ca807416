"""After a trial: what its chain and its ledger say of each other, and what the wallet is worth on the true chain.

Nothing that the keeper says of itself is believed here, nor anything that the node in between has said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crash_records import Records
from given_keeper import ON_TARGET
from given_trials import World

from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT

MOST_LOST = 20
"""Basis points of the wallet at the true prices, gas included: on the replica a rebalance costs half as much."""
NEAR = 100
"""Basis points of the wallet that a token may be off its target when all is done."""
E18_FROM_E8 = 10**10


@dataclass(frozen=True, slots=True)
class Before:
    """The true chain as a trial begins."""

    block: int
    held: dict[str, int]
    """Base units of the wallet by symbol."""
    worth: int
    """Dollars at 8 decimals: the wallet, and the operator's coins."""


def before(world: World) -> Before:
    held = _held(world)
    return Before(world.head(), held, sum(_values(world, held).values()) + _coins(world))


def wrong_trades(world: World, start: Before) -> Iterator[str]:
    """Trades that should not be, or that the ledger does not have as they were, each in words."""
    records = Records(f"sqlite:///{world.keeper.folder / 'rebalancer.sqlite'}")
    try:
        executed = _executed(world, start.block)
        yield from _twice_or_unknown(world, records, executed, start)
        yield from _not_as_recorded(world, records, executed, start)
        yield from _on_a_false_basis(world, records, start)
    finally:
        records.close()
    yield from _in_vain(world, executed, start)


def _twice_or_unknown(world: World, records: Records, executed: list[str], start: Before) -> Iterator[str]:
    if len(executed) > 1:
        yield f"{len(executed)} batches were executed, expected one at most: {', '.join(executed)}"
    known = {each.hash for each in records.attempts()}
    for digest in _sent(world, start.block):
        if digest not in known and digest not in world.own:
            yield f"{digest} of the operator was mined, and the ledger does not know it"
    waits = records.open_intent()
    if waits is not None:
        yield f"intent {waits.number} is open: {waits.newest.hash}"


def _not_as_recorded(world: World, records: Records, executed: list[str], start: Before) -> Iterator[str]:
    settled = [each for each in records.landed() if each.settled]
    if executed != [each.tx for each in settled]:
        yield f"executed: {executed}; in the ledger settled: {[each.tx for each in settled]}"
    recorded: dict[str, int] = {}
    for landing in settled:
        for token, raw in records.fills(landing.turn).items():
            recorded[token] = recorded.get(token, 0) + raw
    now = _held(world)
    for token in world.replica.tokens:
        moved, filled = now[token.symbol] - start.held[token.symbol], recorded.get(token.address.lower(), 0)
        if moved != filled:
            yield f"the wallet's {token.symbol} has changed by {moved} base units, by {filled} in the ledger"


def _on_a_false_basis(world: World, records: Records, start: Before) -> Iterator[str]:
    """Of what was executed: the prices and balances that it was decided on, against those that were true."""
    for number in (each.number for each in records.landed() if each.settled):
        ((body,),) = records.rows(f"SELECT body FROM snapshots WHERE number = {number}")
        basis = json.loads(body)
        true = {symbol: price * E18_FROM_E8 for symbol, price in world.replica.prices.items()}
        for what, name, there in (("prices", "usd", true), ("balances", "raw", start.held)):
            seen = {each["token"]["symbol"]: int(each[name]) for each in basis[what]}
            false = {symbol: raw for symbol, raw in seen.items() if raw != there[symbol]}
            if false or not seen:
                yield f"intent {number} was decided on false {what}: {false}"


def _in_vain(world: World, executed: list[str], start: Before) -> Iterator[str]:
    values = _values(world, _held(world))
    total = sum(values.values())
    for symbol, value in values.items() if executed else ():
        off = value * 10_000 // total - ON_TARGET.get(symbol, 0)
        if abs(off) > NEAR:
            yield f"a batch was executed, and {symbol} is {off} basis points off its target"
    left = total + _coins(world)
    if (start.worth - left) * 10_000 > start.worth * MOST_LOST:
        yield f"the wallet was worth {start.worth}, and is worth {left}"


# ---------------------------------------------------------------- the true chain


def _held(world: World) -> dict[str, int]:
    return {token.symbol: world.replica.balance(token.symbol, world.keeper.wallet) for token in world.replica.tokens}


def _values(world: World, held: dict[str, int]) -> dict[str, int]:
    """Dollars at 8 decimals."""
    tokens = world.replica.tokens
    return {t.symbol: held[t.symbol] * world.replica.prices[t.symbol] // 10**t.decimals for t in tokens}


def _coins(world: World) -> int:
    raw = int(world.replica.rpc.call("eth_getBalance", world.keeper.operator.address, "latest"), 16)
    return raw * world.replica.prices["WETH"] // 10**18


def _executed(world: World, start: int) -> list[str]:
    """The transactions in which the Safe says that it has executed something, in their order."""
    if world.head() == start:
        return []
    asked: dict[str, Any] = {"address": world.keeper.wallet, "fromBlock": hex(start + 1), "toBlock": "latest"}
    logs = world.replica.rpc.call("eth_getLogs", {**asked, "topics": [EXECUTION_SUCCESS_EVENT]})
    return [str(log["transactionHash"]) for log in logs]


def _sent(world: World, start: int) -> Iterator[str]:
    """The operator's transactions in the blocks after `start`."""
    numbers = range(start + 1, world.head() + 1)
    blocks = world.replica.rpc.batch([("eth_getBlockByNumber", [hex(number), True]) for number in numbers])
    for block in blocks:
        for each in block["transactions"]:
            if each["from"].lower() == world.keeper.operator.address.lower():
                yield str(each["hash"])
