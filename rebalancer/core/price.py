"""Oracle answers to dollars: what the feeds and pools said in, a Price out, or Unavailable with the figures.

Nothing stale, zero, negative or from the future is a price, and none is ever made up.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.errors import Unavailable
from rebalancer.core.render import duration, money
from rebalancer.market.depth import depth_down, flat_depth_down
from rebalancer.market.tick_math import MAX_TICK, MIN_TICK
from rebalancer.market.twap import harmonic_mean_liquidity_down, mean_tick_down, quote_at_tick_down
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import ONE, Address, Price, Token, Usd, mul_div_down

SHORTEST_WINDOW = 1_800
"""Seconds. A price held off for half an hour costs its holder more than our trades could bring him."""
MOST_ANSWER = 2**96 - 1
"""Above any answer of a feed, whatever its decimals. A module refuses more as `answer` (contracts/books.vy)."""
_FINEST_PROBE = 1 << 120
"""Most base units that a mean price is asked for at once: the quote keeps all its digits and stays in 256 bits."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A Chainlink feed. `heartbeat` is its promise, `margin` what we forgive on top, in seconds."""

    address: Address
    decimals: int
    heartbeat: int
    margin: int


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """latestRoundData of one feed; `updated_at` in Unix seconds."""

    feed: Feed
    answer: int
    updated_at: int
    round_id: int


@dataclass(frozen=True, slots=True)
class PoolKey:
    """A Uniswap pool by what it trades; its address follows. `fee` in millionths, 3,000 for V2."""

    kind: str
    """"v2" or "v3"."""
    token_a: Token
    token_b: Token
    fee: int

    def __str__(self) -> str:
        return f"{self.kind} {self.token_a}/{self.token_b} {self.fee} ppm"


@dataclass(frozen=True, slots=True)
class FeedPrice:
    """A token's dollars are the product of one or two feeds."""

    token: Token
    feeds: tuple[Feed, ...]


@dataclass(frozen=True, slots=True)
class TwapPrice:
    """A token without a feed: the time-weighted price of a V3 pool in a token that has one.

    `window` in seconds, at least 1,800. `min_depth`: the least dollars of the quote token that it takes to move
    the pool's price by 2 %, up and down, at the present ticks and at the window's harmonic mean liquidity; a pool
    that is thinner in any of these is not believed.
    """

    token: Token
    pool: PoolKey
    quote: Token
    window: int
    min_depth: Usd


PriceRule = FeedPrice | TwapPrice


@dataclass(frozen=True, slots=True)
class Observation:
    """V3 `observe` over a window: the growth of the two cumulative values, and the pool's tokens."""

    pool: Address
    tick_cumulative_delta: int
    seconds_per_liquidity_delta: int
    """In units of 2^-128 seconds per unit of liquidity."""
    window: int


def feed_price(rule: FeedPrice, answers: tuple[FeedAnswer, ...], now: int) -> Price:
    """The product of the rule's feeds at block time `now`, rounded down; as old as its oldest feed.

    Raises Unavailable where an answer is zero, negative or above MOST_ANSWER, was never written, comes from the
    future, is older than its feed's heartbeat and margin, is missing, or where the product is too small to count.
    """
    usd = ONE
    for feed in rule.feeds:
        answer = next((a for a in answers if a.feed.address == feed.address), None)
        if answer is None:
            raise Unavailable(f"{rule.token}: no answer of the feed {feed.address}; try again at the next tick")
        _check(rule.token, answer, now)
        usd = usd * answer.answer
    usd = mul_div_down(usd, 1, 10 ** sum(feed.decimals for feed in rule.feeds))
    oldest = min((a.updated_at for a in answers if a.feed in rule.feeds), default=now)
    return _price(rule.token, usd, oldest)


