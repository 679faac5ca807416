"""A function in, the same as machine code out, kept on disk for the next process.

numba looks at a function's own file alone to tell whether what it has kept is still true, and takes in what other files
hold. So there is a folder for each state of all of them, and of what compiles them. What is in there and cannot be
read all the same is thrown away.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
import numpy as np

Asked = ParamSpec("Asked")
Found = TypeVar("Found")
Function = TypeVar("Function", bound=Callable[..., object])

_LOOSE = {"contract", "nnan", "ninf", "nsz", "reassoc"}
"""What the compiler may take for granted: no value is infinite or none, and sums may be added up in any order. That
order is the same for every configuration, whichever others stand beside it."""
_HERE = Path(__file__).parent
FILES = ("compiled", "advance", "tables", "trades", "notes", "rebalancing")
"""All that hold machine code, or what it takes for constant."""
_GAS = _HERE.parent / "gas.py", _HERE.parent / "model.py", _HERE.parents[1] / "market" / "routing.py"
"""Where the formula of gas and its constants come from."""
_UNREADABLE = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
)
"""What reading a pickle of another program raises, or of half a file."""


def _folder() -> str:
    """Where numba may not write, it takes one of its own."""
    files = (*(_HERE / f"{name}.py" for name in FILES), *_GAS)
    makers = f"{sys.version} {numba.__version__} {np.__version__}"
    state = sha256(b"".join(file.read_bytes() for file in files) + makers.encode()).hexdigest()[:12]
    return str(Path(numba.config.CACHE_DIR or _HERE / "__pycache__") / f"kernel-{state}")


_FOLDER = _folder()


def compiled(function: Function) -> Function:
    """It holds no lock while it runs, so that threads share the cores."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _FOLDER
    try:
        return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_LOOSE)(function))
    finally:
        numba.config.CACHE_DIR = before


def part(function: Function) -> Function:
    """Of whichever compiled function calls it: what stands in another folder is not kept by itself."""
    return cast(Function, numba.njit(nogil=True, error_model="numpy", fastmath=_LOOSE)(function))


def call(function: Callable[Asked, Found], *given: Asked.args, **named: Asked.kwargs) -> Found:
    """What a compiled function returns. Where what is kept of it on disk cannot be read it is compiled anew, once."""
    try:
        return function(*given, **named)
    except _UNREADABLE:
        _forget(function)
        return function(*given, **named)


def _forget(function: Callable[..., object]) -> None:
    """Of all that stands beside it: one calls the other."""
    folder = Path(cast(Any, function).stats.cache_path)
    for file in (*folder.glob("*.nbi"), *folder.glob("*.nbc")):
        file.unlink(missing_ok=True)
