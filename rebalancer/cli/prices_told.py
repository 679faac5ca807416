"""What is in a history of prices, for people and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebalancer.research.prices.out import Cells
from rebalancer.research.prices.times import written

HEAD = ("symbol", "since", "times", "missing", "first USD", "last USD", "widest step")


@dataclass(frozen=True, slots=True)
class Said:
    """What there is to say beside the table."""

    sources: tuple[str, ...]
    notices: tuple[str, ...]
    out: Path | None
    filled: int = 0


def tell(cells: Cells, said: Said, as_json: bool) -> None:
    columns = [_column(cells, place) for place in range(len(cells.symbols))]
    gaps = [column for column in columns if column["missing"]]
    notices = [*said.notices, *([_of_gaps(gaps)] if gaps else [])]
    if as_json:
        from rebalancer.cli.as_json import emit

        span = {"first": written(cells.times[0]), "last": written(cells.times[-1]), "times": len(cells.times)}
        file = None if said.out is None else str(said.out)
        facts = {"sources": list(said.sources), "notices": notices, "filled": said.filled, "file": file}
        emit({**span, "symbols": columns, **facts})
        return
    from rebalancer.cli.show import show_line, show_table

    span_text = f"{written(cells.times[0])} to {written(cells.times[-1])}, {len(cells.times):,} times"
    rows = [tuple(_shown(name, column[name]) for name in _SHOWN) for column in columns]
    show_table(f"Prices {span_text}", HEAD, rows)
    for source in said.sources:
        show_line("from", source)
    for notice in notices:
        show_line("mind", notice)
    if said.out is not None:
        show_line("written", str(said.out))


_SHOWN = ("symbol", "first", "times", "missing", "first_usd", "last_usd", "widest_step")
_KEYS = ("symbol", "first", "last", "times", "missing", "first_usd", "last_usd", "widest_step")


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none"
    return f"{float(value):,.6g}" if name.endswith("_usd") else f"{value:,}" if isinstance(value, int) else str(value)


def _column(cells: Cells, place: int) -> dict[str, Any]:
    """Of one symbol: its span, its holes, and its widest step up or down."""
    known = [(at, row[place]) for at, row in zip(cells.times, cells.rows, strict=True) if row[place]]
    if not known:
        return dict.fromkeys(_KEYS, None) | {"symbol": cells.symbols[place], "times": 0, "missing": len(cells.times)}
    usd = [float(text) for _, text in known]
    steps = [after / before - 1 for before, after in zip(usd, usd[1:], strict=False)]
    widest = max(steps, key=abs, default=0.0)
    return {
        "symbol": cells.symbols[place],
        "first": written(known[0][0]),
        "last": written(known[-1][0]),
        "times": len(known),
        "missing": len(cells.times) - len(known),
        "first_usd": known[0][1],
        "last_usd": known[-1][1],
        "widest_step": f"{widest:+.1%}",
    }


def _of_gaps(columns: Sequence[Mapping[str, Any]]) -> str:
    late = max((column["first"] for column in columns if column["first"]), default=None)
    words = ", ".join(f"{column['symbol']} {column['missing']:,}" for column in columns)
    way = "" if late is None else f", or read from {late} on with --from"
    return f"prices are missing ({words}): nothing was made up for them; read the file with --fill{way}"


@contextmanager
def progress_of(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on the standard error of a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=None)
        try:
            yield lambda done, total: progress.update(task, completed=done, total=total)
        except KeyboardInterrupt:
            console.print("What was read is kept: the same command goes on from there.")
            raise
