"""What goes wrong before a tick has begun is told like all else; and who only opens the ledger needs no node's URL."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from given_channels import Channel, channel
from given_config import OPERATOR, RIGHT, SAFE, USDC, written

from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.words import Identity
from rebalancer.cli import run
from rebalancer.config import read_settings
from rebalancer.core.errors import ConfigError
from rebalancer.wire import make_ports

OURS = Identity(1, SAFE, OPERATOR)
HIDDEN = """\
execution:
  relay: https://relay.example/${RELAY_KEY}
notify:
  urls: ["${NOTIFY_URL}", "mailtos://user:${MAIL_PASSWORD}@mail.example"]
  ping: ${PING_URL}
"""


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def heard() -> Iterator[tuple[Channel, Channel]]:
    """A person's channel, and a dead man's switch."""
    with channel() as person, channel() as switch:
        yield person, switch


def _damaged(path: Path) -> None:
    path.write_text("a recipe, not a ledger\n" * 100)


def _newer(path: Path) -> None:
    IdleLedger(f"sqlite:///{path}", OURS).close()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE ledger_schema SET version = 99")


def _anothers(path: Path) -> None:
    IdleLedger(f"sqlite:///{path}", replace(OURS, wallet=USDC)).close()


@pytest.mark.parametrize(
    ("live", "spoil", "end"),
    [
        ("true", _damaged, (5, "halted: a person must look")),
        ("true", _newer, (2, "the configuration must be mended")),
        ("true", _anothers, (2, "the configuration must be mended")),
        ("false", None, (2, "the configuration must be mended")),
    ],
)
def test_run__that_cannot_begin__tells_people_once_and_the_switch_each_time(
    tmp_path: Path, heard: tuple[Channel, Channel], live: str, spoil: object, end: tuple[int, str]
) -> None:
    person, switch = heard
    if callable(spoil):
        spoil(tmp_path / "ledger.db")
    notify = f"notify:\n  urls: ['{person.url('json')}']\n  ping: {switch.url()}\n"
    config = written(tmp_path, f"{RIGHT}live: {live}\nledger: ledger.db\n{notify}")
    for _ in range(2):
        assert run(["run", "--live", "--config", str(config)]) == end[0]
    assert [json.loads(body)["title"] for _, body in person.seen] == [end[1]]
    assert switch.paths == ["/start", "/fail", "/start", "/fail"]


def test_run__without_its_server__tells_people_once_and_the_switch_each_time(
    tmp_path: Path, heard: tuple[Channel, Channel]
) -> None:
    person, switch = heard
    notify = f"notify:\n  urls: ['{person.url('json')}']\n  ping: {switch.url()}\n"
    config = written(tmp_path, f"{RIGHT}ledger: postgresql+psycopg://127.0.0.1:1/none\n{notify}")
    for _ in range(2):
        assert run(["run", "--config", str(config)]) == 3
    assert len(person.seen) == 1 and switch.paths == ["/start", "/fail", "/start", "/fail"]


def test_halt_history_and_resume__without_the_variables_of_nodes_and_channels__open_the_ledger(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rpc = "['${ETH_RPC_URL}', '${SECOND_URL}']\n  quorum: 2"
    config = str(written(tmp_path, RIGHT.replace("https://node.example/v2/topsecret", rpc) + HIDDEN))
    assert run(["halt", "--why", "the market looks odd", "--config", config]) == 0
    assert run(["history", "--json", "--config", config]) == 0
    assert "the market looks odd" in capsys.readouterr().out
    assert run(["resume", "--why", "it was nothing", "--config", config]) == 0
    assert run(["run", "--config", config]) == ConfigError.exit_code
    assert "the environment variable ETH_RPC_URL is not set" in capsys.readouterr().err


def test_status__without_the_variables__shows_the_ledger_and_then_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rebalancer.adapters.chain.rpc.PAUSES", ())
    config = str(written(tmp_path, RIGHT.replace("https://node.example/v2/topsecret", "${ETH_RPC_URL}")))
    assert run(["halt", "--why", "the market looks odd", "--config", config]) == 0
    assert run(["status", "--config", config]) == 3
    said = capsys.readouterr()
    assert "the market looks odd" in said.out and "eth-rpc-url-is-not-set.invalid" in said.err


def test_read_settings__offline__still_wants_what_is_not_of_the_network(tmp_path: Path) -> None:
    text = RIGHT.replace(SAFE, "${SAFE}") + "ledger: postgresql+psycopg://u:${PGPASSWORD}@host/x\n"
    with pytest.raises(ConfigError, match="PGPASSWORD is not set") as caught:
        read_settings(written(tmp_path, text), {}, offline=True)
    assert "SAFE is not set" in str(caught.value)


@pytest.mark.parametrize("command", ["halt", "resume"])
def test_person__whose_words_are_no_text__is_asked_for_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert run([command, "--why", "caf\udce9", "--config", str(written(tmp_path))]) == ConfigError.exit_code
    assert "--why holds bytes that are no UTF-8 text" in capsys.readouterr().err


def test_make_ports__with_a_relay_that_nothing_can_be_sent_to__names_its_key(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, f"{RIGHT}execution:\n  relay: https:///secret\n"))
    with pytest.raises(ConfigError, match="execution.relay is no http or https URL") as caught:
        make_ports(settings)
    assert "secret" not in str(caught.value)
