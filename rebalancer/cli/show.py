"""Tables that people like to read. Imported only where a person looks: a cron run prints one plain line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from rebalancer.core.cost import cost_bps, total
from rebalancer.core.model import Blocked, Cost, Planned, Portfolio, Quote, Settled, TickRecord
from rebalancer.core.render import (
    BREACH_HEAD,
    PORTFOLIO_HEAD,
    amount,
    bps,
    breach_rows,
    money,
    outcome_words,
    percent,
    portfolio_rows,
)
from rebalancer.tick import Report

console = Console()

COLOURS = {"settled": "green", "held": "cyan", "planned": "cyan", "pending": "yellow", "proposed": "yellow"}
TRADE_HEAD = ("sell", "expect", "at least", "value", "way")


def show_report(report: Report) -> None:
    """A tick: the portfolio, what is to be done about it, and how it ended."""
    if report.portfolio is not None:
        show_portfolio(report.portfolio)
    detail = outcome_words(report.outcome)[1]
    match report.outcome:
        case Planned(batch, _, cost):
            show_table("One batch", TRADE_HEAD, [_trade_row(q) for q in batch.quotes])
            show_cost("expected to cost", cost)
            detail = "a dry run: nothing was sent"
        case Settled(settlement, expected):
            fills = [(f.token.symbol, ("+" if f.raw > 0 else "") + amount(f)) for f in settlement.fills if f.raw]
            show_table("What moved", ("token", "change"), fills)
            show_cost("cost as paid", settlement.cost)
            show_cost("as expected", expected)
            detail = f"{settlement.tx} in block {settlement.block}"
        case Blocked(breaches):
            show_table("Blocked by", BREACH_HEAD, breach_rows(breaches))
            detail = "nothing was sent"
        case _:
            pass
    show_outcome(report, detail)


def show_outcome(report: Report, detail: str) -> None:
    """The outcome's word, and one line about it."""
    word = outcome_words(report.outcome)[0]
    console.print(f"[bold {COLOURS.get(word, 'red')}]{word}[/]:", end=" ")
    console.print(detail, markup=False, highlight=False, soft_wrap=True)


def show_portfolio(portfolio: Portfolio) -> None:
    """Each asset against its target."""
    show_table(f"Portfolio: {money(portfolio.value)}", PORTFOLIO_HEAD, portfolio_rows(portfolio))


def show_cost(title: str, cost: Cost) -> None:
    """A cost in one line, by its parts."""
    console.print(
        f"{title}: {money(total(cost))}, {bps(cost_bps(cost))} of {money(cost.traded)} traded "
        f"(pool fees {money(cost.fee)}, price impact {money(cost.impact)}, gas {money(cost.gas)})",
        highlight=False,
        soft_wrap=True,
    )


def show_history(records: Sequence[TickRecord]) -> None:
    """The ledger's ticks, newest first."""
    rows = [
        (
            datetime.fromtimestamp(r.at, UTC).strftime("%Y-%m-%d %H:%M:%S"),
            "" if r.block is None else str(r.block),
            r.outcome,
            "" if r.value is None else money(r.value),
            "" if r.max_drift is None else percent(r.max_drift),
            r.detail,
        )
        for r in records
    ]
    show_table("Ticks, newest first", ("time (UTC)", "block", "outcome", "value", "largest drift", "detail"), rows)


def _trade_row(quote: Quote) -> tuple[str, ...]:
    symbols = [quote.trade.sell.token.symbol, *(h.token_out.symbol for h in quote.route.hops)] if quote.route else []
    way = f"{quote.venue}: {' > '.join(symbols)}" if symbols else quote.venue
    trade = quote.trade
    return (amount(trade.sell), amount(quote.expected), amount(trade.floor), money(trade.value), way)


def show_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A title, column names, and rows of as many words; numbers stand to the right."""
    table = Table(title=title, title_justify="left", title_style="bold")
    numbers = {"balance", "price", "value", "weight", "target", "drift", "change", "sell", "expect", "at least"}
    for name in head:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    console.print(table)
