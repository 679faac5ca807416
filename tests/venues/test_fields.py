"""The fields of an answer, each read strictly: what is one, and the words for what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rebalancer.adapters.venues.answer import VenueError, parsed
from rebalancer.adapters.venues.fields import MOST_CALLDATA, Fields

WETH = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"


def fields(text: str) -> Fields:
    """Of an answer as it comes over the network."""
    return Fields(parsed(text.encode(), "it"))


def one(value: Any) -> Fields:
    """An answer whose only field is `x`."""
    return fields(json.dumps({"x": value}))


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        ("0", 0),
        (0, 0),
        ("1000", 1000),
        (1000, 1000),
        ("007", 7),
        (2**256 - 1, 2**256 - 1),
        (str(2**256 - 1), 2**256 - 1),
    ],
)
def test_amount__in_digits_or_as_a_whole_number__is_base_units(value: object, amount: int) -> None:
    assert one(value).amount("x") == amount
    assert one([value, value]).amounts("x") == (amount, amount)


NO_AMOUNTS = [
    *('"-1"', "-1", '"1.0"', "1.0", "1e3", '"1e3"', '"1,000"', '"1_000"', '" 1"', '"1 "', '"+1"', '"0x10"', '""'),
    *("true", "[]", "{}", '"NaN"', '"Infinity"', '"\\u0663"', '"\\u00b2"', '"1\\n"', "1e400", "-0.0"),
    *(str(2**256), f'"{2**256}"', f'"{"9" * 100}"', f'"{"0" * 79}"', "-" + str(2**300)),
]


@pytest.mark.parametrize("written", NO_AMOUNTS)
def test_amount__of_any_other_form__is_refused(written: str) -> None:
    with pytest.raises(VenueError, match=r"^answer\.x is .*, expected base units, a whole number from 0$"):
        fields(f'{{"x": {written}}}').amount("x")
    with pytest.raises(VenueError, match=r"^answer\.x\[1\] is .*, expected base units"):
        fields(f'{{"x": ["1", {written}]}}').amounts("x")


@pytest.mark.parametrize("value", [{"0": "1"}, "1", 1, True])
def test_amounts__that_are_no_list__are_refused(value: object) -> None:
    with pytest.raises(VenueError, match="expected a list of amounts"):
        one(value).amounts("x")


@pytest.mark.parametrize("reader", ["amount", "amounts", "address", "data", "text", "of"])
@pytest.mark.parametrize("written", ["{}", '{"x": null}', '{"X": "1"}'])
def test_field__that_is_missing_or_null__is_said_by_its_name(reader: str, written: str) -> None:
    assert not fields(written).has("x")
    with pytest.raises(VenueError, match=r"^answer\.x is missing$"):
        getattr(fields(written), reader)("x")
    with pytest.raises(VenueError, match=r"^answer\.tx\.x is missing$"):
        getattr(fields(f'{{"tx": {written}}}').of("tx"), reader)("x")


@pytest.mark.parametrize("value", [[], [{}], "text", 7, True], ids=repr)
def test_of__what_is_no_object__is_refused(value: object) -> None:
    with pytest.raises(VenueError, match=r"^answer\.x is .*, expected an object$"):
        one(value).of("x")


@pytest.mark.parametrize("written", [WETH, WETH.lower(), "0x" + WETH[2:].upper(), "0X" + WETH[2:]])
def test_address__in_whatever_letters__is_checksummed(written: str) -> None:
    assert one(written).address("x") == WETH


@pytest.mark.parametrize(
    "value",
    [WETH[:-1], WETH + "0", WETH[2:], WETH.replace("C", "G"), f" {WETH}", "", 7, True, [WETH], {"a": WETH}, 0.5],
)
def test_address__that_is_none__is_refused(value: object) -> None:
    with pytest.raises(VenueError, match=r"^answer\.x is .*, expected an address$"):
        one(value).address("x")


@pytest.mark.parametrize("size", [4, 5, MOST_CALLDATA])
def test_data__in_hex__is_its_bytes(size: int) -> None:
    assert one("0x" + "aB" * size).data("x") == b"\xab" * size


@pytest.mark.parametrize(
    "value",
    ["12345678", "0x123456789", "0xzz345678", "0x 12 34 56 78", "0x12345678\n", "", 7, ["0x12345678"], "0X12345678"],
)
def test_data__that_is_no_hex__is_refused(value: object) -> None:
    with pytest.raises(VenueError, match=r"^answer\.x is .*, expected calldata in hex$"):
        one(value).data("x")


@pytest.mark.parametrize(("size", "words"), [(0, "0 bytes"), (3, "3 bytes"), (MOST_CALLDATA + 1, "32769 bytes")])
def test_data__too_short_or_too_long__is_refused_by_its_length(size: int, words: str) -> None:
    with pytest.raises(VenueError, match=rf"^answer\.x has {words}, expected"):
        one("0x" + "ab" * size).data("x")


@pytest.mark.parametrize("value", ["", 7, True, ["a"], {"a": "b"}], ids=repr)
def test_text__that_is_none__is_refused(value: object) -> None:
    assert one("a").text("x") == "a"
    with pytest.raises(VenueError, match=r"^answer\.x is .*, expected a text$"):
        one(value).text("x")


@pytest.mark.parametrize("written", ["{}", *(f'{{"x": {zero}}}' for zero in ("null", "0", '"0"', '"0x0"', '"0x00"'))])
def test_zero__in_whatever_form__is_zero(written: str) -> None:
    fields(written).zero("x")


@pytest.mark.parametrize("written", ["1", '"1"', '"0x1"', '"-1"', "-1", "0.0", '"0x"', '""', "false", "[]", '"0x0_0"'])
def test_zero__that_is_none__is_refused(written: str) -> None:
    with pytest.raises(VenueError, match=r"^answer\.x is "):
        fields(f'{{"x": {written}}}').zero("x")


@pytest.mark.parametrize(("value", "expected"), [(1, 1), ("1", 1), (WETH.lower(), WETH), ("exact-in", "exact-in")])
def test_equals__but_for_letters_and_form__is_equal(value: object, expected: int | str) -> None:
    one(value).equals("x", expected)


@pytest.mark.parametrize(
    ("value", "expected"), [(10, 1), ("1.0", 1), (1.0, 1), (True, 1), ("0x1", 1), ([1], 1), (WETH[:-1], WETH)]
)
def test_equals__something_else__answers_another_question(value: object, expected: int | str) -> None:
    with pytest.raises(VenueError, match=rf"^answer\.x is .*, expected {expected}: it answers another question$"):
        one(value).equals("x", expected)


@pytest.mark.parametrize("written", [WETH, WETH.lower(), "0x" + WETH[2:].upper(), "0X" + WETH[2:]])
def test_equals__an_address_in_letters_of_one_kind_or_its_checksum__is_equal(written: str) -> None:
    one(written).equals("x", WETH)


@pytest.mark.parametrize("written", ["0x" + WETH[2:].swapcase(), WETH.replace("C", "c", 1), WETH.replace("Cc2", "cC2")])
def test_equals__an_address_whose_letters_are_no_checksum__is_refused(written: str) -> None:
    with pytest.raises(VenueError, match=rf"^answer\.x is .*, whose letters are no checksum, expected {WETH}$"):
        one(written).equals("x", WETH)


@pytest.mark.parametrize("value", ["\x1b[31m\n\u202e" + "x" * 5_000, {"a": ["y" * 5_000]}, [[[[]]]]])
def test_words__of_whatever_was_seen__are_short_and_printable(value: object) -> None:
    with pytest.raises(VenueError) as error:
        one(value).amount("x")
    assert str(error.value).isprintable() and len(str(error.value)) < 150
