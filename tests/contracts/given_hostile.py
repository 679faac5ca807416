"""What an attack needs on a replica: contracts by the name of their artifact, the owners' transactions of a Safe
(sent by an owner, or signed for anybody to relay), modules, and code that comes to an account or leaves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_account import Account
from given_artifacts import artifact

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import checksum_address, sort_tokens, v2_pair_address
from rebalancer.replica.accounts import Actor
from rebalancer.replica.calls import encode_call, selector
from rebalancer.replica.chain import Replica
from rebalancer.replica.node import GAS_MARGIN_PERCENT, Node
from rebalancer.units import Address

ZERO = Address("0x" + "00" * 20)
EXEC = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
HASH = "getTransactionHash(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,uint256)"
CALL = 0
# safeTxGas, baseGas, gasPrice, gasToken, refundReceiver: the Safe pays nobody, and fails where the call fails.
UNPAID = (0, 0, 0, ZERO, ZERO)


class Balance(IntEnum):
    """How HostileToken answers balanceOf."""

    TRUTHFUL = 0
    REVERTS = 1
    EATS_GAS = 2
    SILENT = 3


class Approve(IntEnum):
    """How HostileToken takes an approve."""

    OBEDIENT = 0
    DEAF = 1
    REFUSES_CHANGE = 2
    REFUSES_ZERO = 3
    STICKY = 4
    ENDLESS = 5


class Transfer(IntEnum):
    """How HostileToken takes a transfer."""

    OBEDIENT = 0
    DEAF = 1
    FORBIDS = 2
    GREEDY = 3


class Manner(IntEnum):
    """How HostileFeed and HostileRouter end; a router knows the first three."""

    WORKS = 0
    REVERTS = 1
    EATS_GAS = 2
    SILENT = 3


class Moment:
    """When a mock springs the call that was laid in it; each kind of mock counts its own."""

    TOKEN_TRANSFER_BEGINS = 0
    TOKEN_TRANSFER_ENDS = 1
    TOKEN_TRANSFER_FROM_BEGINS = 2
    TOKEN_TRANSFER_FROM_ENDS = 3
    TOKEN_APPROVE = 4
    ROUTER_BEFORE_TAKING = 0
    ROUTER_BEFORE_PAYING = 1
    ROUTER_AFTER_PAYING = 2
    POOL_BEFORE_PAYING = 0
    POOL_AFTER_PAYING = 1
    POOL_CALLED = 2
    OPERATOR_CALLED = 0


# ------------------------------------------------------------------ our own contracts


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract with an artifact, on a replica. Functions are named as in its ABI; structs are tuples."""

    replica: Node
    name: str
    address: Address

    def data(self, function: str, *values: Any) -> str:
        """The calldata of a call, as 0x-hex."""
        types = [_type(each) for each in _function(self.name, function)["inputs"]]
        return f"0x{selector(f'{function}({_listed(types)})').hex()}{bytes(abi_encode(types, values)).hex()}"

    def send(self, sender: str, function: str, *values: Any, gas: int | None = None) -> dict[str, Any]:
        """The receipt of a transaction. RpcError with the reason where it reverts, unless `gas` is given."""
        return self.replica.send(sender, self.address, self.data(function, *values), gas=gas)

    def set(self, function: str, *values: Any) -> None:
        """A setting, by an account that has no other part."""
        self.send(self.replica.actor("deployer").address, function, *values)

    def read(self, function: str, *values: Any, sender: str = ZERO, returns: Sequence[str] = ()) -> Any:
        """What an eth_call returns: a value, or a tuple of several.

        Some functions of the hostile mocks may return anything, and their ABI says no more than bytes: there
        `returns` names the types.
        """
        call = {"from": sender, "to": self.address, "data": self.data(function, *values)}
        answer = bytes.fromhex(self.replica.rpc.call("eth_call", call, "latest")[2:])
        types = returns or [_type(each) for each in _function(self.name, function)["outputs"]]
        decoded = abi_decode(types, answer)
        return decoded[0] if len(decoded) == 1 else decoded

    def lay(self, moment: int, target: str, data: str, strict: bool = False) -> None:
        """At `moment`, the mock calls `target` with `data` (0x-hex), once; strictly: or fails with it."""
        self.set("lay", moment, target, bytes.fromhex(data[2:]), strict)


def deploy(replica: Node, name: str, *values: Any, sender: str | None = None) -> Address:
    """A new contract out of rebalancer/artifacts; RpcError with the reason where its constructor refuses."""
    transaction = {"from": sender or replica.actor("deployer").address, "data": init_code(name, *values)}
    gas = int(replica.rpc.call("eth_estimateGas", transaction), 16) * GAS_MARGIN_PERCENT // 100
    receipt = replica.receipt(replica.rpc.call("eth_sendTransaction", {**transaction, "gas": hex(gas)}))
    assert receipt["status"] == "0x1", f"{name} was not deployed: {receipt}"
    return checksum_address(receipt["contractAddress"])


def a_contract(replica: Node, name: str, *values: Any) -> Contract:
    """A new contract, to be spoken to by the names of its functions."""
    return Contract(replica, name, deploy(replica, name, *values))


def place(replica: Node, name: str, address: str, *values: Any) -> Contract:
    """A contract at an address of the test's choice, where its constructor is run; storage there is kept."""
    replica.rpc.call("anvil_setCode", address, init_code(name, *values))
    runtime = replica.rpc.call("eth_call", {"to": address}, "latest")
    replica.send(replica.actor("deployer").address, address)
    set_code(replica, address, runtime)
    return Contract(replica, name, checksum_address(address))


