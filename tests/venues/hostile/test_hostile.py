"""A venue that misbehaves in one way at a time: the tick refuses it by name, sends nothing of it, and trades by its own
router.
"""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from bent_answers import ANSWERS
from bent_calls import CALLS
from bent_chain import CHAIN
from bent_wire import WIRE
from given_http import Play
from given_misbehaviour import REFUSED, Misbehaviour
from given_venue_server import KEY, Question, Reply, VenueServer
from given_venue_stage import EXECUTORS, ROUTERS, STRANGER, Seen, Stage
from given_venue_world import EXECUTOR
from given_wallet import TOKENS as KNOWN

from rebalancer.adapters.venues.outside import PATIENCE
from rebalancer.adapters.wallets.abi import approve, calls_of_batch
from rebalancer.core.model import Call
from rebalancer.market.addresses import address_bytes
from rebalancer.units import Address

MISBEHAVIOURS: dict[str, Misbehaviour] = {**WIRE, **ANSWERS, **CALLS, **CHAIN}
TOKENS = tuple(token.address for token in KNOWN)
OWN_TIME = 8.0
"""Seconds that the rest of a tick may take on a machine that is busy."""
WEIGHED = 3 * OWN_TIME
"""The same where each object is counted."""
MEMORY = 48 * 2**20
"""Bytes: an answer is a megabyte at most, and becomes some thirty as objects."""


def _served(stage: Stage, venue: str, one: Misbehaviour | None = None) -> VenueServer:
    """The venue, bent or not."""
    honest = stage.server_of(venue)

    def answer(question: Question) -> Reply | Play:
        reply = honest(question)
        assert isinstance(reply, Reply)
        return one.bend(stage, question, reply)

    return VenueServer(honest if one is None else answer)


def _asked(stage: Stage, name: str, live: bool = True) -> Seen:
    """A tick that asks a venue which misbehaves so."""
    one = MISBEHAVIOURS[name]
    with _served(stage, one.venue, one) as server:
        stage.asks({one.venue: server})
        stage.route = one.route
        one.stage(stage)
        seen = stage.ticks(one.weighs, live)
        assert server.asked, "nobody has asked it"
        assert server.url not in stage.words()
        return seen


def _goes_by(batch: bytes, *addresses: Address) -> list[Call]:
    """The calls of a batch that go to one of these, or name one; to take back what it may pull names it as well."""
    taken_back = [approve(token, one, 0) for token in TOKENS for one in addresses]
    calls = [call for call in calls_of_batch(batch) if call not in taken_back]
    return [call for call in calls for one in addresses if address_bytes(one) in address_bytes(call.to) + call.data]


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_tick__asking_a_venue_that_misbehaves__refuses_it_by_name_and_sends_nothing_of_it(
    stage: Stage, name: str, record_property: pytest.RecordProperty
) -> None:
    one, seen = MISBEHAVIOURS[name], _asked(stage, name)
    assert seen.done.json["outcome"] == "settled", seen.done.said
    refusals = [why for venue, why in seen.answers if venue == one.venue]
    assert refusals and all(why is not None for why in refusals), seen.answers
    assert all(re.search(one.refused, why) for why in refusals), refusals
    # Nothing of it is sent.
    assert seen.quoted == ("uniswap",)
    assert len(seen.inputs) == 1 == stage.keeper.sent()
    assert _goes_by(seen.inputs[0], ROUTERS[one.venue], EXECUTORS.get(one.venue, EXECUTOR), STRANGER) == []
    # It costs neither the tick's time nor its memory, and what it says is for people to read.
    assert seen.seconds < PATIENCE + (WEIGHED if one.weighs else OWN_TIME)
    assert seen.peak < MEMORY
    assert KEY not in seen.done.said + stage.words()
    assert all(why.isprintable() and len(why) < 600 for why in refusals)
    record_property(REFUSED, f"{name:<58} {one.venue:<9} {refusals[0]}")


@pytest.mark.parametrize("name", ["a price that is 10 % better than it is", "a foreign receiver (Velora)"])
def test_dry_run__asking_a_venue_that_misbehaves__plans_by_the_own_router(stage: Stage, name: str) -> None:
    one, seen = MISBEHAVIOURS[name], _asked(stage, name, live=False)
    assert seen.done.json["outcome"] == "planned", seen.done.said
    (refusal,) = (why for venue, why in seen.answers if venue == one.venue)
    assert refusal is not None and re.search(one.refused, refusal)
    assert seen.inputs == () and stage.keeper.sent() == 0


def test_tick__asking_four_that_misbehave_and_one_that_behaves__goes_by_that_one(stage: Stage) -> None:
    names = ("one byte a second", "a foreign receiver (Velora)", "500 for ever", "a gzip bomb as an error")
    bent = {"kyber": names[0], "velora": names[1], "zero_x": names[2], "odos": names[3]}
    with ExitStack() as stack:
        servers = {
            venue: stack.enter_context(_served(stage, venue, MISBEHAVIOURS[name])) for venue, name in bent.items()
        }
        servers["one_inch"] = stack.enter_context(_served(stage, "one_inch"))
        stage.asks(servers)
        seen = stage.ticks()
    assert seen.done.json["outcome"] == "settled", seen.done.said
    assert seen.quoted == ("one_inch",)
    assert {venue for venue, why in seen.answers if why is not None} == set(bent)
    assert _goes_by(seen.inputs[0], *(ROUTERS[venue] for venue in bent), STRANGER) == []
    assert seen.seconds < PATIENCE + OWN_TIME


@pytest.mark.parametrize("venue", ROUTERS)
def test_tick__asking_a_venue_that_behaves__goes_by_it(stage: Stage, venue: str) -> None:
    """What the others are worth: it is their one misbehaviour that keeps them out."""
    with VenueServer(stage.server_of(venue)) as server:
        stage.asks({venue: server})
        seen = stage.ticks()
    assert seen.done.json["outcome"] == "settled", seen.done.said
    assert seen.quoted == (venue,)
    assert len(_goes_by(seen.inputs[0], ROUTERS[venue])) >= 2, "an approval, and its call"
    assert dict(seen.answers)[venue] is None
