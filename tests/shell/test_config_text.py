"""What people write, as integers: exact both ways, and refused where it could mean two things."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.config import drift_text, spans, text
from rebalancer.market.addresses import checksum_address
from rebalancer.units import ONE, Weight


def _write(value: int, places: int) -> str:
    """`value` / 10**places as a decimal fraction, without a float on the way."""
    whole, part = divmod(value, 10**places)
    return f"{whole}.{part:0{places}d}" if places else str(whole)


@given(st.integers(0, ONE), st.sampled_from(["", " ", "  "]))
def test_weight__written_as_a_percentage__is_read_back_exactly(value: int, gap: str) -> None:
    assert text.weight(f"{_write(value, 16)}{gap}%") == value
    assert text.weight(text.show_percent(Weight(value))) == value


@given(st.integers(0, 10_000))
def test_bps__written_as_a_percentage__is_read_back_exactly(value: int) -> None:
    assert text.bps(f"{_write(value, 2)} %") == value


@given(st.integers(0, 10**30))
def test_usd__written_with_all_its_places__is_read_back_exactly(value: int) -> None:
    assert text.usd(f"{_write(value, 18)} USD") == value


@given(st.integers(0, 10**27), st.sampled_from([("wei", 0), ("gwei", 9), ("ETH", 18)]))
def test_wei__in_any_unit__is_read_back_exactly(value: int, unit: tuple[str, int]) -> None:
    name, places = unit
    assert text.wei(f"{_write(value, places)} {name}") == value


@given(st.integers(1, 10**29), st.integers(0, 30))
def test_base_units__written_with_all_places_of_the_token__is_read_back_exactly(raw: int, decimals: int) -> None:
    assert text.base_units(_write(raw, decimals), decimals) == raw


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("0", "more than none"),
        ("0.000", "more than none"),
        ("1.0000001", "nothing finer than 6 places"),
        *((each, "an amount in whole tokens") for each in ("", "-1", "1e3", "1,000", "1 USDC", "NaN", "٣", "0x10")),
    ],
)
def test_base_units__of_what_is_no_amount__says_what_was_expected(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        text.base_units(written, 6)


@given(st.integers(1, 10**6), st.sampled_from(sorted(text.SECONDS)))
def test_seconds__in_any_unit__is_the_count_times_the_unit(count: int, unit: str) -> None:
    assert text.seconds(f"{count} {unit}") == text.seconds(f"{count}{unit}") == count * text.SECONDS[unit]


@given(st.integers(1, 2**160 - 1))
def test_address__in_another_case__names_the_right_form(number: int) -> None:
    right = checksum_address(f"0x{number:040x}")
    assert text.address(right) == right
    if right != right.lower():
        with pytest.raises(ValueError, match=right):
            text.address(right.lower())


@given(st.text(max_size=30))
def test_parsers__on_any_text__return_or_refuse(anything: str) -> None:
    units = (text.weight, text.usd, text.wei, text.seconds, text.pool, text.hours, text.address, text.day)
    for parse in (*units, spans.share_in_time, spans.ramp, spans.days, spans.turnover, spans.channel):
        try:
            parse(anything)
        except ValueError as refusal:
            assert "expected" in str(refusal) or "EIP-55" in str(refusal)


@pytest.mark.parametrize(
    ("parse", "written", "read"),
    [
        (text.weight, "30 %", 3 * 10**17),
        (text.weight, "33.3333333333333333 %", 333333333333333333),
        (text.bps, "0.5%", 50),
        (text.seconds, "1.5 h", 5_400),
        (text.seconds, "7 d", 604_800),
        (text.usd, "1_000 USD", 1_000 * ONE),
        (text.usd, "50", 50 * ONE),
        (text.usd, "$50", 50 * ONE),
        (text.wei, "30 gwei", 30 * 10**9),
        (text.wei, "0.05 eth", 5 * 10**16),
        (text.hours, "08:00-17:30", (28_800, 63_000)),
        (text.hours, "22:00 - 06:00", (79_200, 21_600)),
        (text.hours, "00:00-24:00", (0, 86_400)),
        (drift_text.volatility, "120 %", 12 * 10**17),
        (drift_text.penalty, "0.1 % a year at 5 points", 4 * 10**17),
        (drift_text.penalty, "1% a year at 2 points", 25 * ONE),
        (drift_text.penalty, "0.01 % a year at 10 points", ONE // 100),
        (drift_text.penalty, "0.3 % a year at 3 points", 3_333_333_333_333_333_334),
        (text.pool, "v3 UNI/WETH 0.3 %", ("v3", "UNI", "WETH", 3_000)),
        (text.pool, "v3 UNI / WETH 0.01%", ("v3", "UNI", "WETH", 100)),
        (text.pool, "v2 USDC/WETH", ("v2", "USDC", "WETH", 3_000)),
        (text.day, "sun", 6),
    ],
)
def test_parsers__on_what_people_write__give_its_integer(
    parse: Callable[[str], object], written: str, read: object
) -> None:
    assert parse(written) == read


@pytest.mark.parametrize(
    ("parse", "written", "why"),
    [
        (text.weight, "0.3", "a bare 0.3 could mean two things"),
        (text.weight, "30", "a bare 30 could mean two things"),
        (text.weight, "-5 %", "a percentage"),
        (text.weight, "1e1 %", "a percentage"),
        (text.weight, "1,5 %", "a percentage"),
        (text.weight, "100.1 %", "at most 100 %"),
        (text.weight, "0.00000000000000001 %", "finer than 16 places"),
        (text.bps, "0.005 %", "one basis point"),
        (text.seconds, "3600", "a duration"),
        (text.seconds, "1 month", "a duration"),
        (text.seconds, "0.5 s", "whole seconds"),
        (text.usd, "50 EUR", "dollars"),
        (text.usd, "1,000 USD", "dollars"),
        (text.usd, "0.0000000000000000001", "finer than 18"),
        (text.wei, "30", "gwei"),
        (text.wei, "0.5 wei", "finer than 0"),
        (text.whole_number, "18.0", "whole number"),
        (text.whole_number, "٣", "whole number"),
        (text.hours, "8-17", "hours"),
        (text.hours, "08:60-17:00", "hours"),
        (text.hours, "24:00-06:00", "hours"),
        (text.hours, "08:00-08:00", "different times"),
        (text.day, "Monday", "one of mon, tue"),
        (drift_text.volatility, "0.6", "a bare 0.6 could mean two things"),
        (drift_text.volatility, "300.01 %", "at most 300 %"),
        (drift_text.volatility, "0.99 %", "at least 1 %"),
        (drift_text.penalty, "0.1 %", "such as `0.1 % a year at 5 points`"),
        (drift_text.penalty, "0 % a year at 5 points", "more than zero"),
        (drift_text.penalty, "0.1 % a year at 0 points", "more than zero"),
        (drift_text.penalty, "0.1 % a year at 101 points", "at most 100 %"),
        (drift_text.penalty, "5 % a year at 0.1 points", "0.000001 % to 0.0025 % a year at 0.1 points (are the two"),
        (drift_text.penalty, "0.0099 % a year at 10 points", "0.01 % to 25 % a year at 10 points"),
        (text.pool, "UNI/WETH 0.3 %", "a pool such as"),
        (text.pool, "v3 UNI/UNI 0.3 %", "two different tokens"),
        (text.pool, "v3 UNI/WETH", "the fee of a V3 pool"),
        (text.pool, "v3 UNI/WETH 0.25 %", "0.01 %, 0.05 %, 0.3 %, 1 %"),
        (text.pool, "v2 UNI/WETH 0.3 %", "every V2 pool takes"),
        (text.address, "0x0000000000000000000000000000000000000000", "not zero"),
        (text.address, "0x41675C099F32341bf84BFc5382aF534df5C7461", "40 hex digits"),
        (text.address, "vitalik.eth", "40 hex digits"),
    ],
)
def test_parsers__on_what_is_ambiguous_or_wrong__say_what_is_expected(
    parse: Callable[[str], object], written: str, why: str
) -> None:
    with pytest.raises(ValueError) as refusal:
        parse(written)
    assert why in str(refusal.value)
