"""The commands. The only room that prints; an outcome becomes an exit code here and nowhere else."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from rebalancer.cli.output import Unwritten, output, say
from rebalancer.core.errors import ConfigError, Halt, RebalancerError
from rebalancer.core.paper import words_on_paper

INTERRUPTED = 130
READER_GONE = 141
"""128 and the number of SIGPIPE: what a shell says of any program whose output nobody reads any more."""


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command: 0 well, 1 unknown error, 2 config, 3 unavailable, 4 blocked or failed, 5 halt."""
    # The notifier's lines are for programs that collect logs; here the command itself says how it ended.
    logging.getLogger("rebalancer").addHandler(logging.NullHandler())
    code = 0
    try:
        with output(), warnings_shown():
            code = _ended(arguments)
    except Unwritten as error:
        # How the command itself has ended says more, where it has.
        return code or _unwritten(error)
    return code


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
            context = getattr(error, "ctx", None)
            command = "rebalancer" if context is None else context.command_path
            say(f"error: {said}\nSee `{command} --help`.\n")
        return ConfigError.exit_code


def _stopped() -> int:
    say(
        "Stopped. Whatever was sent or fetched is on record; the next run goes on from there. What was only worked "
        "out, as by a backtest or a sweep, is worked out anew.\n"
    )
    return INTERRUPTED


def _unwritten(error: Unwritten) -> int:
    if error.why is None:
        return READER_GONE
    say(
        f"{ConfigError.__name__}: standard output cannot be written: {error.why}; make room for it, or send it "
        "elsewhere. What the command has done stands\n"
    )
    return ConfigError.exit_code


def _report(error: RebalancerError, arguments: Sequence[str]) -> int:
    if isinstance(error, Halt):
        error.add_note("the keeper stands still until you have looked; then: rebalancer resume --why TEXT")
    told = words_on_paper if "--paper" in arguments else str
    notes = "".join(f"\n  {note}" for note in getattr(error, "__notes__", ()))
    say(told(f"{error.kind}: {error}{notes}\n"))
    if "--json" in arguments:
        # Whoever has no room for it sees the error's own code all the same.
        with suppress(Unwritten):
            print(json.dumps({"error": error.kind, "message": told(str(error)), "exit_code": error.exit_code}))
    return error.exit_code
