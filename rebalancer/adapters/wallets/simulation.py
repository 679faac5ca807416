"""Calls run on top of a block without being sent: a sender and calls in, what each gave and used out.

Each call sees what the ones before it did. Where the node has eth_simulateV1, every call is a transaction
of its own in the next block, with its true gas. Elsewhere Multicall3's code stands in for the sender's during
one eth_call, so that the contracts called see the very sender that will call them; gas is then not known.
Whoever is called can tell either from the chain, by the price of gas for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from rebalancer.adapters.chain.codec import (
    DecodeError,
    EthCall,
    decode_aggregate3,
    encode_aggregate3,
    hex_bytes,
    hex_int,
)
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.access_lists import access_list_from_json, access_list_to_json
from rebalancer.adapters.wallets.sending import MOST_GAS
from rebalancer.core.model import AccessList, Block, Call, Transaction
from rebalancer.core.model.snapshot import SLOT
from rebalancer.units import Address

Laid = Mapping[Address, Mapping[str, str]]
"""Words of storage that are other than the chain has them, by contract and slot, in hex."""
NOTHING_LAID: Laid = {}


@dataclass(frozen=True, slots=True)
class Place:
    """Where calls are run: on the state after block `number`, in a next block of time `timestamp`, with `laid` over
    the chain's storage.
    """

    number: int
    timestamp: int
    laid: Laid = field(default_factory=dict)

    @staticmethod
    def after(block: Block, laid: Laid = NOTHING_LAID) -> Place:
        """In the next block."""
        return Place(block.number, block.timestamp + SLOT, laid)

    @property
    def override(self) -> dict[str, dict[str, Any]]:
        """As nodes take it."""
        return {address: {"stateDiff": dict(words)} for address, words in self.laid.items()}


@dataclass(frozen=True, slots=True)
class Ran:
    """What one call did. `data` is returned, or the revert's; `gas` as a transaction, None where not measured; `logs`
    as in a receipt, where the node tells them.
    """

    success: bool
    data: bytes
    gas: int | None
    logs: tuple[Any, ...] = ()


class Simulator:
    """Asks `rpc`. What kind of node it is, is found out once."""

    def __init__(self, rpc: Rpc, multicall3: Address) -> None:
        self._rpc = rpc
        self._multicall3 = multicall3
        self._has_simulate = True
        self._stand_in: str | None = None

    def run(self, sender: Address, calls: Sequence[Call], place: Place) -> tuple[Ran, ...]:
        """What `calls` would do one after the other, sent by `sender`. Raises Unavailable."""
        if self._has_simulate:
            try:
                return self._by_simulate(sender, calls, place, {})
            except RpcError:
                # Nodes have many words for "no such method". Asked the other way, this one shows what is wrong.
                ran = self._by_stand_in(sender, calls, place)
                self._has_simulate = False
                return ran
        return self._by_stand_in(sender, calls, place)

    def run_listed(
        self, sender: Address, calls: Sequence[Call], place: Place, lists: Mapping[int, AccessList]
    ) -> tuple[Ran, ...]:
        """As `run`, some calls with an access list, by their place in `calls`. RpcError where the node cannot."""
        return self._by_simulate(sender, calls, place, {n: _listed(entries) for n, entries in lists.items()})

    def rehearse(self, sender: Address, transaction: Transaction, place: Place) -> Ran:
        """What a transaction would do, with its very gas limit and access list. Raises Unavailable.

        On a node that cannot run it so, what its call alone would do.
        """
        if self._has_simulate:
            extra = {"gas": hex(transaction.gas), **_listed(transaction.access_list)}
            with suppress(RpcError):
                return self._by_simulate(sender, [transaction.call], place, {0: extra})[0]
        return self.run(sender, [transaction.call], place)[0]

    def starved(self, sender: Address, transaction: Transaction, place: Place) -> str | None:
        """Of a transaction that failed: that it was for want of gas alone, or None. Raises Unavailable."""
        (free,) = self.run(sender, [transaction.call], place)
        return f"its gas limit of {transaction.gas} is too low now: it succeeds with more" if free.success else None

    def access_list(self, sender: Address, call: Call, place: Place, gas: int) -> AccessList:
        """What `call` touches when it runs with that gas limit, as the node tells. Raises Unavailable.

        Without the contract that is called: it is warm from the start, so its entry costs more than it saves.
        """
        # With a gas limit of its own making, geth asks for a balance that no operator has.
        transaction = {"from": sender, **_call(call), "gas": hex(gas)}
        answer = self._rpc.call("eth_createAccessList", transaction, hex(place.number))
        return tuple(entry for entry in access_list_from_json(answer, gas) if entry.address != call.to)

    def gas(self, sender: Address, call: Call, place: Place) -> int:
        """The gas limit with which `call` just succeeds: for nodes that do not measure. Raises Unavailable."""
        override = [place.override] if place.laid else []
        return hex_int(self._rpc.call("eth_estimateGas", {"from": sender, **_call(call)}, hex(place.number), *override))

    def _by_simulate(
        self, sender: Address, calls: Sequence[Call], place: Place, extras: Mapping[int, dict[str, Any]]
    ) -> tuple[Ran, ...]:
        """`extras`: further fields of some calls, by their place in `calls`."""
        # Without a limit of its own a call may take all that the node grants to all of them.
        transactions: list[dict[str, Any]] = [{"from": sender, **_call(call), "gas": hex(MOST_GAS)} for call in calls]
        for index, extra in extras.items():
            transactions[index] |= extra
        block = {
            "blockOverrides": {"number": hex(place.number + 1), "time": hex(place.timestamp)},
            "calls": transactions,
        }
        if place.laid:
            block["stateOverrides"] = place.override
        payload = {"blockStateCalls": [block], "validation": False, "traceTransfers": False}
        answer = self._rpc.call("eth_simulateV1", payload, hex(place.number))
        results = (
            answer[0].get("calls") if isinstance(answer, list) and answer and isinstance(answer[0], dict) else None
        )
        if not isinstance(results, list) or len(results) != len(calls):
            raise DecodeError(f"eth_simulateV1 did not answer with {len(calls)} results; try another node")
        return tuple(_ran(result) for result in results)

    def _by_stand_in(self, sender: Address, calls: Sequence[Call], place: Place) -> tuple[Ran, ...]:
        if self._stand_in is None:
            self._stand_in = str(self._rpc.call("eth_getCode", self._multicall3, hex(place.number)))
        data = encode_aggregate3([EthCall(call.to, call.data) for call in calls])
        override = place.override | {sender: {"code": self._stand_in}}
        run = {"from": sender, **_call(Call(sender, data))}
        answer = self._rpc.call("eth_call", run, hex(place.number), override)
        return tuple(Ran(r.success, r.data, None) for r in decode_aggregate3(hex_bytes(answer), len(calls)))


def _call(call: Call) -> dict[str, str]:
    return {"to": call.to, "data": "0x" + call.data.hex()}


def _listed(entries: AccessList) -> dict[str, Any]:
    return {"accessList": access_list_to_json(entries)} if entries else {}


def _ran(result: Any) -> Ran:
    if not isinstance(result, dict):
        raise DecodeError(f"eth_simulateV1 gave {type(result).__name__} for a call, expected an object")
    error = result.get("error")
    data = result.get("returnData") or "0x"
    if isinstance(error, dict) and data == "0x" and isinstance(error.get("data"), str):
        data = error["data"]
    logs = result.get("logs")
    told = tuple(logs) if isinstance(logs, list) else ()
    return Ran(hex_int(result.get("status")) == 1, hex_bytes(data), hex_int(result.get("gasUsed")), told)
