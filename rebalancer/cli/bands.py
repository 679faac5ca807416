"""`rebalancer bands`: the bands of this moment, what a year of them costs, and why. Sends nothing, records nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rebalancer.config import read_settings
from rebalancer.core.band_words import (
    BANDS_HEAD,
    COSTS_HEAD,
    BandLook,
    band_pictures,
    band_rows,
    cost_of_bands_rows,
    look_at_bands,
    why_bands,
)
from rebalancer.core.drift import targets_of
from rebalancer.core.model import Act, Band, Hold, Measured, Policy, Snapshot
from rebalancer.core.optimal import Yearly
from rebalancer.core.optimal_bands import measurable, resolved
from rebalancer.core.patience import assets_to_judge, with_patience
from rebalancer.core.trigger import reason_to_act
from rebalancer.core.volatility_words import volatility_words
from rebalancer.intents import remembered
from rebalancer.tick import look
from rebalancer.units import Usd
from rebalancer.wire import make_ports


def show_bands(config: Path, as_json: bool) -> int:
    """The tables, or one JSON object."""
    settings = read_settings(config)
    ports = make_ports(settings)
    past = remembered(ports, settings.policy)
    snapshot, portfolio = look(ports, settings.policy, past)
    # All that is not given, whether a tick would ask for it or not: the costs of drawn bands rest on it too.
    measured = ports.targets.measured(measurable(settings.policy), targets_of(portfolio), snapshot.block)
    looks = look_at_bands(settings.policy, portfolio, snapshot, measured.volatilities)
    policy = resolved(settings.policy, portfolio, snapshot, measured.volatilities)
    answer = reason_to_act(policy, portfolio, snapshot.block.timestamp, past)
    if policy.patience is not None and isinstance(answer, Act):
        trends = ports.targets.trends(policy.patience, assets_to_judge(policy), snapshot.block)
        answer = with_patience((policy, answer), portfolio, trends, snapshot.block.timestamp, past).reason
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(looks, portfolio.value, snapshot, answer) | _volatilities(policy, measured, snapshot))
    else:
        _show(looks, portfolio.value, answer, volatility_words(policy, measured, snapshot.block.timestamp))
    return 0


def _show(looks: Sequence[BandLook], value: Usd, answer: Act | Hold, moved: str) -> None:
    from rebalancer.cli.show import console, show_table

    show_table("Bands, in points of the portfolio", BANDS_HEAD, band_rows(looks))
    for line in band_pictures(looks):
        console.print(line, markup=False, highlight=False, no_wrap=True, overflow="ignore", crop=False)
    show_table("\nExpected in a year, in USD", COSTS_HEAD, cost_of_bands_rows(looks, value))
    acts = f"acts because: {answer.reason}; a tick still asks whether it pays"
    said = acts if isinstance(answer, Act) else f"holds: {answer.reason}"
    for line in (*why_bands(looks, value), moved, said):
        console.print(line, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _object(looks: Sequence[BandLook], value: Usd, snapshot: Snapshot, answer: Act | Hold) -> dict[str, Any]:
    """Distances and yearly costs as shares of the portfolio at 1e18, in decimal strings."""
    words = why_bands(looks, value)
    return {
        "block": snapshot.block.number,
        "value_usd_e18": str(value),
        "acts": isinstance(answer, Act),
        "reason": answer.reason,
        "bands": [_band_object(one) | {"why": why} for one, why in zip(looks, words, strict=True)],
    }


def _volatilities(policy: Policy, measured: Measured, snapshot: Snapshot) -> dict[str, Any]:
    """Volatilities of a year at 1e18, in decimal strings; what was measured from when to when, in Unix seconds."""
    found = measured.volatilities
    return {
        "volatilities": [
            {
                "token": v.token.symbol,
                "address": v.token.address,
                "per_year_e18": str(v.per_year),
                "measured": v in found,
            }
            for v in dict.fromkeys((*policy.tracking.volatilities, *found))
        ],
        "measured": None
        if not found
        else {
            "since": measured.since,
            "until": measured.until,
            "age_seconds": snapshot.block.timestamp - measured.until,
            "samples": measured.samples,
        },
    }


def _band_object(one: BandLook) -> dict[str, Any]:
    position, terms = one.position, one.terms
    found: dict[str, Any] = {
        "token": position.balance.token.symbol,
        "address": position.balance.token.address,
        "weight_e18": str(position.weight),
        "target_e18": str(position.target),
        "drift_e18": str(position.drift),
        "to_act_e18": None if one.to_act is None else str(one.to_act),
        "deviation_e18": str(terms.deviation),
        "fee_and_impact_e18": str(terms.cost),
        "gas_e18": str(terms.gas),
        "band": None if one.band is None or one.costs is None else _costed(one.band, one.costs),
        "cheapest": _costed(one.best, one.best_costs),
    }
    return found


def _costed(band: Band, costs: Yearly) -> dict[str, str]:
    return {
        "trigger_e18": str(band.trigger),
        "back_e18": str(band.back),
        "yearly_tracking_e18": str(costs.tracking),
        "yearly_fee_and_impact_e18": str(costs.trading),
        "yearly_gas_e18": str(costs.gas),
        "yearly_total_e18": str(costs.total),
        "rebalances_a_year_e18": str(costs.trades),
    }
