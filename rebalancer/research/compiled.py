"""A function in, the same as machine code out, kept on disk for the next process.

numba looks at a function's own file alone to tell whether what it has kept is still true, and takes in what other files
hold. So there is a folder for each state of all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., object])

_LOOSE = {"contract", "nnan", "ninf", "nsz", "reassoc"}
"""What the compiler may take for granted: no value is infinite or none, and sums may be added up in any order. That
order is the same for every configuration, whichever others stand beside it."""
_HERE = Path(__file__).parent
FILES = ("compiled", "kernel", "kernel_tables", "kernel_trades", "kernel_notes", "rebalancing")
"""All that hold machine code, or what it takes for constant."""


def _folder() -> str:
    """Where numba may not write, it takes one of its own."""
    state = sha256(b"".join((_HERE / f"{name}.py").read_bytes() for name in FILES)).hexdigest()[:12]
    return str(Path(numba.config.CACHE_DIR or _HERE / "__pycache__") / f"kernel-{state}")


_FOLDER = _folder()


def compiled(function: Function) -> Function:
    """It holds no lock while it runs, so that threads share the cores."""
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, _FOLDER
    try:
        return cast(Function, numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=_LOOSE)(function))
    finally:
        numba.config.CACHE_DIR = before
