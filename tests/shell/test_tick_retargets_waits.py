"""A module's targets that had better stand: too dear, out of hours, or no better ones are known. The rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from given_ports import LIVE, OFF_TARGET, past_of, tick
from given_retargeting import MORE_ETHER, NoTargets, chain_of, intents_of, keeper, targets_now, wanted
from small_market import NOW, POLICY, WIDTHS, share, usd

from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import (
    FINAL_BLOCKS,
    Back,
    Block,
    Drawn,
    Held,
    Measured,
    Policy,
    Settled,
    Target,
    Threshold,
    Volatility,
    Window,
)
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.units import Bps, Token, Usd

DAY = 86_400
ALL_WEEK = tuple(range(7))


def stands(ports: Ports, policy: Policy) -> str:
    """Why, where nothing is sent."""
    report = tick(ports, policy)
    assert isinstance(report.outcome, Held) and report.targets is not None, report.outcome
    assert intents_of(ports) == [] and targets_now(ports) == [30, 40, 20, 10]
    return report.targets


# ---------------------------------------------------------------- what it costs


def small(dollars: int) -> tuple[str, ...]:
    """On the module's targets."""
    return tuple(str(dollars * part / 100) for part in (30, 40, 20, 10))


def test_tick__of_a_small_wallet__sets_none_that_cost_more_than_max_cost_of_the_step() -> None:
    said = stands(keeper(*MORE_ETHER, held=small(400)), POLICY)
    assert " of gas for 10 % of the portfolio, 40.00 USD; max_cost allows 150 bps" in said, said


def test_tick__of_a_step_that_is_worth_its_gas__sets_it() -> None:
    dear = replace(POLICY, limits=replace(POLICY.limits, max_cost=Bps(1)))
    ports = keeper(*MORE_ETHER)
    report = tick(ports)
    assert isinstance(report.outcome, Settled)
    gas, value = report.outcome.settlement.cost.gas, Usd(10_000 * 10**18)
    # A hundredth of a per cent of the 10,000 dollars that move is a dollar.
    assert value // 10_000 < gas <= value * POLICY.limits.max_cost // 10_000
    assert "max_cost allows 1 bps" in stands(keeper(*MORE_ETHER), dear)


def test_tick__targets_that_go_to_and_fro__leave_half_of_the_months_cost_for_rebalances() -> None:
    # None of these steps is traded: what is paid is paid for targets.
    free = replace(POLICY, limits=replace(POLICY.limits, max_cost=Bps(2_000), min_trade=usd(5_000)))
    ports = keeper(32, 38, 20, 10, held=small(1_000))
    for number in range(12):
        run_once(ports, free, LIVE)
        chain_of(ports).deepen(FINAL_BLOCKS)
        there = (32, 38, 20, 10) if number % 2 else (30, 40, 20, 10)
        ports = replace(ports, targets=FixedTargets(wanted(*there)))
    # Each is measured at 40 bps, which is more than was simulated: the fourth passes the half, and there is no fifth.
    assert len(intents_of(ports)) == 4 and past_of(ports).history.cost_share == share("1.6")
    report = tick(replace(ports, targets=FixedTargets(wanted(32, 38, 20, 10))), free)
    assert report.targets is not None and f"half of {POLICY.over_time.cost_per_month / 100:g} %" in report.targets
    assert "the rest is for rebalances" in report.targets


# ---------------------------------------------------------------- when


def test_tick__outside_the_window__stands_and_says_when_it_opens() -> None:
    second = NOW % DAY
    shut = replace(POLICY, window=Window(ALL_WEEK, (second + 3_600) % DAY, (second + 7_200) % DAY))
    said = stands(keeper(*MORE_ETHER), shut)
    assert said.startswith("targets stand: other targets are wanted: WETH 30 % to 40 %")
    assert "outside the trading window" in said


def test_tick__sooner_after_a_rebalance_than_they_are_apart__stands() -> None:
    ports = keeper(30, 40, 20, 10, held=OFF_TARGET)
    assert isinstance(run_once(ports, POLICY, LIVE).outcome, Settled)
    chain_of(ports).deepen(FINAL_BLOCKS)
    later = replace(ports, targets=FixedTargets(wanted(*MORE_ETHER)))
    report = tick(later, replace(POLICY, apart=30 * DAY))
    assert isinstance(report.outcome, Held) and report.targets is not None
    assert "they are at least 30 d apart" in report.targets and targets_now(later) == [30, 40, 20, 10]
    assert isinstance(tick(later).outcome, Settled) and targets_now(later) == list(MORE_ETHER)


def test_tick__of_a_wallet_that_holds_nothing__sets_none() -> None:
    assert "the wallet holds nothing of value" in stands(keeper(*MORE_ETHER, held=small(0)), POLICY)


# ---------------------------------------------------------------- what is wrong with an estimate


class NoRoom(FixedTargets):
    """Nothing can be written beside the lock."""

    def read(self, block: Block) -> tuple[Target, ...]:
        raise ConfigError("what was measured cannot be kept in wallet.targets (No space left on device)")


class Measuring(NoTargets):
    """No estimate can be had, and volatilities can."""

    def __init__(self) -> None:
        super().__init__()
        self.against: list[tuple[Target, ...]] = []

    def measured(self, tokens: Sequence[Token], held_to: Sequence[Target], block: Block) -> Measured:
        self.against.append(tuple(held_to))
        return Measured(tuple(Volatility(token, share(60)) for token in tokens), NOW - 90 * DAY, NOW, 90)


def test_tick__an_estimate_cannot_be_kept__stands_and_rebalances_to_the_modules() -> None:
    report = tick(replace(keeper(30, 40, 20, 10, held=OFF_TARGET), targets=NoRoom(())))
    assert isinstance(report.outcome, Settled) and report.outcome.settlement.fills
    assert report.targets is not None
    assert report.targets.startswith("targets stand: what is wanted is not known: what was measured cannot be kept")


def test_tick__no_estimate_under_bands_that_follow_volatility__measures_against_the_modules() -> None:
    following = Drawn(tuple(replace(width, drawn_at=share(60)) for width in WIDTHS), Back.TARGET)
    targets = Measuring()
    ports = replace(keeper(30, 40, 20, 10, held=OFF_TARGET), targets=targets)
    report = tick(ports, replace(POLICY, trigger=Threshold(following)))
    assert isinstance(report.outcome, Settled) and report.outcome.settlement.fills
    assert targets.against == [wanted(30, 40, 20, 10)]
    assert report.targets is not None and "3 days of prices are missing" in report.targets
