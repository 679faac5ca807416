"""Policy, portfolio and snapshot in; the bands with what a year of them costs, as rows, pictures and words, out.

All costs are what `optimal` expects on average, whoever drew the bands, so that both can be held side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.core.bands import bands_of
from rebalancer.core.model import Band, Policy, Portfolio, Position, Snapshot, Volatility
from rebalancer.core.optimal import Terms, Yearly, cheapest, yearly
from rebalancer.core.optimal_bands import reckoned, resolved
from rebalancer.core.render import dollars, money, percent, points
from rebalancer.units import ONE, Usd, Weight, mul_div_up

BANDS_HEAD = ("token", "weight %", "target %", "drift", "acts at", "back to", "to act")
COSTS_HEAD = ("token", "tracking", "fee, impact", "gas", "in all", "rebalances", "at best")
_HALF = 24
"""Cells on either side of the target in a picture."""


@dataclass(frozen=True, slots=True)
class BandLook:
    """A position, its band and what a year of it costs; the same of the cheapest band. None: it has no band."""

    position: Position
    terms: Terms
    band: Band | None
    costs: Yearly | None
    best: Band
    best_costs: Yearly

    @property
    def to_act(self) -> Weight | None:
        """How much further the weight may drift before it calls for a rebalance; negative where it has."""
        return None if self.band is None else Weight(self.band.trigger - abs(self.position.drift))


def look_at_bands(
    policy: Policy, portfolio: Portfolio, snapshot: Snapshot, measured: Sequence[Volatility] = ()
) -> tuple[BandLook, ...]:
    """Every position in the order of the portfolio. Unavailable where a volatility is missing."""
    bands = bands_of(resolved(policy, portfolio, snapshot, measured), portfolio)
    looks = []
    for one in reckoned(policy, portfolio, snapshot, measured):
        token = one.position.balance.token
        best = Band(token, *cheapest(one.terms))
        band = bands.get(token.address)
        costs = None if band is None else yearly(one.terms, band.trigger, band.back)
        looks.append(BandLook(one.position, one.terms, band, costs, best, yearly(one.terms, best.trigger, best.back)))
    return tuple(looks)


def band_rows(looks: Sequence[BandLook]) -> tuple[tuple[str, ...], ...]:
    """One row for each position under BANDS_HEAD, in points of the portfolio."""
    return tuple(
        (
            look.position.balance.token.symbol,
            _points(look.position.weight),
            _points(look.position.target),
            _points(look.position.drift, signed=True),
            *(("none", "", "") if look.band is None else map(_points, (look.band.trigger, look.band.back))),
            *(() if look.to_act is None else (_points(look.to_act),)),
        )
        for look in looks
    )


def cost_of_bands_rows(looks: Sequence[BandLook], value: Usd) -> tuple[tuple[str, ...], ...]:
    """One row for each position under COSTS_HEAD, in dollars a year of a portfolio of `value`.

    They do not add up: a trade is counted in the row of each token that it moves.
    """
    rows = []
    for look in looks:
        best = _of(value, look.best_costs.total)
        costs = look.costs
        parts = () if costs is None else (costs.tracking, costs.trading, costs.gas, costs.total)
        figures = tuple(dollars(_of(value, part)) for part in parts) or ("",) * 4
        often = "" if costs is None else _points(Weight(costs.trades // 100))
        rows.append((look.position.balance.token.symbol, *figures, often, dollars(best)))
    return tuple(rows)


def picture(band: Band, drift: Weight) -> str:
    """The drift on its band: │ the triggers, ( ) the return points, ┼ the target, ● the weight; ◄ ► where it is off."""
    reach = max(mul_div_up(band.trigger, 5, 4), 1)
    cells = [" "] * (2 * _HALF + 1)

    def cell(distance: int) -> int:
        return min((2 * distance * _HALF + reach) // (2 * reach), _HALF)

    edge, back = cell(band.trigger), cell(band.back)
    cells[_HALF - edge : _HALF + edge + 1] = "─" * (2 * edge + 1)
    cells[_HALF - edge], cells[_HALF + edge] = "│", "│"
    if band.back:
        cells[_HALF - back], cells[_HALF + back] = "(", ")"
    cells[_HALF] = "┼"
    place = _HALF + (cell(drift) if drift >= 0 else -cell(-drift))
    cells[place] = "●" if abs(drift) <= reach else "►" if drift > 0 else "◄"
    return "".join(cells)


def band_pictures(looks: Sequence[BandLook]) -> tuple[str, ...]:
    """A line for each position that has a band, under one another, each to its own scale."""
    banded = [(look.position, look.band) for look in looks if look.band is not None]
    wide = max((len(p.balance.token.symbol) for p, _ in banded), default=0)
    return tuple(
        f"{p.balance.token.symbol:<{wide}}  {picture(band, p.drift)}  {_points(p.drift, signed=True)}"
        for p, band in banded
    )


def why_bands(looks: Sequence[BandLook], value: Usd) -> tuple[str, ...]:
    """For each position, in words, what its cheapest band follows from, and what its own costs beside it."""
    return tuple(f"{look.position.balance.token}: {_why(look, value)}" for look in looks)


def _why(look: BandLook, value: Usd) -> str:
    terms, best = look.terms, look.best
    if look.position.target == 0:
        return "is to go as a whole, so it has no band to stay in"
    gas = f"gas of {money(_of(value, terms.gas))} a rebalance"
    fees = f"fee and impact of {percent(terms.cost)} of what is traded"
    if 3 * best.back >= 2 * best.trigger:
        said = f"{fees} pull harder than {gas}: act early, and go back little"
    elif 3 * best.back <= best.trigger:
        said = f"{gas} pulls harder than {fees}: act late, and go back most of the way"
    else:
        said = f"{gas} and {fees} pull alike: go back half of the way"
    said = f"{said}; cheapest is to act at {points(best.trigger)} and go back to {points(best.back)}"
    if best.trigger == terms.widest:
        said += f", at the widest that is allowed, {points(terms.widest)}"
    elif best.trigger - best.back <= terms.least:
        said += f", no nearer to each other than the smallest trade, {points(terms.least)}"
    return said + _beside(look, value)


def _beside(look: BandLook, value: Usd) -> str:
    if look.band is None or look.costs is None or look.band == look.best:
        return ""
    own, best = _of(value, look.costs.total), _of(value, look.best_costs.total)
    return (
        f". Its own band acts at {points(look.band.trigger)} and goes back to {points(look.band.back)}: "
        f"{money(own)} a year in place of {money(best)}"
    )


def _of(value: Usd, part: int) -> Usd:
    return Usd(mul_div_up(value, part, ONE))


def _points(weight: Weight, signed: bool = False) -> str:
    """Hundredths of a point, cut towards zero, as in the portfolio's table."""
    whole, rest = divmod(abs(weight) * 10_000 // ONE, 100)
    sign = "" if not (whole or rest) else "-" if weight < 0 else "+" if signed else ""
    return f"{sign}{whole:,}.{rest:02d}"
