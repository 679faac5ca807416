"""Values in, words for people out: the only place where integers become decimals. The CLI draws what stands here.

Amounts and dollars are cut, never rounded up, so that nothing reads as more than it is; costs and gaps
that are compared with a limit are printed by the rule that compares them.
"""

from __future__ import annotations

from typing import assert_never

from rebalancer.core.model import (
    Blocked,
    Breach,
    Cost,
    Failed,
    Held,
    Outcome,
    Pending,
    Planned,
    Portfolio,
    Proposed,
    Settled,
    Target,
    Trade,
)
from rebalancer.units import ONE, Amount, Price, Usd, Wei, Weight

_SIGNIFICANT = 6
"""Digits after the point that an amount shows: enough for a satoshi's worth of most tokens."""
_PERCENT = ONE // 100
LONGEST_LINE = 400
"""Characters of what others say: a rule with what was seen and what was expected takes two hundred."""

# Units stand in the heads: a table fits 80 columns.
PORTFOLIO_HEAD = ("token", "balance", "price USD", "value USD", "weight %", "target %", "drift")
BREACH_HEAD = ("rule", "observed", "allowed")


def dollars(value: Usd) -> str:
    """Dollars and cents under a head that names the unit: "1,234.56"."""
    return _fixed(value, ONE, 2)


def money(value: Usd) -> str:
    """Dollars and cents: "1,234.56 USD"."""
    return f"{dollars(value)} USD"


def amount(held: Amount) -> str:
    """An amount with its token: "1.25 WETH". What is too small for six decimals is shown in full."""
    return f"{_trimmed(held.raw, held.token.decimals, _SIGNIFICANT)} {held.token}"


def price(quoted: Price) -> str:
    """Dollars for one whole token; a price below a cent keeps its first digits."""
    return f"{_price_figure(quoted.usd)} USD"


def percent(weight: Weight) -> str:
    """A share with up to two decimals: "30 %", "6.25 %"."""
    return f"{_trimmed(weight * 100, 18, 2, full=False)} %"


def points(weight: Weight) -> str:
    """A distance between two weights: "6.2 points"."""
    return f"{_trimmed(weight * 100, 18, 2, full=False)} points"


def bps(count: int) -> str:
    """Basis points: "12 bps"."""
    return f"{count:,} bps"


def bps_percent(count: int) -> str:
    """Basis points as a percentage: "1.25 %"."""
    return percent(Weight(count * _PERCENT // 100))


def gas_price(wei: Wei) -> str:
    """Price of a unit of gas: "12.5 gwei"."""
    return f"{_trimmed(wei, 9, 3)} gwei"


def coin(wei: Wei) -> str:
    """An amount of the chain's own coin: "0.05 ETH"."""
    return f"{_trimmed(wei, 18, _SIGNIFICANT)} ETH"


def duration(seconds: int) -> str:
    """A span of time in its two largest units: "2 d 3 h", "45 min"."""
    parts = []
    rest = abs(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return ("-" if seconds < 0 else "") + (" ".join(parts) or "0 s")


def outcome_words(outcome: Outcome) -> tuple[str, str]:
    """The outcome as one lower-case word, and what there is to say about it in one line."""
    return type(outcome).__name__.lower(), _detail(outcome)


def one_line(text: str) -> str:
    """Words that may come from outside, as one line that moves no cursor and has an end."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 2 * LONGEST_LINE]).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


def portfolio_rows(portfolio: Portfolio) -> tuple[tuple[str, ...], ...]:
    """One row for each position under PORTFOLIO_HEAD."""
    return tuple(
        (
            p.balance.token.symbol,
            _trimmed(p.balance.raw, p.balance.token.decimals, _SIGNIFICANT),
            _price_figure(p.price.usd),
            dollars(p.value),
            _fixed(p.weight * 100, ONE, 2),
            _fixed(p.target * 100, ONE, 2),
            _fixed(p.drift * 100, ONE, 2, signed=True),
        )
        for p in portfolio.positions
    )


def trade_words(trade: Trade) -> str:
    """A trade in one line: "sell 1.5 WETH for at least 2,985 USDC"."""
    return f"sell {amount(trade.sell)} for at least {amount(trade.floor)}"


def targets_words(targets: tuple[Target, ...]) -> str:
    """Weights to hold, exact to the millionth: "WETH 30 %, USDC 70 %"."""
    return ", ".join(f"{each.token} {_trimmed(each.weight * 100, 18, 4, full=False)} %" for each in targets)


def breach_rows(breaches: tuple[Breach, ...]) -> tuple[tuple[str, ...], ...]:
    """One row for each breach under BREACH_HEAD."""
    return tuple((b.rule, b.observed, b.allowed) for b in breaches)


def breach_words(breach: Breach) -> str:
    """A breach in one line."""
    return f"{breach.rule}: {breach.observed}, allowed is {breach.allowed}"


def _detail(outcome: Outcome) -> str:
    match outcome:
        case Held(reason):
            return reason
        case Blocked(breaches):
            return "; ".join(breach_words(b) for b in breaches)
        case Planned(batch, _, cost, left_out, _):
            on = "" if batch.targets else f" on {money(cost.traded)}"
            trades = "; ".join((*_set(batch.targets), *(trade_words(q.trade) for q in batch.quotes), *left_out))
            return f"{trades}; expected cost {_all_in(cost)}{on}"
        case Proposed(reference):
            return f"waits for the owners' signatures as {reference}"
        case Pending(intent, reason):
            return f"{intent.newest.hash}: {reason}"
        case Settled(settlement, expected, short, targets):
            paid = f"cost {_all_in(settlement.cost)} of {_all_in(expected)} expected"
            fills = ", ".join((*_set(targets), *(_signed(f) for f in settlement.fills)))
            rest = "".join(f"; {words}" for words in (settlement.unfilled, short) if words is not None)
            return f"{settlement.tx} in block {settlement.block}: {fills}; {paid}{rest}"
        case Failed(_, tx, reason):
            return f"{tx}: {reason}"
        case other:
            assert_never(other)


def _set(targets: tuple[Target, ...]) -> tuple[str, ...]:
    """What to say of a batch that sets targets; nothing of another."""
    return (f"targets: {targets_words(targets)}",) if targets else ()


def _all_in(cost: Cost) -> str:
    return money(Usd(cost.shortfall + cost.gas))


def _price_figure(usd: Usd) -> str:
    return dollars(usd) if abs(usd) >= _PERCENT else _trimmed(usd, 18, 8)


def _signed(change: Amount) -> str:
    return ("+" if change.raw > 0 else "") + amount(change)


def _fixed(value: int, scale: int, places: int, signed: bool = False) -> str:
    """value / scale with a fixed number of decimals, cut towards zero; a minus only where a digit is left."""
    unit = 10**places
    whole, rest = divmod(abs(value) * unit // scale, unit)
    sign = "" if not (whole or rest) else "-" if value < 0 else "+" if signed else ""
    return f"{sign}{whole:,}.{rest:0{places}d}" if places else f"{sign}{whole:,}"


def _trimmed(value: int, decimals: int, places: int, full: bool = True) -> str:
    """value / 10^decimals with up to `places` decimals, zeros at the end cut off.

    `full`: where nothing but zeros would be left of a value that is not zero, all its decimals are shown.
    """
    shown = min(decimals, places)
    if full and value and abs(value) < 10 ** (decimals - shown):
        shown = decimals
    text = _fixed(value, 10**decimals, shown)
    return text.rstrip("0").rstrip(".") if "." in text else text
