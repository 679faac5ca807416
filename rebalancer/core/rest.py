"""Batches that venues from outside had a hand in, with how each ended, in; which venues rest, and why, out.

A simulation is not the chain. Whoever is called can tell the two apart (by the price of gas, the coinbase, the base
fee), do in the one what wins and in the other what he likes: revert, or pay the least that his router lets him. An
order is filled or not whatever was simulated. So what counts is what became of a batch, and who had a hand in one that
went wrong is asked no more for a day: it costs one batch.
"""

from __future__ import annotations

from collections.abc import Iterable

from rebalancer.core.model import Failure, Intent, Quote, Settlement
from rebalancer.core.quote_rules import SAYS_TOLERANCE
from rebalancer.core.render import amount, bps_percent
from rebalancer.units import BPS, Amount, Token, mul_div_up

REST = 86_400
"""Seconds after the end of a batch that went wrong."""


def outside_venues(quotes: Iterable[Quote]) -> tuple[str, ...]:
    """Who made them, each once, but for those that we have built from pools."""
    return tuple(dict.fromkeys(quote.venue for quote in quotes if quote.terms is not None))


def resting(ended: Iterable[tuple[Intent, Settlement | Failure]]) -> dict[str, str]:
    """Each venue that has no part in the next batch, and why. `ended`: within the last REST seconds, oldest first.

    All venues of a batch: which of its calls has reverted it, or has moved the pool that another went through, nobody
    can say.
    """
    found: dict[str, str] = {}
    for intent, result in ended:
        why = _went_wrong(intent, result)
        if why is not None:
            found |= dict.fromkeys(intent.venues, f"rests for a day: its batch {intent.newest.hash} {why}")
    return found


def _went_wrong(intent: Intent, result: Settlement | Failure) -> str | None:
    # Where a relay drops what would revert, a batch that reverts is never mined: so all that failed count.
    if isinstance(result, Failure):
        return f"failed: {result.reason}"
    if result.unfilled is not None:
        return f"was not filled: {result.unfilled}"
    short = fell_short(intent, result)
    return None if short is None else f"fell short: {short}"


def through(intent: Intent) -> str:
    """Whom a batch went through, to be said of it: " (through one_inch, odos)". Nothing where it was the own router."""
    return f" (through {', '.join(intent.venues)})" if intent.venues else ""


def fell_short(intent: Intent, settlement: Settlement) -> str | None:
    """What arrived of a batch with a venue from outside, where that is less than was simulated of it by more than pools
    move meanwhile. None: nothing to speak of; of one whose orders were not all filled that is said elsewhere.
    """
    if not intent.venues or settlement.unfilled is not None:
        return None
    for token in dict.fromkeys(trade.buy for trade in intent.trades):
        expected, arrived = _bought(intent, intent.expected, token), _bought(intent, settlement.fills, token)
        if not arrived.raw < expected.raw:
            continue
        less = mul_div_up(expected.raw - arrived.raw, BPS, max(expected.raw, 1))
        if less > SAYS_TOLERANCE:
            seen = f"{amount(arrived)} arrived, {bps_percent(less)} less than the {amount(expected)} simulated"
            return seen + through(intent)
    return None


def _bought(intent: Intent, changes: Iterable[Amount], token: Token) -> Amount:
    """What a change of the wallet means was bought: what else the batch sold of the token is in it."""
    sold = sum(trade.sell.raw for trade in intent.trades if trade.sell.token.address == token.address)
    return Amount(token, sold + sum(change.raw for change in changes if change.token.address == token.address))