def twap_price(rule: TwapPrice, observation: Observation, pool: V3Pool, quote_price: Price) -> Price:
    """The mean price over the rule's window in its quote token, times that token's dollars, rounded down.

    `pool` is the rule's, at the block of the observation. Raises Unavailable where the window is shorter than half
    an hour or not the rule's, where the pool had no liquidity, or where it is thinner than `min_depth`.
    """
    if observation.window < max(SHORTEST_WINDOW, rule.window):
        raise Unavailable(
            f"{rule.token}: {rule.pool} was observed over {duration(observation.window)}, expected at least "
            f"{duration(max(SHORTEST_WINDOW, rule.window))}; wait for the pool's history, or grow its observations"
        )
    tick = mean_tick_down(0, observation.tick_cumulative_delta, observation.window)
    if not MIN_TICK <= tick <= MAX_TICK:
        raise Unavailable(
            f"{rule.token}: {rule.pool} answers a mean tick of {tick}, no price is so far; use another node"
        )
    # Both: a position one tick wide makes the mean look deep for six dollars, and a deep one may have come just now.
    _check_depth(rule, depth_down(pool, not _token_is_token0(rule)), quote_price, "now")
    mean = flat_depth_down(tick, _mean_liquidity_down(rule, observation), not _token_is_token0(rule))
    _check_depth(rule, mean, quote_price, f"over the last {duration(observation.window)}")
    worth = quote_at_tick_down(tick, _FINEST_PROBE, _token_is_token0(rule))
    usd = mul_div_down(worth * 10**rule.token.decimals, quote_price.usd, _FINEST_PROBE * 10**rule.quote.decimals)
    return _price(rule.token, usd, quote_price.updated_at)


def _check(token: Token, answer: FeedAnswer, now: int) -> None:
    feed = answer.feed
    said = f"{token}: the feed {feed.address} (round {answer.round_id})"
    if not 0 < answer.answer <= MOST_ANSWER:
        raise Unavailable(
            f"{said} answers {answer.answer}, expected a price above zero, at most {MOST_ANSWER}; "
            "try again at the next tick"
        )
    if answer.updated_at == 0:
        raise Unavailable(f"{said} was never written: its round is not complete; try again at the next tick")
    age = now - answer.updated_at
    if age < 0:
        raise Unavailable(
            f"{said} is from the future: written at {answer.updated_at}, {duration(-age)} after the block's time {now}"
            "; try again at the next tick, with another node if it stays"
        )
    if age > feed.heartbeat + feed.margin:
        raise Unavailable(
            f"{said} is {duration(age)} old ({age} s), expected at most {feed.heartbeat + feed.margin} s "
            f"(heartbeat {feed.heartbeat} s and margin {feed.margin} s); try again at the next tick"
        )


def _price(token: Token, usd: int, updated_at: int) -> Price:
    if usd <= 0:
        raise Unavailable(f"{token}: its price is below 1e-18 USD, too small to weigh with; check its price rule")
    return Price(token, Usd(usd), updated_at)


def _token_is_token0(rule: TwapPrice) -> bool:
    # Uniswap orders the tokens of a pool by address.
    return int(rule.token.address, 16) < int(rule.quote.address, 16)


def _check_depth(rule: TwapPrice, raw: int, quote_price: Price, when: str) -> None:
    depth = quote_price.value_down(raw)
    if depth < rule.min_depth:
        raise Unavailable(
            f"{rule.token}: {money(depth)} of {rule.quote} move the price of {rule.pool} by 2 % {when}, expected at "
            f"least {money(rule.min_depth)}; give the token a feed, or a deeper pool"
        )


def _mean_liquidity_down(rule: TwapPrice, observation: Observation) -> int:
    if observation.seconds_per_liquidity_delta <= 0:
        raise Unavailable(
            f"{rule.token}: {rule.pool} had no liquidity in range; give the token a feed, or another pool"
        )
    return harmonic_mean_liquidity_down(0, observation.seconds_per_liquidity_delta, observation.window)
