"""The chain as the owners' scripts see it, read by the keeper's own client at the newest block.

What an address does not answer is None here, and for `refusals` to put into words.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.adapters.chain.codec import (
    CallResult,
    DecodeError,
    Words,
    address_word,
    hex_bytes,
    hex_int,
    revert_reason,
)
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.wallets.module_abi import POLICY, STATE, decode_module
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.core.model import SafeState
from rebalancer.core.model.module import ModulePolicy, ModuleState
from rebalancer.market.addresses import keccak256
from rebalancer.units import Address

FIRST = Address("0x0000000000000000000000000000000000000001")
"""Where a Safe's list of modules starts and ends."""


def selector(signature: str) -> bytes:
    """The first four bytes of calldata."""
    return keccak256(signature.encode())[:4]


@dataclass(frozen=True, slots=True)
class Round:
    """What a feed says: its answer as it stands, when its round started and when it was written."""

    answer: int
    started_at: int
    updated_at: int
    decimals: int


@dataclass(frozen=True, slots=True)
class Sight:
    """Reads of one chain. Raises Unavailable where the node gives no answer at all."""

    rpc: Rpc

    def chain_id(self) -> int:
        return hex_int(self.rpc.call("eth_chainId"))

    def now(self) -> int:
        """The newest block's time."""
        return hex_int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"])

    def has_code(self, account: str) -> bool:
        return len(self.code(account)) > 0

    def ask(self, to: str | None, data: bytes, sender: str | None = None) -> bytes | None:
        """What a call returns; None where it reverts."""
        answer = self._call(to, data, sender)
        return answer if isinstance(answer, bytes) else None

    def why_not(self, to: str, data: bytes, sender: str) -> str | None:
        """The reason with which a call of `sender` would revert; None where it would not."""
        answer = self._call(to, data, sender)
        return (
            None if isinstance(answer, bytes) else answer.reason if answer.data is None else revert_reason(answer.data)
        )

    def safe(self, safe: Address) -> SafeState:
        """Raises ConfigError where there is no Safe."""
        reads = SafeReads(safe)
        answers = [self.ask(call.to, call.data) for call in reads.calls()]
        return reads.decode([CallResult(answer is not None, answer or b"") for answer in answers])

    def module(self, module: Address) -> tuple[ModulePolicy, ModuleState] | None:
        """None where no RebalanceModule answers."""
        policy, state = self.ask(module, POLICY), self.ask(module, STATE)
        if not policy or not state:
            return None
        try:
            return decode_module(policy, state)
        except DecodeError:
            return None

    def is_owner(self, safe: str, account: str) -> bool:
        return self._number(safe, selector("isOwner(address)") + address_word(account)) == 1

    def decimals(self, token: str) -> int | None:
        return self._number(token, selector("decimals()"))

    def balance(self, token: str, holder: str) -> int | None:
        return self._number(token, selector("balanceOf(address)") + address_word(holder))

    def runs_to(self, init_code: bytes) -> bytes | None:
        """The code that a contract of it would have; None where its constructor refuses."""
        return self.ask(None, init_code)

    def code(self, account: str) -> bytes:
        return hex_bytes(self.rpc.call("eth_getCode", account, "latest"))

    def raw_symbol(self, token: str) -> bytes | None:
        """As the token writes it: some as text, some as 32 bytes. What two tokens of one name share."""
        return self.ask(token, selector("symbol()")) or None

    def symbol(self, token: str) -> str:
        """For people; the address where the token has no readable one."""
        raw = self.raw_symbol(token) or b""
        try:
            text = (Words(raw).at(0).blob() if len(raw) > 32 else raw.rstrip(b"\0")).decode()
        except (DecodeError, UnicodeDecodeError):
            text = ""
        return text if text.isprintable() and 0 < len(text) <= 20 else token

    def is_opaque(self, checker: str) -> bool | None:
        found = self._number(checker, selector("is_opaque()"))
        return None if found is None else found == 1

    def round_of(self, feed: str) -> Round | None:
        """None where it does not answer as a feed does."""
        answer, decimals = self.ask(feed, selector("latestRoundData()")), self._number(feed, selector("decimals()"))
        if decimals is None or not answer or len(answer) < 160:
            return None
        words = Words(answer)
        return Round(words.sint(1), words.uint(2), words.uint(3), decimals)

    def _number(self, to: str, data: bytes) -> int | None:
        answer = self.ask(to, data)
        return int.from_bytes(answer[:32], "big") if answer and len(answer) >= 32 else None

    def _call(self, to: str | None, data: bytes, sender: str | None) -> bytes | RpcError:
        fields = {"to": to, "data": "0x" + data.hex(), "from": sender}
        call = {name: value for name, value in fields.items() if value is not None}
        try:
            return hex_bytes(self.rpc.call("eth_call", call, "latest"))
        except RpcError as error:
            return error
