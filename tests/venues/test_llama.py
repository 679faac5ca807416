"""DefiLlama asked over HTTP: what was known at each time and nothing later, in parts that are kept, politely."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from given_llama import BITCOIN, DAY, ETHER, HOUR, RECORDED, START, Llama, hourly, price_of_ether
from given_venue_server import Reply, VenueServer

from rebalancer.adapters.prices.llama import COINGECKO, MOST_POINTS, LlamaHistory, coin_of
from rebalancer.adapters.prices.polite import TRIES, Polite
from rebalancer.core.errors import ConfigError, Unavailable


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
