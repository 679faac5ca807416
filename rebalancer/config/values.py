"""What a key's text may be, as annotated types: each names its parser in `text`, and between which ends it must lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator

from rebalancer.config import drift_text, estimation_text, schedule_text, spans, text
from rebalancer.config.spans import DAY, ShareInTime
from rebalancer.config.text import PoolText, is_symbol
from rebalancer.core.model.estimation import Update
from rebalancer.core.model.module import (
    LONGEST_GRACE,
    LONGEST_WINDOW,
    MOST_LOSS,
    MOST_SHORTFALL,
    MOST_TOLERANCE,
    SHORTEST_WINDOW,
)
from rebalancer.core.model.schedule import Schedule
from rebalancer.units import Address, Bps, Ppm, Usd, Wei, Weight

T = TypeVar("T")
EMPTY = "is empty"


def _from_text(parse: Callable[[str], T], *checks: Callable[[T], T]) -> BeforeValidator:
    """Text of the file to a value; whatever is not text is refused."""

    def validate(value: object) -> object:
        if value is None or value == "":
            raise ValueError(EMPTY)
        if not isinstance(value, str):
            raise ValueError("expected one value, saw a list or a mapping")
        parsed = parse(value)
        for check in checks:
            parsed = check(parsed)
        return parsed

    return BeforeValidator(validate)


def _positive(value: int) -> int:
    if value == 0:
        raise ValueError("expected more than zero")
    return value


def _between(low: int, high: int, unit: str = "") -> Callable[[int], int]:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"expected {low:,} to {high:,}{unit}")
        return value

    return check


def _within_a_year(value: int) -> int:
    if value > 366 * 86_400:
        raise ValueError("expected at most 366 d")
    return value


def _duration(low: int, high: int, expected: str) -> BeforeValidator:
    """Seconds between two ends; `expected` names both, and why."""

    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"expected {expected}")
        return value

    return _from_text(text.seconds, check)


def _volatility(value: str) -> Weight | Literal["measured"]:
    if value == "measured":
        return "measured"
    if not any(c.isdigit() for c in value):
        raise ValueError("expected a percentage such as `60 %`, or `measured`")
    return drift_text.volatility(value)


def _cautious(value: int) -> int:
    if value > 1_000:
        raise ValueError("expected at most 10 %: a wider limit stops nothing")
    return value


def _twap_window(value: int) -> int:
    if value < 1_800:
        raise ValueError("expected at least 30 min: a shorter average is cheap to move")
    return value


def _up_to(most: int) -> Callable[[int], int]:
    """A share in ppm of at most `most`: the contract's own limit."""

    def check(value: int) -> int:
        if value > most:
            raise ValueError(f"expected at most {most // 10_000} %, the most that the module takes")
        return value

    return check


def _one_or_more(value: object) -> object:
    if value == [] or not isinstance(value, str | list):
        raise ValueError("expected one URL or a list of them")
    return [value] if isinstance(value, str) else value


def _any_number(value: object) -> object:
    return value if value == [] else _one_or_more(value)


def _drawdown(value: ShareInTime) -> ShareInTime:
    if not 0 < value.share <= 5_000 or not 3_600 <= value.seconds <= 30 * 86_400:
        raise ValueError("expected more than nothing and at most 50 %, in 1 h to 30 d: a wider limit stops nothing")
    return value


def _fall(value: ShareInTime) -> ShareInTime:
    if not 0 < value.share <= 9_000 or not DAY <= value.seconds <= 366 * DAY or value.seconds % DAY:
        raise ValueError("expected more than nothing and at most 90 %, in whole days from 1 d to 366 d")
    return value


def _ramp(value: ShareInTime) -> ShareInTime:
    if value.seconds and (value.share == 0 or value.seconds > 90 * 86_400):
        raise ValueError("expected more than nothing, for at most 90 d; `off` is no ramp at all")
    return value


def _plain_symbol(value: str) -> str:
    # What is no symbol is not shown as one later: it may be a key out of the environment.
    if not is_symbol(value):
        raise ValueError("expected the symbol of one of the `tokens`")
    return value


