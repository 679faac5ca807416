"""A policy and its roles in words, exactly; and what differs between two modules."""

from __future__ import annotations

from dataclasses import replace

from given_module import SYMBOLS, TARGETS, policy_of, with_limits

from rebalancer.core.model.module import NOBODY, ModulePolicy, ModuleRoute, ModuleState
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.units import ONE, Address, Ppm, Usd, Weight
from scripts._owners.words import left_lines, policy_lines, roles_difference, state_lines, table, whole_difference

SAFE, OPERATOR, GUARDIAN = (Address(f"0x{'0' * 38}{tail}") for tail in ("A1", "b2", "C3"))
NAMES = {LISTINGS[symbol].token.address: symbol for symbol in (*SYMBOLS, "USDT", "DAI")}
POLICY = policy_of(SAFE)
STATE = ModuleState(OPERATOR, GUARDIAN, False, 7, 0, tuple(map(Ppm, TARGETS)), Weight(0), Weight(ONE // 4), Weight(0))
CENTS = Usd(50 * ONE + 4 * 10**15)
"""50.004 USD."""


def _changed(after: ModulePolicy, state: ModuleState = STATE) -> list[str]:
    return whole_difference((POLICY, STATE), (after, state), NAMES, ("before", "after"))


def test_whole_difference__of_the_same_module__is_nothing() -> None:
    assert _changed(policy_of(SAFE), replace(STATE)) == []


def test_whole_difference__of_what_rounding_would_hide__says_both_exactly() -> None:
    assert _changed(with_limits(POLICY, min_trade=CENTS)) == ["min_trade: 50 USD before, 50.004 USD after"]
    low, next_low = (Usd(ONE + thousandths * 10**15) for thousandths in (1, 4))
    first, next_first = (replace(POLICY.assets[0], price_low=each, price_high=Usd(9 * ONE)) for each in (low, next_low))
    one, other = (replace(POLICY, assets=(asset, *POLICY.assets[1:])) for asset in (first, next_first))
    assert whole_difference((one, STATE), (other, STATE), NAMES, ("before", "after")) == [
        "WETH, price band: 1.001 USD to 9 USD before, 1.004 USD to 9 USD after"
    ]


def test_whole_difference__of_another_order__is_one() -> None:
    (line,) = _changed(replace(POLICY, assets=POLICY.assets[::-1]), replace(STATE, targets=STATE.targets))[:1]
    assert line == "tokens: WETH, WBTC, USDC, LINK, UNI before, UNI, LINK, USDC, WBTC, WETH after"


def test_whole_difference__of_the_roles_alone__names_them() -> None:
    assert _changed(POLICY, replace(STATE, paused=True, guardian=NOBODY)) == [
        f"guardian: {GUARDIAN} → nobody",
        "paused: no → yes: no rebalance until the Safe unpauses",
    ]


def test_policy_lines__a_token_that_is_called_like_a_limit__hides_nothing() -> None:
    names = {**NAMES, POLICY.assets[0].token: "window", POLICY.assets[1].token: "window"}
    lines = policy_lines(POLICY, names)
    assert [label for label, _ in lines].count("token window") == 2
    assert ("window", "1 d") in lines
    assert len(table(lines).splitlines()) == len(lines)


def test_policy_lines__of_odd_figures__are_exact() -> None:
    banded = replace(POLICY.assets[0], heartbeat=3_901, price_low=Usd(1), price_high=CENTS)
    odd = with_limits(replace(POLICY, assets=(banded, *POLICY.assets[1:])), min_trade=CENTS, cooldown=3_901)
    lines = dict(policy_lines(odd, NAMES))
    assert (lines["min_trade"], lines["cooldown"]) == ("50.004 USD", "3901 s")
    assert lines["token WETH"].endswith(
        "(at most 3901 s old), believed from 0.000000000000000001 USD to 50.004 USD",
    )


def test_policy_lines__of_a_checked_route__say_by_whom() -> None:
    lines = dict(policy_lines(replace(POLICY, routes=(*POLICY.routes, ModuleRoute(OPERATOR, GUARDIAN))), NAMES))
    assert lines["route 1"] == f"{OPERATOR}, calldata checked by {GUARDIAN}"
    assert lines["hubs"] == "USDT, DAI"


def test_state_lines__of_every_role__say_who_and_what() -> None:
    before = state_lines(POLICY, STATE, NAMES)
    after = state_lines(POLICY, replace(STATE, operator=NOBODY, guardian=OPERATOR, paused=True), NAMES)
    assert roles_difference(before, after) == [
        f"operator: {OPERATOR} → nobody",
        f"guardian: {GUARDIAN} → {OPERATOR}",
        "paused: no → yes: no rebalance until the Safe unpauses",
    ]
    assert dict(before)["targets"] == "WETH 30 %, WBTC 25 %, USDC 20 %, LINK 15 %, UNI 10 %"
    left = [("may still lose", "0 %"), ("may still trade", "25 %"), ("rebalances so far", "7")]
    assert left_lines(STATE) == left
