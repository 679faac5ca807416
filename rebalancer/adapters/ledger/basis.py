"""What an intent was decided on as JSON, for people: the whole snapshot, the quotes' routes, what the simulation said.

One way only. No decision rests on it, so nothing reads it back, and its shape follows the values' own: an object for
each value with its kind, integers as decimal text, bytes as hex.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from rebalancer.adapters.ledger.record_shapes import dump


def basis_to_json(value: object) -> str:
    """Any value of the model, whole."""
    return dump(_out(value))


def _out(value: object) -> Any:
    match value:
        case None | bool() | str():
            return value.value if isinstance(value, Enum) else value
        case int():
            return str(value)
        case bytes():
            return "0x" + value.hex()
        case tuple() | list():
            return [_out(each) for each in value]
        case frozenset() | set():
            return sorted((_out(each) for each in value), key=dump)
        case dict():
            return {str(key): _out(each) for key, each in value.items()}
    if is_dataclass(value):
        return {"kind": type(value).__name__} | {f.name: _out(getattr(value, f.name)) for f in fields(value)}
    raise TypeError(f"a {type(value).__name__} in what an intent rests on has no form in the ledger")
