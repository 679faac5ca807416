"""What takes the place of what was recorded, in every ledger: a further transaction of its own, another block."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ledger import (
    EVER,
    GONE,
    Again,
    a_cost,
    a_failure,
    a_replacement,
    a_settlement,
    a_tick,
    an_intent,
    landed,
    recorded,
    replaced,
)

from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Purpose, Rebalance

# ---------------------------------------------------------------- transactions


def test_record_replacement__of_the_open_intent__is_found_by_the_next_process(again: Again) -> None:
    intent = recorded(again, an_intent())
    raised = replaced(again, intent)
    cancelled = replaced(again, raised, Purpose.CANCEL, 3)
    found = again().read(EVER).open_intent
    assert found == cancelled and found is not None
    assert [each.purpose for each in found.replacements] == [Purpose.RAISE, Purpose.CANCEL]
    assert found.commitment == intent.commitment and len({each.hash for each in found.transactions}) == 3


def test_record_replacement__of_an_intent_that_was_never_recorded__halts(again: Again) -> None:
    with pytest.raises(Halt, match="must not be sent"):
        replaced(again, an_intent())
    recorded(again, an_intent(2))
    with pytest.raises(Halt, match="must not be sent"):
        replaced(again, an_intent())


def test_record_replacement__of_one_that_another_keeper_has_closed__is_unavailable(again: Again) -> None:
    intent = landed(again, 1)
    with pytest.raises(Unavailable, match="another keeper was quicker with intent intent-1 .*landed by now"):
        replaced(again, intent)
    assert again().read(EVER).open_intent is None
    recorded(again, an_intent(2))
    with pytest.raises(Unavailable, match="landed by now"):
        replaced(again, intent)
    assert again().read(EVER).open_intent == an_intent(2)


def test_record_replacement__by_one_who_does_not_know_the_newest__is_unavailable_and_adds_nothing(
    again: Again,
) -> None:
    intent = recorded(again, an_intent())
    raised = replaced(again, intent)
    with pytest.raises(Unavailable, match=f"another keeper was quicker.*{raised.newest.hash} is its newest"):
        replaced(again, intent, Purpose.CANCEL, 9)
    assert again().read(EVER).open_intent == raised


def test_record_replacement__by_one_who_knows_another__halts_and_adds_nothing(again: Again) -> None:
    intent = recorded(again, an_intent())
    raised = replaced(again, intent)
    with pytest.raises(Halt, match=f"must not be sent: the ledger knows {raised.newest.hash}"):
        replaced(again, replace(intent, replacements=(a_replacement(intent, tip=5),)), tip=9)
    assert again().read(EVER).open_intent == raised


def test_record_landing__of_a_replaced_intent__closes_it_with_what_was_mined(again: Again) -> None:
    intent = replaced(again, recorded(again, an_intent()), Purpose.CANCEL)
    result = a_failure(intent)
    again().record_landing(intent, result)
    past = again().read(EVER)
    assert past.open_intent is None
    assert past.unfinal == (intent, result)


# ---------------------------------------------------------------- blocks


def test_read__unfinal__is_the_newest_intent_until_enough_blocks_were_read(again: Again) -> None:
    assert again().read(EVER).unfinal is None
    intent = landed(again, 1)  # in block 1,003
    again().record_tick(a_tick(block=1_066))
    assert again().read(EVER).unfinal == (intent, a_settlement(intent))
    again().record_tick(a_tick(block=1_067))
    assert again().read(EVER).unfinal is None


def test_read__unfinal__of_an_intent_that_was_never_mined__is_none(again: Again) -> None:
    landed(again, 1, GONE)
    assert again().read(EVER).unfinal is None


def test_read__unfinal__while_a_newer_intent_is_open__is_none(again: Again) -> None:
    landed(again, 1)
    recorded(again, an_intent(2))
    assert again().read(EVER).unfinal is None


def test_record_reopened__of_the_newest_landing__opens_it_with_all_its_transactions(again: Again) -> None:
    intent = replaced(again, recorded(again, an_intent()))
    again().record_landing(intent, a_settlement(intent))
    again().record_reopened(intent, "block 1003 is another one now")
    past = again().read(EVER)
    assert (past.open_intent, past.unfinal, past.last_settled_at) == (intent, None, None)


def test_record_landing__after_a_reopening__counts_alone(again: Again) -> None:
    intent = landed(again, 1)
    again().record_reopened(intent, "another block")
    anew = replace(a_settlement(intent, timestamp=1_700_000_200), block=1_004, block_hash="0x" + "ef" * 32)
    again().record_landing(intent, anew)
    past = again().read(EVER)
    assert (past.open_intent, past.last_settled_at, past.unfinal) == (None, 1_700_000_200, (intent, anew))
    with pytest.raises(Unavailable, match="on record as settled in block 1004, and now settled in block 1003"):
        again().record_landing(intent, a_settlement(intent))


def test_record_reopened__again_and_again__settles_each_time_anew(again: Again) -> None:
    intent = landed(again, 1)
    for number in range(3):
        again().record_reopened(intent, "another block")
        assert again().read(EVER).open_intent == intent
        again().record_landing(intent, replace(a_settlement(intent), block=2_000 + number))
    assert recorded(again, an_intent(2)) == again().read(EVER).open_intent


def test_record_reopened__then_failed__is_a_failure_and_no_settlement(again: Again) -> None:
    intent = landed(again, 1)
    again().record_reopened(intent, "another block")
    again().record_landing(intent, a_failure(intent))
    past = again().read(EVER)
    assert (past.failures, past.last_settled_at) == (1, None)


def test_record_reopened__of_an_intent_that_never_landed__halts_and_leaves_it_open(again: Again) -> None:
    intent = recorded(again, an_intent())
    with pytest.raises(Halt, match="it has not landed"):
        again().record_reopened(intent, "another block")
    assert again().read(EVER).open_intent == intent


def test_record_reopened__of_one_that_another_keeper_has_reopened__is_unavailable_and_leaves_it_open(
    again: Again,
) -> None:
    intent = landed(again, 1)
    again().record_reopened(intent, "another block")
    with pytest.raises(Unavailable, match="another keeper was quicker with intent intent-1 .*opened again by now"):
        again().record_reopened(intent, "another block")
    assert again().read(EVER).open_intent == intent
    again().record_landing(intent, a_settlement(intent))
    assert again().read(EVER).open_intent is None


def test_record_reopened__while_a_newer_intent_stands__halts(again: Again) -> None:
    first = landed(again, 1)
    recorded(again, an_intent(2))
    with pytest.raises(Halt, match="intent-1"):
        again().record_reopened(first, "another block")
    assert again().read(EVER).open_intent == an_intent(2)


def test_record_reopened__of_an_unknown_intent__halts(again: Again) -> None:
    with pytest.raises(Halt, match="intent-1"):
        again().record_reopened(an_intent(), "another block")


def test_rebalances__of_what_was_reopened__are_those_that_stand(again: Again) -> None:
    intent = landed(again, 1)
    again().record_reopened(intent, "its block was replaced")
    assert again().rebalances(10) == ()
    anew = replace(a_settlement(intent), block_hash="0x" + "ce" * 32, cost=a_cost(7))
    again().record_landing(intent, anew)
    assert again().rebalances(10) == (Rebalance(anew.tx, anew.timestamp, intent.cost, a_cost(7)),)
