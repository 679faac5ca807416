"""A path in, a draft of it out: what is written there stands at the path whole, or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_OPEN = ("/dev/stdout", "/dev/stderr", "/dev/fd", "/proc")
"""Names of what is open already, be it a file: nothing can take the place of that."""


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write. What stood at `path` stays until all is written, and for good where that fails: OSError."""
    draft = draft_of(path)
    if draft == path:
        yield path
        return
    place = _place(path)
    try:
        draft.touch()
        if place.exists():
            shutil.copymode(place, draft)
        yield draft
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def draft_of(path: Path) -> Path:
    """Beside `path`, or beside what it is a link to; `path` itself where that is no file, such as a pipe."""
    place = _place(path)
    if any(path.absolute().is_relative_to(name) for name in _OPEN) or (place.exists() and not place.is_file()):
        return path
    return place.with_name(f"{place.name}.{os.getpid()}")


def _place(path: Path) -> Path:
    return Path(os.path.realpath(path))
