"""People are told through real channels of apprise, each in a process of its own, and no secret leaves it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from given_channels import SECRET, Channel, channel
from given_config import written

from rebalancer.adapters.notify.people import LONGEST, PeopleNotifier
from rebalancer.adapters.notify.several import notifier_for
from rebalancer.adapters.notify.stamp import SILENCE, Stamp
from rebalancer.config import read_settings
from rebalancer.core.errors import Halt
from rebalancer.core.model import Held, Notice

NOTICE = Notice("rebalancer: halted", "nonce 7 was used by 0xabc; look, then resume", urgent=True)


@pytest.fixture
def person() -> Iterator[Channel]:
    with channel() as opened:
        yield opened


def test_ended__with_a_notice__tells_every_channel(person: Channel) -> None:
    with channel() as other:
        PeopleNotifier((person.url("json"), other.url("json"))).ended(Halt("nonce 7"), NOTICE)
        for told in (person, other):
            ((path, body),) = told.seen
            content = json.loads(body)
            assert path.startswith(f"/{SECRET}")
            assert (content["title"], content["message"], content["type"]) == (NOTICE.title, NOTICE.body, "failure")


def test_ended__with_a_notice_that_nobody_must_act_on__is_told_as_information(person: Channel) -> None:
    PeopleNotifier((person.url("json"),)).ended(Held("as it should"), Notice("settled", "all of it", urgent=False))
    assert json.loads(person.seen[0][1])["type"] == "info"


def test_ended__of_what_no_ledger_remembers__is_told_once_a_day(
    person: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stamp = tmp_path / "state" / "1-0xabc.told"

    def tick(notice: Notice) -> int:
        PeopleNotifier((person.url("json"),), stamp=Stamp(stamp)).ended(Halt("x"), notice)
        return len(person.seen)

    blind, other = replace(NOTICE, remembered=False), replace(NOTICE, body="other words", remembered=False)
    assert [tick(blind), tick(blind), tick(other), tick(blind), tick(other)] == [1, 1, 2, 2, 2]
    assert tick(NOTICE) == 3, "the ledger knows better"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + SILENCE + 2)
    assert [tick(blind), tick(blind)] == [4, 4]
    stamp.write_text('[{"not": "ours"}]')
    assert tick(blind) == 5
    assert "nonce" not in stamp.read_text()


def test_ended__of_what_nobody_took__is_told_again(person: Channel, tmp_path: Path) -> None:
    person.answers = [500]
    for _ in range(2):
        stamp = Stamp(tmp_path / "told")
        PeopleNotifier((person.url("json"),), stamp=stamp).ended(Halt("x"), replace(NOTICE, remembered=False))
    assert len(person.seen) == 2


def test_ended__where_nothing_can_be_remembered__is_told(person: Channel) -> None:
    stamp = Stamp(Path("/proc/nothing/told"))
    PeopleNotifier((person.url("json"),), stamp=stamp).ended(Halt("x"), replace(NOTICE, remembered=False))
    assert len(person.seen) == 1


def test_channel__at_work__inherits_the_way_out_and_no_secret(
    person: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REBALANCER_PASSWORD", "battery staple")
    settings = read_settings(written(tmp_path), {**os.environ, "SECRET_URL": "topsecret", "no_proxy": "127.0.0.1"})
    notifier = PeopleNotifier((person.url("json"),), settings.way_out)
    person.hold = threading.Event()
    telling = threading.Thread(target=notifier.tell, args=(NOTICE,))
    telling.start()
    while not person.seen:
        time.sleep(0.05)
    asked = ["pgrep", "-P", str(os.getpid()), "-f", "channel.py"]
    children = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    inherited = Path(f"/proc/{children[0]}/environ").read_bytes()
    person.hold.set()
    telling.join()
    assert b"no_proxy=127.0.0.1" in inherited
    assert b"battery" not in inherited and b"topsecret" not in inherited


def test_ended__without_a_notice__tells_nobody(person: Channel) -> None:
    notifier = PeopleNotifier((person.url("json"),))
    notifier.started()
    notifier.ended(Halt("the same halt as before"), None)
    assert person.seen == []


def test_ended__with_one_channel_that_fails__tells_the_others_and_logs_which_without_its_url(
    person: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with channel() as broken:
        broken.answers = [500]
        PeopleNotifier((broken.url("json"), SECRET, person.url("json"))).ended(Halt("nonce 7"), NOTICE)
    assert len(person.seen) == 1
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "notify: channel 1 (json): the channel did not take it; look at notify.urls",
        "notify: channel 2 (no URL): the channel's kind or address is not understood; look at notify.urls",
    ]
    assert SECRET not in caplog.text


def test_ended__with_a_channel_that_hangs__is_over_within_the_limit_and_leaves_no_process(
    person: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with channel() as hanging:
        hanging.hold = threading.Event()
        before = time.monotonic()
        # Long enough for the other one to start on a busy machine; the library itself would wait for a minute.
        PeopleNotifier((f"{hanging.url('json')}?rto=60", person.url("json")), limit=12).ended(Halt("nonce 7"), NOTICE)
        assert 12 <= time.monotonic() - before < 20
    assert len(person.seen) == 1, "the other channel was told meanwhile"
    assert "channel 1 (json): not done within 12 s" in caplog.text
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children")
    assert not children.exists() or children.read_text() == ""


def test_tell__a_notice_longer_than_channels_take__is_cut(person: Channel) -> None:
    assert PeopleNotifier((person.url("json"),)).tell(Notice("long", "\N{SNOWMAN}" * 100_000, urgent=False)) == ()
    assert json.loads(person.seen[0][1])["message"] == "\N{SNOWMAN}" * LONGEST


def test_examine__of_channels__sends_nothing_and_names_the_one_that_is_not_understood(person: Channel) -> None:
    notifier = PeopleNotifier((person.url("json"), f"jsonn://127.0.0.1/{SECRET}", f"{person.url('json')},{SECRET}://x"))
    first, *rest = notifier.examine()
    assert first == ("notify: channel 2 (jsonn): the channel's kind or address is not understood; look at notify.urls")
    assert len(rest) <= 1 and SECRET not in first + "".join(rest) + repr(notifier)
    assert person.seen == []


def test_channel__at_work__has_its_url_in_no_process_list(person: Channel) -> None:
    person.hold = threading.Event()
    notifier = PeopleNotifier((person.url("json"),), limit=20)
    telling = threading.Thread(target=notifier.tell, args=(NOTICE,))
    telling.start()
    while not person.seen:
        time.sleep(0.05)
    shown = subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout
    person.hold.set()
    telling.join()
    assert "channel.py" in shown and SECRET not in shown


def test_notifier_for__people_and_a_switch__tells_people_before_the_switch_hears_of_the_end(person: Channel) -> None:
    notifier = notifier_for((person.url("json"),), person.url())
    notifier.started()
    notifier.ended(Halt("nonce 7"), NOTICE)
    assert person.paths[-2:] == ["", "/fail"] and "/start" in person.paths
    assert [body for path, body in person.seen if "/fail" in path] == [b"Halt"]


def test_notifiers__on_the_path_of_a_tick_without_a_notice__import_no_apprise() -> None:
    program = (
        "import sys\n"
        "from rebalancer.adapters.notify.several import notifier_for\n"
        "from rebalancer.core.model import Held\n"
        "notifier = notifier_for(('json://127.0.0.1:1/x',), None)\n"
        "notifier.started()\n"
        "notifier.ended(Held('within the bands'), None)\n"
        "sys.exit('apprise' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == 0
