"""Access lists (EIP-2930) as nodes and signers write them: JSON in and out."""

from __future__ import annotations

from typing import Any

from rebalancer.adapters.chain.codec import DecodeError, hex_int, uint_word
from rebalancer.core.model import AccessEntry, AccessList
from rebalancer.market.addresses import checksum_address

ENTRY_GAS, SLOT_GAS = 2_400, 1_900
"""What an account and a slot in a list cost: EIP-2930."""


def access_list_to_json(entries: AccessList) -> list[dict[str, Any]]:
    """The field `accessList` of a transaction."""
    return [
        {"address": entry.address, "storageKeys": ["0x" + uint_word(slot).hex() for slot in entry.slots]}
        for entry in entries
    ]


def access_list_from_json(answer: Any, gas: int) -> AccessList:
    """The list in an answer of eth_createAccessList, in order: some nodes give it in another one each time.

    DecodeError, also where the call failed or the list alone costs `gas`.
    """
    if not isinstance(answer, dict) or answer.get("error"):
        raise DecodeError("eth_createAccessList did not answer with the list of a call that succeeds")
    entries = _list(answer.get("accessList"))
    keys = [_list(entry.get("storageKeys") if isinstance(entry, dict) else None) for entry in entries]
    cost = ENTRY_GAS * len(entries) + SLOT_GAS * sum(map(len, keys))
    if cost >= gas:
        raise DecodeError(f"eth_createAccessList: a list that costs {cost} gas, for a call that may use {gas}")
    found = (_entry(entry, slots) for entry, slots in zip(entries, keys, strict=True))
    return tuple(sorted(found, key=lambda entry: (entry.address, entry.slots)))


def _entry(entry: dict[str, Any], slots: list[Any]) -> AccessEntry:
    try:
        address = checksum_address(str(entry.get("address")))
    except ValueError as error:
        raise DecodeError(f"eth_createAccessList: {error}") from None
    return AccessEntry(address, tuple(sorted(hex_int(slot) for slot in slots)))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise DecodeError(f"eth_createAccessList gave {type(value).__name__} where a list is due")
    return value
