"""The file and the environment, read once, as frozen Settings in the words of the core.

text       what people write → integers
document   YAML → text with lines, `${ENV}` filled in
schema     the sections as pydantic models, with every default and its reason
sections   document → sections, and what is wrong with them
rules      what must hold between keys
settings   what comes out
example    what `rebalancer init` writes
"""

from __future__ import annotations

from rebalancer.config.example import write_example
from rebalancer.config.read import read_password, read_settings
from rebalancer.config.settings import Password, Settings, WalletSettings

__all__ = ["Password", "Settings", "WalletSettings", "read_password", "read_settings", "write_example"]
