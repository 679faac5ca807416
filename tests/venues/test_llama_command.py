"""`rebalancer prices defillama`: what it writes, refuses, and goes on with where it was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
from given_llama import BITCOIN, DAY, ETHER, HOUR, RECORDED, START, Llama, hourly, price_of_bitcoin, price_of_ether
from given_venue_server import Question, Reply, VenueServer

from rebalancer.cli import run
from rebalancer.config import read_settings, write_example
from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import checksum_address
from rebalancer.research.prices.reading import read_prices
from rebalancer.units import Address


@pytest.fixture
def server(llama: Llama) -> Iterator[VenueServer]:
    with VenueServer(llama.answer) as server:
        yield server


def asked_for(url: str, out: Path, tokens: str = "BTC,ETH", last: str = "2025-06-01") -> list[str]:
    return [
        "prices",
        "defillama",
        "--tokens",
        tokens,
        "--from",
        "2024-01-01",
        "--to",
        last,
        "--url",
        url,
        "--out",
        str(out),
    ]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rebalancer" / "defillama"


def test_command__of_two_tokens__writes_a_file_that_is_read_again(
    server: VenueServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    assert run([*asked_for(server.url, out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["sources"] == ["BTC is coingecko:bitcoin", "ETH is coingecko:ethereum"] and said["file"] == str(out)
    assert (said["first"], said["last"], said["times"]) == ("2024-01-01", "2025-06-01", 518)
    prices = read_prices([out])
    assert prices.symbols == ("BTC", "ETH") and prices.usd[0].tolist() == [
        price_of_bitcoin(START - HOUR),
        price_of_ether(START - HOUR),
    ]


def test_command__of_a_token_that_is_not_known_there__says_what_is_missing_and_makes_nothing_up(
    server: VenueServer, llama: Llama, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    llama.recorded = {BITCOIN: RECORDED[BITCOIN], ETHER: hourly(price_of_ether, first=START + 5 * DAY)}
    out = tmp_path / "out.csv"
    assert run(asked_for(server.url, out, "BTC,ETH", "2024-01-20")) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "prices are missing (ETH 6): nothing was made up for them; read the file with --fill, or read from 2024-01-07"
        in said
    )
    with pytest.raises(ConfigError, match="ETH.*no price from 2024-01-01 to 2024-01-06.*--from 2024-01-07"):
        read_prices([out])


def test_command__with_a_configuration__asks_for_its_tokens_by_their_addresses(
    server: VenueServer, llama: Llama, tmp_path: Path
) -> None:
    config, out = tmp_path / "rebalancer.yaml", tmp_path / "out.csv"
    wallet, operator = (Address(checksum_address(f"0x{number:040x}")) for number in (1, 2))
    write_example(config, wallet, operator, "http://127.0.0.1:9")
    addresses = {token.symbol: token.address for token in read_settings(config, offline=True).tokens}
    # Its answer writes them small.
    llama.recorded = {f"ethereum:{address.lower()}": RECORDED[ETHER] for address in addresses.values()}
    server.answer = lambda asked: llama.answer(replace(asked, path=asked.path.replace("0x", "0X").lower()))
    dates = ["--from", "2024-01-01", "--to", "2024-01-05", "--url", server.url, "--out", str(out)]
    assert run(["prices", "defillama", "--config", str(config), *dates]) == 0
    assert read_prices([out]).symbols == ("WETH", "WBTC", "USDC", "LINK", "UNI")
    assert f"ethereum:{addresses['WETH']}" in unquote(server.asked[0].path)


def test_command__of_a_token_without_any_history__names_it_and_writes_nothing(
    server: VenueServer, llama: Llama, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    llama.lost = {ETHER}
    assert run(asked_for(server.url, tmp_path / "out.csv", last="2024-02-01")) == ConfigError.exit_code
    assert "prices: no history of ETH in this time; name the other tokens with --tokens" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--tokens", "BTC,,ETH"], "saw the tokens 'BTC,,ETH', expected each once, with commas between them"),
        (["--from", "soon"], "--from: saw 'soon', is no time, expected one such as 2024-03-01"),
        (["--from", "2025-01-01", "--to", "2025-01-01"], "1 whole steps of 86,400 s from 2025-01-01 to 2025-01-01T23"),
        (
            ["--every", "1 s"],
            "whole steps of 1 s from 2024-01-01 to 2025-06-01T23:59:59Z, expected 2 to 1,000,000: look",
        ),
        (["--tokens", "USD=coingecko:tether"], "prices: the token 'USD' is the unit itself; leave it out"),
        (["--tokens", "=coingecko:tether"], "prices: the token '' is no symbol, expected one of 1 to 40 characters"),
        (["--every", "daily"], "--every: saw 'daily', expected a duration such as"),
        (["--url", "ftp://x"], "prices: the URL is none, expected http:// or https:// and a host"),
        (["--out", "/nowhere/at/all.csv"], "there is no folder /nowhere/at; make it"),
    ],
)
def test_command__of_what_cannot_be__says_so_and_asks_nobody(
    server: VenueServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert run([*asked_for(server.url, tmp_path / "out.csv"), *more]) == ConfigError.exit_code
    assert said in capsys.readouterr().err and server.asked == []


def test_command__killed_in_the_middle__goes_on_there(
    server: VenueServer, llama: Llama, tmp_path: Path, cache: Path
) -> None:
    out = tmp_path / "out.csv"
    arguments = asked_for(server.url, out, "BTC", "2026-02-01")
    parts = 2
    begun: list[Question] = []

    def hanging(question: Question) -> Reply:
        begun.append(question)
        if len(begun) == parts:
            time.sleep(30)
        return llama.answer(question)

    server.answer = hanging
    process = subprocess.Popen(
        [sys.executable, "-m", "rebalancer", *arguments], env={**os.environ}, stderr=subprocess.PIPE
    )
    until = time.monotonic() + 30
    while len(begun) < parts and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert not out.exists() and len(list(cache.iterdir())) == 1
    server.answer = llama.answer
    before = len(server.asked)
    assert run(arguments) == 0
    again = [one.query["start"] for one in server.asked[before:]]
    assert again == [begun[-1].query["start"]], "what had come was not asked for again"
    assert len(read_prices([out]).times) == 763
