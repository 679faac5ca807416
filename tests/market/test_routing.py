"""Routes: which path wins, what it costs, and what is asked for where ticks are missing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pool_makers import A, B, C, D, full_range, made_v2, made_v3, window, words_of

from rebalancer.market.pools import Pool, swap_exact_in
from rebalancer.market.routing import (
    FREE_GAS,
    GasPrice,
    Hop,
    MoreTicks,
    NoRoute,
    Route,
    RouteQuote,
    best_known_route,
    best_route,
    quote_route,
)
from rebalancer.market.swap import NeedTicks, Swap
from rebalancer.market.tick_math import sqrt_ratio_at_tick
from rebalancer.market.uniswap_v3 import V3Pool, with_words
from rebalancer.units import Amount, Token

E18 = 10**18
AB_DEEP = made_v3([full_range(1_000 * E18, 10)], fee_and_spacing=(500, 10), number=1)
AB_DEAR = made_v3([full_range(5_000 * E18)], number=2)
AC = made_v3([full_range(9_000 * E18, 10)], fee_and_spacing=(500, 10), tokens=(A, C), number=3)
BC = made_v3([full_range(9_000 * E18, 10)], fee_and_spacing=(500, 10), tokens=(B, C), number=4)
AB_PAIR = made_v2(10**21, 10**21, number=5)
AC_PAIR = made_v2(10**22, 10**22, (A, C), number=6)
BC_PAIR = made_v2(10**22, 10**22, (B, C), number=7)


def best(pools: list[Pool], raw: int, hubs: tuple[Token, ...] = (C,), gas: GasPrice = FREE_GAS) -> RouteQuote:
    answer = best_route(pools, Amount(A, raw), B, hubs, gas)
    assert isinstance(answer, RouteQuote)
    return answer


def addresses(quote: RouteQuote) -> list[str]:
    return [hop.pool.address for hop in quote.route.hops]


def through(raw: int, *steps: tuple[Pool, Token]) -> int:
    for pool, token_in in steps:
        swap = swap_exact_in(pool, token_in, raw)
        assert isinstance(swap, Swap)
        raw = swap.amount_out
    return raw


def told(pool: V3Pool, whole: V3Pool, need: NeedTicks) -> V3Pool:
    return with_words(pool, words_of(whole, need.word_low, need.word_high), need.word_low, need.word_high)


def test_quote_route__two_v3_hops__spends_in_the_second_what_the_first_paid() -> None:
    quote = quote_route(Route((Hop(AC, A, C), Hop(BC, C, B))), E18)
    assert isinstance(quote, RouteQuote)
    assert quote.amount_out == through(E18, (AC, A), (BC, C))
    assert quote.gas == 200_000
    assert [pool.address for pool in quote.pools_after] == [AC.address, BC.address]


def test_quote_route__two_v2_hops__costs_gas_for_each() -> None:
    quote = quote_route(Route((Hop(AC_PAIR, A, C), Hop(BC_PAIR, C, B))), E18)
    assert isinstance(quote, RouteQuote) and quote.gas == 160_000


def test_quote_route__ticks_crossed__cost_gas() -> None:
    stepped = made_v3([full_range(E18), (-60, 60, E18), (-180, 180, E18)])
    quote = quote_route(Route((Hop(stepped, A, B),)), E18)
    assert isinstance(quote, RouteQuote) and quote.gas == 120_000 + 2 * 31_000


def test_quote_route__same_pool_twice__is_priced_in_sequence() -> None:
    quote = quote_route(Route((Hop(AB_PAIR, A, B), Hop(AB_PAIR, B, A))), E18)
    first = swap_exact_in(AB_PAIR, A, E18)
    assert isinstance(quote, RouteQuote) and isinstance(first, Swap)
    assert quote.amount_out == through(first.amount_out, (first.pool_after, B))
    assert quote.amount_out != through(E18, (AB_PAIR, A), (AB_PAIR, B))


def test_quote_route__out_of_liquidity__is_no_route() -> None:
    thin = made_v3([(-60, 60, E18)])
    answer = quote_route(Route((Hop(thin, A, B),)), E18)
    assert isinstance(answer, NoRoute) and "out of liquidity" in answer.reason


def test_quote_route__dust_that_buys_nothing__is_no_route() -> None:
    answer = quote_route(Route((Hop(AC, A, C), Hop(BC, C, B))), 1)
    assert isinstance(answer, NoRoute)


def test_quote_route__no_hops__raises() -> None:
    with pytest.raises(ValueError, match="one hop at least"):
        quote_route(Route(()), E18)


def test_quote_route__through_pools_of_both_kinds__pays_what_they_pay_in_turn() -> None:
    first = quote_route(Route((Hop(AC, A, C),)), E18)
    assert isinstance(first, RouteQuote)
    second = quote_route(Route((Hop(BC_PAIR, C, B),)), first.amount_out)
    both = quote_route(Route((Hop(AC, A, C), Hop(BC_PAIR, C, B))), E18)
    assert isinstance(second, RouteQuote) and isinstance(both, RouteQuote)
    assert (both.amount_in, both.amount_out) == (E18, second.amount_out)


def test_best_route__small_amount__takes_the_low_fee() -> None:
    assert addresses(best([AB_DEAR, AB_DEEP], E18)) == [AB_DEEP.address]


def test_best_route__large_amount__takes_the_depth() -> None:
    assert addresses(best([AB_DEAR, AB_DEEP], 500 * E18)) == [AB_DEAR.address]


def test_best_route__deep_hub__goes_over_it_when_the_amount_is_large() -> None:
    pools: list[Pool] = [AB_DEEP, AC, BC]
    assert addresses(best(pools, E18 // 10)) == [AB_DEEP.address]
    assert addresses(best(pools, 500 * E18)) == [AC.address, BC.address]


def test_best_route__dear_gas__keeps_the_short_way() -> None:
    pools: list[Pool] = [AB_DEEP, AC, BC]
    raw = 10 * E18
    over_hub, direct = best(pools, raw), best(pools, raw, gas=GasPrice(10**13, 1))
    assert (len(over_hub.route.hops), len(direct.route.hops)) == (2, 1)
    gain = over_hub.amount_out - direct.amount_out
    assert 0 < gain < (over_hub.gas - direct.gas) * 10**13


def test_best_route__pools_of_two_kinds__never_mixes_them() -> None:
    assert isinstance(best_route([AC, BC_PAIR], Amount(A, E18), B, (C,), FREE_GAS), NoRoute)
    assert addresses(best([AC_PAIR, BC_PAIR, AC], E18)) == [AC_PAIR.address, BC_PAIR.address]


def test_best_route__hub_is_an_end_or_not_listed__is_not_used() -> None:
    assert isinstance(best_route([AC, BC], Amount(A, E18), B, (D, A, B), FREE_GAS), NoRoute)


def test_best_route__token_for_itself__raises() -> None:
    with pytest.raises(ValueError, match="no trade"):
        best_route([AC], Amount(A, E18), A, (), FREE_GAS)


@given(st.integers(10**6, 10**22), st.sampled_from([0, 10**9, 10**12]))
def test_best_route__any_amount__no_candidate_is_better_net_of_gas(raw: int, gas: int) -> None:
    pools: list[Pool] = [AB_DEEP, AB_DEAR, AC, BC, AB_PAIR, AC_PAIR, BC_PAIR]
    price = GasPrice(gas, 1)
    quote = best(pools, raw, gas=price)
    routes = [Route((Hop(pool, A, B),)) for pool in (AB_DEEP, AB_DEAR, AB_PAIR)]
    routes += [Route((Hop(a, A, C), Hop(b, C, B))) for a, b in ((AC, BC), (AC_PAIR, BC_PAIR))]
    others = [q for route in routes if isinstance(q := quote_route(route, raw), RouteQuote)]
    assert quote in others
    net = quote.amount_out - price.cost_up(quote.gas)
    assert net == max(q.amount_out - price.cost_up(q.gas) for q in others)


def test_best_route__unknown_ticks_that_could_win__asks_for_all_of_them_together() -> None:
    blind_ac, blind_bc = window(AC, 0, -1), window(BC, 0, -1)
    answer = best_route([AB_DEEP, blind_ac, blind_bc], Amount(A, 500 * E18), B, (C,), FREE_GAS)
    assert isinstance(answer, MoreTicks)
    assert {need.pool_address for need in answer.needs} == {AC.address, BC.address}
    needs = {need.pool_address: need for need in answer.needs}
    read = [told(pool, whole, needs[pool.address]) for pool, whole in ((blind_ac, AC), (blind_bc, BC))]
    assert best([AB_DEEP, *read], 500 * E18).amount_out == best([AB_DEEP, AC, BC], 500 * E18).amount_out


def test_best_route__unknown_ticks_that_cannot_win__are_left_alone() -> None:
    # At its present price the blind pool gives half of what the known one does.
    blind = replace(window(AB_DEEP, 0, -1), sqrt_price_x96=AB_DEEP.sqrt_price_x96 * 7 // 10, tick=-7_134)
    assert addresses(best([blind, AB_DEAR], E18)) == [AB_DEAR.address]


def test_best_route__a_pool_without_liquidity_in_range__is_no_candidate_however_well_it_would_pay() -> None:
    # All of its liquidity lies just below the price, where a unit of A buys almost three of B.
    far = made_v3([(10_860, 10_920, 10**30)], sqrt_ratio_at_tick(10_950), number=8)
    swap = swap_exact_in(far, A, E18)
    assert isinstance(swap, Swap) and swap.unfilled == 0 and swap.amount_out > 2 * E18, "else it would lose anyway"
    assert addresses(best([AB_DEEP, far], E18)) == [AB_DEEP.address]
    assert isinstance(best_route([far], Amount(A, E18), B, (), FREE_GAS), NoRoute)


def test_best_known_route__unknown_ticks__are_left_out() -> None:
    blind = window(AB_DEEP, 0, -1)
    answer = best_known_route([blind, AB_DEAR], Amount(A, E18), B, (), FREE_GAS)
    assert isinstance(answer, RouteQuote) and addresses(answer) == [AB_DEAR.address]
    assert isinstance(best_known_route([blind], Amount(A, E18), B, (), FREE_GAS), NoRoute)


def test_gas_price__fraction__is_rounded_up() -> None:
    assert GasPrice(1, 3).cost_up(10) == 4
    assert FREE_GAS.cost_up(10**6) == 0
