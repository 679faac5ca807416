"""What people are told of an estimate."""

from __future__ import annotations

from dataclasses import replace

from rebalancer.core.estimate_words import TARGETS_HEAD, estimate_words, target_rows
from rebalancer.core.model.estimation import Bounds, Estimate, Estimation, EveryMonths, Method
from rebalancer.units import PPM, Address, Ppm, Token

DAY = 86_400
A, B, C = (Token(name, Address(f"0x{place:040x}"), 18) for place, name in enumerate("ABC"))
ESTIMATION = Estimation(
    Method.EQUAL_RISK,
    90,
    EveryMonths(1),
    (Ppm(50_000), 0),
    (Ppm(500_000), Ppm(300_000), Ppm(200_000)),
    (Bounds(A, Ppm(0), Ppm(PPM)), Bounds(B, Ppm(50_000), Ppm(400_000)), Bounds(C, Ppm(200_000), Ppm(200_000))),
)
WANTED = (Ppm(420_000), Ppm(380_000), Ppm(200_000))
FOUND = Estimate(10 * DAY, ESTIMATION.start, WANTED, (Ppm(450_000), Ppm(350_000), Ppm(200_000)), 0, 10 * DAY, 90)
TIMES = (12 * DAY, 40 * DAY)


def words(found: Estimate = FOUND, failed: tuple[str, int] | None = None, of: Estimation = ESTIMATION) -> list[str]:
    return list(estimate_words(of, found, TIMES, failed))


def test_target_rows__of_an_estimate__show_where_each_comes_from() -> None:
    rows = target_rows(ESTIMATION, FOUND)
    assert rows[0] == ("A", "45 %", "42 %", "50 %", "50 %", "0 % - 100 %")
    assert rows[1][-1] == "5 % - 40 %" and rows[2][-1] == "kept"
    assert all(len(row) == len(TARGETS_HEAD) for row in rows)
    assert target_rows(ESTIMATION, replace(FOUND, wanted=None))[0][2] == "none"


def test_estimate_words__within_a_step__say_that_the_rest_follows() -> None:
    assert words() == [
        "estimated as of 2 d ago, from 90 returns of the 90 days before",
        "the estimate is further than a step of 5 %, or its bounds: the rest follows",
        "estimated anew in 28 d",
    ]
    assert len(words(replace(FOUND, weights=WANTED))) == 2


def test_estimate_words__where_nothing_follows__say_why() -> None:
    held = replace(FOUND, wanted=None, weights=FOUND.before, why="A has not moved at all")
    assert words(held)[-2:] == ["the targets before hold: A has not moved at all", "estimated anew in 28 d"]


def test_estimate_words__where_the_chain_is_asked_again__say_when_and_not_when_the_next_is_due() -> None:
    said = words(failed=("the node does not answer", 12 * DAY + 3_000))
    assert said[-2:] == ["the targets before hold: the node does not answer", "the chain is asked again in 50 min"]
    assert not any("estimated anew" in line for line in said)


def test_estimate_words__of_one_that_takes_nearly_all__name_what_would_bound_it() -> None:
    most = (Ppm(750_000), Ppm(50_000), Ppm(200_000))
    said = words(replace(FOUND, wanted=most, weights=most))
    assert any(line.startswith("A has 75 % of all: by risk, what hardly moves weighs the most") for line in said)
    bounded = replace(ESTIMATION, bounds=(Bounds(A, Ppm(0), Ppm(800_000)), *ESTIMATION.bounds[1:]))
    assert not any("of all" in line for line in words(replace(FOUND, wanted=most, weights=most), of=bounded))
