"""What venues from outside had a hand in: an intent's record names them, and how each ended is asked for a day."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from given_ledger import GONE, Again, a_failure, a_settlement, a_tick, an_intent, recorded

from rebalancer.adapters.ledger.records import intent_from_json, intent_to_json
from rebalancer.core.errors import Halt
from rebalancer.core.model import FINAL_BLOCKS, Failure, Intent, Settlement

ENDED = 1_700_000_100
"""When what was mined was."""


def of_venues(number: int = 1, *venues: str) -> Intent:
    return replace(an_intent(number), venues=venues or ("one_inch", "odos"))


def test_intent__with_venues__comes_back_equal_and_without_has_the_record_that_it_always_had() -> None:
    assert intent_from_json(intent_to_json(of_venues())) == of_venues()
    plain, named = (json.loads(intent_to_json(one)) for one in (an_intent(), of_venues()))
    assert "venues" not in plain and named.pop("venues") == ["one_inch", "odos"] and named == plain


@pytest.mark.parametrize("damage", ["one_inch", None, [7], {"one_inch": 1}])
def test_intent_from_json__with_venues_that_are_no_names__halts(damage: Any) -> None:
    record = json.loads(intent_to_json(of_venues())) | {"venues": damage}
    with pytest.raises(Halt, match="the record of an intent cannot be read"):
        intent_from_json(json.dumps(record))


@pytest.mark.parametrize(
    ("result", "at"),
    [(a_failure(of_venues()), ENDED), (a_settlement(of_venues()), ENDED), (GONE, of_venues().deadline)],
    ids=["failed", "settled", "void at its deadline"],
)
def test_ended_outside__within_the_time__is_there_whatever_came_after_it(
    again: Again, result: Settlement | Failure, at: int
) -> None:
    intent = recorded(again, of_venues())
    assert again().ended_outside(0) == (), "open yet"
    again().record_landing(intent, result)
    again().record_tick(a_tick(block=intent.block + 2 + FINAL_BLOCKS))
    own = recorded(again, an_intent(2))
    again().record_landing(own, a_settlement(own))
    assert again().ended_outside(at - 1) == ((intent, result),)
    assert again().ended_outside(at) == ()


def test_ended_outside__of_several__is_oldest_first_without_the_own_routers(again: Again) -> None:
    intents = [of_venues(1, "odos"), an_intent(2), of_venues(3, "velora")]
    for intent in intents:
        recorded(again, intent)
        again().record_landing(intent, a_failure(intent))
    assert [intent.venues for intent, _ in again().ended_outside(0)] == [("odos",), ("velora",)]


def test_ended_outside__taken_back_with_its_block__is_not_there_until_it_lands_anew(again: Again) -> None:
    intent = recorded(again, of_venues())
    again().record_landing(intent, a_failure(intent))
    again().record_reopened(intent, "its block was replaced")
    assert again().ended_outside(0) == ()
    again().record_landing(intent, a_settlement(intent))
    assert again().ended_outside(0) == ((intent, a_settlement(intent)),)


def test_ended_outside__a_person_has_resumed_since__is_forgotten(again: Again) -> None:
    intent = recorded(again, of_venues())
    again().record_landing(intent, a_failure(intent))
    again().record_tick(a_tick("Halt", "look"))
    again().record_tick(a_tick("resumed", "looked"))
    assert again().ended_outside(0) == ()
