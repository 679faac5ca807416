"""What every ledger keeps of ticks: the newest first, how far the chain was read, whether a person has to look."""

from __future__ import annotations

from dataclasses import replace

from given_ledger import EVER, Again, a_failure, a_settlement, a_tick, an_intent, recorded

from rebalancer.adapters.ledger.words import HALTED, RESUMED


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
    assert again().read(EVER).last_block == 0
    again().record_tick(a_tick(block=1_234))
    assert again().read(EVER).last_block == 1_234


def test_read__last_block__is_the_highest_of_ticks_and_open_intents(again: Again) -> None:
    again().record_tick(a_tick(block=5_000))
    again().record_tick(a_tick(block=4_000))
    again().record_tick(a_tick(block=None))
    assert again().read(EVER).last_block == 5_000
    recorded(again, an_intent(6_000))  # its block is 7,000
    assert again().read(EVER).last_block == 7_000


def test_read__after_a_halt__is_halted_until_a_person_resumes(again: Again) -> None:
    again().record_tick(a_tick(outcome=HALTED, detail="nonce 7 was used by another transaction"))
    again().record_tick(a_tick(outcome="held"))
    assert again().read(EVER).halted == "nonce 7 was used by another transaction"
    again().record_tick(a_tick(outcome=RESUMED, detail="looked at it"))
    assert again().read(EVER).halted is None
    again().record_tick(a_tick(outcome=HALTED, detail="again"))
    assert again().read(EVER).halted == "again"


def _failed(again: Again, number: int) -> None:
    recorded(again, an_intent(number))
    again().record_landing(an_intent(number), a_failure(an_intent(number)))


def test_read__failures__are_those_in_a_row_since_the_last_settled_batch(again: Again) -> None:
    for number in (1, 2):
        _failed(again, number)
    assert again().read(EVER).failures == 2
    again().record_landing(an_intent(2), a_failure(an_intent(2)))
    assert again().read(EVER).failures == 2, "told twice is failed once"
    recorded(again, an_intent(3))
    assert again().read(EVER).failures == 2
    again().record_landing(an_intent(3), a_settlement(an_intent(3)))
    assert again().read(EVER).failures == 0
    _failed(again, 4)
    assert again().read(EVER).failures == 1


def test_read__failures__are_forgiven_when_a_person_resumes(again: Again) -> None:
    _failed(again, 1)
    again().record_tick(a_tick(outcome="failed"))
    _failed(again, 2)
    again().record_tick(a_tick(outcome=HALTED, detail="failed again and again"))
    assert again().read(EVER).failures == 2
    again().record_tick(a_tick(outcome=RESUMED, detail="looked at it"))
    assert again().read(EVER).failures == 0
    _failed(again, 3)
    again().record_tick(a_tick(outcome="failed"))
    assert again().read(EVER).failures == 1


def test_history__of_more_than_there_can_be__is_all_there_is(again: Again) -> None:
    again().record_tick(a_tick())
    assert again().history(10**20) == (a_tick(),)


def test_read__of_ticks__gives_the_two_newest(again: Again) -> None:
    assert again().read(EVER).recent == ()
    records = [a_tick(detail=f"tick {number}") for number in range(3)]
    for record in records:
        again().record_tick(record)
    assert again().read(EVER).recent == (records[2], records[1])


def test_read__called_since__is_as_the_newest_tick_left_it(again: Again) -> None:
    assert again().read(EVER).called_since is None
    again().record_tick(replace(a_tick(), called_since=1_700_000_000))
    assert again().read(EVER).called_since == 1_700_000_000
    assert again().history(1)[0].called_since == 1_700_000_000
    again().record_tick(a_tick())
    assert again().read(EVER).called_since is None
