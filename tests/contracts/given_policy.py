"""A wallet for the policy's model: 60 % ETH where half is wanted, and helpers that ask what a rule refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from policy_model import ONE, PPM, Account, Asset, Block, Fill, Limits, Order, Policy, Refused, Swap

NOW = 1_700_000_000
DAY = 86_400
LIMITS = Limits(
    window=DAY,
    max_turnover=300_000,
    max_loss=1_500,
    max_shortfall=10_000,
    min_trade=50 * ONE,
    max_trade=200_000,
    tolerance=2_500,
    cooldown=600,
    target_step=50_000,
)
ETHER = 10**18
DOLLAR = 10**6
# 60 % of 100,000 dollars in ETH at 2,000, where half of it is wanted; BTC at 40,000.
ETH, USDC, BTC = range(3)
PRICES = (2_000 * ONE, ONE, 40_000 * ONE)
BLOCK = Block(NOW, PRICES)
HELD = (30 * ETHER, 20_000 * DOLLAR, 5 * 10**7)
TARGETS = (500_000, 300_000, 200_000)
ASSETS = (Asset(18, 100_000, 700_000), Asset(6), Asset(8, 0, PPM, 30_000 * ONE, 50_000 * ONE))


def account(limits: Limits = LIMITS) -> Account:
    return Account(Policy(ASSETS, limits), TARGETS, HELD)


def sale(ether: int = 5 * ETHER, least: int = 9_900 * DOLLAR) -> Swap:
    """ETH for USDC, by default all that is above the target, at exactly the floor."""
    return Swap(ETH, USDC, ether, least)


def order(*swaps: Swap, nonce: int = 0, deadline: int = NOW) -> Order:
    return Order("operator", swaps, deadline, nonce)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refused:
        action()
    return refused.value.rule


def tried(to: Account, given: Order, block: Block = BLOCK) -> str:
    """The rule by which a rebalance fails whose swaps take all and bring their minimum."""
    before = replace(to)
    fills = [Fill(swap.amount_in, swap.min_out) for swap in given.swaps]
    rule = refusal(lambda: to.rebalance(block, given, fills))
    assert to == before
    return rule
