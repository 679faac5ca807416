"""Access lists to JSON and back: what a node says is read whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.adapters.chain.codec import DecodeError
from rebalancer.adapters.wallets.access_lists import (
    ENTRY_GAS,
    SLOT_GAS,
    access_list_from_json,
    access_list_to_json,
)
from rebalancer.core.model import AccessEntry, AccessList
from rebalancer.market.addresses import checksum_address

SAFE = checksum_address("0x41675C099F32341bf84BFc5382aF534df5C7461a")
PLENTY = 1 << 24

addresses = st.binary(min_size=20, max_size=20).map(lambda b: checksum_address("0x" + b.hex()))
entries = st.builds(AccessEntry, addresses, st.lists(st.integers(0, 2**256 - 1), max_size=5).map(tuple))
lists = st.lists(entries, max_size=5).map(tuple)


@given(lists)
def test_access_list__to_json_and_back__is_the_same_in_order(made: AccessList) -> None:
    ordered = sorted((entry.address, tuple(sorted(entry.slots))) for entry in made)
    for told in (made, tuple(reversed(made))):
        found = access_list_from_json({"accessList": access_list_to_json(told), "gasUsed": "0x1"}, PLENTY)
        assert [(entry.address, entry.slots) for entry in found] == ordered


def test_access_list_to_json__of_a_slot__is_a_word_of_its_own() -> None:
    (entry,) = access_list_to_json((AccessEntry(SAFE, (7,)),))
    assert entry == {"address": SAFE, "storageKeys": ["0x" + "0" * 63 + "7"]}


def _answer(*given: Any) -> dict[str, Any]:
    return {"accessList": list(given), "gasUsed": "0x5208"}


def _entry(**change: Any) -> dict[str, Any]:
    return {"address": SAFE, "storageKeys": ["0x" + "00" * 32], **change}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "0x",
        5,
        {},
        {"accessList": None},
        {"accessList": {}},
        {"accessList": "0x"},
        _answer(None),
        _answer([]),
        _answer({}),
        _answer({"address": SAFE}),
        _answer(_entry(storageKeys=None)),
        _answer(_entry(storageKeys="0x00")),
        _answer(_entry(storageKeys=[None])),
        _answer(_entry(storageKeys=[7])),
        _answer(_entry(storageKeys=["7"])),
        _answer(_entry(storageKeys=["0x"])),
        _answer(_entry(storageKeys=["0x-7"])),
        _answer(_entry(storageKeys=["0x1" + "00" * 32])),
        _answer(_entry(address=None)),
        _answer(_entry(address=7)),
        _answer(_entry(address=SAFE[:-2])),
        _answer(_entry(address=SAFE + "00")),
        _answer(_entry(address="0x" + "g" * 40)),
        _answer(_entry(), _entry(address="")),
        {**_answer(_entry()), "error": "execution reverted"},
        {**_answer(_entry()), "error": {"code": 3}},
    ],
    ids=str,
)
def test_access_list_from_json__of_something_else__is_refused(answer: Any) -> None:
    assert access_list_from_json(_answer(_entry()), PLENTY) == (AccessEntry(SAFE, (0,)),)
    with pytest.raises(DecodeError):
        access_list_from_json(answer, PLENTY)


def test_access_list_from_json__of_more_than_the_gas_there_is__is_refused() -> None:
    cost = 2 * ENTRY_GAS + SLOT_GAS
    answer = _answer(_entry(), _entry(storageKeys=[]))
    assert len(access_list_from_json(answer, cost + 1)) == 2
    with pytest.raises(DecodeError, match=f"costs {cost} gas, for a call that may use {cost}"):
        access_list_from_json(answer, cost)
