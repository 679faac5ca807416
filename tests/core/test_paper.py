"""A portfolio on paper: its address, what it begins with, how long it has gone well, how near to plan it came."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_history import HELD, costing, holding, looked, moved, priced
from small_market import ASSETS, NOW, POLICY, TARGETS, portfolio_in, share, snapshot_with, usd, worth
from small_module import wallet_with

from rebalancer.core.errors import ConfigError
from rebalancer.core.model import NO_HISTORY, Rebalance, Run, TickRecord
from rebalancer.core.over_time import holdings_of
from rebalancer.core.paper import (
    LONGEST_PAUSE,
    against_hold,
    closeness_of,
    closeness_rows,
    holdings_now,
    opening_at,
    opening_of,
    paper_address,
    run_of,
    why_not_yet,
    words_on_paper,
)
from rebalancer.core.paper_meters import metered
from rebalancer.units import Address, Ppm, Weight

DAY = 86_400
WALLET = Address("0x5afe5afE5afE5afE5afE5aFe5aFe5Afe5Afe5AfE")


def _days(run: Run) -> int:
    return (run.good_until - run.good_since) // DAY


BLIND = ("Unavailable", "ConfigError", "error", "Halt", "resumed", "begun", "configured")
"""Outcomes of rows without a look at the wallet."""
OURS = "configuration a"


def ticks(*ends: str, every: int = DAY // 2, last: int = NOW) -> tuple[TickRecord, ...]:
    """The newest first, `ends` in the order of time."""
    began = last - every * (len(ends) - 1)
    rows = [TickRecord(began + n * every, n, end, f"why {n}", None, None, None, 1) for n, end in enumerate(ends)]
    seen = [replace(row, holdings=() if row.outcome in BLIND else ((ASSETS[0].address, 7),)) for row in rows]
    return tuple(reversed(seen))


def begun(records: tuple[TickRecord, ...], what: str = OURS) -> Run | None:
    """These, after the row that says what they run with."""
    mark = TickRecord(records[-1].at - 1, None, "begun", what, None, None, None, 0)
    return run_of((*records, mark))


# ---------------------------------------------------------------- whose it is, what it holds


def test_paper_address__of_a_wallet__is_its_own_on_each_chain_and_nobody_elses() -> None:
    found = {paper_address(chain, wallet) for chain in (1, 10) for wallet in (WALLET, ASSETS[0].address)}
    assert len(found) == 4 and WALLET not in found
    assert paper_address(1, WALLET) == paper_address(1, Address(WALLET.lower()))


def test_opening_of__a_wallet_that_holds_some__is_that_to_the_unit() -> None:
    snapshot = snapshot_with(*HELD)
    assert opening_of(POLICY, snapshot) == holdings_of(portfolio_in(snapshot))


def test_opening_of__an_empty_wallet__is_refused_with_what_to_say() -> None:
    with pytest.raises(ConfigError, match="--paper-value 10_000"):
        opening_of(POLICY, snapshot_with(0, 0, 0, 0))


def test_opening_at__of_a_value__is_at_the_targets_and_no_more_than_that() -> None:
    snapshot = snapshot_with(0, 0, 0, 0)
    held = dict(opening_at(TARGETS, snapshot, usd(50_000)))
    balances = tuple(replace(each, raw=held.get(each.token.address, 0)) for each in snapshot.balances)
    portfolio = portfolio_in(replace(snapshot, balances=balances))
    assert usd(49_999) < portfolio.value <= usd(50_000)
    assert max(abs(position.drift) for position in portfolio.positions) < 10**13


def test_holdings_now__after_a_batch__are_what_was_seen_and_what_it_moved() -> None:
    usdc, weth = ASSETS[0], ASSETS[1]
    history = replace(looked(*HELD), moved=moved(**{usdc.symbol: -5_000, weth.symbol: 4_990}))
    now, seen = dict(holdings_now(history) or ()), dict(holdings_of(holding(*HELD)))
    assert now[usdc.address] == seen[usdc.address] - worth(usdc, 5_000).raw
    assert now[weth.address] == seen[weth.address] + worth(weth, 4_990).raw
    assert now[ASSETS[2].address] == seen[ASSETS[2].address]


def test_holdings_now__before_the_first_look__are_not_known() -> None:
    assert holdings_now(NO_HISTORY) is None


# ---------------------------------------------------------------- how long it has gone well


def test_run_of__nothing_on_record__is_none() -> None:
    assert run_of(()) is None


def test_run_of__ticks_that_went_well__counts_from_the_first() -> None:
    run = run_of(ticks("planned", "held", "Unavailable", "pending", "settled"))
    assert run is not None and (run.ticks, _days(run), run.broken_by) == (5, 2, None)
    assert run.good_since == run.began == NOW - 2 * DAY


@pytest.mark.parametrize("end", ["Unavailable", "ConfigError", "error", "blocked"])
def test_run_of__ticks_that_do_nothing_of_a_keepers_work__have_shown_nothing(end: str) -> None:
    run = run_of(ticks(*[end] * 40))
    assert run is not None and run.ticks == 40 and (run.good_since, run.good_until) == (NOW, NOW)


def test_run_of__one_look_and_days_without__has_gone_well_for_no_time() -> None:
    run = run_of(ticks("held", *["Unavailable"] * 40, "held"))
    assert run is not None and run.good_since == NOW and run.broken_by == "it paused for 20 d 12 h"


def test_run_of__errors_between_looks_a_day_apart__goes_on() -> None:
    run = run_of(ticks("held", "Unavailable", "held", "blocked", "held", "Unavailable"))
    assert run is not None and run.broken_by is None and run.good_since == run.began
    assert run.good_until == NOW - DAY // 2 and run.last == NOW


@pytest.mark.parametrize(("end", "words"), [("failed", "a batch failed: why 1"), ("Halt", "it halted: why 1")])
def test_run_of__a_failure_or_a_halt__counts_from_the_first_look_after(end: str, words: str) -> None:
    run = run_of(ticks("held", end, "resumed", "held", "held", "held"))
    assert run is not None and run.good_since == NOW - DAY
    assert run.broken_by == words and _days(run) == 1


def test_run_of__the_newest_failed__has_gone_well_for_no_time() -> None:
    run = run_of(ticks("held", "held", "failed"))
    assert run is not None and run.good_since == NOW and _days(run) == 0


def test_run_of__a_failure_and_a_long_pause__counts_nothing_of_the_pause() -> None:
    run = run_of((*ticks("held", "held", "held"), *ticks("held", "failed", last=NOW - 20 * DAY)))
    assert run is not None and run.good_since == NOW - DAY and run.broken_by == "a batch failed: why 1"


def test_run_of__a_pause_of_more_than_a_day__counts_from_its_end() -> None:
    run = run_of((*ticks("held", "held"), *ticks("held", "held", last=NOW - 3 * DAY)))
    assert run is not None and run.good_since == NOW - DAY // 2
    assert run.broken_by == "it paused for 2 d 12 h"


def test_run_of__the_longest_pause_that_is_none__goes_on() -> None:
    run = run_of(ticks("held", "held", "held", every=LONGEST_PAUSE))
    assert run is not None and run.good_since == run.began


def test_run_of__a_daily_cron_that_is_never_on_the_second__goes_on() -> None:
    run = run_of(ticks(*["held"] * 30, every=DAY + 2))
    assert run is not None and run.broken_by is None and _days(run) == 29


def test_run_of__its_first_look__is_what_it_began_with() -> None:
    first = replace(ticks("planned")[0], holdings=((ASSETS[0].address, 7),))
    later = replace(ticks("held")[0], holdings=((ASSETS[0].address, 9),))
    run = run_of((later, first, *ticks("Unavailable", last=NOW - 10)))
    assert run is not None and run.opening == ((ASSETS[0].address, 7),)


def test_run_of__configured_otherwise_on_the_way__counts_from_there_and_names_what_runs() -> None:
    run = run_of(ticks("begun", "held", "held", "configured", "held", "held", "held"))
    assert run is not None and (run.ticks, run.began) == (5, NOW - 3 * DAY)
    assert (run.good_since, run.broken_by, run.rehearsed) == (NOW - DAY, "it was configured otherwise", "why 3")


def test_run_of__begun_anew__knows_nothing_of_before() -> None:
    anew = replace(ticks("begun", last=NOW - DAY)[0], holdings=((ASSETS[0].address, 9),))
    run = run_of((*ticks("held", "held"), anew, *ticks("begun", "held", "failed", "held", last=NOW - 2 * DAY)))
    assert run is not None and (run.ticks, run.began, run.opening) == (2, NOW - DAY, ((ASSETS[0].address, 9),))
    assert (run.good_since, run.broken_by) == (NOW - DAY // 2, None)


# ---------------------------------------------------------------- whether that is enough


def _waits(run: Run | None, now: int = NOW) -> str:
    why = why_not_yet(run, 14 * DAY, OURS, now)
    assert why is not None and why.startswith("14 d on paper without failing or halting are asked for, and ")
    return why


def test_why_not_yet__never_run__says_how_to_begin() -> None:
    assert "it has never run on paper: begin with `rebalancer run --paper`" in _waits(None)


def test_why_not_yet__long_enough__is_none() -> None:
    run = begun(ticks(*["held"] * 29))
    assert run is not None and _days(run) == 14
    assert why_not_yet(run, 14 * DAY, OURS, NOW) is None


@pytest.mark.parametrize("what", ["configuration b", None])
def test_why_not_yet__long_enough_of_another_configuration__is_no_evidence(what: str | None) -> None:
    run = begun(ticks(*["held"] * 29), what or "")
    assert run is not None
    assert "it has not run on paper as it is configured now" in _waits(replace(run, rehearsed=what))


@pytest.mark.parametrize("end", ["Unavailable", "ConfigError", "error"])
def test_why_not_yet__no_tick_that_has_seen_the_wallet__says_where_to_look(end: str) -> None:
    assert "no tick on paper has seen the wallet yet: `rebalancer history --paper`" in _waits(begun(ticks(*[end] * 40)))


def test_why_not_yet__blocked_all_the_time__has_shown_nothing() -> None:
    assert "it has run for 0 s; 14 d to go" in _waits(begun(ticks(*["blocked"] * 40)))


def test_why_not_yet__too_short__says_how_long_it_has_and_lacks() -> None:
    assert "it has run for 13 d 12 h; 12 h to go" in _waits(begun(ticks(*["held"] * 28)))


def test_why_not_yet__failed_on_the_way__says_since_what() -> None:
    why = _waits(begun(ticks(*["held"] * 20, "failed", *["held"] * 9)))
    assert "for 4 d since a batch failed: why 20; 10 d to go" in why


def test_why_not_yet__stopped_long_ago__is_no_evidence_however_long_it_was() -> None:
    assert "its last paper tick that went well was 2 d ago" in _waits(begun(ticks(*["held"] * 99)), NOW + 2 * DAY)


def test_why_not_yet__nothing_but_errors_since__is_no_evidence_however_long_it_was() -> None:
    run = begun(ticks(*["held"] * 99, *["Unavailable"] * 4))
    assert "its last paper tick that went well was 2 d ago" in _waits(run)


# ---------------------------------------------------------------- how near to plan


def done(expected: int, measured: int, traded: int = 10_000) -> Rebalance:
    return Rebalance("0xfeed", NOW, costing(traded, expected, 5), costing(traded, measured, 5))


def test_closeness_of__several__sums_them_and_finds_the_worst() -> None:
    close = closeness_of([done(20, 18), done(20, 45), done(20, 21)])
    assert (close.rebalances, close.traded) == (3, usd(30_000))
    assert (close.expected, close.measured, close.gas) == (usd(75), usd(99), usd(15))
    assert close.worst == 25


def test_closeness_of__all_cheaper_than_planned__is_below_none() -> None:
    assert closeness_of([done(20, 10), done(20, 5)]).worst == -10


def test_closeness_rows__without_a_rebalance__has_no_costs() -> None:
    assert closeness_rows(closeness_of([])) == (("rebalances", "0, 0.00 USD traded"),)


def test_closeness_rows__with_some__say_both_costs() -> None:
    words = dict(closeness_rows(closeness_of([done(20, 45)])))
    assert words["cost as planned"] == "25.00 USD, 0.25 % of it"
    assert words["cost as measured"] == "50.00 USD, 0.5 % of it, gas of 5.00 USD"
    assert words["furthest from plan"] == "0.25 % of what that one traded"


def test_against_hold__after_trades_and_prices__compares_at_the_prices_of_now() -> None:
    opening, now = holdings_of(holding(*HELD)), holdings_of(holding(20_000, 50_000, 20_000, 10_000))
    portfolio = priced(HELD, **{ASSETS[1].symbol: 110})
    both = against_hold(opening, now, usd(0), portfolio)
    assert both is not None
    assert abs(both[0] - usd(105_000)) < usd(1) and abs(both[1] - usd(104_000)) < usd(1)


def test_against_hold__of_rebalances_that_took_gas__takes_it_from_what_is_held() -> None:
    held = holdings_of(holding(*HELD))
    both = against_hold(held, held, usd(4), holding(*HELD))
    assert both is not None and both[1] - both[0] == usd(4)


@pytest.mark.parametrize("opening", [(), ((WALLET, 5),)], ids=["not known", "an asset that has left"])
def test_against_hold__of_what_cannot_be_priced__is_none(opening: tuple[tuple[Address, int], ...]) -> None:
    assert against_hold(opening, holdings_of(holding(*HELD)), usd(0), holding(*HELD)) is None


# ---------------------------------------------------------------- which portfolio a command is about


def test_words_on_paper__that_name_commands__name_those_of_the_paper_once() -> None:
    live = "`rebalancer history` says why; `rebalancer run --anew`; then: rebalancer resume --why TEXT"
    paper = "`rebalancer history --paper` says why; `rebalancer run --paper --anew`; then: rebalancer resume --paper "
    assert words_on_paper(live) == f"{paper}--why TEXT" == words_on_paper(words_on_paper(live))
    assert (
        words_on_paper("`rebalancer check`, and the rebalancer runs on")
        == "`rebalancer check`, and the rebalancer runs on"
    )


# ---------------------------------------------------------------- a module's meters


def made(*ago: int, traded: int = 10_000, lost: int = 100) -> list[Rebalance]:
    """The newest first, so many seconds ago."""
    return [Rebalance("0xfeed", NOW - seconds, costing(traded), costing(traded, lost)) for seconds in sorted(ago)]


def test_metered__nothing_made_on_paper__is_the_module_but_for_its_targets() -> None:
    wallet = wallet_with(step_left=Weight(5), window=DAY)
    found = metered(wallet, [], usd(100_000), NOW)
    assert found == replace(wallet, state=replace(wallet.state, step_left=Weight(0)))


def test_metered__one_just_made__has_used_its_share_and_rests() -> None:
    wallet = wallet_with(max_turnover=Ppm(300_000), max_loss=Ppm(5_000), window=DAY)
    state = metered(wallet, made(0), usd(100_000), NOW).state
    assert state.turnover_left == share(20) and state.last == NOW
    assert state.loss_left == share("0.4")


def test_metered__one_of_half_a_window_ago__has_leaked_half_of_the_full_meter() -> None:
    wallet = wallet_with(max_turnover=Ppm(300_000), max_loss=Ppm(5_000), window=DAY)
    state = metered(wallet, made(DAY // 2, traded=25_000), usd(100_000), NOW).state
    assert state.turnover_left == share(20)
    assert metered(wallet, made(DAY), usd(100_000), NOW).state.turnover_left == wallet.state.turnover_left


def test_metered__several__are_charged_in_their_turn() -> None:
    wallet = wallet_with(max_turnover=Ppm(300_000), window=DAY)
    state = metered(wallet, made(0, DAY // 2, traded=20_000), usd(100_000), NOW).state
    assert state.turnover_left == share(5)


def test_metered__more_than_the_meter_holds__leaves_nothing_and_never_less() -> None:
    wallet = wallet_with(max_turnover=Ppm(300_000), window=DAY)
    state = metered(wallet, made(0, 10, traded=90_000, lost=90_000), usd(100_000), NOW).state
    assert (state.turnover_left, state.loss_left) == (0, 0)


def test_metered__where_the_real_one_has_used_more__leaves_what_that_leaves() -> None:
    wallet = wallet_with(turnover_left=share(1), last=NOW + 5)
    state = metered(wallet, made(0, traded=1), usd(100_000), NOW).state
    assert (state.turnover_left, state.last) == (share(1), NOW + 5)
