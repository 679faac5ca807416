"""CoW Protocol asked for orders: of a market that stands still, or by a Safe on the replica with the real contracts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cow_server import SOLVER, OrderBook
from given_still_request import DEADLINE, StillMarket
from given_venue_server import VenueServer
from given_venue_world import HELD, VenueWorld
from given_wallet import ROUTER, a_desk

from rebalancer.adapters.chain.codec import Words
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.venues.cow import RELAYER, SETTLEMENT, CowVenue
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.adapters.wallets.abi import approve, exec_batch
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Call, Order, Quote
from rebalancer.market.addresses import keccak256
from rebalancer.replica.chain import Replica
from rebalancer.replica.cow import make_solver, place_settlement

TRADE = "0x" + keccak256(b"Trade(address,address,address,uint256,uint256,uint256,bytes)").hex()
PRE_SIGNATURE = "0x" + keccak256(b"PreSignature(address,bytes,bool)").hex()


def a_still_book() -> OrderBook:
    """Of a market that stands still, ten minutes before the deadline of its requests."""
    return OrderBook(StillMarket(), lambda: DEADLINE - 600)


def a_venue(server: VenueServer) -> CowVenue:
    """Asked there as often as one likes."""
    return CowVenue(VenueHttp(server.url, Manners(0.0)), 1)


def place_cow(replica: Replica) -> None:
    """The contracts, and the solver of `cow_server`."""
    place_settlement(replica)
    make_solver(replica, SOLVER)
    replica.deal("ETH", SOLVER, 10**20)


def a_cow_world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    """A Safe whose book knows the settlement and its relayer."""
    place_cow(replica)
    safe = replica.create_safe([signer.address])
    for symbol, whole in HELD.items():
        replica.deal(symbol, safe, whole * 10 ** replica.token(symbol).decimals)
    replica.deal("ETH", safe, 10**18)  # so that it can be made to act by itself, as if its owners had signed
    spenders = (SETTLEMENT, RELAYER)
    return VenueWorld(a_desk(replica, safe, signer, spenders=(ROUTER, *spenders)), spenders)


def order_of(quote: Quote) -> Order:
    """Which it has."""
    assert isinstance(quote.terms, Order)
    return quote.terms


def presigned(world: VenueWorld, quotes: Sequence[Quote]) -> dict[str, Any]:
    """The receipt of the Safe's batch that approves what the orders sell, and makes them valid."""
    sold: dict[str, tuple[Order, int]] = {}
    for order in map(order_of, quotes):
        raw = sold.get(order.sell.token.address, (order, 0))[1]
        sold[order.sell.token.address] = (order, raw + order.sell.raw)
    allow = [approve(order.sell.token.address, order.relayer, raw) for order, raw in sold.values()]
    return owners_batch(world, [*allow, *(quote.call for quote in quotes)])


def owners_batch(world: VenueWorld, calls: Sequence[Call]) -> dict[str, Any]:
    """The receipt of calls that the Safe makes at once, as its owner sends them."""
    call = exec_batch(world.safe, MAINNET.multi_send_call_only, world.operator, calls)
    return world.replica.send(world.operator, world.safe, "0x" + call.data.hex())


def logged(receipt: dict[str, Any], event: str) -> list[Words]:
    """The data of the settlement's events of that topic."""
    return [
        Words(bytes.fromhex(log["data"][2:]))
        for log in receipt["logs"]
        if log["address"].lower() == SETTLEMENT.lower() and log["topics"][0] == event
    ]
