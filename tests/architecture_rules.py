"""The walls of the house as functions: a module's tree in, the lines that break a wall out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

# From the ground up. Modules on one level do not see each other.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("units",),
    ("market",),
    ("core",),
    ("ports", "fleet"),
    (
        "adapters",
        "config",
        "decide",
        "intents",
        "quoting",
        "competing",
        "placing",
        "withdrawing",
        "retargeting",
        "tick",
    ),
    ("wire", "keeper", "asking", "research", "replica"),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}

# Beyond the levels: adapters share the RPC client among themselves, and the replica uses it too (that is
# downwards already); the tick asks decide and intents, decide asks quoting, and none is asked back; __main__ opens the
# door to cli.
SIDEWAYS = {("tick", "decide"), ("decide", "quoting"), ("tick", "intents"), ("__main__", "cli")}
SIDEWAYS |= {("quoting", "competing")}
SIDEWAYS |= {("tick", "placing"), ("placing", "decide"), ("tick", "withdrawing"), ("withdrawing", "intents")}
SIDEWAYS |= {("tick", "retargeting"), ("retargeting", "decide")}
SHARED_ADAPTERS = "adapters.chain"
# The replica has the same RPC client, and history is weighed by the same estimators.
SHARED_WITH = {"replica": SHARED_ADAPTERS, "research": "adapters.targets"}

# The rooms of research that are packages, from the ground up as well.
RESEARCH = (("prices", "kernel"), ("ports",), ("study",), ("sweep",), ("report",))
RESEARCH_LEVEL = {room: level for level, rooms in enumerate(RESEARCH) for room in rooms}

# What pure code may import from outside the project.
PURE_STDLIB = {"__future__", "collections", "dataclasses", "enum", "fractions", "functools", "itertools", "typing"}
PURE = {
    "units": PURE_STDLIB,
    "core": PURE_STDLIB | {"decimal"},
    "market": PURE_STDLIB | {"bisect", "heapq", "math", "numpy", "Crypto"},
    "ports": PURE_STDLIB | {"contextlib"},
    "fleet": PURE_STDLIB | {"contextlib"},
    "decide": PURE_STDLIB,
    "quoting": PURE_STDLIB,
    "competing": PURE_STDLIB,
    "intents": PURE_STDLIB,
    "placing": PURE_STDLIB,
    "withdrawing": PURE_STDLIB,
    "retargeting": PURE_STDLIB,
    "tick": PURE_STDLIB,
}
# Ways to the outside that need no import.
DOORS = {"open", "eval", "exec", "compile", "globals", "breakpoint", "__import__", "__builtins__", "__loader__"}
# Costly to import: never at the top of a module that an idle tick loads.
LATE = {"web3", "eth_account", "eth_abi", "eth_utils", "eth_keys", "numpy", "pandas", "scipy", "rich", "structlog"}
LATE |= {"sqlalchemy", "alembic", "psycopg", "apprise", "typer", "tenacity", "cronsim"}
LATE |= {"numba", "plotly", "pyarrow", "skfolio", "dask", "distributed"}
LATE_ROOMS = ("replica", "research", "cli")
# The ledger for everything but an idle tick (ADR 5). They see each other; all others import them late.
_LEDGER = ("sql", "schema", "database", "server", "opening", "operators", "rows", "migrate", "fleet")
_LEDGER += ("columns", "turn_tables", "answer_table", "fleet_tables")
LATE_MODULES = {f"adapters.ledger.{name}" for name in _LEDGER}
# The joint optimum, for a tick that plans.
_OPTIMUM = ("curves", "one_way", "optimum", "paths", "problems", "nodes", "subsets", "joint")
LATE_MODULES |= {f"market.{name}" for name in _OPTIMUM}
# Venues outside, for a tick that asks them.
_VENUES = ("http", "known", "listed", "zero_x", "one_inch", "velora", "kyber", "odos", "cow")
LATE_MODULES |= {f"adapters.venues.{name}" for name in _VENUES}
# Numpy, and below it skfolio, for the tick in which an estimate is due.
LATE_MODULES |= {"adapters.targets.estimators"}
_MIGRATIONS = ("env", "tables_v2")
_MIGRATIONS += ("versions.v1_one_portfolio", "versions.v2_many_portfolios", "versions.v3_measured_costs")
_MIGRATIONS += ("versions.v4_answers", "versions.v5_called_since")
LATE_MODULES |= {f"adapters.ledger.migrations.{name}" for name in _MIGRATIONS}

ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv", "expandvars"}
OUTPUTS = {"stdout", "stderr", "__stdout__", "__stderr__"}
DEVELOPMENT = ("ape", "contracts", "scripts", "tests")
EVERYTHING = {"Exception", "BaseException"}


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package: its dotted name below `rebalancer`, its room, its tree."""

    name: str
    room: str
    tree: ast.Module

    @staticmethod
    def of(name: str, source: str) -> Module:
        return Module(name, name.split(".")[0], ast.parse(source))


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, or a name out of one, as written, and whether the import of its file runs it."""

    target: str
    """The module, or `module.name` where the name is all that was asked for."""
    top: bool
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.target}"

    @property
    def inside(self) -> bool:
        return self.target.split(".")[0] == "rebalancer"


@cache
def imports(module: Module) -> list[Import]:
    """Every import statement, each name of a `from` by itself: it may be a module."""
    late = {id(node) for late in _never_run(module.tree) for node in ast.walk(late)}
    found = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found += [Import(alias.name, id(node) not in late, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            found += [Import(f"{start}.{alias.name}", id(node) not in late, node.lineno) for alias in node.names]
    return found


def _never_run(tree: ast.Module) -> Iterator[ast.AST]:
    """What importing a file does not run: its functions, and what only a type checker sees."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            yield from node.body


