"""One contract for every venue, and Uniswap's calldata against the real router: what is quoted is what is paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, permutations

import pytest
from given_wallet import DAI, LIMITS, ROUTER, TOKENS, USDC, USDT, WBTC, WETH, a_snapshot, snapshot_after

from rebalancer.adapters.chain.codec import Words
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.fake import FakeVenue
from rebalancer.adapters.venues.router import swap_call
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.abi import approve
from rebalancer.adapters.wallets.simulation import Place, Ran, Simulator
from rebalancer.core.model import Call, Plan, PlanRequest, Quote, QuoteRequest, Refusal, Snapshot, Trade
from rebalancer.market.pools import Pool
from rebalancer.market.routing import Hop, MoreTicks, Route, RouteQuote, quote_route
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.ports import Venue
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount, Token, Usd

HUBS = (WETH, USDC)


@dataclass(frozen=True, slots=True)
class Floor:
    """Where trading happens: a snapshot of the replica, and somebody there who holds a lot of everything."""

    replica: Replica
    snapshot: Snapshot
    trader: Address

    def run(self, calls: Sequence[Call]) -> tuple[Ran, ...]:
        block = self.snapshot.block
        simulator = Simulator(Rpc(self.replica.url), MAINNET.multicall3)
        return simulator.run(self.trader, calls, Place(block.number, block.timestamp + 12))


@pytest.fixture(scope="module")
def floor() -> Iterator[Floor]:
    with Replica.start() as replica:
        trader = replica.actor("owner").address
        for token in TOKENS:
            replica.deal(token.symbol, trader, 10**9 * 10**token.decimals)
        replica.mine()
        yield Floor(replica, a_snapshot(replica), trader)


@pytest.fixture(params=["fake", "uniswap"])
def venue(request: pytest.FixtureRequest) -> Venue:
    return FakeVenue() if request.param == "fake" else _uniswap()


def _uniswap() -> UniswapVenue:
    return UniswapVenue(ROUTER, HUBS, LIMITS)


def _trade(snapshot: Snapshot, sell: Token, dollars: int, buy: Token) -> Trade:
    value = Usd(dollars * 10**18)
    sold, fair = snapshot.price(sell).amount_down(value), snapshot.price(buy).amount_up(value)
    return Trade(sold, buy, value, Amount(buy, fair.raw * 98 // 100))


def _request(floor: Floor, trade: Trade) -> QuoteRequest:
    return QuoteRequest(trade, floor.trader, floor.trader, floor.snapshot.block.timestamp + 600)


def _quote(floor: Floor, venue: Venue, trade: Trade, snapshot: Snapshot | None = None) -> Quote:
    answer = venue.quote(_request(floor, trade), snapshot or floor.snapshot)
    assert isinstance(answer, Quote), answer
    return answer


# ---------------------------------------------------------------- every venue


def test_quote__of_a_fair_trade__is_of_that_trade_and_above_its_floor(floor: Floor, venue: Venue) -> None:
    trade = _trade(floor.snapshot, USDC, 10_000, WETH)
    quote = _quote(floor, venue, trade)
    assert (quote.trade, quote.venue, quote.expected.token) == (trade, venue.name, WETH)
    assert quote.expected.raw >= trade.floor.raw
    assert quote.spender in venue.spenders
    assert quote.gas > 0


def test_quote__asked_twice__answers_the_same(floor: Floor, venue: Venue) -> None:
    trade = _trade(floor.snapshot, USDC, 10_000, WETH)
    assert _quote(floor, venue, trade) == _quote(floor, venue, trade)


@pytest.mark.parametrize("raw", [0, -1])
def test_quote__of_nothing__is_refused(floor: Floor, venue: Venue, raw: int) -> None:
    trade = replace(_trade(floor.snapshot, USDC, 10_000, WETH), sell=Amount(USDC, raw))
    answer = venue.quote(_request(floor, trade), floor.snapshot)
    assert answer == Refusal(venue.name, f"{raw} USDC is nothing to sell")


# ---------------------------------------------------------------- Uniswap, against its contracts


@pytest.mark.parametrize("dollars", [100, 50_000, 3_000_000])
@pytest.mark.parametrize(("sell", "buy"), permutations(TOKENS, 2), ids=str)
def test_quote__of_any_pair__is_what_the_router_pays(floor: Floor, sell: Token, buy: Token, dollars: int) -> None:
    trade = replace(_trade(floor.snapshot, sell, dollars, buy), floor=Amount(buy, 1))
    quote = _quote(floor, _uniswap(), trade)
    approval = approve(sell.address, quote.spender, trade.sell.raw)
    _, swapped = floor.run([approval, quote.call])
    assert swapped.success
    assert _paid(swapped) == quote.expected.raw


@pytest.mark.parametrize("kind", [V2Pool, V3Pool])
@pytest.mark.parametrize("path", [(USDT, WETH), (WETH, USDT), (WBTC, WETH, USDT), (DAI, WETH, USDC)], ids=str)
def test_swap_call__over_every_shape_of_route__sells_exactly_and_keeps_its_floor(
    floor: Floor, path: tuple[Token, ...], kind: type[Pool]
) -> None:
    route = Route(tuple(Hop(_pool(floor, kind, a, b), a, b) for a, b in zip(path, path[1:], strict=False)))
    raw = 7 * 10 ** (path[0].decimals - 2)
    found = quote_route(route, raw)
    assert isinstance(found, RouteQuote)
    holdings = [Call(t.address, bytes.fromhex("70a08231") + _word(floor.trader)) for t in (path[0], path[-1])]
    approval = approve(path[0].address, ROUTER, raw)
    exact, greedy = (_call(floor, route, raw, found.amount_out + more) for more in (0, 1))
    refused, swapped = floor.run([approval, greedy])[1], floor.run([*holdings, approval, exact, *holdings])
    assert not refused.success
    before, after = ([int.from_bytes(r.data, "big") for r in part] for part in (swapped[:2], swapped[4:]))
    assert (before[0] - after[0], after[1] - before[1]) == (raw, found.amount_out)


@pytest.mark.parametrize(
    "kinds", [(V3Pool, V2Pool), (V2Pool, V3Pool), (V3Pool, V2Pool, V3Pool), (V3Pool, V3Pool, V2Pool)]
)
def test_swap_call__through_pools_of_both_kinds__is_one_call_that_leaves_nothing_with_the_router(
    floor: Floor, kinds: tuple[type[Pool], ...]
) -> None:
    path = (WBTC, WETH, USDT) if len(kinds) == 2 else (WBTC, USDC, WETH, USDT)
    hops = zip(kinds, path, path[1:], strict=False)
    route = Route(tuple(Hop(_pool(floor, kind, a, b), a, b) for kind, a, b in hops))
    found = quote_route(route, 7 * 10**6)
    assert isinstance(found, RouteQuote)
    held = [Call(t.address, bytes.fromhex("70a08231") + _word(ROUTER)) for t in path]
    approval = approve(WBTC.address, ROUTER, 7 * 10**6)
    exact, greedy = (_call(floor, route, 7 * 10**6, found.amount_out + more) for more in (0, 1))
    assert not floor.run([approval, greedy])[1].success
    swapped = floor.run([approval, exact, *held])
    calls = sum(1 for _ in groupby(kinds))
    assert _paid(swapped[1], calls - 1) == found.amount_out
    assert [int.from_bytes(result.data, "big") for result in swapped[2:]] == [0] * len(path)


def test_quote_plan__of_trades_that_share_pools__is_what_the_router_pays_in_their_order(floor: Floor) -> None:
    trades = tuple(_trade(floor.snapshot, USDT, 2_000_000, buy) for buy in (WETH, USDC, WBTC))
    snapshot, routes = floor.snapshot, []
    for trade in trades:
        quote = _quote(floor, _uniswap(), trade, snapshot)
        assert quote.route is not None
        found = quote_route(quote.route, trade.sell.raw)
        assert isinstance(found, RouteQuote)
        routes.append(found)
        snapshot = snapshot_after(snapshot, quote)
    plan = Plan(trades, tuple(routes), Usd(sum(trade.value for trade in trades)))
    request = PlanRequest(plan, floor.trader, floor.trader, floor.snapshot.block.timestamp + 600)
    quotes = _uniswap().quote_plan(request, floor.snapshot)
    assert not isinstance(quotes, Refusal) and [quote.trade for quote in quotes] == list(trades)
    results = floor.run([call for q in quotes for call in (approve(USDT.address, ROUTER, q.trade.sell.raw), q.call)])
    assert [_paid(result) for result in results[1::2]] == [quote.expected.raw for quote in quotes]


def test_quote_plan__of_a_venue_that_answers_pair_by_pair__is_refused(floor: Floor) -> None:
    request = PlanRequest(Plan((), (), Usd(0)), floor.trader, floor.trader, floor.snapshot.block.timestamp + 600)
    assert isinstance(FakeVenue().quote_plan(request, floor.snapshot), Refusal)


def test_quote__after_another_in_the_same_pool__is_what_the_router_pays_then(floor: Floor) -> None:
    trade = _trade(floor.snapshot, USDT, 2_000_000, WETH)
    first = _quote(floor, _uniswap(), trade)
    second = _quote(floor, _uniswap(), trade, snapshot_after(floor.snapshot, first))
    results = floor.run(
        [call for q in (first, second) for call in (approve(USDT.address, ROUTER, trade.sell.raw), q.call)]
    )
    assert [_paid(result) for result in results[1::2]] == [first.expected.raw, second.expected.raw]
    assert second.expected.raw < first.expected.raw


def test_quote__past_its_deadline__is_void(floor: Floor) -> None:
    trade = _trade(floor.snapshot, USDT, 100, WETH)
    request = replace(_request(floor, trade), deadline=floor.snapshot.block.timestamp)
    quote = _uniswap().quote(request, floor.snapshot)
    assert isinstance(quote, Quote)
    _, swapped = floor.run([approve(USDT.address, ROUTER, trade.sell.raw), quote.call])
    assert not swapped.success


def test_quote__of_more_than_all_pools_take__is_refused_or_asks_for_ticks(floor: Floor) -> None:
    trade = replace(_trade(floor.snapshot, DAI, 1, WBTC), sell=Amount(DAI, 10**9 * 10**18))
    answer = _uniswap().quote(_request(floor, trade), replace(floor.snapshot, pools=floor.snapshot.pools[:1]))
    assert isinstance(answer, Refusal)


def test_quote__beyond_the_ticks_that_were_read__asks_for_them(floor: Floor) -> None:
    pool = next(p for p in floor.snapshot.pools if isinstance(p, V3Pool) and p.token0 == USDC and p.token1 == WETH)
    blind = replace(floor.snapshot, pools=(replace(pool, ticks=(), word_low=0, word_high=-1),))
    answer = _uniswap().quote(_request(floor, _trade(floor.snapshot, USDC, 1_000, WETH)), blind)
    assert isinstance(answer, MoreTicks)
    assert [need.pool_address for need in answer.needs] == [pool.address]


def test_swap_call__of_zero__is_an_error_because_the_router_would_sell_its_own_balance(floor: Floor) -> None:
    route = Route((Hop(_pool(floor, V3Pool, USDT, WETH), USDT, WETH),))
    with pytest.raises(ValueError, match="no swap"):
        _call(floor, route, 0, 0)


def _call(floor: Floor, route: Route, raw: int, least: int) -> Call:
    return swap_call(ROUTER, route, floor.trader, (raw, least), floor.snapshot.block.timestamp + 600)


def _pool(floor: Floor, kind: type[Pool], a: Token, b: Token) -> Pool:
    wanted = {a.address, b.address}
    return next(
        p for p in floor.snapshot.pools if isinstance(p, kind) and {p.token0.address, p.token1.address} == wanted
    )


def _paid(swapped: Ran, place: int = 0) -> int:
    """multicall returns bytes[] with a uint256 for each swap."""
    return int.from_bytes(Words(swapped.data).at(0).after(1).at(place).blob(), "big")


def _word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])
