"""The policy's executable model, by figures that are worked out by hand. No chain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_policy import (
    ASSETS,
    BLOCK,
    BTC,
    DAY,
    DOLLAR,
    ETH,
    ETHER,
    HELD,
    LIMITS,
    NOW,
    PRICES,
    USDC,
    account,
    order,
    refusal,
    sale,
    tried,
)
from policy_model import ONE, Asset, Block, Fill, Moved, Order, Policy, Portfolio, Swap, price_of


def test_rebalance__fair_swap_to_the_target__moves_balances_and_charges_turnover_only() -> None:
    wallet = account()
    moved = wallet.rebalance(BLOCK, order(sale()), [Fill(5 * ETHER, 10_000 * DOLLAR)])
    assert moved == Moved(100_000 * ONE, 100_000 * ONE, 10_000 * ONE, 0, ONE // 10)
    assert wallet.balances == (25 * ETHER, 30_000 * DOLLAR, HELD[BTC])
    assert (wallet.nonce, wallet.last) == (1, NOW)


def test_rebalance__swap_at_the_floor__charges_the_loss_rounded_up() -> None:
    wallet = account()
    moved = wallet.rebalance(BLOCK, order(sale()), [Fill(5 * ETHER, 9_900 * DOLLAR)])
    assert moved.loss == ONE // 1_000
    assert wallet.loss_left(NOW) == ONE * 5 // 10_000
    assert wallet.portfolio(BLOCK) == Portfolio(
        nav=99_900 * ONE,
        weights=(500_500, 299_299, 200_200),
        drift=1_401,
        loss_left=99_900 * ONE * 5 // 10_000,
        turnover_left=99_900 * ONE * 2 // 10,
    )


def test_loss__of_a_part_of_a_unit__is_charged_as_a_whole_one() -> None:
    wallet = account()
    wallet.balances = (HELD[ETH] + 1, HELD[USDC], HELD[BTC])
    moved = wallet.rebalance(BLOCK, order(sale()), [Fill(5 * ETHER, 10_000 * DOLLAR - 1)])
    assert moved.loss == 10**12 // 100_000
    assert moved.turnover == ONE // 10
    wallet = account()
    wallet.balances = (HELD[ETH] + 10**9, HELD[USDC], HELD[BTC])
    moved = wallet.rebalance(BLOCK, order(sale()), [Fill(5 * ETHER, 10_000 * DOLLAR - 1)])
    assert moved.loss * moved.nav_before > 10**12 * ONE > (moved.loss - 1) * moved.nav_before


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        (replace(order(sale()), sender="attacker"), "only_operator"),
        (order(sale(), deadline=NOW - 1), "deadline"),
        (order(sale(), nonce=1), "nonce"),
        (order(), "swaps"),
        (order(replace(sale(), route=1)), "route"),
        (order(replace(sale(), token_out=ETH)), "tokens"),
        (order(replace(sale(), token_in=3)), "tokens"),
        (order(sale(25 * 10**15 - 1)), "min_trade"),
        (order(sale(10 * ETHER + 1)), "max_trade"),
        (order(Swap(USDC, ETH, 100 * DOLLAR, ETHER)), "sells_overweight"),
        (order(Swap(ETH, BTC, ETHER, 10**8)), "buys_underweight"),
        (order(sale(5 * ETHER + 125 * 10**15 + 1)), "sells_past_target"),
        (order(sale(least=9_900 * DOLLAR - 1)), "min_out"),
        (order(replace(sale(), fault="call_receiver")), "call_receiver"),
    ],
)
def test_rules_before_execution__one_unit_too_far__refuse_by_name(given: Order, rule: str) -> None:
    assert tried(account(), given) == rule
    if rule != "only_operator":
        assert refusal(lambda: account().preview(BLOCK, given)) == rule


def test_buys_past_target__one_unit_past_the_tolerance__is_refused() -> None:
    wallet = account()
    wallet.targets = (300_000, 250_000, 450_000)
    fits = order(Swap(ETH, USDC, 2_625 * 10**15, 5_250 * DOLLAR))
    wallet.preview(BLOCK, fits)
    assert tried(wallet, order(replace(fits.swaps[0], amount_in=2_625 * 10**15 + 1))) == "buys_past_target"


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        (Block(NOW, PRICES, "grace"), "grace"),
        (Block(NOW, (PRICES[0], "heartbeat", 60_000 * ONE)), "heartbeat"),
        (Block(NOW, (PRICES[0], PRICES[1], 50_000 * ONE + 1)), "band"),
        (Block(NOW, (0, PRICES[1], PRICES[2])), "answer"),
        (Block(NOW, (2**128, PRICES[1], PRICES[2])), "too_large"),
        (Block(NOW, (PRICES[0], PRICES[1], 2**128)), "band"),
        # One token is done with before the next is looked at.
        (Block(NOW, (2**128, "answer", PRICES[2])), "too_large"),
    ],
)
def test_prices__that_are_not_to_be_believed__refuse_by_the_first_rule(block: Block, rule: str) -> None:
    assert tried(account(), order(sale()), block) == rule


@pytest.mark.parametrize(
    ("fill", "rule"),
    [
        (Fill(5 * ETHER + 1, 9_900 * DOLLAR), "balances"),
        (Fill(5 * ETHER, 9_900 * DOLLAR - 1), "balances"),
        (Fill(5 * ETHER, 0, "execution"), "execution"),
        (Fill(0, 0, "payment"), "payment"),
    ],
)
def test_execution__that_takes_more_or_brings_less__is_refused(fill: Fill, rule: str) -> None:
    assert refusal(lambda: account().rebalance(BLOCK, order(sale()), [fill])) == rule


def test_payment__that_fails_for_a_path_that_is_none__is_the_first_to_be_told() -> None:
    given = order(replace(sale(), fault="hub"))
    fails, pays = Fill(0, 0, "payment"), Fill(5 * ETHER, 0, "execution")
    assert refusal(lambda: account().rebalance(BLOCK, given, [fails])) == "payment"
    assert refusal(lambda: account().rebalance(BLOCK, given, [pays])) == "hub"
    # Nothing is paid to find out beforehand.
    assert refusal(lambda: account().preview(BLOCK, given)) == "hub"


def test_end__another_balance_or_ether_lower__is_refused() -> None:
    fill, at_end = [Fill(5 * ETHER, 10_000 * DOLLAR)], (25 * ETHER, 30_000 * DOLLAR, HELD[BTC] - 1)
    assert refusal(lambda: account().rebalance(BLOCK, order(sale()), fill, at_end)) == "balances"
    assert refusal(lambda: account().rebalance(BLOCK, order(sale()), fill, (), -1)) == "ether"


def test_amount_in__beyond_what_is_held__is_refused() -> None:
    wallet = account()
    wallet.policy = Policy((Asset(18), *ASSETS[1:]), LIMITS)
    wallet.targets, wallet.balances = (0, 800_000, 200_000), (ETHER // 10, 79_800 * DOLLAR, HELD[BTC])
    assert tried(wallet, order(Swap(ETH, USDC, ETHER // 10 + 1, 201 * DOLLAR))) == "amount_in"
    wallet.rebalance(BLOCK, order(Swap(ETH, USDC, ETHER // 10, 198 * DOLLAR)), [Fill(ETHER // 10, 200 * DOLLAR)])
    assert wallet.balances[ETH] == 0


def test_swaps__after_one_that_is_planned_at_its_minimum__see_the_planned_balances() -> None:
    wallet = account()
    halves = order(sale(3 * ETHER, 5_940 * DOLLAR), sale(2 * ETHER, 3_960 * DOLLAR))
    wallet.preview(BLOCK, halves)
    past = order(halves.swaps[0], sale(2 * ETHER + 126 * 10**15, 5_000 * DOLLAR))
    assert tried(wallet, past) == "sells_past_target"
    # Only the sum has to be there in the end.
    wallet.rebalance(BLOCK, halves, [Fill(3 * ETHER, 0), Fill(2 * ETHER, 9_900 * DOLLAR)])
    assert wallet.balances == (25 * ETHER, 29_900 * DOLLAR, HELD[BTC])


def test_range__of_a_token_that_is_not_traded__is_not_asked() -> None:
    wallet = account()
    wallet.policy = Policy((*ASSETS[:2], Asset(8, 0, 200_000)), LIMITS)
    # The loss alone lifts the weight of what is left alone.
    wallet.rebalance(BLOCK, order(sale()), [Fill(5 * ETHER, 9_900 * DOLLAR)])
    assert wallet.portfolio(BLOCK).weights[BTC] == 200_200


def test_drift__overshoot_of_more_than_a_third__is_refused() -> None:
    wallet = account()
    wallet.balances = (2_505 * 10**16, 29_900 * DOLLAR, HELD[BTC])
    # 100 dollars above: 33 past the target is as good as it gets.
    assert tried(wallet, order(sale(67 * 10**15, 134 * DOLLAR))) == "drift"
    wallet.rebalance(BLOCK, order(sale(665 * 10**14, 133 * DOLLAR)), [Fill(665 * 10**14, 133 * DOLLAR)])


@pytest.mark.parametrize("dollars", [2 * 10**-2, 80, 250])
def test_drift__churn_inside_the_tolerance__is_refused(dollars: float) -> None:
    wallet = account(replace(LIMITS, min_trade=1))
    # One cent above the target, and a tolerance of 250 dollars: what one side of it licenses, the other would again.
    wallet.balances = (25 * ETHER + 5 * 10**12, 30_000 * DOLLAR - 10**4, HELD[BTC])
    amount = int(dollars * 10**4) * ETHER // (2_000 * 10**4)
    assert tried(wallet, order(sale(amount, int(dollars * DOLLAR)))) == "drift"


def test_min_out__where_a_feed_fails__is_not_told() -> None:
    assert account().min_out(BLOCK, ETH, USDC, ETHER) == 1_980 * DOLLAR
    block = Block(NOW, (PRICES[ETH], PRICES[USDC], "heartbeat"))
    assert refusal(lambda: account().min_out(block, ETH, USDC, ETHER)) == "heartbeat"


def test_balances__of_more_than_half_a_word__are_refused() -> None:
    wallet = account()
    wallet.balances = (HELD[ETH], HELD[USDC], 2**128)
    assert tried(wallet, order(sale())) == "too_large"
    wallet.balances = (HELD[ETH], HELD[USDC], 2**128 - 1)
    assert tried(wallet, order(sale())) == "too_large"
    assert tried(account(), order(sale(least=2**128 - HELD[USDC]))) == "min_out"
    fill = [Fill(5 * ETHER, 9_900 * DOLLAR)]
    at_end = (25 * ETHER, 2**128, HELD[BTC])
    assert refusal(lambda: account().rebalance(BLOCK, order(sale()), fill, at_end)) == "too_large"


def test_range__bought_beyond_the_owners_most__is_refused_unless_it_was_there_before() -> None:
    wallet = account()
    wallet.policy = Policy((ASSETS[0], Asset(6, 0, 300_000), ASSETS[2]), LIMITS)
    given, fill = order(sale(5 * ETHER, 10_000 * DOLLAR)), [Fill(5 * ETHER, 10_001 * DOLLAR)]
    assert refusal(lambda: wallet.rebalance(BLOCK, given, fill)) == "range"
    wallet.policy = Policy((Asset(18, 0, 400_000), *ASSETS[1:]), LIMITS)
    wallet.rebalance(BLOCK, given, fill)
    assert wallet.portfolio(BLOCK).weights[ETH] > 400_000


def test_meters__full_of_loss__empty_with_time_and_not_before() -> None:
    wallet = account()
    wallet.rebalance(BLOCK, order(sale(4 * ETHER, 7_920 * DOLLAR)), [Fill(4 * ETHER, 7_920 * DOLLAR)])
    assert wallet.loss == ONE * 8 // 10_000
    # 0.08 % of 0.15 % a day is gone after 46,080 seconds.
    assert wallet.loss_left(NOW + 46_079) < ONE * 15 // 10_000 == wallet.loss_left(NOW + 46_080)
    wallet.balances = HELD
    soon = Block(NOW + 600, PRICES)
    assert tried(wallet, order(sale(), nonce=1, deadline=NOW + 600), soon) == "max_loss"
    assert tried(wallet, order(sale(), nonce=1, deadline=NOW + 600), Block(NOW + 599, PRICES)) == "cooldown"


def test_meters__turnover_beyond_what_is_left__is_refused() -> None:
    wallet = account(replace(LIMITS, max_turnover=99_999))
    fair = sale(least=10_000 * DOLLAR)
    assert tried(wallet, order(fair)) == "max_turnover"
    wallet = account(replace(LIMITS, max_turnover=100_000))
    wallet.rebalance(BLOCK, order(fair), [Fill(5 * ETHER, 10_000 * DOLLAR)])
    assert wallet.turnover_left(NOW) == 0
    assert wallet.turnover_left(NOW + DAY // 2) == ONE // 20


def test_gain__before_a_loss__earns_nothing() -> None:
    wallet = account()
    rich = Fill(4 * ETHER, 8_500 * DOLLAR)
    wallet.rebalance(BLOCK, order(sale(4 * ETHER, 8_000 * DOLLAR)), [rich])
    assert wallet.loss_left(NOW) == ONE * 15 // 10_000


def test_price__of_two_feeds__is_their_product_rounded_down() -> None:
    assert price_of((2_000 * 10**8, 8)) == 2_000 * ONE
    assert price_of((40_000 * 10**8, 8), (99_950_000, 8)) == 39_980 * ONE
    assert price_of((1, 18), (1, 18)) == 0
