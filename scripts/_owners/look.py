"""What the refusals are made of: where to look, and what is wrong in words under the name of the contract's rule."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.module_words import Names
from rebalancer.units import Address
from scripts._owners.sight import Sight


@dataclass(frozen=True, slots=True)
class Refusal:
    """The contract's rule, and what is wrong in words."""

    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Look:
    """Where to look, and what to call what is seen."""

    sight: Sight
    names: Names
    now: int

    def name(self, address: Address) -> str:
        return self.names.get(address, address)
