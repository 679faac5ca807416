"""What people write about limits over time and about channels, as integers and URLs: "15 % in 1 d", "7 d"."""

from __future__ import annotations

import re
from typing import NamedTuple

from rebalancer.config import text as plain
from rebalancer.units import Bps

DAY = 86_400


class ShareInTime(NamedTuple):
    """A share in basis points, and the seconds over which it counts; none where it is switched off."""

    share: Bps
    seconds: int


def share_in_time(text: str) -> ShareInTime:
    """A share within a time: "15 % in 1 d"."""
    return _share_and_time(text, "in", "`15 % in 1 d`")


def ramp(text: str) -> ShareInTime:
    """A share for a time in whole days, "5 % for 3 d", or "off"."""
    if text == "off":
        return ShareInTime(Bps(0), 0)
    share, time = _share_and_time(text, "for", "`5 % for 3 d`, or `off`")
    if time == 0:
        raise ValueError("expected a time of at least 1 d; `off` is no ramp at all")
    return ShareInTime(share, days(f"{time} s") * DAY)


def paper(text: str) -> int:
    """Whole days on paper, "14 d", or "off"."""
    if text == "off":
        return 0
    if not (count := days(text)):
        raise ValueError("expected a time of at least 1 d; `off` asks for none")
    return count


def days(text: str) -> int:
    """A duration in whole days: "7 d"."""
    count, rest = divmod(plain.seconds(text), DAY)
    if rest:
        raise ValueError("expected a time in whole days such as `7 d`")
    return count


def turnover(text: str) -> Bps:
    """A share that may be more than the whole: "150 %"."""
    return plain.bps(text, 1_000)


def channel(text: str) -> str:
    """A URL of Apprise's, as it is. It is in no message: it holds the channel's key."""
    scheme, found, rest = text.partition("://")
    if not found or not re.fullmatch("[a-z][a-z0-9]*", scheme) or not rest or any(c.isspace() for c in text):
        raise ValueError(
            "expected a URL of Apprise's such as `mailtos://…` or `tgram://…` (its text is not shown: it holds a key)"
        )
    return text


def _share_and_time(text: str, word: str, example: str) -> ShareInTime:
    share, found, time = text.partition(f" {word} ")
    if not found:
        raise ValueError(f"expected a percentage and a time such as {example}")
    return ShareInTime(plain.bps(share.strip()), plain.seconds(time.strip()))
