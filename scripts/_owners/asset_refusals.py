"""Tokens, feeds and their prices now: what the contract would refuse of the assets of a policy."""

from __future__ import annotations

from collections.abc import Generator, Iterator

from rebalancer.core.model.module import (
    LONGEST_HEARTBEAT,
    MOST_DECIMALS,
    MOST_FEED_DECIMALS,
    NOBODY,
    ModuleAsset,
    ModuleLimits,
    ModulePolicy,
)
from rebalancer.core.module_words import dollars, span
from rebalancer.units import ONE, PPM, Address, Usd
from scripts._owners.look import Look, Refusal
from scripts._owners.sight import Round

MOST_ANSWER = (1 << 96) - 1
HALF = (1 << 128) - 1
"""Most that a price, a balance and the wallet's worth may be: the contract keeps two of them in one word."""


def asset_refusals(look: Look, policy: ModulePolicy, place: int, asset: ModuleAsset) -> Iterator[Refusal]:
    name, sight = look.name(asset.token), look.sight
    if not sight.has_code(asset.token) or asset.token == policy.safe:
        yield Refusal("token", f"{name}: there is no token at {asset.token}")
        return
    decimals = sight.decimals(asset.token)
    if decimals is None or decimals > MOST_DECIMALS:
        yield Refusal("decimals", f"{name}: expected at most {MOST_DECIMALS} decimals, saw {decimals}")
    yield from _feed(look, name, asset.feed, asset.heartbeat)
    if asset.second_feed == NOBODY:
        if asset.second_heartbeat:
            yield Refusal("feed", f"{name}: a second heartbeat without a second feed")
    elif asset.second_feed == asset.feed:
        yield Refusal("feed_twice", f"{name}: the product of {asset.feed} with itself is no price")
    else:
        yield from _feed(look, name, asset.second_feed, asset.second_heartbeat)
    yield from _asset_terms(name, asset)
    for other in policy.assets[:place]:
        yield from _twice(look, other.token, asset.token)


def _twice(look: Look, first: Address, second: Address) -> Iterator[Refusal]:
    if first == second:
        yield Refusal("token_twice", f"{look.name(second)} is listed twice: each unit would count twice")
    elif look.sight.raw_symbol(second) == look.sight.raw_symbol(first):
        yield Refusal("symbol_twice", f"{first} and {second} have one symbol, or none: one token under two addresses?")


def _asset_terms(name: str, asset: ModuleAsset) -> Iterator[Refusal]:
    if not asset.least <= asset.most <= PPM:
        yield Refusal("targets_range", f"{name}: a least of {asset.least} and a most of {asset.most} ppm are no range")
    low, high = asset.price_low, asset.price_high
    if high > HALF or not (low < high or low == high == 0):
        yield Refusal("band", f"{name}: prices from {dollars(low)} to {dollars(high)} are no band")


def _feed(look: Look, name: str, feed: Address, heartbeat: int) -> Iterator[Refusal]:
    if feed == NOBODY or not look.sight.has_code(feed):
        yield Refusal("feed", f"{name} has no feed: there is no contract at {feed}")
        return
    if not 0 < heartbeat <= LONGEST_HEARTBEAT:
        yield Refusal("feed", f"{name}: a heartbeat of {span(heartbeat)}, expected up to 7 d")
    seen = look.sight.round_of(feed)
    if seen is None:
        yield Refusal("feed", f"{name}: the feed {feed} does not answer")
    elif seen.decimals > MOST_FEED_DECIMALS:
        yield Refusal(
            "feed", f"{name}: the feed {feed} has {seen.decimals} decimals, expected at most {MOST_FEED_DECIMALS}"
        )


def price_refusals(look: Look, policy: ModulePolicy) -> Iterator[Refusal]:
    """Of the feeds as they answer now, and of what the Safe holds at these prices."""
    if policy.limits.sequencer != NOBODY:
        yield from _sequencer(look, policy.limits)
    worth = 0
    for asset in policy.assets:
        price = yield from _price(look, asset)
        worth += yield from _value(look, policy.safe, asset.token, price)
    if worth > HALF:
        yield Refusal("too_large", f"the Safe's tokens are worth {dollars(worth)}, expected at most {dollars(HALF)}")


def _price(look: Look, asset: ModuleAsset) -> Generator[Refusal, None, int]:
    """Dollars of one whole token at 1e18; 0 where an answer is not to be believed."""
    name, price, scale, believed = look.name(asset.token), ONE, 1, True
    for feed, heartbeat in ((asset.feed, asset.heartbeat), (asset.second_feed, asset.second_heartbeat)):
        seen = None if feed == NOBODY else look.sight.round_of(feed)
        if seen is None:
            continue
        for refusal in _round(look, name, feed, heartbeat, seen):
            believed = False
            yield refusal
        price, scale = price * seen.answer, scale * 10**seen.decimals
    if not believed:
        return 0
    yield from _believed(name, asset, Usd(price // scale))
    return price // scale


def _value(look: Look, safe: Address, token: Address, price: int) -> Generator[Refusal, None, int]:
    """What the Safe holds of it, in dollars at 1e18."""
    balance, decimals = look.sight.balance(token, safe), look.sight.decimals(token)
    if balance is None:
        yield Refusal("token", f"{look.name(token)}: the token does not say what the Safe holds")
    elif balance > HALF:
        yield Refusal("too_large", f"{look.name(token)}: the Safe holds {balance} base units, expected at most {HALF}")
    unit: int = 10 ** (decimals or 0)
    return (balance or 0) * price // unit


def _sequencer(look: Look, limits: ModuleLimits) -> Iterator[Refusal]:
    seen = look.sight.round_of(limits.sequencer)
    if seen is None or seen.answer != 0 or seen.started_at == 0:
        yield Refusal("sequencer", f"the sequencer feed {limits.sequencer} does not say that the sequencer is up")
    elif look.now <= seen.started_at + limits.grace:
        yield Refusal("grace", f"the sequencer came up {span(look.now - seen.started_at)} ago: wait for the grace")


def _round(look: Look, name: str, feed: Address, heartbeat: int, seen: Round) -> Iterator[Refusal]:
    if not 0 < seen.answer <= MOST_ANSWER:
        yield Refusal("answer", f"{name}: the feed {feed} says {seen.answer}, expected a price of 1 to {MOST_ANSWER}")
    if seen.updated_at > look.now:
        yield Refusal("future", f"{name}: the feed {feed} answers from the future")
    elif look.now - seen.updated_at > heartbeat:
        old = span(look.now - seen.updated_at)
        yield Refusal("heartbeat", f"{name}: the feed {feed} is stale: {old} old, at most {span(heartbeat)} is allowed")


def _believed(name: str, asset: ModuleAsset, price: Usd) -> Iterator[Refusal]:
    if price == 0:
        yield Refusal("answer", f"{name}: the feeds make a price of nothing")
    elif asset.price_high and not asset.price_low <= price <= asset.price_high:
        band = f"{dollars(asset.price_low)} to {dollars(asset.price_high)}"
        yield Refusal("band", f"{name}: the feeds say {dollars(price)}, outside the owners' {band}")
    elif price > HALF:
        yield Refusal("too_large", f"{name}: the feeds make {dollars(price)}, which is beyond all prices")