Text = Annotated[str, _from_text(str)]
ApiKey = Annotated[str, _from_text(text.api_key)]
Symbol = Annotated[str, _from_text(str, _plain_symbol)]
Url = Annotated[str, _from_text(text.url)]
Switch = Annotated[bool, _from_text(text.switch)]
AddressText = Annotated[Address, _from_text(text.address)]
ChainId = Annotated[int, _from_text(text.whole_number, _positive)]
Decimals = Annotated[int, _from_text(text.whole_number, _between(0, 36))]
Count = Annotated[int, _from_text(text.whole_number, _between(1, 64, " blocks"))]
Share = Annotated[Weight, _from_text(text.weight)]
Width = Annotated[Weight, _from_text(text.weight, _positive)]
Limit = Annotated[Bps, _from_text(text.bps, _positive)]
Risk = Annotated[Bps, _from_text(text.bps, _positive, _cautious)]
Seconds = Annotated[int, _from_text(text.seconds, _positive, _within_a_year)]
Deadline = Annotated[int, _duration(24, 3_600, "24 s to 1 h: two blocks to be mined in, and prices that still hold")]
BlockAge = Annotated[int, _duration(1, 3_600, "1 s to 1 h: what an older block says is no price")]
Patience = Annotated[int, _duration(1, 3_600, "1 s to 1 h: the next tick, which would settle it too, is kept out")]
Heartbeat = Annotated[int, _duration(1, 604_800, "1 s to 7 d: no feed to trade on is silent for longer")]
Margin = Annotated[int, _duration(1, 86_400, "1 s to 1 d: a feed that is later has stopped")]
Dollars = Annotated[Usd, _from_text(text.usd, _positive)]
Coin = Annotated[Wei, _from_text(text.wei)]
SomeCoin = Annotated[Wei, _from_text(text.wei, _positive)]
PpmRange = Annotated[tuple[Ppm, Ppm], _from_text(text.share_range)]
PriceRange = Annotated[tuple[Usd, Usd], _from_text(text.price_range)]
PoolName = Annotated[PoolText, _from_text(text.pool)]
Urls = Annotated[list[Url], BeforeValidator(_one_or_more)]
TwapWindow = Annotated[int, _from_text(text.seconds, _twap_window, _within_a_year)]
Day = Annotated[int, _from_text(text.day)]
Hours = Annotated[tuple[int, int], _from_text(text.hours)]
Volatile = Annotated[Weight | Literal["measured"], _from_text(_volatility)]
Drawn = Annotated[Weight, _from_text(drift_text.volatility)]
Moments = Annotated[Schedule, _from_text(schedule_text.schedule)]
AverageDays = Annotated[int, _from_text(spans.days, _between(5, 366, " days"))]
Fall = Annotated[ShareInTime, _from_text(spans.share_in_time, _fall)]
Penalty = Annotated[int, _from_text(drift_text.penalty)]
LedgerText = Annotated[str, _from_text(text.ledger)]
PpmShare = Annotated[Ppm, _from_text(text.ppm)]
PpmLimit = Annotated[Ppm, _from_text(text.ppm, _positive)]
Loss = Annotated[Ppm, _from_text(text.ppm, _up_to(MOST_LOSS))]
Shortfall = Annotated[Ppm, _from_text(text.ppm, _up_to(MOST_SHORTFALL))]
Tolerance = Annotated[Ppm, _from_text(text.ppm, _positive, _up_to(MOST_TOLERANCE))]
MeterWindow = Annotated[
    int,
    _duration(SHORTEST_WINDOW, LONGEST_WINDOW, "1 h to 90 d: the time in which the module's meters empty"),
]
Pause = Annotated[int, _from_text(text.seconds)]
Grace = Annotated[int, _duration(1, LONGEST_GRACE, "1 s to 1 d: the time after a sequencer's restart")]
Quorum = Annotated[int, _from_text(text.whole_number, _between(1, 2, " nodes"))]
ReplaceAfter = Annotated[int, _duration(12, 3_600, "12 s to 1 h: a block passes first, and nobody waits for days")]
PerDay = Annotated[int, _from_text(text.whole_number, _between(1, 1_000, " rebalances"))]
Failures = Annotated[int, _from_text(text.whole_number, _between(1, 20, " batches"))]
Drawdown = Annotated[ShareInTime, _from_text(spans.share_in_time, _drawdown)]
Ramp = Annotated[ShareInTime, _from_text(spans.ramp, _ramp)]
Turnover = Annotated[Bps, _from_text(spans.turnover, _positive)]
PaperDays = Annotated[int, _from_text(spans.paper, _between(0, 90, " days"))]
RefillDays = Annotated[int, _from_text(spans.days, _between(1, 90, " days"))]
Lookback = Annotated[int, _from_text(spans.days, _between(30, 1_095, " days"))]
UpdateTime = Annotated[Update, _from_text(estimation_text.update)]
Since = Annotated[int, _from_text(estimation_text.day)]
Channels = Annotated[list[Annotated[str, _from_text(spans.channel)]], BeforeValidator(_any_number)]
