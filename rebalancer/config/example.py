"""The configuration that `rebalancer init` writes: example.yaml with the caller's accounts and node filled in."""

from __future__ import annotations

import json
from pathlib import Path

from rebalancer.core.errors import ConfigError

EXAMPLE = Path(__file__).with_name("example.yaml")
NODE = "${ETH_RPC_URL:-http://127.0.0.1:8545}"
"""Of the person, or else of a replica on this machine."""
KINDS = ("<safe>", "<module>")
"""In front of a line that one kind of wallet has, and the other has not."""


def write_example(
    path: Path,
    wallet: str | None = None,
    operator: str | None = None,
    rpc: str | None = None,
    module: str | None = None,
) -> None:
    """Write it to `path`, for the owner's eyes only; an account that is None is left to be filled in.

    With a `module` of kind `safe-module`, "" where it is yet to be deployed; with None of kind `safe`. Raises
    ConfigError, also where something stands at `path` already.
    """
    text = _of_kind(EXAMPLE.read_text(), modular=module is not None)
    filled = {"WALLET": wallet, "MODULE": module, "OPERATOR": operator, "NODE": json.dumps(rpc or NODE)}
    for mark, value in filled.items():
        text = text.replace(f"<{mark}>", value or "")
    try:
        path.touch(mode=0o600, exist_ok=False)  # an RPC URL often is a key
        path.write_text(text)
    except FileExistsError:
        raise ConfigError(f"{path}: is there already, and nothing is overwritten; give another name") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None


def _of_kind(text: str, modular: bool) -> str:
    ours, theirs = KINDS[modular], KINDS[not modular]
    lines = (line.removeprefix(ours) for line in text.splitlines(keepends=True) if not line.startswith(theirs))
    return "".join(lines)
