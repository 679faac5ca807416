"""A replay with a bar for as long as somebody is looking, and a word to whoever waits long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rebalancer.cli.output import say
from rebalancer.research.model import Backtest, Progress, Study

Run = Callable[[Study], Backtest]

LONG = 10.0
"""Seconds, after which somebody wants to know how long it takes, and why."""


@contextmanager
def watched_replay() -> Iterator[Run]:
    """The replay; what is said of it goes to the standard error output."""
    from rebalancer.research.replay import run_replay

    if not sys.stderr.isatty():
        yield lambda study: run_replay(study, told_when_long(_written))
        return
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(console=Console(stderr=True), transient=True) as bars:

        def run(study: Study) -> Backtest:
            task = bars.add_task("replay")

            def shown(done: int, whole: int) -> None:
                bars.update(task, completed=done, total=whole)

            return run_replay(study, told_when_long(bars.console.print, shown))

        yield run


def told_when_long(
    say: Callable[[str], None], progress: Progress | None = None, now: Callable[[], float] = time.monotonic
) -> Progress:
    """`progress`, and once, where much is still to do after LONG seconds, how long that takes and why."""
    begun, said = now(), False

    def told(done: int, whole: int) -> None:
        nonlocal said
        passed = now() - begun
        left = passed * (whole - done) / done
        if not said and passed >= LONG and left >= LONG:
            said = True
            say(_words(done / whole, left))
        if progress is not None:
            progress(done, whole)

    return told


def _words(share: float, left: float) -> str:
    return (
        f"replay: {share:.0%} done, about {left:,.0f} s to go. It is exact: whenever the trigger calls, the whole "
        "rebalance is planned as a live keeper would. `rebalancer sweep` takes a second, and leaves the limits out."
    )


def _written(words: str) -> None:
    say(f"{words}\n")
