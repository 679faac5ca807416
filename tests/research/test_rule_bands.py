"""Bands of all rules at once, against those of the tick for each."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from given_grids import HOLD, every
from given_studies import study_of, walk

from rebalancer.config.schedule_text import schedule
from rebalancer.core.bands import bands_of
from rebalancer.core.model import Back, Portfolio, Position, Target
from rebalancer.core.schedule import next_moment
from rebalancer.research.kernel.lanes import _moments, lanes_of
from rebalancer.research.kernel.lanes import study_of as asked_of
from rebalancer.research.kernel.rebalancing import RULE, TARGET
from rebalancer.research.kernel.rule_bands import edges_at, stays_at
from rebalancer.research.kernel.tables import EVEN, LIMIT, NEVER, RULES
from rebalancer.research.model import Configuration, Study
from rebalancer.units import ONE, Amount, Price, Usd, Weight


def targets_of(dice: np.random.Generator) -> list[Weight]:
    parts = dice.integers(0, 10**18, 4).tolist()
    cut = sorted(parts)
    return [Weight(b - a) for a, b in zip([0, *cut], [*cut, ONE], strict=True)]


def rules_of(dice: np.random.Generator, count: int) -> list[Configuration]:
    def drawn(most: int) -> Weight | None:
        return None if dice.random() < 0.4 else Weight(int(dice.integers(1, most)))

    return [
        Configuration(drawn(10**17), drawn(2 * 10**18), list(Back)[int(dice.integers(3))], None, None, None)
        for _ in range(count)
    ]


def study_with(targets: list[Weight]) -> Study:
    study = study_of(walk(1, 10, 5), ("A", "B", "C", "D", "E"))
    pairs = zip(study.policy.assets, targets, strict=True)
    return replace(study, targets=tuple(Target(token, weight) for token, weight in pairs))


def portfolio_of(study: Study) -> Portfolio:
    return Portfolio(
        tuple(
            Position(Amount(t.token, 0), Price(t.token, Usd(ONE), 0), Usd(0), Weight(0), t.weight, Weight(0))
            for t in study.targets
        ),
        Usd(0),
    )


@pytest.mark.parametrize("seed", range(5))
def test_bands__of_any_rules_and_targets__are_the_integers_of_the_tick(seed: int) -> None:
    dice = np.random.default_rng(seed)
    targets = targets_of(dice) if seed else [Weight(0), Weight(ONE), Weight(0), Weight(0), Weight(0)]
    study = study_with(targets)
    rules = [one for one in rules_of(dice, 60) if one.band is not None or one.relative is not None]
    asked = [(one.band, one.relative, one.back, True) for one in rules]
    edges = edges_at(asked, targets)
    stays = stays_at(asked, edges)
    assert len(rules) > 20
    for place, rule in enumerate(rules):
        bands = bands_of(asked_of(study, rule).policy, portfolio_of(study))
        assert edges[place].tolist() == [bands[token.address].trigger for token in study.policy.assets]
        assert stays[place].tolist() == [bands[token.address].back for token in study.policy.assets]


def test_lanes__of_rules_without_bands__pass_always_or_never() -> None:
    lanes = lanes_of(study_of(walk(1, 10, 5), ("A", "B", "C", "D", "E")), [HOLD, every(7)], (0, 9))
    of = RULE * len(lanes.shape)
    assert lanes.rules.shape[1] == of + RULES
    assert lanes.rules[:, of + LIMIT].tolist() == lanes.rules[:, of + EVEN].tolist() == [NEVER, -1.0]
    assert not lanes.rules[:, :TARGET].any()


@pytest.mark.parametrize("text", ["monthly", "weekly Tuesday 14:00", "0 */6 * * *"])
def test_moments__of_a_schedule__are_the_next_after_each_time(text: str) -> None:
    asked, times = schedule(text), 1_600_000_000 + 50_000 * np.arange(200, dtype=np.int64)
    assert _moments(asked, times) == [next_moment(asked, int(at)) for at in times]


def test_lanes__of_a_thousand_bands__are_there_before_the_kernel_is_done() -> None:
    """Processor time, the best of a few: an answer for each by itself takes twenty times as long."""
    study = study_of(walk(1, 400, 10), [*"ABCDEFGHIJ"])
    rules = [replace(HOLD, band=Weight(10**16 + at), back=Back.HALF) for at in range(1_000)]
    took = []
    for _ in range(5):
        began = time.process_time()
        lanes_of(study, rules, (0, 399))
        took.append(time.process_time() - began)
    assert min(took) < 0.02
