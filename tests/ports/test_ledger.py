"""One contract for every ledger: what is recorded is remembered, and two intents are never open at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_ledger import (
    EVER,
    GONE,
    POOLS,
    Again,
    a_cost,
    a_failure,
    a_revert,
    a_settlement,
    an_intent,
    landed,
    recorded,
)

from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import Failure, Past, Rebalance, Settlement


def test_read__of_a_new_ledger__is_empty(again: Again) -> None:
    assert again().read(EVER) == Past(open_intent=None, last_settled_at=None, halted=None, last_block=0, failures=0)


def test_read__after_an_intent__gives_it_back_whole(again: Again) -> None:
    recorded(again, an_intent())
    assert again().read(EVER).open_intent == an_intent()


def test_read__after_an_intent_over_pools__gives_them_back_whole(again: Again) -> None:
    intent = recorded(again, replace(an_intent(), pools=POOLS))
    assert again().read(EVER).open_intent == intent


def test_rebalances__that_have_settled__are_newest_first_with_what_was_expected_and_what_was_paid(again: Again) -> None:
    paid = (a_cost(1_000, 2, 3), replace(a_cost(2_000, -4, 5), fee=None, impact=None))
    for number, cost in enumerate(paid, 1):
        intent = recorded(again, replace(an_intent(number), cost=a_cost(number * 10)))
        again().record_landing(intent, a_settlement(intent, 1_700_000_100 + number, cost))
    landed(again, 3, a_failure(an_intent(3)))
    older, newer = (
        Rebalance(an_intent(number).commitment.hash, 1_700_000_100 + number, a_cost(number * 10), cost)
        for number, cost in enumerate(paid, 1)
    )
    assert again().rebalances(10) == (newer, older)
    assert again().rebalances(1) == (newer,)
    assert again().rebalances(0) == ()


def test_record_landing__again_with_a_split_that_was_not_measured_before__is_the_same(again: Again) -> None:
    intent = landed(again, 1, a_settlement(an_intent(1), cost=replace(a_cost(), fee=None, impact=None)))
    again().record_landing(intent, a_settlement(intent, cost=a_cost()))
    with pytest.raises(Halt, match="was recorded as settled"):
        again().record_landing(intent, a_settlement(intent, cost=a_cost(gas=4)))


def test_record_intent__while_another_is_open__is_unavailable_and_keeps_the_first(again: Again) -> None:
    recorded(again, an_intent(1))
    with pytest.raises(Unavailable, match=r"intent-1.*still open.*intent-2"):
        recorded(again, an_intent(2))
    assert again().read(EVER).open_intent == an_intent(1)


def test_record_intent__of_the_open_one_again__is_unavailable(again: Again) -> None:
    recorded(again, an_intent())
    with pytest.raises(Unavailable, match="still open"):
        recorded(again, an_intent())


def test_record_intent__of_a_landed_one_again__halts(again: Again) -> None:
    recorded(again, an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent()))
    with pytest.raises(Halt):
        recorded(again, an_intent())


def test_record_landing__settled__closes_the_intent_and_starts_the_clock(again: Again) -> None:
    recorded(again, an_intent())
    again().record_landing(an_intent(), a_settlement(an_intent(), timestamp=1_700_000_100))
    past = again().read(EVER)
    assert past.open_intent is None
    assert past.last_settled_at == 1_700_000_100


def test_record_landing__failed__closes_the_intent_and_leaves_the_clock(again: Again) -> None:
    recorded(again, an_intent(1))
    again().record_landing(an_intent(1), a_settlement(an_intent(1), timestamp=1_700_000_100))
    recorded(again, an_intent(2))
    again().record_landing(an_intent(2), a_failure(an_intent(2)))
    past = again().read(EVER)
    assert past.open_intent is None
    assert past.last_settled_at == 1_700_000_100


@pytest.mark.parametrize(
    "result", [a_settlement(an_intent()), a_failure(an_intent()), GONE], ids=["settled", "failed", "gone"]
)
def test_record_landing__twice_the_same__changes_nothing(again: Again, result: Settlement | Failure) -> None:
    recorded(again, an_intent())
    again().record_landing(an_intent(), result)
    before = again().read(EVER)
    again().record_landing(an_intent(), result)
    assert again().read(EVER) == before


@pytest.mark.parametrize(
    "other",
    [
        replace(a_settlement(an_intent()), fills=()),
        replace(
            a_failure(an_intent()),
            mined=replace(a_revert(an_intent()), block_hash=a_settlement(an_intent()).block_hash),
        ),
    ],
    ids=["with other fills", "reverted"],
)
def test_record_landing__twice_and_different_in_one_block__halts(again: Again, other: Settlement | Failure) -> None:
    landed(again, 1)
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
    landed(again, 1, known)
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
    landed(again, 1)
    before = again().read(EVER)
    with pytest.raises(Unavailable, match=r"another keeper was quicker with intent intent-1 .*settled in block 1003"):
        again().record_landing(an_intent(), other)
    assert again().read(EVER) == before


def test_record_landing__of_an_older_intent_in_another_block__halts(again: Again) -> None:
    """The next tick looks at the newest only."""
    first = landed(again, 1)
    landed(again, 2)
    with pytest.raises(Halt, match="intent-1 was recorded as settled in block 1003, and now as failed"):
        again().record_landing(first, a_failure(first))


def test_record_landing__of_an_unknown_intent__halts(again: Again) -> None:
    with pytest.raises(Halt, match="never recorded"):
        again().record_landing(an_intent(), GONE)


def test_record_intent__after_many_rounds__takes_turns(again: Again) -> None:
    for number in range(1, 6):
        recorded(again, an_intent(number))
        assert again().read(EVER).open_intent == an_intent(number)
        again().record_landing(an_intent(number), a_settlement(an_intent(number), timestamp=1_700_000_000 + number))
    assert again().read(EVER).last_settled_at == 1_700_000_005
