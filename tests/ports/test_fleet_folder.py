"""`run --all`: which files of a folder are taken, and which stand in each other's way."""

from __future__ import annotations

from pathlib import Path

from given_keeper import command

from rebalancer.config import write_example
from rebalancer.market.addresses import checksum_address

REFUSED_BY_THE_TICK = "no contracts are known on chain"


def a_file(path: Path, wallet: int, operator: int, chain: int = 17) -> None:
    """On a chain that is not known here: what is taken ends at once, and asks no node."""
    addresses = (checksum_address(f"0x{number:040x}") for number in (wallet, operator))
    write_example(path, *addresses, "http://127.0.0.1:1")
    text = path.read_text()
    assert "  id: 1\n" in text
    path.write_text(text.replace("  id: 1\n", f"  id: {chain}\n"))


def details_of(folder: Path) -> dict[str, str]:
    """What a round says of each file, all of which are refused."""
    done = command("run", "--all", str(folder), "--workers", "1", "--json")
    assert done.code == 2 and {each["outcome"] for each in done.json["portfolios"]} == {"ConfigError"}, done.said
    return {each["config"]: each["detail"] for each in done.json["portfolios"]}


def test_run_all__in_a_folder_of_both_endings__takes_both(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml"):
        (tmp_path / name).write_text("live: false\n")
    assert list(details_of(tmp_path)) == ["a.yaml", "b.yml"]


def test_run_all__with_one_operator_in_two_files__takes_neither_of_them(tmp_path: Path) -> None:
    for name, wallet, operator in (("a", 1, 7), ("b", 2, 7), ("c", 3, 8)):
        a_file(tmp_path / f"{name}.yaml", wallet, operator)
    details = details_of(tmp_path)
    refused = [name for name, detail in details.items() if "one operator in several files (a.yaml, b.yaml)" in detail]
    assert refused == ["a.yaml", "b.yaml"] and REFUSED_BY_THE_TICK in details["c.yaml"], details


def test_run_all__with_one_operator_and_one_wallet_in_different_pairs__takes_none_of_them(tmp_path: Path) -> None:
    for name, wallet, operator in (("a", 1, 7), ("b", 2, 7), ("c", 2, 8)):
        a_file(tmp_path / f"{name}.yaml", wallet, operator)
    assert all("in several files" in detail for detail in details_of(tmp_path).values())


def test_run_all__with_one_operator_on_two_chains__takes_both(tmp_path: Path) -> None:
    a_file(tmp_path / "a.yaml", 1, 7)
    a_file(tmp_path / "b.yaml", 2, 7, chain=18)
    assert all(REFUSED_BY_THE_TICK in detail for detail in details_of(tmp_path).values())
