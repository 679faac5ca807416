"""A portfolio on paper: a wallet's address, balances and records in; what it is called, holds, and has shown, out.

On paper the live tick runs on the live chain, and nothing is sent: what a batch would have done where it would have
been mined is written down as what it did. So the portfolio is one of its own in the ledger, under an address that no
key and no contract has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rebalancer.core.cost import total
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import (
    Blocked,
    Failed,
    History,
    Holdings,
    Policy,
    Portfolio,
    Rebalance,
    Run,
    Snapshot,
    Target,
    TickRecord,
)
from rebalancer.core.render import bps_percent, duration, money
from rebalancer.market.addresses import address_bytes, checksum_address, keccak256
from rebalancer.units import BPS, ONE, Address, Usd, mul_div_down, mul_div_up

LONGEST_PAUSE = 26 * 3_600
"""Seconds between two ticks that have seen the wallet, after which days are counted anew: what did not run has shown
nothing. Two hours more than a day, for cron is never on the second.
"""
BEGUN, CONFIGURED = "begun", "configured"
"""Outcomes of the rows that say what the ticks after them run with: at the beginning, and from a change on."""
MARKS = (BEGUN, CONFIGURED)
FAILED = {
    Failed.__name__.lower(): "a batch failed",
    Halt.__name__: "it halted",
    CONFIGURED: "it was configured otherwise",
}
"""Outcomes on record that end a good stretch, and what they say."""
SHOWS_NOTHING = Blocked.__name__.lower()
"""The outcome that goes with a look at the wallet, and is none of a keeper at work: what it would do was forbidden."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a portfolio on paper begins with."""

    value: Usd | None = None
    """Dollars, at the target weights; None: what the wallet holds."""
    anew: bool = False
    """Whatever it holds by now."""


GOES_ON = Opening()
_COMMANDS = ("run", "plan", "status", "history", "halt", "resume")
"""Those that are about the live portfolio, unless they have --paper."""


def paper_address(chain_id: int, wallet: Address) -> Address:
    """Where a wallet's paper portfolio stands in the ledger: the last 20 bytes of
    keccak256("rebalancer.paper", chain id as 32 bytes, address).
    """
    digest = keccak256(b"rebalancer.paper" + chain_id.to_bytes(32) + address_bytes(wallet))
    return checksum_address("0x" + digest[12:].hex())


def words_on_paper(words: str) -> str:
    """The same to whoever is told of a portfolio on paper: each command that they name with --paper."""
    for command in _COMMANDS:
        for end in ("`", " --"):
            words = words.replace(f"rebalancer {command}{end}", f"rebalancer {command} --paper{end}")
    return words.replace(" --paper --paper", " --paper")


def opening_at(targets: tuple[Target, ...], snapshot: Snapshot, value: Usd) -> Holdings:
    """`value` dollars at the target weights, each rounded down."""
    prices = ((target, snapshot.price(target.token)) for target in targets)
    shares = ((price, Usd(mul_div_down(value, target.weight, ONE))) for target, price in prices)
    return tuple((price.token.address, price.amount_down(share).raw) for price, share in shares)


def opening_of(policy: Policy, snapshot: Snapshot) -> Holdings:
    """What the wallet holds of its assets. Raises ConfigError where that is nothing."""
    held = tuple((token.address, snapshot.balance(token).raw) for token in policy.assets)
    if not any(raw for _, raw in held):
        raise ConfigError(
            "the wallet holds none of its assets, so there is nothing to begin with on paper: say with how much, "
            "`rebalancer run --paper --paper-value 10_000`"
        )
    return held


def run_of(records: Sequence[TickRecord]) -> Run | None:
    """`records`: all, newest first; a database is asked the same in its own words. None: it has never run."""
    if not records:
        return None
    begun = next((n for n, record in enumerate(records, 1) if record.outcome == BEGUN), len(records))
    records = records[:begun]
    newest, oldest = records[0], records[-1]
    broken = next(((n, record) for n, record in enumerate(records) if record.outcome in FAILED), None)
    looks = [record for record in records[: broken[0] if broken else begun] if _shows(record)]
    broken_by = None if broken is None else broken_words(broken[1].outcome, broken[1].detail)
    for place, (later, before) in enumerate(pairwise(looks), 1):
        if later.at - before.at > LONGEST_PAUSE:
            looks, broken_by = looks[:place], paused_words(later.at - before.at)
            break
    return Run(
        ticks=sum(record.outcome not in MARKS for record in records),
        began=oldest.at,
        last=newest.at,
        good_since=looks[-1].at if looks else newest.at,
        good_until=looks[0].at if looks else newest.at,
        broken_by=broken_by,
        opening=next((record.holdings for record in reversed(records) if record.holdings), ()),
        rehearsed=next((record.detail for record in records if record.outcome in MARKS), None),
    )


