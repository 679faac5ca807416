"""The walls of the house, checked: who imports whom, what pure code may touch, who prints, who names an adapter.

Every module is listed by the layer that its path puts it in; a module without a layer fails. Each wall is also tried
on lines that break it, so that none is a wall in name only.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from functools import cache
from pathlib import Path

import architecture_rules as rules
import pytest
from architecture_rules import LATE_MODULES, LEVEL, PURE, Module

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rebalancer"


Rule = Callable[[Module], list[str]]


@cache
def _modules() -> tuple[Module, ...]:
    """All of them. Reading takes seconds, and not every process has a test that looks at them."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names = parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts
        if names != ("__init__",):
            found.append(Module.of(".".join(names), path.read_text()))
    return tuple(found)


def _broken(rule: Rule, rooms: Container[str] | None = None, but: str = "") -> dict[str, list[str]]:
    """The lines that break a rule, by the module that they stand in: of these rooms, or of all but one."""
    looked_at = [m for m in _modules() if (rooms is None or m.room in rooms) and m.room != but]
    assert looked_at, "no module is looked at"
    return {module.name: lines for module in looked_at if (lines := rule(module))}


def test_modules__by_their_paths__have_a_layer() -> None:
    lost = [module.name for module in _modules() if module.room not in LEVEL]
    assert lost == [], "they are in no layer: put them in a room of tests/architecture_rules.py"


def test_package__itself__imports_nothing() -> None:
    assert rules.imports(Module.of("__init__", (PACKAGE / "__init__.py").read_text())) == []


def test_imports__of_every_module__point_down() -> None:
    assert _broken(rules.wrong_ways) == {}, "they reach up or sideways"


def test_imports__of_pure_modules__stay_inside() -> None:
    assert _broken(rules.outside, PURE) == {}, "they touch the outside"


def test_arithmetic__in_units_and_core__is_in_integers() -> None:
    assert _broken(rules.not_integer, ("units", "core")) == {}


def test_dataclasses__in_pure_modules__are_frozen() -> None:
    assert _broken(rules.changeable, PURE) == {}, "they can change"


def test_adapters__are_named__by_wire_only() -> None:
    assert _broken(rules.named_adapters) == {}, "they name an adapter"


def test_environment__is_read__by_config_only() -> None:
    assert _broken(rules.environment, but="config") == {}, "they read the environment"


def test_printing__is_done__by_cli_only() -> None:
    assert _broken(rules.prints, but="cli") == {}, "they print"


def test_errors__are_never__suppressed_whatever_they_are() -> None:
    assert _broken(rules.swallows) == {}, "they swallow every error"


def test_development_tools__are_never_imported__by_the_package() -> None:
    assert _broken(rules.development) == {}, "they need a development tool"


def test_costly_packages__on_the_idle_path__are_imported_late() -> None:
    assert _broken(rules.costly) == {}, "they import them at the top: every idle tick would pay for it"


def test_late_modules__are_there__and_cost() -> None:
    there = {module.name: module for module in _modules() if module.name in LATE_MODULES}
    assert set(there) == LATE_MODULES
    for name, module in there.items():
        assert rules.costly(Module(f"not_{name}", module.room, module.tree)), f"{name} is cheap: it needs no exception"


# ---------------------------------------------------------------- each wall, tried

