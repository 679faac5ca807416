"""DefiLlama asked over HTTP: what was known at each time and nothing later, in parts that are kept, politely."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pytest
from given_llama import BITCOIN, DAY, ETHER, HOUR, START, Llama, hourly
from given_venue_server import Question, Reply, VenueServer

from rebalancer.adapters.prices.llama import COINGECKO, MOST_POINTS, LlamaHistory, coin_of
from rebalancer.adapters.prices.polite import TRIES, Polite
from rebalancer.cli import run
from rebalancer.config import read_settings, write_example
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.market.addresses import checksum_address
from rebalancer.research.prices.reading import read_prices
from rebalancer.units import Address


def price_of_bitcoin(hour: int) -> float:
    return 40_000 + (hour - START) / DAY


def price_of_ether(hour: int) -> float:
    return 2_000.5 + (hour - START) / DAY / 100


RECORDED = {BITCOIN: hourly(price_of_bitcoin), ETHER: hourly(price_of_ether)}


@pytest.fixture
def llama() -> Llama:
    return Llama(dict(RECORDED))


@pytest.fixture
def server(llama: Llama) -> Iterator[VenueServer]:
    with VenueServer(llama.answer) as server:
        yield server


def history(server: VenueServer, folder: Path) -> LlamaHistory:
    """Without a wait between requests."""
    return LlamaHistory(Polite(server.url, first_wait=0.01, interval=0.0), folder)


def days(count: int, step: int = DAY) -> list[int]:
    return [START + step * number for number in range(count)]


def silent(_done: int, _of: int) -> None:
    """Tells nobody."""


def test_read__of_two_coins__has_at_each_midnight_the_last_price_recorded_by_then(
    server: VenueServer, tmp_path: Path
) -> None:
    found = history(server, tmp_path).read([BITCOIN, ETHER], days(10), silent)
    assert list(found) == [BITCOIN, ETHER] and [len(each) for each in found.values()] == [10, 10]
    for coin, recorded in RECORDED.items():
        for at, quoted in found[coin].items():
            assert quoted.written <= at and at - quoted.written <= 2 * HOUR
            assert quoted.usd == Decimal(repr(recorded[quoted.written])), "to the digit as it was sent"
    (asked,) = server.asked
    assert asked.path == f"/chart/{BITCOIN},{ETHER}" and "key" not in str(asked.headers).lower()
    assert asked.query == {"start": str(START - HOUR), "span": "10", "period": "1d", "searchWidth": "3600"}


def test_read__of_hours__takes_no_price_of_later(server: VenueServer, tmp_path: Path) -> None:
    found = history(server, tmp_path).read([BITCOIN], days(48, HOUR), silent)[BITCOIN]
    assert [at - quoted.written for at, quoted in found.items()] == [55 * 60] * 48
    assert server.asked[0].query["period"] == "1h"


def test_read__of_an_answer_with_prices_of_later__leaves_them_out(server: VenueServer, tmp_path: Path) -> None:
    points = [
        {"timestamp": START - 10, "price": 1},
        {"timestamp": START + 10, "price": 2.5},
        {"timestamp": START + DAY + 5, "price": 3},
        {"timestamp": START - 20, "price": 9},
    ]
    server.played.append(Reply({"coins": {BITCOIN: {"prices": points}}}))
    found = history(server, tmp_path).read([BITCOIN], days(2), silent)[BITCOIN]
    assert {at: str(quoted.usd) for at, quoted in found.items()} == {START: "1", START + DAY: "2.5"}


def test_read__of_more_than_a_request_may_ask_for__asks_in_parts_and_tells_how_far_it_is(
    server: VenueServer, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    found = history(server, tmp_path).read([BITCOIN, ETHER], days(600), lambda *far: told.append(far))
    assert [len(each) for each in found.values()] == [600, 600]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)] and len(server.asked) == 3
    assert all(int(one.query["span"]) * 2 <= MOST_POINTS for one in server.asked)


def test_read__a_second_time__asks_nobody(server: VenueServer, tmp_path: Path) -> None:
    first = history(server, tmp_path).read([BITCOIN], days(300), silent)
    asked = len(server.asked)
    assert history(server, tmp_path).read([BITCOIN], days(300), silent) == first and len(server.asked) == asked


def test_read__of_days_just_gone__keeps_none_that_may_still_be_corrected(server: VenueServer, tmp_path: Path) -> None:
    fresh = LlamaHistory(Polite(server.url), tmp_path, now=lambda: START + 9 * DAY + 60)
    fresh.read([BITCOIN], days(10), silent)
    fresh.read([BITCOIN], days(10), silent)
    assert [(one.query["start"], one.query["span"]) for one in server.asked][1] == (str(START + 9 * DAY - HOUR), "1")


def test_read__of_a_coin_that_is_listed_later__has_it_from_then_on(
    server: VenueServer, llama: Llama, tmp_path: Path
) -> None:
    llama.recorded = {BITCOIN: RECORDED[BITCOIN], ETHER: hourly(price_of_ether, first=START + 5 * DAY)}
    found = history(server, tmp_path).read([BITCOIN, ETHER], days(10), silent)
    assert min(found[ETHER]) == START + 6 * DAY and min(found[BITCOIN]) == START


def test_read__of_an_answer_without_one_of_the_coins__asks_for_it_again_and_for_no_other(
    server: VenueServer, llama: Llama, tmp_path: Path
) -> None:
    llama.lost = {ETHER}
    assert history(server, tmp_path).read([BITCOIN, ETHER], days(10), silent)[ETHER] == {}
    llama.lost = set()
    assert len(history(server, tmp_path).read([BITCOIN, ETHER], days(10), silent)[ETHER]) == 10
    assert server.asked[-1].path == f"/chart/{ETHER}"


WAITING = [
    Reply({"message": "slow down"}, 429, {"Retry-After": "0"}),
    Reply({"message": "slow down"}, 429),
    Reply(b"<html>bad gateway</html>", 502),
    Reply(b'{"coins": ', 200),
    Reply(b'{"coins": {"x": NaN}}', 200),
]


@pytest.mark.parametrize("reply", WAITING, ids=lambda r: f"{r.status} {r.body}")
def test_read__where_it_is_told_to_wait_or_is_broken__asks_again(
    server: VenueServer, tmp_path: Path, reply: Reply
) -> None:
    server.played += [reply, reply]
    assert len(history(server, tmp_path).read([BITCOIN], days(3), silent)[BITCOIN]) == 3
    assert len(server.asked) == 3


def test_read__where_it_says_when_to_come_back__waits_so_long(server: VenueServer, tmp_path: Path) -> None:
    server.played.append(Reply({}, 429, {"Retry-After": "1"}))
    begun = time.monotonic()
    history(server, tmp_path).read([BITCOIN], days(3), silent)
    assert time.monotonic() - begun >= 1


def test_read__of_several_parts__leaves_the_host_time_between_them(server: VenueServer, tmp_path: Path) -> None:
    begun = time.monotonic()
    LlamaHistory(Polite(server.url, interval=0.2), tmp_path).read([BITCOIN], days(1_200), silent)
    assert len(server.asked) == 3 and time.monotonic() - begun >= 0.4


WRONG = [
    (Reply({"message": "no such coin"}, 400), "127.0.0.1: it answered 400: .*no such coin.*; look at the tokens"),
    (Reply({}, 302, {"Location": "http://127.0.0.1:9/"}), "127.0.0.1: it answered 302"),
    (Reply([]), "127.0.0.1: its answer has no coins; try again later"),
    (Reply({"coins": {BITCOIN: 5}}), "127.0.0.1: its answer has no prices of 'coingecko:bitcoin'; try again later"),
]


@pytest.mark.parametrize(("reply", "said"), WRONG, ids=lambda x: x if isinstance(x, str) else "")
def test_read__of_an_answer_that_is_none__says_so_at_once(
    server: VenueServer, tmp_path: Path, reply: Reply, said: str
) -> None:
    server.played.append(reply)
    with pytest.raises(Unavailable, match=said):
        history(server, tmp_path).read([BITCOIN], days(3), silent)
    assert len(server.asked) == 1


NO_PRICES = [0, -1, "5", None, True, 1e400]


@pytest.mark.parametrize("price", NO_PRICES)
def test_read__of_what_is_no_price__leaves_it_out(server: VenueServer, tmp_path: Path, price: object) -> None:
    body = {"coins": {BITCOIN: {"prices": [{"timestamp": START, "price": price}, {"timestamp": "x", "price": 1}, 7]}}}
    # JSON has no infinity: this is a number that is none any more once it is a float.
    text = json.dumps(body).replace("Infinity", "0e1")
    server.played.append(Reply(text.encode()))
    assert history(server, tmp_path).read([BITCOIN], days(2), silent) == {BITCOIN: {}}


def test_read__where_it_stays_away__gives_up_and_keeps_what_it_has(server: VenueServer, tmp_path: Path) -> None:
    ether = [Reply({}, 503)] * TRIES
    whole = days(700)

    def only_one_part(done: int, _: int) -> None:
        if done == 1:
            server.played += ether

    with pytest.raises(
        Unavailable, match="it answered 503; what was read is kept, the same command goes on from there"
    ):
        history(server, tmp_path).read([BITCOIN], whole, only_one_part)
    asked = len(server.asked)
    assert asked == 1 + TRIES
    assert len(history(server, tmp_path).read([BITCOIN], whole, silent)[BITCOIN]) == 700
    assert len(server.asked) == asked + 1, "the first part is asked for once"


def test_read__where_nobody_listens__is_unavailable_and_names_no_more_than_the_host(tmp_path: Path) -> None:
    nobody = LlamaHistory(Polite("http://127.0.0.1:9/secret-key", first_wait=0.001), tmp_path)
    with pytest.raises(Unavailable, match="it could not be asked") as caught:
        nobody.read([BITCOIN], days(2), silent)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "time,value,written\n5,abc,5\n", "time,value,written\n5,-1,5\n", "x\n", "time,value,written\n1\n"]
)
def test_kept__in_a_file_that_is_broken__is_asked_for_again(server: VenueServer, tmp_path: Path, content: str) -> None:
    history(server, tmp_path).read([BITCOIN], days(3), silent)
    (file,) = tmp_path.iterdir()
    file.write_text(content)
    assert len(history(server, tmp_path).read([BITCOIN], days(3), silent)[BITCOIN]) == 3
    assert len(server.asked) == 2


def test_kept__of_a_name_that_leads_elsewhere__stays_in_its_folder(server: VenueServer, tmp_path: Path) -> None:
    history(server, tmp_path / "kept").read(["coingecko:../../../x"], days(2), silent)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] and len(list((tmp_path / "kept").iterdir())) == 1


def test_kept__of_one_host__is_not_what_another_says(server: VenueServer, tmp_path: Path) -> None:
    history(server, tmp_path).read([BITCOIN], days(3), silent)
    with VenueServer(Llama({BITCOIN: hourly(price_of_ether)}).answer) as other:
        found = history(other, tmp_path).read([BITCOIN], days(3), silent)[BITCOIN]
    assert len(other.asked) == 1 and all(quoted.usd < 3_000 for quoted in found.values())


@pytest.mark.parametrize(
    ("arguments", "coin"),
    [
        (("ETH", None, None), "coingecko:ethereum"),
        (("coingecko:solana", None, None), "coingecko:solana"),
        (
            ("WETH", 1, "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
            "ethereum:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
        ),
    ],
)
def test_coin_of__a_token__is_its_name_there(arguments: tuple[str, int | None, str | None], coin: str) -> None:
    assert coin_of(*arguments) == coin


def test_coin_of__what_nobody_knows__says_what_is_known() -> None:
    with pytest.raises(ConfigError, match="no coin of DefiLlama's is known for 'PEPE'; expected one of AAVE, ARB, BTC"):
        coin_of("PEPE", None, None)
    with pytest.raises(ConfigError, match="DefiLlama's name of chain 5 is not known here"):
        coin_of("WETH", 5, "0x00")
    assert all(name == name.upper() for name in COINGECKO)


# ---------------------------------------------------------------- the command


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
