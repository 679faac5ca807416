"""Documents that cannot rot: every command, make target, file and test that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from rebalancer.cli.research_commands import app

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
SHELL = ("console", "sh", "bash", "cron", "")


def _code(text: str) -> list[str]:
    """Inline code, and the lines of fenced blocks."""
    fenced = re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for kind, block in fenced if kind in SHELL for line in block.splitlines()]
    return lines + re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def _named(pattern: str) -> list[tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        for code in _code(document.read_text()):
            found += [(str(document.relative_to(ROOT)), name) for name in re.findall(pattern, code)]
    return found


def _commands() -> set[str]:
    root = get_command(app)
    names = set()
    for name, command in root.commands.items():  # type: ignore[attr-defined]
        names.add(name)
        names |= {f"{name} {sub}" for sub in getattr(command, "commands", {})}
    return names


def _tests() -> set[str]:
    return {
        f"{path.relative_to(ROOT)}::{name}"
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", path.read_text(), flags=re.MULTILINE)
    }


def test_commands__that_documents_name__exist() -> None:
    known = _commands()
    named = _named(r"(?:^|[\s/])rebalancer ((?:operator|replica) [a-z]+|[a-z]+)")
    assert named, "no document names a command"
    wrong = [(where, name) for where, name in named if name not in known]
    assert not wrong, f"no such command: {wrong}; there are {sorted(known)}"


def test_make_targets__that_documents_name__exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    wrong = [(where, name) for where, name in _named(r"(?:^|\$ )make ([a-z-]+)") if name not in targets]
    assert not wrong, f"no such target: {wrong}; there are {sorted(targets)}"


def test_scripts__that_documents_name__exist_with_their_actions() -> None:
    named = _named(r"ape run (\w+(?: (?!0x)[a-z_]+)?)")
    assert named, "no document names a script"
    actions = set(re.findall(r"^def _(\w+)\(found", (ROOT / "scripts/module.py").read_text(), flags=re.MULTILINE))
    for where, name in named:
        script, _, action = name.partition(" ")
        assert (ROOT / "scripts" / f"{script}.py").exists(), f"{where} names the script {script}"
        assert script != "module" or action in actions, f"{where}: module has {sorted(actions)}, not {action!r}"


def test_files__that_documents_name__exist() -> None:
    pattern = r"(?:^|[\s(])((?:rebalancer|scripts|tests|docs|contracts)/[\w./-]*\w\.\w+|(?:adapters|core)/[\w/]+\.py)"
    wrong = [
        (where, name)
        for where, name in _named(pattern)
        if not (ROOT / name).exists() and not (ROOT / "rebalancer" / name).exists()
    ]
    assert not wrong, f"no such file: {wrong}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_links__inside_the_project__lead_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / link).exists(), f"{document.name} links to {link}, which is not there"


def test_invariants__each_line__names_a_test_that_exists() -> None:
    lines = (ROOT / "docs/invariants.md").read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ") and line != "| invariant | test |"]
    assert rows, "docs/invariants.md has no lines"
    known = _tests()
    for row in rows:
        named = re.findall(r"`(tests/[^`]+::test_\w+)`", row)
        assert named, f"this invariant names no test: {row}"
        assert not [n for n in named if n not in known], f"no such test: {[n for n in named if n not in known]}"


def test_configuration_keys__that_the_readme_shows__are_in_the_example() -> None:
    text = (ROOT / "README.md").read_text()
    shown = "\n".join(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
    keys = set(re.findall(r"^\s*([a-z_]+):", shown, re.MULTILINE))
    example = next((ROOT / "rebalancer").rglob("example.yaml")).read_text()
    known = set(re.findall(r"^[\s#-]*([a-z_]+):", example, flags=re.MULTILINE))
    assert keys, "the README shows no configuration"
    assert keys <= known, f"the example does not know {keys - known}"
