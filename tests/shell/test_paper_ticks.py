"""The tick on paper: balances of the ledger on the chain as it is, whatever ends a tick in between."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest
from given_paper import Dying, again, begun, held, on_paper, run
from given_ports import DRY, OFF_TARGET, ON_TARGET, past_of, rows, state
from small_market import POLICY, usd
from small_module import module_snapshot

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.chain.paper import PaperChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.notify.log import LogNotifier, SilentNotifier
from rebalancer.adapters.notify.paper import OnPaper
from rebalancer.adapters.venues.known import KNOWN
from rebalancer.adapters.wallets.fake import FakeWallet, failed, landed, waiting
from rebalancer.config.paper import ORDER_TAKERS
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import Allowance, Failed, Held, ModuleWallet, Notice, Pending, Planned, Settled, Settlement
from rebalancer.core.paper import holdings_now
from rebalancer.keeper import run_once
from rebalancer.ports import Ports
from rebalancer.tick import Report
from rebalancer.units import Amount


def fills_of(report: Report) -> dict[str, int]:
    assert isinstance(report.outcome, Settled), report.outcome
    return {fill.token.symbol: fill.raw for fill in report.outcome.settlement.fills}


def sum_of(held: dict[str, int], fills: dict[str, int]) -> dict[str, int]:
    return {symbol: raw + fills.get(symbol, 0) for symbol, raw in held.items()}


def real(ports: Ports) -> FakeChain:
    assert isinstance(ports.chain, PaperChain) and isinstance(ports.chain._chain, FakeChain)
    return ports.chain._chain


# ---------------------------------------------------------------- what it holds


def test_read__before_anything_is_on_record__is_what_the_wallet_holds() -> None:
    ports = on_paper(state(*OFF_TARGET))
    assert ports.chain.read().balances == real(ports).read().balances


def test_read__with_a_value_to_begin_with__is_that_at_the_targets_whatever_is_held() -> None:
    ports = on_paper(state(0, 0, 0, 0), value=usd(80_000))
    report = run_once(ports, POLICY, DRY)
    assert report.portfolio is not None and usd(79_999) < report.portfolio.value <= usd(80_000)
    assert isinstance(run(ports).outcome, Held)


def test_read__of_an_empty_wallet__is_refused_with_what_to_say() -> None:
    with pytest.raises(ConfigError, match="--paper-value"):
        on_paper(state(0, 0, 0, 0)).chain.read()


def test_read__once_it_has_begun__is_no_more_what_the_wallet_holds() -> None:
    ports = begun()
    before = held(ports)
    later = replace(ports, chain=FakeChain([state(*ON_TARGET, block=real(ports).head())]))
    assert held(again(later)) == before != held(later)


def test_read__allowances_that_stand__are_not_the_papers() -> None:
    spent = Allowance(
        state(*OFF_TARGET).allowances[0].spender, Amount(state(*OFF_TARGET).allowances[0].amount.token, 9)
    )
    ports = on_paper(state(*OFF_TARGET, allowances=(spent,)))
    (seen,) = ports.chain.read().allowances
    assert (seen.spender, seen.amount.raw) == (spent.spender, 0)


def test_read__of_a_module__leaves_nobody_a_step_of_its_targets() -> None:
    snapshot = module_snapshot(*OFF_TARGET)
    seen = on_paper(snapshot).chain.read().wallet
    assert isinstance(seen, ModuleWallet) and isinstance(snapshot.wallet, ModuleWallet)
    assert seen.state.step_left == 0
    assert replace(seen, state=replace(seen.state, step_left=snapshot.wallet.state.step_left)) == snapshot.wallet


# ---------------------------------------------------------------- ticks, and what ends them in between


def test_tick__on_paper__moves_what_the_ledger_says_it_holds_and_nothing_else() -> None:
    ports = begun()
    before = held(ports)
    fills = fills_of(run(ports))
    assert held(ports) == sum_of(before, fills) != before
    assert real(ports).read().balances == state(*OFF_TARGET).balances
    assert rows(ports) == ["settled", "planned"]


def test_tick__after_one_that_settled__holds_on_what_it_left() -> None:
    ports = begun()
    run(ports)
    real(ports).deepen(64)
    report = run(ports)
    assert isinstance(report.outcome, Held) and report.portfolio is not None
    assert max(abs(position.drift) for position in report.portfolio.positions) < 10**15


def test_tick__killed_after_the_intent_is_on_record__is_filled_by_the_next_and_counted_once() -> None:
    class Killed(FakeWallet):
        def execute(self, intent: object) -> None:
            raise KeyboardInterrupt

    ports = begun(Killed())
    before = held(ports)
    with pytest.raises(KeyboardInterrupt):
        run(ports)
    assert held(ports) == before
    survivor = FakeWallet(landings=[landed])
    next_one = again(replace(ports, wallet=survivor))
    fills = fills_of(run(next_one))
    assert held(next_one) == sum_of(before, fills)
    assert survivor.sent == []


def test_tick__killed_between_the_landing_and_its_row__has_it_in_the_balances_once() -> None:
    ports = replace(on_paper(state(*OFF_TARGET)), ledger=Dying())
    ports = again(ports)
    run_once(ports, POLICY, DRY)
    before = held(ports)
    with pytest.raises(KeyboardInterrupt):
        run(ports)
    past = past_of(ports)
    assert past.open_intent is None and rows(ports) == ["planned"]
    moved = {change.token.symbol: change.raw for change in _landed(ports).fills}
    real(ports).deepen(64)
    assert held(again(ports)) == sum_of(before, moved) != before
    report = run(again(ports))
    assert isinstance(report.outcome, Held) and held(ports) == sum_of(before, moved)


def _landed(ports: Ports) -> Settlement:
    assert isinstance(ports.ledger, MemoryLedger)
    (landing,) = ports.ledger.landings.values()
    assert isinstance(landing, Settlement)
    return landing


def test_tick__no_block_yet__is_pending_and_the_next_tick_fills_it() -> None:
    ports = begun(FakeWallet(landings=[waiting, landed]))
    before = held(ports)
    assert isinstance(run(ports).outcome, Pending) and held(ports) == before
    assert held(ports) == before
    fills = fills_of(run(ports))
    assert held(ports) == sum_of(before, fills)


def test_tick__whose_batch_fails__moves_nothing() -> None:
    ports = begun(FakeWallet(landings=[failed]))
    before = held(ports)
    assert isinstance(run(ports).outcome, Failed)
    assert held(ports) == before


def test_tick__dry_on_paper__writes_down_what_it_holds_and_sends_nothing() -> None:
    wallet = FakeWallet()
    ports = on_paper(state(*OFF_TARGET), wallet)
    assert isinstance(run_once(ports, POLICY, DRY).outcome, Planned)
    assert wallet.sent == [] and holdings_now(past_of(ports).history) is not None


# ---------------------------------------------------------------- who is told, and who is asked


def test_ended__of_a_tick_on_paper__says_so_to_people_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    silent, notice = SilentNotifier(), Notice("halted: a person must look", "`rebalancer history`", urgent=True)
    for notifier in (silent, LogNotifier()):
        told = OnPaper(notifier)
        with caplog.at_level(logging.INFO, "rebalancer"):
            told.started()
            told.ended(Held("on target"), notice)
            told.ended(Held("on target"), None)
    assert [one.title for one in silent.notices] == ["On paper: halted: a person must look"]
    assert [one.body for one in silent.notices] == ["`rebalancer history --paper`"]
    assert silent.starts == 1 and len(silent.told) == 2
    assert [json.loads(r.message).get("told") for r in caplog.records] == ["On paper: halted: a person must look", None]


def test_order_takers__of_the_configuration__are_those_that_the_venues_name() -> None:
    assert {one.name for one in KNOWN if one.orders} == ORDER_TAKERS
