"""Price files as people have them, written where a test wants them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rebalancer.core.errors import ConfigError
from rebalancer.research.model import Prices
from rebalancer.research.prices.grid import Wanted
from rebalancer.research.prices.reading import History, read_history

DAY = 86_400
FIRST = 1_704_067_200
"""2024-01-01."""
WHOLE = """date,BTC,ETH
2024-01-01,42000.5,2300
2024-01-02,43000,2350.25
2024-01-03,41000,2200
2024-01-04,41500,2210
"""


def a_file(folder: Path, text: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def read(folder: Path, text: str, fill: int = 0, name: str = "prices.csv") -> History:
    return read_history([a_file(folder, text, name)], Wanted(fill=fill))


def refused(folder: Path, text: str, fill: int = 0, name: str = "prices.csv") -> list[str]:
    """The lines of the one error."""
    with pytest.raises(ConfigError) as caught:
        read(folder, text, fill, name)
    return str(caught.value).splitlines()


def some(count: int = 4, step: int = DAY, start: int = FIRST) -> Prices:
    """Prices that say which they are: 1, 2, … of A, ten times as much of B."""
    rising = np.arange(1.0, count + 1)
    return Prices(("A", "B"), start + step * np.arange(count, dtype=np.int64), np.column_stack([rising, 10 * rising]))
