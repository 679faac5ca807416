"""What happens to a keeper's transaction between two of its ticks: a scene for each way in which it can go.

A scene looks at what is there and does the next thing, so that it goes on wherever the keeper was killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crash_records import Open
from given_crashes import AT_ONCE, MOVING, NEVER, Node, World

REPLACED_AFTER = 61
"""Seconds: longer than the configuration waits."""
FORGOTTEN_AFTER = 700
"""Seconds after the deadline: a node that does not know a transaction then is believed."""


@dataclass(frozen=True, slots=True)
class Scene:
    """`failures`: how many batches must fail before one settles; `kind`: of the keeper, where it is not any."""

    name: str
    meanwhile: Callable[[World], None]
    node: Node = NEVER
    failures: int = 0
    kind: str = ""


def nothing(_: World) -> None:
    """It was mined before anybody looked."""


def mined(world: World) -> None:
    if world.pooled():
        world.mine()


def deeper(world: World) -> None:
    """A block on top of the one that it is in."""
    if world.open() is not None:
        world.mine()


def raised(world: World) -> None:
    """Nobody takes it at its fees; of those that follow somebody takes one."""
    _replaced(world, lambda _: REPLACED_AFTER)


def cancelled(world: World) -> None:
    """Nobody takes it until it is void. The batch after it is taken at once."""
    if _is_the_first(world):
        _replaced(world, lambda intent: max(REPLACED_AFTER, intent.deadline + 2 - world.now()))
    else:
        mined(world)
        _after_a_failure(world)


def dropped(world: World) -> None:
    """The network forgets it, and takes it when it comes again."""
    if world.pooled() and world.once("dropped"):
        world.drop()
    else:
        mined(world)


def late(world: World) -> None:
    """It is mined when it is void, and reverts."""
    intent = world.open()
    if intent is not None and world.pooled() and world.once("late"):
        world.replica.warp(max(1, intent.deadline + 2 - world.now()))
    else:
        mined(world)
        _after_a_failure(world)


def forgotten(world: World) -> None:
    """Everybody forgets it, for good."""
    intent = world.open()
    if intent is not None and _is_the_first(world):
        world.drop()
        world.replica.warp(max(1, intent.deadline + FORGOTTEN_AFTER - world.now()))
    else:
        mined(world)


def taken_back(world: World) -> None:
    """Its block is replaced, and it is in none of the others."""
    _taken_back(world, again=False)


def moved(world: World) -> None:
    """Its block is replaced, and it is in another one."""
    _taken_back(world, again=True)


def setting(meanwhile: Callable[[World], None]) -> Callable[[World], None]:
    """That happens to the targets that a keeper sets first; what it does once they are final is mined."""

    def then_final(world: World) -> None:
        before = set(world.happened)
        if world.open() is None or _is_the_first(world):
            meanwhile(world)
        else:
            mined(world)
        settled = [each for each in world.records.landed() if each.settled]
        if world.open() is not None or len(settled) != 1 or before != world.happened:
            return
        # Where its block was replaced, and the keeper killed before it knew, it lands anew.
        if world.once(f"final in revision {settled[0].revision}"):
            world.make_final()

    return then_final


def _replaced(world: World, seconds: Callable[[Open], int]) -> None:
    intent = world.open()
    if intent is None or len(intent.attempts) > 1:
        # Where the newest was never sent, it is the one before it that is mined now, or the keeper is let try again.
        if world.rng.random() < 0.7:
            mined(world)
    elif intent.newest.at + REPLACED_AFTER > world.now():
        world.pass_by(seconds(intent))


def _after_a_failure(world: World) -> None:
    """Blocks go by until a batch that failed is final: before, the keeper sends nothing new."""
    landed = world.records.landed()
    if world.open() is None and landed and not any(each.settled for each in landed) and world.once("final"):
        world.make_final()


def _is_the_first(world: World) -> bool:
    intent = world.open()
    return intent is not None and intent.number == 1


def _taken_back(world: World, again: bool) -> None:
    landed = [each for each in world.records.landed() if each.settled]
    if world.open() is None and landed and landed[0].block is not None and world.once("taken back"):
        raw = world.replica.rpc.call("eth_getRawTransactionByHash", landed[0].tx)
        world.take_back(landed[0].block, str(raw) if again else None)


SCENES = (
    Scene("mined at once", nothing, AT_ONCE),
    Scene("two deep", deeper, Node(automine=True, confirmations=2)),
    Scene("raised", raised),
    Scene("cancelled", cancelled, failures=1),
    Scene("dropped", dropped),
    Scene("late", late, failures=1),
    Scene("forgotten", forgotten, failures=1),
    Scene("taken back", taken_back, AT_ONCE),
    Scene("moved", moved, AT_ONCE),
    Scene("targets set at once", setting(nothing), AT_ONCE, kind=MOVING),
    Scene("targets raised", setting(raised), kind=MOVING),
    Scene("targets cancelled", setting(cancelled), failures=1, kind=MOVING),
    Scene("targets dropped", setting(dropped), kind=MOVING),
    Scene("targets late", setting(late), failures=1, kind=MOVING),
    Scene("targets forgotten", setting(forgotten), failures=1, kind=MOVING),
    Scene("targets taken back", setting(taken_back), AT_ONCE, kind=MOVING),
    Scene("targets moved", setting(moved), AT_ONCE, kind=MOVING),
)
