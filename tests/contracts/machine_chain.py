"""A node as the state machine uses it: questions at a time of its choice, words written rather than sent, and one
block for each transaction that is worth one. Knows nothing of what the chain holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Call
from rebalancer.market.addresses import keccak256
from rebalancer.replica.calls import selector
from rebalancer.replica.chain import Replica
from rebalancer.replica.storage import read_word, write

Words = dict[str, dict[int, int]]
"""Storage: of each contract, slot and word."""

Verdict = tuple[bool, str]
"""Fine, and what is returned; or not, and why."""

GAS = 12_000_000
REVERTED = bytes.fromhex("08c379a0")
AGGREGATE = selector("aggregate3((address,bool,bytes)[])")


def reason_in(data: str | bytes | None) -> str:
    """The text of a revert; nothing where there is none."""
    raw = bytes.fromhex((data or "0x")[2:]) if not isinstance(data, bytes) else data
    return str(abi_decode(["string"], raw[4:])[0]) if raw[:4] == REVERTED else ""


def merged(*parts: Mapping[str, Mapping[int, int]]) -> Words:
    """All of them; a later one wins."""
    words: Words = {}
    for part in parts:
        for address, slots in part.items():
            words.setdefault(address, {}).update(slots)
    return words


def mapping_slot(base: int, *keys: int) -> int:
    """Where Vyper keeps the value of nested keys."""
    slot = base
    for key in keys:
        slot = int.from_bytes(keccak256(slot.to_bytes(32, "big") + key.to_bytes(32, "big")), "big")
    return slot


@dataclass
class Chain:
    """Automatic mining is off: what is sent waits for `act` to make its block.

    Of its own connection, because there are ten thousands of requests, and a library that is made for more than one
    host takes longer over each than the node.
    """

    replica: Replica
    latest: int
    line: HTTPConnection

    @classmethod
    def over(cls, replica: Replica) -> Chain:
        replica.rpc.call("evm_setAutomine", False)
        return cls.of(replica)

    @classmethod
    def of(cls, replica: Replica) -> Chain:
        """For questions only: it mines as before."""
        return cls(replica, replica.now(), HTTPConnection(urlsplit(replica.url).netloc, timeout=60))

    def answers(self, calls: Sequence[Call]) -> list[dict[str, Any]]:
        """The JSON-RPC answers, in their order, in one request."""
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        self.line.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        found = json.loads(self.line.getresponse().read())
        return sorted(found, key=lambda answer: int(answer["id"]))

    def results(self, *calls: Call) -> list[Any]:
        """None of them may fail."""
        answers = self.answers(calls)
        for answer, (method, _) in zip(answers, calls, strict=True):
            assert "result" in answer, f"{method}: {answer}"
        return [answer["result"] for answer in answers]

    def ask(self, questions: Sequence[tuple[str, str, str]], now: int, words: Words | None = None) -> list[Verdict]:
        """Of each (sender, contract, calldata): whether it would go through at that time, with those words in storage,
        and what it returns, or why not."""
        over = {
            address: {"stateDiff": {f"0x{slot:064x}": f"0x{value:064x}" for slot, value in slots.items()}}
            for address, slots in (words or {}).items()
        }
        calls = [_question(*question, now, over) for question in questions]
        return [_verdict(answer) for answer in self.answers(calls)]

    def act(self, sender: str, to: str, data: str, now: int, words: Words | None = None) -> dict[str, Any]:
        """The receipt of a transaction that is mined alone, at that time; the words stay."""
        assert now > self.latest, "the next block must be later"
        transaction = {"from": sender, "to": to, "data": data, "gas": hex(GAS)}
        digest = self.results(*_writes(words or {}), ("eth_sendTransaction", [transaction]))[-1]
        self.results(("evm_mine", [{"timestamp": now}]))
        self.latest = now
        return dict(self.results(("eth_getTransactionReceipt", [digest]))[0])

    def put(self, words: Words) -> None:
        """Written into storage, in no transaction."""
        if words:
            self.results(*_writes(words))

    def look(self, calls: Sequence[tuple[str, str]], now: int) -> list[tuple[bool, bytes]]:
        """What each call (contract, calldata) returns at that time, all at once."""
        fine, answer = self.ask([(MAINNET.multicall3, MAINNET.multicall3, _all_at_once(tuple(calls)))], now)[0]
        assert fine, answer
        return list(abi_decode(["(bool,bytes)[]"], bytes.fromhex(answer[2:]))[0])

    def mark(self) -> tuple[str, int]:
        """A point to which `back` goes."""
        return str(self.results(("evm_snapshot", []))[0]), self.latest

    def back(self, mark: tuple[str, int]) -> None:
        assert self.results(("evm_revert", [mark[0]])) == [True]
        self.latest = mark[1]

    def words_at(self, words: Words) -> Words:
        """What is in storage at those places."""
        places = [(address, slot) for address, slots in words.items() for slot in slots]
        found = self.results(*(read_word(*place) for place in places)) if places else []
        kept: Words = {}
        for (address, slot), value in zip(places, found, strict=True):
            kept.setdefault(address, {})[slot] = int(value, 16)
        return kept

    def changes(self, sender: str, to: str, data: str) -> dict[int, int]:
        """The words of `to` that a transaction would change, with what it would write there."""
        mark = self.mark()
        digest = self.act(sender, to, data, self.latest + 1)["transactionHash"]
        options = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
        trace = self.results(("debug_traceTransaction", [digest, options]))[0]
        self.back(mark)
        sides = [trace[side].get(to.lower(), {}).get("storage", {}) for side in ("pre", "post")]
        # A word that becomes zero is in the first of the two only.
        return {int(slot, 16): int(sides[1].get(slot, "0x0"), 16) for slot in {**sides[0], **sides[1]}}


@cache
def _all_at_once(calls: tuple[tuple[str, str], ...]) -> str:
    """Calldata of Multicall3, where each may fail alone."""
    asked = [(to, True, bytes.fromhex(data[2:])) for to, data in calls]
    return "0x" + (AGGREGATE + bytes(abi_encode(["(address,bool,bytes)[]"], [asked]))).hex()


def _question(sender: str, to: str, data: str, now: int, over: dict[str, Any]) -> Call:
    call = {"from": sender, "to": to, "data": data, "gas": hex(GAS)}
    return ("eth_call", [call, "latest", over, {"time": hex(now)}])


def _verdict(answer: dict[str, Any]) -> Verdict:
    if "result" in answer:
        return True, str(answer["result"])
    return False, reason_in(answer["error"].get("data"))


def _writes(words: Words) -> list[Call]:
    return [write(address, slot, value) for address, slots in words.items() for slot, value in slots.items()]