def init_code(name: str, *values: Any) -> str:
    """Creation code with the constructor's arguments, as 0x-hex."""
    inputs = next((each["inputs"] for each in _abi(name) if each["type"] == "constructor"), [])
    return str(artifact(name)["bytecode"]) + bytes(abi_encode([_type(each) for each in inputs], values)).hex()


def set_code(replica: Node, address: str, code: str = "0x") -> None:
    """Other code at an address; none, as after a self-destruct, unless some is given."""
    replica.rpc.call("anvil_setCode", address, code)


def delegate(replica: Node, actor: Actor, implementation: str) -> None:
    """The actor's account runs the code of `implementation`, by a real authorization (EIP-7702) that it signs."""
    key = actor.private_key()
    nonce = int(replica.rpc.call("eth_getTransactionCount", actor.address, "latest"), 16)
    # The sender's nonce has been raised by the time that its own authorization is looked at.
    grant = Account.sign_authorization({"chainId": 1, "address": implementation, "nonce": nonce + 1}, key)
    fees = {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9, "gas": 200_000, "value": 0}
    transaction = {
        "chainId": 1,
        "nonce": nonce,
        "to": actor.address,
        "data": "0x",
        **fees,
        "authorizationList": [grant],
    }
    signed = Account.sign_transaction(transaction, key)
    digest = replica.rpc.call("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    assert replica.receipt(digest)["status"] == "0x1"


def method(signature: str) -> bytes:
    """A selector, to tell HostileToken which method is meant."""
    return selector(signature)


@cache
def _abi(name: str) -> list[dict[str, Any]]:
    return list(artifact(name)["abi"])


def _function(name: str, function: str) -> dict[str, Any]:
    for each in _abi(name):
        if each["type"] == "function" and each["name"] == function:
            return each
    raise KeyError(f"{name} has no function {function}")


def _type(parameter: dict[str, Any]) -> str:
    """The type as a signature has it: a struct is a tuple of its parts."""
    kind = str(parameter["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({_listed([_type(part) for part in parameter['components']])}){kind.removeprefix('tuple')}"


def _listed(types: Sequence[str]) -> str:
    return ",".join(types)


# ------------------------------------------------------------------ the owners of a Safe


def exec_from_safe(replica: Node, safe: str, owner: str, to: str, data: str) -> dict[str, Any]:
    """The receipt of a transaction of a 1-of-n Safe, sent by an owner: the sender is the signature.

    RpcError where the call fails: with its reason from 1.5.0 on, with GS013 before.
    """
    signature = bytes(12) + bytes.fromhex(owner[2:]) + bytes(32) + b"\x01"
    return replica.transact(owner, safe, EXEC, to, 0, bytes.fromhex(data[2:]), CALL, *UNPAID, signature)


def signed_by(replica: Node, safe: str, owners: Sequence[Actor], to: str, data: str) -> str:
    """Calldata for the Safe, signed by `owners` with their keys: whoever sends it, it counts once, as the next."""
    return signed_call(replica, safe, owners, (to, 0, bytes.fromhex(data[2:]), CALL, *UNPAID))


def signed_call(replica: Node, safe: str, owners: Sequence[Actor], call: tuple[Any, ...]) -> str:
    """The same of all that EXEC takes but the signatures.

    With a safeTxGas (the fifth) the Safe does not fail where the call fails, and the signatures are used up.
    """
    nonce = replica.read(safe, "nonce()")[0]
    digest = replica.read(safe, HASH, *call, nonce, returns=("bytes32",))[0]
    # The Safe wants them in the order of the owners' addresses.
    ordered = sorted(owners, key=lambda owner: int(owner.address, 16))
    signatures = [bytes(Account.unsafe_sign_hash(digest, owner.private_key()).signature) for owner in ordered]
    return encode_call(EXEC, *call, b"".join(signatures))


def relay(replica: Node, sender: str, safe: str, signed: str) -> dict[str, Any]:
    """The receipt of what `signed_by` made, sent by anybody."""
    return replica.send(sender, safe, signed)


def enable_module(replica: Node, safe: str, owner: str, module: str) -> None:
    """An owner of a 1-of-n Safe lets `module` act for it."""
    exec_from_safe(replica, safe, owner, safe, encode_call("enableModule(address)", module))


def a_safe(replica: Replica, owners: Sequence[Actor], version: str = "1.4.1", threshold: int = 1) -> Address:
    """A Safe of that release, with the factory and the fallback handler of the release."""
    addresses = [owner.address for owner in owners]
    return replica.create_safe(addresses, threshold, singleton=replica.place_safe(version))


def exec_from_module(replica: Node, safe: str, module: str, to: str, data: str) -> dict[str, Any]:
    """The receipt of a call that `module`, here any account, makes the Safe do."""
    signature = "execTransactionFromModule(address,uint256,bytes,uint8)"
    return replica.transact(module, safe, signature, to, 0, bytes.fromhex(data[2:]), CALL)


# ------------------------------------------------------------------ hostile places


def a_hostile_pair(replica: Node, a: str, b: str) -> Contract:
    """HostilePool where SwapRouter02 looks for the V2 pair of two tokens. Fund it, then `set("sync")`.

    The two must have no pair on the replica yet: the storage of a real one would be in the way.
    """
    address = v2_pair_address(MAINNET.uniswap_v2_factory, a, b)
    assert replica.rpc.call("eth_getCode", address, "latest") == "0x", f"{address} has a pair already"
    return place(replica, "HostilePool", address, *sort_tokens(a, b))
