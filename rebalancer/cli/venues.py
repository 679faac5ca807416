"""`rebalancer venues`: who can be asked for quotes, and who of them this portfolio asks. Asks nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rebalancer.config import read_settings
from rebalancer.wire import known_venues

HEAD = ("venue", "asked", "key", "chains", "one request in")


def show_venues(config: Path, as_json: bool) -> int:
    """The table, or one JSON object. ConfigError where the file is wrong."""
    settings = read_settings(config, offline=True)
    own = {"name": "uniswap", "asked": True, "key": "none", "chains": [settings.chain_id], "seconds": None}
    found: list[dict[str, Any]] = [{**own, "host": None, "router": None}]
    for venue, asked in known_venues(settings):
        found.append(
            {
                "name": venue.name,
                "asked": asked,
                "key": venue.key,
                "chains": list(venue.chains),
                "seconds": f"{venue.manners.interval:g}",
                "host": venue.base.removeprefix("https://"),
                "router": venue.router,
            }
        )
    if as_json:
        from rebalancer.cli.as_json import emit

        emit({"venues": found})
    else:
        from rebalancer.cli.show import show_table

        show_table("Venues", HEAD, [_row(one) for one in found])
    return 0


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    chains = ", ".join(map(str, one["chains"]))
    limit = "no time: it asks nobody" if one["seconds"] is None else f"{one['seconds']} s"
    return one["name"], "yes" if one["asked"] else "no", one["key"], chains, limit
