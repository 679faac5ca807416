"""RouteCheck alone: what it takes as checks, and what it says to calldata."""

from __future__ import annotations

from typing import Any

import pytest
from catalogue import ends_at
from given_hostile import Contract, a_contract, deploy
from given_reasons import reason_of
from given_routes import AGGREGATOR_CHECKS, SELECTOR, WORD, Check, Kind, word

from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

FUNCTION = bytes.fromhex("a1b2c3d4")
MOST_DATA = 4_096
SAFE, TOKEN_IN, TOKEN_OUT = (Address("0x" + digit * 40) for digit in ("1", "2", "3"))
AMOUNT_IN, MIN_OUT = 1_000_000, 900_000
GOOD = word(0, Kind.SAFE)


def refuses(replica: Replica, rule: str, length: int, *checks: Check) -> None:
    """The constructor reverts with exactly this reason."""
    with pytest.raises(RpcError) as refused:
        deploy(replica, "RouteCheck", FUNCTION, length, checks)
    assert reason_of(refused.value) == rule


@pytest.mark.parametrize(
    ("rule", "length", "check"),
    [
        ("RouteCheck: length", 1, GOOD),
        ("RouteCheck: length", 3, GOOD),
        ("RouteCheck: length", MOST_DATA + 1, GOOD),
        ("RouteCheck: kind", 0, (0, 4, 32, 0)),
        ("RouteCheck: kind", 0, (7, 4, 32, 0)),
        ("RouteCheck: size", 0, (Kind.SAFE, 4, 0, 0)),
        ("RouteCheck: size", 0, (Kind.SAFE, 4, 33, 0)),
        ("RouteCheck: offset", 0, (Kind.SAFE, 0, 32, 0)),
        ("RouteCheck: offset", 0, (Kind.SAFE, 3, 32, 0)),
        ("RouteCheck: offset", 0, (Kind.SAFE, MOST_DATA - 31, 32, 0)),
        ("RouteCheck: offset", 0, (Kind.CONSTANT, MOST_DATA, 1, 0)),
        ("RouteCheck: pinned", 0, (Kind.SAFE, 4, 32, 1)),
        ("RouteCheck: pinned", 0, (Kind.AT_LEAST_MIN_OUT, 4, 32, 1)),
    ],
)
def test_check__that_makes_no_sense__is_refused_at_deployment(
    replica: Replica, rule: str, length: int, check: Check
) -> None:
    refuses(replica, rule, length, check)
    refuses(replica, rule, length, GOOD, check)


def test_checks__more_than_ten__are_refused_at_deployment(replica: Replica) -> None:
    with pytest.raises(RpcError):
        deploy(replica, "RouteCheck", FUNCTION, 0, (GOOD,) * 11)
    assert deploy(replica, "RouteCheck", FUNCTION, 0, (GOOD,) * 10) != deploy(replica, "RouteCheck", FUNCTION, 0, ())


@pytest.mark.parametrize(
    ("length", "check"),
    [
        (4, (Kind.SAFE, 4, 1, 0)),
        (MOST_DATA, (Kind.SAFE, MOST_DATA - 32, 32, 0)),
        (0, (Kind.CONSTANT, MOST_DATA - 1, 1, 255)),
        (0, (Kind.CONSTANT, 4, 32, 2**256 - 1)),
    ],
)
def test_check__at_its_edges__is_taken_and_told_again(replica: Replica, length: int, check: Check) -> None:
    contract = a_contract(replica, "RouteCheck", FUNCTION, length, (check,))
    assert contract.read("checks") == (check,)
    assert (contract.read("SELECTOR"), contract.read("LENGTH")) == (FUNCTION, length)


def says(contract: Contract, data: bytes) -> str:
    """What it refuses `data` for; nothing where it does not."""
    try:
        assert contract.read("check", data, SAFE, TOKEN_IN, TOKEN_OUT, AMOUNT_IN, MIN_OUT) is True
    except RpcError as refused:
        return reason_of(refused) or "no reason"
    return ""


FIELDS = (SAFE, TOKEN_IN, TOKEN_OUT, AMOUNT_IN, MIN_OUT, 77)
RULES = [f"RouteCheck: {field}" for field in ("receiver", "token_in", "token_out", "amount_in", "min_out", "constant")]


def _data(*values: Any) -> bytes:
    numbers = [int(value, 16) if isinstance(value, str) else value for value in values]
    return FUNCTION + b"".join(number.to_bytes(WORD, "big") for number in numbers)


@pytest.fixture
def full(replica: Replica) -> Contract:
    """One check of each kind, over six words; any length."""
    checks = [word(place, kind, 77 if kind == Kind.CONSTANT else 0) for place, kind in enumerate(Kind)]
    return a_contract(replica, "RouteCheck", FUNCTION, 0, checks)


