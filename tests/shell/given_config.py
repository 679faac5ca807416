"""A small right configuration to break: two assets and a source of price, on a chain that is never asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.units import Address

SAFE = Address("0x41675C099F32341bf84BFc5382aF534df5C7461a")
OPERATOR = Address("0x29fcB43b46531BcA003ddC8FCB67FFE91900C762")
WETH = Address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
USDC = Address("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
UNI = Address("0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984")
ETH_USD = Address("0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419")
BTC_USD = Address("0xF4030086522a5bEEa4988F8cA5B36dbC97BeE88c")
USDC_USD = Address("0x8fFfFfd4AfB6115b954Bd326cbe7B4BA576818f6")

RIGHT = f"""\
chain:
  id: 1
  rpc: https://node.example/v2/topsecret
  native: WETH
wallet:
  kind: safe
  address: {SAFE}
  operator: {OPERATOR}
tokens:
  WETH:
    address: {WETH}
    decimals: 18
    target: 60 %
    price: {{feed: {ETH_USD}, heartbeat: 1 h}}
  USDC:
    address: {USDC}
    decimals: 6
    target: 30 %
    price: {{feed: {USDC_USD}, heartbeat: 1 d, margin: 10 min}}
  UNI:
    address: {UNI}
    decimals: 18
    target: 10 %
    price: {{twap: {{pool: v3 UNI/WETH 0.3 %, min_depth: 100_000 USD}}}}
venues:
  uniswap:
    pools: [v3 USDC/WETH 0.05 %, v3 UNI/WETH 0.3 %]
"""


def written(folder: Path, text: str = RIGHT) -> Path:
    """A file that says `text`."""
    path = folder / "rebalancer.yaml"
    path.write_text(text)
    return path


def edited(folder: Path, old: str, new: str) -> Path:
    """The right file with its first `old` replaced; `old` must be there, or the test would try nothing."""
    assert old in RIGHT
    return written(folder, RIGHT.replace(old, new, 1))


def error_of(path: Path) -> str:
    """What reading it says, where it is refused."""
    with pytest.raises(ConfigError) as refusal:
        read_settings(path, {})
    return str(refusal.value)
