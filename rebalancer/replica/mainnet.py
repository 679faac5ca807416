"""Well-known tokens and Chainlink feeds of Ethereum mainnet: what an example configuration starts from,
and what the replica puts at the same addresses.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.units import Address, Token

HOUR = 3_600
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Feed:
    """A Chainlink proxy. It writes at least every `heartbeat` seconds, give or take a few minutes."""

    name: str
    address: Address
    heartbeat: int
    decimals: int = 8


@dataclass(frozen=True, slots=True)
class Listing:
    """A token, its long name, and the names of the feeds whose product is its price in dollars."""

    token: Token
    name: str
    feeds: tuple[str, ...]


FEEDS = {
    feed.name: feed
    for feed in (
        Feed("ETH/USD", Address("0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419"), HOUR),
        Feed("BTC/USD", Address("0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c"), HOUR),
        Feed("WBTC/BTC", Address("0xfdFD9C85aD200c506Cf9e21F1FD8dd01932FBB23"), DAY),
        Feed("USDC/USD", Address("0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6"), DAY),
        Feed("USDT/USD", Address("0x3E7d1eAB13ad0104d2750B8863b489D65364e32D"), DAY),
        Feed("DAI/USD", Address("0xAed0c38402a5d19df6E4c03F4E2DceD6e29c1ee9"), HOUR),
        Feed("LINK/USD", Address("0x2c1d072e956AFFC0D435Cb7AC38EF18d24d9127c"), HOUR),
        Feed("UNI/USD", Address("0x553303d460EE0afB37EdFf9bE42922D8FF63220e"), HOUR),
    )
}


def _listing(symbol: str, name: str, address: str, decimals: int, *feeds: str) -> Listing:
    return Listing(Token(symbol, Address(address), decimals), name, feeds)


LISTINGS = {
    listing.token.symbol: listing
    for listing in (
        _listing("WETH", "Wrapped Ether", "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", 18, "ETH/USD"),
        _listing("WBTC", "Wrapped BTC", "0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599", 8, "BTC/USD", "WBTC/BTC"),
        _listing("USDC", "USD Coin", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6, "USDC/USD"),
        _listing("USDT", "Tether USD", "0xdAC17F958D2ee523a2206206994597C13D831ec7", 6, "USDT/USD"),
        _listing("DAI", "Dai Stablecoin", "0x6B175474E89094C44Da98b954EedeAC495271d0F", 18, "DAI/USD"),
        _listing("LINK", "ChainLink Token", "0x514910771AF9Ca656af840dff83E8264EcF986CA", 18, "LINK/USD"),
        _listing("UNI", "Uniswap", "0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984", 18, "UNI/USD"),
    )
}
