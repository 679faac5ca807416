"""Checks of the contracts that no test can miss, because another wall stands right behind: it stops the same attacks,
mostly with the same reason. Contract, function and source text → the wall beside it, and why the check is there all
the same.
"""

from __future__ import annotations

from collections.abc import Mapping

REDUNDANT: Mapping[str, tuple[str, str]] = {
    "mandate _check_asset: asset.token != self": (
        "asset.token.is_contract",
        "A contract has no code while its constructor runs; said all the same, as it must hold whatever comes before.",
    ),
    "RebalanceModule _charge_step: self._div_up(moved, 2)": (
        "targets_sum",
        "Old and new targets both sum to PPM, so what is moved is even and nothing is there to round.",
    ),
}
