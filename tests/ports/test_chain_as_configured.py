"""What the chain has against what the configuration says of it: every difference by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from given_chain import MARGIN, a_reader, a_rule, requests_of

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.price import FeedPrice, PoolKey, TwapPrice
from rebalancer.market.addresses import v2_pair_address, v3_pool_address
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import Address, Token, Usd

USDC, WETH, UNI, LINK, WBTC = (LISTINGS[symbol].token for symbol in ("USDC", "WETH", "UNI", "LINK", "WBTC"))
NOBODY = Address("0x00000000000000000000000000000000000000A1")


# ---------------------------------------------------------------- prices without a feed


def a_twap(window: int = 1_800, quote: Token = WETH, fee: int = 3000) -> TwapPrice:
    return TwapPrice(UNI, PoolKey("v3", UNI, quote, fee), quote, window, Usd(10_000 * 10**18))


def with_twap(book: Book, rule: TwapPrice) -> Book:
    return replace(book, prices=tuple(rule if r.token == UNI else r for r in book.prices))


def test_read__of_a_twap__is_near_the_pools_price_in_one_request(replica: Replica, book: Book) -> None:
    reader = a_reader(replica.url, with_twap(book, a_twap()))
    price = reader.read().price(UNI)
    expected = replica.prices["UNI"] * 10**10
    assert abs(price.usd - expected) * 1_000 < expected
    assert requests_of(reader) == 1


def test_read__of_a_twap_longer_than_the_pools_history__is_unavailable_with_the_pool(
    replica: Replica, book: Book
) -> None:
    with pytest.raises(
        Unavailable, match=r"price of UNI: pool v3 UNI/WETH 3000 ppm at 0x\w+: observe\(864000000 s\).*OLD"
    ):
        a_reader(replica.url, with_twap(book, a_twap(window=864_000_000))).read()


def test_read__of_a_twap_of_a_pool_that_is_not_there__is_a_config_error(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match=r"pool v3 UNI/WETH 10000 ppm: the factory has none, expected at 0x\w+"):
        a_reader(replica.url, with_twap(book, a_twap(fee=10_000))).read()


def test_reader__with_a_twap_of_a_v2_pair__is_a_config_error(replica: Replica, book: Book) -> None:
    rule = replace(a_twap(), pool=PoolKey("v2", UNI, WETH, 3000))
    with pytest.raises(ConfigError, match="price of UNI: v2 UNI/WETH 3000 ppm keeps no history"):
        a_reader(replica.url, with_twap(book, rule))


def test_reader__without_a_price_for_the_native_coin__is_a_config_error(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match="no price for WETH: gas is paid in it"):
        a_reader(replica.url, replace(book, prices=tuple(r for r in book.prices if r.token != WETH)))


# ---------------------------------------------------------------- not as configured


def changed(book: Book, token: Token, other: Token) -> Book:
    swapped = tuple(other if t == token else t for t in book.tokens)
    return replace(book, tokens=swapped, assets=swapped)


def test_read__of_a_token_with_other_decimals__names_it_with_both_figures(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match=f"token USDC at {USDC.address}: 6 decimals on the chain, 18 in the config"):
        a_reader(replica.url, changed(book, USDC, replace(USDC, decimals=18))).read()


def test_read__of_a_token_without_code__names_it(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match=rf"token LINK at {NOBODY}: decimals\(\) gave nothing: no such contract"):
        a_reader(replica.url, changed(book, LINK, replace(LINK, address=NOBODY))).read()


def with_feed(book: Book, **changes: Any) -> Book:
    rule = a_rule(LISTINGS["WBTC"])
    other = FeedPrice(WBTC, (rule.feeds[0], replace(rule.feeds[1], **changes)))
    return replace(book, prices=tuple(other if r.token == WBTC else r for r in book.prices))


def test_read__of_a_feed_with_other_decimals__names_it_with_both_figures(replica: Replica, book: Book) -> None:
    feed = FEEDS["WBTC/BTC"].address
    with pytest.raises(ConfigError, match=f"price of WBTC: feed {feed}: 8 decimals on the chain, 18 in the config"):
        a_reader(replica.url, with_feed(book, decimals=18)).read()


def test_read__of_a_feed_without_code__names_it(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match=rf"price of WBTC: feed {NOBODY}: decimals\(\) gave nothing"):
        a_reader(replica.url, with_feed(book, address=NOBODY)).read()


def test_read__of_a_feed_that_went_stale__is_unavailable_with_its_age(replica: Replica, book: Book) -> None:
    age = FEEDS["ETH/USD"].heartbeat + MARGIN + 60
    replica.set_round("ETH/USD", 3_000 * 10**8, replica.now() - age)
    with pytest.raises(Unavailable, match=rf"WETH: the feed {FEEDS['ETH/USD'].address}.*expected at most 4200 s"):
        a_reader(replica.url, book).read()


def test_read__of_a_pool_that_is_not_there__names_it_and_its_address(replica: Replica, book: Book) -> None:
    v3 = v3_pool_address(MAINNET.uniswap_v3_factory, UNI.address, WBTC.address, 500)
    with pytest.raises(ConfigError, match=f"pool v3 UNI/WBTC 500 ppm: the factory has none, expected at {v3}"):
        a_reader(replica.url, replace(book, pools=(PoolKey("v3", UNI, WBTC, 500),))).read()
    v2 = v2_pair_address(MAINNET.uniswap_v2_factory, UNI.address, WBTC.address)
    with pytest.raises(ConfigError, match=rf"pool v2 UNI/WBTC 3000 ppm at {v2}: getReserves\(\) gave nothing"):
        a_reader(replica.url, replace(book, pools=(PoolKey("v2", UNI, WBTC, 3000),))).read()


def test_read__of_a_pool_that_was_never_filled__names_it(replica: Replica, book: Book) -> None:
    owner = replica.actor("owner").address
    create = "createPool(address,address,uint24)"
    replica.transact(owner, MAINNET.uniswap_v3_factory, create, UNI.address, WBTC.address, 500)
    replica.transact(owner, MAINNET.uniswap_v2_factory, "createPair(address,address)", UNI.address, WBTC.address)
    with pytest.raises(ConfigError, match="pool v3 UNI/WBTC 500 ppm at .*: it was never initialised"):
        a_reader(replica.url, replace(book, pools=(PoolKey("v3", UNI, WBTC, 500),))).read()
    with pytest.raises(ConfigError, match=r"pool v2 UNI/WBTC 3000 ppm at .*: it is empty \(0 and 0\)"):
        a_reader(replica.url, replace(book, pools=(PoolKey("v2", UNI, WBTC, 3000),))).read()


def test_reader__with_a_pool_of_an_unknown_kind__is_a_config_error(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match="unknown kind 'v9', expected v2 or v3"):
        a_reader(replica.url, replace(book, pools=(PoolKey("v9", UNI, WBTC, 500),)))


def test_reader__with_a_pool_of_an_unknown_fee__is_a_config_error(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match="v3 UNI/WBTC 700 ppm: unknown fee, expected one of 100, 500, 3000, 10000"):
        a_reader(replica.url, replace(book, pools=(PoolKey("v3", UNI, WBTC, 700),)))


def test_read__of_a_wallet_that_is_no_safe__is_a_config_error(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match=f"wallet {NOBODY}"):
        a_reader(replica.url, replace(book, wallet=NOBODY)).read()


def test_read__of_a_chain_without_multicall3__is_a_config_error(replica: Replica, book: Book) -> None:
    replica.rpc.call("anvil_setCode", MAINNET.multicall3, "0x")
    with pytest.raises(ConfigError, match=f"127.0.0.1: no Multicall3 at {MAINNET.multicall3}"):
        a_reader(replica.url, book).read()


def test_read__of_a_chain_with_another_id__is_a_config_error_with_both(replica: Replica, book: Book) -> None:
    with pytest.raises(ConfigError, match="127.0.0.1: chain id 1, expected 8453"):
        a_reader(replica.url, replace(book, chain_id=8453)).read()
