"""`rebalancer venues`: who can be asked for quotes, whom this portfolio asks, and when each had an answer last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rebalancer.config import Settings, read_settings
from rebalancer.core.competition import OWN
from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import Heard
from rebalancer.wire import known_venues, open_ledger

HEAD = ("venue", "asked", "key", "chains", "one request in", "last answer")
_OURS = "uniswap"
"""The own router: it asks nobody, and is on record as the plan on its own routes."""


def show_venues(config: Path, as_json: bool) -> int:
    """The table, or one JSON object. ConfigError where the file is wrong."""
    settings = read_settings(config, offline=True)
    own = {"name": _OURS, "asked": True, "key": "none", "chains": [settings.chain_id]}
    found: list[dict[str, Any]] = [own | {"orders": False, "seconds": None, "host": None, "router": None}]
    asked = {one.name: one for one in settings.outside}
    for venue, _ in known_venues(settings):
        ours = asked.get(venue.name)
        keyed = venue.with_key if ours is not None and ours.key is not None else None
        base, manners = keyed or (venue.base, venue.manners)
        found.append(
            {
                "name": venue.name,
                "asked": ours is not None,
                "key": venue.key,
                "chains": list(venue.chains),
                "orders": venue.orders,
                "seconds": f"{manners.interval:g}",
                "host": _host(base if ours is None else ours.url or base),
                "router": venue.router if ours is None else ours.router or venue.router,
            }
        )
    heard, unread = _heard(settings, [one["name"] for one in found])
    if as_json:
        from rebalancer.cli.as_json import emit

        emit({"venues": [one | _heard_object(heard.get(one["name"])) for one in found], "ledger_unread": unread})
    else:
        _show(found, heard, unread)
    return 0


def _host(url: str) -> str:
    """And nothing else: a key may stand in all the rest."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2]


def _heard(settings: Settings, names: Sequence[str]) -> tuple[Mapping[str, Heard], str | None]:
    """By their names, and why the ledger cannot be read, where it cannot: who can be asked is known without it."""
    try:
        heard = open_ledger(settings).heard([OWN if name == _OURS else name for name in names])
    except RebalancerError as error:
        return {}, str(error)
    return dict(zip(names, heard, strict=True)), None


def _show(found: Sequence[dict[str, Any]], heard: Mapping[str, Heard], unread: str | None) -> None:
    from rebalancer.cli.show import moment, show_line, show_table

    show_table("Venues", HEAD, [_row(one, heard.get(one["name"])) for one in found])
    for one in found:
        if one["host"] is not None:
            how = "orders, filled by" if one["orders"] else "trades through"
            show_line(one["name"], f"at {one['host']}, {how} {one['router']}")
        its = heard.get(one["name"])
        if its is not None and its.refused_at is not None:
            show_line(one["name"], f"refused last at {moment(its.refused_at)} UTC: {its.refused}")
    if unread is not None:
        show_line("when they had answers is not known", unread)


def _row(one: dict[str, Any], heard: Heard | None) -> tuple[str, ...]:
    from rebalancer.cli.show import moment

    last = "?" if heard is None else "never" if heard.counted_at is None else moment(heard.counted_at)
    limit = "no time" if one["seconds"] is None else f"{one['seconds']} s"
    return one["name"], "yes" if one["asked"] else "no", one["key"], ", ".join(map(str, one["chains"])), limit, last


def _heard_object(heard: Heard | None) -> dict[str, Any]:
    return {
        "last_answer_at": None if heard is None else heard.counted_at,
        "last_refusal_at": None if heard is None else heard.refused_at,
        "last_refusal": None if heard is None else heard.refused,
    }
