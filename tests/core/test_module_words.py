"""What two policies differ in, in words: every value that differs has a line with both, and no other has one."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleRoute
from rebalancer.core.module_words import dollars, policy_difference, share, span, targets_difference
from rebalancer.units import ONE, Address, Ppm, Usd

A, B, C, D, E, F = (Address("0x" + digit * 40) for digit in "123456")
WHOLE = (Ppm(0), Ppm(1_000_000), Usd(0), Usd(0))
LIMITS = ModuleLimits(
    window=86_400,
    max_turnover=Ppm(300_000),
    max_loss=Ppm(5_000),
    max_shortfall=Ppm(5_000),
    min_trade=Usd(50 * ONE),
    max_trade=Ppm(300_000),
    tolerance=Ppm(2_500),
    cooldown=600,
    target_step=Ppm(0),
    allow_opaque=False,
    sequencer=NOBODY,
    grace=0,
)
POLICY = ModulePolicy(
    safe=A,
    assets=(ModuleAsset(B, C, 3_900, NOBODY, 0, *WHOLE), ModuleAsset(D, C, 3_900, E, 86_700, *WHOLE)),
    hubs=(),
    routes=(ModuleRoute(F, NOBODY),),
    limits=LIMITS,
)
NAMES = {B: "WETH", D: "WBTC"}


def with_asset(**change: object) -> ModulePolicy:
    return replace(POLICY, assets=(replace(POLICY.assets[0], **change), POLICY.assets[1]))  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"price_low": Usd(5)}, {"second_heartbeat": 5}], ids=["price_low", "heartbeat"])
def test_policy_difference__in_a_value_without_words__says_at_least_that_they_differ(change: dict[str, int]) -> None:
    (line,) = policy_difference(with_asset(**change), POLICY, NAMES)
    assert line == "the policy on the chain is not the one in the configuration, in a value that is not shown"


def test_policy_difference__of_one_policy__is_empty() -> None:
    assert policy_difference(POLICY, POLICY, NAMES) == ()


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (replace(POLICY, safe=B), f"safe: {A} on the chain, WETH in the configuration"),
        (replace(POLICY, hubs=(B, C)), f"hubs: none on the chain, WETH, {C} in the configuration"),
        (
            replace(POLICY, assets=POLICY.assets[::-1]),
            "tokens: WETH, WBTC on the chain, WBTC, WETH in the configuration",
        ),
        (replace(POLICY, assets=POLICY.assets[:1]), "tokens: WETH, WBTC on the chain, WETH in the configuration"),
        (with_asset(feed=E), f"WETH, feed: {C}, at most 65 min old on the chain, {E}, at most 65 min old in the"),
        (with_asset(heartbeat=3_901), f"WETH, feed: {C}, at most 65 min old on the chain, {C}, at most 3901 s old in"),
        (with_asset(second_feed=E, second_heartbeat=60), f"WETH, second feed: none on the chain, {E}, at most 1 min"),
        (with_asset(least=Ppm(100_000)), "WETH, range: 0 % to 100 % on the chain, 10 % to 100 % in the configuration"),
        (with_asset(most=Ppm(625_001)), "WETH, range: 0 % to 100 % on the chain, 0 % to 62.5001 % in the"),
        (with_asset(price_high=Usd(ONE)), "WETH, price band: any price on the chain, 0 USD to 1 USD in the"),
        (
            replace(POLICY, routes=(ModuleRoute(E, NOBODY),)),
            f"route 0: {F}, built on the chain, {E}, built in the configuration",
        ),
        (
            replace(POLICY, routes=(*POLICY.routes, ModuleRoute(E, C))),
            f"route 1: none on the chain, {E}, checked by {C} in the configuration",
        ),
    ],
)
def test_policy_difference__of_one_value__is_one_line_with_both(other: ModulePolicy, line: str) -> None:
    (said,) = policy_difference(POLICY, other, NAMES)
    assert said.startswith(line)


@pytest.mark.parametrize("name", [field.name for field in fields(ModuleLimits)])
def test_policy_difference__of_any_limit__names_it(name: str) -> None:
    before = getattr(LIMITS, name)
    after = A if name == "sequencer" else not before if name == "allow_opaque" else before + 1
    (line,) = policy_difference(POLICY, replace(POLICY, limits=replace(LIMITS, **{name: after})))
    what, _, values = line.partition(": ")
    one, _, other = values.partition(" on the chain, ")
    assert what == name and one and other.removesuffix(" in the configuration") != one


def test_policy_difference__of_a_policy_to_come__says_before_and_after() -> None:
    after = replace(POLICY, limits=replace(LIMITS, max_turnover=Ppm(200_000), allow_opaque=True))
    assert policy_difference(POLICY, after, where=("before", "after")) == (
        "max_turnover: 30 % before, 20 % after",
        "allow_opaque: no before, yes after",
    )


def test_targets_difference__names_those_that_differ_alone() -> None:
    targets = ((Ppm(600_000), Ppm(400_000)), (Ppm(600_000), Ppm(399_999)))
    assert targets_difference(POLICY.assets, targets, NAMES) == (
        "target of WBTC: 40 % on the chain, 39.9999 % in the configuration",
    )


def test_words__of_two_values_that_differ__never_read_alike() -> None:
    assert (share(0), share(2_500), share(1_000_000), share(1)) == ("0 %", "0.25 %", "100 %", "0.0001 %")
    assert (span(0), span(59), span(600), span(86_400), span(86_401)) == ("0 s", "59 s", "10 min", "1 d", "86401 s")
    assert (dollars(0), dollars(1_000 * ONE), dollars(ONE // 2), dollars(1)) == (
        "0 USD",
        "1,000 USD",
        "0.5 USD",
        "0.000000000000000001 USD",
    )
