"""One round: a keeper off its targets is killed where it is said, and run again until all is done and it holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crash_judge import Verdict, judge, unrecorded
from crash_scenes import Scene
from given_crashes import Lab, Process, Ran, World

MOST_TICKS = 15
LONGEST = 5.0
"""Seconds from a tick's beginning: later than that, nobody is killed at random."""
LATER = 1.0
"""Seconds, at most, that a second host begins after the first."""


@dataclass(frozen=True, slots=True)
class Round:
    """`stop`: the step to be killed at; "" for `kills` at random times.

    `seed`: of all that is random in it, so that it can be made again.
    """

    scene: Scene
    kind: str
    seed: str
    stop: str = ""
    kills: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """`at`: the last steps of those who were killed."""

    round: Round
    at: tuple[str, ...]
    ticks: tuple[Ran, ...]
    verdict: Verdict

    @property
    def words(self) -> tuple[str, ...]:
        name = f"{self.round.scene.name}, {self.round.kind}, killed at {', '.join(self.at) or 'no step'}"
        return tuple(f"{name} (seed {self.round.seed}): {words}" for words in self.verdict.words)


def run_round(lab: Lab, round_: Round, times: Sequence[float], new_database: Callable[[], str] | None = None) -> Result:
    """`times`: what ticks take in seconds, for kills at random times. With `new_database` two hosts race."""
    rng = random.Random(round_.seed)
    with lab.world(round_.kind, round_.scene.node, rng, new_database) as world:
        sent_unknown: list[str] = []
        left = round_.kills
        for _ in range(MOST_TICKS):
            armed = bool(left) or (bool(round_.stop) and not world.token.exists())
            ran = _ticks(world, round_, armed, times)
            if any(each.killed for each in ran):
                left = max(0, left - 1)
                sent_unknown += unrecorded(world)
            happened = set(world.happened)
            round_.scene.meanwhile(world)
            if happened == world.happened and _is_done(ran, world):
                break
        verdict = judge(world, round_.scene.failures)
        at = tuple(each.steps[-1] if each.steps else "no step" for each in world.ran if each.killed)
        return Result(round_, at, tuple(world.ran), _with(verdict, sent_unknown))


def _is_done(ran: list[Ran], world: World) -> bool:
    holds = all(each.word == "held" and not each.killed for each in ran) and any(not each.busy for each in ran)
    return holds and world.open() is None and not world.pooled()


def _ticks(world: World, round_: Round, armed: bool, times: Sequence[float]) -> list[Ran]:
    """One tick, or while there is somebody to kill those of all hosts at once."""
    if not armed:
        return [world.tick()]
    processes: list[Process] = []
    for host in range(len(world.hosts)):
        if host:
            processes[0].begin()
            time.sleep(world.rng.uniform(0, LATER))
        processes.append(world.start(round_.stop, host))
    if not round_.stop:
        victim = world.rng.choice(processes)
        victim.begin()
        time.sleep(world.rng.uniform(0, min(LONGEST, world.rng.choice(times))))
        victim.kill()
    return [world.done(process) for process in processes]


def _with(verdict: Verdict, unknown: list[str]) -> Verdict:
    return Verdict(
        (*verdict.double_sends, *unknown),
        verdict.lost_fills,
        verdict.unresolved,
        verdict.differences,
        verdict.strange,
    )
