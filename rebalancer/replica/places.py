"""What stands where: addresses go out with the init code that is to be run there, arguments appended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.replica.bytecode import mock_init_code, npm_init_code
from rebalancer.replica.calls import encode_values
from rebalancer.replica.mainnet import FEEDS, LISTINGS, Feed
from rebalancer.replica.standard import Prices
from rebalancer.units import Address, Token

SAFE_FACTORY = "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"
"""Safe's singleton factory: CREATE2 of salt and code, so the same code gets the same address everywhere."""
SAFE_FACTORY_CODE = (
    "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe0"
    "3601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
)
SAFE_CONTRACTS: Mapping[str, Address] = {
    "Safe": MAINNET.safe,
    "SafeL2": MAINNET.safe_l2,
    "SafeProxyFactory": MAINNET.safe_proxy_factory,
    "CompatibilityFallbackHandler": MAINNET.safe_fallback_handler,
    "MultiSend": MAINNET.multi_send,
    "MultiSendCallOnly": MAINNET.multi_send_call_only,
}
ZERO = "0x" + "00" * 20
POSITION_DESCRIPTOR = "0xEe6A57eC80ea46401049E92587E52f5Ec1c24785"
"""Mainnet's, which draws the positions' pictures. It is not on the replica, but it is an immutable of the position
manager, whose code is mainnet's with it."""

SPECIAL_MOCKS = {"USDC": "MockUsdc", "USDT": "MockUsdt"}
"""Tokens with quirks; every other token is a MockToken."""


def aggregator_address(feed: Feed) -> Address:
    """Where the mock stands to which a feed's proxy points: an address that nothing else has."""
    return checksum_address("0x" + keccak256(f"replica aggregator {feed.name}".encode())[12:].hex())


def feed_answer(feed: Feed, prices: Prices) -> int:
    """What a feed says at `prices`: BTC counts as WBTC, and one WBTC as one BTC."""
    if feed.name == "WBTC/BTC":
        return int(10**feed.decimals)
    symbol = feed.name.split("/")[0]
    return prices[{"ETH": "WETH", "BTC": "WBTC"}.get(symbol, symbol)]


def protocols(deployer: str) -> dict[str, str]:
    m = MAINNET
    uniswap = ("address", "address")
    manager = encode_values(("address",) * 3, m.uniswap_v3_factory, m.weth, POSITION_DESCRIPTOR)
    routing = (m.uniswap_v2_factory, m.uniswap_v3_factory, m.position_manager, m.weth)
    return {
        m.weth: npm_init_code("WETH9"),
        m.uniswap_v2_factory: npm_init_code("UniswapV2Factory") + encode_values(("address",), deployer),
        m.uniswap_v3_factory: npm_init_code("UniswapV3Factory"),
        m.quoter_v2: npm_init_code("QuoterV2") + encode_values(uniswap, m.uniswap_v3_factory, m.weth),
        m.swap_router_02: npm_init_code("SwapRouter02") + encode_values(("address",) * 4, *routing),
        m.position_manager: npm_init_code("NonfungiblePositionManager") + manager,
        m.tick_lens: npm_init_code("TickLens"),
    }


def mock_tokens(tokens: Sequence[Token]) -> dict[str, str]:
    places: dict[str, str] = {}
    for token in tokens:
        special = SPECIAL_MOCKS.get(token.symbol)
        if special is not None:
            places[token.address] = mock_init_code(special)
            continue
        name = LISTINGS[token.symbol].name if token.symbol in LISTINGS else token.symbol
        arguments = encode_values(("string", "string", "uint8"), name, token.symbol, token.decimals)
        places[token.address] = mock_init_code("MockToken") + arguments
    return places


def feeds(prices: Prices) -> dict[str, str]:
    places: dict[str, str] = {}
    for feed in FEEDS.values():
        aggregator = aggregator_address(feed)
        description = feed.name.replace("/", " / ")
        arguments = encode_values(("string", "uint8", "int256"), description, feed.decimals, feed_answer(feed, prices))
        places[aggregator] = mock_init_code("MockAggregator") + arguments
        places[feed.address] = npm_init_code("EACAggregatorProxy") + encode_values(
            ("address", "address"), aggregator, ZERO
        )
    return places
