"""What the next decision rests on besides: what may come late, what nobody looked at since, what a person has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from given_ledger import (
    EVER,
    GONE,
    USDC,
    WETH,
    a_basis,
    a_failure,
    a_replacement,
    a_settlement,
    a_tick,
    a_valued_tick,
    an_intent,
)

from rebalancer.adapters.ledger.words import HALTED, RESUMED
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Failure, Intent, Settlement
from rebalancer.ports import Ledger

Again = Callable[[], Ledger]
NOW = 1_700_000_000
RAISED = ((USDC.address, -(10**9)), (WETH.address, 33 * 10**16))
"""What each of the settlements here has moved."""


def _recorded(again: Again, number: int = 1) -> Intent:
    again().record_intent(an_intent(number), a_basis(an_intent(number)))
    return an_intent(number)


def _landed(again: Again, number: int = 1, result: Settlement | Failure | None = None) -> Intent:
    intent = _recorded(again, number)
    again().record_landing(intent, result or a_settlement(intent))
    return intent


def _halted(again: Again, why: str = "look at this") -> None:
    again().record_tick(a_tick(HALTED, why, None))


def _resumed(again: Again) -> None:
    again().record_tick(a_tick(RESUMED, "looked at it", None))


# ---------------------------------------------------------------- given up unmined


def test_gone__of_an_intent_that_was_given_up_unmined__is_that_intent_with_all_its_transactions(again: Again) -> None:
    intent = again().record_replacement(_recorded(again), a_replacement(an_intent()))
    assert again().read(EVER).gone is None
    again().record_landing(intent, GONE)
    again().record_tick(a_tick(block=9_000))
    assert again().read(EVER).gone == intent, "however many blocks were read since"


@pytest.mark.parametrize("result", [a_settlement(an_intent()), a_failure(an_intent())], ids=["settled", "failed"])
def test_gone__of_an_intent_that_was_mined__is_none(again: Again, result: Settlement | Failure) -> None:
    _landed(again, 1, result)
    assert again().read(EVER).gone is None


def test_gone__after_a_newer_intent_or_a_reopening__is_none(again: Again) -> None:
    intent = _landed(again, 1, GONE)
    again().record_reopened(intent, "it came late")
    past = again().read(EVER)
    assert (past.gone, past.open_intent) == (None, intent)
    again().record_landing(intent, GONE)
    _recorded(again, 2)
    assert again().read(EVER).gone is None
    again().record_landing(an_intent(2), a_settlement(an_intent(2)))
    assert again().read(EVER).gone is None


def test_gone__after_a_person_resumed__is_none(again: Again) -> None:
    _landed(again, 1, GONE)
    _halted(again)
    assert again().read(EVER).gone == an_intent()
    _resumed(again)
    assert again().read(EVER).gone is None


# ---------------------------------------------------------------- not looked at since it settled


def test_unchecked__until_the_wallet_was_read_at_its_block__is_what_settled(again: Again) -> None:
    again().record_tick(a_tick(block=5_000))  # before it, and of a node that was ahead
    intent = _landed(again)  # in block 1,003
    expected = (intent, a_settlement(intent))
    assert again().read(EVER).unchecked == expected
    again().record_tick(a_tick(block=1_002))
    again().record_tick(a_tick("Unavailable", "no answer", None))
    assert again().read(EVER).unchecked == expected
    again().record_tick(a_tick(block=1_003))
    assert again().read(EVER).unchecked is None


@pytest.mark.parametrize("result", [GONE, a_failure(an_intent())], ids=["gone", "failed"])
def test_unchecked__of_what_moved_nothing__is_none(again: Again, result: Failure) -> None:
    _landed(again, 1, result)
    assert again().read(EVER).unchecked is None


def test_unchecked__after_a_person_resumed_or_while_a_newer_one_is_open__is_none(again: Again) -> None:
    _landed(again)
    _halted(again)
    assert again().read(EVER).unchecked is not None
    _resumed(again)
    assert again().read(EVER).unchecked is None
    _landed(again, 2)
    _recorded(again, 3)
    assert again().read(EVER).unchecked is None


# ---------------------------------------------------------------- what a person has seen


def test_last_block__of_an_intent_from_before_a_person_resumed__is_forgotten(again: Again) -> None:
    _recorded(again, 10**9)  # its block never was
    _halted(again)
    assert again().read(EVER).last_block == 1_000 + 10**9
    _resumed(again)
    past = again().read(EVER)
    assert (past.last_block, past.open_intent) == (0, an_intent(10**9))
    again().record_tick(a_tick(block=1_234))
    assert again().read(EVER).last_block == 1_234


def test_last_block__of_an_intent_from_after_a_person_resumed__counts(again: Again) -> None:
    _halted(again)
    _resumed(again)
    _recorded(again, 7)
    assert again().read(EVER).last_block == 1_007


def test_accepted__of_a_settlement__is_kept_as_it_was_said(again: Again) -> None:
    settled = replace(a_settlement(an_intent()), accepted="less than planned: the pool had moved, it is ours")
    _landed(again, 1, settled)
    assert again().read(EVER).unfinal == (an_intent(), settled)


# ---------------------------------------------------------------- halted means: nothing more is promised


def test_record_intent__while_halted__halts_in_the_same_words_and_keeps_nothing(again: Again) -> None:
    _halted(again, "by a person: the market is closed")
    with pytest.raises(Halt, match=r"^by a person: the market is closed$"):
        _recorded(again)
    assert again().read(EVER).open_intent is None
    _resumed(again)
    assert _recorded(again) == again().read(EVER).open_intent


def test_record_intent__while_halted_and_another_is_open__halts(again: Again) -> None:
    _recorded(again)
    _halted(again)
    with pytest.raises(Halt, match="look at this"):
        _recorded(again, 2)


def test_record_replacement__while_halted__halts_in_the_same_words_and_keeps_nothing(again: Again) -> None:
    intent = _recorded(again)
    _halted(again)
    with pytest.raises(Halt, match=r"^look at this$"):
        again().record_replacement(intent, a_replacement(intent))
    assert again().read(EVER).open_intent == intent
    _resumed(again)
    assert len(again().record_replacement(intent, a_replacement(intent)).replacements) == 1


def test_record_landing__while_halted__closes_the_intent(again: Again) -> None:
    """What the chain has done is done."""
    intent = _recorded(again)
    _halted(again)
    again().record_landing(intent, a_settlement(intent))
    assert again().read(EVER).open_intent is None


def test_record_intent__while_another_is_open__is_unavailable_and_says_that_nothing_was_sent(again: Again) -> None:
    _recorded(again)
    with pytest.raises(Unavailable, match="intent-1 .*is still open, so intent intent-2 was not recorded and not sent"):
        _recorded(again, 2)


# ---------------------------------------------------------------- a person's word is about one halt


def test_record_resumed__of_the_halt_that_stands__ends_it(again: Again) -> None:
    _halted(again)
    _halted(again)  # the next tick, in the same words
    record = a_tick(RESUMED, "looked at it", None)
    again().record_resumed(record, "look at this")
    assert again().read(EVER).halted is None
    assert again().history(1) == (record,)


def test_record_resumed__while_another_halt_stands__is_refused_by_its_words_and_stays_halted(again: Again) -> None:
    _halted(again, "the wallet lost a third")
    _halted(again, "by a person: stop")
    with pytest.raises(
        ConfigError, match="another reason: by a person: stop; what was looked into is: the wallet lost"
    ):
        again().record_resumed(a_tick(RESUMED, "looked", None), "the wallet lost a third")
    assert again().read(EVER).halted == "by a person: stop"


def test_record_resumed__by_the_second_of_two_persons__is_refused(again: Again) -> None:
    _halted(again)
    again().record_resumed(a_tick(RESUMED, "looked", None), "look at this")
    with pytest.raises(ConfigError, match="nothing is halted any more"):
        again().record_resumed(a_tick(RESUMED, "looked too", None), "look at this")
    assert again().history(1)[0].detail == "looked"


# ---------------------------------------------------------------- fills of what landed anew


def _looked(again: Again, block: int) -> None:
    again().record_tick(a_valued_tick(NOW, 10**9, block=block))


def _moved(again: Again) -> dict[str, int]:
    return dict(again().read(EVER).history.moved)


def test_moved__of_what_landed_anew_after_the_look__counts_once(again: Again) -> None:
    intent = _landed(again)
    _looked(again, 1_005)  # with its fills in it
    again().record_reopened(intent, "another block")
    again().record_landing(intent, replace(a_settlement(intent), block=1_008))
    assert _moved(again) == {}


def test_moved__of_what_landed_anew_with_other_fills__is_the_difference_to_the_last(again: Again) -> None:
    intent = _landed(again)
    _looked(again, 1_010)
    again().record_reopened(intent, "another block")
    settled = a_settlement(intent)
    less = (settled.fills[0], replace(settled.fills[1], raw=30 * 10**16))
    # In a block below that of the look, whose branch is gone.
    again().record_landing(intent, replace(settled, block=1_007, fills=less))
    assert _moved(again) == {WETH.address: -3 * 10**16}


def test_moved__of_what_failed_after_the_look__is_taken_back(again: Again) -> None:
    intent = _landed(again)
    _looked(again, 1_005)
    again().record_reopened(intent, "another block")
    assert _moved(again) == {token: -raw for token, raw in RAISED}
    again().record_landing(intent, a_failure(intent))
    assert _moved(again) == {token: -raw for token, raw in RAISED}
    _looked(again, 1_009)
    assert _moved(again) == {}


def test_moved__of_what_landed_anew_before_the_look__is_in_it(again: Again) -> None:
    intent = _landed(again)
    again().record_reopened(intent, "another block")
    again().record_landing(intent, replace(a_settlement(intent), block=1_008))
    _looked(again, 1_008)
    assert _moved(again) == {}


def test_moved__of_what_the_look_has_not_seen__counts_as_it_landed_last(again: Again) -> None:
    _looked(again, 1_000)
    intent = _landed(again)
    again().record_reopened(intent, "another block")
    assert _moved(again) == {}
    again().record_landing(intent, replace(a_settlement(intent), block=1_008))
    assert _moved(again) == dict(RAISED)


def test_moved__beside_another_batch__is_of_each_intent_by_itself(again: Again) -> None:
    _landed(again, 1)
    _looked(again, 1_005)
    intent = _landed(again, 2, replace(a_settlement(an_intent(2)), block=1_020))
    again().record_reopened(intent, "another block")
    again().record_landing(intent, replace(a_settlement(intent), block=1_021))
    assert _moved(again) == dict(RAISED)


def test_moved__of_what_landed_after_the_blocks_that_were_looked_at__is_not_taken_back(again: Again) -> None:
    intent = _landed(again)  # in block 1,003
    _looked(again, 1_002)
    again().record_reopened(intent, "another block")
    assert _moved(again) == {}


def test_moved__of_what_was_known_to_have_landed_after_the_look_only__is_not_taken_back(again: Again) -> None:
    _looked(again, 1_010)  # of a branch in which it had not landed
    intent = _landed(again)
    again().record_reopened(intent, "another block")
    assert _moved(again) == {}
    again().record_landing(intent, replace(a_settlement(intent), block=1_008))
    assert _moved(again) == dict(RAISED)
