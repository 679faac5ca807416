"""Parts in, one HTML file out that needs nothing else: no network, no font, no file beside it.

The page forbids itself everything but its own two scripts, by their hashes: whatever a file of prices has in its names
is text here, and stays text even where escaping it were forgotten.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from itertools import groupby
from typing import assert_never

from rebalancer.research.report.parts import Json, Part, Picture, Points, Sheet
from rebalancer.research.report.style import SCRIPT, STYLE

_AXIS: Json = {
    "gridcolor": "grid",
    "linecolor": "rule",
    "zerolinecolor": "rule",
    "tickcolor": "rule",
    "title": {"standoff": 8},
}
_LAYOUT: Json = {
    "paper_bgcolor": "clear",
    "plot_bgcolor": "clear",
    "font": {"color": "ink", "size": 13, "family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif"},
    "margin": {"l": 64, "r": 14, "t": 8, "b": 40},
    "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
    "hoverlabel": {"bgcolor": "card", "bordercolor": "rule", "font": {"color": "ink"}},
    "hovermode": "x unified",
}


def make_page(title: str, lead: Sequence[str], parts: Sequence[Part], warned: Sequence[str] = ()) -> str:
    """The whole file. `lead`: the paragraphs under the title, the first of which is the largest. `warned`: what may
    make all of it wrong, and so stands above them."""
    from plotly.offline import get_plotlyjs  # four megabytes

    library = get_plotlyjs()
    pictures = [_drawing(part) for part in parts if isinstance(part, Picture)]
    # In a script element only `</` and `<!--` end or change anything: no `<` is left.
    data = json.dumps(pictures, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(library, SCRIPT)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            '<link rel="icon" href="data:,">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            "<main>",
            f"<h1>{escape(title)}</h1>",
            *([_points(Points("Look here first", written(warned), loud=True))] if warned else []),
            *(_paragraph(text, first=number == 0) for number, text in enumerate(lead)),
            "<noscript><p>The pictures need JavaScript; the tables and the text do not.</p></noscript>",
            *_sections(parts),
            "</main>",
            f'<script type="application/json" id="pictures">{data}</script>',
            f"<script>{library}</script>",
            f"<script>{SCRIPT}</script>",
            "</body>",
            "</html>",
            "",
        )
    )


def _policy(*scripts: str) -> str:
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"


def _drawing(picture: Picture) -> Json:
    given = picture.layout
    axes = {name: _AXIS | value for name, value in given.items() if name.startswith(("xaxis", "yaxis"))}
    layout = _LAYOUT | {"height": picture.height, "xaxis": _AXIS, "yaxis": _AXIS} | given | axes
    return {"name": picture.name, "traces": list(picture.traces), "layout": layout}


def _sections(parts: Sequence[Part]) -> Iterator[str]:
    for name, group in groupby(parts, key=lambda part: part.group if isinstance(part, Picture) else ""):
        if name:
            yield '<div class="pair">'
        yield from (_section(part) for part in group)
        if name:
            yield "</div>"


def _section(part: Part) -> str:
    match part:
        case Picture():
            return _picture(part)
        case Sheet():
            return _sheet(part)
        case Points():
            return _points(part)
        case other:
            assert_never(other)


def _picture(part: Picture) -> str:
    name, caption = escape(part.name), escape(part.caption)
    return (
        f'<section><h2>{escape(part.title)}</h2><figure aria-label="{caption}"><figcaption>{caption}</figcaption>'
        f'<div class="plot" id="{name}" style="height:{part.height}px"></div></figure></section>'
    )


def _sheet(part: Sheet) -> str:
    hows = part.how or ("",) * len(part.rows)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in part.head)
    rows = "".join(_row(row, how) for row, how in zip(part.rows, hows, strict=True))
    note = f'<p class="note">{escape(part.note)}</p>' if part.note else ""
    return (
        f'<section><h2>{escape(part.title)}</h2>{note}<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div></section>"
    )


def _row(row: tuple[str, ...], how: str) -> str:
    said = f'<span class="how">{escape(how)}</span>' if how else ""
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
    return f'<tr><th scope="row">{escape(row[0])}{said}</th>{cells}</tr>'


def _points(part: Points) -> str:
    lines = "".join(f"<li>{_stressed(strong)}{escape(rest)}</li>" for strong, rest in part.lines)
    title = escape(part.title)
    if part.folded:
        return f"<section><details><summary>{title}</summary><ul>{lines}</ul></details></section>"
    kind = ' class="loud"' if part.loud else ""
    return f"<section{kind}><h2>{title}</h2><ul>{lines}</ul></section>"


def _stressed(strong: str) -> str:
    return f"<strong>{escape(strong)}</strong> " if strong else ""


def _paragraph(text: str, *, first: bool) -> str:
    return f'<p class="{"lead" if first else "soft"}">{escape(text)}</p>'


def written(lines: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Plain sentences as lines of Points."""
    return tuple(("", line) for line in lines)
