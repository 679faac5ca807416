"""The file and the environment, read once, as frozen Settings in the words of the core.

text       what people write → integers; spans: over time
document   YAML → text with lines, `${ENV}` filled in
values     what one key may hold, as types
schema     the sections as pydantic models, with every default and its reason; safety: those around the decision;
           venues: who is asked for quotes
sections   document → sections, and what is wrong with them
rules      what must hold between keys; band_rules of bands and cash, module_rules where the wallet is a module,
           venue_rules of who is asked over the network
settings   what comes out; paper: the same on paper
password   where the password of the key is
cache      the folder of what was read once and can be had again
module     settings → the on-chain policy that the owners fix at deployment
example    what `rebalancer init` writes
"""

from __future__ import annotations

from rebalancer.config.example import write_example
from rebalancer.config.module import module_policy
from rebalancer.config.paper import on_paper, rehearsed
from rebalancer.config.password import Password
from rebalancer.config.read import read_password, read_settings
from rebalancer.config.settings import ModuleSettings, OutsideSettings, Settings, WalletSettings

__all__ = [
    "ModuleSettings",
    "Password",
    "OutsideSettings",
    "Settings",
    "WalletSettings",
    "module_policy",
    "on_paper",
    "read_password",
    "read_settings",
    "rehearsed",
    "write_example",
]
