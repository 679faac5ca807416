"""Standard output while a command runs: any text in; where it takes no more, an error of its own out.

Else it would be an OSError like that of any file, which nobody could tell from a fault of the program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO


class Unwritten(Exception):
    """`why`: in the system's words; None: whoever has read it is gone, as `head` is after ten lines: no fault at all.

    No OSError, for libraries end the process themselves where a pipe is closed.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.why = None if isinstance(error, BrokenPipeError) else error.strerror


class _Output(TextIOWrapper):
    def write(self, text: str, /) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise Unwritten(error) from None

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise Unwritten(error) from None


@contextmanager
def output() -> Iterator[None]:
    """Raises Unwritten. Letters that its encoding lacks are written escaped, as on standard error; where a shell has
    closed the one or the other, what is written there goes nowhere.
    """
    sys.stdout, sys.stderr = _somewhere(sys.stdout), _somewhere(sys.stderr)
    before = sys.stdout
    if not isinstance(before, TextIOWrapper):
        yield
        return
    told = _Output(before.buffer, before.encoding, "backslashreplace", "", before.line_buffering, before.write_through)
    sys.stdout = told
    try:
        yield
        told.flush()
    except Unwritten:
        discard(before)
        raise
    finally:
        sys.stdout = before
        with suppress(Unwritten):
            told.detach()


def say(words: str) -> None:
    """To whoever sees standard error, if anybody does."""
    try:
        sys.stderr.write(words)
        sys.stderr.flush()
    except OSError:
        discard(sys.stderr)


def discard(stream: TextIO) -> None:
    """What it could not write would be tried once more at the end of the process, and fail once more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _somewhere(stream: TextIO | None) -> TextIO:
    return Path(os.devnull).open("w") if stream is None else stream
