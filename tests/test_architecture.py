"""The walls of the house, checked: who imports whom, what pure code may touch, who prints, who names an adapter.

Every module is listed by the layer that its path puts it in; a module without a layer fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rebalancer"

# From the ground up. Modules on one level do not see each other.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("units",),
    ("market",),
    ("core",),
    ("ports",),
    ("adapters", "config", "tick"),
    ("wire", "keeper", "research", "replica"),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

# Beyond the levels: adapters share the RPC client among themselves, and the replica uses it too (that is
# downwards already); __main__ opens the door to cli.
SIDEWAYS = {("__main__", "cli")}
SHARED_ADAPTERS = "adapters.chain"

# What pure code may import from outside the project.
PURE_STDLIB = {"__future__", "collections", "dataclasses", "enum", "fractions", "functools", "itertools", "typing"}
PURE = {
    "units": PURE_STDLIB,
    "core": PURE_STDLIB | {"decimal"},
    "market": PURE_STDLIB | {"bisect", "heapq", "math", "numpy", "Crypto"},
    "ports": PURE_STDLIB,
    "tick": PURE_STDLIB,
}
# Costly to import: never at the top of a module that an idle tick loads.
LATE = {"web3", "eth_account", "eth_abi", "eth_utils", "eth_keys", "numpy", "pandas", "scipy", "rich", "structlog"}
LATE_FREE = ("replica", "research", "cli")


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package: its dotted name below `rebalancer`, its room, its tree."""

    name: str
    room: str
    tree: ast.Module


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, as written, and whether it stands at the top of its file."""

    target: str
    top: bool
    line: int


def _modules() -> Iterator[Module]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names = parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
        if names != ("__init__",):
            yield Module(".".join(names), names[0], ast.parse(path.read_text()))


MODULES = tuple(_modules())


def _imports(module: Module) -> Iterator[Import]:
    top = {id(node) for node in module.tree.body}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, id(node) in top, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno}: relative imports hide who is imported"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                known = any(m.name == full.removeprefix("rebalancer.") for m in MODULES)
                yield Import(full if known else str(node.module), id(node) in top, node.lineno)


def _allowed(module: Module, target: str) -> bool:
    room = target.split(".")[0]
    if room == module.room:
        return _allowed_within(module.name, target)
    return LEVEL[room] < LEVEL[module.room] or (module.room, room) in SIDEWAYS


def _allowed_within(name: str, target: str) -> bool:
    """Adapters are strangers to each other, but for the shared RPC client; other rooms are one family."""
    if not name.startswith("adapters"):
        return True
    return name.split(".")[:2] == target.split(".")[:2] or target.startswith(SHARED_ADAPTERS)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_module__by_its_path__has_a_layer(module: Module) -> None:
    assert module.room in LEVEL, f"{module.name} is in no layer: put it in a room of tests/test_architecture.py"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_imports__of_every_module__point_down(module: Module) -> None:
    wrong = [
        f"line {i.line}: {i.target}"
        for i in _imports(module)
        if i.target.startswith("rebalancer.") and not _allowed(module, i.target.removeprefix("rebalancer."))
    ]
    assert not wrong, f"{module.name} reaches up or sideways: {wrong}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.room in PURE], ids=lambda m: m.name)
def test_imports__of_pure_modules__stay_inside(module: Module) -> None:
    outside = [i for i in _imports(module) if not i.target.startswith("rebalancer")]
    wrong = [f"line {i.line}: {i.target}" for i in outside if i.target.split(".")[0] not in PURE[module.room]]
    assert not wrong, f"{module.name} touches the outside: {wrong}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.room in ("units", "core")], ids=lambda m: m.name)
def test_arithmetic__in_units_and_core__is_in_integers(module: Module) -> None:
    wrong = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            wrong.append(f"line {node.lineno}: the float {node.value}")
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            wrong.append(f"line {node.lineno}: a division by /")
        if isinstance(node, ast.Name) and node.id in ("float", "round"):
            wrong.append(f"line {node.lineno}: {node.id}")
    assert not wrong, f"{module.name}: {wrong}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.room in PURE], ids=lambda m: m.name)
def test_dataclasses__in_pure_modules__are_frozen(module: Module) -> None:
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.ClassDef):
            continue
        for mark in node.decorator_list:
            if "dataclass" in ast.unparse(mark):
                assert "frozen=True" in ast.unparse(mark), f"{module.name}.{node.name} can change"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_adapters__are_named__by_wire_only(module: Module) -> None:
    if module.room in ("adapters", "wire"):
        return
    named = [i.target for i in _imports(module) if i.target.startswith("rebalancer.adapters")]
    shared = [t for t in named if module.room == "replica" and t.startswith(f"rebalancer.{SHARED_ADAPTERS}")]
    assert named == shared, f"{module.name} names an adapter: {named}"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_environment__is_read__by_config_only(module: Module) -> None:
    if module.room == "config":
        return
    text = ast.unparse(module.tree)
    assert "os.environ" not in text and "os.getenv" not in text, f"{module.name} reads the environment"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_printing__is_done__by_cli_only(module: Module) -> None:
    if module.room == "cli":
        return
    calls = [n for n in ast.walk(module.tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    assert not [n.lineno for n in calls if n.func.id in ("print", "input")], f"{module.name} prints"  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", MODULES, ids=lambda m: m.name)
def test_development_tools__are_never_imported__by_the_package(module: Module) -> None:
    wrong = [i.target for i in _imports(module) if i.target.split(".")[0] in ("ape", "contracts", "scripts", "tests")]
    assert not wrong, f"{module.name} imports {wrong}"


@pytest.mark.parametrize("module", [m for m in MODULES if m.room not in LATE_FREE], ids=lambda m: m.name)
def test_costly_packages__on_the_idle_path__are_imported_late(module: Module) -> None:
    if module.name.endswith(".fake"):
        return
    wrong = [i.target for i in _imports(module) if i.top and i.target.split(".")[0] in LATE]
    assert not wrong, f"{module.name} imports {wrong} at its top: every idle tick would pay for it"
