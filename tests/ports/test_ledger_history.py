"""What every ledger remembers for the guards over time: sums, the highest index, and since when all went well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_ledger import (
    DOLLAR,
    EVER,
    GONE,
    USDC,
    WETH,
    a_basis,
    a_cost,
    a_failure,
    a_settlement,
    a_tick,
    a_valued_tick,
    an_intent,
)

from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.model import NO_HISTORY, Failure, History, Horizon, Intent, Settlement, Valued
from rebalancer.ports import Ledger
from rebalancer.units import Usd

Again = Callable[[], Ledger]
DAY = 86_400
NOW = 1_700_000_000


def _history(again: Again, horizon: Horizon = EVER) -> History:
    return again().read(horizon).history


def _landed(again: Again, number: int, result: Callable[[Intent], Settlement | Failure]) -> Intent:
    intent = an_intent(number)
    again().record_intent(intent, a_basis(intent))
    again().record_landing(intent, result(intent))
    return intent


def _settled(again: Again, number: int, at: int, traded: int = 1_000) -> Intent:
    return _landed(again, number, lambda intent: a_settlement(intent, at, a_cost(traded)))


def _mark(again: Again, outcome: str, at: int) -> None:
    again().record_tick(replace(a_tick(outcome, "why", None), at=at))


def test_history__of_a_new_ledger__is_none(again: Again) -> None:
    assert _history(again) == NO_HISTORY


def test_history__valued__is_the_newest_tick_that_read_the_wallet(again: Again) -> None:
    again().record_tick(a_valued_tick(NOW, 10**9))
    again().record_tick(a_valued_tick(NOW + 300, 11 * 10**8, usdc=7))
    again().record_tick(a_tick("Unavailable", "no answer", None))
    held = ((USDC.address, 7), (WETH.address, 2**100))
    assert _history(again).valued == Valued(NOW + 300, Usd(10**21), 11 * 10**8, held)


def test_history__of_a_tick_with_holdings__comes_back_whole(again: Again) -> None:
    record = a_valued_tick(NOW, 10**9, usdc=2**255)
    again().record_tick(record)
    assert again().history(1) == (record,)


def test_history__peak__is_the_highest_within_the_horizon_and_since_a_person_looked(again: Again) -> None:
    for at, index in ((NOW, 14 * 10**8), (NOW + 100, 12 * 10**8), (NOW + 200, 11 * 10**8)):
        again().record_tick(a_valued_tick(at, index))
    assert _history(again).peak == 14 * 10**8
    assert _history(again, Horizon(NOW + 1, 0, 0)).peak == 12 * 10**8
    _mark(again, RESUMED, NOW + 300)
    assert _history(again).peak == 0
    again().record_tick(a_valued_tick(NOW + 400, 10**9))
    assert _history(again).peak == 10**9
    assert _history(again).since == NOW + 300


def test_history__moved__is_what_rebalances_changed_in_later_blocks(again: Again) -> None:
    again().record_tick(a_valued_tick(NOW, 10**9, block=1_003))
    _settled(again, 1, NOW)  # in block 1,003, so in the holdings
    assert _history(again).moved == ()
    _settled(again, 2, NOW)
    _landed(again, 3, a_failure)
    _settled(again, 4, NOW)
    assert _history(again).moved == ((USDC.address, -2 * 10**9), (WETH.address, 66 * 10**16))
    again().record_tick(a_valued_tick(NOW, 10**9, block=1_005))
    assert _history(again).moved == ((USDC.address, -(10**9)), (WETH.address, 33 * 10**16))


def test_history__moved__by_what_was_reopened__is_nothing(again: Again) -> None:
    again().record_tick(a_valued_tick(NOW, 10**9, block=1_000))
    intent = _settled(again, 1, NOW)
    again().record_reopened(intent, "another block")
    assert _history(again).moved == ()


def test_history__of_a_day_and_a_month__adds_up_what_is_in_them(again: Again) -> None:
    for number, at in ((1, NOW - 40 * DAY), (2, NOW - 10 * DAY), (3, NOW - 100), (4, NOW)):
        _settled(again, number, at, traded=number)
    _landed(again, 5, lambda intent: a_failure(intent, NOW, gas=30))
    _landed(again, 6, lambda intent: GONE)
    found = _history(again, Horizon(0, NOW - DAY, NOW - 30 * DAY))
    assert (found.trades_of_day, found.turnover_of_day) == (2, 7 * DOLLAR)
    # Three settled in the month for 2 of shortfall and 3 of gas, and 30 of gas for what failed.
    assert found.cost_of_month == 45 * DOLLAR
    assert found.gas_of_month == 39 * DOLLAR // 3_000, "at 3,000 dollars for the coin"
    assert found.traded == 10 * DOLLAR


def test_history__of_portfolios_that_grew_and_shrank__adds_up_the_share_of_each(again: Again) -> None:
    for number, worth in ((1, 10_000), (2, 2_000), (3, 0)):
        intent = an_intent(number, Usd(worth * DOLLAR))
        again().record_intent(intent, a_basis(intent))
        again().record_landing(intent, a_settlement(intent, NOW + number, a_cost()))
    failed = an_intent(4, Usd(3_000 * DOLLAR))
    again().record_intent(failed, a_basis(failed))
    again().record_landing(failed, a_failure(failed, NOW + 9))
    found = _history(again)
    assert found.turnover_share == 6 * DOLLAR // 10, "a tenth and a half, and one of which nothing is known"
    assert found.cost_share == (500_000 + 2_500_000 + 1_000_000) * 10**9
    assert found.day_began == NOW + 1
    assert _history(again, Horizon(0, NOW + 2, NOW + 9)).turnover_share == DOLLAR // 2
    assert _history(again, Horizon(0, NOW + 2, NOW + 9)).cost_share == 10**15
    assert _history(again, Horizon(0, NOW + 2, 0)).day_began == NOW + 2
    _mark(again, RESUMED, NOW + 20)
    found = _history(again)
    assert (found.day_began, found.turnover_share, found.cost_share) == (None, 0, 0)


def test_history__after_a_person_resumed__counts_anew_but_for_what_is_of_all_time(again: Again) -> None:
    _settled(again, 1, NOW)
    _mark(again, HALTED, NOW + 10)
    _mark(again, RESUMED, NOW + 20)
    found = _history(again)
    assert (found.trades_of_day, found.turnover_of_day, found.cost_of_month) == (0, 0, 0)
    assert (found.traded, found.gas_of_month) == (1_000 * DOLLAR, 3 * DOLLAR // 3_000)
    _settled(again, 2, NOW + 30)
    assert _history(again).trades_of_day == 1


def test_history__of_what_was_reopened__does_not_count_until_it_lands_anew(again: Again) -> None:
    intent = _settled(again, 1, NOW)
    again().record_reopened(intent, "another block")
    found = _history(again)
    assert (found.trades_of_day, found.traded, found.cost_of_month, found.good_since) == (0, 0, 0, None)
    again().record_landing(intent, a_settlement(intent, NOW + 24, a_cost()))
    found = _history(again)
    assert (found.trades_of_day, found.traded, found.good_since) == (1, 1_000 * DOLLAR, NOW + 24)


def test_history__with_a_gain__may_cost_less_than_nothing(again: Again) -> None:
    _landed(again, 1, lambda intent: a_settlement(intent, NOW, a_cost(shortfall=-5)))
    assert _history(again).cost_of_month == -2 * DOLLAR


def test_history__good_since__is_the_first_settled_or_the_last_that_went_wrong(again: Again) -> None:
    assert _history(again).good_since is None
    _mark(again, HALTED, NOW - 5)
    _mark(again, RESUMED, NOW - 4)
    assert _history(again).good_since is None, "nothing has settled yet"
    _settled(again, 1, NOW)
    _settled(again, 2, NOW + 50)
    assert (_history(again).good_since, _history(again).good_before) == (NOW, 0)
    _landed(again, 3, lambda intent: a_failure(intent, NOW + 1_000))
    assert (_history(again).good_since, _history(again).good_before) == (NOW + 1_000, 1_000)
    _mark(again, HALTED, NOW + 1_300)
    _mark(again, RESUMED, NOW + 1_400)
    _settled(again, 4, NOW + 1_500)
    assert (_history(again).good_since, _history(again).good_before) == (NOW + 1_300, 1_000)
    _mark(again, HALTED, NOW + 9_000)
    assert (_history(again).good_since, _history(again).good_before) == (NOW + 9_000, 7_700)


def test_history__began__is_the_first_tick(again: Again) -> None:
    assert _history(again).began == 0
    _mark(again, "held", NOW)
    _mark(again, "held", NOW + 300)
    assert _history(again).began == NOW


@pytest.mark.parametrize("again", ["sqlite", "idle", "postgresql"], indirect=True)
def test_history__of_odd_amounts__is_rounded_against_us(again: Again) -> None:
    cost = replace(a_cost(), traded=Usd(1), shortfall=Usd(1), gas=Usd(1))
    for number in (1, 2):
        _landed(again, number, lambda intent: a_settlement(intent, NOW, cost))
    found = _history(again)
    assert (found.turnover_of_day, found.cost_of_month, found.traded) == (2 * 10**12, 2 * 10**12, 2 * 10**12)


@pytest.mark.parametrize("again", ["sqlite", "idle", "postgresql"], indirect=True)
def test_history__of_absurd_amounts__is_a_number_beyond_every_limit(again: Again) -> None:
    cost = replace(a_cost(), traded=Usd(2**255), shortfall=Usd(2**255))
    _landed(again, 1, lambda intent: a_settlement(intent, NOW, cost))
    assert _history(again).cost_of_month == 10**17 * 10**12