def wrong_ways(module: Module) -> list[str]:
    """Imports up, sideways, relative, or of the package itself, through which everything can be reached."""
    return [
        str(i) for i in imports(module) if i.target.startswith(".") or (i.inside and not _allowed(module, i.target))
    ]


def _allowed(module: Module, target: str) -> bool:
    name = target.removeprefix("rebalancer").removeprefix(".")
    room = name.split(".")[0]
    if room not in LEVEL:
        return False
    if room == module.room:
        return _allowed_within(module.name, name)
    return LEVEL[room] < LEVEL[module.room] or (module.room, room) in SIDEWAYS


def _allowed_within(name: str, target: str) -> bool:
    """Adapters are strangers to each other, but for the shared RPC client; research has floors; the others are one
    family."""
    if name.startswith("research"):
        here, there = name.split(".")[1], target.split(".")[1]
        floors = RESEARCH_LEVEL.get(here), RESEARCH_LEVEL.get(there)
        return here == there or None in floors or floors[0] > floors[1]
    if not name.startswith("adapters"):
        return True
    return name.split(".")[:2] == target.split(".")[:2] or f"{target}.".startswith(f"{SHARED_ADAPTERS}.")


def outside(module: Module) -> list[str]:
    """What a pure module touches beyond the packages that it may import."""
    found = [str(i) for i in imports(module) if not i.inside and i.target.split(".")[0] not in PURE[module.room]]
    return found + [_at(n, n.id) for n in ast.walk(module.tree) if isinstance(n, ast.Name) and n.id in DOORS]


def not_integer(module: Module) -> list[str]:
    """Everything that makes a float."""
    return [_at(node, ast.unparse(node)) for node in ast.walk(module.tree) if _makes_float(node)]


def _makes_float(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=float() | complex()):
            return True
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            return True
        # An integer to a negative power is a float.
        case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
            return True
        case ast.AugAssign(op=ast.Pow(), value=ast.UnaryOp(op=ast.USub())):
            return True
        case ast.Call(func=ast.Name(id="pow"), args=[_, ast.UnaryOp(op=ast.USub())]):
            return True
        case ast.Name(id="float" | "round" | "complex"):
            return True
        case ast.Attribute(attr="__truediv__" | "__rtruediv__" | "__float__"):
            return True
    return False


def changeable(module: Module) -> list[str]:
    """Dataclasses that are not frozen."""
    classes = [node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    marks = [(node, ast.unparse(mark)) for node in classes for mark in node.decorator_list]
    return [_at(node, node.name) for node, mark in marks if "dataclass" in mark and "frozen=True" not in mark]


def named_adapters(module: Module) -> list[str]:
    """Adapters that a module names without being one, or the wire, or sharing what it may."""
    if module.room in ("adapters", "wire"):
        return []
    named = [i for i in imports(module) if f"{i.target}.".startswith("rebalancer.adapters.")]
    shared = SHARED_WITH.get(module.room)
    return [str(i) for i in named if shared is None or not f"{i.target}.".startswith(f"rebalancer.{shared}.")]


def environment(module: Module) -> list[str]:
    """Where the environment is read, whatever `os` is called there."""
    names = [f"os.{name}" for name in ENVIRONMENT] + ["os.path.expandvars"]
    found = [str(i) for i in imports(module) if i.target in names]
    return found + [_at(n, ast.unparse(n)) for n in _attributes(module) if n.attr in ENVIRONMENT]


def prints(module: Module) -> list[str]:
    """Where a module talks to the terminal."""
    names = [n for n in ast.walk(module.tree) if isinstance(n, ast.Name) and n.id in ("print", "input")]
    found = [str(i) for i in imports(module) if i.target in {f"sys.{name}" for name in OUTPUTS}]
    ends = [n for n in _attributes(module) if n.attr in OUTPUTS]
    found += [_at(n, ast.unparse(n)) for n in ends if ast.unparse(n) == f"sys.{n.attr}"]
    return found + [_at(name, name.id) for name in names]


def swallows(module: Module) -> list[str]:
    """Where every error is suppressed. A broad `except` is ruff's to find."""
    calls = [node for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    calls = [call for call in calls if ast.unparse(call.func).split(".")[-1] == "suppress"]
    return [_at(c, ast.unparse(c)) for c in calls if any(ast.unparse(a).split(".")[-1] in EVERYTHING for a in c.args)]


def development(module: Module) -> list[str]:
    """Development tools, which the package does without."""
    return [str(i) for i in imports(module) if i.target.split(".")[0] in DEVELOPMENT]


def costly(module: Module) -> list[str]:
    """What an idle tick would pay for and does not need."""
    if module.room in LATE_ROOMS or module.name.endswith(".fake") or module.name in LATE_MODULES:
        return []
    top = [i for i in imports(module) if i.top]
    return [str(i) for i in top if i.target.split(".")[0] in LATE or _is_of(i, LATE_MODULES)]


def _is_of(found: Import, modules: set[str]) -> bool:
    return any(f"{found.target}.".startswith(f"rebalancer.{name}.") for name in modules)


def _attributes(module: Module) -> Sequence[ast.Attribute]:
    return [node for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]


def _at(node: ast.AST, what: str) -> str:
    return f"line {getattr(node, 'lineno', 0)}: {what}"
