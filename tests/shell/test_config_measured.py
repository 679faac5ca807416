"""`measured` in the place of a volatility: what the policy is told then, and where it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from given_config import RIGHT, USDC_USD, written

from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError

BARE: dict[str, str] = {}
TWAP = "price: {twap: {pool: v3 UNI/WETH 0.3 %, min_depth: 100_000 USD}}"
FED = RIGHT.replace(TWAP, f"price: {{feed: {USDC_USD}, heartbeat: 1 d}}")
"""Every asset has a feed."""
OF_ALL = ("venues:", "drift: {volatility: measured}\nvenues:")
OF_WETH = ("    target: 60 %\n", "    target: 60 %\n    volatility: measured\n")
GIVEN_WETH = ("    target: 60 %\n", "    target: 60 %\n    volatility: 70 %\n")


def _error(path: Path) -> str:
    with pytest.raises(ConfigError) as refusal:
        read_settings(path, BARE)
    return str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ([], {"WETH", "USDC", "UNI"}),
        ([OF_ALL], set()),
        ([OF_WETH], {"USDC", "UNI"}),
        ([OF_ALL, GIVEN_WETH], {"WETH"}),
    ],
)
def test_read_settings__of_measured_volatilities__gives_the_others(
    tmp_path: Path, changes: list[tuple[str, str]], given: set[str]
) -> None:
    text = FED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    tracking = read_settings(written(tmp_path, text), BARE).policy.tracking
    assert {v.token.symbol for v in tracking.volatilities} == given


@pytest.mark.parametrize(
    ("change", "key"), [(OF_ALL, "drift.volatility"), (OF_WETH, "tokens.WETH.volatility")], ids=["all", "one"]
)
def test_read_settings__of_measured_beside_an_asset_without_feed__is_refused(
    tmp_path: Path, change: tuple[str, str], key: str
) -> None:
    said = _error(written(tmp_path, RIGHT.replace(*change, 1)))
    assert f"{key}: expected a percentage such as `60 %`: the price of UNI is a pool's, which keeps no rounds" in said


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mesured", "expected a percentage such as `60 %`, or `measured`"),
        ("Measured", "or `measured`"),
        ("", "empty"),
        ("[measured]", "saw a list"),
        ("measured 60 %", "expected a percentage"),
        ("0 %", "expected at least 1 %"),
        ("0.6", "could mean two things"),
    ],
)
def test_read_settings__of_a_volatility_that_is_neither__is_refused(tmp_path: Path, value: str, expected: str) -> None:
    said = _error(written(tmp_path, FED.replace("venues:", f"drift:\n  volatility: {value}\nvenues:")))
    assert "drift.volatility" in said and expected in said
