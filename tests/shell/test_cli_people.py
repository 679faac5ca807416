"""What the commands say to people: a test of the channels, warnings on standard error, a password that is asked for."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from given_channels import SECRET, Channel, channel
from given_config import RIGHT, written

from rebalancer.cli import run
from rebalancer.cli.ask import settings_here
from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def person() -> Iterator[Channel]:
    with channel() as opened:
        yield opened


def _told(folder: Path, *urls: str) -> Path:
    return written(folder, f"{RIGHT}notify:\n  urls: {json.dumps(urls)}\n")


def test_tell__with_channels__reaches_each(person: Channel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = _told(tmp_path, person.url("json"))
    assert run(["tell", "the disk was full", "--config", str(config)]) == 0
    content = json.loads(person.seen[0][1])
    assert (content["title"], content["message"]) == ("rebalancer: rebalancer", "the disk was full")
    assert run(["tell", "--json", "--config", str(config)]) == 0
    said = capsys.readouterr()
    assert "Told 1 channel" in said.out and said.out.endswith('{"told": 1}\n')
    assert SECRET not in said.out + said.err


def test_tell__where_one_does_not_take_it__ends_with_3_and_says_which(
    person: Channel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person.answers = [500]
    assert run(["tell", "--config", str(_told(tmp_path, person.url("json"), person.url("json")))]) == 3
    said = capsys.readouterr()
    assert re.search(r"warning: notify: channel [12] \(json\): the channel did not take it", said.err)
    assert "1 of 2 channels did not take it" in said.err
    assert SECRET not in said.out + said.err


def test_tell__where_nobody_is_configured__says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tell", "--config", str(written(tmp_path))]) == ConfigError.exit_code
    assert "notify.urls is empty" in capsys.readouterr().err


def test_warnings__of_the_parts__are_on_standard_error_and_the_line_of_the_tick_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REBALANCER_PASSWORD", "battery staple")
    keystore = tmp_path / "missing" / "key.json"
    before = list(logging.getLogger("rebalancer").handlers)
    assert run(["operator", "new", "--keystore", str(keystore)]) == ConfigError.exit_code
    said = capsys.readouterr()
    assert said.err.startswith("warning: the keystore's password comes from REBALANCER_PASSWORD")
    assert "battery staple" not in said.out + said.err
    left = [h for h in logging.getLogger("rebalancer").handlers if h not in before]
    assert not [h for h in left if isinstance(h, logging.StreamHandler)], "a second command would warn twice"


def test_settings_here__without_a_terminal__asks_nobody(tmp_path: Path) -> None:
    config = written(tmp_path)
    with open(os.devnull) as nothing, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", nothing)
        assert settings_here(config) == read_settings(config)


def test_settings_here__at_a_terminal__asks_for_the_password_and_does_not_show_it(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from rebalancer.cli.ask import settings_here\n"
        "settings = settings_here(Path(sys.argv[1]))\n"
        "sys.exit(0 if settings.wallet.password() == 'battery staple' else 1)\n"
    )
    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "REBALANCER_PASSWORD"}
    command = [sys.executable, "-c", program, str(written(tmp_path))]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as asking:
        os.close(theirs)
        seen = b""
        while b"Password of the operator's keystore: " not in seen:
            seen += os.read(ours, 1_000)
        time.sleep(0.2)  # what is typed before the echo is off would be shown
        os.write(ours, b"battery staple\n")
        assert asking.wait(20) == 0
    os.close(ours)
    assert b"battery" not in seen
