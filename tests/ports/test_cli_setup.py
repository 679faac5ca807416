"""The commands around the keeper: what is made before the first tick, the command line itself, replica and demo."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
from pathlib import Path

import pytest
from given_keeper import Done, Keeper, command, ended, private, started
from given_wallet import PASSWORD

from rebalancer.config import read_settings

# ---------------------------------------------------------------- before the first tick


def test_init__in_an_empty_folder__writes_a_private_file_that_reads_back(tmp_path: Path) -> None:
    path, safe, operator = tmp_path / "mine.yaml", "0x" + "11" * 20, "0x" + "22" * 20
    done = command("init", str(path), "--wallet", safe, "--operator", operator, "--rpc", "http://127.0.0.1:8545")
    assert done.code == 0 and str(path) in done.said and "Fill in" not in done.said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    settings = read_settings(path)
    assert (settings.wallet.address, settings.wallet.operator) == (safe, operator)
    assert (settings.wallet.kind, settings.wallet.module) == ("safe-module", None)
    assert "deploy the module" in done.said and not settings.live


def test_init__of_a_module_that_is_there__names_it_and_asks_for_a_check(tmp_path: Path) -> None:
    path, accounts = tmp_path / "mine.yaml", ("--wallet", "0x" + "11" * 20, "--operator", "0x" + "22" * 20)
    done = command("init", str(path), *accounts, "--module", "0x" + "33" * 20)
    assert done.code == 0 and f"rebalancer check -c {path}" in done.said
    assert read_settings(path).wallet.module == "0x" + "33" * 20


def test_init__of_kind_safe__has_no_policy(tmp_path: Path) -> None:
    path, accounts = tmp_path / "mine.yaml", ("--wallet", "0x" + "11" * 20, "--operator", "0x" + "22" * 20)
    done = command("init", str(path), *accounts, "--kind", "safe")
    settings = read_settings(path)
    assert done.code == 0 and (settings.wallet.kind, settings.module) == ("safe", None)
    assert "max_turnover" not in path.read_text()


def test_init__of_an_unknown_kind__is_refused_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    done = command("init", str(path), "--kind", "eoa")
    assert done.code == 2 and "safe-module" in done.said and not path.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--wallet", "0x12"), "--wallet: expected an address"),
        (("--wallet", ""), "--wallet: expected an address"),
        (("--operator", "0x" + "aB" * 20), "--operator: the EIP-55 checksum is wrong"),
        (("--module", "nonsense"), "--module: expected an address: 0x and 40 hex digits, in EIP-55 mixed case, saw"),
        (("--module", "0x" + "00" * 20), "--module: expected an address that is not zero"),
        (("--kind", "safe", "--module", "0x" + "33" * 20), "--module: expected none with --kind safe"),
    ],
)
def test_init__of_accounts_that_no_command_would_take__is_refused_and_writes_nothing(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "mine.yaml"
    done = command("init", str(path), *arguments)
    assert done.code == 2 and said in done.said and not path.exists()


def test_init__without_accounts__says_what_is_missing_and_so_does_check(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    assert "Fill in wallet and operator" in command("init", str(path)).said
    done = command("check", "--config", str(path))
    assert done.code == 2
    assert "wallet.address" in done.said and "wallet.operator" in done.said


def test_init__where_a_file_stands__refuses_and_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("precious")
    done = command("init", str(path))
    assert done.code == 2 and str(path) in done.said
    assert path.read_text() == "precious"


def test_init__without_a_node__takes_the_one_of_the_environment(tmp_path: Path) -> None:
    command("init", str(tmp_path / "mine.yaml"))
    assert "${ETH_RPC_URL:-http://127.0.0.1:8545}" in (tmp_path / "mine.yaml").read_text()


def test_operator_new__with_a_password_file__shows_the_address_and_nothing_of_the_key(tmp_path: Path) -> None:
    keystore, password = tmp_path / "key.json", private(tmp_path / "password", PASSWORD)
    done = command("operator", "new", "--keystore", str(keystore), "--password-file", str(password), "--json")
    assert done.code == 0 and (set(done.json), done.json["chain"]) == ({"address", "keystore", "chain"}, 1)
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600
    content = json.loads(keystore.read_text())
    assert content["address"].lower() == done.json["address"][2:].lower()
    assert content["crypto"]["ciphertext"] not in done.said and PASSWORD not in done.said
    assert re.findall(r"[0-9a-fA-F]{64}", done.said) == []


def test_operator_new__where_a_key_stands__refuses_and_leaves_it(tmp_path: Path) -> None:
    keystore, password = private(tmp_path / "key.json", "precious"), private(tmp_path / "password", PASSWORD)
    done = command("operator", "new", "--keystore", str(keystore), "--password-file", str(password))
    assert done.code == 2 and "never overwritten" in done.said
    assert keystore.read_text() == "precious"


def test_operator_new__without_a_password__is_a_config_error_and_writes_nothing(tmp_path: Path) -> None:
    done = ended(started("operator", "new", "--keystore", str(tmp_path / "key.json"), REBALANCER_PASSWORD=""))
    assert done.code == 2 and "REBALANCER_PASSWORD" in done.said
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the command line itself


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("rebalence",), "No such command 'rebalence'"),
        (("run", "--force"), "No such option: --force"),
        (("run", "live"), "unexpected extra argument"),
        (("history", "-n", "0"), "--count"),
        (("replica", "up", "--port", "99999"), "--port"),
        (("operator", "old"), "No such command 'old'"),
        (("check", "--config", "nowhere.yaml"), "nowhere.yaml: no such file"),
        (("replica", "up", "--pools", "nowhere.json"), "nowhere.json"),
    ],
)
def test_command_line__that_makes_no_sense__ends_with_2_and_names_what(arguments: tuple[str, ...], named: str) -> None:
    done = command(*arguments)
    assert done.code == 2 and named in done.said


def test_command_line__without_a_command__shows_the_help_and_no_empty_error() -> None:
    done = command()
    assert done.code == 2 and "Usage: rebalancer" in done.said and "error:" not in done.said


def test_keeper_script__as_cron_starts_it__runs_one_tick(keeper: Keeper) -> None:
    keeper.go_live()
    keeper.replica.mine()
    done = ended(started(str(keeper.config), "--live", "--json", script="keeper.py"))
    assert done.code == 0 and done.json["outcome"] == "settled" and done.err == ""


def test_keeper_script__of_a_file_that_is_not_there__ends_with_2(tmp_path: Path) -> None:
    done = ended(started(str(tmp_path / "none.yaml"), script="keeper.py"))
    assert done.code == 2 and "no such file" in done.said


# ---------------------------------------------------------------- replica and demo


def test_replica_up__until_ctrl_c__answers_and_leaves_no_process_behind() -> None:
    process = started("replica", "up", "--port", str(free_port()), "--json")
    assert process.stdout is not None
    up = json.loads(process.stdout.readline())
    anvil = children_of(process.pid)
    assert up["chain_id"] == 1 and up["pools"] >= 20 and len(anvil) == 1
    process.send_signal(signal.SIGINT)
    done = ended(process, 15)
    assert done.code == 0 and "Traceback" not in done.err
    assert not Path(f"/proc/{anvil[0]}").exists()


def test_demo__with_json__settles_holds_and_gives_its_figures() -> None:
    done = ended(started("demo", "--json"), 120)
    assert done.code == 0, done.said
    found = done.json
    assert (found["outcome"], found["second_outcome"]) == ("settled", "held")
    assert re.fullmatch(r"0x[0-9a-f]{64}", found["tx"])
    assert found["drift_before_bps"] > 500 and 0 <= found["drift_after_bps"] <= 5
    assert 0 < found["cost_bps"] <= 100 and abs(found["cost_bps"] - found["expected_cost_bps"]) <= 1
    assert found["gas_used"] > 100_000 and 1 <= found["read_requests"] <= 2 and found["wall_s"] > 0
    assert [attack["refused_by"] for attack in found["attacks"]] == [
        "Safe: GS026 (he is no owner)",
        "RebalanceModule: min_out",
        "RebalanceModule: sells_past_target",
    ]
    assert all(attack["name"] for attack in found["attacks"])


# ---------------------------------------------------------------- how it is looked at


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def test_done__with_a_traceback__is_noticed() -> None:
    with pytest.raises(AssertionError):
        assert Done(1, "", "Traceback (most recent call last)").said
