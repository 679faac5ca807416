"""How deep tokens trade against dollars, by a file of pools: as a current would go through them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rebalancer.core.errors import ConfigError
from rebalancer.research.study.depth import depths_in
from rebalancer.research.study.flags import Flags
from rebalancer.research.study.making import make_study
from rebalancer.units import ONE

PRICES = {"WBTC": 50_000, "cbBTC": 50_000, "WETH": 2_500, "MEME": 0.5}
"""Dollars; of all else 1."""

Link = tuple[str, str, float]
"""Two tokens, and the dollars on either side of their pool."""


def pool(one: str, other: str, usd: float) -> dict[str, Any]:
    tokens = {
        f"token{at}": {"symbol": symbol, "address": f"0x{symbol}", "decimals": 18}
        for at, symbol in enumerate((one, other))
    }
    reserves = {
        f"reserve{at}": str(int(usd / PRICES.get(symbol, 1) * 10**18)) for at, symbol in enumerate((one, other))
    }
    return {"address": f"0x{one}{other}", **tokens, **reserves}


def file_of(folder: Path, *links: Link) -> Path:
    path = folder / "pools.json"
    path.write_text(json.dumps({"uniswap_v2": [pool(*link) for link in links]}))
    return path


def depths(folder: Path, *links: Link) -> dict[str, float]:
    return {symbol: depth / ONE for symbol, depth in depths_in(file_of(folder, *links)).items()}


def test_depths__of_pools_side_by_side__add_up(tmp_path: Path) -> None:
    found = depths(tmp_path, ("WETH", "USDC", 400), ("USDT", "WETH", 100), ("WETH", "DAI", 50))
    assert found["WETH"] == pytest.approx(550)


def test_depths__of_a_pool_that_leads_to_no_dollar__count_for_nothing(tmp_path: Path) -> None:
    found = depths(tmp_path, ("WBTC", "USDC", 100), ("WBTC", "cbBTC", 10**6), ("AAA", "BBB", 10**6))
    assert found["WBTC"] == pytest.approx(100) and found["cbBTC"] == pytest.approx(1 / (1 / 100 + 1 / 10**6))
    assert "AAA" not in found and "BBB" not in found


def test_depths__over_a_third_token__are_in_series(tmp_path: Path) -> None:
    found = depths(tmp_path, ("WETH", "USDC", 400), ("WBTC", "USDT", 100), ("WBTC", "WETH", 200), ("MEME", "WETH", 50))
    assert found["WBTC"] == pytest.approx(100 + 1 / (1 / 200 + 1 / 400))
    assert found["WETH"] == pytest.approx(whole := 400 + 1 / (1 / 200 + 1 / 100))
    assert found["MEME"] == pytest.approx(1 / (1 / 50 + 1 / whole))


def test_depths__of_a_bridge__are_those_of_the_cheapest_split(tmp_path: Path) -> None:
    a_b, a_c, b_usd, c_usd, b_c = 100, 300, 400, 150, 70
    found = depths(
        tmp_path, ("MEME", "WETH", a_b), ("MEME", "WBTC", a_c), ("WETH", "USDC", b_usd), ("WBTC", "USDC", c_usd),
        ("WETH", "WBTC", b_c),
    )  # fmt: skip
    # One dollar goes in: x of it over WETH, and y from there to WBTC. Each pool takes its flow squared over its depth.
    flows = np.array([[1, 0], [-1, 0], [1, -1], [-1, 1], [0, 1]]) / np.sqrt([[a_b], [a_c], [b_usd], [c_usd], [b_c]])
    given = np.array([0, 1, 0, 1, 0]) / np.sqrt([a_b, a_c, b_usd, c_usd, b_c])
    best, *_ = np.linalg.lstsq(flows, -given, rcond=None)
    assert found["MEME"] == pytest.approx(1 / np.sum((flows @ best + given) ** 2))


def test_depths__of_a_dollar__are_against_the_others(tmp_path: Path) -> None:
    found = depths(tmp_path, ("WETH", "USDC", 400), ("WETH", "USDT", 100))
    assert found["USDT"] == pytest.approx(80) and found["USDC"] == pytest.approx(80)
    assert "USDC" not in depths(tmp_path, ("WETH", "USDC", 400))


def test_depths__of_an_empty_pool__lead_nowhere(tmp_path: Path) -> None:
    found = depths(tmp_path, ("WETH", "USDC", 400), ("WBTC", "WETH", 0), ("WBTC", "cbBTC", 100))
    assert set(found) == {"WETH"}


def test_study__a_token_whose_pools_lead_to_no_dollar__is_refused_by_name(tmp_path: Path) -> None:
    path = file_of(tmp_path, ("WETH", "USDC", 10**8), ("WBTC", "cbBTC", 10**9))
    with pytest.raises(ConfigError, match="no pools lead from BTC to a dollar; they do from WETH. Give another file"):
        make_study(Flags(synthetic=1, targets="BTC=50 %,ETH=50 %", pools=path))
