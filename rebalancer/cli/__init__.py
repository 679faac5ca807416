"""The commands. The only room that prints; an outcome becomes an exit code here and nowhere else."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rebalancer.core.errors import ConfigError, Halt, RebalancerError

INTERRUPTED = 130


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command: 0 well, 1 unknown error, 2 config, 3 unavailable, 4 blocked or failed, 5 halt."""
    # The notifier's lines are for programs that collect logs; here the command itself says how it ended.
    logging.getLogger("rebalancer").addHandler(logging.NullHandler())
    with warnings_shown():
        return _ended(arguments)


def _ended(arguments: Sequence[str]) -> int:
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _stopped()
    except RebalancerError as error:
        return _report(error, arguments)


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Warnings of the parts (a notice that nobody got, a password that others can read) reach who runs the command."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("warning: %(message)s"))
    # The tick's own line goes by the plain name.
    handler.addFilter(lambda record: record.name != "rebalancer")
    logging.getLogger("rebalancer").addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger("rebalancer").removeHandler(handler)


def _run(arguments: Sequence[str]) -> int:
    import typer
    from typer.exceptions import TyperException

    from rebalancer.cli.research_commands import app

    try:
        code = int(app(args=list(arguments), prog_name="rebalancer", standalone_mode=False) or 0)
        # The library turns Ctrl-C into this code; no command of ours ends with it.
        return _stopped() if code == INTERRUPTED else code
    except typer.Abort:
        return _stopped()
    except TyperException as error:
        # Without arguments the help has been shown, and there is no more to say.
        if said := error.format_message():
            sys.stderr.write(f"error: {said}\nSee `rebalancer --help`.\n")
        return ConfigError.exit_code


def _stopped() -> int:
    sys.stderr.write("Stopped. Whatever was sent or fetched is on record; the next run goes on from there.\n")
    return INTERRUPTED


def _report(error: RebalancerError, arguments: Sequence[str]) -> int:
    if "--json" in arguments:
        print(json.dumps({"error": error.kind, "message": str(error), "exit_code": error.exit_code}))
    if isinstance(error, Halt):
        paper = "--paper " if "--paper" in arguments else ""
        error.add_note(f"the keeper stands still until you have looked; then: rebalancer resume {paper}--why TEXT")
    notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", ()))
    sys.stderr.write(f"{error.kind}: {error}{notes}\n")
    return error.exit_code
