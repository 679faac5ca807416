"""The runbook has a section for everything that stops the keeper and for everything that people are told.

In: the texts of the program, taken out of its sources. A text that no section quotes fails, and so does a section
that quotes what nothing says any more.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rebalancer"
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
SAYS = re.findall(r"^Says: (.*)$", RUNBOOK, flags=re.MULTILINE)
PHRASES = [phrase for line in SAYS for phrase in re.findall(r'"([^"]+)"', line)]
TOLD = re.findall(r'^\| "([^"]+)" \|', RUNBOOK, flags=re.MULTILINE)

WORDS_FROM_ELSEWHERE = {
    "past.halted": "the words of an earlier halt, once more",
    "self._halted": "likewise, in a replay",
    "crossed": "why_stop: the limits over time",
    "why": "why_stop and why_wrong, which are looked at by the names of their rules",
}
"""Halts whose text is made elsewhere, by the expression that stands there."""


@cache
def _tree(name: str) -> ast.Module:
    return ast.parse((PACKAGE / name).read_text())


def _calls(tree: ast.Module, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in names and node.args:
            yield node


def _pieces(text: ast.expr) -> list[str] | None:
    """The fixed parts of a text, None where it is made elsewhere."""
    match text:
        case ast.Constant(value=str(said)):
            return [said]
        case ast.JoinedStr(values=values):
            return [str(part.value) for part in values if isinstance(part, ast.Constant)]
        case _:
            return None


def _halts() -> list[tuple[str, ast.expr]]:
    paths = (path for path in sorted(PACKAGE.rglob("*.py")) if "Halt(" in path.read_text())
    names = [str(path.relative_to(PACKAGE)) for path in paths]
    return [(f"{name}:{call.lineno}", call.args[0]) for name in names for call in _calls(_tree(name), "Halt")]


def _titles() -> set[str]:
    """Of all notices, with what is put in left out."""
    found = set()
    for call in _calls(_tree("core/notices.py"), "Notice", "_second"):
        pieces = _pieces(call.args[0])
        found |= {piece.strip("; ") for piece in pieces or ()}
    return found


def _rules() -> set[str]:
    """The limits whose breach halts the keeper."""
    calls = [c for name in ("core/over_time.py", "core/aftermath.py") for c in _calls(_tree(name), "Breach")]
    return {piece for call in calls for piece in _pieces(call.args[0]) or ()}


def _strings() -> frozenset[str]:
    """Every fixed text of the program."""
    trees = (ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree))
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


@pytest.mark.parametrize(("where", "text"), _halts(), ids=lambda v: v if isinstance(v, str) else "")
def test_halt__of_every_kind__has_a_section_that_quotes_it(where: str, text: ast.expr) -> None:
    pieces = _pieces(text)
    if pieces is None:
        assert ast.unparse(text) in WORDS_FROM_ELSEWHERE, f"{where}: say where its words come from"
    elif not where.startswith("cli/"):  # the doctor repeats what stands in the ledger
        quoted = [phrase for phrase in PHRASES if any(phrase in piece for piece in pieces)]
        assert quoted, f"{where}: no section of the runbook has a part of {' … '.join(pieces)!r} in its line Says:"


@pytest.mark.parametrize("rule", sorted(_rules()))
def test_limit__whose_breach_halts__has_a_section(rule: str) -> None:
    assert rule in PHRASES


@pytest.mark.parametrize("title", sorted(_titles()))
def test_notice__of_every_kind__stands_in_the_table(title: str) -> None:
    assert title in TOLD


def test_quotes__in_the_runbook__are_still_said() -> None:
    said, quoted = _strings(), PHRASES + TOLD
    assert quoted, "the runbook quotes nothing"
    assert [phrase for phrase in quoted if not any(phrase in text for text in said)] == [], "nothing says it any more"


def test_sections__of_halts__quote_something_each() -> None:
    halted = RUNBOOK.partition("## The keeper is halted")[2].partition("\n## ")[0]
    sections = re.findall(r"^### .*\n(.*)$", halted, flags=re.MULTILINE)
    assert len(sections) > 10
    assert [line for line in sections if not line.startswith("Says: ")] == []


def test_links__inside_the_runbook__lead_to_a_heading() -> None:
    headings = re.findall(r"^#+ (.*)$", RUNBOOK, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", RUNBOOK)) <= anchors
