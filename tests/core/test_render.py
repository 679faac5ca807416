"""Words and figures for people: nothing reads as more than it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_market import LIMITS, USDC, WBTC, WETH, batch_of, planned, portfolio_in, simulated, snapshot_with, usd

from rebalancer.core import render
from rebalancer.core.cost import cost_of_quotes
from rebalancer.core.model import (
    Blocked,
    Breach,
    Call,
    Cost,
    Failed,
    Fees,
    Held,
    Intent,
    Outcome,
    Pending,
    Planned,
    Proposed,
    Purpose,
    Replacement,
    Settled,
    Settlement,
    SignedTransaction,
    Transaction,
)
from rebalancer.units import ONE, Amount, Price, Token, Usd, Wei, Weight

SNAPSHOT = snapshot_with(40_000, 40_000, 15_000, 5_000)
PLAN = planned(SNAPSHOT)
BATCH = batch_of(PLAN, SNAPSHOT)
COST = Cost(usd(10_000), usd(5), usd(2), usd("7.5"), usd(3))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (usd("1234.56"), "1,234.56 USD"),
        (usd("1234.569"), "1,234.56 USD"),
        (usd("-1234567.8"), "-1,234,567.80 USD"),
        (Usd(0), "0.00 USD"),
        (usd("-0.001"), "0.00 USD"),
    ],
)
def test_money__is_cut_to_cents__with_groups(value: Usd, text: str) -> None:
    assert render.money(value) == text


@pytest.mark.parametrize(
    ("held", "text"),
    [
        (Amount(WETH, 125 * 10**16), "1.25 WETH"),
        (Amount(WETH, 10**18), "1 WETH"),
        (Amount(WETH, 1), "0.000000000000000001 WETH"),
        (Amount(WBTC, 12_345_678), "0.123456 WBTC"),
        (Amount(WBTC, 1), "0.00000001 WBTC"),
        (Amount(USDC, -1_500_000_500_000), "-1,500,000.5 USDC"),
        (Amount(USDC, 0), "0 USDC"),
    ],
)
def test_amount__shows_six_decimals__or_all_where_nothing_else_is_left(held: Amount, text: str) -> None:
    assert render.amount(held) == text


@pytest.mark.parametrize(
    ("part", "text"), [(30, "30 %"), ("6.25", "6.25 %"), ("-33.339", "-33.33 %"), ("0.001", "0 %")]
)
def test_percent__is_cut_to_two_decimals__without_zeros(part: str | int, text: str) -> None:
    assert render.percent(Weight(int(Decimal(part) * ONE // 100))) == text


def test_points__of_a_weight__are_hundredths_of_the_whole() -> None:
    assert render.points(Weight(62 * 10**15)) == "6.2 points"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (3_600, "1 h"), (86_400 * 2 + 3 * 3_600 + 5, "2 d 3 h"), (-90, "-1 min 30 s")],
)
def test_duration__shows__its_two_largest_units(seconds: int, text: str) -> None:
    assert render.duration(seconds) == text


def test_small_figures__of_gas_coin_and_cheap_tokens__keep_their_digits() -> None:
    assert render.gas_price(Wei(12_500_000_000)) == "12.5 gwei"
    assert render.coin(Wei(5 * 10**16)) == "0.05 ETH"
    assert render.bps(1_234) == "1,234 bps"
    assert render.price(Price(WETH, usd("2000.5"), 0)) == "2,000.50 USD"
    assert render.price(Price(WETH, usd("0.00001234"), 0)) == "0.00001234 USD"


@given(st.integers(-(10**30), 10**30))
def test_money__of_any_value__is_never_further_from_zero_than_it_is(value: int) -> None:
    read = Fraction(render.money(Usd(value)).removesuffix(" USD").replace(",", ""))
    exact = Fraction(value, ONE)
    assert abs(read) <= abs(exact) < abs(read) + Fraction(1, 100)


@given(st.integers(-(10**30), 10**30), st.sampled_from([WETH, USDC, WBTC]))
def test_amount__of_any_token__is_zero_only_for_nothing(raw: int, token: Token) -> None:
    read = Fraction(render.amount(Amount(token, raw)).split()[0].replace(",", ""))
    assert (read == 0) == (raw == 0)
    assert abs(read) <= abs(Fraction(raw, 10**token.decimals))


def test_portfolio_rows__for_each_position__fill_the_head() -> None:
    rows = render.portfolio_rows(portfolio_in(SNAPSHOT))
    assert rows[0] == ("WETH", "20", "2,000.00", "40,000.00", "40.00", "30.00", "+10.00")
    assert rows[2][-1] == "-5.00"
    assert {len(row) for row in rows} == {len(render.PORTFOLIO_HEAD)}


def test_breach_rows__of_breaches__fill_the_head() -> None:
    breach = Breach("max_trade", "6,000.00 USD", "at most 5,000.00 USD")
    assert render.breach_rows((breach,)) == (("max_trade", "6,000.00 USD", "at most 5,000.00 USD"),)
    assert len(render.BREACH_HEAD) == 3


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 %"), (1, "0.01 %"), (1_500, "15 %"), (1_501, "15.01 %"), (15_000, "150 %")]
)
def test_bps_percent__of_basis_points__shows_them_all(count: int, text: str) -> None:
    assert render.bps_percent(count) == text


SIGNED = SignedTransaction(Transaction(1, 0, 1, Fees(Wei(1), Wei(1)), Call(WETH.address, b"")), b"", "0xfeed")
INTENT = Intent("i", 1, 2, PLAN.trades, (), SNAPSHOT.prices, SNAPSHOT.native, COST, 3, SIGNED)
SETTLEMENT = Settlement(
    "i", "0xfeed", 9, "0xb9", 8, (Amount(WETH, -(10**18)), Amount(USDC, 1_990 * 10**6)), COST, 400_000
)
RAISED = replace(INTENT, replacements=(Replacement(Purpose.RAISE, 9, replace(SIGNED, hash="0xbeef")),))
OUTCOMES: tuple[tuple[Outcome, str, tuple[str, ...]], ...] = (
    (Held("all is well"), "held", ("all is well",)),
    (Blocked((Breach("a", "1", "0"), Breach("b", "3", "2"))), "blocked", ("a: 1, allowed is 0; b: 3, allowed is 2",)),
    (
        Planned(BATCH, simulated(BATCH), cost_of_quotes(BATCH.quotes, SNAPSHOT, Fees(LIMITS.tip, LIMITS.tip))),
        "planned",
        ("sell ", " for at least ", "expected cost "),
    ),
    (Proposed("0xabcd"), "proposed", ("0xabcd",)),
    (Pending(INTENT, "one more block"), "pending", ("0xfeed: one more block",)),
    (Pending(RAISED, "one more block"), "pending", ("0xbeef: one more block",)),
    (
        Settled(SETTLEMENT, COST),
        "settled",
        ("0xfeed in block 9", "-1 WETH", "+1,990 USDC", "cost 10.50 USD of 10.50 USD expected"),
    ),
    (Failed("i", "0xfeed", "Too little received"), "failed", ("0xfeed: Too little received",)),
)


@pytest.mark.parametrize(("outcome", "word", "parts"), OUTCOMES, ids=[word for _, word, _ in OUTCOMES])
def test_outcome_words__of_every_outcome__are_its_name_and_what_there_is_to_say(
    outcome: Outcome, word: str, parts: tuple[str, ...]
) -> None:
    said, detail = render.outcome_words(outcome)
    assert said == word
    assert all(part in detail for part in parts), detail


def test_outcome_words__of_all_outcomes__are_covered_here() -> None:
    assert {type(outcome) for outcome, _, _ in OUTCOMES} == set(get_args(Outcome))
