"""What a person is told: one line of JSON, and nothing that must stay unsaid."""

from __future__ import annotations

import json
import logging

import pytest

from rebalancer.adapters.notify.log import LogNotifier, SilentNotifier
from rebalancer.adapters.notify.several import notifier_for
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import Blocked, Breach, Failed, Held, Notice, Outcome
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
def test_ended__in_any_way__writes_one_line_of_json(
    caplog: pytest.LogCaptureFixture, outcome: Outcome | Exception, level: int, word: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="rebalancer")
    LogNotifier().ended(outcome, None)
    (record,) = caplog.records
    assert record.levelno == level
    assert "\n" not in record.getMessage()
    told = json.loads(record.getMessage())
    assert told["outcome"] == word and "told" not in told
    assert told["detail"]
    assert "the-key" not in record.getMessage()


def test_ended__with_a_notice__says_what_people_are_told(caplog: pytest.LogCaptureFixture) -> None:
    LogNotifier().ended(Halt("nonce 7 was used"), Notice("halted", "nonce 7 was used", urgent=True))
    assert json.loads(caplog.records[0].getMessage())["told"] == "halted"


@pytest.mark.parametrize(
    "notifier", [LogNotifier(), SilentNotifier(), notifier_for((), None)], ids=lambda each: type(each).__name__
)
def test_ended__in_any_way__never_raises(notifier: Notifier) -> None:
    for outcome, _, _ in ENDS:
        notifier.started()
        notifier.ended(outcome, None)


def test_silent_notifier__remembers_what_it_was_told() -> None:
    notifier, notice = SilentNotifier(), Notice("halted", "nonce 7 was used", urgent=True)
    for outcome, _, _ in ENDS:
        notifier.started()
        notifier.ended(outcome, notice if isinstance(outcome, Halt) else None)
    assert notifier.told == [outcome for outcome, _, _ in ENDS]
    assert (notifier.starts, notifier.notices) == (len(ENDS), [notice])