def broken_words(outcome: str, detail: str) -> str:
    """What ended a good stretch: a tick that is one of FAILED."""
    return FAILED[outcome] if outcome == CONFIGURED else f"{FAILED[outcome]}: {detail}"


def paused_words(seconds: int) -> str:
    """What ended a good stretch: nothing at all."""
    return f"it paused for {duration(seconds)}"


def why_not_yet(run: Run | None, asked: int, configured: str, now: int) -> str | None:
    """Why a paper portfolio has not shown what is asked for: so many seconds, up to `now`, of what is `configured` now.

    None: it has.
    """
    wanted = f"{duration(asked)} on paper without failing or halting are asked for, and"
    if run is None:
        return f"{wanted} it has never run on paper: begin with `rebalancer run --paper`, from cron"
    if run.rehearsed != configured:
        return f"{wanted} it has not run on paper as it is configured now: go on with `rebalancer run --paper`"
    if not run.opening:
        return f"{wanted} no tick on paper has seen the wallet yet: `rebalancer history --paper` says why"
    if now - run.good_until > LONGEST_PAUSE:
        ago = duration(now - run.good_until)
        return f"{wanted} its last paper tick that went well was {ago} ago: `rebalancer history --paper`, and go on"
    lasts = run.good_until - run.good_since
    if lasts >= asked:
        return None
    since = "" if run.broken_by is None else f" since {run.broken_by}"
    return f"{wanted} it has run for {duration(lasts)}{since}; {duration(asked - lasts)} to go"


@dataclass(frozen=True, slots=True)
class Closeness:
    """How near to plan rebalances came: dollars, all of them together."""

    rebalances: int
    traded: Usd
    expected: Usd
    """All in: against the oracle, and gas."""
    measured: Usd
    gas: Usd
    """Part of `measured`."""
    worst: int
    """Basis points of what it traded that one of them cost more than planned, rounded up; the most of all."""


def closeness_of(rebalances: Sequence[Rebalance]) -> Closeness:
    """Of those that settled, and stand."""
    return Closeness(
        rebalances=len(rebalances),
        traded=Usd(sum(each.measured.traded for each in rebalances)),
        expected=Usd(sum(total(each.expected) for each in rebalances)),
        measured=Usd(sum(total(each.measured) for each in rebalances)),
        gas=Usd(sum(each.measured.gas for each in rebalances)),
        worst=max((_beyond_up(each) for each in rebalances), default=0),
    )


def closeness_rows(close: Closeness) -> tuple[tuple[str, str], ...]:
    """The same as (what, figures)."""
    rows = (("rebalances", f"{close.rebalances}, {money(close.traded)} traded"),)
    if not close.traded:
        return rows
    return (
        *rows,
        ("cost as planned", f"{money(close.expected)}, {_share(close.expected, close)} of it"),
        (
            "cost as measured",
            f"{money(close.measured)}, {_share(close.measured, close)} of it, gas of {money(close.gas)}",
        ),
        ("furthest from plan", f"{bps_percent(close.worst)} of what that one traded"),
    )


def holdings_now(history: History) -> Holdings | None:
    """What the newest look saw, and what its own batches moved since. None: nothing is on record yet."""
    if history.valued is None:
        return None
    held = dict(history.valued.holdings)
    for token, raw in history.moved:
        held[token] = held.get(token, 0) + raw
    return tuple(held.items())


def against_hold(opening: Holdings, now: Holdings, gas: Usd, portfolio: Portfolio) -> tuple[Usd, Usd] | None:
    """(what it holds now less all `gas`, what it began with, had that been left alone) at the prices of `portfolio`,
    rounded down. None: assets have left the configuration since, or the beginning is not known.
    """
    price_of = {p.balance.token.address: p.price for p in portfolio.positions}
    both = [[(token, raw) for token, raw in held if raw] for held in (now, opening)]
    if not all(both) or any(token not in price_of for each in both for token, _ in each):
        return None
    ours, left = (Usd(sum(price_of[token].value_down(raw) for token, raw in each)) for each in both)
    return Usd(ours - gas), left


def _shows(record: TickRecord) -> bool:
    """Whether it has seen the wallet, and done what a keeper does."""
    return bool(record.holdings) and record.outcome != SHOWS_NOTHING and record.outcome not in MARKS


def _beyond_up(rebalance: Rebalance) -> int:
    more = total(rebalance.measured) - total(rebalance.expected)
    return mul_div_up(more, BPS, max(rebalance.measured.traded, 1))


def _share(cost: Usd, close: Closeness) -> str:
    return bps_percent(mul_div_up(cost, BPS, close.traded))
