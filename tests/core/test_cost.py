"""What a rebalance costs: fees, impact, gas, and whether it is worth it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_market import (
    BLOCK,
    FEES,
    GWEI,
    LIMITS,
    LINK,
    PRICES,
    USDC,
    WBTC,
    WETH,
    batch_of,
    planned,
    price_of,
    quote_of,
    snapshot_with,
    usd,
    v2_pool,
    v3_pool,
    worth,
)

from rebalancer.core.cost import (
    cost_bps,
    cost_of_changes,
    cost_of_quotes,
    fees_for,
    gas_price_in,
    gas_price_now,
    impact_bps_up,
    stepped_up,
    total,
    worth_it,
)
from rebalancer.core.flows import fee_ppm
from rebalancer.core.model import Cost, Fees, Hold, Quote, Snapshot, Trade
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.units import Amount, Bps, Token, Usd, Wei

ONE_POOL = replace(snapshot_with(0, 0, 0, 0), pools=(v3_pool(USDC, WETH, 3_000, 20_000_000),))


def selling(sell: Amount, buy: Token, snapshot: Snapshot = ONE_POOL) -> Quote:
    value = price_of(sell.token).value_down(sell.raw)
    return quote_of(Trade(sell, buy, value, Amount(buy, 1)), snapshot)


# ---------------------------------------------------------------- gas


@pytest.mark.parametrize(
    ("base", "tip", "most", "expected"),
    [
        (10, 1, 100, Fees(Wei(21), Wei(1))),
        (50, 1, 100, Fees(Wei(78), Wei(1))),
        (90, 1, 100, Fees(Wei(91), Wei(1))),
        (100, 1, 100, Fees(Wei(100), Wei(1))),
        (10, 1, 21, Fees(Wei(16), Wei(1))),
        (0, 3, 2, Fees(Wei(2), Wei(2))),
    ],
)
def test_fees_for__twice_the_base_and_the_tip__never_above_the_limit(
    base: int, tip: int, most: int, expected: Fees
) -> None:
    limits = replace(LIMITS, tip=Wei(tip), max_gas_price=Wei(most))
    assert fees_for(replace(BLOCK, base_fee=Wei(base)), limits) == expected


@pytest.mark.parametrize(("usual", "tip"), [(0, 1), (1, 1), (3, 3), (500, 100)])
def test_fees_for__builders_were_paid_more_lately__offers_as_much_under_the_limit(usual: int, tip: int) -> None:
    limits = replace(LIMITS, tip=Wei(1), max_gas_price=Wei(100))
    assert fees_for(replace(BLOCK, base_fee=Wei(10), tip=Wei(usual)), limits).tip == tip


@given(base=st.integers(0, 200), usual=st.integers(0, 200), most=st.integers(2, 200))
def test_fees_for__whatever_gas_costs__can_be_mined_now_or_is_at_the_limit(base: int, usual: int, most: int) -> None:
    limits = replace(LIMITS, tip=Wei(1), max_gas_price=Wei(most))
    fees = fees_for(replace(BLOCK, base_fee=Wei(base), tip=Wei(usual)), limits)
    assert 0 < fees.tip <= fees.max_fee <= most
    assert fees.max_fee >= base + fees.tip or fees.max_fee == most


@given(base=st.integers(0, 40 * GWEI))
def test_fees_for__while_gas_is_cheap__leaves_two_steps_under_the_limit(base: int) -> None:
    fees = fees_for(replace(BLOCK, base_fee=Wei(base)), replace(LIMITS, max_gas_price=Wei(64 * GWEI)))
    assert stepped_up(stepped_up(fees)).max_fee <= 64 * GWEI


def test_gas_price_now__base_and_tip__capped_by_the_most_we_pay() -> None:
    assert gas_price_now(BLOCK, FEES) == 11 * GWEI
    assert gas_price_now(BLOCK, Fees(Wei(10 * GWEI), Wei(GWEI))) == 10 * GWEI


def test_gas_price_in__a_token__is_the_same_dollars() -> None:
    # 100,000 gas at 11 gwei is 0.0011 ETH, 2.20 USD at 2,000.
    assert gas_price_in(price_of(USDC), PRICES[0], Wei(11 * GWEI)).cost_up(100_000) == 2_200_000
    assert gas_price_in(price_of(WBTC), PRICES[0], Wei(11 * GWEI)).cost_up(100_000) == 5_500
    assert gas_price_in(price_of(WETH), PRICES[0], Wei(11 * GWEI)).cost_up(1) == 11 * GWEI


# ---------------------------------------------------------------- quotes


def test_cost_of_quotes__one_hop__has_the_pools_fee_the_impact_and_the_gas() -> None:
    quote = selling(worth(WETH, 20_000), USDC)
    cost = cost_of_quotes((quote,), ONE_POOL, FEES)
    assert cost.traded == usd(20_000)
    assert cost.fee == usd(60) and cost.impact is not None
    # 20,000 into 20,000,000 on each side moves the price we get by a thousandth.
    assert abs(cost.impact - usd("19.86")) < usd("0.05")
    assert abs(cost.shortfall - cost.fee - cost.impact) < usd("0.0001")
    assert cost.gas == usd("0.000000022") * quote.gas * 1_000


def test_cost_of_quotes__two_hops__adds_both_fees_at_the_oracle() -> None:
    snapshot = replace(ONE_POOL, pools=(*ONE_POOL.pools, v3_pool(LINK, WETH, 500, 20_000_000)))
    cost = cost_of_quotes((selling(worth(USDC, 10_000), LINK, snapshot),), snapshot, FEES)
    assert cost.fee is not None and abs(cost.fee - usd(30) - usd("4.98")) < usd("0.01")


def test_cost_of_quotes__a_v2_pair__keeps_three_thousandths() -> None:
    snapshot = replace(ONE_POOL, pools=(v2_pool(USDC, WETH, 20_000_000),))
    assert fee_ppm(snapshot.pools[0]) == 3_000
    assert cost_of_quotes((selling(worth(USDC, 10_000), WETH, snapshot),), snapshot, FEES).fee == usd(30)


def test_cost_of_quotes__no_route__knows_the_shortfall_only() -> None:
    quote = replace(selling(worth(WETH, 20_000), USDC), route=None, expected=Amount(USDC, 19_990_000_000))
    cost = cost_of_quotes((quote,), ONE_POOL, FEES)
    assert (cost.fee, cost.impact, cost.shortfall) == (None, None, usd(10))
    assert impact_bps_up(quote.route, quote.trade.sell.raw, quote.expected.raw) == 0


def test_cost_of_quotes__between_two_units__rounds_what_goes_up_and_what_comes_down() -> None:
    odd = replace(ONE_POOL, prices=tuple(replace(p, usd=Usd(p.usd + 1)) for p in PRICES))
    quote = selling(worth(WETH, 20_000), USDC)
    tiny = replace(quote, trade=replace(quote.trade, sell=Amount(WETH, 1)), expected=Amount(USDC, 1))
    cost = cost_of_quotes((tiny,), odd, FEES)
    assert (cost.traded, cost.fee, cost.shortfall) == (2_000, 2_001, 2_001 - 10**12)


def test_cost_of_quotes__a_route_over_a_pool_without_a_price__has_no_parts() -> None:
    quote = selling(worth(WETH, 20_000), USDC)
    pools = tuple(replace(pool, liquidity=0) for pool in ONE_POOL.pools if not isinstance(pool, V2Pool))
    cost = cost_of_quotes((quote,), replace(ONE_POOL, pools=pools), FEES)
    assert (cost.fee, cost.impact) == (None, None)


def test_impact_bps_up__a_part_of_a_bp__is_rounded_up() -> None:
    for dollars, share in ((1, 1), (200_000, 99)):
        quote = selling(worth(WETH, dollars), USDC)
        assert impact_bps_up(quote.route, quote.trade.sell.raw, quote.expected.raw) == share


@given(st.integers(1, 10**7), st.sampled_from([(WETH, USDC), (USDC, WETH), (USDC, WBTC), (LINK, USDC)]))
def test_cost_of_quotes__of_any_size__has_parts_that_are_not_negative_and_rounds_against_us(
    dollars: int, pair: tuple[Token, Token]
) -> None:
    snapshot = snapshot_with(0, 0, 0, 0)
    quote = selling(worth(pair[0], dollars), pair[1], snapshot)
    cost = cost_of_quotes((quote,), snapshot, FEES)
    assert cost.fee is not None and cost.impact is not None
    assert min(cost.traded, cost.fee, cost.gas) > 0 and cost.impact >= 0
    # The pools stand at the oracle's price, so fee and impact are all of the shortfall; but for the fee of a
    # second hop on what the first one's impact kept from it, and units too small to pay.
    units = cost.traded // 10**6 + usd("0.001")
    assert -units <= cost.shortfall - cost.fee - cost.impact <= cost.impact * 3 // 1_000 + units


# ---------------------------------------------------------------- measured


def test_cost_of_changes__sold_and_bought__count_at_the_prices_given() -> None:
    changes = (worth(WETH, 0) - worth(WETH, 10_000), Amount(USDC, 9_970_000_000), Amount(WBTC, 0))
    quoted = Cost(usd(1), usd(2), usd(3), usd(4), usd(5))
    cost = cost_of_changes(changes, PRICES, (400_000, Wei(10 * GWEI)), PRICES[0], quoted)
    assert cost == Cost(usd(10_000), usd(2), usd(3), usd(30), usd(8))


def test_cost_of_changes__nothing_quoted__has_no_parts() -> None:
    cost = cost_of_changes((Amount(WETH, -(10**18)),), PRICES, (0, Wei(0)), PRICES[0], None)
    assert cost == Cost(usd(2_000), None, None, usd(2_000), Usd(0))


def test_cost_of_changes__between_two_units__rounds_sold_up_and_bought_and_traded_down() -> None:
    odd = tuple(replace(p, usd=Usd(p.usd + 1)) for p in PRICES)
    cost = cost_of_changes((Amount(WETH, -1), Amount(USDC, 1)), odd, (1, Wei(1)), odd[0], None)
    assert cost == Cost(Usd(2_000), None, None, Usd(2_001 - 10**12), Usd(2_001))


# ---------------------------------------------------------------- is it worth it


def test_total__is_shortfall_and_gas__and_not_their_parts_again() -> None:
    assert total(Cost(usd(10_000), usd(5), usd(2), usd(8), usd(3))) == usd(11)


@pytest.mark.parametrize(
    ("shortfall", "expected"),
    [(usd(10), 10), (Usd(usd(10) + 1), 11), (usd(0), 0), (usd(-10), -10), (Usd(usd(-10) + 1), -9)],
)
def test_cost_bps__of_the_value_traded__is_rounded_up_and_signed(shortfall: Usd, expected: int) -> None:
    assert cost_bps(Cost(usd(10_000), Usd(0), Usd(0), shortfall, Usd(0))) == expected


def test_cost_bps__nothing_traded__is_zero() -> None:
    assert cost_bps(Cost(Usd(0), Usd(0), Usd(0), Usd(0), usd(1))) == 0


def test_worth_it__at_the_limit__goes_on() -> None:
    limits = replace(LIMITS, max_cost=Bps(50))
    assert worth_it(Cost(usd(10_000), Usd(0), Usd(0), usd(40), usd(10)), limits) is None


def test_worth_it__a_unit_over__holds_with_the_figures() -> None:
    limits = replace(LIMITS, max_cost=Bps(50))
    answer = worth_it(Cost(usd(10_000), Usd(0), Usd(0), usd(40), Usd(usd(10) + 1)), limits)
    assert isinstance(answer, Hold)
    assert "trading 10,000.00 USD would cost 50.00 USD (51 bps)" in answer.reason
    assert "40.00 USD against the oracle and 10.00 USD of gas" in answer.reason
    assert "max_cost allows 50 bps" in answer.reason


def test_worth_it__nothing_traded__holds() -> None:
    assert worth_it(Cost(Usd(0), Usd(0), Usd(0), Usd(0), Usd(0)), LIMITS) == Hold("nothing would be traded")


def test_cost_of_quotes__of_a_batch__is_the_sum_over_its_quotes() -> None:
    snapshot = snapshot_with(40_000, 40_000, 15_000, 5_000)
    batch = batch_of(planned(snapshot), snapshot)
    both = cost_of_quotes(batch.quotes, snapshot, FEES)
    one, two = (cost_of_quotes((quote,), snapshot, FEES) for quote in batch.quotes)
    assert (both.traded, both.shortfall) == (one.traded + two.traded, one.shortfall + two.shortfall)
    assert both.fee is not None and both.fee == (one.fee or 0) + (two.fee or 0)
