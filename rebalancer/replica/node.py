"""A running anvil with handles: read, send, mine, warp. Knows nothing of what the chain holds."""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any, Self

from rebalancer.adapters.chain.codec import revert_reason
from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.core.errors import Unavailable
from rebalancer.market.addresses import checksum_address
from rebalancer.replica.accounts import ROLES, Actor
from rebalancer.replica.anvil import Anvil
from rebalancer.replica.calls import decode_values, encode_call, read
from rebalancer.units import Address

RPC_TIMEOUT = 60.0
RECEIPT_TIMEOUT = 30.0
GAS_MARGIN_PERCENT = 130
"""Of the estimate: what runs in the next block may find another time, and colder slots."""
ATTEMPT_GAS = 3_000_000
"""For what is expected to revert: more than any rebalance uses."""


class Node:
    """Anvil, its URL and an RPC client to it. It was started with `--auto-impersonate`: anyone may send."""

    def __init__(self, anvil: Anvil) -> None:
        self._anvil = anvil
        self.url = anvil.url
        self.rpc = Rpc(anvil.url, timeout=RPC_TIMEOUT)

    def close(self) -> None:
        """Ends the node; its files go with it. May be called twice."""
        self.rpc.close()
        self._anvil.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of anvil."""
        return self._anvil.process.pid

    @cached_property
    def accounts(self) -> tuple[Actor, ...]:
        """Anvil's ten funded accounts. Their keys are public knowledge."""
        found = self.rpc.call("eth_accounts")
        return tuple(Actor(index, checksum_address(address)) for index, address in enumerate(found))

    def actor(self, role: str) -> Actor:
        """The account of a role: one of `accounts.ROLES`."""
        return self.accounts[ROLES[role]]

    def read(self, to: str, signature: str, *values: Any, returns: tuple[str, ...] = ("uint256",)) -> tuple[Any, ...]:
        """The values that a view function returns at the latest block."""
        method, params = read(to, signature, *values)
        return decode_values(returns, self.rpc.call(method, *params))

    def send(self, sender: str, to: str, data: str = "0x", value: int = 0, *, gas: int | None = None) -> dict[str, Any]:
        """The receipt of a transaction. Any address that has ether may be the sender.

        RpcError with the reason where it would revert. With `gas` given it is sent without asking first, and
        the receipt may say status 0x0.
        """
        transaction = {"from": sender, "to": to, "data": data, "value": hex(value)}
        if gas is None:
            gas = int(self.rpc.call("eth_estimateGas", transaction), 16) * GAS_MARGIN_PERCENT // 100
        return self.receipt(self.rpc.call("eth_sendTransaction", {**transaction, "gas": hex(gas)}))

    def attempt(self, sender: str, to: str, data: str) -> str | None:
        """Sends it, whatever comes of it: why it reverted, None where it was executed."""
        if int(self.send(sender, to, data, gas=ATTEMPT_GAS)["status"], 16):
            return None
        try:
            self.rpc.call("eth_call", {"from": sender, "to": to, "data": data}, "latest")
        except RpcError as error:
            return revert_reason(error.data)
        return "no reason given: the same call succeeds on top of it"

    def receipt(self, digest: str) -> dict[str, Any]:
        """The receipt of a transaction that was sent. Anvil mines a moment after it has answered: this waits."""
        give_up = time.monotonic() + RECEIPT_TIMEOUT
        while time.monotonic() < give_up:
            found = self.rpc.call("eth_getTransactionReceipt", digest)
            if found is not None:
                return dict(found)
            time.sleep(0.005)
        raise Unavailable(f"replica: {digest} was not mined within {RECEIPT_TIMEOUT:g} s: mine a block, then ask again")

    def deploy(self, init_code: bytes, sender: str | None = None) -> Address:
        """The address of a new contract of `init_code`, arguments appended; by the deployer unless said otherwise."""
        transaction = {"from": sender or self.actor("deployer").address, "data": "0x" + init_code.hex()}
        gas = int(self.rpc.call("eth_estimateGas", transaction), 16)
        receipt = self.receipt(self.rpc.call("eth_sendTransaction", {**transaction, "gas": hex(gas)}))
        return checksum_address(receipt["contractAddress"])

    def transact(self, sender: str, to: str, signature: str, *values: Any) -> dict[str, Any]:
        """The receipt of a call of `signature` with `values`."""
        return self.send(sender, to, encode_call(signature, *values))

    def now(self) -> int:
        """The timestamp of the latest block."""
        return int(self.rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def mine(self, blocks: int = 1) -> None:
        """So many empty blocks."""
        self.rpc.call("anvil_mine", hex(blocks))

    def set_base_fee(self, wei: int) -> None:
        """One empty block with that base fee. Empty blocks after it lower the fee by an eighth each, as ever."""
        self.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(wei))
        self.rpc.call("evm_mine")

    def warp(self, seconds: int) -> None:
        """One block, that much later."""
        self.rpc.call("evm_increaseTime", seconds)
        self.rpc.call("evm_mine")
