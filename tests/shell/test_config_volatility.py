"""Volatilities of a file: each of a token against the rest of the portfolio, and so none without the others."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from given_config import ETH_USD, OPERATOR, SAFE, UNI, USDC, WETH, error_of, written

from rebalancer.config import read_settings
from rebalancer.units import ONE

ADDRESSES = {"WETH": WETH, "USDC": USDC, "UNI": UNI}


def file_of(folder: Path, tokens: dict[str, tuple[str, str | None]], more: str = "") -> Path:
    """Of each token its target and its own volatility."""
    lines = [
        "chain: {id: 1, rpc: https://node.example/, native: WETH}",
        f"wallet: {{kind: safe, address: {SAFE}, operator: {OPERATOR}}}",
        "tokens:",
    ]
    for symbol, (target, own) in tokens.items():
        price = f"price: {{feed: {ETH_USD}, heartbeat: 1 h}}"
        volatility = "" if own is None else f", volatility: {own}"
        decimals = f"address: {ADDRESSES[symbol]}, decimals: 18"
        lines.append(f"  {symbol}: {{{decimals}, target: {target} %, {price}{volatility}}}")
    pools = ", ".join(f"v3 {symbol}/WETH 0.3 %" for symbol in tokens if symbol != "WETH")
    return written(folder, "\n".join([*lines, f"venues: {{uniswap: {{pools: [{pools}]}}}}", more]))


def volatilities(path: Path) -> list[float]:
    return [v.per_year / ONE for v in read_settings(path, {}).policy.tracking.volatilities]


def test_read_settings__of_one_volatility_for_all__is_right_whatever_the_targets(tmp_path: Path) -> None:
    dice = random.Random(1)
    for _ in range(20):
        first, second = sorted(dice.sample(range(1, 10_000), 2))
        parts = (first, second - first, 10_000 - second)
        targets = [f"{part // 100}.{part % 100:02d}" for part in parts]
        tokens = {symbol: (target, None) for symbol, target in zip(ADDRESSES, targets, strict=True)}
        assert volatilities(file_of(tmp_path, tokens, "cash: USDC")) == [0.6] * 3


def test_read_settings__of_two_assets_that_move_alike__is_right(tmp_path: Path) -> None:
    tokens = {"WETH": ("70", "85 %"), "USDC": ("30", None)}
    assert volatilities(file_of(tmp_path, tokens, "drift: {volatility: 85 %}")) == [0.85, 0.85]


@pytest.mark.parametrize(
    ("tokens", "key", "expected"),
    [
        ({"WETH": ("70", "85 %"), "USDC": ("30", None)}, "WETH", "expected at most 60 %, saw 85 %"),
        ({"WETH": ("70", "45 %"), "USDC": ("30", None)}, "WETH", "expected at least 60 %, saw 45 %"),
        ({"WETH": ("70", None), "USDC": ("30", "1 %")}, "USDC", "expected at least 60 %, saw 1 %"),
        # 0.25 * 60 % is more than 0.16 * 60 % and 0.21 * 1 %: with 0.21 * 25.72 % it is not.
        (
            {"WETH": ("50", None), "USDC": ("30", "1 %"), "UNI": ("20", None)},
            "USDC",
            "expected at least 25.72 %, saw 1 %",
        ),
        (
            {"WETH": ("50", "120 %"), "USDC": ("30", None), "UNI": ("20", None)},
            "WETH",
            "expected at most 88.8 %, saw 120 %",
        ),
    ],
)
def test_read_settings__of_a_weight_that_moves_more_than_all_others__names_the_figure_that_fits(
    tmp_path: Path, tokens: dict[str, tuple[str, str | None]], key: str, expected: str
) -> None:
    said = error_of(file_of(tmp_path, tokens))
    assert (
        f"tokens.{key}.volatility: {expected}: it is of {key} against the rest of the portfolio, not against the"
        in said
    )
    fitting = expected.split()[3] + " %"
    mended = {symbol: (target, fitting if symbol == key else own) for symbol, (target, own) in tokens.items()}
    assert len(volatilities(file_of(tmp_path, mended))) == len(tokens)


def test_read_settings__of_an_own_volatility_of_the_cash__is_refused_unless_it_is_measured(tmp_path: Path) -> None:
    tokens: dict[str, tuple[str, str | None]] = {"WETH": ("50", None), "USDC": ("30", "1 %"), "UNI": ("20", None)}
    said = error_of(file_of(tmp_path, tokens, "cash: USDC"))
    assert "tokens.USDC.volatility: expected none, or `measured`: USDC is the cash" in said
    tokens["USDC"] = ("30", "measured")
    assert volatilities(file_of(tmp_path, tokens, "cash: USDC")) == [0.6, 0.6]
