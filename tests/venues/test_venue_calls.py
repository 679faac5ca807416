"""Every venue's calldata with one argument changed: read by us, and told by the rule of its name."""

from __future__ import annotations

import re

import pytest
from given_bends import Bend, argument, both, calldata, of_the_settler
from given_still_request import FLOOR, SOLD, SOMEBODY, WALLET
from given_still_venues import a_server, said_of
from given_wallet import DAI, WBTC
from one_inch_server import TAG
from velora_server import CAPPED

NOBODY = "0x" + "00" * 20

ZERO_X: dict[str, tuple[Bend, str]] = {
    "a receiver": (of_the_settler((0, 0), SOMEBODY), "receiver: "),
    "nobody as receiver": (of_the_settler((0, 0), NOBODY), "receiver: "),
    "a bought token": (of_the_settler((0, 1), DAI.address), "token_out: "),
    "a lower minimum": (of_the_settler((0, 2), 1), "least_out: "),
    "no minimum": (of_the_settler((0, 2), 0), "least_out: "),
    "the minimum of an action": (of_the_settler((0,), (NOBODY, NOBODY, 0)), "leaves the minimum to an action"),
    "a sold token": (argument("zero_x", (1,), DAI.address), "token_in: "),
    "another amount": (argument("zero_x", (2,), 2 * SOLD), "amount_in: "),
    "somebody who pulls": (argument("zero_x", (0,), SOMEBODY), "extras: the tokens may be pulled by"),
    "somebody who trades": (argument("zero_x", (3,), SOMEBODY), "extras: the swap is made by"),
}


def _one_inch(place: int, value: object) -> Bend:
    return argument("one_inch", (1, place), value)


ONE_INCH: dict[str, tuple[Bend, str]] = {
    "the sold token": (_one_inch(0, DAI.address), "token_in: "),
    "the bought token": (_one_inch(1, DAI.address), "token_out: "),
    "the receiver": (_one_inch(3, SOMEBODY), "receiver: "),
    "the amount": (_one_inch(4, 2 * SOLD), "amount_in: "),
    "the minimum": (_one_inch(5, 1), "least_out: "),
    "a partial fill": (_one_inch(6, 1), "extras: a partial fill"),
    "native coin": (_one_inch(6, 2), "extras: extra native coin"),
    "permit2": (_one_inch(6, 4), "extras: a pull through Permit2"),
    "a flag of tomorrow": (_one_inch(6, 1 << 200), "extras: unknown flags"),
}


def _velora(name: str, place: int) -> dict[str, tuple[Bend, str]]:
    """The swap is the argument at `place`, the partner and the permit are those behind it."""

    def swap(field: int, value: object) -> Bend:
        return argument(name, (place, field), value)

    def partner(value: int) -> Bend:
        return argument(name, (place + 1,), value)

    return {
        "token_in": (swap(0, DAI.address), "token_in"),
        "token_out": (swap(1, DAI.address), "token_out"),
        "amount": (swap(2, SOLD + 1), "amount_in"),
        "receiver": (swap(6, SOMEBODY), "receiver"),
        "least": (swap(3, FLOOR), "least_out"),
        "no least": (swap(3, 0), "least_out"),
        "quoted": (swap(4, 1), "least_out"),
        "permit": (argument(name, (place + 2,), b"signed"), "extras: a permit"),
        "fee bits": (partner(30), "extras: fee bits 0x1e"),
        "the highest of them": (partner(1 << 95), "extras: fee bits"),
        "a partner's fee": (partner(int(SOMEBODY, 16) << 96 | 100), "extras: a fee of 100 bp"),
        "a partner's share": (partner(int(SOMEBODY, 16) << 96 | CAPPED), "for the partner 0x"),
    }


