"""The environment in, the folder of what can be had again out: by the XDG base directory specification."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rebalancer.core.errors import ConfigError


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Not made yet. Raises ConfigError where this account has no home."""
    environment = os.environ if environment is None else environment
    # A folder that is not absolute is to be ignored.
    named = Path(environment.get("XDG_CACHE_HOME") or "")
    cache = named if named.is_absolute() else Path(environment.get("HOME") or os.path.expanduser("~"), ".cache")
    if not cache.is_absolute():
        raise ConfigError(
            f"this account has no home folder, saw {str(cache)!r}: set XDG_CACHE_HOME to an absolute folder for what "
            "was read once"
        )
    return cache / "rebalancer"
