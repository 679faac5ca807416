"""Calldata out of a signature and values, values out of return data; results of calls to a contract.

A signature is written as Solidity writes it: `transfer(address,uint256)`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode

from rebalancer.adapters.chain.rpc import Call
from rebalancer.market.addresses import keccak256


@cache
def selector(signature: str) -> bytes:
    """The first four bytes of calldata."""
    return keccak256(signature.encode())[:4]


@cache
def _types(signature: str) -> tuple[str, ...]:
    inner = signature[signature.index("(") + 1 : -1]
    return tuple(inner.split(",")) if inner else ()


def encode_call(signature: str, *values: Any) -> str:
    """Calldata as 0x-hex. Types are plain or arrays of plain ones: a signature with a tuple is refused."""
    types = _types(signature)
    if any("(" in kind for kind in types):
        raise ValueError(f"{signature}: tuples are not supported here")
    return f"0x{selector(signature).hex()}{bytes(abi_encode(types, values)).hex()}"


def encode_values(types: tuple[str, ...], *values: Any) -> str:
    """Constructor arguments, as hex without 0x."""
    return bytes(abi_encode(types, values)).hex()


def decode_values(types: tuple[str, ...], data: str) -> tuple[Any, ...]:
    """Return data (0x-hex) as values."""
    return tuple(abi_decode(types, bytes.fromhex(data[2:])))


def read(to: str, signature: str, *values: Any, block: str = "latest") -> Call:
    """The eth_call that asks `to`."""
    return ("eth_call", [{"to": to, "data": encode_call(signature, *values)}, block])
