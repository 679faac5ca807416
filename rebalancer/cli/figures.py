"""Tables of figures for the terminal, and pages for a browser: what commands that look back end with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rebalancer.core.errors import ConfigError
from rebalancer.research.whole import draft_of, whole


def require_writable(path: Path) -> None:
    """ConfigError before the years are played, not after; what stands there stays until there is something new."""
    draft = draft_of(path)
    try:
        if path.exists():
            path.open("a").close()
        if draft != path:
            draft.touch()
            draft.unlink()
    except OSError as error:
        raise _not_written(path, error) from None


def write_page(path: Path, page: str) -> None:
    """Whole, or not at all. ConfigError where it cannot be written."""
    try:
        with whole(path) as draft:
            draft.write_text(page, encoding="utf-8")
    except OSError as error:
        raise _not_written(path, error) from None


def _not_written(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"--html {path}: expected a file that can be written, saw: {error.strerror}; name another one")


def show_figures(head: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None) -> None:
    """Names stand to the left, in the first column; figures to the right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from rebalancer.cli.show import console

    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(head):
        # Where there is no room a figure goes on in the next line: a part of it would be another one.
        table.add_column(Text(name), justify="right" if place else "left", overflow="fold")
    for row in rows:
        # As text: a pair of square brackets in somebody's symbol is no colour.
        table.add_row(*map(Text, row))
    console.print(table)
