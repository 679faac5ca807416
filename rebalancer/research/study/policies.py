"""Policies of studies: tokens by their symbols, and limits that nothing comes near."""

from __future__ import annotations

from rebalancer.core.model import (
    Calendar,
    Contributions,
    Limits,
    OverTime,
    Policy,
    Replacing,
    Tracking,
)
from rebalancer.research.ports.pools import address_of
from rebalancer.units import BPS, ONE, Bps, Token, Usd, Wei

_NEVER = 10**9
DECIMALS = 18
"""Of every token of a study without a configuration: nothing is lost to rounding."""
FREE_LIMITS = Limits(
    min_trade=Usd(ONE // 100),
    max_trade=Bps(BPS),
    max_slippage=Bps(BPS // 2),
    max_impact=Bps(BPS // 2),
    max_pool_gap=Bps(100),
    max_cost=Bps(BPS),
    max_gas_price=Wei(10**15),
    tip=Wei(0),
    min_operator_balance=Wei(0),
    deadline=300,
    max_block_age=120,
)
"""Below a cent nothing is traded, and a batch may lose half of what it moves: what a study asks for is done."""
FREE_OVER_TIME = OverTime(
    drawdown=Bps(BPS),
    drawdown_window=86_400,
    trades_per_day=_NEVER,
    turnover_per_day=Bps(_NEVER),
    cost_per_month=Bps(_NEVER),
    failures=_NEVER,
    ramp=Bps(0),
    ramp_days=0,
    refill_days=0,
)
"""Nothing halts: there is nobody to look, and what a halt would be worth is another question."""
PENALTY = 4 * ONE // 10
"""What `optimal` weighs costs against, as the configuration has it by default."""


def token_of(symbol: str) -> Token:
    """A token that has no address: the same for the same symbol."""
    return Token(symbol, address_of(f"token {symbol}"), DECIMALS)


def free_policy(assets: tuple[Token, ...]) -> Policy:
    """Of these assets, with limits that nothing comes near. Trigger and hubs are there to be replaced."""
    return Policy(
        assets=assets,
        cash=None,
        hubs=(),
        contributions=Contributions.IGNORE,
        trigger=Calendar(86_400),
        tracking=Tracking(PENALTY, ()),
        window=None,
        limits=FREE_LIMITS,
        over_time=FREE_OVER_TIME,
        replacing=Replacing(180, cancel=True),
    )
