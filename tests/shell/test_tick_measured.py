"""A tick whose volatilities are measured: who is asked, and what comes of an answer and of none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from given_ports import DRY, LIVE, OFF_TARGET, ON_TARGET, ports_of, state, tick
from small_market import ASSETS, NOW, POLICY, TARGETS

from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import (
    NOTHING_MEASURED,
    Block,
    Held,
    Measured,
    Optimal,
    Planned,
    Target,
    Threshold,
    Volatility,
)
from rebalancer.units import ONE, Token, Weight

OPTIMAL = replace(POLICY, trigger=Threshold(Optimal(())))
OPEN = replace(OPTIMAL, tracking=replace(OPTIMAL.tracking, volatilities=()))


class Asked(FixedTargets):
    """Measures this much for every token, or nothing; knows what it was asked for."""

    def __init__(self, per_year: int | None) -> None:
        super().__init__(TARGETS)
        self._per_year = per_year
        self.asked: list[tuple[Token, ...]] = []

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        self.asked.append(tuple(tokens))
        if self._per_year is None or not tokens:
            return NOTHING_MEASURED
        found = tuple(Volatility(token, Weight(self._per_year)) for token in tokens)
        return Measured(found, NOW - 90 * 86_400, NOW, 90)


@pytest.mark.parametrize("dollars", [ON_TARGET, OFF_TARGET])
def test_tick__with_measured_volatilities__decides_as_if_they_were_given(dollars: tuple[int, ...]) -> None:
    targets = Asked(6 * ONE // 10)
    measured = tick(replace(ports_of(state(*dollars)), targets=targets), OPEN, DRY)
    given = tick(ports_of(state(*dollars)), OPTIMAL, DRY)
    assert (measured.outcome, measured.why) == (given.outcome, given.why)
    assert isinstance(measured.outcome, Held | Planned) and targets.asked == [ASSETS]


def test_tick__where_nothing_could_be_measured__is_unavailable_and_sends_nothing() -> None:
    ports = replace(ports_of(state(*OFF_TARGET)), targets=Asked(None))
    with pytest.raises(Unavailable, match="volatility of WETH is neither given nor measured"):
        tick(ports, OPEN, LIVE)


def test_tick__with_all_volatilities_given__asks_for_none() -> None:
    targets = Asked(6 * ONE // 10)
    tick(replace(ports_of(state(*ON_TARGET)), targets=targets), OPTIMAL, DRY)
    assert targets.asked == [()]
