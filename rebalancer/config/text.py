"""What people write, as integers: "30 %" to a weight, "90 min" to seconds, "0.05 ETH" to wei.

Each parser takes the text and raises ValueError with what it expected. Nothing is rounded: a value
with more places than its unit has is refused, and so is a bare number where its unit could be mistaken.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from rebalancer.market.addresses import checksum_address
from rebalancer.units import ONE, Address, Bps, Ppm, Usd, Wei, Weight

NUMBER = r"(?P<whole>[0-9](?:_?[0-9]){0,29})(?:\.(?P<part>[0-9]{1,30}))?"
SECONDS = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
COIN_PLACES = {"wei": 0, "gwei": 9, "eth": 18}
V3_FEES = {100: "0.01 %", 500: "0.05 %", 3_000: "0.3 %", 10_000: "1 %"}
"""The V3 factory's fee tiers, in millionths."""
V2_FEE = 3_000
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZERO_ADDRESS = "0x" + "0" * 40


class PoolText(NamedTuple):
    """A pool as it stands in the file: two symbols not looked up yet, `fee` in millionths."""

    kind: str
    symbol_a: str
    symbol_b: str
    fee: int


def whole_number(text: str) -> int:
    """A count: "18", "1_000"."""
    found = re.fullmatch(NUMBER, text)
    if found is None or found["part"]:
        raise ValueError("expected a whole number such as `18`")
    return int(found["whole"])


def weight(text: str) -> Weight:
    """A share as 1e18 to the whole."""
    return share(text, Weight(ONE))


