"""What a person is told: one line of JSON, and nothing that must stay unsaid."""

from __future__ import annotations

import json
import logging

import pytest

from rebalancer.adapters.notify.log import LogNotifier, SilentNotifier
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Blocked, Breach, Failed, Held, Outcome
from rebalancer.ports import Notifier

ENDS: list[tuple[Outcome | Exception, int, str]] = [
    (Held("within the bands"), logging.INFO, "held"),
    (Blocked((Breach("max_cost", "2 %", "1 %"),)), logging.WARNING, "blocked"),
    (Failed("intent", "0xabc", "Too little received"), logging.WARNING, "failed"),
    (Unavailable("node.example: no answer within 10 s"), logging.WARNING, "Unavailable"),
    (ConfigError("tokens.USDC.decimals: 18, expected 6"), logging.WARNING, "ConfigError"),
    (Halt("nonce 7 was used"), logging.WARNING, "Halt"),
    (RuntimeError("https://node.example/v3/the-key"), logging.ERROR, "RuntimeError"),
]


@pytest.mark.parametrize(("outcome", "level", "word"), ENDS, ids=lambda v: v if isinstance(v, str) else "")
def test_tell__of_any_end__writes_one_line_of_json(
    caplog: pytest.LogCaptureFixture, outcome: Outcome | Exception, level: int, word: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="rebalancer")
    LogNotifier().tell(outcome)
    (record,) = caplog.records
    assert record.levelno == level
    assert "\n" not in record.getMessage()
    told = json.loads(record.getMessage())
    assert told["outcome"] == word
    assert told["detail"]
    assert "the-key" not in record.getMessage()


@pytest.mark.parametrize("notifier", [LogNotifier(), SilentNotifier()], ids=["log", "silent"])
def test_tell__of_any_end__never_raises(notifier: Notifier) -> None:
    for outcome, _, _ in ENDS:
        notifier.tell(outcome)


def test_silent_notifier__remembers_what_it_was_told() -> None:
    notifier = SilentNotifier()
    for outcome, _, _ in ENDS:
        notifier.tell(outcome)
    assert notifier.told == [outcome for outcome, _, _ in ENDS]
