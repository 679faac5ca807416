"""The limits of a RebalanceModule that are suggested: what a configuration has whose `module` section says nothing."""

from __future__ import annotations

from rebalancer.core.model.module import NOBODY, ModuleLimits
from rebalancer.units import ONE, Ppm, Usd

SUGGESTED = ModuleLimits(
    window=86_400,
    max_turnover=Ppm(300_000),
    max_loss=Ppm(1_500),
    max_shortfall=Ppm(10_000),
    min_trade=Usd(50 * ONE),
    max_trade=Ppm(300_000),
    tolerance=Ppm(2_500),
    cooldown=600,
    target_step=Ppm(0),
    allow_opaque=False,
    sequencer=NOBODY,
    grace=0,
)
"""Told here by themselves, and not read from the configuration's code: a test holds the two together."""
