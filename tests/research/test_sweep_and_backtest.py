"""One rule over one past, in a sweep and in a backtest: what has one name in both is one figure."""

from __future__ import annotations

import pytest
from given_grids import every, threshold
from given_studies import study_of, walk

from rebalancer.core.model import Back
from rebalancer.research.benchmarks import hold
from rebalancer.research.kernel.lanes import study_of as asked
from rebalancer.research.measures import Measures, measure
from rebalancer.research.model import Configuration, Study
from rebalancer.research.replay import run_replay
from rebalancer.research.sweep.run import run_sweep
from rebalancer.research.sweep.windows import Windows

RULES = (threshold(0.03), threshold(0.04, Back.HALF), threshold(0.03, Back.EDGE), every(7))
NAMES = {
    "end": "final",
    "annual_return": "growth",
    "volatility": "volatility",
    "sharpe": "sharpe",
    "turnover": "turnover",
    "drift": "tracking",
    "rebalances": "trades",
}
ALIKE = 1e-6
ALIKE_GAS = 0.005
"""Where two ways are nearly as wide a plan may take one that is a pool longer."""


def of_dollars(shares: tuple[float, ...] = (0.25, 0.25, 0.25, 0.25)) -> Study:
    """Dollars are an asset, and gas is dear; large enough that no leg is left out for it."""
    symbols = ("A", "B", "C", "USD")
    return study_of(walk(5, 400, 4), symbols, weights=shares, fee=3_000, gas=20 * 10**9, start=100_000_000)


def both(study: Study, rule: Configuration) -> tuple[Measures, dict[str, float]]:
    found = run_sweep(study, (rule,), Windows.ANCHORED).measures
    backtest = run_replay(asked(study, rule))
    return measure(backtest, hold(study)), {
        name: float(getattr(found, name)[0]) for name in (*NAMES.values(), "drawdown", "fee", "gas")
    }


@pytest.mark.parametrize("rule", RULES, ids=["target", "half", "edge", "calendar"])
def test_measures__of_a_rule_swept_and_replayed__are_the_same(rule: Configuration) -> None:
    replayed, swept = both(of_dollars(), rule)
    assert replayed.rebalances >= 10
    for ours, theirs in NAMES.items():
        assert swept[theirs] == pytest.approx(getattr(replayed, ours), rel=ALIKE), ours
    assert swept["drawdown"] == pytest.approx(replayed.drawdown.depth, rel=ALIKE)
    assert swept["fee"] == pytest.approx(replayed.costs.fee, rel=ALIKE)


@pytest.mark.parametrize("rule", RULES, ids=["target", "half", "edge", "calendar"])
@pytest.mark.parametrize("dollars", [0.25, 0.7])
def test_gas__where_dollars_are_an_asset__is_that_of_the_backtest(rule: Configuration, dollars: float) -> None:
    rest = (1 - dollars) / 3
    replayed, swept = both(of_dollars((rest, rest, rest, dollars)), rule)
    assert swept["gas"] == pytest.approx(replayed.costs.gas, rel=ALIKE_GAS)
