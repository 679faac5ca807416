"""What is kept of machine code on disk, and what happens where it cannot be read."""

from __future__ import annotations

import importlib.util
import pickle
from collections.abc import Callable
from pathlib import Path

import numba
import pytest

from rebalancer.research.kernel import compiled
from rebalancer.research.kernel.compiled import call

SOURCE = """
from rebalancer.research.kernel.compiled import compiled

@compiled
def doubled(value: float) -> float:
    return 2.0 * value
"""
STALE = pickle.dumps(numba.__version__) + b"crebalancer.research\nno_such_class\n."
"""An index of this numba that names a class which is nowhere any more."""


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Callable[[float], float]]:
    """The function as another process finds it: with nothing but what is on disk."""
    monkeypatch.setattr(compiled, "_FOLDER", str(tmp_path / "kept"))
    file = tmp_path / "asked.py"
    file.write_text(SOURCE)

    def loaded() -> Callable[[float], float]:
        spec = importlib.util.spec_from_file_location("asked", file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found: Callable[[float], float] = module.doubled
        return found

    return loaded


@pytest.mark.parametrize("spoilt", ["stale", "half", "empty"])
def test_call__what_is_kept_cannot_be_read__is_compiled_and_kept_anew(
    spoilt: str, fresh: Callable[[], Callable[[float], float]], tmp_path: Path
) -> None:
    assert call(fresh(), 21.0) == 42.0
    (index,) = tmp_path.rglob("*.nbi")
    whole = index.read_bytes()
    index.write_bytes({"stale": STALE, "half": whole[: len(whole) // 2], "empty": b""}[spoilt])
    with pytest.raises((AttributeError, EOFError, pickle.UnpicklingError)):
        fresh()(21.0)
    assert call(fresh(), 21.0) == 42.0
    assert index.read_bytes() == whole
    assert fresh()(21.0) == 42.0


def test_call__of_what_fails_by_itself__says_so() -> None:
    with pytest.raises(numba.TypingError):
        call(compiled.compiled(lambda value: value + "x"), 21.0)


def test_folder__of_the_kernel__is_another_for_another_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compiled._folder()
    monkeypatch.setattr(numba, "__version__", "0.0")
    assert compiled._folder() != before
