"""A tick under `contributions: first`: cash alone where that can be had, and else what is done without the rule."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ports import DRY, ports_of, state, tick
from small_market import GWEI, POLICY, POOLS, USDC, WETH, usd

from rebalancer.core.model import Contributions, Held, Limits, Planned, Policy, Snapshot, Tracking
from rebalancer.market.pools import Pool
from rebalancer.tick import Report
from rebalancer.units import Bps, Wei

NO_MORE = replace(POLICY.limits, max_cost=Bps(100))
LARGER = replace(POLICY.limits, min_trade=usd(500))
WITHOUT_CASH = tuple(pool for pool in POOLS if USDC not in (pool.token0, pool.token1))


def decided(policy: Policy, contributions: Contributions, snapshot: Snapshot) -> Report:
    return tick(ports_of(snapshot), replace(policy, contributions=contributions), DRY)


def wallet_of(*dollars: int, pools: tuple[Pool, ...] = POOLS, gwei: int = 10) -> Snapshot:
    """WETH, USDC, WBTC, LINK; wanted are 30, 40, 20 and 10 %, and LINK may be 2.5 points off."""
    snapshot = state(*dollars, pools=pools)
    return replace(snapshot, block=replace(snapshot.block, base_fee=Wei(gwei * GWEI)))


def test_tick__where_cash_alone_can_do_it__trades_nothing_else() -> None:
    outcome = decided(POLICY, Contributions.FIRST, wallet_of(310_000, 430_000, 200_000, 60_000)).outcome
    assert isinstance(outcome, Planned)
    assert {quote.trade.sell.token for quote in outcome.batch.quotes} == {USDC}


@pytest.mark.parametrize(
    ("limits", "pools"),
    [(NO_MORE, POOLS), (LARGER, POOLS), (POLICY.limits, WITHOUT_CASH)],
    ids=["too dear for its size", "below min_trade", "no pool takes cash"],
)
def test_tick__where_cash_alone_cannot_be_had__makes_the_full_rebalance(
    limits: Limits, pools: tuple[Pool, ...]
) -> None:
    policy, snapshot = replace(POLICY, limits=limits), wallet_of(32_300, 40_300, 20_000, 7_400, pools=pools)
    first, ignored = (decided(policy, kind, snapshot).outcome for kind in (Contributions.FIRST, Contributions.IGNORE))
    assert isinstance(first, Planned) and isinstance(ignored, Planned)
    assert first.batch.quotes == ignored.batch.quotes
    assert WETH in {quote.trade.sell.token for quote in first.batch.quotes}


def test_tick__where_cash_alone_saves_too_little__makes_the_full_rebalance_that_pays() -> None:
    # At four fifths of the usual cost of drift.
    named = Tracking(POLICY.tracking.penalty * 4 // 5, POLICY.tracking.volatilities, named=True)
    policy, snapshot = replace(POLICY, tracking=named), wallet_of(32_300, 40_300, 20_000, 7_400, gwei=1)
    alone, first, ignored = (
        decided(policy, kind, snapshot).outcome
        for kind in (Contributions.ONLY, Contributions.FIRST, Contributions.IGNORE)
    )
    assert isinstance(alone, Held) and "what drift costs" in alone.reason
    assert isinstance(first, Planned) and isinstance(ignored, Planned)
    assert first.batch.quotes == ignored.batch.quotes


def test_tick__where_nothing_can_be_had__names_what_is_in_the_way_of_the_full_rebalance() -> None:
    policy, snapshot = replace(POLICY, limits=NO_MORE), wallet_of(6_460, 8_060, 4_000, 1_480)
    first, ignored = (decided(policy, kind, snapshot).outcome for kind in (Contributions.FIRST, Contributions.IGNORE))
    assert isinstance(first, Held) and isinstance(ignored, Held)
    assert first.reason == ignored.reason
