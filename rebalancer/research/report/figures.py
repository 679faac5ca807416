"""A review in, its pictures out: wealth, falls, the weight of each asset, and costs by year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from rebalancer.research.drawdown import drawdowns
from rebalancer.research.measures import wealth_of, weights_after, weights_before
from rebalancer.research.model import Backtest, Floats, Times, Traded
from rebalancer.research.report.lines import MOST_POINTS, line_of, moments, most_points, wealth_axis
from rebalancer.research.report.parts import Json, Picture, numbers, words
from rebalancer.research.review import Review
from rebalancer.units import ONE


def picture_wealth(review: Review) -> Picture:
    """Of all that are compared."""
    lines = [wealth_of(judged.backtest) for judged in review.all]
    scale, axis = wealth_axis(lines)
    kept = _kept(review.ours.backtest)
    times = moments(review.study.prices.times[kept])
    traces = tuple(
        line_of(number, judged.backtest.name, times, line[kept])
        for number, (judged, line) in enumerate(zip(review.all, lines, strict=True))
    )
    return Picture(
        name="wealth",
        title="What it was worth",
        caption=f"Dollars after fees, impact and gas{scale}: the portfolio, the same left alone, bought over a year, "
        "and brought back every 30 days.",
        traces=traces,
        layout={"yaxis": axis},
        height=430,
    )


def picture_falls(review: Review) -> Picture:
    """Of all that are compared, below their own peaks."""
    kept = _kept(review.ours.backtest)
    times = moments(review.study.prices.times[kept])
    traces = []
    for number, judged in enumerate(review.all):
        line = line_of(number, judged.backtest.name, times, -100 * drawdowns(wealth_of(judged.backtest))[kept])
        traces.append(line | ({"fill": "tozeroy", "fillcolor": "shade"} if number == 0 else {}))
    deepest = review.ours.measures.drawdown
    return Picture(
        name="falls",
        title="Falls below the last peak",
        caption=f"Per cent below the highest until then. The portfolio's deepest was {100 * deepest.depth:.1f} %.",
        traces=tuple(traces),
        layout={"yaxis": {"ticksuffix": " %"}},
        height=300,
    )


def pictures_weights(review: Review) -> tuple[Picture, ...]:
    """One for each asset: its weight, its target, its band and when it was traded."""
    backtest = review.ours.backtest
    kept = _kept(backtest)
    before, after = weights_before(backtest), weights_after(backtest)
    return tuple(_weight(review, place, kept, (before, after)) for place in range(len(backtest.prices.symbols)))


def pictures_costs(review: Review) -> tuple[Picture, ...]:
    """By calendar year: what trading cost by kind, and the tax on what it realised."""
    backtest = review.ours.backtest
    years = sorted({_year(int(at)) for at in backtest.prices.times})
    paid = {kind: dict.fromkeys(years, 0.0) for kind in _KINDS}
    for trade in backtest.trades:
        year = _year(int(backtest.prices.times[trade.at]))
        for kind, dollars in zip(_KINDS, (trade.fee, trade.impact, trade.gas), strict=True):
            paid[kind][year] += dollars
    tax = dict.fromkeys(years, 0.0) | {due.year: due.due / ONE for due in review.ours.taxes.years}
    return (
        _by_year(
            ("costs", "What trading cost, by year", "Dollars: pool fees, price impact, and gas."),
            [_bar(name, kind, paid[kind]) for kind, name in _KINDS.items()],
        ),
        _by_year(
            ("tax", "Tax due, by year", "Dollars, on the gains that its trades realised. It is paid from elsewhere."),
            [_bar("tax due", "tax", tax)],
        ),
    )


_KINDS = {"fee": "pool fees", "impact": "price impact", "gas": "gas"}


def _by_year(said: tuple[str, str, str], traces: Sequence[Json]) -> Picture:
    name, title, caption = said
    return Picture(
        name=name,
        title=title,
        caption=caption,
        traces=tuple(traces),
        layout={
            "barmode": "stack",
            "showlegend": len(traces) > 1,
            "xaxis": {"type": "category"},
            "yaxis": {"tickprefix": "$", "separatethousands": True},
        },
        height=290,
        group="costs",
    )


def _bar(name: str, colour: str, by_year: dict[int, float]) -> Json:
    return {
        "type": "bar",
        "name": name,
        "x": [str(year) for year in by_year],
        "y": numbers(by_year.values()),
        "marker": {"color": colour},
        "hovertemplate": "%{y:$,.2f}",
    }


def _weight(review: Review, place: int, kept: NDArray[np.int64], weights: tuple[Floats, Floats]) -> Picture:
    backtest = review.ours.backtest
    times, symbol = backtest.prices.times[kept], backtest.prices.symbols[place]
    targets, edges = backtest.targets[kept, place], review.edges[kept, place]
    # Before and after at each time: a rebalance is a step, and not a slope to the next time.
    twice = np.repeat(times, 2)
    steps = 100 * np.column_stack((weights[0][kept, place], weights[1][kept, place])).reshape(-1)
    traces = [*_band(times, targets, edges), _target(times, targets)]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "weight",
            "x": moments(twice),
            "y": numbers(steps, 5),
            "line": {"color": "ours", "width": 1.6},
            "hovertemplate": "%{y:.2f} %",
        }
    )
    traces += _marks(backtest, place, weights[1])
    return Picture(
        name=f"weight{place}",
        title=symbol,
        caption=_weight_words(backtest, place, edges),
        traces=tuple(traces),
        layout={"showlegend": False, "yaxis": {"ticksuffix": " %"}, "hovermode": "closest"},
        height=230,
        group="weights",
    )


def _weight_words(backtest: Backtest, place: int, edges: Floats) -> str:
    bought = sum(trade.changes[place] > 0 for trade in backtest.trades)
    sold = sum(trade.changes[place] < 0 for trade in backtest.trades)
    band = "no band is drawn" if np.isnan(edges).all() else "shaded: its band"
    return f"Weight in per cent; dashed: its target; {band}; ▲ bought {bought:,} times, ▼ sold {sold:,} times."


def _band(times: Times, targets: Floats, edges: Floats) -> Iterator[Json]:
    if np.isnan(edges).all():
        return
    plain: Json = {"type": "scatter", "mode": "lines", "x": moments(times), "hoverinfo": "skip"}
    line = {"color": "clear", "width": 0}
    yield plain | {"y": numbers(100 * np.maximum(targets - edges, 0), 5), "line": line}
    yield plain | {
        "y": numbers(100 * np.minimum(targets + edges, 1), 5),
        "line": line,
        "fill": "tonexty",
        "fillcolor": "band",
    }


def _target(times: Times, targets: Floats) -> Json:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "target",
        "x": moments(times),
        "y": numbers(100 * targets, 5),
        "line": {"color": "soft", "width": 1, "dash": "dash"},
        "hovertemplate": "%{y:.2f} %",
    }


def _marks(backtest: Backtest, place: int, after: Floats) -> Iterator[Json]:
    for sign, name, mark in ((1, "bought", "triangle-up"), (-1, "sold", "triangle-down")):
        trades = [trade for trade in backtest.trades if sign * trade.changes[place] > 0]
        trades = trades[:: -(-len(trades) // MOST_POINTS) or 1]
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": moments(backtest.prices.times[[trade.at for trade in trades]]),
            "y": numbers((100 * after[trade.at, place] for trade in trades), 5),
            "text": [_mark_words(trade, place) for trade in trades],
            "marker": {"color": "trade", "symbol": mark, "size": 7},
            "hovertemplate": "%{text}",
        }


def _mark_words(trade: Traded, place: int) -> str:
    return f"{trade.changes[place]:+,.6g} tokens<br>" + "<br>".join(words(part) for part in trade.why.split("; ")[:4])


def _kept(backtest: Backtest) -> NDArray[np.int64]:
    """Places of the times that are drawn: evenly many, the deepest fall, and every trade as far as there is room."""
    count = len(backtest.prices.times)
    even = most_points(count)
    trades = [trade.at for trade in backtest.trades]
    extreme = [int(drawdowns(wealth_of(backtest)).argmax())]
    return np.unique(np.concatenate((even, np.array(extreme + trades[:MOST_POINTS], dtype=np.int64))))


def _year(at: int) -> int:
    return datetime.fromtimestamp(at, UTC).year
