"""A configuration of a sweep, or a figure of it, in, a few words for it out."""

from __future__ import annotations

import math
from dataclasses import replace

from rebalancer.config.text import show_percent
from rebalancer.core.model import Back, Cadence
from rebalancer.core.module_words import share
from rebalancer.core.render import duration
from rebalancer.research.model import LEAST_FEE, Configuration, Study
from rebalancer.units import ONE

NONE = "–"


def configuration_words(one: Configuration) -> str:
    """Its rule, and what is not as the study has it: "5 % to half, every 7 d, fee 0.1 %"."""
    said = [rule_words(one)]
    if one.fee is not None:
        said.append(f"fee {share(one.fee)}")
    if one.depth is not None:
        said.append(f"depth {one.depth // ONE:,} USD")
    return ", ".join(said)


def row_words(one: Configuration) -> str:
    """Of a table with a column for each fee: its rule, and its depth where that is not the study's."""
    return configuration_words(replace(one, fee=None))


def rule_words(one: Configuration) -> str:
    """When it acts, and how far it goes back."""
    edges = [show_percent(one.band)] if one.band is not None else []
    edges += [f"{show_percent(one.relative)} of the target"] if one.relative is not None else []
    if not edges:
        return "hold" if one.every is None else cadence_words(one.every)
    band = f"{' or '.join(edges)} {back_words(one.back)}"
    return band if one.every is None else f"{band}, looks {cadence_words(one.every)}"


def cost_words(study: Study) -> str:
    """What choices are made at: "0.3 % fee, pools of 1,000,000 USD"."""
    fee, depth = study.frictions.fee[0], study.frictions.depth
    pools = f", pools of {depth[0] // ONE:,} USD" if depth[0] is not None and len(set(depth)) == 1 else ""
    return f"{share(fee)} fee{pools}"


def growth_words(years: float) -> str:
    """What growth is of: less than a year is not blown up to one."""
    return "a year" if years >= 1 else "in all"


def ratio_words(value: float | None) -> str:
    """A dash where the times do not carry it."""
    return NONE if value is None or math.isnan(value) else f"{value:.2f}"


def cadence_words(every: Cadence) -> str:
    return f"every {duration(every)}" if isinstance(every, int) else every.text


def free_words(whose: str = "") -> str:
    """What is done about pools that keep nothing. `whose`: in brackets, where some do."""
    return (
        f"a fee of nothing{whose} is played as {share(LEAST_FEE)}: where trading in circles is free no plan is the "
        "best one"
    )


def back_words(back: Back) -> str:
    return f"to {'the ' if back is not Back.HALF else ''}{back.value}"
