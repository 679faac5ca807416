"""A portfolio on paper: a wallet's address, balances and records in; what it is called, holds, and has shown, out.

On paper the live tick runs on the live chain, and nothing is sent: what a batch would have done where it would have
been mined is written down as what it did. So the portfolio is one of its own in the ledger, under an address that no
key and no contract has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.core.cost import total
from rebalancer.core.errors import ConfigError, Halt
from rebalancer.core.model import (
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

_DAY = 86_400
LONGEST_PAUSE = _DAY
"""Seconds between two ticks, after which days are counted anew: what did not run has shown nothing."""
FAILED = {Failed.__name__.lower(): "a batch failed", Halt.__name__: "it halted"}
"""Outcomes on record that end a good stretch, and what they say."""


def paper_address(chain_id: int, wallet: Address) -> Address:
    """Where a wallet's paper portfolio stands in the ledger: the last 20 bytes of
    keccak256("rebalancer.paper", chain id as 32 bytes, address).
    """
    digest = keccak256(b"rebalancer.paper" + chain_id.to_bytes(32) + address_bytes(wallet))
    return checksum_address("0x" + digest[12:].hex())


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
    newest, oldest = records[0], records[-1]
    good_since, broken_by = oldest.at, None
    if newest.outcome in FAILED:
        good_since, broken_by = newest.at, broken_words(newest.outcome, newest.detail)
    else:
        for later, before in zip(records, records[1:], strict=False):
            if before.outcome in FAILED:
                good_since, broken_by = before.at, broken_words(before.outcome, before.detail)
                break
            if later.at - before.at > LONGEST_PAUSE:
                good_since, broken_by = later.at, paused_words(later.at - before.at)
                break
    opening = next((record.holdings for record in reversed(records) if record.holdings), ())
    return Run(len(records), oldest.at, newest.at, good_since, broken_by, opening)


def broken_words(outcome: str, detail: str) -> str:
    """What ended a good stretch: a tick that is one of FAILED."""
    return f"{FAILED[outcome]}: {detail}"


def paused_words(seconds: int) -> str:
    """What ended a good stretch: nothing at all."""
    return f"it paused for {duration(seconds)}"


def why_not_yet(run: Run | None, asked: int, now: int) -> str | None:
    """Why a paper portfolio has not shown what is asked for: so many seconds, up to `now`. None: it has."""
    wanted = f"{duration(asked)} on paper without failing or halting"
    if run is None:
        return f"{wanted} are asked for, and it has never run on paper: begin with `rebalancer run --paper`, from cron"
    if now - run.last > LONGEST_PAUSE:
        return f"{wanted} are asked for, and its last paper tick was {duration(now - run.last)} ago: go on with it"
    lasts = run.last - run.good_since
    if lasts >= asked:
        return None
    since = "" if run.broken_by is None else f" since {run.broken_by}"
    return f"{wanted} are asked for, and it has run for {duration(lasts)}{since}; {duration(asked - lasts)} to go"


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


def against_hold(opening: Holdings, now: Holdings, portfolio: Portfolio) -> tuple[Usd, Usd] | None:
    """(what it holds now, what it began with, had that been left alone) at the prices of `portfolio`, rounded down. Gas
    is the operator's, and no part of it. None: assets have left the configuration since, or the beginning is not known.
    """
    price_of = {p.balance.token.address: p.price for p in portfolio.positions}
    both = [[(token, raw) for token, raw in held if raw] for held in (now, opening)]
    if not all(both) or any(token not in price_of for each in both for token, _ in each):
        return None
    ours, left = (Usd(sum(price_of[token].value_down(raw) for token, raw in each)) for each in both)
    return ours, left


def _beyond_up(rebalance: Rebalance) -> int:
    more = total(rebalance.measured) - total(rebalance.expected)
    return mul_div_up(more, BPS, max(rebalance.measured.traded, 1))


def _share(cost: Usd, close: Closeness) -> str:
    return bps_percent(mul_div_up(cost, BPS, close.traded))
