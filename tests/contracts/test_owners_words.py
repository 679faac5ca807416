"""A policy in words, and what differs between two of them."""

from __future__ import annotations

from dataclasses import replace

from given_module import SYMBOLS, TARGETS, policy_of, with_limits

from rebalancer.core.model.module import NOBODY, ModulePolicy, ModuleRoute, ModuleState
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import ONE, Address, Ppm, Usd, Weight
from scripts._owners.words import difference, left_lines, policy_lines, share, state_lines

SAFE, OPERATOR, GUARDIAN = (Address(f"0x{'0' * 38}{tail}") for tail in ("A1", "b2", "C3"))
NAMES = {LISTINGS[symbol].token.address: symbol for symbol in (*SYMBOLS, "USDT", "DAI")}
POLICY = policy_of(SAFE)
STATE = ModuleState(OPERATOR, GUARDIAN, False, 7, 0, tuple(map(Ppm, TARGETS)), Weight(0), Weight(ONE // 4), Weight(0))


def _changed(after: ModulePolicy) -> list[str]:
    return difference(policy_lines(POLICY, NAMES), policy_lines(after, NAMES))


def test_share__of_a_millionth__is_shown_in_full() -> None:
    assert [share(ppm) for ppm in (1, 2_500, 300_000, 1_000_000)] == ["0.0001 %", "0.25 %", "30 %", "100 %"]


def test_difference__of_equal_policies__is_nothing() -> None:
    assert _changed(policy_of(SAFE)) == []


def test_difference__of_every_limit__names_each_of_them() -> None:
    other = {"window": 7_200, "max_turnover": 1, "max_loss": 2, "max_shortfall": 3, "min_trade": 4 * ONE}
    other |= {"max_trade": 5, "tolerance": 6, "cooldown": 7, "target_step": 8, "allow_opaque": True}
    other |= {"sequencer": GUARDIAN, "grace": 9}
    for field, value in other.items():
        changes = _changed(with_limits(POLICY, **{field: value}))
        # The grace says nothing where there is no sequencer, and the window stands in two other lines as well.
        assert len(changes) == {"grace": 0, "window": 3}.get(field, 1), (field, changes)


def test_difference__of_an_asset__shows_both_sides() -> None:
    first = POLICY.assets[0]
    banded = replace(first, most=Ppm(500_000), price_low=Usd(ONE), price_high=Usd(9 * ONE))
    (line,) = _changed(replace(POLICY, assets=(banded, *POLICY.assets[1:])))
    assert line.startswith("WETH: 0 % to 100 % of the wallet; ")
    assert "→ 0 % to 50 % of the wallet; " in line
    assert line.endswith("believed from 1.00 USD to 9.00 USD")
    other_feed = replace(first, feed=FEEDS["UNI/USD"].address)
    (line,) = _changed(replace(POLICY, assets=(other_feed, *POLICY.assets[1:])))
    assert FEEDS["UNI/USD"].address in line.split("→")[1]


def test_difference__of_a_token_that_goes_and_a_route_that_comes__says_not_listed() -> None:
    routes = (*POLICY.routes, ModuleRoute(OPERATOR, GUARDIAN))
    lines = _changed(replace(POLICY, assets=POLICY.assets[:-1], routes=routes, hubs=()))
    assert [line.split(":")[0] for line in lines] == ["UNI", "hubs", "route 1"]
    assert lines[0].endswith("→ not listed")
    assert lines[1] == "hubs: USDT, DAI → none"
    assert lines[2] == f"route 1: not listed → {OPERATOR}, calldata checked by {GUARDIAN}"


def test_state_lines__of_every_role__say_who_and_what() -> None:
    before = state_lines(POLICY, STATE, NAMES)
    after = state_lines(POLICY, replace(STATE, operator=NOBODY, guardian=OPERATOR, paused=True), NAMES)
    assert difference(before, after) == [
        f"operator: {OPERATOR} → nobody",
        f"guardian: {GUARDIAN} → {OPERATOR}",
        "paused: no → yes: no rebalance until the Safe unpauses",
    ]
    assert before["targets"] == "WETH 30 %, WBTC 25 %, USDC 20 %, LINK 15 %, UNI 10 %"
    assert left_lines(STATE) == {"may still lose": "0 %", "may still trade": "25 %", "rebalances so far": "7"}
