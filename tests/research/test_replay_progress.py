"""What whoever waits for a replay is told: a word where it takes long, and none where it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from given_studies import study_of, walk

from rebalancer.cli.replay_progress import LONG, told_when_long, watched_replay


def told(*steps: tuple[float, int]) -> tuple[list[str], list[tuple[int, int]]]:
    """What is said and shown of a hundred ticks, so many of them done at each second."""
    clock: Iterator[float] = iter([0.0, *(second for second, _ in steps)])
    said: list[str] = []
    shown: list[tuple[int, int]] = []
    progress = told_when_long(said.append, lambda done, whole: shown.append((done, whole)), lambda: next(clock))
    for _, done in steps:
        progress(done, 100)
    return said, shown


def test_told__much_is_left_after_a_while__is_said_once_with_how_long_and_why() -> None:
    said, shown = told((1, 1), (LONG, 10), (2 * LONG, 20), (10 * LONG, 100))
    assert len(said) == 1
    assert said[0].startswith("replay: 10% done, about 90 s to go. It is exact: ")
    assert "`rebalancer sweep`" in said[0]
    assert shown == [(1, 100), (10, 100), (20, 100), (100, 100)]


@pytest.mark.parametrize("steps", [((9.0, 50), (18.0, 100)), ((LONG, 60), (17.0, 100)), ((60.0, 100),)])
def test_told__little_is_left__says_nothing(steps: tuple[tuple[float, int], ...]) -> None:
    assert told(*steps)[0] == []


def test_watched_replay__nobody_is_looking_and_it_is_short__plays_it_and_writes_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with watched_replay() as run:
        found = run(study_of(walk(5, 30, 3)))
    assert len(found.units) == 30
    assert capfd.readouterr() == ("", "")
