"""Sections in, how the targets are estimated out: which tokens keep theirs, between which bounds the others move."""

from __future__ import annotations

from rebalancer.config.sections import Parts
from rebalancer.config.targets import FIXED, TargetsSection
from rebalancer.core.model.estimation import Bounds, Estimation, Method
from rebalancer.units import ONE, PPM, Ppm, Token, Weight

LOOKBACK = 90
"""Days."""
LOOKBACK_OF_MEANS = 365
"""Days: a mean's error after 90 is larger than any mean that was ever paid."""


def estimation_of(parts: Parts, tokens: dict[str, Token]) -> Estimation | None:
    """None: the targets are fixed."""
    targets = parts.targets
    assert targets is not None
    if targets.method == FIXED:
        return None
    method = Method(targets.method)
    assets = [(symbol, token.target) for symbol, token in parts.tokens.items() if token.target is not None]
    step = None if targets.step is None or targets.since is None else (targets.step, targets.since)
    return Estimation(
        method=method,
        lookback=targets.lookback or (LOOKBACK_OF_MEANS if method is Method.MAXIMUM_SHARPE else LOOKBACK),
        update=targets.update,
        step=step,
        start=tuple(_millionths(target) for _, target in assets),
        bounds=tuple(Bounds(tokens[symbol], *bounds_of(parts, symbol)) for symbol, _ in assets),
    )


def kept(parts: Parts, targets: TargetsSection) -> list[str]:
    """The symbols of those that keep their target."""
    if targets.keep is not None:
        return targets.keep
    cash = parts.top.cash if parts.top else None
    return [] if cash is None else [cash]


def bounds_of(parts: Parts, symbol: str) -> tuple[Ppm, Ppm]:
    """The least and the most of a token's target. A module keeps weights inside `range`, and lets a rebalance end
    `tolerance` beside its target, so there the targets stay so far inside."""
    token, targets = parts.tokens[symbol], parts.targets
    if targets is not None and symbol in kept(parts, targets):
        return _millionths(token.target or Weight(0)), _millionths(token.target or Weight(0))
    least, most = token.range or (Ppm(0), Ppm(PPM))
    modular = parts.wallet is not None and parts.wallet.kind == "safe-module"
    inset = parts.module.tolerance if modular and parts.module is not None else 0
    return Ppm(least + inset if least else 0), Ppm(most - inset if most < PPM else PPM)


def _millionths(weight: Weight) -> Ppm:
    """A rule has seen that it is whole ones."""
    return Ppm(weight * PPM // ONE)
