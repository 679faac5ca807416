"""The replica with venues' routers where mainnet has them, a Safe that trades through them, and one settled swap."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from given_wallet import LIMITS, ROUTER, TOKENS, USDC, WETH, Desk, a_desk, a_trade, an_intent_of, reader_of

from rebalancer.adapters.chain.artifacts import runtime_code
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.router import swap_call
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.core.cost import fees_for, gas_price_in, gas_price_now
from rebalancer.core.model import Landed, Plan, PlanRequest, Quote, QuoteRequest, Reverted, Simulated, Snapshot, Trade
from rebalancer.core.quote_rules import in_words, quote_breaches
from rebalancer.market.routing import NoRoute, RouteQuote, best_route
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount, Bps, Token

EXECUTOR = Address("0x000000000000000000000000000000000000e3Ec")
"""Where SwapExecutor stands: no venue names it; a server names it in its calldata."""
HELD = {"WETH": 100, "WBTC": 5, "USDC": 200_000, "USDT": 200_000, "DAI": 200_000}
"""Whole tokens of the Safe."""
SLIPPAGE = Bps(100)
SECONDS = 600


@dataclass(frozen=True, slots=True)
class Found:
    """The best route through the replica's pools for a swap, and SwapRouter02's call for it."""

    amount_out: int
    gas: int
    call: bytes


@dataclass(frozen=True, slots=True)
class Settled:
    """What the simulation promised, and what the chain did: signed base units by symbol."""

    simulated: Mapping[str, int]
    landed: Mapping[str, int]
    allowances: tuple[int, ...]
    gas: int


@dataclass(frozen=True, slots=True)
class VenueWorld:
    """A Safe's desk whose book knows the routers. Servers ask `best` from threads of their own."""

    desk: Desk
    routers: tuple[Address, ...]
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def replica(self) -> Replica:
        """The chain."""
        return self.desk.replica

    @property
    def safe(self) -> Address:
        """Who holds the tokens."""
        return self.desk.wallet.address

    @property
    def operator(self) -> Address:
        """Who sends."""
        return self.desk.wallet.operator

    def trade(self, sell: str, raw: int, buy: str, slippage: int = SLIPPAGE) -> Trade:
        """`raw` base units; the floor is the oracle's value less `slippage` bp."""
        return a_trade(self.desk, sell, raw, buy, slippage)

    def request(self, trade: Trade, slippage: Bps = SLIPPAGE) -> QuoteRequest:
        """As the keeper asks."""
        return QuoteRequest(trade, self.safe, self.operator, self.replica.now() + SECONDS, slippage)

    def plan_request(self, plan: Plan, slippage: Bps = SLIPPAGE) -> PlanRequest:
        """As the keeper asks who answers for the whole."""
        return PlanRequest(plan, self.safe, self.operator, self.replica.now() + SECONDS, slippage)

    def best(self, sell: str, amount: int, buy: str, receiver: str) -> Found | None:
        """What a venue's own search would find now: `sell` and `buy` are addresses in any letters. None: nothing.

        The call has no floor: that is the venue's router's.
        """
        return self.best_in(self.snapshot(), sell, amount, buy, receiver)

    def snapshot(self) -> Snapshot:
        """What a venue sees now."""
        rpc = Rpc(self.replica.url)
        with self._turn:
            snapshot = reader_of(self.replica, rpc, (self.safe, self.operator), SafeReads(self.safe)).read()
        rpc.close()
        return snapshot

    def best_in(self, snapshot: Snapshot, sell: str, amount: int, buy: str, receiver: str) -> Found | None:
        """As `best`, in the pools of that moment."""
        sold, bought = token_of(sell), token_of(buy)
        if sold is None or bought is None or sold == bought or amount <= 0:
            return None
        price = gas_price_now(snapshot.block, fees_for(snapshot.block, LIMITS))
        gas = gas_price_in(snapshot.price(bought), snapshot.native, price)
        found = best_route(snapshot.pools, Amount(sold, amount), bought, (WETH, USDC), gas)
        if isinstance(found, NoRoute):
            return None
        assert isinstance(found, RouteQuote), found
        call = swap_call(ROUTER, found.route, Address(receiver), (amount, 0), snapshot.block.timestamp + SECONDS)
        return Found(found.amount_out, found.gas, call.data)

    def breaches(self, quote: Quote, slippage: Bps = SLIPPAGE) -> str:
        """What our rules say of a quote, in words; empty where it keeps them."""
        return in_words(quote_breaches(self.request(quote.trade, slippage), quote, self.routers))

    def settle(self, *quotes: Quote) -> Settled:
        """One batch of them: read, built, simulated, signed, sent and landed by the Safe, as the keeper does it."""
        desk = self.desk
        snapshot = desk.reader.read()
        batch = desk.wallet.build(quotes, snapshot, snapshot.block.timestamp + SECONDS)
        simulation = desk.wallet.simulate(batch, snapshot)
        assert isinstance(simulation, Simulated), simulation
        before = self.balances()
        intent = an_intent_of(batch, simulation, snapshot, desk.wallet.commit(batch, simulation, snapshot))
        desk.wallet.execute(intent)
        landing = desk.wallet.land(intent, 5, 0)
        assert isinstance(landing, Landed), landing
        assert landing.receipt.reason is None, landing.receipt.reason
        after = self.balances()
        return Settled(
            simulated={change.token.symbol: change.raw for change in simulation.changes},
            landed={symbol: after[symbol] - before[symbol] for symbol in after},
            allowances=tuple(allowance.amount.raw for allowance in simulation.allowances),
            gas=landing.receipt.gas_used,
        )

    def settles_as_said(self, quote: Quote) -> None:
        """It keeps the rules, and lands to the unit what was simulated and what its venue said; no approval is left."""
        assert self.breaches(quote) == ""
        settled, trade = self.settle(quote), quote.trade
        assert settled.landed == settled.simulated
        assert settled.landed[trade.sell.token.symbol] == -trade.sell.raw
        assert settled.landed[trade.buy.symbol] == quote.expected.raw >= trade.floor.raw
        assert settled.allowances == (0,)

    def why_reverted(self, quote: Quote, seconds: int = SECONDS) -> str | None:
        """What the simulation says of a batch of it that is void after so many seconds. None: it goes through."""
        desk = self.desk
        snapshot = desk.reader.read()
        batch = desk.wallet.build((quote,), snapshot, snapshot.block.timestamp + seconds)
        simulation = desk.wallet.simulate(batch, snapshot)
        return simulation.reason if isinstance(simulation, Reverted) else None

    def balances(self) -> dict[str, int]:
        """Of the Safe, by symbol."""
        return {token.symbol: self.replica.balance(token.symbol, self.safe) for token in TOKENS}


def a_venue_world(
    replica: Replica,
    signer: KeystoreSigner,
    routers: Mapping[Address, str],
    others: Mapping[Address, str] | None = None,
) -> VenueWorld:
    """`routers`: at which address which contract of contracts/mocks stands as a venue's router, whom the owners have
    listed; `others`: what those need besides.
    """
    place(replica, {EXECUTOR: "SwapExecutor", **(others or {}), **routers})
    safe = replica.create_safe([signer.address])
    for symbol, whole in HELD.items():
        replica.deal(symbol, safe, whole * 10 ** replica.token(symbol).decimals)
    replica.deal("ETH", safe, 10**18)  # so that it can be made to act by itself, as if its owners had signed
    return VenueWorld(a_desk(replica, safe, signer, spenders=(ROUTER, *routers)), tuple(routers))


def place(replica: Replica, mocks: Mapping[Address, str]) -> None:
    """Contracts without immutables, by their names."""
    for address, name in mocks.items():
        replica.rpc.call("anvil_setCode", address, "0x" + runtime_code(name).hex())


def token_of(address: str) -> Token | None:
    """Of the Safe's book, in any letters."""
    return next((token for token in TOKENS if token.address.lower() == address.lower()), None)
