"""A file in, its cells as text with the line of each row out: CSV of any common separator, or Parquet.

Nothing is known here of times and prices. A file of Parquet has no lines: its rows are counted, the first is 1.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError
from rebalancer.research.prices.problems import Place, Problems

LARGEST = 256 * 2**20
"""Bytes of a file, and of what is packed in one."""
MOST_CELLS = 10_000_000
"""A century of hours of ten tokens, or five years of minutes of three: each takes a hundred bytes and more."""
_LONGEST = 100
"""Bytes of a cell of text: no time and no price is longer, and one that is packed well stands in every row."""
_PARQUET = b"PAR1"
"""How such a file begins and ends (Apache Parquet, "File Format")."""
_SEPARATORS = ",;\t"


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows as long as the head, each with its line."""

    place: Place
    path: Path
    head: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]


def read_sheet(path: Path, number: int, problems: Problems) -> Sheet:
    """The file as the `number`th of several. Rows of another length than the head are problems, and left out.

    Raises ConfigError where it cannot be read at all: no file, no text, nothing in it.
    """
    content = _content(path)
    place = Place(number, path.name)
    if content[:4] == _PARQUET:
        return _of_parquet(path, place)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: expected UTF-8 text or Parquet, saw other bytes; save it as UTF-8") from None
    if not text.strip():
        raise ConfigError(f"{path}: is empty, expected a line of column names and at least two rows of prices")
    return _of_csv(path, place, text, problems)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; `rebalancer prices synthetic` writes one to try things with"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}; expected a file of prices") from None
    if len(content) > LARGEST:
        raise ConfigError(f"{path}: expected at most {LARGEST >> 20} MB of prices, saw more; split it by years")
    return content


def _of_csv(path: Path, place: Place, text: str, problems: Problems) -> Sheet:
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    _require_few(path, text.count(separator) + text.count("\n"))
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ConfigError(f"{path}:{reader.line_num}: not CSV: {error}; mend the line or the one above") from None
    head = tuple(name.strip() for name in rows[0])
    for row, line in zip(rows[1:], lines[1:], strict=True):
        if len(row) != len(head):
            words = "a value is missing" if len(row) < len(head) else "there is one too many"
            problems.add_row(place, line, 0, f"{len(row)} cells, expected {len(head)} as in line {lines[0]}: {words}")
    kept = [at for at in range(1, len(rows)) if len(rows[at]) == len(head)]
    return Sheet(place, path, head, [rows[at] for at in kept], [lines[at] for at in kept])


def _of_parquet(path: Path, place: Place) -> Sheet:
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise ConfigError(
            f"{path}: is Parquet, which takes pyarrow to read ({error}); install the extra `research`, or save it as "
            "CSV"
        ) from None
    try:
        with ParquetFile(path) as file:
            texts = _texts_within_limits(path, file)
        # What stands in a million rows is read once, and looked at before it is copied into each.
        with ParquetFile(path, read_dictionary=texts) as file:
            table = file.read()
        for name in texts:
            _require_short(path, name, table)
        # As pandas writes it, the index comes last; a column of times is found by its name.
        head = tuple("" if name == "__index_level_0__" else str(name).strip() for name in table.column_names)
        columns = [[_text(value) for value in column.to_pylist()] for column in table.columns]
    except (ArrowException, OSError, ValueError) as error:
        raise ConfigError(f"{path}: not Parquet that can be read: {str(error).splitlines()[0]}") from None
    rows = [list(row) for row in zip(*columns, strict=True)]
    return Sheet(place, path, head, rows, list(range(1, len(rows) + 1)))


def _texts_within_limits(path: Path, file: Any) -> list[str]:
    """The columns of text, once what the file says of itself has been looked at: a packed row costs next to nothing."""
    known, columns = file.metadata, [file.schema.column(at) for at in range(file.metadata.num_columns)]
    groups = [known.row_group(at) for at in range(known.num_row_groups)]
    _require_few(path, sum(group.column(at).num_values for group in groups for at in range(len(columns))))
    if (packed := sum(group.total_byte_size for group in groups)) > LARGEST:
        raise ConfigError(
            f"{path}: expected at most {LARGEST >> 20} MB of prices, saw {packed >> 20} MB once unpacked; split it by "
            "years"
        )
    for column in columns:
        if column.max_repetition_level or column.length > _LONGEST:
            holds = "lists" if column.max_repetition_level else f"{column.length} bytes each"
            raise ConfigError(
                f"{path}: column {column.path!r} holds {holds}, expected one number, time or symbol in each row; leave "
                "it out"
            )
    return [column.path for column in columns if column.physical_type == "BYTE_ARRAY"]


def _require_short(path: Path, name: str, table: Any) -> None:
    from pyarrow import compute

    for chunk in table.column(name).chunks:
        if (compute.max(compute.binary_length(chunk.dictionary)).as_py() or 0) > _LONGEST:
            raise ConfigError(
                f"{path}: a cell of column {name!r} is longer than {_LONGEST} bytes, expected a number, a time or a "
                "symbol; leave the column out"
            )


def _require_few(path: Path, cells: int) -> None:
    if cells > MOST_CELLS:
        raise ConfigError(
            f"{path}: {cells:,} cells, expected at most {MOST_CELLS:,}; take a longer step, or fewer columns or years"
        )


def _text(value: Any) -> str:
    """As a CSV file would have it."""
    match value:
        case None:
            return ""
        case datetime() | date():
            return value.isoformat()
        case float():
            return repr(value)
        case _:
            return str(value)
