"""Listings of outside routes: every field that one names is where it says, by an ABI encoding made by another library
and by the RouteCheck that is deployed from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode as abi_encode
from given_module import bytecode

from rebalancer.adapters.chain.deployments import DEPLOYMENTS
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.core.errors import ConfigError
from rebalancer.replica.chain import Replica
from scripts._owners.listing import ROUTES, Check, Listing, read_listing

LISTINGS = sorted(ROUTES.glob("*.json"))
SAFE, TOKEN_IN, TOKEN_OUT, ATTACKER = (f"0x{digit * 40}" for digit in "abce")
AMOUNT_IN, MIN_OUT = 0x1111111111111111, 0x2222222222222222
FEE = 0xBB8
VALUES = {"SAFE": int(SAFE, 16), "TOKEN_IN": int(TOKEN_IN, 16), "TOKEN_OUT": int(TOKEN_OUT, 16)}
VALUES |= {"AMOUNT_IN": AMOUNT_IN, "AT_LEAST_MIN_OUT": MIN_OUT}


ONE_HOP = bytes.fromhex(TOKEN_IN[2:]) + FEE.to_bytes(3, "big") + bytes.fromhex(TOKEN_OUT[2:])
SAMPLES: Mapping[str, Any] = {
    "swap_router_02_exact_input_single": ((TOKEN_IN, TOKEN_OUT, FEE, SAFE, AMOUNT_IN, MIN_OUT, 0),),
    "swap_router_02_exact_input_one_hop": ((ONE_HOP, SAFE, AMOUNT_IN, MIN_OUT),),
}
"""Arguments of each listed function whose every field has a value of its own."""
UNPINNED = {
    "swap_router_02_exact_input_single": {range(68, 100)},
    "swap_router_02_exact_input_one_hop": {range(216, 219)},
}
"""Bytes that the operator may choose: the fee of a pool, and no token or pool by its address."""


def _encoded(listing: Listing) -> bytes:
    types = re.fullmatch(r"\w+\((.*)\)", listing.function)
    assert types, listing.function
    return listing.selector + bytes(abi_encode([types.group(1)], SAMPLES[listing.name]))


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
    listing = read_listing(path)
    data = _encoded(listing)
    assert listing.length == len(data)
    for check in listing.checks:
        expected = check.pinned if check.kind == "CONSTANT" else VALUES[check.kind]
        assert _field(data, check) == expected, check.words


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_listing__bytes_that_no_check_covers__are_those_that_the_operator_may_choose(path: Path) -> None:
    listing = read_listing(path)
    covered = set(range(4)).union(*(range(c.offset, c.offset + c.size) for c in listing.checks))
    free = {byte for some in UNPINNED[listing.name] for byte in some}
    assert covered | free == set(range(listing.length))
    assert not covered & free


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_listing__its_router__is_the_deployment_that_the_keeper_knows(path: Path) -> None:
    listing = read_listing(path)
    for chain, router in listing.routers.items():
        assert router == DEPLOYMENTS[chain].swap_router_02
    assert not listing.is_opaque


@pytest.mark.parametrize("path", LISTINGS, ids=lambda p: p.stem)
def test_route_check__deployed_from_a_listing__takes_the_sample_and_no_field_changed(
    replica: Replica, path: Path
) -> None:
    listing = read_listing(path)
    address = replica.deploy(bytecode("RouteCheck") + listing.constructor_data())
    data = _encoded(listing)
    signature = "check(bytes,address,address,address,uint256,uint256)"
    asked = (SAFE, TOKEN_IN, TOKEN_OUT, AMOUNT_IN, MIN_OUT)
    assert replica.read(address, signature, data, *asked, returns=("bool",)) == (True,)
    assert replica.read(address, "is_opaque()", returns=("bool",)) == (False,)
    wrong = [_spoiled(data, check) for check in listing.checks]
    wrong += [data + b"\0", data[:-1], b"\0" + data[1:]]
    for each in wrong:
        with pytest.raises(RpcError, match="RouteCheck: "):
            replica.read(address, signature, each, *asked, returns=("bool",))


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