@pytest.mark.parametrize(("place", "rule"), enumerate(RULES))
def test_field__that_is_not_as_it_must_be__is_told_by_its_kind(full: Contract, place: int, rule: str) -> None:
    honest = [int(value, 16) if isinstance(value, str) else value for value in FIELDS]
    assert says(full, _data(*honest)) == ""
    for wrong in (honest[place] - 1, 0, honest[place] | 1 << 255, honest[place] + 1):
        fields = [wrong if each == place else value for each, value in enumerate(honest)]
        more_is_fine = rule == "RouteCheck: min_out" and wrong > MIN_OUT
        assert says(full, _data(*fields)) == ("" if more_is_fine else rule)


@ends_at("RouteCheck: length")
def test_data__too_short_for_its_fields__is_refused(full: Contract) -> None:
    whole = _data(*FIELDS)
    for length in (0, 3, 4, 5, SELECTOR + WORD, len(whole) - 1):
        assert says(full, whole[:length]) == "RouteCheck: length"
    # Of a function of no fixed length, more may follow.
    assert says(full, whole + b"\x01" * 100) == ""
    assert says(full, whole + bytes(MOST_DATA - len(whole))) == ""


@ends_at("RouteCheck: selector")
def test_data__of_another_function__is_refused(full: Contract) -> None:
    whole = _data(*FIELDS)
    for wrong in (b"\x00" * 4, b"\xa1\xb2\xc3\xd5", b"\xa2\xb2\xc3\xd4"):
        assert says(full, wrong + whole[4:]) == "RouteCheck: selector"


@ends_at("RouteCheck: length")
def test_data__of_another_length_than_fixed__is_refused(replica: Replica) -> None:
    contract = a_contract(replica, "RouteCheck", FUNCTION, SELECTOR + WORD, (GOOD,))
    honest = _data(SAFE)
    assert says(contract, honest) == ""
    for data in (honest[:-1], honest + b"\x00", honest + bytes(32), b""):
        assert says(contract, data) == "RouteCheck: length"


@ends_at("RouteCheck: length")
def test_data__without_a_selector__is_refused_where_nothing_else_is_checked(replica: Replica) -> None:
    contract = a_contract(replica, "RouteCheck", FUNCTION, 0, ())
    assert says(contract, FUNCTION) == ""
    for data in (b"", FUNCTION[:1], FUNCTION[:3]):
        assert says(contract, data) == "RouteCheck: length"


@pytest.mark.parametrize("size", [1, 4, 20, 31, 32])
def test_field__of_any_size_at_the_very_end__is_read_in_full_and_no_further(replica: Replica, size: int) -> None:
    pinned = int.from_bytes(bytes(range(1, size + 1)), "big")
    contract = a_contract(replica, "RouteCheck", FUNCTION, 0, ((Kind.CONSTANT, 7, size, pinned),))
    data = FUNCTION + b"\xff" * 3 + pinned.to_bytes(size, "big")
    assert says(contract, data) == ""
    assert says(contract, data + b"\xff" * 40) == ""
    assert says(contract, data[:-1]) == "RouteCheck: length"
    assert says(contract, data[:-1] + b"\xff") == "RouteCheck: constant"
    assert says(contract, FUNCTION + b"\xff" * 2 + pinned.to_bytes(size, "big") + b"\xff") == "RouteCheck: constant"


NEEDED = tuple(kind for kind in Kind if kind != Kind.CONSTANT)


@pytest.mark.parametrize(
    ("kinds", "opaque"),
    [
        pytest.param((), True, id="nothing"),
        pytest.param((Kind.CONSTANT,) * 5, True, id="constants"),
        *(pytest.param((kind,), True, id=f"only {kind.name}") for kind in NEEDED),
        *(pytest.param(tuple(k for k in Kind if k != kind), True, id=f"no {kind.name}") for kind in NEEDED),
        pytest.param((*NEEDED[1:], *NEEDED[1:]), True, id="others twice"),
        pytest.param(NEEDED, False, id="all five"),
        pytest.param((*reversed(Kind), Kind.SAFE), False, id="all five in another order and more"),
    ],
)
def test_checker__says_whether_it_leaves_a_field_open_that_the_operator_could_profit_from(
    replica: Replica, kinds: tuple[Kind, ...], opaque: bool
) -> None:
    checks = tuple(word(place, kind) for place, kind in enumerate(kinds))
    assert a_contract(replica, "RouteCheck", FUNCTION, 0, checks).read("is_opaque") is opaque


def test_checker__tells_what_it_checks(replica: Replica) -> None:
    contract = a_contract(replica, "RouteCheck", FUNCTION, 292, AGGREGATOR_CHECKS)
    assert contract.read("checks") == AGGREGATOR_CHECKS
