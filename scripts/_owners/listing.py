"""Listings of outside routes, scripts/routes/*.json: one function of one router, and what must stand where in its
calldata. Out of a listing comes what a RouteCheck is deployed with.

    {"function": "name((address,…))", "routers": {"1": "0x…"}, "length": 228,
     "checks": [{"field": "recipient", "is": "SAFE", "offset": 100, "size": 32},
                {"field": "…", "is": "CONSTANT", "offset": 4, "size": 32, "value": 32}]}

`length` is that of the whole calldata in bytes, 0 where it varies. Offsets count from the selector's first byte. An
address that changes over time has a name in place of a number, and `given` says what is meant: whoever deploys looks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebalancer.adapters.chain.artifacts import creation_code
from rebalancer.adapters.wallets.module_abi import checker_data
from rebalancer.core.errors import ConfigError
from rebalancer.core.model.module import MOST_CHECKS, MOST_DATA, NEEDED_KINDS, NOBODY, Checker, CheckKind, FieldCheck
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.units import Address

ROUTES = Path(__file__).resolve().parent.parent / "routes"
KINDS = tuple(CheckKind.__members__)
NEEDED = tuple(kind.name for kind in NEEDED_KINDS)
NOTHING_GIVEN: Mapping[str, Address] = {}


@dataclass(frozen=True, slots=True)
class Check:
    """What a field of the calldata must be. `pinned` is for CONSTANT."""

    field: str
    kind: str
    offset: int
    size: int
    pinned: int

    @property
    def words(self) -> str:
        number = f" {self.pinned}" if self.pinned < 1 << 16 else f" {self.pinned:#0{2 * min(self.size, 20) + 2}x}"
        pinned = number if self.kind == "CONSTANT" else ""
        return f"bytes {self.offset} to {self.offset + self.size - 1} ({self.field}) must be {self.kind}{pinned}"


@dataclass(frozen=True, slots=True)
class Listing:
    """One function of one router. `routers` by chain."""

    name: str
    function: str
    routers: dict[int, Address]
    length: int
    checks: tuple[Check, ...]

    @property
    def selector(self) -> bytes:
        return keccak256(self.function.encode())[:4]

    @property
    def is_opaque(self) -> bool:
        """Whether it leaves open what the operator could profit from: see RouteCheck.is_opaque."""
        return bool(self.open_kinds)

    @property
    def open_kinds(self) -> tuple[str, ...]:
        """What no field is checked to be, of all that one must be."""
        checked = {check.kind for check in self.checks}
        return tuple(kind for kind in NEEDED if kind not in checked)

    def checker(self, address: Address = NOBODY) -> Checker:
        """The RouteCheck that is deployed from it, as it says itself; before that it is nowhere."""
        checks = [FieldCheck(CheckKind[check.kind], check.offset, check.size, check.pinned) for check in self.checks]
        return Checker(address, self.selector, self.length, tuple(checks))

    def constructor_data(self) -> bytes:
        """What follows the RouteCheck's bytecode at deployment."""
        return checker_data(self.checker())

    def init_code(self) -> bytes:
        """What is sent to deploy the RouteCheck."""
        return creation_code("RouteCheck") + self.constructor_data()


def read_listing(path: Path, given: Mapping[str, Address] = NOTHING_GIVEN) -> Listing:
    """`given`: the values that it only names. ConfigError where the file is none, or names another."""
    try:
        content = json.loads(path.read_text())
        _require_given(path, content.get("given", {}), given)
        listing = Listing(
            name=path.stem,
            function=str(content["function"]),
            routers={int(chain): checksum_address(router) for chain, router in content["routers"].items()},
            length=_number(content["length"]),
            checks=tuple(_check(check, given) for check in content["checks"]),
        )
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: is no listing: {error}; scripts/routes has examples") from None
    _require_sense(path, listing)
    return listing


def addresses_of(given: Iterable[str]) -> dict[str, Address]:
    """`NAME=0x…`, each. ConfigError where one is of another form."""
    found = {}
    for one in given:
        name, _, address = one.partition("=")
        try:
            found[name] = checksum_address(address)
        except ValueError:
            raise ConfigError(f"{one!r}: expected NAME=0x…, an address") from None
        if address not in (found[name], address.lower()):
            raise ConfigError(f"{one!r}: its capital letters are not those of its checksum: a digit is mistyped")
    return found


def _require_given(path: Path, named: Mapping[str, str], given: Mapping[str, Address]) -> None:
    """Each that it names, and no other."""
    for name, meaning in named.items():
        if name not in given:
            raise ConfigError(f"{path}: {name} is missing, {meaning}: look it up, then give it as {name}=0x…")
    strange = [name for name in given if name not in named]
    if strange:
        raise ConfigError(f"{path}: {', '.join(strange)} is given, expected {', '.join(named) or 'nothing'}")


def _check(content: dict[str, Any], given: Mapping[str, Address]) -> Check:
    kind = content["is"]
    if kind not in KINDS:
        raise ValueError(f"`is` is {kind!r}, expected one of {', '.join(KINDS)}")
    if ("value" in content) != (kind == "CONSTANT"):
        raise ValueError(f"{content['field']}: a `value` belongs to CONSTANT, and to no other kind")
    value = content.get("value", 0)
    pinned = int(given[value], 16) if isinstance(value, str) else _number(value)
    return Check(str(content["field"]), kind, _number(content["offset"]), _number(content["size"]), pinned)


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"{value!r} is no whole number")
    return value


def _require_sense(path: Path, listing: Listing) -> None:
    """What RouteCheck's constructor would refuse."""
    if listing.length and not 4 <= listing.length <= MOST_DATA:
        raise ConfigError(f"{path}: a length of {listing.length}, expected 4 to {MOST_DATA}, or 0 for any")
    if len(listing.checks) > MOST_CHECKS:
        raise ConfigError(f"{path}: {len(listing.checks)} checks, a RouteCheck holds at most {MOST_CHECKS}")
    for check in listing.checks:
        end = listing.length or MOST_DATA
        if not (1 <= check.size <= 32 and check.offset >= 4 and check.offset + check.size <= end):
            raise ConfigError(f"{path}: {check.words}: the field does not lie inside the calldata")
        if check.pinned >> (8 * check.size):
            raise ConfigError(f"{path}: {check.words}: the value does not fit into {check.size} bytes")