def share(text: str, most: Weight) -> Weight:
    """The same, of at most `most`, which is in whole per cent."""
    return Weight(_percent(text, 16, "16 places", most // 10**16))


def bps(text: str, most: int = 100) -> Bps:
    """A share in basis points, of at most `most` %."""
    return Bps(_percent(text, 2, "one basis point (0.01 %)", most))


def ppm(text: str) -> Ppm:
    """A share in parts per million, as the on-chain policy counts."""
    return Ppm(_percent(text, 4, "0.0001 %"))


def drift_sum(text: str) -> Ppm:
    """A sum of distances from the targets: up to 200 %, where everything is to be sold for something else."""
    return Ppm(_percent(text, 4, "0.0001 %", 200))


def share_range(text: str) -> tuple[Ppm, Ppm]:
    """The least and the most of a share: "10 % - 50 %"."""
    low, dash, high = text.partition("-")
    if not dash:
        raise ValueError("expected two percentages such as `10 % - 50 %`")
    found = ppm(low.strip()), ppm(high.strip())
    if found[0] > found[1]:
        raise ValueError("expected the smaller percentage first")
    return found


def price_range(text: str) -> tuple[Usd, Usd]:
    """Two prices, the lower first: "500 USD - 20_000 USD"."""
    low, dash, high = text.partition("-")
    if not dash:
        raise ValueError("expected two prices such as `500 USD - 20_000 USD`")
    found = usd(low.strip()), usd(high.strip())
    if found[0] >= found[1]:
        raise ValueError("expected the lower price first, and the other above it")
    return found


def seconds(text: str) -> int:
    """A duration in seconds, more than none: "1 h", "90 min", "7 d"."""
    found = re.fullmatch(rf"{NUMBER}\s*(?P<unit>s|min|h|d|w)", text)
    if found is None:
        raise ValueError("expected a duration such as `3600 s`, `90 min`, `1 h` or `7 d`")
    scaled = _places(found, 9) * SECONDS[found["unit"]]
    if scaled % 10**9:
        raise ValueError("expected a duration in whole seconds")
    return scaled // 10**9


def usd(text: str) -> Usd:
    """Dollars at 1e18: "100 USD", "1_000", "$50"."""
    found = re.fullmatch(rf"\$?{NUMBER}(?:\s*USD)?", text)
    if found is None:
        raise ValueError("expected an amount of dollars such as `50 USD` or `1_000 USD`")
    return Usd(_places(found, 18))


def wei(text: str) -> Wei:
    """Native coin: "30 gwei", "0.05 ETH"."""
    found = re.fullmatch(rf"{NUMBER}\s*(?P<unit>wei|gwei|eth)", text, re.IGNORECASE)
    if found is None:
        raise ValueError("expected an amount of the chain's coin such as `30 gwei` or `0.05 ETH`")
    return Wei(_places(found, COIN_PLACES[found["unit"].lower()]))


def base_units(text: str, decimals: int) -> int:
    """Of a token with so many decimals, more than none, exactly: "1_000", "0.5"."""
    found = re.fullmatch(NUMBER, text)
    if found is None:
        raise ValueError("expected an amount in whole tokens such as `1_000` or `0.5`")
    raw = _places(found, decimals)
    if raw == 0:
        raise ValueError("expected more than none")
    return raw


def address(text: str) -> Address:
    """An account in its EIP-55 form, and in no other: the mixed case is what catches a typing error."""
    try:
        right = checksum_address(text)
    except ValueError:
        raise ValueError("expected an address: 0x and 40 hex digits, in EIP-55 mixed case") from None
    if right == ZERO_ADDRESS:
        raise ValueError("expected an address that is not zero")
    if text != right:
        raise ValueError(f"the EIP-55 checksum is wrong: compare it with its source; as it stands it is {right}")
    return right


def pool(text: str) -> PoolText:
    """A Uniswap pool: "v3 USDC/WETH 0.05 %", "v2 USDC/WETH"."""
    found = re.fullmatch(r"(?P<kind>v2|v3)\s+(?P<a>[^\s/]+)\s*/\s*(?P<b>[^\s/]+)(?:\s+(?P<fee>\S.*))?", text)
    if found is None:
        raise ValueError("expected a pool such as `v3 USDC/WETH 0.05 %` or `v2 USDC/WETH`")
    if found["a"] == found["b"]:
        raise ValueError("expected two different tokens in a pool")
    return PoolText(found["kind"], found["a"], found["b"], _fee(found["kind"], found["fee"]))


def hours(text: str) -> tuple[int, int]:
    """A time window of the day as [start, end) in seconds: "08:00-17:00". It may run over midnight."""
    found = re.fullmatch(r"([0-9]{2}):([0-9]{2})\s*-\s*([0-9]{2}):([0-9]{2})", text)
    wrong = ValueError("expected hours in UTC such as `08:00-17:00`")
    if found is None:
        raise wrong
    start_hour, start_minute, end_hour, end_minute = map(int, found.groups())
    start, end = start_hour * 3_600 + start_minute * 60, end_hour * 3_600 + end_minute * 60
    if max(start_minute, end_minute) > 59 or start >= 86_400 or end > 86_400:
        raise wrong
    if start == end:
        raise ValueError("expected hours that start and end at different times; leave `hours` out for the whole day")
    return start, end


def day(text: str) -> int:
    """A day of the week, 0 is Monday."""
    if text not in DAYS:
        raise ValueError(f"expected a day: one of {', '.join(DAYS)}")
    return DAYS.index(text)


def url(text: str) -> str:
    """The URL of a node, as it is. It is in no message: it may be a key."""
    scheme, found, rest = text.partition("://")
    if not found or scheme not in ("http", "https") or not rest or any(c.isspace() for c in text):
        raise ValueError("expected a URL that starts with http:// or https:// (its text is not shown: it may be a key)")
    return text


def api_key(text: str) -> str:
    """What a venue is asked with, as it is: it goes into a header. It is in no message."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("expected a key of letters, digits and signs without a space (its text is not shown)")
    return text


def ledger(text: str) -> str:
    """A path, or a URL that keeps what it is told: SQLite in memory does not."""
    scheme, found, rest = text.partition("://")
    if not found and "@" in text:
        raise ValueError(
            "expected `postgresql+psycopg://…` in front of a user and a host, or a file without an @ in its name (its "
            "text is not shown: it may hold a password)"
        )
    if not text.isprintable():
        raise ValueError("expected a file whose name has no control characters (its text is not shown)")
    if found and not scheme.startswith(("sqlite", "postgresql")):
        raise ValueError("expected a file, `sqlite:///FILE`, or `postgresql+psycopg://…` (its text is not shown)")
    if rest.strip("/") in ("", ":memory:") and scheme.startswith("sqlite") and found:
        raise ValueError("expected a file: a ledger in memory forgets what was sent")
    return text


def is_symbol(text: str) -> bool:
    """Short, and without what would end it inside a pool's name."""
    return 0 < len(text) <= 20 and text.isprintable() and not set(text) & set(" /")


def switch(text: str) -> bool:
    """`true` or `false`, and none of YAML's other words for them."""
    if text not in ("true", "false"):
        raise ValueError("expected true or false")
    return text == "true"


def show_percent(value: Weight) -> str:
    """A weight as people write it, exactly."""
    whole, part = divmod(value, 10**16)
    return f"{whole}.{part:016d}".rstrip("0").rstrip(".") + " %"


def _percent(text: str, places: int, finest: str, most: int = 100) -> int:
    """`text` times 10**places; at most `most` %."""
    found = re.fullmatch(rf"{NUMBER}\s*%", text)
    if found is None:
        bare = re.fullmatch(NUMBER, text)
        hint = f"; a bare {text} could mean two things" if bare else ""
        raise ValueError(f"expected a percentage such as `30 %`{hint}")
    scaled = _places(found, places, finest)
    if scaled > most * 10**places:
        raise ValueError(f"expected at most {most} %")
    return scaled


def _places(found: re.Match[str], places: int, finest: str = "") -> int:
    """The matched number times 10**places, exactly."""
    whole: str = found["whole"]
    part: str = (found["part"] or "").rstrip("0")
    if len(part) > places:
        raise ValueError(f"expected nothing finer than {finest or f'{places} places'}")
    return int(f"{whole}{part}{'0' * (places - len(part))}")


def _fee(kind: str, text: str | None) -> int:
    if kind == "v2":
        if text is not None:
            raise ValueError("expected no fee: every V2 pool takes 0.3 %")
        return V2_FEE
    tiers = {written.replace(" ", ""): fee for fee, written in V3_FEES.items()}
    fee = tiers.get((text or "").replace(" ", ""))
    if fee is None:
        raise ValueError(f"expected the fee of a V3 pool: one of {', '.join(V3_FEES.values())}")
    return fee