BROKEN: list[tuple[Rule, str, str]] = [
    (rules.wrong_ways, "core.plan", "import rebalancer"),
    (rules.wrong_ways, "cli.show", "import rebalancer as everything"),
    (rules.wrong_ways, "core.plan", "from rebalancer import __version__"),
    (rules.wrong_ways, "core.plan", "from rebalancer import tick"),
    (rules.wrong_ways, "core.plan", "import rebalancer.tick"),
    (rules.wrong_ways, "core.plan", "def late():\n    from rebalancer.ports import Chain"),
    (rules.wrong_ways, "core.plan", "from . import drift"),
    (rules.wrong_ways, "tick", "from rebalancer.config import Settings"),
    (rules.wrong_ways, "decide", "from rebalancer.tick import run_tick"),
    (rules.wrong_ways, "config.read", "from rebalancer.decide import decide"),
    (rules.wrong_ways, "adapters.wallets.safe", "from rebalancer.adapters.ledger.sql import SqlLedger"),
    (rules.wrong_ways, "adapters.wallets.safe", "from rebalancer.adapters import ledger"),
    (rules.wrong_ways, "core.plan", "import rebalancer.nowhere"),
    (rules.wrong_ways, "research.kernel.lanes", "from rebalancer.research.sweep.model import Walk"),
    (rules.outside, "core.plan", "import os"),
    (rules.outside, "core.plan", "import rebalancerx"),
    (rules.outside, "tick", "import importlib\nimportlib.import_module('os')"),
    (rules.outside, "core.plan", "from importlib import import_module"),
    (rules.outside, "core.plan", "__import__('os')"),
    (rules.outside, "market.swap", "open('/etc/passwd')"),
    (rules.outside, "units", "eval('1')"),
    (rules.outside, "ports", "exec('1')"),
    (rules.outside, "tick", "run = exec"),
    (rules.outside, "core.plan", "__builtins__['open']"),
    (rules.outside, "core.plan", "import math"),
    (rules.not_integer, "core.plan", "x = 1.0"),
    (rules.not_integer, "core.plan", "x = 1 / 2"),
    (rules.not_integer, "core.plan", "x /= 2"),
    (rules.not_integer, "core.plan", "x = 2**-1"),
    (rules.not_integer, "core.plan", "x **= -1"),
    (rules.not_integer, "core.plan", "x = pow(10, -decimals)"),
    (rules.not_integer, "core.plan", "x = float(1)"),
    (rules.not_integer, "core.plan", "x = map(float, y)"),
    (rules.not_integer, "core.plan", "x = (1).__truediv__(2)"),
    (rules.changeable, "core.plan", "@dataclass\nclass A: pass"),
    (rules.changeable, "core.plan", "@dataclass(slots=True)\nclass A: pass"),
    (rules.named_adapters, "cli.show", "from rebalancer.adapters.ledger.sql import SqlLedger"),
    (rules.named_adapters, "keeper", "from rebalancer import adapters"),
    (rules.named_adapters, "replica.chain", "from rebalancer.adapters.wallets import safe"),
    (rules.environment, "keeper", "import os\nos.environ['A']"),
    (rules.environment, "keeper", "import os\nos.getenv('A')"),
    (rules.environment, "keeper", "import os as system\nsystem.environ.get('A')"),
    (rules.environment, "keeper", "from os import environ"),
    (rules.environment, "keeper", "from os import getenv as ask"),
    (rules.environment, "keeper", "from os.path import expandvars"),
    (rules.prints, "keeper", "print('a')"),
    (rules.prints, "keeper", "say = print"),
    (rules.prints, "keeper", "input()"),
    (rules.prints, "keeper", "import sys\nsys.stdout.write('a')"),
    (rules.prints, "keeper", "import sys\nout = sys.stderr"),
    (rules.prints, "keeper", "from sys import stdout"),
    (rules.swallows, "keeper", "with suppress(Exception):\n    pass"),
    (rules.swallows, "keeper", "with contextlib.suppress(OSError, BaseException):\n    pass"),
    (rules.development, "cli.show", "import ape"),
    (rules.development, "cli.show", "def late():\n    from tests.core import small_market"),
    (rules.costly, "wire", "import numpy"),
    (rules.costly, "wire", "from eth_abi.abi import encode"),
    (rules.costly, "wire", "try:\n    import web3\nexcept ImportError:\n    web3 = None"),
    (rules.costly, "wire", "if True:\n    import pandas"),
    (rules.costly, "wire", "class A:\n    import scipy"),
    (rules.costly, "wire", "with a:\n    import rich"),
    (rules.costly, "adapters.ledger.idle", "import sqlalchemy"),
    (rules.costly, "adapters.ledger.idle", "from rebalancer.adapters.ledger.sql import SqlLedger"),
    (rules.costly, "wire", "from rebalancer.adapters.ledger import schema"),
]


@pytest.mark.parametrize(("rule", "name", "source"), BROKEN, ids=[f"{r.__name__}: {s!r}" for r, _, s in BROKEN])
def test_wall__where_a_line_breaks_it__says_so(rule: Rule, name: str, source: str) -> None:
    assert len(rule(Module.of(name, source))) >= 1


WHOLE: list[tuple[Rule, str, str]] = [
    (rules.wrong_ways, "core.plan", "from rebalancer.market import swap\nfrom rebalancer.core.drift import drift_of"),
    (rules.wrong_ways, "adapters.wallets.safe", "from rebalancer.adapters.chain.rpc import Rpc"),
    (rules.wrong_ways, "tick", "from rebalancer.decide import decide"),
    (rules.wrong_ways, "__main__", "from rebalancer.cli import run"),
    (rules.wrong_ways, "research.sweep.crew", "from rebalancer.research.kernel import outcomes"),
    (rules.outside, "market.swap_math", "import math\nimport numpy as np\nfrom rebalancer.units import ONE"),
    (rules.not_integer, "core.plan", "x = 7 // 2 + 10**18 + pow(3, -1, 7)"),
    (rules.changeable, "core.plan", "@dataclass(frozen=True, slots=True)\nclass A: pass"),
    (rules.named_adapters, "replica.chain", "from rebalancer.adapters.chain.rpc import Rpc"),
    (rules.environment, "keeper", "import os\nos.open('a', os.O_RDWR)"),
    (rules.prints, "keeper", "import sys\nsys.exit(1)"),
    (rules.swallows, "keeper", "with suppress(FileNotFoundError):\n    pass"),
    (rules.costly, "wire", "def late():\n    import numpy\n    from rebalancer.adapters.ledger.sql import SqlLedger"),
    (rules.costly, "wire", "if TYPE_CHECKING:\n    import sqlalchemy"),
    (rules.costly, "adapters.ledger.sql", "import sqlalchemy"),
    (rules.costly, "cli.show", "import rich"),
]


@pytest.mark.parametrize(("rule", "name", "source"), WHOLE, ids=[f"{r.__name__}: {s!r}" for r, _, s in WHOLE])
def test_wall__where_nothing_breaks_it__is_silent(rule: Rule, name: str, source: str) -> None:
    assert rule(Module.of(name, source)) == []
