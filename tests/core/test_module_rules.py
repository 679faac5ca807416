"""The module's rules in our words: each on both sides of its edge, in the contract's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from small_market import ATTACKER, NOW, OPERATOR, PRICES, usd
from small_module import MODULE_LIMITS, NOBODY, POLICY_ON_CHAIN, WALLET_OF_MODULE, module_snapshot, wallet_with

from rebalancer.core.model import ModuleSwap, ModuleWallet, Snapshot
from rebalancer.core.module_books import HALF, Order, books_of, least_after, steps
from rebalancer.core.module_rules import first_refusal, refusals
from rebalancer.units import ONE, Ppm, Price, Usd

SNAPSHOT = module_snapshot(50_000, 30_000, 15_000, 5_000)
"""WETH is 20 % over its target of 30 %; USDC 10, WBTC and LINK 5 % under theirs."""
WETH, USDC, WBTC, LINK = range(4)
COIN = 10**18
DIRECT = 3 | 1 << 8 | 500 << 16
SWAP = ModuleSwap(1, WETH, USDC, 5 * COIN, 9_900 * 10**6, DIRECT)
"""Ten thousand dollars, which brings USDC to its target, at the floor."""
UPHILL = ["sells_overweight", "buys_underweight", "sells_past_target", "buys_past_target"]
ORDER = Order((SWAP,), OPERATOR, NOW + 600, 7, NOW + 12)


def rules(order: Order = ORDER, snapshot: Snapshot = SNAPSHOT, wallet: ModuleWallet = WALLET_OF_MODULE) -> list[str]:
    return [b.rule.removeprefix("RebalanceModule: ") for b in refusals(wallet, snapshot, order)]


def of_swap(**changes: Any) -> list[str]:
    return rules(replace(ORDER, swaps=(replace(SWAP, **changes),)))


def test_refusals__of_a_good_order__are_none() -> None:
    assert first_refusal(WALLET_OF_MODULE, SNAPSHOT, ORDER) is None


@pytest.mark.parametrize(
    ("order", "rule"),
    [
        (replace(ORDER, sender=ATTACKER), "only_operator"),
        (replace(ORDER, deadline=NOW + 11), "deadline"),
        (replace(ORDER, nonce=6), "nonce"),
        (replace(ORDER, swaps=()), "swaps"),
        (replace(ORDER, swaps=(SWAP,) * 9), "swaps"),
    ],
)
def test_refusals__of_an_order_with_one_thing_wrong__begin_with_its_rule(order: Order, rule: str) -> None:
    assert rules(order)[0] == rule


def test_deadline__of_the_very_second__is_not_past() -> None:
    assert rules(replace(ORDER, deadline=NOW + 12)) == []


@pytest.mark.parametrize(("last", "broken"), [(NOW + 12 - 600, []), (NOW + 13 - 600, ["cooldown"])])
def test_cooldown__around_its_end__is_over_at_it(last: int, broken: list[str]) -> None:
    assert rules(wallet=wallet_with(last=last)) == broken


def test_cooldown__not_over__says_how_long_it_takes() -> None:
    refusal = first_refusal(wallet_with(last=NOW - 48), SNAPSHOT, ORDER)
    assert refusal is not None
    assert (refusal.observed, refusal.allowed) == ("the last rebalance is 1 min ago", "one after 10 min, in 9 min")


def test_only_operator__of_a_module_without_one__refuses_everybody() -> None:
    assert rules(wallet=wallet_with(operator=NOBODY)) == ["only_operator"]


def test_paused__whatever_is_asked__refuses() -> None:
    assert rules(wallet=wallet_with(paused=True)) == ["paused"]


@pytest.mark.parametrize(
    ("price", "rule"),
    [
        (lambda p: replace(p, usd=Usd(0)), "answer"),
        (lambda p: replace(p, usd=Usd(-1)), "answer"),
        (lambda p: replace(p, updated_at=NOW + 13), "future"),
        (lambda p: replace(p, updated_at=NOW + 12 - 3_601), "heartbeat"),
    ],
)
def test_refusals__of_one_bad_price__come_first_whoever_is_traded(price: Callable[[Price], Price], rule: str) -> None:
    snapshot = replace(SNAPSHOT, prices=(*PRICES[:3], price(PRICES[3])))
    assert rules(replace(ORDER, swaps=()), snapshot) == [rule, "swaps"]


@pytest.mark.parametrize(
    ("usd", "rules_broken"), [(0, ["heartbeat", "answer", "swaps"]), (-1, ["answer", "heartbeat", "swaps"])]
)
def test_answer__of_a_price_that_is_old_too__comes_last_where_it_is_nothing(usd: int, rules_broken: list[str]) -> None:
    bad = replace(PRICES[3], usd=Usd(usd), updated_at=NOW + 12 - 3_601)
    assert rules(replace(ORDER, swaps=()), replace(SNAPSHOT, prices=(*PRICES[:3], bad))) == rules_broken


@pytest.mark.parametrize(
    ("price", "raw", "broken"),
    [
        # A token that makes the whole wallet too large is no larger itself.
        (1, HALF, []),
        (10**18, HALF, ["too_large"]),
        (1, HALF + 1, ["too_large"]),
        (HALF, 1, []),
        (HALF + 1, 1, ["too_large"]),
    ],
)
def test_too_large__of_a_price_a_balance_or_both_together__comes_before_the_swaps(
    price: int, raw: int, broken: list[str]
) -> None:
    held, whole = SNAPSHOT.balances[3], replace(SNAPSHOT.balances[3].token, decimals=18)
    balances = (*SNAPSHOT.balances[:3], replace(held, token=whole, raw=raw))
    snapshot = replace(SNAPSHOT, balances=balances, prices=(*PRICES[:3], Price(whole, Usd(price), NOW)))
    assert rules(replace(ORDER, swaps=()), snapshot) == [*broken, "swaps"]


def test_min_out__that_does_not_fit_beside_the_price__is_refused() -> None:
    most = HALF - SNAPSHOT.balances[USDC].raw
    assert of_swap(min_out=most) == []
    assert of_swap(min_out=most + 1) == ["min_out"]


@pytest.mark.parametrize("edge", [NOW + 12, NOW + 12 - 3_600])
def test_refusals__of_a_price_at_the_edge_of_its_time__are_none(edge: int) -> None:
    assert rules(snapshot=replace(SNAPSHOT, prices=(*PRICES[:3], replace(PRICES[3], updated_at=edge)))) == []


@pytest.mark.parametrize(("band", "broken"), [((10, 11), []), ((9, 10), []), ((11, 12), ["band"]), ((8, 9), ["band"])])
def test_band__of_a_token_at_ten_dollars__holds_with_its_edges(band: tuple[int, int], broken: list[str]) -> None:
    asset = replace(POLICY_ON_CHAIN.assets[3], price_low=usd(band[0]), price_high=usd(band[1]))
    policy = replace(POLICY_ON_CHAIN, assets=(*POLICY_ON_CHAIN.assets[:3], asset))
    assert rules(wallet=replace(WALLET_OF_MODULE, policy=policy)) == broken


def test_heartbeat__of_two_feeds__is_the_longer() -> None:
    asset = replace(POLICY_ON_CHAIN.assets[2], second_feed=ATTACKER, second_heartbeat=86_400)
    policy = replace(POLICY_ON_CHAIN, assets=(*POLICY_ON_CHAIN.assets[:2], asset, POLICY_ON_CHAIN.assets[3]))
    wallet = replace(WALLET_OF_MODULE, policy=policy)
    old = replace(SNAPSHOT, prices=(*PRICES[:2], replace(PRICES[2], updated_at=NOW - 50_000), PRICES[3]))
    assert rules(snapshot=old, wallet=wallet) == []
    assert rules(snapshot=old) == ["heartbeat"]


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"route": 2}, ["route"]),
        ({"token_out": 0}, ["tokens"]),
        ({"token_in": 4}, ["tokens"]),
        ({"amount_in": COIN // 40, "min_out": 10**12}, []),
        ({"amount_in": COIN // 40 - 10**6, "min_out": 10**12}, ["min_trade"]),
        ({"token_in": WBTC, "token_out": LINK, "amount_in": 10**6, "min_out": 10**21}, UPHILL[::2]),
        ({"token_in": USDC, "token_out": WETH, "amount_in": 10**8, "min_out": 10**18}, UPHILL),
        ({"min_out": 9_900 * 10**6 - 1}, ["min_out"]),
        ({"amount_in": 5 * COIN + COIN // 8, "min_out": 10**12}, []),
        ({"amount_in": 5 * COIN + COIN // 8 + 1, "min_out": 10**12}, ["buys_past_target"]),
        ({"path": 0}, ["path"]),
        ({"path": DIRECT | 1 << 40}, ["path"]),
        ({"path": 2 | 1 << 8 | 500 << 16}, ["path"]),
        ({"path": 2 | 2 << 8 | 16 << 40}, []),
        ({"path": 2 | 2 << 8 | 17 << 40}, ["hub"]),
        ({"path": 2 | 2 << 8 | 4 << 40}, ["hub"]),
        ({"path": 2 | 2 << 8 | 1 << 40}, ["hub_twice"]),
        ({"path": 2 | 3 << 8 | 16 << 40 | 16 << 72}, ["hub_twice"]),
        ({"path": 3 | 3 << 8 | 16 << 40 | 2 << 72}, []),
    ],
)  # fmt: skip
def test_refusals__of_one_swap__are_those_of_its_rules(changes: dict[str, Any], broken: list[str]) -> None:
    assert of_swap(**changes) == broken


def test_max_trade__of_thirty_percent__allows_that_and_not_a_unit_more() -> None:
    most = replace(SWAP, amount_in=15 * COIN, min_out=10**12)
    assert "max_trade" not in rules(replace(ORDER, swaps=(most,)))
    assert "max_trade" in rules(replace(ORDER, swaps=(replace(most, amount_in=15 * COIN + 1),)))


def test_sells_past_target__beyond_the_tolerance__says_by_how_much() -> None:
    wallet = wallet_with(max_trade=Ppm(10**6), targets=(300_000, 700_000, 0, 0))
    swap = replace(SWAP, amount_in=11 * COIN, min_out=10**12)
    (refusal,) = refusals(wallet, SNAPSHOT, replace(ORDER, swaps=(swap,)))
    assert refusal.rule == "RebalanceModule: sells_past_target"
    assert refusal.observed == "swap 1, WETH for USDC, sells WETH past its target by 2,000.00 USD"
    assert refusal.allowed == "at most 250.00 USD, 0.25 %"


def test_amount_in__of_a_token_to_be_rid_of__is_what_there_is_of_it() -> None:
    wallet = wallet_with(targets=(500_000, 400_000, 100_000, 0))
    swap = ModuleSwap(1, LINK, USDC, 500 * COIN, 4_950 * 10**6, DIRECT)
    assert rules(replace(ORDER, swaps=(swap,)), wallet=wallet) == []
    more = replace(swap, amount_in=swap.amount_in + 1, min_out=10**12)
    assert rules(replace(ORDER, swaps=(more,)), wallet=wallet) == ["amount_in"]


def test_refusals__of_two_swaps_of_one_pair__look_at_the_second_after_the_first() -> None:
    half = replace(SWAP, amount_in=5 * COIN // 2, min_out=4_950 * 10**6)
    assert rules(replace(ORDER, swaps=(half, half))) == []
    # At its minimum each brings a percent less than its value, and that may still be bought.
    third = replace(SWAP, amount_in=COIN // 40, min_out=50 * 10**6)
    assert rules(replace(ORDER, swaps=(half, half, third))) == []
    full = replace(half, min_out=5_000 * 10**6)
    assert rules(replace(ORDER, swaps=(full, full, third))) == ["buys_underweight"]


def test_refusals__of_a_strange_swap_among_good_ones__go_on_with_the_next() -> None:
    strange, short = replace(SWAP, token_in=9), replace(SWAP, min_out=1)
    assert rules(replace(ORDER, swaps=(strange, short))) == ["tokens", "min_out"]


def test_steps__of_swaps__find_what_the_ones_before_leave_at_their_minimum() -> None:
    books = books_of(SNAPSHOT, WALLET_OF_MODULE)
    first, second = steps(books, MODULE_LIMITS, (SWAP, SWAP))
    assert first is not None and second is not None
    assert (first.seller.value, first.buyer.value, first.sold, first.floor.raw) == (
        usd(50_000), usd(30_000), usd(10_000), 9_900 * 10**6,
    )  # fmt: skip
    assert (second.seller.value, second.buyer.value, second.worth) == (usd(40_000), usd(39_900), usd(100_000))
    assert [h.value for h in least_after(books, (SWAP,)).holdings[:2]] == [usd(40_000), usd(39_900)]


def test_floor__of_a_value_between_two_units__is_rounded_up() -> None:
    (step,) = steps(books_of(SNAPSHOT, WALLET_OF_MODULE), MODULE_LIMITS, (replace(SWAP, amount_in=10**17 + 1),))
    assert step is not None
    assert step.sold == 200 * ONE + 2_000
    assert step.floor.raw == 198 * 10**6 + 1
