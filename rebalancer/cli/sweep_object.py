"""A sweep as one object for `--json`."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

from rebalancer.research.asked import Told
from rebalancer.research.sweep.caveats import sweep_caveats
from rebalancer.research.sweep.model import Deflated, SweepResult, Walk
from rebalancer.research.sweep.words import configuration_words, cost_words, growth_words, row_words, rule_words
from rebalancer.units import PPM


def sweep_object(result: SweepResult, told: Told) -> dict[str, Any]:
    """Floats: they look back, and nothing is decided by them. All configurations, in the order of the grid."""
    found, times = result.measures, result.study.prices.times
    names = [field.name for field in fields(found)]
    return {
        "warned": list(told.warned),
        "asked": dict(told.asked),
        "from": int(times[0]),
        "to": int(times[-1]),
        "times": len(times),
        "years": result.years,
        "growth_is": growth_words(result.years),
        "walk_forward": None if result.walk is None else _walk_object(result, result.walk),
        "best": result.best,
        "skill": _deflated_object(result.skill),
        "ahead_of_hold": _deflated_object(result.ahead),
        "hold_usd": float(result.hold[-1]),
        "calendar": rule_words(result.calendar),
        "break_even": [
            {
                "rule": row_words(result.configurations[one.configuration]),
                "growth": {
                    f"{100 * fee / PPM:g} %": growth for fee, growth in zip(result.fees, one.growth, strict=True)
                },
                "than_hold": one.than_hold,
                "than_calendar": one.than_calendar,
            }
            for one in result.break_even
        ],
        "configurations": [
            {"name": configuration_words(one), **{name: _figure(getattr(found, name)[place].item()) for name in names}}
            for place, one in enumerate(result.configurations)
        ],
        "said": list(told.said),
        "left_out": list(result.left_out),
        "does_not_show": [f"{what} {why}" for what, why in sweep_caveats(result)],
    }


def _walk_object(result: SweepResult, walk: Walk) -> dict[str, Any]:
    times = result.study.prices.times
    return {
        "from": int(times[walk.at[0]]),
        "to": int(times[walk.at[-1]]),
        "years": walk.years,
        "growth_is": growth_words(walk.years),
        "growth": walk.growth,
        "hold_growth": walk.hold_growth,
        "at_costs": cost_words(result.study),
        "sharpe": walk.sharpe,
        "drawdown": walk.drawdown,
        "probability_above_zero": None if walk.skill is None else walk.skill.probability,
        "end_usd": float(walk.values[-1]),
        "hold_usd": float(walk.hold[-1]),
        "folds": [
            {
                "from": int(times[fold.start]),
                "split": int(times[fold.split]),
                "to": int(times[fold.end]),
                "chosen": configuration_words(result.configurations[fold.chosen]),
                "in_sample": fold.inside,
                "out_of_sample": fold.outside,
                "hold": fold.hold,
                "median": fold.median,
            }
            for fold in walk.folds
        ],
    }


def _deflated_object(found: Deflated | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "sharpe": found.sharpe,
        "by_luck": found.luck,
        "probability_more_than_luck": found.probability,
        "trials": found.trials,
    }


def _figure(value: float) -> float | None:
    """JSON has no word for what is not known."""
    return None if math.isnan(value) else value
