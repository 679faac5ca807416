"""Who sits at the terminal may be asked for the keystore's password, where nothing else has it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from rebalancer.config import Settings, read_settings


def settings_here(config: Path) -> Settings:
    """The configuration, with a person to ask where one is there. Raises ConfigError."""
    settings = read_settings(config)
    if not sys.stdin.isatty():
        return settings
    password = replace(settings.wallet.password, ask=_ask)
    return replace(settings, wallet=replace(settings.wallet, password=password))


def _ask() -> str:
    from getpass import getpass

    return getpass("Password of the operator's keystore: ")
