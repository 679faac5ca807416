"""What the Safe is to do, as calls; out of these a file for Safe's Transaction Builder, or one transaction.

The file's shape is that of the app's own downloads, version 1.0: methods and their values rather than calldata, so
that each signer sees what is signed. Where the app opens a file without its checksum, it warns.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode as abi_encode

from rebalancer.adapters.wallets.abi import exec_batch, exec_by_sender
from rebalancer.core.model import Call
from rebalancer.market.addresses import keccak256
from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class OwnersCall:
    """A call that the Safe is to make. `inputs` are (name, type) in order; values as eth_abi takes them."""

    to: Address
    method: str
    inputs: tuple[tuple[str, str], ...] = ()
    values: tuple[Any, ...] = ()

    @property
    def data(self) -> bytes:
        """Its calldata."""
        types = [kind for _, kind in self.inputs]
        signature = f"{self.method}({','.join(types)})"
        return keccak256(signature.encode())[:4] + bytes(abi_encode(types, self.values))

    @property
    def words(self) -> str:
        """As people read it: enableModule(module: 0x…) on 0x…."""
        inputs = (f"{name}: {_text(value)}" for (name, _), value in zip(self.inputs, self.values, strict=True))
        return f"{self.method}({', '.join(inputs)}) on {self.to}"


def enable_module(safe: Address, module: Address) -> OwnersCall:
    """Let a module act for the Safe."""
    return OwnersCall(safe, "enableModule", (("module", "address"),), (module,))


def disable_module(safe: Address, previous: Address, module: Address) -> OwnersCall:
    """Take that away. `previous` is the one before it in the Safe's list."""
    return OwnersCall(safe, "disableModule", (("prevModule", "address"), ("module", "address")), (previous, module))


def builder_file(chain_id: int, safe: Address, name: str, calls: Sequence[OwnersCall], now: int) -> dict[str, Any]:
    """The content of a Transaction Builder file; `now` in Unix seconds."""
    content: dict[str, Any] = {
        "version": "1.0",
        "chainId": str(chain_id),
        "createdAt": now * 1000,
        "meta": {
            "name": name,
            "description": "; ".join(call.words for call in calls),
            "txBuilderVersion": "1.18.2",
            "createdFromSafeAddress": safe,
            "createdFromOwnerAddress": "",
        },
        "transactions": [_transaction(call) for call in calls],
    }
    content["meta"]["checksum"] = checksum(content)
    return content


def checksum(content: dict[str, Any]) -> str:
    """What the app compares: keccak256 of its own serialisation, without the checksum, and with the name left out."""
    meta = {key: value for key, value in content["meta"].items() if key != "checksum"}
    return "0x" + keccak256(_serialised({**content, "meta": {**meta, "name": None}}).encode()).hex()


def execution(safe: Address, multi_send: Address, owner: Address, calls: Sequence[OwnersCall]) -> bytes:
    """Calldata for the Safe by which a single owner, who sends it, makes `calls`: all of them, or none."""
    made = [Call(call.to, call.data) for call in calls]
    if len(made) > 1:
        return exec_batch(safe, multi_send, owner, made).data
    return exec_by_sender(safe, owner, *made).data


def _transaction(call: OwnersCall) -> dict[str, Any]:
    return {
        "to": call.to,
        "value": "0",
        "data": None,
        "contractMethod": {
            "inputs": [{"internalType": kind, "name": name, "type": kind} for name, kind in call.inputs],
            "name": call.method,
            "payable": False,
        },
        "contractInputsValues": {name: _text(value) for (name, _), value in zip(call.inputs, call.values, strict=True)},
    }


def _text(value: Any) -> str:
    """A value as the app's form takes it: numbers and addresses plain, arrays in brackets."""
    return f"[{', '.join(map(_text, value))}]" if isinstance(value, tuple | list) else str(value)


def _serialised(value: Any) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_serialised, value))}]"
    if isinstance(value, dict):
        keys = sorted(value)
        head = json.dumps(keys, separators=(",", ":"), ensure_ascii=False)
        return "{" + head + "".join(f"{_serialised(value[key])}," for key in keys) + "}"
    return json.dumps(value, ensure_ascii=False)
