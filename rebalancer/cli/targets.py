"""`rebalancer targets`: what is estimated now, from which days, inside which bounds. Sends nothing, records nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rebalancer.config import read_settings
from rebalancer.core.estimate_words import TARGETS_HEAD, estimate_words, target_rows
from rebalancer.core.model.estimation import Estimate, Estimation
from rebalancer.core.periods import next_update
from rebalancer.wire import make_estimated, make_ports


def show_targets(config: Path, as_json: bool) -> int:
    """The table, or one JSON object. ConfigError where the targets are fixed, Unavailable."""
    settings = read_settings(config)
    estimated = make_estimated(settings)
    block = make_ports(settings, remember=False).chain.head()
    found, failed = estimated.estimated(block), estimated.failed(block)
    estimation = estimated.estimation
    waits = None if failed is None else (failed.why, failed.again)
    why, again = waits or (None, None)
    following = next_update(estimation.update, block.timestamp)
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(estimation, found) | {"block": block.number, "next": following, "why": why, "again": again})
        return 0
    from rebalancer.cli.show import console, show_table

    show_table(f"Targets by {estimation.method.value}", TARGETS_HEAD, target_rows(estimation, found))
    for line in estimate_words(estimation, found, (block.timestamp, following), waits):
        console.print(line, markup=False, highlight=False, soft_wrap=not console.is_terminal)
    return 0


def _object(estimation: Estimation, found: Estimate) -> dict[str, Any]:
    """Weights in millionths, times in Unix seconds."""
    wanted = found.wanted or (None,) * len(found.weights)
    rows = zip(estimation.bounds, estimation.start, found.before, wanted, found.weights, strict=True)
    return {
        "method": estimation.method.value,
        "lookback_days": estimation.lookback,
        "step_ppm": None if estimation.step is None else estimation.step[0],
        "estimated_at": found.at,
        "since": found.since,
        "until": found.until,
        "samples": found.samples,
        "targets": [
            {
                "token": bound.token.symbol,
                "address": bound.token.address,
                "start_ppm": start,
                "before_ppm": before,
                "estimate_ppm": want,
                "target_ppm": weight,
                "least_ppm": bound.least,
                "most_ppm": bound.most,
            }
            for bound, start, before, want, weight in rows
        ],
    }
