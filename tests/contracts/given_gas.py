"""One rebalance made in three ways, for its gas: by the module, as the Safe's own batch, from an account of its own.

The three start from the same holdings and the same pools, and each has done the very same once before: nonces,
meters, balances and fee growth are not zero, as in the life of a wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from given_module import FAR, MARGIN, Module, asset, deploy_module, policy_of, v3_path

from rebalancer.adapters.chain.codec import hex_int
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.venues.router import swap_call
from rebalancer.adapters.wallets.abi import approve, exec_batch
from rebalancer.adapters.wallets.access_lists import access_list_to_json
from rebalancer.adapters.wallets.simulation import Place, Simulator
from rebalancer.adapters.wallets.steps import approvals_of
from rebalancer.core.model import Call, Quote, Trade
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleSwap
from rebalancer.market.routing import Hop, Route
from rebalancer.market.uniswap_v3 import TICK_SPACINGS, V3Pool
from rebalancer.replica.bytecode import mock_init_code, npm_init_code
from rebalancer.replica.calls import encode_values
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import HOUR
from rebalancer.replica.standard import DOLLAR
from rebalancer.units import PPM, Address, Amount, Ppm, Token, Usd

ROUTER = MAINNET.swap_router_02
LISTED = ("WETH", "USDC", "LINK", "UNI", "DAI", "USDT", "WBTC")
STRANGERS = ("AAA", "BBB", "CCC")
"""Deployed on demand: plain tokens of 18 decimals at one dollar, held and priced, never traded."""
SWAP_DOLLARS = 2_000
MOST_GAS = 2_000_000
HELD, OVER, UNDER = 100_000, 120_000, 80_000
"""Dollars of a token that is not traded, is sold, is bought. Every target is the same."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One swap of SWAP_DOLLARS through one V3 pool."""

    sell: str
    buy: str
    fee: int


LEGS = (Leg("WETH", "LINK", 3000), Leg("USDC", "DAI", 100), Leg("WETH", "UNI", 3000), Leg("WETH", "DAI", 3000))
"""Each overweight token into an underweight one of its own, through the deepest pools there are; then further ones."""
FEW_LEGS = (Leg("WETH", "LINK", 3000), Leg("WETH", "USDC", 500), Leg("WETH", "USDC", 3000), Leg("WETH", "LINK", 500))
FEW = 3
"""Of so few tokens two different ones cannot go into two others: one goes into both, then again by other pools."""


@dataclass(frozen=True, slots=True)
class Rebalance:
    """What is rebalanced: a module whose Safe is filled, the swaps as it takes them, and the same as quotes."""

    module: Module
    tokens: tuple[Token, ...]
    swaps: tuple[ModuleSwap, ...]
    legs: tuple[Leg, ...]

    def by_module(self, listed: bool = False) -> dict[str, Any]:
        """By the operator; `listed`: see `send`."""
        return self.send(self.module.operator, Call(self.module.address, self.module.data(self.swaps)), listed)

    def by_safe(self, safe: Address, deadline: bool = True, listed: bool = False) -> dict[str, Any]:
        """The batch of the wallet kind `safe`; without `deadline` the swaps stand bare, as the module sends them."""
        quotes = self._quotes(safe, deadline)
        approvals = approvals_of(quotes)
        calls = [approve(a.token.address, a.spender, a.raw) for a in approvals]
        calls += [quote.call for quote in quotes]
        calls += [approve(a.token.address, a.spender, 0) for a in approvals]
        operator = self.module.operator
        return self.send(operator, exec_batch(safe, MAINNET.multi_send_call_only, operator, calls), listed)

    def by_account(self, account: Address) -> list[dict[str, Any]]:
        """One transaction for each approval and each swap."""
        receipts = []
        for quote in self._quotes(account, True):
            sell = quote.trade.sell
            receipts.append(self.send(account, approve(sell.token.address, quote.spender, sell.raw)))
            receipts.append(self.send(account, quote.call))
        return receipts

    def send(self, sender: Address, call: Call, listed: bool = False) -> dict[str, Any]:
        """`listed`: with the access list that the keeper would make for it."""
        replica = self.module.replica
        if not listed:
            return replica.send(sender, call.to, "0x" + call.data.hex())
        place = Place(hex_int(replica.rpc.call("eth_blockNumber")), replica.now())
        entries = Simulator(replica.rpc, MAINNET.multicall3).access_list(sender, call, place, MOST_GAS)
        transaction = {"from": sender, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(MOST_GAS)}
        transaction["accessList"] = access_list_to_json(entries)
        return replica.receipt(replica.rpc.call("eth_sendTransaction", transaction))

    def _quotes(self, receiver: Address, deadline: bool) -> tuple[Quote, ...]:
        return tuple(
            self._quote(swap, leg, receiver, deadline) for swap, leg in zip(self.swaps, self.legs, strict=True)
        )

    def _quote(self, swap: ModuleSwap, leg: Leg, receiver: Address, deadline: bool) -> Quote:
        sell, buy = self.tokens[swap.token_in], self.tokens[swap.token_out]
        pool = self.module.replica.pool(leg.sell, leg.buy, leg.fee)
        # A call names its pool by tokens and fee; the state plays no part.
        route = Route(
            (Hop(V3Pool(pool.address, sell, buy, leg.fee, TICK_SPACINGS[leg.fee], 0, 0, 0, (), 0, 0), sell, buy),)
        )
        call = swap_call(ROUTER, route, receiver, (swap.amount_in, swap.min_out), FAR)
        if not deadline:
            call = Call(call.to, _inner_call(call.data))
        trade = Trade(Amount(sell, swap.amount_in), buy, Usd(0), Amount(buy, swap.min_out))
        return Quote("uniswap", trade, trade.floor, ROUTER, call, 0, route)


