"""Listings of outside routes: every field that one names is where it says, by an ABI encoding made by another library
and by the RouteCheck that is deployed from it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode
from eth_abi.grammar import TupleType, parse
from given_module import bytecode

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.adapters.venues.known import KNOWN
from rebalancer.adapters.wallets.module_abi import CHECKER, decode_checker
from rebalancer.core.errors import ConfigError
from rebalancer.core.module_calldata import Offered, check_breaches
from rebalancer.replica.calls import selector
from rebalancer.replica.chain import Replica
from rebalancer.units import Address
from scripts._owners.listing import ROUTES, Check, Listing, addresses_of, read_listing

LISTINGS = sorted(ROUTES.glob("*.json"))
SAFE, TOKEN_IN, TOKEN_OUT, ATTACKER, EXECUTOR, SETTLER = (Address(f"0x{digit * 40}") for digit in "abce3d")
AMOUNT_IN, MIN_OUT = 0x1111111111111111, 0x2222222222222222
FEE = 0xBB8
CAPPED = 1 << 92
NOBODY = "0x" + "00" * 20
NOTE = bytes(range(32))
VALUES = {"SAFE": int(SAFE, 16), "TOKEN_IN": int(TOKEN_IN, 16), "TOKEN_OUT": int(TOKEN_OUT, 16)}
VALUES |= {"AMOUNT_IN": AMOUNT_IN, "AT_LEAST_MIN_OUT": MIN_OUT}
GIVEN: Mapping[str, Mapping[str, Address]] = {"zero_x_exec": {"SETTLER": SETTLER}}

ONE_HOP = bytes.fromhex(TOKEN_IN[2:]) + FEE.to_bytes(3, "big") + bytes.fromhex(TOKEN_OUT[2:])
SETTLED = selector("execute((address,address,uint256),bytes[],bytes32)") + bytes(
    abi_encode(
        ["(address,address,uint256)", "bytes[]", "bytes32"], [(SAFE, TOKEN_OUT, MIN_OUT), [b"pull", b"swap"], NOTE]
    )
)
KYBER_SWAP = (TOKEN_IN, TOKEN_OUT, [EXECUTOR], [AMOUNT_IN], [], [], SAFE, AMOUNT_IN, MIN_OUT, 0x200, b"")
SAMPLES: Mapping[str, tuple[Any, ...]] = {
    "swap_router_02_exact_input_single": ((TOKEN_IN, TOKEN_OUT, FEE, SAFE, AMOUNT_IN, MIN_OUT, 0),),
    "swap_router_02_exact_input_one_hop": ((ONE_HOP, SAFE, AMOUNT_IN, MIN_OUT),),
    "zero_x_exec": (SETTLER, TOKEN_IN, AMOUNT_IN, SETTLER, SETTLED),
    "one_inch_swap": (EXECUTOR, (TOKEN_IN, TOKEN_OUT, EXECUTOR, SAFE, AMOUNT_IN, MIN_OUT, 0), b"trade"),
    "velora_swap_exact_amount_in": (
        EXECUTOR,
        (TOKEN_IN, TOKEN_OUT, AMOUNT_IN, MIN_OUT, MIN_OUT, NOTE, SAFE),
        CAPPED,
        b"",
        b"trade",
    ),
    "odos_swap": (
        (TOKEN_IN, AMOUNT_IN, EXECUTOR, TOKEN_OUT, 2 * MIN_OUT, MIN_OUT, SAFE),
        b"path",
        EXECUTOR,
        (0, 0, NOBODY),
    ),
    "kyber_swap_opaque": ((EXECUTOR, NOBODY, b"trade", KYBER_SWAP, b"client"),),
}
"""Arguments of each listed function whose every field has a value of its own."""
END = 4_096
UNPINNED = {
    "swap_router_02_exact_input_single": {range(68, 100)},
    "swap_router_02_exact_input_one_hop": {range(216, 219)},
    "zero_x_exec": {range(164, 196), range(328, END)},
    "one_inch_swap": {range(4, 36), range(100, 132), range(292, END)},
    "velora_swap_exact_amount_in": {range(4, 36), range(196, 228), range(280, 292), range(388, END)},
    "odos_swap": {range(68, 100), range(132, 164), range(260, 292), range(388, END)},
    "kyber_swap_opaque": {range(36, 68), range(132, END)},
}
"""Bytes that the operator may choose: the fee of a pool, who trades for the router and how, what is quoted beyond the
minimum, what a venue notes for itself, the fee of no partner. And of an opaque one all that matters.
"""
ROUTERS = {one.name: one.router for one in KNOWN} | {"swap_router_02": MAINNET.swap_router_02}


def _listing(path: Path) -> Listing:
    return read_listing(path, GIVEN.get(path.stem, {}))


def _encoded(listing: Listing) -> bytes:
    types = parse(listing.function[listing.function.index("(") :])
    assert isinstance(types, TupleType), listing.function
    kinds = [component.to_type_str() for component in types.components]
    return listing.selector + bytes(abi_encode(kinds, SAMPLES[listing.name]))


def _field(data: bytes, check: Check) -> int:
    return int.from_bytes(data[check.offset : check.offset + check.size], "big")


def _spoiled(data: bytes, check: Check) -> bytes:
    """One less in that field, or one more where it is nothing: never what it must be, and below any minimum."""
    seen = _field(data, check)
    wrong = (seen - 1 if seen else 1).to_bytes(check.size, "big")
    return data[: check.offset] + wrong + data[check.offset + check.size :]


def test_listings__all_of_them__have_a_sample() -> None:
    assert LISTINGS
    assert {path.stem for path in LISTINGS} == set(SAMPLES)


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_listing__each_field__is_where_an_abi_encoding_has_it(path: Path) -> None:
    listing = _listing(path)
    data = _encoded(listing)
    assert listing.length in (0, len(data))
    for check in listing.checks:
        expected = check.pinned if check.kind == "CONSTANT" else VALUES[check.kind]
        assert _field(data, check) == expected, check.words


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_listing__bytes_that_no_check_covers__are_those_that_the_operator_may_choose(path: Path) -> None:
    listing = _listing(path)
    covered = set(range(4)).union(*(range(c.offset, c.offset + c.size) for c in listing.checks))
    free = {byte for some in UNPINNED[listing.name] for byte in some}
    assert covered | free == set(range(listing.length or END))
    assert not covered & free


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_listing__its_router__is_the_deployment_that_the_keeper_knows(path: Path) -> None:
    listing = _listing(path)
    (router,) = {address for name, address in ROUTERS.items() if listing.name.startswith(name)}
    assert listing.routers == {1: router}
    assert listing.is_opaque == listing.name.endswith("_opaque")


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_route_check__deployed_from_a_listing__takes_the_sample_and_no_field_changed_and_we_say_the_same(
    replica: Replica, path: Path
) -> None:
    listing = _listing(path)
    address = replica.deploy(bytecode("RouteCheck") + listing.constructor_data())
    data = _encoded(listing)
    signature = "check(bytes,address,address,address,uint256,uint256)"
    asked = (SAFE, TOKEN_IN, TOKEN_OUT, AMOUNT_IN, MIN_OUT)
    assert replica.read(address, signature, data, *asked, returns=("bool",)) == (True,)
    assert replica.read(address, "is_opaque()", returns=("bool",)) == (listing.is_opaque,)
    known = decode_checker(address, [_said(replica, address, one) for one in CHECKER])
    assert known == listing.checker(address)
    assert list(check_breaches(known, Offered(data, *asked))) == []
    last = max(check.offset + check.size for check in listing.checks)
    wrong = [_spoiled(data, check) for check in listing.checks]
    wrong += [data[: last - 1], b"\0" + data[1:], b"", *([data + b"\0", data[:-1]] if listing.length else [])]
    for each in wrong:
        first = next(check_breaches(known, Offered(each, *asked)))
        with pytest.raises(RpcError, match=first.rule):
            replica.read(address, signature, each, *asked, returns=("bool",))


def _said(replica: Replica, address: str, question: bytes) -> bytes:
    return bytes.fromhex(replica.rpc.call("eth_call", {"to": address, "data": "0x" + question.hex()}, "latest")[2:])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "SETTLER is missing, the Settler that 0x's registry"),
        ({"SETTLER": SETTLER, "OTHER": SETTLER}, "OTHER is given, expected SETTLER"),
    ],
)
def test_read_listing__of_what_changes_over_time__asks_for_it_by_its_name(
    given: dict[str, Address], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        read_listing(ROUTES / "zero_x_exec.json", given)


@pytest.mark.parametrize("text", ["SETTLER", "SETTLER=0x12", "SETTLER=0x6131b5fae19EA4f9D964eAc0408E4408b66337b5"])
def test_address__that_is_given_with_a_mistake__is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="SETTLER"):
        addresses_of([text])


def test_address__that_is_given__is_taken_with_its_checksum_or_in_small_letters() -> None:
    router = Address("0x6131B5fae19EA4f9D964eAc0408E4408b66337b5")
    assert addresses_of([f"A={router}", f"B={router.lower()}"]) == {"A": router, "B": router}


def _broken() -> Iterator[tuple[str, dict[str, Any], str]]:
    check = {"field": "to", "is": "SAFE", "offset": 4, "size": 32}
    whole = {"function": "f(address)", "routers": {"1": ATTACKER}, "length": 36, "checks": [check]}
    yield "another kind", whole | {"checks": [check | {"is": "ANYTHING"}]}, "expected one of SAFE"
    yield "beyond the calldata", whole | {"checks": [check | {"offset": 5}]}, "does not lie inside the calldata"
    yield "on the selector", whole | {"checks": [check | {"offset": 3}]}, "does not lie inside the calldata"
    yield "a value that is no constant", whole | {"checks": [check | {"value": 1}]}, "belongs to CONSTANT"
    constant = check | {"is": "CONSTANT", "size": 1, "value": 256}
    yield "a value too wide", whole | {"checks": [constant]}, "does not fit into 1 bytes"
    yield "no length", {key: value for key, value in whole.items() if key != "length"}, "length"
    yield "too many checks", whole | {"checks": [check] * 11}, "at most 10"
    yield "no address", whole | {"routers": {"1": "0x12"}}, "no address"


@pytest.mark.parametrize(
    ("content", "words"), [(c, w) for _, c, w in _broken()], ids=[name for name, _, _ in _broken()]
)
def test_read_listing__that_is_none__is_refused_in_words(tmp_path: Path, content: dict[str, Any], words: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=words):
        read_listing(path)


def test_read_listing__that_is_not_there__is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_listing(tmp_path / "no_such_router.json")
