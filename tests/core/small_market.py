"""A small market for the tests: four assets, deep and thin pools at the oracle's prices, a policy, a wallet.

Everything is a value; a test changes what it is about with `dataclasses.replace` or the keywords here.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isqrt

from rebalancer.core.cost import fees_for, gas_price_in, gas_price_now
from rebalancer.core.drift import portfolio_of
from rebalancer.core.model import (
    Allowance,
    Back,
    Batch,
    Block,
    Call,
    Contributions,
    Drawn,
    Hold,
    Limits,
    OverTime,
    Plan,
    Policy,
    Portfolio,
    Quote,
    Replacing,
    SafeState,
    Simulated,
    Snapshot,
    Target,
    Threshold,
    Tracking,
    Trade,
    Volatility,
    Width,
)
from rebalancer.core.plan import make_plan
from rebalancer.market.pools import Pool
from rebalancer.market.routing import RouteQuote, best_route
from rebalancer.market.tick_math import MAX_TICK, tick_at_sqrt_ratio
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool, all_words
from rebalancer.units import ONE, Address, Amount, Bps, Price, Token, Usd, Wei, Weight

WETH = Token("WETH", Address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), 18)
USDC = Token("USDC", Address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"), 6)
WBTC = Token("WBTC", Address("0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599"), 8)
LINK = Token("LINK", Address("0x514910771AF9Ca656af840dff83E8264EcF986CA"), 18)
ASSETS = (WETH, USDC, WBTC, LINK)

OWNER = Address("0x1000000000000000000000000000000000000001")
OPERATOR = Address("0x2000000000000000000000000000000000000002")
ATTACKER = Address("0x3000000000000000000000000000000000000003")
ROUTER = Address("0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45")

NOW = 1_700_000_000
"""A Tuesday, 22:13:20 UTC."""
GWEI = 10**9


def usd(dollars: str | int) -> Usd:
    return Usd(int(Decimal(dollars) * ONE))


def share(percent: str | int) -> Weight:
    return Weight(int(Decimal(percent) * ONE // 100))


PRICES = tuple(
    Price(token, usd(dollars), NOW - 60) for token, dollars in ((WETH, 2_000), (USDC, 1), (WBTC, 40_000), (LINK, 10))
)
TARGETS = tuple(Target(token, share(part)) for token, part in ((WETH, 30), (USDC, 40), (WBTC, 20), (LINK, 10)))


def price_of(token: Token) -> Price:
    return next(p for p in PRICES if p.token == token)


def worth(token: Token, dollars: str | int) -> Amount:
    """So many dollars of a token."""
    return price_of(token).amount_down(usd(dollars))


def v3_pool(a: Token, b: Token, fee: int, depth: str | int, off_bps: int = 0) -> V3Pool:
    """A pool over the full range with `depth` dollars on each side, token0 `off_bps` dearer than the oracle's."""
    token0, token1 = sorted((a, b), key=lambda t: int(t.address, 16))
    spacing = {100: 1, 500: 10, 3_000: 60, 10_000: 200}[fee]
    reserve0, reserve1 = worth(token0, depth).raw, worth(token1, depth).raw * (10_000 + off_bps) // 10_000
    root, liquidity = isqrt((reserve1 << 192) // reserve0), isqrt(reserve0 * reserve1)
    edge = MAX_TICK // spacing * spacing
    return V3Pool(
        address=Address(f"0x{(int(token0.address, 16) ^ int(token1.address, 16) ^ fee):040x}"),
        token0=token0,
        token1=token1,
        fee=fee,
        tick_spacing=spacing,
        sqrt_price_x96=root,
        tick=tick_at_sqrt_ratio(root),
        liquidity=liquidity,
        ticks=((-edge, liquidity), (edge, -liquidity)),
        word_low=all_words(spacing)[0],
        word_high=all_words(spacing)[1],
    )


def v2_pool(a: Token, b: Token, depth: str | int) -> V2Pool:
    """A pair with `depth` dollars on each side, at the oracle's price."""
    token0, token1 = sorted((a, b), key=lambda t: int(t.address, 16))
    address = Address(f"0x{(int(token0.address, 16) ^ int(token1.address, 16)):040x}")
    return V2Pool(address, token0, token1, worth(token0, depth).raw, worth(token1, depth).raw)


def off_pool(bps: int) -> V3Pool:
    """The deep USDC/WETH pool with WETH dearer than the oracle's by `bps`. USDC is its token0."""
    return v3_pool(USDC, WETH, 500, 200_000_000, -bps)


POOLS: tuple[Pool, ...] = (
    v3_pool(USDC, WETH, 500, 200_000_000),
    v3_pool(USDC, WETH, 3_000, 20_000_000),
    v3_pool(WBTC, WETH, 500, 100_000_000),
    v3_pool(LINK, WETH, 3_000, 20_000_000),
    v2_pool(USDC, WETH, 10_000_000),
    v2_pool(LINK, WETH, 1_000_000),
)

LIMITS = Limits(
    min_trade=usd(50),
    max_trade=Bps(5_000),
    max_slippage=Bps(100),
    max_impact=Bps(50),
    max_pool_gap=Bps(100),
    max_cost=Bps(150),
    max_gas_price=Wei(100 * GWEI),
    tip=Wei(GWEI),
    min_operator_balance=Wei(ONE // 20),
    deadline=600,
    max_block_age=120,
)
OVER_TIME = OverTime(
    drawdown=Bps(1_500),
    drawdown_window=86_400,
    trades_per_day=12,
    turnover_per_day=Bps(15_000),
    cost_per_month=Bps(300),
    failures=3,
    ramp=Bps(0),
    ramp_days=0,
    refill_days=7,
)
"""What is configured by default, but for the ramp: a test that is about it sets one."""
WIDTHS = tuple(Width(token, share(5), share(25)) for token in ASSETS)
POLICY = Policy(
    assets=ASSETS,
    cash=USDC,
    hubs=(WETH, USDC),
    contributions=Contributions.IGNORE,
    trigger=Threshold(Drawn(WIDTHS, Back.TARGET)),
    tracking=Tracking(4 * ONE // 10, tuple(Volatility(token, share(60)) for token in ASSETS)),
    window=None,
    limits=LIMITS,
    over_time=OVER_TIME,
    replacing=Replacing(after=180, cancel=True),
)


def returning(back: Back, widths: tuple[Width, ...] = WIDTHS) -> Policy:
    """The policy with another return point, or other bands."""
    return replace(POLICY, trigger=Threshold(Drawn(widths, back)))


BLOCK = Block(19_000_000, "0x" + "ab" * 32, NOW, Wei(10 * GWEI))
FEES = fees_for(BLOCK, LIMITS)
WALLET = SafeState("1.4.1", 7, 1, (OWNER, OPERATOR), ())


def snapshot_with(*dollars: str | int, pools: tuple[Pool, ...] = POOLS) -> Snapshot:
    """What a tick reads of a wallet that holds so many dollars of each of ASSETS."""
    balances = tuple(worth(token, held) for token, held in zip(ASSETS, dollars, strict=True))
    allowances = tuple(Allowance(ROUTER, Amount(token, 0)) for token in ASSETS)
    return Snapshot(BLOCK, balances, PRICES, PRICES[0], pools, allowances, WALLET, Wei(ONE))


OVER_IN_WETH = snapshot_with(60_000, 10_000, 20_000, 10_000)


def portfolio_in(snapshot: Snapshot, targets: tuple[Target, ...] = TARGETS) -> Portfolio:
    return portfolio_of(tuple(t.token for t in targets), targets, snapshot)


def planned(snapshot: Snapshot, policy: Policy = POLICY, targets: tuple[Target, ...] = TARGETS) -> Plan:
    """The plan, where there must be one."""
    plan = make_plan(policy, portfolio_in(snapshot, targets), snapshot, FEES)
    assert isinstance(plan, Plan), plan
    return plan


def quote_of(trade: Trade, snapshot: Snapshot, policy: Policy = POLICY) -> Quote:
    """What an honest venue answers: the best route over the snapshot's pools."""
    gas = gas_price_in(snapshot.price(trade.buy), snapshot.native, gas_price_now(snapshot.block, FEES))
    found = best_route(snapshot.pools, trade.sell, trade.buy, policy.hubs, gas)
    assert isinstance(found, RouteQuote), found
    return made_on(trade, found)


def batch_of(plan: Plan, snapshot: Snapshot, policy: Policy = POLICY) -> Batch:
    """The plan's trades, each on the route that it was planned on."""
    quotes = tuple(made_on(trade, found) for trade, found in zip(plan.trades, plan.routes, strict=True))
    return Batch(quotes, OPERATOR, Call(ROUTER, b"\x02"), snapshot.block.timestamp + policy.limits.deadline)


def made_on(trade: Trade, found: RouteQuote) -> Quote:
    """What an honest venue answers that makes the trade on this route."""
    call = Call(ROUTER, b"\x01")
    return Quote("uniswap", trade, Amount(trade.buy, found.amount_out), ROUTER, call, found.gas, found.route)


def simulated(batch: Batch, assets: tuple[Token, ...] = ASSETS) -> Simulated:
    """What an honest simulation measures: exactly what the quotes expect."""
    changes = {token.address: Amount(token, 0) for token in assets}
    for quote in batch.quotes:
        changes[quote.trade.sell.token.address] -= quote.trade.sell
        changes[quote.trade.buy.address] += quote.expected
    left = {
        (q.spender, q.trade.sell.token.address): Allowance(q.spender, Amount(q.trade.sell.token, 0))
        for q in batch.quotes
    }
    return Simulated(tuple(changes.values()), tuple(left.values()), 500_000)


def after(snapshot: Snapshot, simulation: Simulated) -> Snapshot:
    """The snapshot with the balances that the simulation leaves."""
    changes = {change.token.address: change for change in simulation.changes}
    return replace(snapshot, balances=tuple(b + changes[b.token.address] for b in snapshot.balances))


def hold_of(snapshot: Snapshot, policy: Policy = POLICY) -> str:
    answer = make_plan(policy, portfolio_in(snapshot), snapshot, FEES)
    assert isinstance(answer, Hold), answer
    return answer.reason


def result_of(snapshot: Snapshot, policy: Policy = POLICY) -> Portfolio:
    """The portfolio after the plan's trades, each on the pools as the ones before leave them."""
    batch = batch_of(planned(snapshot, policy), snapshot, policy)
    return portfolio_in(after(snapshot, simulated(batch)))
