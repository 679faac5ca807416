"""Feeds and time-weighted pools: price rules in, reads out; their results in, one price for each rule out.

A feed is read once, however many rules rest on it. What makes an answer a price is decided by core.price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.codec import CallResult, EthCall, uint_word
from rebalancer.adapters.chain.holdings import DECIMALS, answer_of
from rebalancer.core.errors import ConfigError
from rebalancer.core.price import Feed, FeedAnswer, FeedPrice, Observation, PoolKey, TwapPrice, feed_price, twap_price
from rebalancer.market.addresses import v3_pool_address
from rebalancer.market.pools import Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.units import Address, Price

LATEST_ROUND_DATA = bytes.fromhex("feaf968c")
OBSERVE = bytes.fromhex("883bdbfd")
_UINT160 = (1 << 160) - 1


@dataclass(frozen=True, slots=True)
class Oracles:
    """The price sources of a book, each once, in the order in which they are read."""

    book: Book
    feeds: tuple[Feed, ...]
    twaps: tuple[tuple[TwapPrice, Address], ...]

    @staticmethod
    def of(book: Book, v3_factory: Address) -> Oracles:
        """Raises ConfigError for a time-weighted price of a pool that keeps no history."""
        feeds = {feed.address: feed for rule in book.prices if isinstance(rule, FeedPrice) for feed in rule.feeds}
        twaps = tuple((rule, _twap_pool(rule, v3_factory)) for rule in book.prices if isinstance(rule, TwapPrice))
        return Oracles(book, tuple(feeds.values()), twaps)

    def calls(self) -> tuple[EthCall, ...]:
        """Two reads for each feed, one for each time-weighted pool."""
        calls = []
        for feed in self.feeds:
            calls.append(EthCall(feed.address, DECIMALS))
            calls.append(EthCall(feed.address, LATEST_ROUND_DATA))
        for rule, pool in self.twaps:
            # observe([window, 0])
            calls.append(EthCall(pool, OBSERVE + b"".join(map(uint_word, (32, 2, rule.window, 0)))))
        return tuple(calls)

    def pools(self) -> tuple[PoolKey, ...]:
        """The pools that `decode` has to see, for their depth."""
        return tuple(rule.pool for rule, _ in self.twaps)

    def decode(self, results: Sequence[CallResult], pools: Sequence[Pool], now: int) -> tuple[Price, ...]:
        """One price for each rule, in the book's order; `pools` as they stand, `now` is the block's time.

        Raises ConfigError for a source that is not as configured, Unavailable for one that carries no price.
        """
        left, states = iter(results), {pool.address: pool for pool in pools if isinstance(pool, V3Pool)}
        rounds = {feed.address: (next(left), next(left)) for feed in self.feeds}
        prices: dict[Address, Price] = {}
        for rule in self.book.prices:
            if isinstance(rule, FeedPrice):
                answers = tuple(_feed_answer(rule, feed, *rounds[feed.address]) for feed in rule.feeds)
                prices[rule.token.address] = feed_price(rule, answers, now)
        feed_priced = dict(prices)
        for rule, address in self.twaps:
            quote = feed_priced.get(rule.quote.address)
            if quote is None:
                raise ConfigError(f"price of {rule.token}: it is quoted in {rule.quote}, which has no feed of its own")
            observation = _observation(rule, address, next(left))
            prices[rule.token.address] = twap_price(rule, observation, states[address], quote)
        return tuple(prices[rule.token.address] for rule in self.book.prices)


def _twap_pool(rule: TwapPrice, v3_factory: Address) -> Address:
    key = rule.pool
    if key.kind != "v3":
        raise ConfigError(f"price of {rule.token}: {key} keeps no history of its price; expected a v3 pool")
    return v3_pool_address(v3_factory, key.token_a.address, key.token_b.address, key.fee)


def _feed_answer(rule: FeedPrice, feed: Feed, decimals: CallResult, data: CallResult) -> FeedAnswer:
    what = f"price of {rule.token}: feed {feed.address}"
    seen = answer_of(f"{what}: decimals()", decimals).uint(0)
    if seen != feed.decimals:
        raise ConfigError(
            f"{what}: {seen} decimals on the chain, {feed.decimals} in the configuration; "
            "check the address, then the decimals"
        )
    words = answer_of(f"{what}: latestRoundData()", data)
    return FeedAnswer(feed, words.sint(1), words.uint(3), words.uint(0, 80))


def _observation(rule: TwapPrice, pool: Address, result: CallResult) -> Observation:
    # A window that reaches further back than the pool's history reverts with OLD.
    words = answer_of(f"price of {rule.token}: pool {rule.pool} at {pool}: observe({rule.window} s)", result)
    ticks, seconds = words.at(0), words.at(1)
    return Observation(
        pool=pool,
        tick_cumulative_delta=ticks.sint(2, 56) - ticks.sint(1, 56),
        # The accumulator wraps at 160 bits.
        seconds_per_liquidity_delta=(seconds.uint(2, 160) - seconds.uint(1, 160)) & _UINT160,
        window=rule.window,
    )