def _kyber(name: str, *place: int) -> dict[str, tuple[Bend, str]]:
    def swap(field: int, value: object) -> Bend:
        return argument(name, (*place, field), value)

    flags = {
        0x01: "a partial fill",
        0x02: "extra native coin",
        0x04: "a claim",
        0x08: "burning for gas from the sender",
        0x10: "burning for gas from the operator",
        0x100: "an approval",
        0x400: "unknown flags 0x400",
    }
    return {
        "token_in": (swap(0, DAI.address), "token_in"),
        "token_out": (swap(1, DAI.address), "token_out"),
        "amount": (swap(7, SOLD + 1), "amount_in"),
        "receiver": (swap(6, SOMEBODY), "receiver"),
        "least": (swap(8, FLOOR - 1), "least_out"),
        "no least": (swap(8, 0), "least_out"),
        "a part": (swap(3, [SOLD - 1]), f"extras: {SOLD - 1} of the {SOLD} base units are sold"),
        "twice": (swap(3, [SOLD, SOLD]), f"extras: {2 * SOLD} of the {SOLD} base units are sold"),
        "a fee": (both(swap(4, [SOMEBODY]), swap(5, [SOLD // 100])), f"extras: a fee for {SOMEBODY}"),
        "a fee for nobody": (swap(5, [1]), "extras: fees without a receiver"),
        "permit": (swap(10, b"signed"), "extras: a permit"),
        **{f"flag 0x{flag:x}": (swap(9, flag), f"extras: {words}") for flag, words in flags.items()},
    }


def _odos(field: int, value: object) -> Bend:
    return argument("odos", (0, field), value)


ODOS: dict[str, tuple[Bend, str]] = {
    "another token is sold": (_odos(0, DAI.address), "^token_in: "),
    "more is sold": (_odos(1, SOLD + 1), "^amount_in: "),
    "all that there is is sold": (_odos(1, 0), "^amount_in: "),
    "another token is bought": (_odos(3, WBTC.address), "^token_out: "),
    "the quote is below the floor": (_odos(4, 1), "^below_floor: "),
    "the router insists on nothing": (_odos(5, 0), "^least_out: "),
    "the router insists on one unit": (_odos(5, 1), "^least_out: "),
    "another is paid": (_odos(6, SOMEBODY), "^receiver: "),
    "a referral": (argument("odos", (3,), (7, 0, SOMEBODY)), "^extras: .*a referral, code 7"),
    "a referral's fee": (
        argument("odos", (3,), (0, 10**16, SOMEBODY)),
        rf"^extras: .*fee of {10**16} parts of 10\^18 for {SOMEBODY}",
    ),
}
CASES = {
    "zero_x": ZERO_X,
    "one_inch": ONE_INCH,
    "velora": _velora("velora", 1),
    "velora direct": _velora("velora direct", 0),
    "kyber": {
        **_kyber("kyber", 0, 3),
        "an approval": (argument("kyber", (0, 1), SOMEBODY), f"extras: an approval for {SOMEBODY.lower()}"),
    },
    "kyber simple": _kyber("kyber simple", 1),
    "odos": ODOS,
}


@pytest.mark.parametrize(("venue", "case"), [(venue, case) for venue, cases in CASES.items() for case in cases])
def test_calldata__with_one_argument_changed__breaks_the_rule_of_it(venue: str, case: str) -> None:
    bend, words = CASES[venue][case]
    with a_server(venue, bend) as server:
        said = said_of(venue, server)
    assert re.search(words, said), said


OURS: dict[str, tuple[str, Bend]] = {
    "the wallet as receiver (Odos)": ("odos", _odos(6, WALLET)),
    "without bytes behind it (1inch)": ("one_inch", calldata("one_inch", lambda _, data: data[: -len(TAG)])),
    **{
        f"{venue}: {receiver}, 0x{flags:x}": (
            venue,
            both(argument(venue, (*place, 6), receiver), argument(venue, (*place, 9), flags)),
        )
        for venue, place in (("kyber", (0, 3)), ("kyber simple", (1,)))
        for receiver in (NOBODY, WALLET)
        for flags in (0, 0x20, 0xC0, 0x200)
    },
    **{
        f"velora: {receiver}, 0x{partner:x}": (
            "velora",
            both(argument("velora", (1, 6), receiver), argument("velora", (2,), partner)),
        )
        for receiver in (NOBODY, WALLET)
        for partner in (0, CAPPED)
    },
}


@pytest.mark.parametrize("case", OURS)
def test_calldata__in_another_form_that_is_ours_as_well__keeps_the_rules(case: str) -> None:
    venue, bend = OURS[case]
    with a_server(venue, bend) as server:
        assert said_of(venue, server) == ""
