"""How commands end where nobody takes what they say: a full disk, a reader that has gone, letters that do not fit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rebalancer.cli import run

COMMAND = (sys.executable, "-m", "rebalancer")
FULL = Path("/dev/full")
SAYS = [("bound",), ("bound", "--json"), ("prices", "--help")]
MARKET = ("--synthetic", "3", "--from", "2020-01-01", "--to", "2020-03-30")


def environment(**more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"} | more


def ended(arguments: tuple[str, ...], out: int, **more: str) -> tuple[int, str]:
    """The exit code, and what is on standard error."""
    done = subprocess.run(
        [*COMMAND, *arguments], env=environment(**more), stdout=out, stderr=subprocess.PIPE, text=True
    )
    return done.returncode, done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", SAYS, ids=" ".join)
def test_output__on_a_full_disk__ends_with_2_and_says_why(arguments: tuple[str, ...], unbuffered: str) -> None:
    with FULL.open("w") as full:
        code, said = ended(arguments, full.fileno(), PYTHONUNBUFFERED=unbuffered)
    assert code == 2 and said.startswith("ConfigError: standard output cannot be written: No space left on device")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", SAYS, ids=" ".join)
def test_output__whose_reader_has_gone__ends_as_shells_have_it_without_a_word(
    arguments: tuple[str, ...], unbuffered: str
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        assert ended(arguments, gone.fileno(), PYTHONUNBUFFERED=unbuffered) == (141, "")


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output__on_a_full_disk_of_a_command_that_failed__has_its_own_code_and_words(unbuffered: str) -> None:
    with FULL.open("w") as full:
        code, said = ended(("tell", "--json", "--config", "none.yaml"), full.fileno(), PYTHONUNBUFFERED=unbuffered)
    assert code == 2 and said.startswith("ConfigError: none.yaml: no such file") and "Traceback" not in said


def test_output__both_are_closed__ends_as_ever() -> None:
    command = f"{sys.executable} -m rebalancer bound >&- 2>&-"
    assert subprocess.run(command, shell=True, env=environment()).returncode == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output__in_few_letters__escapes_the_others(encoding: str) -> None:
    done = subprocess.run(
        [*COMMAND, "backtest", *MARKET, "--band", "5 %"],
        env=environment(PYTHONIOENCODING=encoding, OPENBLAS_NUM_THREADS="1"),
        capture_output=True,
    )
    assert done.returncode == 0 and done.stderr == b""
    assert "What this does not show" in done.stdout.decode(encoding)


def test_output__of_json_in_few_letters__is_json(tmp_path: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "sweep", *MARKET, "--band", "5 %", "--fee", "0.3 %", "--json"],
        env=environment(PYTHONIOENCODING="ascii", OPENBLAS_NUM_THREADS="1"),
        capture_output=True,
    )
    assert done.returncode == 0 and json.loads(done.stdout)["configurations"]


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (("run", "--never"), "rebalancer run"),
        (("prices", "synthetic", "--never"), "rebalancer prices synthetic"),
        (("run", "--anew"), "rebalancer run"),
        (("never",), "rebalancer"),
    ],
)
def test_run__of_what_is_no_usage__points_to_the_help_of_that_command(
    arguments: tuple[str, ...], command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.endswith(f"See `{command} --help`.\n")


def test_run__stopped_by_a_person__says_what_goes_on_and_what_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("rebalancer.cli.bound.show_bound", stopped)
    assert run(["bound"]) == 130
    said = capsys.readouterr().err
    assert "sent or fetched is on record; the next run goes on from there." in said
    assert "a backtest or a sweep, is worked out anew" in said
