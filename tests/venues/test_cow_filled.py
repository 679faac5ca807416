"""Orders at the real settlement contract: placed, presigned by the Safe and filled by a solver; or never filled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cow_server import Cow
from given_cow import PRE_SIGNATURE, TRADE, a_cow_world, a_venue, logged, order_of, owners_batch, presigned
from given_venue_server import VenueServer
from given_venue_world import VenueWorld
from given_wallet import USDC

from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.venues.cow import RELAYER, SETTLEMENT
from rebalancer.adapters.venues.cow_orders import domain_separator
from rebalancer.adapters.venues.known import Access, outside_of
from rebalancer.adapters.venues.outside import AllOutside
from rebalancer.adapters.wallets.abi import approve
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Call, Plan, Quote
from rebalancer.core.order_rules import presign_call
from rebalancer.replica import cow
from rebalancer.replica.calls import encode_call
from rebalancer.replica.chain import Replica
from rebalancer.units import Usd

PATIENCE = 60.0
"""Seconds: the replica shares its machine with others."""


@pytest.fixture
def world(replica: Replica, signer: KeystoreSigner) -> VenueWorld:
    return a_cow_world(replica, signer)


@pytest.fixture
def book(world: VenueWorld) -> Cow:
    return Cow(world)


@pytest.fixture
def outside(world: VenueWorld, book: Cow) -> Iterator[AllOutside]:
    """As `wire` makes it."""
    with VenueServer(book) as server:
        yield outside_of([Access("cow", url=server.url)], 1, True, lambda: Rpc(world.replica.url))


@pytest.fixture
def quote(world: VenueWorld, book: Cow) -> Iterator[Quote]:
    """An order of 20,000 USDC for WETH that the book knows of."""
    with VenueServer(book) as server:
        found = _quotes(world, AllOutside((a_venue(server),), PATIENCE))[0]
        assert AllOutside((a_venue(server),)).place((found,)) is None
        yield found


def _quotes(world: VenueWorld, outside: AllOutside) -> tuple[Quote, ...]:
    request = world.request(world.trade("USDC", 20_000 * 10**6, "WETH"))
    whole = world.plan_request(Plan((request.trade,), (), Usd(request.trade.value)))
    (asked,) = outside.ask([request], whole, world.desk.reader.read())
    assert isinstance(asked.said, tuple), asked.said
    return asked.said


def _allowance(world: VenueWorld) -> int:
    found = world.replica.read(USDC.address, "allowance(address,address)", world.safe, RELAYER)[0]
    assert isinstance(found, int)
    return found


def _refused(book: Cow, quote: Quote, pays: int | None = None) -> str:
    """Why no solver can fill it."""
    with pytest.raises(RpcError) as refusal:
        book.fill(order_of(quote).uid, pays)
    return str(refusal.value)


def test_contracts__of_the_replica__are_those_of_mainnet(world: VenueWorld) -> None:
    replica = world.replica
    assert replica.read(SETTLEMENT, "domainSeparator()", returns=("bytes32",)) == (domain_separator(1, SETTLEMENT),)
    assert replica.read(SETTLEMENT, "vaultRelayer()", returns=("address",)) == (RELAYER.lower(),)
    assert (cow.SETTLEMENT, cow.RELAYER) == (SETTLEMENT, RELAYER)


def test_order__placed_and_presigned__is_filled_by_a_solver_with_the_surplus_for_the_wallet(
    world: VenueWorld, book: Cow, outside: AllOutside
) -> None:
    (quote,) = _quotes(world, outside)
    assert world.breaches(quote) == ""
    assert outside.place((quote,)) is None
    order = order_of(quote)
    assert list(book.orders) == [order.uid], "the book computes the name itself"
    assert book.status(order.uid) == "presignaturePending"
    before = world.balances()

    (signed,) = logged(presigned(world, [quote]), PRE_SIGNATURE)
    assert signed.at(0).blob().hex() == order.uid[2:] and signed.flag(1)
    assert world.balances() == before, "placing moves nothing"
    assert _allowance(world) == order.sell.raw
    assert book.status(order.uid) == "open"

    (filled,) = logged(book.fill(order.uid), TRADE)
    assert filled.at(5).blob().hex() == order.uid[2:], "the contract's name for it is ours"
    after = world.balances()
    sold, bought = filled.uint(2), filled.uint(3)
    assert (before["USDC"] - after["USDC"], after["WETH"] - before["WETH"]) == (sold, bought)
    assert sold == order.sell.raw and bought > order.least.raw >= quote.trade.floor.raw
    assert filled.uint(4) == 0, "the fee"
    assert _allowance(world) == 0
    assert book.status(order.uid) == "fulfilled"
    assert "order filled" in _refused(book, quote)


def test_orders__of_a_whole_plan__are_placed_and_filled_one_by_one(
    world: VenueWorld, book: Cow, outside: AllOutside
) -> None:
    trades = (world.trade("USDC", 30_000 * 10**6, "WETH"), world.trade("USDC", 20_000 * 10**6, "WBTC"))
    whole = world.plan_request(Plan(trades, (), Usd(sum(trade.value for trade in trades))))
    (asked,) = outside.ask([world.request(trade) for trade in trades], whole, world.desk.reader.read())
    assert isinstance(asked.said, tuple) and asked.trades == trades, asked.said
    assert [world.breaches(quote) for quote in asked.said] == ["", ""]
    assert len({quote.call for quote in asked.said}) == 2
    assert outside.place(asked.said) is None
    presigned(world, asked.said)
    for quote in asked.said:
        book.fill(order_of(quote).uid)
    assert _allowance(world) == 0


def test_order__paid_exactly_its_limit__is_filled_and_one_unit_below_it_is_not(
    world: VenueWorld, book: Cow, quote: Quote
) -> None:
    presigned(world, [quote])
    order, before = order_of(quote), world.balances()
    assert "limit price not respected" in _refused(book, quote, order.least.raw - 1)
    book.fill(order.uid, order.least.raw)
    assert world.balances()["WETH"] - before["WETH"] == order.least.raw


def test_order__that_nobody_has_presigned__is_not_filled(book: Cow, quote: Quote) -> None:
    assert "order not presigned" in _refused(book, quote)
    assert book.status(order_of(quote).uid) == "presignaturePending"


def test_order__until_its_last_second__is_filled_and_after_it_is_not(
    world: VenueWorld, book: Cow, quote: Quote
) -> None:
    presigned(world, [quote])
    order, replica = order_of(quote), world.replica
    with replica.scratch():
        replica.warp(order.valid_to - 1 - replica.now())
        replica.rpc.call("evm_setNextBlockTimestamp", order.valid_to)
        assert logged(book.fill(order.uid), TRADE)
        book.fulfilled.clear()
    replica.warp(order.valid_to + 1 - replica.now())
    assert "order expired" in _refused(book, quote)
    assert book.status(order.uid) == "expired"


WAYS_BACK = {
    "invalidated": ("overflow", "cancelled"),
    "no longer presigned": ("order not presigned", "presignaturePending"),
    "no longer approved": ("transfer amount exceeds allowance", "open"),
}


@pytest.mark.parametrize("way", WAYS_BACK)
def test_order__taken_back_by_the_wallet__is_not_filled(world: VenueWorld, book: Cow, quote: Quote, way: str) -> None:
    presigned(world, [quote])
    uid = order_of(quote).uid
    invalidation = encode_call("invalidateOrder(bytes)", bytes.fromhex(uid[2:]))
    ways = {
        "invalidated": Call(SETTLEMENT, bytes.fromhex(invalidation[2:])),
        "no longer presigned": presign_call(SETTLEMENT, uid, signed=False),
        "no longer approved": approve(USDC.address, RELAYER, 0),
    }
    owners_batch(world, [ways[way]])
    why, status = WAYS_BACK[way]
    assert why in _refused(book, quote)
    assert book.status(uid) == status


def test_order__of_another_wallet__cannot_be_presigned(world: VenueWorld, quote: Quote) -> None:
    stranger = world.replica.actor("attacker").address
    why = world.replica.attempt(stranger, SETTLEMENT, "0x" + quote.call.data.hex())
    assert why is not None and "cannot presign order" in why


def test_order__presigned_at_its_cost__uses_no_more_gas_than_is_said(world: VenueWorld, quote: Quote) -> None:
    approval = approve(USDC.address, RELAYER, quote.trade.sell.raw)
    nothing = int(owners_batch(world, [])["gasUsed"], 16)
    used = int(owners_batch(world, [approval, quote.call])["gasUsed"], 16) - nothing
    assert used <= quote.gas < 2 * used


def test_order__with_other_fields_than_its_name__is_not_placed(
    world: VenueWorld, book: Cow, outside: AllOutside
) -> None:
    (quote,) = _quotes(world, outside)
    order = order_of(quote)
    other = replace(quote, terms=replace(order, valid_to=order.valid_to - 1))
    refusal = outside.place((other,))
    assert refusal is not None and refusal.venue == "cow" and "other fields than its name says" in refusal.reason
    assert book.orders == {}


def test_place__of_an_order_that_is_known__is_as_good_as_the_first_time(
    book: Cow, outside: AllOutside, world: VenueWorld
) -> None:
    quotes = _quotes(world, outside)
    assert (outside.place(quotes), outside.place(quotes)) == (None, None)
    assert len(book.orders) == 1


def test_outside__without_a_venue__asks_and_approves_it_no_more(world: VenueWorld, outside: AllOutside) -> None:
    (quote,) = _quotes(world, outside)
    others = outside.without("cow")
    assert others.spenders == ()
    refusal = others.place((quote,))
    assert refusal is not None and refusal.reason == "it takes no orders"
    assert outside.without("odos").spenders == (SETTLEMENT, RELAYER)
