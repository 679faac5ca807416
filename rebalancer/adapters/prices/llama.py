"""Coins and times in, DefiLlama's prices out: its keyless API, `GET /chart/{coins}` of coins.llama.fi, in parts that
are kept.

It gives for each time asked for the price that it has nearest, before or after it (`searchWidth` to either side). So we
ask for an earlier time, and nothing that it has written later is taken: a price is what was known then.
"""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rebalancer.adapters.prices.feeds import Quoted, Told
from rebalancer.adapters.prices.kept import KeptPrices
from rebalancer.adapters.prices.polite import Polite
from rebalancer.core.errors import ConfigError, Unavailable

BASE = "https://coins.llama.fi"
MOST_COINS, MOST_POINTS = 10, 500
"""Of one request: of what is asked for at once the answer is some forty kilobytes."""
WIDTH = 3_600
"""Seconds to either side of what is asked for, or half a step: of many coins it has a price an hour."""
SETTLED = 86_400
"""Seconds after which a price is kept: it corrects fresh ones."""
COINGECKO = {
    "AAVE": "aave",
    "ARB": "arbitrum",
    "BTC": "bitcoin",
    "COMP": "compound-governance-token",
    "CRV": "curve-dao-token",
    "DAI": "dai",
    "ETH": "ethereum",
    "LDO": "lido-dao",
    "LINK": "chainlink",
    "MKR": "maker",
    "SNX": "havven",
    "SOL": "solana",
    "UNI": "uniswap",
    "USDC": "usd-coin",
    "USDT": "tether",
    "WBTC": "wrapped-bitcoin",
    "WETH": "weth",
}
"""What DefiLlama calls a coin that no address is given of: coingecko:<this>."""
CHAINS = {1: "ethereum", 10: "optimism", 56: "bsc", 137: "polygon", 8453: "base", 42161: "arbitrum", 43114: "avax"}
"""Its names of chains, by their ids."""

_Kept = dict[int, tuple[Decimal, int]]


@dataclass(frozen=True, slots=True)
class _Part:
    """One request: these coins at these times, of which `count` are a `step` apart."""

    coins: tuple[str, ...]
    start: int
    step: int
    count: int


@dataclass(slots=True)
class LlamaHistory:
    """Asks `host`; remembers in `folder`, by coin."""

    host: Polite
    folder: Path
    now: Callable[[], float] = field(default=clock.time)

    def read(self, coins: Sequence[str], times: Sequence[int], told: Told) -> dict[str, dict[int, Quoted]]:
        """`times` at one distance. For each coin those of them that it had a price at, by a step before at most.

        Raises Unavailable, with what was read so far kept; ConfigError for a coin that is none.
        """
        step = times[1] - times[0]
        kept = {coin: self._file(coin).read() for coin in coins}
        parts = _parts(kept, times, step)
        for done, part in enumerate(parts):
            told(done, len(parts))
            self._read_part(part, kept)
        told(len(parts), len(parts))
        wanted = set(times)
        return {
            coin: {
                time: Quoted(*each)
                for time, each in sorted(kept[coin].items())
                if time in wanted and each[1] > time - step
            }
            for coin in coins
        }

    def _read_part(self, part: _Part, kept: Mapping[str, _Kept]) -> None:
        width = min(WIDTH, part.step // 2)
        fields = {
            "start": str(part.start - width),
            "span": str(part.count),
            "period": _period(part.step),
            "searchWidth": str(width),
        }
        answer = self.host.get("/chart/" + quote(",".join(part.coins), safe=":,"), fields)
        found = _coins(answer, self.host.name)
        last = int(self.now()) - SETTLED
        for coin in part.coins:
            # Its answer may write an address in another case than the question.
            points = next((each for name, each in found.items() if name.lower() == coin.lower()), [])
            kept[coin].update(_known_then(points, part))
            self._file(coin).write({time: each for time, each in kept[coin].items() if time <= last})

    def _file(self, coin: str) -> KeptPrices:
        # A coin's name is given by people, and a file's must not lead anywhere; what one host says is no other's word.
        plain = "".join(c if c.isalnum() else "-" for c in coin.lower())[:80]
        source = f"{self.host.name} {self.host.port} {coin.lower()}"
        return KeptPrices(self.folder / f"{plain}-{sha256(source.encode()).hexdigest()[:8]}.csv")


def coin_of(text: str, chain_id: int | None, address: str | None) -> str:
    """What DefiLlama calls a coin: by the token's address where it has one, by the symbol where that is known.

    Text such as `coingecko:solana` or `base:0x…` is taken as it is. Raises ConfigError.
    """
    if address is not None:
        if chain_id not in CHAINS:
            known = ", ".join(map(str, CHAINS))
            raise ConfigError(
                f"prices: DefiLlama's name of chain {chain_id} is not known here, expected one of {known}"
            )
        return f"{CHAINS[chain_id]}:{address}"
    if ":" in text and text.isascii() and text.isprintable() and not set(text) & set(" ,/?#"):
        return text
    if text in COINGECKO:
        return f"coingecko:{COINGECKO[text]}"
    raise ConfigError(
        f"prices: no coin of DefiLlama's is known for {text!r}; expected one of {', '.join(COINGECKO)}, or "
        "SYMBOL=coingecko:ID, or SYMBOL=CHAIN:ADDRESS"
    )


def _parts(kept: Mapping[str, _Kept], times: Sequence[int], step: int) -> list[_Part]:
    """Oldest first. What is known of all coins of a part is not asked for again."""
    coins = list(kept)
    parts = []
    for first in range(0, len(coins), MOST_COINS):
        group = coins[first : first + MOST_COINS]
        most = MOST_POINTS // len(group)
        for start in range(0, len(times), most):
            part = times[start : start + most]
            asked = tuple(coin for coin in group if any(time not in kept[coin] for time in part))
            missing = [time for time in part if any(time not in kept[coin] for coin in asked)]
            if asked:
                parts.append(_Part(asked, missing[0], step, (missing[-1] - missing[0]) // step + 1))
    return parts


def _period(step: int) -> str:
    for seconds, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if step % seconds == 0:
            return f"{step // seconds}{letter}"
    raise ConfigError(f"prices: a step of {step} s, expected whole minutes: DefiLlama has nothing finer")


def _coins(answer: Any, host: str) -> dict[str, list[Any]]:
    """{"coins": {name: {"prices": [{"timestamp": …, "price": …}]}}}. Raises Unavailable for anything else."""
    coins = answer.get("coins") if isinstance(answer, dict) else None
    if not isinstance(coins, dict):
        raise Unavailable(f"{host}: its answer has no coins; try again later")
    found = {}
    for name, coin in coins.items():
        points = coin.get("prices") if isinstance(coin, dict) else None
        if not isinstance(points, list):
            raise Unavailable(f"{host}: its answer has no prices of {name[:60]!r}; try again later")
        found[name] = points
    return found


def _known_then(points: Sequence[Any], part: _Part) -> _Kept:
    """At each time of the part the newest price written in the step before it; what is no price is none."""
    found: _Kept = {}
    for point in points:
        at, price = (point.get("timestamp"), point.get("price")) if isinstance(point, dict) else (None, None)
        if type(at) is not int or isinstance(price, bool) or not isinstance(price, int | Decimal):
            continue
        number = -((part.start - at) // part.step)
        time = part.start + number * part.step
        usd = Decimal(price)
        if 0 <= number < part.count and usd.is_finite() and usd > 0 and at > found.get(time, (usd, -1))[1]:
            found[time] = usd, at
    return found
