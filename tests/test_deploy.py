"""What starts the keeper: the units as systemd reads them, the cron line, the Dockerfile, and the pins of the image."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from rebalancer.cli.research_commands import app
from rebalancer.config.password import CREDENTIAL

ROOT = Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
SERVICE, TIMER = DEPLOY / "rebalancer@.service", DEPLOY / "rebalancer@.timer"
EXPOSED = 15
"""systemd's measure of a unit's freedom, in tenths: 96 is none withheld."""
SECRETS = re.compile(r"^\s*(ARG|ENV|Environment=).*(PASSWORD|SECRET|KEY|URL|TOKEN)", re.IGNORECASE | re.MULTILINE)
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def _settings(unit: Path) -> dict[str, str]:
    lines = (line for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def _instance(folder: Path) -> list[str]:
    """Both units of one portfolio, with a program that is there: systemd looks."""
    program = folder / "rebalancer"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    service, timer = folder / "rebalancer@main.service", folder / "rebalancer@main.timer"
    service.write_text(SERVICE.read_text().replace("/opt/rebalancer/.venv/bin/rebalancer", str(program)))
    timer.write_text(TIMER.read_text())
    return [str(service), str(timer)]


@needs_systemd
def test_units__as_systemd_reads_them__are_whole(tmp_path: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", *_instance(tmp_path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_service__as_systemd_measures_it__is_little_exposed(tmp_path: Path) -> None:
    service, _ = _instance(tmp_path)
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", "--no-pager", service]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-200:] + done.stderr


@needs_systemd
def test_timer__as_systemd_reads_it__comes_every_quarter_of_an_hour() -> None:
    command = ["systemd-analyze", "calendar", "--iterations=2", _settings(TIMER)["OnCalendar"]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"TZ": "UTC", "LC_ALL": "C"})
    assert [int(minute) % 15 for minute in re.findall(r"\d\d:(\d\d):00 UTC", done.stdout)] == [0, 0]


def test_service__by_its_settings__is_a_user_without_rights_who_gets_the_password_as_a_credential() -> None:
    settings = _settings(SERVICE)
    assert settings["User"] not in ("", "root") and settings["CapabilityBoundingSet"] == ""
    assert settings["NoNewPrivileges"] == "yes" and settings["ProtectSystem"] == "strict"
    assert settings["LimitCORE"] == "0", "a core file would hold the key"
    assert settings["LoadCredential"].startswith(f"{CREDENTIAL}:/")
    assert "REBALANCER_PASSWORD" not in SERVICE.read_text()


@pytest.mark.parametrize("name", ["rebalancer@.service", "rebalancer.cron", "Dockerfile"])
def test_command__that_is_started__exists_with_its_options(name: str) -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    lines = re.findall(r"rebalancer (run --live --config \S+)", (DEPLOY / name).read_text())
    assert lines, f"{name} starts nothing"
    for line in lines:
        command, *options = shlex.split(line)
        known = {option for parameter in commands[command].params for option in parameter.opts}
        assert {option for option in options if option.startswith("--")} <= known


def test_cron_line__with_a_user_and_five_fields__is_one() -> None:
    (line,) = [found for found in (DEPLOY / "rebalancer.cron").read_text().splitlines() if found.startswith("*/")]
    minute, hour, day, month, weekday, user, command = line.split(maxsplit=6)
    assert (minute, hour, day, month, weekday, user) == ("*/15", "*", "*", "*", "*", "rebalancer")
    assert "%" not in command, "cron reads a per cent sign as the end of the line"
    subprocess.run(["sh", "-n", "-c", command], check=True)


def test_cron_line__with_its_file__gives_the_variables_as_they_stand_there(tmp_path: Path) -> None:
    url = "https://node.example/v2/key?a=1&b=2;c=$HOME*"
    env = tmp_path / "main.env"
    env.write_text(f"# the node\nETH_RPC_URL={url}\n\nPING_URL=https://ping.example/x\n")
    (line,) = [found for found in (DEPLOY / "rebalancer.cron").read_text().splitlines() if found.startswith("*/")]
    command = line.split(maxsplit=6)[6].partition("; cd ")[0].replace("/etc/rebalancer/main.env", str(env))
    done = subprocess.run(
        ["sh", "-c", f'{command}; echo "$ETH_RPC_URL $PING_URL $XDG_STATE_HOME"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == f"{url} https://ping.example/x /var/lib\n"
    assert "XDG_STATE_HOME=/var/lib" in _settings(SERVICE)["Environment"]


def test_dockerfile__by_its_lines__ends_as_a_user_without_rights_and_holds_no_secret() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    steps = [line.split() for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    last = [step[1] for step in steps if step[0] == "USER"][-1]
    assert last.isdecimal() and int(last) > 0, "a number, so that a cluster can see that it is not root"
    assert [step[0] for step in steps].index("USER") > max(i for i, step in enumerate(steps) if step[0] == "RUN")
    assert SECRETS.search(text) is None
    for step in steps:
        if step[0] == "COPY" and not step[1].startswith("--from"):
            assert all((ROOT / source).exists() for source in step[1:-1]), " ".join(step)


def test_dockerignore__of_the_image__lets_in_what_is_copied_and_nothing_else() -> None:
    let_in = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert let_in == {name for line in copied for name in line.split()}


def test_pins__of_the_image__are_what_the_project_needs_with_hashes_and_no_registry() -> None:
    text = (DEPLOY / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[\[<>=]", line)[0].lower().replace("_", "-") for line in project["dependencies"]}
    assert needed <= set(pinned)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pinned)
    assert "://" not in text and "eth-ape" not in pinned
    tested = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    other = {name: (version, tested.get(name)) for name, version in pinned.items() if tested.get(name) != version}
    assert other == {}, "the image would run what the tests did not: make lock"
