"""Answers of venues in, words for people out: a table for each question, and why some are in none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rebalancer.core.competition import OWN, TOGETHER
from rebalancer.core.cost_words import share_of
from rebalancer.core.model import Answer, Snapshot
from rebalancer.core.render import amount, dollars
from rebalancer.units import Amount, Token, Usd

# Units stand in the heads: a table fits 80 columns.
ANSWER_HEAD = ("venue", "says", "simulated", "gas", "net USD", "bps behind")
_FIRST = {OWN: 0, TOGETHER: 1}

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, and all answers to it: the own ones first, then by what they net, then those without.

    `least`: the floors of the trades; those outside are asked for more where the own router brings more.
    """

    sold: tuple[Amount, ...]
    least: tuple[Amount, ...]
    answers: tuple[Answer, ...]

    @property
    def words(self) -> str:
        """Each trade: "1.5 WETH for at least 2,985 USDC"."""
        both = zip(self.sold, self.least, strict=True)
        return "sell " + "; ".join(f"{amount(sell)} for at least {amount(least)}" for sell, least in both)


def questions_of(answers: Iterable[Answer]) -> tuple[Question, ...]:
    """In the order in which they were asked."""
    found: dict[tuple[tuple[Amount, ...], tuple[Token, ...]], list[Answer]] = {}
    for one in answers:
        if one.venue == TOGETHER and len(one.sold) == 1:
            # Of one pair that is who is the best anyway.
            continue
        found.setdefault((one.sold, tuple(least.token for least in one.least)), []).append(one)
    return tuple(Question(those[0].sold, _least(those), tuple(sorted(those, key=_place))) for those in found.values())


def answer_rows(question: Question, snapshot: Snapshot) -> tuple[Row, ...]:
    """One row for each answer under ANSWER_HEAD; of those that were refused the reasons are elsewhere."""
    # Where all is paid in one token, the question names it.
    one_token = len({least.token for least in question.least}) == 1
    token = f" {question.least[0].token}" if one_token else ""
    both = zip(question.answers, behind_best(question, snapshot), strict=True)
    return tuple(_row(one, behind, token) for one, behind in both)


def refusal_lines(question: Question) -> tuple[str, ...]:
    """Why each that was refused was: one line for a venue."""
    return tuple(f"{one.venue}: {one.refused}" for one in question.answers if one.refused is not None)


def behind_best(question: Question, snapshot: Snapshot) -> tuple[str | None, ...]:
    """For each answer: basis points of the value sold that it nets less than the best. None: it was refused."""
    value = sum(snapshot.price(sell.token).value_down(sell.raw) for sell in question.sold)
    best = max((one.net for one in question.answers if one.net is not None), default=0)
    return tuple(None if one.net is None else share_of(Usd(best - one.net), Usd(value)) for one in question.answers)


def _least(asked: Sequence[Answer]) -> tuple[Amount, ...]:
    return min((one.least for one in asked), key=lambda least: [each.raw for each in least])


def _place(one: Answer) -> tuple[int, int]:
    """Of equals the order stays."""
    if one.venue in _FIRST:
        return _FIRST[one.venue], 0
    return (3, 0) if one.net is None else (2, -one.net)


def _row(one: Answer, behind: str | None, token: str) -> Row:
    says, arrived = (_amounts(each).removesuffix(token) for each in (one.says, one.arrived))
    if behind is None or one.net is None or one.gas is None:
        return one.venue, says, arrived, "", "", "refused"
    return one.venue, says, arrived, f"{one.gas:,}", dollars(one.net), behind


def _amounts(amounts: Sequence[Amount]) -> str:
    """Of each token all together: a plan may go by several routes."""
    summed: dict[Token, int] = {}
    for one in amounts:
        summed[one.token] = summed.get(one.token, 0) + one.raw
    return ", ".join(amount(Amount(token, raw)) for token, raw in summed.items())
