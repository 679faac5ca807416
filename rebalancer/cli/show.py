"""Tables that people like to read. Imported only where a person looks: a cron run prints one plain line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rebalancer.core.cost_words import cost_table
from rebalancer.core.model import (
    Blocked,
    Cost,
    Intent,
    ModuleWallet,
    Past,
    Planned,
    Portfolio,
    Rebalance,
    Settled,
    Snapshot,
    TickRecord,
)
from rebalancer.core.order_words import by_hand, order_words
from rebalancer.core.render import (
    BREACH_HEAD,
    PORTFOLIO_HEAD,
    amount,
    breach_rows,
    money,
    outcome_words,
    percent,
    portfolio_rows,
    targets_words,
)
from rebalancer.core.route_words import QUOTE_HEAD, quote_rows
from rebalancer.tick import Report

console = Console()

COLOURS = {
    "settled": "green",
    "held": "cyan",
    "planned": "cyan",
    "resumed": "cyan",
    "pending": "yellow",
    "proposed": "yellow",
    "Unavailable": "yellow",
}
"""Of outcomes, and of the errors that end a tick; all others are red."""
NUMBERS = {
    *("balance", "price USD", "value USD", "weight %", "target %", "drift", "change", "sell", "get", "at least"),
    *("paid USD", "expected USD", "more USD", "bps"),
    *("acts at", "back to", "to act", "tracking", "fee, impact", "gas", "in all", "rebalances", "at best"),
    *("says", "simulated", "net USD", "bps behind"),
}
"""Columns that stand to the right."""


def show_report(report: Report) -> None:
    """A tick: the portfolio, why to act, what is to be done about it, and how it ended."""
    if report.portfolio is not None:
        show_portfolio(report.portfolio)
    if report.why is not None:
        show_line("acts because", "".join(f"\n  {reason}" for reason in report.why.split("; ")))
    if report.targets is not None:
        show_line("targets", report.targets)
    word, detail = outcome_words(report.outcome)
    match report.outcome:
        case Planned() as planned:
            _show_planned(planned)
            detail = "a dry run: nothing was sent"
        case Settled(settlement, _, short) as settled:
            _show_settled(settled)
            detail = f"{settlement.tx} in block {settlement.block}" + (f"; {short}" if short is not None else "")
        case Blocked(breaches):
            show_table("Blocked by", BREACH_HEAD, breach_rows(breaches))
            detail = "nothing was sent"
        case _:
            pass
    show_line(word, detail, COLOURS.get(word, "red"))


def _show_planned(planned: Planned) -> None:
    batch, cost = planned.batch, planned.cost
    if batch.targets:
        show_line("sets targets", f"{targets_words(batch.targets)}; its gas costs {money(cost.gas)}")
        return
    venues = ", ".join(sorted({q.venue for q in batch.quotes}))
    show_table(f"One batch, through {venues}", QUOTE_HEAD, quote_rows(batch.quotes))
    show_costs(cost)
    if planned.saved is not None:
        show_line("saves", f"{money(planned.saved)} of what drift costs, until the drift is expected back")
    if planned.left_out:
        show_line("not as wanted", "".join(f"\n  {reason}" for reason in planned.left_out))


def _show_settled(settled: Settled) -> None:
    settlement, expected = settled.settlement, settled.expected
    if settled.targets:
        paid = f"its gas cost {money(settlement.cost.gas)} of {money(expected.gas)} expected"
        show_line("targets set", f"{targets_words(settled.targets)}; {paid}")
        return
    fills = [(("+" if f.raw > 0 else "") + amount(f),) for f in settlement.fills if f.raw]
    show_table("What moved", ("change",), fills)
    show_costs(expected, settlement.cost)


def show_portfolio(portfolio: Portfolio) -> None:
    """Each asset against its target."""
    show_table(f"Portfolio: {money(portfolio.value)}", PORTFOLIO_HEAD, portfolio_rows(portfolio))


def show_costs(expected: Cost, measured: Cost | None = None) -> None:
    """What a rebalance costs, part by part, in dollars and as a share of the value traded."""
    head, rows = cost_table(expected, measured)
    show_table(f"Cost of {money((measured or expected).traded)} traded", head, rows)


def show_standing(past: Past) -> None:
    """What the ledger knows besides its ticks."""
    if past.halted is not None:
        show_line("halted", past.halted, "red")
    if past.open_intent is not None:
        intent = past.open_intent
        what = "new targets, given up" if intent.targets else "a batch that is void"
        what = f"the cancellation of {what}" if intent.cancelled else what
        show_line("open", f"{intent.newest.hash}, {what} after {moment(intent.deadline)} UTC", "yellow")
        for earlier in intent.transactions[:-1]:
            show_line(
                "open", f"{earlier.hash}, replaced since: of the same nonce, and one of them is mined at most", "yellow"
            )
        _show_orders(intent)
    show_line("last settled", "never" if past.last_settled_at is None else f"{moment(past.last_settled_at)} UTC")


def _show_orders(intent: Intent) -> None:
    """What it places, as far as the ledger knows: whether it was filled meanwhile the next tick finds out."""
    for order in intent.orders:
        show_line("order", f"{order_words(order)}, valid until {moment(order.valid_to)} UTC", "yellow")
    for each in intent.withdrawals:
        show_line("withdrawn", f"with {each.signed.hash}, signed at {moment(each.at)} UTC", "yellow")
    for words in by_hand(intent.orders):
        show_line("order", words)


def show_module(snapshot: Snapshot) -> None:
    """What a module leaves room for at this moment; nothing of a wallet without one."""
    if isinstance(snapshot.wallet, ModuleWallet):
        state = snapshot.wallet.state
        room = f"{percent(state.turnover_left)} of the wallet may be traded now, {percent(state.loss_left)} lost"
        if snapshot.wallet.policy.limits.target_step:
            room += f", targets moved by {percent(state.step_left)}"
        show_line("module", f"{'PAUSED; ' if state.paused else ''}{state.nonce} rebalances so far; {room}")


def show_history(title: str, records: Sequence[TickRecord]) -> None:
    """The ledger's ticks, two lines for each: figures, then words."""
    console.print(f"[bold]{title}[/]" if records else f"[bold]{title}[/]: none yet")
    for record in records:
        parts = [
            "" if record.block is None else f"block {record.block}",
            "" if record.value is None else money(record.value),
            "" if record.max_drift is None else f"largest drift {percent(record.max_drift)}",
        ]
        head = Text(f"{moment(record.at)}  ")
        head.append(record.outcome, style=f"bold {COLOURS.get(record.outcome, 'red')}")
        head.append("".join(f"  {part}" for part in parts if part))
        console.print(head)
        console.print(Padding(Text(record.detail), (0, 0, 0, 2)))


def show_rebalances(rebalances: Sequence[Rebalance]) -> None:
    """What each has cost, against what it was to cost."""
    for rebalance in rebalances:
        head, rows = cost_table(rebalance.expected, rebalance.measured)
        traded = money(rebalance.measured.traded)
        show_table(f"{moment(rebalance.settled_at)}  cost of {traded} traded with {rebalance.tx}", head, rows)


def show_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A title, column names, and rows of as many words; numbers stand to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in head:
        table.add_column(name, justify="right" if name in NUMBERS else "left", overflow="fold")
    for row in rows:
        # As text: a pair of square brackets in somebody's message is no colour.
        table.add_row(*map(Text, row))
    console.print(table)


def moment(at: int) -> str:
    """Unix seconds as a date and a time of day, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def show_line(word: str, detail: str, colour: str = "default") -> None:
    """A word and what there is to say about it, broken between words where somebody looks."""
    line = Text(f"{word}: ", style=f"bold {colour}")
    line.append(detail, style="not bold default")
    console.print(line, soft_wrap=not console.is_terminal)
