"""Checks of the contracts that no test can miss, because another wall stands right behind: it stops the same attacks,
mostly with the same reason. Source text → the wall beside it, and why the check is there all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

REDUNDANT: Mapping[str, tuple[str, str]] = {
    "asset.token != self": (
        "asset.token.is_contract",
        "A contract has no code while its constructor runs; said all the same, as it must hold whatever comes before.",
    ),
    "answer > 0": (
        "price > 0",
        "A product with an answer of zero is no price, for the same reason; said of each answer, as a sign must be.",
    ),
    "asset.least <= asset.most": (
        "targets_range of the targets themselves",
        "No target lies in an empty range, so the targets are refused for the same reason; here it names the asset.",
    ),
    "self._div_up(moved, 2)": (
        "targets_sum",
        "Old and new targets both sum to PPM, so what is moved is even and nothing is there to round.",
    ),
}
