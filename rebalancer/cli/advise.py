"""`rebalancer advise`: whether a portfolio is big enough for its gas, and what band and cadence pay, in plain words."""

from __future__ import annotations

from typing import Any

from rebalancer.cli.figures import show_figures
from rebalancer.core.errors import ConfigError
from rebalancer.research.advice import Advice, advise, steps_of
from rebalancer.research.asked import Told, told_of
from rebalancer.research.sizes import Sized
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import make_study, read_market
from rebalancer.research.study.triggers import bands_left_out
from rebalancer.research.sweep.model import Walk
from rebalancer.research.sweep.run import run_sweep
from rebalancer.research.sweep.windows import Windows
from rebalancer.research.sweep.words import growth_words
from rebalancer.units import ONE, Weight

_SAID = (
    "Any other past, tokens that died, taxes, and whoever trades against you.",
    "Gas is the median over these prices, pools are as given.",
    "Bands change for sure what is paid, and perhaps what is earned.",
)


def show_advice(flags: Flags, as_json: bool) -> int:
    """The words and a table of sizes, or one JSON object."""
    _require_no_trigger(flags)
    market = read_market(flags)
    study = make_study(flags, market)
    found = advise(study, lambda asked, tried: run_sweep(asked, tried, Windows.ANCHORED))
    told = told_of(flags, study, market, found.sweep.configurations, bands_left_out(study.targets))
    if as_json:
        from rebalancer.cli.as_json import emit

        emit(_object(found, told))
    else:
        _show(found, told)
    return 0


def _require_no_trigger(flags: Flags) -> None:
    """ConfigError: what is asked of a trigger would be left aside."""
    for flag in ("trigger", "band", "relative", "return_to", "every", "at"):
        if getattr(flags, flag) is not None:
            raise ConfigError(
                f"--{flag.replace('_', '-')}: `advise` tries bands, return points and calendars of its own; leave it "
                "out, or ask `rebalancer sweep` for those that you have in mind"
            )


def _show(found: Advice, told: Told) -> None:
    from rebalancer.cli.show import console, show_line

    for warned in told.warned:
        show_line("warning", warned, "yellow")
    for line in found.words:
        console.print(f"• {line}", markup=False, highlight=False, soft_wrap=not console.is_terminal)
    head = ("size, USD", "bands, points", "rebalances", "gas", "fee, impact", "tracking")
    show_figures(head, map(_row, found.sizes), "\nAt the cheapest bands, by size, a year")
    show_line("asked", told.brief)
    for each in (*told.said, *found.sweep.left_out):
        show_line("taken", each)
    said = f"What this does not show: {' '.join(_SAID)}"
    console.print(said, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _row(one: Sized) -> tuple[str, ...]:
    triggers = [band.trigger for band in one.bands] or [Weight(0)]
    return (
        f"{one.size // ONE:,}",
        " to ".join(f"{100 * share / ONE:.1f}" for share in (min(triggers), max(triggers))),
        f"{one.rebalances / ONE:.1f}",
        *(f"{100 * share / ONE:.2f} %" for share in (one.gas, one.trading, one.tracking)),
    )


def _object(found: Advice, told: Told) -> dict[str, Any]:
    """Dollars and shares at 1e18 are decimal strings; what a sweep came to is floats."""
    result = found.sweep
    return {
        "warned": list(told.warned),
        "asked": dict(told.asked),
        "gas_of_rebalance_usd_e18": str(found.gas),
        "least_sensible_usd_e18": None if found.least is None else str(found.least),
        "big_enough": found.least is not None and found.own.size >= found.least,
        "own": _sized_object(found.own),
        "sizes": [_sized_object(one) for one in found.sizes],
        "configurations": len(result.configurations),
        "out_of_sample": None if result.walk is None else _walk_object(result.walk),
        "better_than_hold_probability": None if result.ahead is None else result.ahead.probability,
        "words": list(found.words),
        "said": list(told.said),
        "left_out": list(result.left_out),
        "does_not_show": list(_SAID),
    }


def _walk_object(walk: Walk) -> dict[str, Any]:
    """The figures of the words: all over the same span, and after all costs."""
    steps = steps_of(walk)
    return {
        "years": walk.years,
        "growth_is": growth_words(walk.years),
        "growth": walk.growth,
        "hold_growth": walk.hold_growth,
        "begun_anew_each_step": {"growth": steps.chosen, "middle_growth": steps.middle, "hold_growth": steps.hold},
        "sharpe": walk.sharpe,
        "max_drawdown": walk.drawdown,
    }


def _sized_object(one: Sized) -> dict[str, Any]:
    return {
        "size_usd_e18": str(one.size),
        "bands": [{"token": b.token.symbol, "trigger_e18": str(b.trigger), "back_e18": str(b.back)} for b in one.bands],
        "yearly_gas_e18": str(one.gas),
        "yearly_fee_and_impact_e18": str(one.trading),
        "yearly_tracking_e18": str(one.tracking),
        "rebalances_a_year_e18": str(one.rebalances),
    }
