"""DefiLlama's price API on a real socket, as its documents describe `GET /chart/{coins}`: for each time that is asked
for, the recorded price nearest to it, within `searchWidth` on either side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from given_venue_server import Question, Reply

DAY = 86_400
HOUR = 3_600
START = 1_704_067_200
"""2024-01-01."""
BITCOIN, ETHER = "coingecko:bitcoin", "coingecko:ethereum"
_SECONDS = {"m": 60, "h": HOUR, "d": DAY, "w": 7 * DAY}
MOST = 500
"""Points of all coins together."""


def hourly(price: Callable[[int], float], first: int = START - DAY, last: int = START + 800 * DAY) -> dict[int, float]:
    """A price for each hour, written some minutes past it."""
    return {hour + 300: price(hour) for hour in range(first, last, HOUR)}


def price_of_bitcoin(hour: int) -> float:
    return 40_000 + (hour - START) / DAY


def price_of_ether(hour: int) -> float:
    return 2_000.5 + (hour - START) / DAY / 100


RECORDED = {BITCOIN: hourly(price_of_bitcoin), ETHER: hourly(price_of_ether)}


@dataclass(slots=True)
class Llama:
    """What it has recorded, by coin. `lost`: coins that its answers leave out."""

    recorded: Mapping[str, Mapping[int, float]]
    lost: set[str] = field(default_factory=set)

    def answer(self, question: Question) -> Reply:
        """To one request; what it does not know is not in the answer."""
        path = unquote(question.path)
        if question.method != "GET" or not path.startswith("/chart/"):
            return Reply({"message": "not found"}, 404)
        query, coins = question.query, path.removeprefix("/chart/").split(",")
        step = int(query["period"][:-1]) * _SECONDS[query["period"][-1]]
        count, width, start = int(query["span"]), int(query["searchWidth"]), int(query["start"])
        if count * len(coins) > MOST:
            return Reply({"message": "too many points"}, 400)
        times = [start + step * number for number in range(count)]
        known = [coin for coin in coins if coin in self.recorded and coin not in self.lost]
        return Reply(
            {
                "coins": {
                    coin: {"symbol": coin, "confidence": 0.99, "prices": self._points(coin, times, width)}
                    for coin in known
                }
            }
        )

    def _points(self, coin: str, times: list[int], width: int) -> list[dict[str, float]]:
        recorded = sorted(self.recorded[coin])
        found = []
        for time in times:
            place = bisect_left(recorded, time)
            near = [at for at in recorded[max(place - 1, 0) : place + 1] if abs(at - time) <= width]
            if near:
                at = min(near, key=lambda each: abs(each - time))
                found.append({"timestamp": at, "price": self.recorded[coin][at]})
        return found
