"""What the state machine draws: the shape of a batch, ways, hostile settings, people; and how it makes a move."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from random import Random
from typing import Any, TypeVar

import hypothesis.strategies as st
from given_hostile import Approve, Transfer
from hypothesis.stateful import rule
from machine_batches import BAD_WAYS, EDGES, WAYS
from machine_router import Ambush, Hostile
from machine_world import COUNT
from policy_model import PPM, Swap

PEOPLE = ("operator", "attacker", "guardian", "owner", "safe", "second_owner")
"""Who may be the sender, or get a role; the last is nobody so far."""
DOORS = ("set_targets", "set_operator", "pause", "unpause", "drop_operator")


Made = TypeVar("Made")
WHOLE = 50
"""Steps of a run that counts as one."""


def move(**drawn: Any) -> Callable[[Any], Any]:
    """A rule that does nothing once there have been as many whole runs as were wanted."""

    def of(step: Callable[..., None]) -> Any:
        @wraps(step)
        def unless_done(machine: Any, **values: Any) -> None:
            if not machine.done:
                step(machine, **values)

        return rule(**drawn)(unless_done)

    return of


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a batch from surplus to gap: how many swaps at most; how much of the smaller of the two, and how far below the
    oracle the minimum is, both in %; over which ways. `calm`: the owners see to it first that it may happen, from 2 on
    after some time."""

    most: int
    size: int
    short: int
    ways: tuple[int | str, ...]
    calm: int = 1


@dataclass(frozen=True, slots=True)
class Form:
    """What is wrong around a batch: its sender, or none; nonce and seconds past the deadline."""

    sender: str = ""
    nonce: int = 0
    late: int = 0


@dataclass(frozen=True, slots=True)
class Edge:
    """See machine_batches.edge_swap."""

    name: str
    steps: tuple[int, int, int]


def seeded(make: Callable[[Random], Made]) -> st.SearchStrategy[Made]:
    """One draw for a whole thing: left to itself Hypothesis repeats and shrinks the parts of what it has seen, and
    some rules would never come up."""
    # Of few bits: of larger numbers it prefers small ones.
    return st.integers(0, 2**23).map(lambda seed: make(Random(seed)))


def some_ways(dice: Random, of: tuple[int | str, ...], most: int) -> tuple[int | str, ...]:
    return tuple(dice.choices(of, k=dice.randint(1, most)))


def a_shape(dice: Random) -> Shape:
    size, short = dice.choice((100, 100, 100, 60, 30, 5, 133, 134, 101)), dice.choice((0, 0, 5, 30, 100))
    return Shape(dice.randint(1, 6), size, short, some_ways(dice, WAYS, 3), dice.choice(CALM))


def a_bad_shape(dice: Random) -> Shape:
    # Mostly calm: what is paused, or too early, is refused before anybody looks at a path.
    return Shape(dice.randint(1, 3), 50, 5, some_ways(dice, (*WAYS[:2], *BAD_WAYS), 2), dice.choice((0, 1, 1, 1, 2)))


def an_edge(dice: Random) -> Edge:
    return Edge(dice.choice(EDGES), (dice.randint(-2, 2), dice.choice((0, 0, -1, 1)), dice.choice((0, 5, 30, 100))))


def a_form(dice: Random) -> Form:
    return dice.choice(
        (Form(), Form(sender=dice.choice(PEOPLE)), Form(nonce=dice.choice((1, -1))), Form(late=dice.choice((0, 1))))
    )


def an_ambush(dice: Random) -> Ambush:
    token = dice.randrange(COUNT)
    return dice.choice(
        (
            Ambush(dice.choice(DOORS), strict=dice.random() < 0.5),
            Ambush("gift", token, gift=dice.choice((1, 10**4, 10**21))),
            Ambush("raid", token, raid=dice.choice((1, 10**6))),
            # Twice: no other way leads to the rule about ether.
            Ambush("coins", coins=1),
            Ambush("coins", coins=1),
        )
    )


def a_hostile(dice: Random) -> Hostile:
    token = dice.randrange(COUNT)
    stubborn = Hostile(token=token, approves=dice.choice(tuple(Approve)), takes=dice.choice((0, -1)))
    return dice.choice(
        (
            Hostile(takes=dice.choice((-1, 1, -(10**30)))),
            Hostile(pays=dice.choice((1, 1, -1, 10**6, 10**30, -(10**30)))),
            Hostile(takes=dice.choice((-1, -7)), pays=dice.choice((1, 1_000))),
            Hostile(keeps=True),
            Hostile(manner=dice.choice((1, 2))),
            Hostile(token=token, fee=dice.choice((1, 1_000, PPM)), pays=dice.choice((0, 10**5))),
            stubborn,
            replace(stubborn, allowed=5),
            Hostile(token=token, returns_false=True),
            Hostile(token=token, transfers=dice.choice((Transfer.FORBIDS, Transfer.FORBIDS, *Transfer))),
            Hostile(token=dice.randint(0, COUNT), theft=dice.choice((1, 10**6)), allowed=dice.choice((0, 0, 10**6))),
            Hostile(ambush=an_ambush(dice)),
            Hostile(ambush=an_ambush(dice)),
        )
    )


def aimed(
    hostile: Hostile, swaps: Sequence[Swap], ways: tuple[int | str, ...]
) -> tuple[tuple[int | str, ...], Hostile]:
    """A batch's ways and what is hostile in it, at the first swap: a token that is not moved, approved, paid does
    nothing."""
    if not swaps:
        return ways, hostile
    if hostile.fee:
        return ways, replace(hostile, token=swaps[0].token_out)
    if hostile.approves:
        return ("honest", *ways), replace(hostile, token=swaps[0].token_in)
    if hostile.transfers:
        return (WAYS[0], *ways), replace(hostile, token=swaps[0].token_in)
    return ways, replace(hostile, token=swaps[0].token_in) if hostile.returns_false else hostile


def some_nonsense(dice: Random) -> list[tuple[int, int, int, int, int]]:
    """Of each swap: token sold and bought, % of what is held, power of two of the minimum, route."""
    return [
        (dice.randint(0, COUNT), dice.randint(0, COUNT), dice.randint(0, 120), dice.randint(0, 110), dice.randint(0, 2))
        for _ in range(dice.randint(0, 8))
    ]


def some_shares(dice: Random) -> list[int]:
    return [dice.choice((0, dice.randint(1, 60), dice.randint(1, 60))) for _ in range(COUNT - 1)] + [10]


CALM = (0, 1, 1, 2)
listed = st.integers(0, COUNT - 1)
places = st.integers(0, COUNT)
shares, shapes, bad_shapes = seeded(some_shares), seeded(a_shape), seeded(a_bad_shape)
edges, forms, hostiles, nonsense = seeded(an_edge), seeded(a_form), seeded(a_hostile), seeded(some_nonsense)
good_ways = seeded(lambda dice: some_ways(dice, WAYS, 2))
sometimes = st.integers(0, 9).map(lambda number: number == 0)
