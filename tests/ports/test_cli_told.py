"""Whole ticks on the replica, and who hears of them: a person's channel, a dead man's switch, and nobody else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest
from given_channels import SECRET, Channel, channel
from given_keeper import Keeper, bring_on_target, ended, started


@pytest.fixture
def person() -> Iterator[Channel]:
    with channel() as opened:
        yield opened


@pytest.fixture
def switch() -> Iterator[Channel]:
    with channel() as opened:
        yield opened


@pytest.fixture
def told(keeper: Keeper, person: Channel, switch: Channel) -> Keeper:
    """A live keeper that tells both."""
    keeper.go_live()
    notify = f"notify:\n  urls: ['{person.url('json')}']\n  ping: {switch.url()}\n"
    keeper.config.write_text(keeper.config.read_text() + notify)
    return keeper


def _heard(person: Channel) -> list[tuple[str, str]]:
    contents = [json.loads(body) for _, body in person.seen]
    return [(content["title"], content["type"]) for content in contents]


def test_run__that_settles__tells_the_person_and_the_switch_once(
    told: Keeper, person: Channel, switch: Channel
) -> None:
    assert told.command("run", "--live", "--json").json["outcome"] == "settled"
    assert _heard(person) == [("rebalanced", "info")]
    assert told.asked("SELECT tx FROM ticks")[0][0] in json.loads(person.seen[0][1])["message"]
    assert told.command("run", "--live", "--json").json["outcome"] == "held"
    assert len(person.seen) == 1
    assert switch.paths == ["/start", "", "/start", ""]
    assert [body for _, body in switch.seen] == [b"", b"settled", b"", b"held"]


def test_run__with_a_key_for_another_chain__sends_nothing_and_the_person_hears_of_it_once(
    told: Keeper, person: Channel, switch: Channel
) -> None:
    path = told.folder / "operator.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"rebalancer": {"chain": 5, "address": told.operator.address}}))
    for _ in range(2):
        done = told.command("run", "--live")
        assert done.code == 2 and "its key is for chain 5, expected chain 1; nothing was signed" in done.said
    assert told.sent() == 0
    assert _heard(person) == [("the configuration must be mended", "failure")]
    assert switch.paths == ["/start", "/fail", "/start", "/fail"]


def test_run__with_channels_that_hang_or_refuse__ends_as_without_them_and_shows_no_secret(
    told: Keeper, person: Channel, switch: Channel
) -> None:
    person.answers, switch.hold = [500], threading.Event()
    before = time.monotonic()
    done = ended(started("run", "--live", "--config", str(told.config)))
    assert time.monotonic() - before < 40
    assert done.code == 0 and done.out.startswith("settled: ")
    assert "warning: notify: channel 1 (json): the channel did not take it" in done.err
    assert "warning: ping: 127.0.0.1: " in done.err
    assert SECRET not in done.said + json.dumps(told.rows())


def test_check__with_channels__says_that_they_are_understood_and_tells_nobody(
    told: Keeper, person: Channel, switch: Channel
) -> None:
    bring_on_target(told)
    done = told.command("check", "--json")
    seen = {finding["check"]: finding["seen"] for finding in done.json["checks"]}
    assert done.code == 0 and seen["people"] == "1 channel, understood; nothing was sent"
    assert seen["operator key"] == f"opens, of {told.operator.address}, for chain 1"
    told.edit(person.url("json"), f"nobody://{SECRET}")
    wrong = told.command("check")
    assert wrong.code == 2 and "not understood" in wrong.said and SECRET not in wrong.said
    assert person.seen == [] and switch.seen == []
