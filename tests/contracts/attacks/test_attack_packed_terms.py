"""Numbers that share a word: one that is too long must not become a part of its neighbour."""

from __future__ import annotations

from dataclasses import replace

import pytest
from catalogue import ends_at
from given_attacks import SILV, Arena
from given_deployment import refuses

from rebalancer.core.model.module import ModulePolicy
from rebalancer.units import PPM, Ppm

SHARE_BITS = 20


def _ranged(arena: Arena, least: int, most: int) -> ModulePolicy:
    assets = list(arena.module.policy.assets)
    assets[SILV] = replace(assets[SILV], least=Ppm(least), most=Ppm(most))
    return replace(arena.module.policy, assets=tuple(assets))


@ends_at("targets_range")
# "None of it", and "at most a quarter": any weight would be allowed.
@pytest.mark.parametrize("most", [0, 250_000])
def test_least__that_is_longer_than_its_field__is_not_added_to_the_most(arena: Arena, most: int) -> None:
    refuses(arena, "targets_range", _ranged(arena, least=PPM << SHARE_BITS, most=most))
    refuses(arena, "targets_range", _ranged(arena, least=(PPM << SHARE_BITS) + most, most=most))
