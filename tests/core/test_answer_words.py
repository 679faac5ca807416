"""Answers as a table: each question by itself, the own ones first, and how far behind the best each is."""

from __future__ import annotations

from small_market import LINK, USDC, WETH, snapshot_with, usd

from rebalancer.core.answer_words import answer_rows, behind_best, questions_of, refusal_lines
from rebalancer.core.competition import OWN, TOGETHER, refused
from rebalancer.core.model import Answer
from rebalancer.core.render import LONGEST_LINE
from rebalancer.units import Amount

MARKET = snapshot_with(45_000, 30_000, 20_000, 5_000)
ONE_WETH = Amount(WETH, 10**18)
LEAST = Amount(USDC, 1_980 * 10**6)


def of(venue: str, net: str | None, why: str | None = None, *, whole: bool = False) -> Answer:
    """To the sale of one WETH, which is worth 2,000 dollars; of the whole, with LINK beside it."""
    sold, least = ((ONE_WETH, ONE_WETH), (LEAST, Amount(LINK, 10**18))) if whole else ((ONE_WETH,), (LEAST,))
    said = () if net is None else (Amount(USDC, 1_990 * 10**6),)
    worth = None if net is None else usd(net)
    return Answer(venue, sold, least, said, said, None if net is None else 1_234_567, worth, why)


def test_questions__of_pairs_and_the_whole__are_each_by_themselves_with_the_own_first() -> None:
    answers = (
        of("late", None, "no answer within 4 s"),
        of("worse", "-9"),
        of("better", "-5"),
        of(OWN, "-12"),
        of("whole", "-3", whole=True),
        of(TOGETHER, "-2", whole=True),
        of(OWN, "-12", whole=True),
    )
    pair, whole = questions_of(answers)
    assert [one.venue for one in pair.answers] == [OWN, "better", "worse", "late"]
    assert [one.venue for one in whole.answers] == [OWN, TOGETHER, "whole"]
    assert pair.words == "sell 1 WETH for at least 1,980 USDC"
    assert whole.words == "sell 1 WETH for at least 1,980 USDC; 1 WETH for at least 1 LINK"


def test_questions__of_one_pair__leave_out_the_best_of_each_pair() -> None:
    (only,) = questions_of((of("it", "-5"), of(TOGETHER, "-5"), of(OWN, "-7")))
    assert [one.venue for one in only.answers] == [OWN, "it"]


def test_behind_best__in_bps_of_what_is_sold__is_rounded_up_to_a_hundredth() -> None:
    # Of 2,000 dollars a basis point is 20 cents.
    (only,) = questions_of((of("best", "-5"), of("other", "-5.4"), of("near", "-5.0001"), of("none", None, "no route")))
    assert behind_best(only, MARKET) == ("0.00", "0.01", "2.00", None)


def test_rows__of_what_was_refused__have_what_it_said_and_the_reason_below() -> None:
    (only,) = questions_of((of("it", "-5"), of("none", None, "no route")))
    assert answer_rows(only, MARKET) == (
        ("it", "1,990", "1,990", "1,234,567", "-5.00", "0.00"),
        ("none", "", "", "", "", "refused"),
    )
    assert refusal_lines(only) == ("none: no route",)


def test_rows__of_several_tokens__name_each_and_add_up_several_routes() -> None:
    one = of(OWN, "-5", whole=True)
    says = (Amount(USDC, 10**6), Amount(LINK, 10**18), Amount(USDC, 2 * 10**6))
    (only,) = questions_of((Answer(OWN, one.sold, one.least, says, one.arrived, one.gas, one.net, None),))
    assert answer_rows(only, MARKET)[0][1:3] == ("3 USDC, 1 LINK", "1,990 USDC")


def test_refused__with_words_from_outside__is_one_line_that_has_an_end() -> None:
    why = refused("liar", (), "simulation: \x1b[2J\nRevert\x07\u202e" + "x" * 10**6).refused or ""
    assert why.startswith("simulation: [2J Revert x") and why.isprintable()
    assert len(why) == LONGEST_LINE and why.endswith("…")
