"""One contract for every ledger: what is recorded is remembered, and two intents are never open at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from given_ledger import OURS, a_settlement, a_tick, an_intent

from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.errors import Halt
from rebalancer.core.model import Past
from rebalancer.ports import Ledger

Again = Callable[[], Ledger]


@pytest.fixture(params=["memory", "sqlite", "idle"])
def again(request: pytest.FixtureRequest, tmp_path: Path) -> Again:
    """The ledger as the next process finds it."""
    if request.param == "sqlite":
        return lambda: SqlLedger(f"sqlite:///{tmp_path}/ledger.db", OURS)
    if request.param == "idle":
        return lambda: IdleLedger(f"sqlite:///{tmp_path}/ledger with spaces #1.db", OURS)
    memory = MemoryLedger()
    return lambda: memory


def test_read__of_a_new_ledger__is_empty(again: Again) -> None:
    assert again().read() == Past(open_intent=None, last_settled_at=None, halted=None, last_block=0, failures=0)


def test_read__after_an_intent__gives_it_back_whole(again: Again) -> None:
    again().record_intent(an_intent())
    assert again().read().open_intent == an_intent()


def test_record_intent__while_another_is_open__halts_and_keeps_the_first(again: Again) -> None:
    again().record_intent(an_intent(1))
    with pytest.raises(Halt, match=r"intent-1.*still open.*intent-2"):
        again().record_intent(an_intent(2))
    assert again().read().open_intent == an_intent(1)


def test_record_intent__of_the_open_one_again__halts(again: Again) -> None:
    again().record_intent(an_intent())
    with pytest.raises(Halt, match="still open"):
        again().record_intent(an_intent())


def test_record_intent__of_a_landed_one_again__halts(again: Again) -> None:
    again().record_intent(an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent()))
    with pytest.raises(Halt):
        again().record_intent(an_intent())


def test_record_landing__settled__closes_the_intent_and_starts_the_clock(again: Again) -> None:
    again().record_intent(an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent(), timestamp=1_700_000_100))
    past = again().read()
    assert past.open_intent is None
    assert past.last_settled_at == 1_700_000_100


def test_record_landing__failed__closes_the_intent_and_leaves_the_clock(again: Again) -> None:
    again().record_intent(an_intent(1))
    again().record_landing(an_intent(1), a_settlement(an_intent(1), timestamp=1_700_000_100))
    again().record_intent(an_intent(2))
    again().record_landing(an_intent(2), "mined and reverted: Too little received")
    past = again().read()
    assert past.open_intent is None
    assert past.last_settled_at == 1_700_000_100


@pytest.mark.parametrize("result", [a_settlement(an_intent()), "void after its deadline"], ids=["settled", "failed"])
def test_record_landing__twice_the_same__changes_nothing(again: Again, result: object) -> None:
    again().record_intent(an_intent())
    again().record_landing(an_intent(), result)  # type: ignore[arg-type]
    before = again().read()
    again().record_landing(an_intent(), result)  # type: ignore[arg-type]
    assert again().read() == before


def test_record_landing__twice_and_different__halts(again: Again) -> None:
    again().record_intent(an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent()))
    with pytest.raises(Halt, match=r"intent-1 was recorded as settled in block 1003, and now as failed \(gone\)"):
        again().record_landing(an_intent(), "gone")


def test_record_landing__of_an_unknown_intent__halts(again: Again) -> None:
    with pytest.raises(Halt, match="never recorded"):
        again().record_landing(an_intent(), "gone")


def test_record_intent__after_many_rounds__takes_turns(again: Again) -> None:
    for number in range(1, 6):
        again().record_intent(an_intent(number))
        assert again().read().open_intent == an_intent(number)
        again().record_landing(an_intent(number), a_settlement(an_intent(number), timestamp=1_700_000_000 + number))
    assert again().read().last_settled_at == 1_700_000_005


def test_history__of_several_ticks__is_newest_first_and_cut(again: Again) -> None:
    records = [a_tick(detail=f"tick {number}") for number in range(5)]
    for record in records:
        again().record_tick(record)
    assert again().history(3) == (records[4], records[3], records[2])
    assert again().history(100) == tuple(reversed(records))
    assert again().history(0) == ()


def test_history__of_a_tick_that_read_nothing__keeps_the_gaps(again: Again) -> None:
    record = a_tick(outcome="Unavailable", detail="node.example: no answer within 10 s", block=None)
    again().record_tick(record)
    assert again().history(1) == (record,)


def test_read__last_block__of_before_a_person_looked__is_forgotten(again: Again) -> None:
    again().record_tick(a_tick(block=10**12))
    again().record_tick(a_tick(outcome=HALTED, detail="far behind", block=None))
    again().record_tick(a_tick(outcome=RESUMED, detail="that block never was", block=None))
    assert again().read().last_block == 0
    again().record_tick(a_tick(block=1_234))
    assert again().read().last_block == 1_234


def test_read__last_block__is_the_highest_of_ticks_and_open_intents(again: Again) -> None:
    again().record_tick(a_tick(block=5_000))
    again().record_tick(a_tick(block=4_000))
    again().record_tick(a_tick(block=None))
    assert again().read().last_block == 5_000
    again().record_intent(an_intent(6_000))  # its block is 7,000
    assert again().read().last_block == 7_000


def test_read__after_a_halt__is_halted_until_a_person_resumes(again: Again) -> None:
    again().record_tick(a_tick(outcome=HALTED, detail="nonce 7 was used by another transaction"))
    again().record_tick(a_tick(outcome="held"))
    assert again().read().halted == "nonce 7 was used by another transaction"
    again().record_tick(a_tick(outcome=RESUMED, detail="looked at it"))
    assert again().read().halted is None
    again().record_tick(a_tick(outcome=HALTED, detail="again"))
    assert again().read().halted == "again"


def _failed(again: Again, number: int) -> None:
    again().record_intent(an_intent(number))
    again().record_landing(an_intent(number), "mined and reverted: Too little received")


def test_read__failures__are_those_in_a_row_since_the_last_settled_batch(again: Again) -> None:
    for number in (1, 2):
        _failed(again, number)
    assert again().read().failures == 2
    again().record_landing(an_intent(2), "mined and reverted: Too little received")
    assert again().read().failures == 2, "told twice is failed once"
    again().record_intent(an_intent(3))
    assert again().read().failures == 2
    again().record_landing(an_intent(3), a_settlement(an_intent(3)))
    assert again().read().failures == 0
    _failed(again, 4)
    assert again().read().failures == 1


def test_read__failures__are_forgiven_when_a_person_resumes(again: Again) -> None:
    _failed(again, 1)
    again().record_tick(a_tick(outcome="failed"))
    _failed(again, 2)
    again().record_tick(a_tick(outcome=HALTED, detail="failed again and again"))
    assert again().read().failures == 2
    again().record_tick(a_tick(outcome=RESUMED, detail="looked at it"))
    assert again().read().failures == 0
    _failed(again, 3)
    again().record_tick(a_tick(outcome="failed"))
    assert again().read().failures == 1


def test_history__of_more_than_there_can_be__is_all_there_is(again: Again) -> None:
    again().record_tick(a_tick())
    assert again().history(10**20) == (a_tick(),)
