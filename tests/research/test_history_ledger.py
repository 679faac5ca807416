"""The ledger of a replay beside the one that counts all anew each time: the same past at every question."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
from given_studies import DAY, START, bands, study_of, walk

from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.core.model import RESUMED, Answer, Basis, Failure, Horizon, Intent, Past, Settlement, TickRecord
from rebalancer.research.model import Study
from rebalancer.research.ports.ledger import HistoryLedger
from rebalancer.research.ports.scene import Scene, scene_of
from rebalancer.research.replay import Book, play
from rebalancer.units import Address, Bps, Usd


class BothLedgers(HistoryLedger):
    """Answers as a replay's own, and holds every answer against a MemoryLedger that was told the same."""

    def __init__(self) -> None:
        super().__init__()
        self.other = MemoryLedger()
        self.compared = 0

    def read(self, horizon: Horizon) -> Past:
        past, expected = super().read(horizon), self.other.read(horizon)
        assert past == expected
        self.compared += 1
        return past

    def record_intent(self, intent: Intent, basis: Basis) -> None:
        super().record_intent(intent, basis)
        self.other.record_intent(intent, basis)

    def record_landing(self, intent: Intent, result: Settlement | Failure) -> None:
        super().record_landing(intent, result)
        self.other.record_landing(intent, result)

    def record_tick(self, record: TickRecord, answers: Sequence[Answer] = ()) -> None:
        super().record_tick(record, answers)
        self.other.record_tick(record, answers)

    def record_resumed(self, record: TickRecord, halted: str) -> None:
        super().record_resumed(record, halted)
        self.other.record_resumed(record, halted)


def played(study: Study) -> BothLedgers:
    ledger = BothLedgers()
    own = scene_of(study)
    scene = Scene(replace(own.ports, ledger=ledger), own.chain, ledger)
    book = Book(study)
    for place in range(len(study.prices.times)):
        play(study, scene, book, place)
    return ledger


@pytest.mark.parametrize("step", [240, 3_600, DAY])
def test_history_ledger__a_run_that_trades_and_halts__remembers_what_any_ledger_does(step: int) -> None:
    study = study_of(walk(step, 80, 3, 0.05), gas=20 * 10**9, step=step)
    # A fall every few days, a few trades a day where times are near, and a cost that some months reach.
    over_time = replace(
        study.policy.over_time, drawdown=Bps(500), drawdown_window=3 * step, trades_per_day=5, cost_per_month=Bps(40)
    )
    policy = replace(study.policy, over_time=over_time, trigger=bands(study.policy.assets, "0.03"))
    ledger = played(replace(study, policy=policy))
    outcomes = [tick.outcome for tick in ledger.other.ticks]
    assert ledger.compared > 80
    assert outcomes.count("settled") >= 3 and outcomes.count("Halt") >= 3
    assert outcomes.count("Halt") == outcomes.count("resumed")


@pytest.mark.parametrize("seed", range(5))
def test_history_ledger__rows_in_any_order__remembers_what_any_ledger_does(seed: int) -> None:
    """Looks that miss, halts right after a trade, nobody who looks for days: more than a replay ever comes to."""
    landed = list(some_landings())
    dice, ledger, now = random.Random(seed), BothLedgers(), START
    while landed:
        now += dice.choice((24, 600, 5 * 3_600, DAY, 20 * DAY))
        halted = ledger.read(horizon(now)).halted
        match dice.choice(("trade", "look", "miss", "halt")):
            case _ if halted is not None:
                ledger.record_resumed(row(now, RESUMED, halted), halted)
            case "trade":
                intent, settlement = landed.pop()
                intent = replace(intent, block=now // 12)
                ledger.record_intent(intent, None)  # type: ignore[arg-type]  # neither keeps it
                assert ledger.read(horizon(now)).open_intent == intent
                moved = replace(settlement, block=now // 12 + 1, timestamp=now + 12)
                ledger.record_landing(intent, moved)
            case "look":
                value, index = Usd(dice.randrange(10**23)), dice.randrange(10**9, 2 * 10**9)
                held = ((settlement_token(ledger), dice.randrange(10**18)),)
                look = row(now, "held", "")
                ledger.record_tick(replace(look, block=now // 12, value=value, index=index, holdings=held))
            case "miss":
                ledger.record_tick(row(now, "Unavailable", "no node answers"))
            case "halt":
                ledger.record_tick(row(now, "Halt", f"at {now}"))
    assert ledger.compared > 20


@cache
def some_landings() -> tuple[tuple[Intent, Settlement], ...]:
    study = study_of(walk(7, 60, 3, 0.05), gas=20 * 10**9)
    known = played(replace(study, policy=replace(study.policy, trigger=bands(study.policy.assets, "0.02")))).other
    found = ((intent, known.landings[intent.id]) for intent in known.intents)
    return tuple((intent, result) for intent, result in found if isinstance(result, Settlement))


def settlement_token(ledger: BothLedgers) -> Address:
    return ledger.landed[-1].fills[0].token.address if ledger.landed else Address("0x")


def horizon(now: int) -> Horizon:
    return Horizon(now - 3 * DAY, now - DAY, now - 30 * DAY)


def row(at: int, outcome: str, detail: str) -> TickRecord:
    return TickRecord(at, None, outcome, detail, None, None, None, 0)
