"""`tell`: a notice to every configured channel, so that a person knows before the first halt that it will be heard."""

from __future__ import annotations

from pathlib import Path

from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Notice
from rebalancer.wire import make_people


def tell_people(config: Path, words: str, as_json: bool) -> int:
    """Sends `words`. ConfigError where there is nobody to tell, Unavailable where a channel did not take it."""
    settings = read_settings(config)
    if not settings.notify_urls:
        raise ConfigError(f"{config}: notify.urls is empty, expected at least one URL of a channel: nobody is told")
    problems = make_people(settings).tell(Notice(f"rebalancer: {settings.path.stem}", words, urgent=False))
    count = len(settings.notify_urls)
    if problems:
        raise Unavailable(f"{len(problems)} of {count} channels did not take it; the warnings above say why")
    if as_json:
        from rebalancer.cli.as_json import emit

        emit({"told": count})
    else:
        print(f"Told {count} {'channel' if count == 1 else 'channels'}: look whether it has arrived.")
    return 0