def legs_of(swaps: int, tokens: int) -> tuple[Leg, ...]:
    """The first swaps of what fits so many tokens."""
    return (FEW_LEGS if tokens == FEW else LEGS)[:swaps]


def a_rebalance(replica: Replica, legs: tuple[Leg, ...], tokens: int, **policy_changes: Any) -> Rebalance:
    """These swaps with so many tokens on a new Safe. One feed for each token, unless `policy_changes` say more."""
    safe = replica.create_safe([replica.actor("owner").address])
    policy = replace(policy_of(safe, ()), assets=tuple(one_feed_assets(replica, tokens)))
    policy = replace(policy, **policy_changes)
    known = tuple(_token(replica, each.token) for each in policy.assets)
    share, rest = divmod(PPM, tokens)
    module = deploy_module(replica, policy, [share + (rest if n == 0 else 0) for n in range(tokens)])
    fill(replica, safe, known, legs)
    places = {token.symbol: place for place, token in enumerate(known)}
    prices = _prices(replica)
    made = []
    for leg in legs:
        amount = _raw(known[places[leg.sell]], SWAP_DOLLARS, prices)
        values = (places[leg.sell], places[leg.buy], amount)
        floor = int(replica.read(module.address, "min_out(uint256,uint256,uint256)", *values)[0])
        made.append(ModuleSwap(0, *values, floor, v3_path((leg.fee, 0))))
    return Rebalance(module, known, tuple(made), legs)


def fill(replica: Replica, holder: Address, tokens: Sequence[Token], legs: Sequence[Leg]) -> None:
    """The holdings that all three ways start from."""
    prices = _prices(replica)
    for token in tokens:
        dollars = OVER if any(leg.sell == token.symbol for leg in legs) else HELD
        dollars = UNDER if any(leg.buy == token.symbol for leg in legs) else dollars
        raw = _raw(token, dollars, prices)
        if token.symbol in LISTED:
            replica.deal(token.symbol, holder, raw)
        else:
            replica.transact(replica.actor("deployer").address, token.address, "mint(address,uint256)", holder, raw)


def one_feed_assets(replica: Replica, count: int) -> list[ModuleAsset]:
    """`count` tokens with the real proxy in front of one feed each."""
    found = [replace(asset(symbol), second_feed=NOBODY, second_heartbeat=0) for symbol in LISTED[:count]]
    for symbol in STRANGERS[: count - len(found)]:
        found.append(_stranger(replica, symbol))
    return found


def _stranger(replica: Replica, symbol: str) -> ModuleAsset:
    token = _deploy(replica, mock_init_code("MockToken"), ("string", "string", "uint8"), symbol, symbol, 18)
    feed = ("string", "uint8", "int256")
    aggregator = _deploy(replica, mock_init_code("MockAggregator"), feed, f"{symbol} / USD", 8, DOLLAR)
    proxy = _deploy(replica, npm_init_code("EACAggregatorProxy"), ("address", "address"), aggregator, NOBODY)
    return ModuleAsset(token, proxy, HOUR + MARGIN, NOBODY, 0, Ppm(0), Ppm(PPM), Usd(0), Usd(0))


def _deploy(replica: Replica, code: str, types: tuple[str, ...], *values: Any) -> Address:
    return replica.deploy(bytes.fromhex(code[2:] + encode_values(types, *values)))


def _token(replica: Replica, address: Address) -> Token:
    for token in replica.tokens:
        if token.address == address:
            return token
    (symbol,) = replica.read(address, "symbol()", returns=("string",))
    return Token(symbol, address, 18)


def _prices(replica: Replica) -> dict[str, int]:
    return {**dict.fromkeys(STRANGERS, DOLLAR), **replica.prices}


def _raw(token: Token, dollars: int, prices: dict[str, int]) -> int:
    return int(dollars * DOLLAR * 10**token.decimals // prices[token.symbol])


def _inner_call(data: bytes) -> bytes:
    """What stands inside a multicall(uint256,bytes[]) of one call."""
    length = int.from_bytes(data[4 + 4 * 32 : 4 + 5 * 32], "big")
    return data[4 + 5 * 32 : 4 + 5 * 32 + length]
