"""Venues outside for a RebalanceModule: each listed one settles through it, with its real calldata and checker, and no
field that the checker pins may be another: the chain and our own rules say so by the same name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from given_module_venues import KYBER, LISTED, Listed, a_module_world
from given_venue_server import VenueServer
from given_venue_world import VenueWorld
from zero_x_server import EXEC, EXECUTE

from rebalancer.adapters.chain.rpc import Rpc, RpcError
from rebalancer.adapters.venues.known import Access, outside_of
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.model import Batch, ModuleWallet, Plan, Quote, Reverted, Simulated, Snapshot
from rebalancer.core.module_guard import guard_module_batch
from rebalancer.replica.chain import Replica
from scripts._owners.listing import Check

PATIENCE = 60.0
"""Seconds: the replica shares its machine with others."""
SOLD = 20_000 * 10**6
STRANGER = "0x00000000000000000000000000000000000000AA"
EVERY = pytest.mark.parametrize("listed", (*LISTED, KYBER), ids=lambda one: one.name)
PINNED = pytest.mark.parametrize("listed", LISTED, ids=lambda one: one.name)


def world_of(replica: Replica, signer: KeystoreSigner, listed: Listed) -> VenueWorld:
    return a_module_world(replica, signer, listed, allow_opaque=listed is KYBER)


@contextmanager
def quoted(world: VenueWorld, listed: Listed, sold: str = "USDC", raw: int = SOLD) -> Iterator[Quote]:
    """What it offers for a swap into WETH."""
    with VenueServer(listed.answer(world)) as server:
        request = world.request(world.trade(sold, raw, "WETH"))
        yield listed.asked_at(server.url, world).quote(request, time.monotonic() + PATIENCE)


def batch_of(world: VenueWorld, *quotes: Quote) -> tuple[Batch, Snapshot]:
    snapshot = world.desk.reader.read()
    return world.desk.wallet.build(quotes, snapshot, snapshot.block.timestamp + 600), snapshot


def settles(world: VenueWorld, quote: Quote) -> None:
    """To the unit, but for the one that Augustus keeps."""
    kept = 1 if quote.venue == "velora" else 0
    world.settles_as_said(replace(quote, expected=replace(quote.expected, raw=quote.expected.raw - kept)))


def with_data(quote: Quote, data: bytes) -> Quote:
    return replace(quote, call=replace(quote.call, data=data))


def verdicts(world: VenueWorld, quote: Quote) -> tuple[str, str]:
    """What our rules say first of a batch of it, and what the chain says."""
    batch, snapshot = batch_of(world, quote)
    breaches = guard_module_batch(snapshot, batch)
    simulation = world.desk.wallet.simulate(batch, snapshot)
    said = simulation.reason if isinstance(simulation, Reverted) else ""
    return (breaches[0].rule if breaches else ""), said


def spoiled(data: bytes, check: Check) -> bytes:
    """One less in that field, or one more where it is nothing: never what it must be, and below any minimum."""
    end = check.offset + check.size
    seen = int.from_bytes(data[check.offset : end], "big")
    return data[: check.offset] + (seen - 1 if seen else 1).to_bytes(check.size, "big") + data[end:]


# ---------------------------------------------------------------- what settles


@EVERY
def test_quote__of_a_listed_venue__settles_through_the_module_to_the_unit(
    replica: Replica, signer: KeystoreSigner, listed: Listed
) -> None:
    world = world_of(replica, signer, listed)
    with quoted(world, listed) as quote:
        assert verdicts(world, quote) == ("", "")
        settles(world, quote)
    wallet = world.desk.reader.read().wallet
    assert isinstance(wallet, ModuleWallet)
    assert wallet.state.nonce == 1


@PINNED
def test_quote__of_a_token_that_forbids_one_allowance_upon_another__settles_as_well(
    replica: Replica, signer: KeystoreSigner, listed: Listed
) -> None:
    world = world_of(replica, signer, listed)
    with quoted(world, listed, "USDT") as quote:
        settles(world, quote)


def test_quotes__of_several_venues_in_one_batch__settle_together_until_the_module_takes_no_more(
    replica: Replica, signer: KeystoreSigner
) -> None:
    world = a_module_world(replica, signer, *LISTED)
    quotes = []
    for listed in LISTED:
        with quoted(world, listed, raw=5_000 * 10**6) as quote:
            quotes.append(quote)
    batch, snapshot = batch_of(world, *quotes)
    (breach,) = guard_module_batch(snapshot, batch)
    assert breach.rule == "RebalanceModule: call" and breach.allowed == "at most 4096"
    settled = world.settle(*quotes[:3])
    assert settled.landed == settled.simulated
    assert settled.landed["USDC"] == -3 * 5_000 * 10**6
    assert settled.landed["WETH"] >= sum(quote.trade.floor.raw for quote in quotes[:3])
    assert settled.allowances == (0, 0, 0)


@pytest.mark.parametrize("at_once", (False, True), ids=("module", "safe"))
def test_velora__of_a_module__is_asked_for_the_function_that_its_checker_reads(
    replica: Replica, signer: KeystoreSigner, at_once: bool
) -> None:
    (listed,) = (one for one in LISTED if one.name == "velora")
    world = world_of(replica, signer, listed)
    request, snapshot = world.request(world.trade("USDC", SOLD, "WETH")), world.desk.reader.read()
    whole = world.plan_request(Plan((request.trade,), (), request.trade.value))
    with VenueServer(listed.answer(world)) as server:
        outside = outside_of([Access("velora", url=server.url)], 1, at_once, lambda: Rpc(replica.url))
        outside.ask([request], whole, snapshot)
    asked_for = server.asked[0].query["includeContractMethods"].split(",")
    assert len(asked_for) == (3 if at_once else 1) and asked_for[0] == "swapExactAmountIn"


# ---------------------------------------------------------------- what is refused


@PINNED
def test_calldata__with_each_pinned_field_changed__is_refused_by_the_checker_and_by_us_by_the_same_name(
    replica: Replica, signer: KeystoreSigner, listed: Listed
) -> None:
    world, listing = world_of(replica, signer, listed), listed.read()
    with quoted(world, listed) as quote:
        data = quote.call.data
        # So that one less than it is below the floor.
        least = next(check for check in listing.checks if check.kind == "AT_LEAST_MIN_OUT")
        raw = int.from_bytes(data[least.offset : least.offset + least.size], "big")
        quote = replace(quote, trade=replace(quote.trade, floor=replace(quote.trade.floor, raw=raw)))
    for check in listing.checks:
        if check.field.startswith("quotedAmount"):
            continue  # says more than the minimum: below
        ours, chain = verdicts(world, with_data(quote, spoiled(data, check)))
        assert ours == chain != "", check.words
    longest = max(check.offset + check.size for check in listing.checks)
    for changed in (data[: longest - 1], b"\xff" + data[1:], b""):
        ours, chain = verdicts(world, with_data(quote, changed))
        assert ours == chain != "", changed[:4].hex()


def test_velora__that_would_keep_all_above_a_low_quote__is_refused_by_name(
    replica: Replica, signer: KeystoreSigner
) -> None:
    (listed,) = (one for one in LISTED if one.name == "velora")
    world = world_of(replica, signer, listed)
    (check,) = (check for check in listed.read().checks if check.field.startswith("quotedAmount"))
    with quoted(world, listed) as quote:
        low = (quote.trade.floor.raw - 1).to_bytes(check.size, "big")
    data = quote.call.data
    data = data[: check.offset] + low + data[check.offset + check.size :]
    assert verdicts(world, with_data(quote, data)) == ("RouteCheck: min_out", "RouteCheck: min_out")


def test_zero_x__by_a_settler_that_the_owners_have_not_looked_at__is_refused(
    replica: Replica, signer: KeystoreSigner
) -> None:
    (listed,) = (one for one in LISTED if one.name == "zero_x")
    world = world_of(replica, signer, listed)
    with quoted(world, listed) as quote:
        operator, *rest, inner = EXEC.read(quote.call.data)
        data = EXEC.call(STRANGER, *rest[:-1], STRANGER, EXECUTE.call(*EXECUTE.read(inner)))
    assert operator != STRANGER
    assert verdicts(world, with_data(quote, data)) == ("RouteCheck: constant", "RouteCheck: constant")


def test_quote__over_a_router_that_the_policy_does_not_list__has_no_words(
    replica: Replica, signer: KeystoreSigner
) -> None:
    world = a_module_world(replica, signer, LISTED[1])
    with quoted(world, LISTED[1]) as quote:
        elsewhere = replace(quote, spender=KYBER.router, call=replace(quote.call, to=KYBER.router))
    assert verdicts(world, elsewhere) == ("RebalanceModule: route", "RebalanceModule: swaps")
    pulled = replace(quote, spender=KYBER.router)
    assert verdicts(world, pulled)[0] == "RebalanceModule: route"


def test_opaque_route__without_the_owners_leave__is_refused_at_deployment_and_by_us(
    replica: Replica, signer: KeystoreSigner
) -> None:
    with replica.scratch(), pytest.raises(RpcError, match="RebalanceModule: opaque"):
        a_module_world(replica, signer, KYBER)
    world = a_module_world(replica, signer, KYBER, allow_opaque=True)
    with quoted(world, KYBER) as quote:
        batch, snapshot = batch_of(world, quote)
    assert guard_module_batch(snapshot, batch) == ()
    assert isinstance(snapshot.wallet, ModuleWallet)
    policy = snapshot.wallet.policy
    strict = replace(snapshot.wallet, policy=replace(policy, limits=replace(policy.limits, allow_opaque=False)))
    (breach,) = guard_module_batch(replace(snapshot, wallet=strict), batch)
    assert breach.rule == "RebalanceModule: opaque" and "pins no SAFE, TOKEN_IN" in breach.observed


def test_old_allowance__of_a_listed_token__is_replaced_and_taken_back(replica: Replica, signer: KeystoreSigner) -> None:
    listed = LISTED[1]
    world = world_of(replica, signer, listed)
    usdc = replica.token("USDC").address
    replica.transact(world.safe, usdc, "approve(address,uint256)", listed.router, 10**12)
    with quoted(world, listed) as quote:
        world.settles_as_said(quote)
    assert replica.read(usdc, "allowance(address,address)", world.safe, listed.router) == (0,)


def test_simulation__where_the_router_refuses__tells_the_venues_own_reason(
    replica: Replica, signer: KeystoreSigner
) -> None:
    listed = LISTED[1]
    world = world_of(replica, signer, listed)
    with quoted(world, listed) as quote:
        check = next(check for check in listed.read().checks if check.kind == "AT_LEAST_MIN_OUT")
        high = (2 * quote.expected.raw).to_bytes(check.size, "big")
    data = quote.call.data
    ours, chain = verdicts(world, with_data(quote, data[: check.offset] + high + data[check.offset + check.size :]))
    assert ours == ""
    assert "RebalanceModule: execution" in chain and "one_inch, USDC for WETH: ReturnAmountIsNotEnough" in chain


def test_checkers__of_a_module__are_read_with_all_else_in_one_request(replica: Replica, signer: KeystoreSigner) -> None:
    world = a_module_world(replica, signer, *LISTED)
    wallet = world.desk.reader.read().wallet
    assert isinstance(wallet, ModuleWallet)
    routes = wallet.policy.routes[1:]
    wanted = [listed.read().checker(route.checker) for listed, route in zip(LISTED, routes, strict=True)]
    assert list(wallet.checkers) == wanted
    batch, snapshot = batch_of(world)
    assert not isinstance(world.desk.wallet.simulate(batch, snapshot), Simulated)
