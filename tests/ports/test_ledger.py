"""One contract for every ledger: what is recorded is remembered, and two intents are never open at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_ledger import EVER, GONE, POOLS, a_basis, a_cost, a_failure, a_replacement, a_settlement, a_tick, an_intent

from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Failure, Intent, Mined, Past, Purpose, Rebalance, Settlement
from rebalancer.ports import Ledger

Again = Callable[[], Ledger]


def _record(again: Again, intent: Intent) -> Intent:
    again().record_intent(intent, a_basis(intent))
    return intent


def _land(again: Again, number: int, result: Settlement | Failure | None = None) -> Intent:
    """A whole round, settled where nothing else is said."""
    intent = _record(again, an_intent(number))
    again().record_landing(intent, result or a_settlement(intent))
    return intent


def _mined() -> Mined:
    mined = a_failure(an_intent()).mined
    assert mined is not None
    return mined


def _replace(again: Again, intent: Intent, purpose: Purpose = Purpose.RAISE, tip: int = 2) -> Intent:
    return again().record_replacement(intent, a_replacement(intent, purpose, tip))


def test_read__of_a_new_ledger__is_empty(again: Again) -> None:
    assert again().read(EVER) == Past(open_intent=None, last_settled_at=None, halted=None, last_block=0, failures=0)


def test_read__after_an_intent__gives_it_back_whole(again: Again) -> None:
    _record(again, an_intent())
    assert again().read(EVER).open_intent == an_intent()


def test_read__after_an_intent_over_pools__gives_them_back_whole(again: Again) -> None:
    intent = _record(again, replace(an_intent(), pools=POOLS))
    assert again().read(EVER).open_intent == intent


def test_rebalances__that_have_settled__are_newest_first_with_what_was_expected_and_what_was_paid(again: Again) -> None:
    paid = (a_cost(1_000, 2, 3), replace(a_cost(2_000, -4, 5), fee=None, impact=None))
    for number, cost in enumerate(paid, 1):
        intent = _record(again, replace(an_intent(number), cost=a_cost(number * 10)))
        again().record_landing(intent, a_settlement(intent, 1_700_000_100 + number, cost))
    _land(again, 3, a_failure(an_intent(3)))
    older, newer = (
        Rebalance(an_intent(number).commitment.hash, 1_700_000_100 + number, a_cost(number * 10), cost)
        for number, cost in enumerate(paid, 1)
    )
    assert again().rebalances(10) == (newer, older)
    assert again().rebalances(1) == (newer,)
    assert again().rebalances(0) == ()


def test_rebalances__of_what_was_reopened__are_those_that_stand(again: Again) -> None:
    intent = _land(again, 1)
    again().record_reopened(intent, "its block was replaced")
    assert again().rebalances(10) == ()
    anew = replace(a_settlement(intent), block_hash="0x" + "ce" * 32, cost=a_cost(7))
    again().record_landing(intent, anew)
    assert again().rebalances(10) == (Rebalance(anew.tx, anew.timestamp, intent.cost, a_cost(7)),)


def test_record_landing__again_with_a_split_that_was_not_measured_before__is_the_same(again: Again) -> None:
    intent = _land(again, 1, a_settlement(an_intent(1), cost=replace(a_cost(), fee=None, impact=None)))
    again().record_landing(intent, a_settlement(intent, cost=a_cost()))
    with pytest.raises(Halt, match="was recorded as settled"):
        again().record_landing(intent, a_settlement(intent, cost=a_cost(gas=4)))


def test_record_intent__while_another_is_open__is_unavailable_and_keeps_the_first(again: Again) -> None:
    _record(again, an_intent(1))
    with pytest.raises(Unavailable, match=r"intent-1.*still open.*intent-2"):
        _record(again, an_intent(2))
    assert again().read(EVER).open_intent == an_intent(1)


def test_record_intent__of_the_open_one_again__is_unavailable(again: Again) -> None:
    _record(again, an_intent())
    with pytest.raises(Unavailable, match="still open"):
        _record(again, an_intent())


def test_record_intent__of_a_landed_one_again__halts(again: Again) -> None:
    _record(again, an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent()))
    with pytest.raises(Halt):
        _record(again, an_intent())


def test_record_landing__settled__closes_the_intent_and_starts_the_clock(again: Again) -> None:
    _record(again, an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent(), timestamp=1_700_000_100))
    past = again().read(EVER)
    assert past.open_intent is None
    assert past.last_settled_at == 1_700_000_100


def test_record_landing__failed__closes_the_intent_and_leaves_the_clock(again: Again) -> None:
    _record(again, an_intent(1))
    again().record_landing(an_intent(1), a_settlement(an_intent(1), timestamp=1_700_000_100))
    _record(again, an_intent(2))
    again().record_landing(an_intent(2), a_failure(an_intent(2)))
    past = again().read(EVER)
    assert past.open_intent is None
    assert past.last_settled_at == 1_700_000_100


@pytest.mark.parametrize(
    "result", [a_settlement(an_intent()), a_failure(an_intent()), GONE], ids=["settled", "failed", "gone"]
)
def test_record_landing__twice_the_same__changes_nothing(again: Again, result: Settlement | Failure) -> None:
    _record(again, an_intent())
    again().record_landing(an_intent(), result)
    before = again().read(EVER)
    again().record_landing(an_intent(), result)
    assert again().read(EVER) == before


@pytest.mark.parametrize(
    "other",
    [
        replace(a_settlement(an_intent()), fills=()),
        replace(a_failure(an_intent()), mined=replace(_mined(), block_hash=a_settlement(an_intent()).block_hash)),
    ],
    ids=["with other fills", "reverted"],
)
def test_record_landing__twice_and_different_in_one_block__halts(again: Again, other: Settlement | Failure) -> None:
    _land(again, 1)
    with pytest.raises(Halt, match="intent-1 was recorded as settled in block 1003, and now as "):
        again().record_landing(an_intent(), other)
    assert again().read(EVER).last_settled_at is not None


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (a_failure(an_intent()), replace(a_failure(an_intent()), reason="mined and reverted: why is not known")),
        (GONE, replace(GONE, reason="void, and no node knows it")),
        (a_settlement(an_intent()), replace(a_settlement(an_intent()), accepted="known")),
    ],
    ids=["failed", "gone", "settled"],
)
def test_record_landing__twice_the_same_in_other_words__keeps_the_first(
    again: Again, known: Settlement | Failure, words: Settlement | Failure
) -> None:
    _land(again, 1, known)
    before = again().read(EVER)
    again().record_landing(an_intent(), words)
    assert again().read(EVER) == before


@pytest.mark.parametrize(
    "other",
    [GONE, a_failure(an_intent()), replace(a_settlement(an_intent()), block=1_004, block_hash="0x" + "ef" * 32)],
    ids=["gone", "failed", "settled"],
)
def test_record_landing__by_one_who_was_slower_and_saw_another_block__is_unavailable_and_keeps_the_first(
    again: Again, other: Settlement | Failure
) -> None:
    _land(again, 1)
    before = again().read(EVER)
    with pytest.raises(Unavailable, match=r"another keeper was quicker with intent intent-1 .*settled in block 1003"):
        again().record_landing(an_intent(), other)
    assert again().read(EVER) == before


def test_record_landing__of_an_older_intent_in_another_block__halts(again: Again) -> None:
    """The next tick looks at the newest only."""
    first = _land(again, 1)
    _land(again, 2)
    with pytest.raises(Halt, match="intent-1 was recorded as settled in block 1003, and now as failed"):
        again().record_landing(first, a_failure(first))


def test_record_landing__of_an_unknown_intent__halts(again: Again) -> None:
    with pytest.raises(Halt, match="never recorded"):
        again().record_landing(an_intent(), GONE)


def test_record_intent__after_many_rounds__takes_turns(again: Again) -> None:
    for number in range(1, 6):
        _record(again, an_intent(number))
        assert again().read(EVER).open_intent == an_intent(number)
        again().record_landing(an_intent(number), a_settlement(an_intent(number), timestamp=1_700_000_000 + number))
    assert again().read(EVER).last_settled_at == 1_700_000_005


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
    _record(again, an_intent(6_000))  # its block is 7,000
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
    _record(again, an_intent(number))
    again().record_landing(an_intent(number), a_failure(an_intent(number)))


def test_read__failures__are_those_in_a_row_since_the_last_settled_batch(again: Again) -> None:
    for number in (1, 2):
        _failed(again, number)
    assert again().read(EVER).failures == 2
    again().record_landing(an_intent(2), a_failure(an_intent(2)))
    assert again().read(EVER).failures == 2, "told twice is failed once"
    _record(again, an_intent(3))
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


# ---------------------------------------------------------------- replacements


def test_record_replacement__of_the_open_intent__is_found_by_the_next_process(again: Again) -> None:
    intent = _record(again, an_intent())
    raised = _replace(again, intent)
    cancelled = _replace(again, raised, Purpose.CANCEL, 3)
    found = again().read(EVER).open_intent
    assert found == cancelled and found is not None
    assert [each.purpose for each in found.replacements] == [Purpose.RAISE, Purpose.CANCEL]
    assert found.commitment == intent.commitment and len({each.hash for each in found.transactions}) == 3


def test_record_replacement__of_an_intent_that_was_never_recorded__halts(again: Again) -> None:
    with pytest.raises(Halt, match="must not be sent"):
        _replace(again, an_intent())
    _record(again, an_intent(2))
    with pytest.raises(Halt, match="must not be sent"):
        _replace(again, an_intent())


def test_record_replacement__of_one_that_another_keeper_has_closed__is_unavailable(again: Again) -> None:
    intent = _land(again, 1)
    with pytest.raises(Unavailable, match="another keeper was quicker with intent intent-1 .*landed by now"):
        _replace(again, intent)
    assert again().read(EVER).open_intent is None
    _record(again, an_intent(2))
    with pytest.raises(Unavailable, match="landed by now"):
        _replace(again, intent)
    assert again().read(EVER).open_intent == an_intent(2)


def test_record_replacement__by_one_who_does_not_know_the_newest__is_unavailable_and_adds_nothing(
    again: Again,
) -> None:
    intent = _record(again, an_intent())
    raised = _replace(again, intent)
    with pytest.raises(Unavailable, match=f"another keeper was quicker.*{raised.newest.hash} is its newest"):
        _replace(again, intent, Purpose.CANCEL, 9)
    assert again().read(EVER).open_intent == raised


def test_record_replacement__by_one_who_knows_another__halts_and_adds_nothing(again: Again) -> None:
    intent = _record(again, an_intent())
    raised = _replace(again, intent)
    with pytest.raises(Halt, match=f"must not be sent: the ledger knows {raised.newest.hash}"):
        _replace(again, replace(intent, replacements=(a_replacement(intent, tip=5),)), tip=9)
    assert again().read(EVER).open_intent == raised


def test_record_landing__of_a_replaced_intent__closes_it_with_what_was_mined(again: Again) -> None:
    intent = _replace(again, _record(again, an_intent()), Purpose.CANCEL)
    result = a_failure(intent)
    again().record_landing(intent, result)
    past = again().read(EVER)
    assert past.open_intent is None
    assert past.unfinal == (intent, result)


# ---------------------------------------------------------------- blocks that are replaced


def test_read__unfinal__is_the_newest_intent_until_enough_blocks_were_read(again: Again) -> None:
    assert again().read(EVER).unfinal is None
    intent = _land(again, 1)  # in block 1,003
    again().record_tick(a_tick(block=1_066))
    assert again().read(EVER).unfinal == (intent, a_settlement(intent))
    again().record_tick(a_tick(block=1_067))
    assert again().read(EVER).unfinal is None


def test_read__unfinal__of_an_intent_that_was_never_mined__is_none(again: Again) -> None:
    _land(again, 1, GONE)
    assert again().read(EVER).unfinal is None


def test_read__unfinal__while_a_newer_intent_is_open__is_none(again: Again) -> None:
    _land(again, 1)
    _record(again, an_intent(2))
    assert again().read(EVER).unfinal is None


def test_record_reopened__of_the_newest_landing__opens_it_with_all_its_transactions(again: Again) -> None:
    intent = _replace(again, _record(again, an_intent()))
    again().record_landing(intent, a_settlement(intent))
    again().record_reopened(intent, "block 1003 is another one now")
    past = again().read(EVER)
    assert (past.open_intent, past.unfinal, past.last_settled_at) == (intent, None, None)


def test_record_landing__after_a_reopening__counts_alone(again: Again) -> None:
    intent = _land(again, 1)
    again().record_reopened(intent, "another block")
    anew = replace(a_settlement(intent, timestamp=1_700_000_200), block=1_004, block_hash="0x" + "ef" * 32)
    again().record_landing(intent, anew)
    past = again().read(EVER)
    assert (past.open_intent, past.last_settled_at, past.unfinal) == (None, 1_700_000_200, (intent, anew))
    with pytest.raises(Unavailable, match="on record as settled in block 1004, and now settled in block 1003"):
        again().record_landing(intent, a_settlement(intent))


def test_record_reopened__again_and_again__settles_each_time_anew(again: Again) -> None:
    intent = _land(again, 1)
    for number in range(3):
        again().record_reopened(intent, "another block")
        assert again().read(EVER).open_intent == intent
        again().record_landing(intent, replace(a_settlement(intent), block=2_000 + number))
    assert _record(again, an_intent(2)) == again().read(EVER).open_intent


def test_record_reopened__then_failed__is_a_failure_and_no_settlement(again: Again) -> None:
    intent = _land(again, 1)
    again().record_reopened(intent, "another block")
    again().record_landing(intent, a_failure(intent))
    past = again().read(EVER)
    assert (past.failures, past.last_settled_at) == (1, None)


def test_record_reopened__of_an_intent_that_never_landed__halts_and_leaves_it_open(again: Again) -> None:
    intent = _record(again, an_intent())
    with pytest.raises(Halt, match="it has not landed"):
        again().record_reopened(intent, "another block")
    assert again().read(EVER).open_intent == intent


def test_record_reopened__of_one_that_another_keeper_has_reopened__is_unavailable_and_leaves_it_open(
    again: Again,
) -> None:
    intent = _land(again, 1)
    again().record_reopened(intent, "another block")
    with pytest.raises(Unavailable, match="another keeper was quicker with intent intent-1 .*opened again by now"):
        again().record_reopened(intent, "another block")
    assert again().read(EVER).open_intent == intent
    again().record_landing(intent, a_settlement(intent))
    assert again().read(EVER).open_intent is None


def test_record_reopened__while_a_newer_intent_stands__halts(again: Again) -> None:
    first = _land(again, 1)
    _record(again, an_intent(2))
    with pytest.raises(Halt, match="intent-1"):
        again().record_reopened(first, "another block")
    assert again().read(EVER).open_intent == an_intent(2)


def test_record_reopened__of_an_unknown_intent__halts(again: Again) -> None:
    with pytest.raises(Halt, match="intent-1"):
        again().record_reopened(an_intent(), "another block")
