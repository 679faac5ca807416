"""A Safe on the replica with everything around it that the keeper has: reader, venue, signer, wallet."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eth_account import Account

from rebalancer.adapters.chain.book import Book, WalletReads
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.reader import ChainReader
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.safe import SafeWallet
from rebalancer.adapters.wallets.safe_reads import SafeReads
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.core.cost import cost_of_changes
from rebalancer.core.flows import pools_on_the_way
from rebalancer.core.model import (
    Batch,
    Commitment,
    Intent,
    Limits,
    Quote,
    QuoteRequest,
    Simulated,
    Snapshot,
    Trade,
)
from rebalancer.core.price import Feed, FeedPrice, PoolKey
from rebalancer.market.routing import RouteQuote, quote_route
from rebalancer.ports import Signer, Wallet
from rebalancer.replica.accounts import Actor
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import ONE, Address, Amount, Bps, Token, Usd, Wei

ROUTER = MAINNET.swap_router_02
WETH, WBTC, USDC, USDT, DAI = (LISTINGS[symbol].token for symbol in ("WETH", "WBTC", "USDC", "USDT", "DAI"))
TOKENS = (WETH, WBTC, USDC, USDT, DAI)
PASSWORD = "correct horse"
LIMITS = Limits(
    min_trade=Usd(50 * ONE),
    max_trade=Bps(5_000),
    max_slippage=Bps(100),
    max_impact=Bps(50),
    max_pool_gap=Bps(100),
    max_cost=Bps(150),
    max_gas_price=Wei(100 * 10**9),
    tip=Wei(10**9),
    min_operator_balance=Wei(ONE // 20),
    deadline=600,
    max_block_age=10**9,
)


class BlockClock:
    """Reads the replica's own time, so that a test may move it."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def now(self) -> int:
        return self._replica.now()


class OlderRpc(Rpc):
    """To a node that does not know eth_simulateV1: what it says to an unknown method is its own."""

    def call(self, method: str, *params: Any) -> Any:
        return super().call("eth_simulateV0" if method == "eth_simulateV1" else method, *params)


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts, put together as `wire` does."""

    replica: Replica
    reader: ChainReader
    venue: UniswapVenue
    wallet: Wallet
    signer: Signer
    make: Callable[[Nodes], Wallet]
    """The same wallet on another way to the node."""

    def on_an_older_node(self) -> Desk:
        """The same desk, its wallet on a node without eth_simulateV1."""
        return self.on(OlderRpc(self.replica.url))

    def on(self, rpc: Rpc, max_block_age: int = LIMITS.max_block_age, quorum: int = 1) -> Desk:
        """The same desk, its wallet on another way to the node."""
        return replace(self, wallet=self.make(nodes_of(self.replica, rpc, max_block_age, quorum)))

    def quotes(self, trades: Sequence[Trade], snapshot: Snapshot, deadline: int) -> tuple[Quote, ...]:
        """The venue's quotes in turn, each on the pools as the ones before leave them."""
        quotes = []
        for trade in trades:
            request = QuoteRequest(trade, self.wallet.address, self.wallet.operator, deadline)
            answer = self.venue.quote(request, snapshot)
            assert isinstance(answer, Quote), answer
            quotes.append(answer)
            snapshot = snapshot_after(snapshot, answer)
        return tuple(quotes)

    def intent(self, trades: Sequence[Trade], seconds: int = 600) -> Intent:
        """Read, quote, build, simulate, sign: all that a tick does before it sends."""
        snapshot = self.reader.read()
        deadline = snapshot.block.timestamp + seconds
        batch = self.wallet.build(self.quotes(trades, snapshot, deadline), snapshot, deadline)
        simulation = self.wallet.simulate(batch, snapshot)
        assert isinstance(simulation, Simulated), simulation
        return an_intent_of(batch, simulation, snapshot, self.wallet.commit(batch, simulation, snapshot))


def an_intent_of(batch: Batch, simulation: Simulated, snapshot: Snapshot, commitment: Commitment) -> Intent:
    """What the tick records before it sends."""
    gas = (simulation.gas, snapshot.block.base_fee)
    return Intent(
        id=commitment.hash,
        created_at=snapshot.block.timestamp,
        block=snapshot.block.number,
        trades=tuple(quote.trade for quote in batch.quotes),
        expected=simulation.changes,
        prices=snapshot.prices,
        native=snapshot.native,
        cost=cost_of_changes(simulation.changes, snapshot.prices, gas, snapshot.native, None),
        deadline=batch.deadline,
        commitment=commitment,
        pools=pools_on_the_way(batch.quotes, snapshot.pools),
    )


