"""Small studies of the past, made by hand or of a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rebalancer.core.model import Back, Drawn, Policy, Target, Threshold, Trigger, Width
from rebalancer.research.model import DOLLAR, Floats, Frictions, Prices, Study
from rebalancer.research.study.policies import free_policy, token_of
from rebalancer.units import ONE, Ppm, Token, Usd, Weight

DAY = 86_400
START = 1_600_000_000 // DAY * DAY


def tokens_of(*symbols: str) -> tuple[Token, ...]:
    return tuple(token_of(symbol) for symbol in symbols)


def bands(assets: Sequence[Token], absolute: str = "0.05", back: Back = Back.TARGET) -> Threshold:
    """So many points around every target."""
    width = Weight(int(float(absolute) * ONE))
    return Threshold(Drawn(tuple(Width(token, width, None) for token in assets), back))


def study_of(  # noqa: PLR0913 - each is a figure of the scene
    usd: Floats | Sequence[Sequence[float]],
    symbols: Sequence[str] = ("BTC", "ETH", DOLLAR),
    *,
    trigger: Trigger | None = None,
    weights: Sequence[float] | None = None,
    fee: int = 3_000,
    depth: float | None = None,
    gas: int = 0,
    start: int = 100_000,
    step: int = DAY,
) -> Study:
    """Prices of shape (times, symbols), a `step` apart; equal weights, and bands of 5 points to the target."""
    table = np.asarray(usd, dtype=np.float64)
    assets = tokens_of(*symbols)
    shares = weights or [1 / len(assets)] * len(assets)
    wanted = [Weight(int(share * 10_000) * (ONE // 10_000)) for share in shares]
    wanted[-1] = Weight(wanted[-1] + ONE - sum(wanted))
    hub = token_of(DOLLAR)
    times = START + step * np.arange(len(table), dtype=np.int64)
    return Study(
        policy=policy_of(assets, trigger or bands(assets)),
        targets=tuple(Target(token, weight) for token, weight in zip(assets, wanted, strict=True)),
        hub=hub,
        prices=Prices(tuple(symbols), times, table),
        frictions=Frictions(
            fee=(Ppm(fee),) * len(assets),
            depth=(None if depth is None else Usd(int(depth) * ONE),) * len(assets),
            gas_price=np.full(len(table), gas, dtype=np.int64),
            coin=np.full(len(table), 2_000.0),
        ),
        start=Usd(start * ONE),
    )


def policy_of(assets: tuple[Token, ...], trigger: Trigger) -> Policy:
    return replace(free_policy(assets), hubs=(token_of(DOLLAR),), trigger=trigger)


def walk(seed: int, days: int, symbols: int, daily: float = 0.03) -> Floats:
    """Prices that wander from 100 dollars, the last column a dollar."""
    steps = np.random.default_rng(seed).normal(0, daily, (days, symbols - 1))
    return np.hstack([np.round(100 * np.exp(np.cumsum(steps, axis=0)), 6), np.ones((days, 1))])