def a_keystore(path: Path, actor: Actor, chain_id: int | None = 1) -> Path:
    """The actor's key, encrypted with next to no work: the replica's keys are public anyway. None: for any chain."""
    content = Account.encrypt(actor.private_key(), PASSWORD, kdf="scrypt", iterations=2)
    pin = {} if chain_id is None else {"rebalancer": {"chain": chain_id, "address": actor.address}}
    path.write_text(json.dumps(content | pin))
    path.chmod(0o600)
    return path


def a_signer(folder: Path, actor: Actor) -> KeystoreSigner:
    return KeystoreSigner(a_keystore(folder / f"{actor.index}.json", actor), actor.address, lambda: PASSWORD)


def a_desk(
    replica: Replica,
    safe: Address,
    signer: Signer,
    patience: Patience | None = None,
    spenders: tuple[Address, ...] = (ROUTER,),
) -> Desk:
    """On a Safe of the operator's."""

    def make(nodes: Nodes) -> SafeWallet:
        sender = Sender(nodes, 1, signer, LIMITS)
        return SafeWallet(nodes.rpc, safe, MAINNET, sender, patience or Patience(poll=0.02))

    rpc = Rpc(replica.url)
    reader = reader_of(replica, rpc, (safe, signer.address), SafeReads(safe), spenders)
    wallet = make(nodes_of(replica, rpc))
    return Desk(replica, reader, UniswapVenue(ROUTER, (WETH, USDC), LIMITS), wallet, signer, make)


def nodes_of(replica: Replica, rpc: Rpc, max_block_age: int = LIMITS.max_block_age, quorum: int = 1) -> Nodes:
    """By the replica's own time."""
    return Nodes(rpc, BlockClock(replica), max_block_age, quorum, pauses=(0.02, 0.02))


def a_snapshot(replica: Replica) -> Snapshot:
    """Of a new, empty Safe: for those who want prices and pools. Mines a block."""
    owner = replica.actor("owner").address
    safe = replica.create_safe([owner])
    return reader_of(replica, Rpc(replica.url), (safe, owner), SafeReads(safe)).read()


def reader_of(
    replica: Replica,
    rpc: Rpc,
    accounts: tuple[Address, Address],
    reads: WalletReads,
    spenders: tuple[Address, ...] = (ROUTER,),
) -> ChainReader:
    safe, operator = accounts
    book = Book(
        chain_id=1,
        tokens=TOKENS,
        assets=TOKENS,
        prices=tuple(_price_rule(token) for token in TOKENS),
        native=WETH,
        pools=tuple(
            PoolKey(pool.kind, pool.token0, pool.token1, pool.fee)
            for pool in replica.pools
            if pool.token0 in TOKENS and pool.token1 in TOKENS
        ),
        spenders=spenders,
        wallet=safe,
        operator=operator,
        max_block_age=LIMITS.max_block_age,
    )
    return ChainReader(rpc, MAINNET, book, reads, BlockClock(replica))


def a_trade(desk: Desk, sell: str, raw: int, buy: str, slippage_bps: int = 100) -> Trade:
    """Sell `raw` base units; the floor is the oracle's value less the slippage."""
    snapshot = desk.reader.read()
    sold, bought = _token(sell), _token(buy)
    value = snapshot.price(sold).value_up(raw)
    fair = snapshot.price(bought).amount_up(Usd(value * (10_000 - slippage_bps) // 10_000))
    return Trade(Amount(sold, raw), bought, value, fair)


def dearer(trade: Trade) -> Trade:
    """The same trade with a floor that no pool reaches."""
    return replace(trade, floor=Amount(trade.buy, 2 * trade.floor.raw))


def _token(symbol: str) -> Token:
    return next(token for token in TOKENS if token.symbol == symbol)


def _price_rule(token: Token) -> FeedPrice:
    feeds = [FEEDS[name] for name in LISTINGS[token.symbol].feeds]
    return FeedPrice(token, tuple(Feed(feed.address, feed.decimals, feed.heartbeat, 10**9) for feed in feeds))


def snapshot_after(snapshot: Snapshot, quote: Quote) -> Snapshot:
    """The snapshot with its pools as the quote leaves them."""
    assert quote.route is not None
    found = quote_route(quote.route, quote.trade.sell.raw)
    assert isinstance(found, RouteQuote), found
    after = {pool.address: pool for pool in found.pools_after}
    return replace(snapshot, pools=tuple(after.get(pool.address, pool) for pool in snapshot.pools))
