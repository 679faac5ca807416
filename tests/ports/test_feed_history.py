"""Years of prices from feeds, through Chainlink's own proxies on a real chain: what stood at each time, kept part by
part, the same again after a kill.
"""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests
from given_feed_history import BTC, DAY, ETH, give_a_past, irregular, next_phase, scanned, write_rounds
from given_keeper import Keeper, ended
from given_node import Node, Reply

from rebalancer.adapters.chain.at_block import read_head
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rounds import ALL_PHASES, Round, RoundReads
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.prices.feeds import AT_ONCE, BELIEVED, SETTLED, FeedHistory
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Block
from rebalancer.core.price import Feed, FeedPrice, PoolKey, PriceRule, TwapPrice
from rebalancer.replica.chain import Replica
from rebalancer.replica.places import aggregator_address
from rebalancer.research.prices.reading import read_prices
from rebalancer.units import Address, Token, Usd, Wei

FEED = Feed(ETH.address, 8, 3_600, 300)
OTHER = Feed(BTC.address, 8, 3_600, 300)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rebalancer" / "feeds"


def rules() -> list[PriceRule]:
    """A token of one feed, one of two, one of none."""
    weth, wbtc, uni = (Token(symbol, Address(f"0x{place:040x}"), 18) for place, symbol in enumerate(("A", "B", "C")))
    pool = PoolKey("v3", weth, uni, 3_000)
    return [FeedPrice(weth, (FEED,)), FeedPrice(wbtc, (FEED, OTHER)), TwapPrice(uni, pool, weth, 1_800, Usd(1))]


def history(replica: Replica, folder: Path) -> tuple[FeedHistory, Rpc]:
    rpc = Rpc(replica.url, 1)
    reads = RoundReads(rpc, 1, MAINNET.multicall3, 1, ALL_PHASES)
    return FeedHistory(1, rules(), reads, lambda: read_head(rpc), folder), rpc


def silent(_done: int, _of: int) -> None:
    """Tells nobody."""


def test_read__of_years_over_changes_of_the_aggregator__is_what_a_scan_of_all_rounds_finds(
    replica: Replica, tmp_path: Path
) -> None:
    dice, now = random.Random(7), replica.now()
    first, second, third, fourth = (
        irregular(dice, now - far * DAY, now - near * DAY, 600)
        for far, near in ((400, 290), (300, 190), (200, 90), (100, 0))
    )
    write_rounds(replica, aggregator_address(ETH), first)
    for rounds in (second, third, fourth):
        next_phase(replica, "ETH/USD", rounds)
    bitcoin = irregular(dice, now - 200 * DAY, now, 900)
    write_rounds(replica, aggregator_address(BTC), bitcoin)
    replica.mine()
    last = now // DAY * DAY
    times = [last - DAY * back for back in range(395, -1, -1)]
    ether = {
        t: one
        for at, rounds in enumerate((first, second, third, fourth), 1)
        for t, one in scanned(rounds, times, at).items()
    }
    # Over random times there are gaps of more than a day.
    ether = {t: one for t, one in ether.items() if t - one.updated_at <= BELIEVED}
    both = {t: one for t, one in scanned(bitcoin, times).items() if t - one.updated_at <= BELIEVED}
    reader, rpc = history(replica, tmp_path)
    found = reader.read(("A", "B"), times, silent)
    assert {t: (one.usd, one.written) for t, one in found["A"].items()} == {
        t: (Decimal(one.answer) / 10**8, one.updated_at) for t, one in ether.items()
    }
    assert {t: (one.usd, one.written) for t, one in found["B"].items()} == {
        t: (Decimal(one.answer * both[t].answer) / 10**16, min(one.updated_at, both[t].updated_at))
        for t, one in ether.items()
        if t in both
    }
    assert len(found["A"]) > 380 and 180 <= len(found["B"]) <= 201 and rpc.requests <= 25 * len(times) / AT_ONCE
    # Once more: of what is kept the newest round is asked for alone, which shows that it is this chain's.
    again, rpc = history(replica, tmp_path)
    assert again.read(("A",), times[:-1], silent)["A"] == {t: one for t, one in found["A"].items() if t != last}
    assert rpc.requests <= 8 and again.notices == []


def test_read__of_tokens_without_a_feed__names_them(replica: Replica, tmp_path: Path) -> None:
    reader, rpc = history(replica, tmp_path)
    assert reader.symbols == ("A", "B")
    with pytest.raises(ConfigError, match="prices: no feed of C, X; expected tokens of the configuration.*: A, B"):
        reader.read(("A", "C", "X"), [0, DAY], silent)
    assert rpc.requests == 0


class Remembered:
    """Plays the rounds: one each hour, and after so many calls no more."""

    def __init__(self, calls: int = 10**6, answer: Callable[[int], int] = lambda time: time) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self._left = calls
        self._answer = answer

    def at(self, feeds: Any, times: Any, block: Block) -> dict[Address, dict[int, Round]]:
        if not self._left:
            raise Unavailable("the node has gone")
        self._left -= 1
        self.asked.append((tuple(feeds), tuple(times), block.number))
        return {feed: {time: Round(1, self._answer(time), time - 60) for time in times} for feed in feeds}


def played(rounds: Remembered, folder: Path, now: int) -> FeedHistory:
    heads = iter(range(1, 10**6))
    return FeedHistory(1, rules(), rounds, lambda: Block(next(heads), "0x", now, Wei(7)), folder)


def test_read__where_the_node_goes_away__keeps_what_it_has_and_goes_on_there(tmp_path: Path) -> None:
    times = [DAY * number for number in range(1, 3 * AT_ONCE + 11)]
    gone, back = Remembered(calls=2), Remembered()
    with pytest.raises(Unavailable, match="the node has gone"):
        played(gone, tmp_path, times[-1] + DAY).read(("A", "B"), times, silent)
    told: list[tuple[int, int]] = []
    found = played(back, tmp_path, times[-1] + DAY).read(("A", "B"), times, lambda *far: told.append(far))
    assert [len(found[symbol]) for symbol in ("A", "B")] == [len(times)] * 2 and told == [(0, 2), (1, 2), (2, 2)]
    of_before = {time for _, asked, _ in gone.asked for time in asked}
    assert of_before == set(times[-2 * AT_ONCE :]), "the newest first"
    proof, *parts = back.asked
    assert proof[1] == (times[-1],), "what was kept is of this chain"
    assert of_before.isdisjoint(time for _, asked, _ in parts for time in asked)
    assert [block for *_, block in parts] == [2, 3], "each part at a head of its own"


def test_read__of_the_last_hour_and_of_what_is_to_come__keeps_none_and_asks_for_no_future(tmp_path: Path) -> None:
    now = 100 * DAY
    times = [now - 2 * SETTLED, now - SETTLED, now - SETTLED // 2, now, now + SETTLED]
    rounds = Remembered()
    for _ in range(2):
        found = played(rounds, tmp_path, now).read(("A",), times, silent)["A"]
        assert list(found) == times[:-1]
    assert [asked for _, asked, _ in rounds.asked] == [tuple(times[:-1]), (times[1],), tuple(times[2:-1])]


def test_read__of_answers_that_are_no_price__has_none_there(tmp_path: Path) -> None:
    rounds = Remembered(answer=lambda time: -1 if time == DAY else 0 if time == 2 * DAY else 10**8)
    found = played(rounds, tmp_path, 9 * DAY).read(("A",), [DAY, 2 * DAY, 3 * DAY], silent)["A"]
    assert {time: one.usd for time, one in found.items()} == {3 * DAY: 1}


def test_read__of_a_feed_that_was_silent__says_when_and_after_a_day_has_no_price(tmp_path: Path) -> None:
    class Silent(Remembered):
        def at(self, feeds: Any, times: Any, block: Block) -> dict[Address, dict[int, Round]]:
            return {feed: {time: Round(1, 10**8, DAY) for time in times} for feed in feeds}

    times = [DAY, DAY + 3_900, DAY + 3_901, DAY + BELIEVED, DAY + BELIEVED + 1]
    found = played(Silent(), tmp_path, 9 * DAY).read(("A", "B"), times, silent)
    assert {time: one.late for time, one in found["A"].items()} == dict(
        zip(times, (False, False, True, True), strict=False)
    )
    assert found["A"] == found["B"], "of two feeds the later counts"


# ---------------------------------------------------------------- another chain with the same number


def test_read__of_a_file_that_another_chain_wrote__sets_it_aside_and_says_so(tmp_path: Path) -> None:
    times = [DAY * number for number in range(1, 30)]
    replica = played(Remembered(answer=lambda time: 5 * time), tmp_path, 40 * DAY)
    assert replica.read(("A",), times, silent)["A"][DAY].usd == Decimal(5 * DAY) / 10**8 and replica.notices == []
    mainnet = played(Remembered(), tmp_path, 40 * DAY)
    found = mainnet.read(("A",), times, silent)["A"]
    assert {time: one.usd for time, one in found.items()} == {time: Decimal(time) / 10**8 for time in times}
    (said,) = mainnet.notices
    assert said.startswith(f"{tmp_path}/1-{FEED.address.lower()}.csv has another round of Friday 1970-01-30 00:00 UTC ")
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"1-{FEED.address.lower()}.csv",
        f"1-{FEED.address.lower()}.csv.aside",
    ]
    assert (again := played(Remembered(), tmp_path, 40 * DAY)).read(("A",), times, silent)["A"] == found
    assert again.notices == []


def test_read__of_a_chain_that_went_another_way_later__sets_the_whole_file_aside(tmp_path: Path) -> None:
    times = [DAY * number for number in range(1, 30)]
    # A fork from day 20 on.
    fork = played(Remembered(answer=lambda time: time if time < 20 * DAY else 7), tmp_path, 40 * DAY)
    fork.read(("A", "B"), times, silent)
    mainnet = played(Remembered(), tmp_path, 40 * DAY)
    found = mainnet.read(("A", "B"), times[:25], silent)
    assert [one.usd for one in found["A"].values()] == [Decimal(time) / 10**8 for time in times[:25]]
    assert len(mainnet.notices) == 2


def test_read__of_a_node_that_has_not_come_as_far__leaves_the_file_alone(tmp_path: Path) -> None:
    times = [DAY * number for number in range(1, 30)]
    played(Remembered(), tmp_path, 40 * DAY).read(("A",), times, silent)
    (file,) = tmp_path.iterdir()
    before = file.read_text()
    # A fork from day 20 on, asked for days of its own between those that are kept.
    fork = played(Remembered(answer=lambda time: 7), tmp_path, 21 * DAY)
    found = fork.read(("A",), [20 * DAY, 20 * DAY + 3_600], silent)["A"]
    assert {one.usd for one in found.values()} == {Decimal(7) / 10**8} and len(found) == 2
    assert file.read_text() == before and list(tmp_path.iterdir()) == [file]
    (said,) = fork.notices
    assert said == f"{file} goes further than this node, which is at Thursday 1970-01-22 00:00 UTC: it was left alone"


def test_read__where_a_file_cannot_be_set_aside__says_to_remove_it(tmp_path: Path) -> None:
    played(Remembered(answer=lambda time: 7), tmp_path, 40 * DAY).read(("A",), [DAY], silent)
    (file,) = tmp_path.iterdir()
    (tmp_path / f"{file.name}.aside").mkdir()
    with pytest.raises(ConfigError, match=r"\.csv cannot be set aside \(Is a directory\); remove it"):
        played(Remembered(), tmp_path, 40 * DAY).read(("A",), [DAY], silent)


def test_command__of_prices_that_a_replica_kept__says_which_file_it_has_set_aside(
    keeper: Keeper, tmp_path: Path, cache: Path
) -> None:
    give_a_past(keeper.replica, 30)
    assert keeper.command(*asked_for(keeper, tmp_path / "first.csv", 20)).code == 0
    file = next(iter(sorted(cache.glob("*.csv"))))
    *lines, last = file.read_text().splitlines()
    time, _, at = last.split(",")
    file.write_text("\n".join((*lines, f"{time},12345,{at}", "")))
    done = keeper.command(*asked_for(keeper, tmp_path / "second.csv", 20), "--json")
    assert done.code == 0
    (said,) = [notice for notice in done.json["notices"] if "has another round of" in notice]
    assert said.startswith(str(file)) and f"It is {file.name}.aside now" in said
    assert (tmp_path / "second.csv").read_text() == (tmp_path / "first.csv").read_text()


# ---------------------------------------------------------------- the command


class Counting:
    """A node in front of the replica that answers so many requests, and keeps back the next."""

    def __init__(self, replica: Replica, most: int) -> None:
        self.seen = 0
        self.reached, self.open = threading.Event(), threading.Event()
        self._most, self._url, self._session = most, replica.url, requests.Session()
        self.node = Node(self._answer)

    def _answer(self, body: Any) -> Reply:
        self.seen += 1
        if self.seen > self._most:
            self.reached.set()
            self.open.wait(60)
            return Reply(b"", 502)
        return Reply(self._session.post(self._url, json=body, timeout=30).content)

    def close(self) -> None:
        self.open.set()
        self.node.close()
        self._session.close()


@pytest.fixture
def counting(keeper: Keeper) -> Iterator[Counting]:
    counting = Counting(keeper.replica, 9)
    yield counting
    counting.close()


def asked_for(keeper: Keeper, out: Path, days: int) -> tuple[str, ...]:
    first = keeper.replica.now() // DAY * DAY - days * DAY
    return ("prices", "chainlink", "--tokens", "WETH,WBTC", "--from", str(first + 1), "--out", str(out))


def test_command__of_feeds_with_a_past__writes_what_the_chain_says(keeper: Keeper, tmp_path: Path) -> None:
    give_a_past(keeper.replica, 100)
    out = tmp_path / "out.csv"
    done = keeper.command(*asked_for(keeper, out, 96), "--json")
    assert done.code == 0, done.said
    assert done.json["sources"] == ["feeds on chain 1"] and done.json["times"] == 96 and done.json["notices"] == []
    prices = read_prices([out])
    reads = RoundReads(Rpc(keeper.replica.url, 1), 1, MAINNET.multicall3, 1)
    times = prices.times.tolist()
    rounds = reads.at((ETH.address, BTC.address), times, read_head(keeper.replica.rpc))
    assert prices.symbols == ("WETH", "WBTC")
    assert prices.usd[:, 0].tolist() == [rounds[ETH.address][time].answer / 10**8 for time in times]
    # WBTC/BTC stands still at its price; so the product moves as BTC does.
    ratio = [usd * 10**8 / rounds[BTC.address][time].answer for usd, time in zip(prices.usd[:, 1], times, strict=True)]
    assert max(ratio) - min(ratio) < 1e-9 and 0.9 < ratio[0] < 1.1
    again = keeper.command("prices", "chainlink", "--from", str(times[0]), "--out", str(tmp_path / "again.csv"))
    assert "Prices 20" in again.said, "of the whole portfolio where no token is named"
    assert read_prices([tmp_path / "again.csv"]).symbols == ("WETH", "WBTC", "USDC", "LINK", "UNI")


def test_command__beyond_what_the_feeds_have__says_what_is_missing(keeper: Keeper, tmp_path: Path) -> None:
    give_a_past(keeper.replica, 30)
    midnight = keeper.replica.now() // DAY * DAY
    # As many as it has had, of which the older ones are not there.
    young = [(midnight - DAY * back - 600, 10**12) if back <= 10 else (0, 0) for back in range(30, -1, -1)]
    write_rounds(keeper.replica, aggregator_address(BTC), young)
    out = tmp_path / "out.csv"
    done = keeper.command(*asked_for(keeper, out, 60))
    said = " ".join(done.said.split())
    assert done.code == 0 and "prices are missing (WBTC " in said and "nothing was made up for them" in said
    with pytest.raises(ConfigError, match=r"out.csv:2: column 3 \(WBTC\): no price from "):
        read_prices([out])


def test_command__of_a_token_without_a_feed__is_refused_with_those_that_have_one(
    keeper: Keeper, tmp_path: Path
) -> None:
    done = keeper.command("prices", "chainlink", "--tokens", "PEPE", "--out", str(tmp_path / "out.csv"))
    assert done.code == ConfigError.exit_code and "no feed of PEPE" in done.said and "WETH, WBTC, USDC" in done.said


def test_command__killed_in_the_middle__goes_on_there_and_has_the_same(
    keeper: Keeper, counting: Counting, tmp_path: Path, cache: Path
) -> None:
    give_a_past(keeper.replica, 400)
    whole, out = tmp_path / "whole.csv", tmp_path / "out.csv"
    assert keeper.command(*asked_for(keeper, whole, 395)).code == 0
    for file in cache.iterdir():
        file.unlink()
    url = keeper.replica.url
    keeper.edit(url, counting.node.url())
    process = keeper.started(*asked_for(keeper, out, 395))
    assert counting.reached.wait(30), ended(process).said
    process.kill()
    ended(process)
    kept = {file.name: len(file.read_text().splitlines()) for file in cache.iterdir()}
    assert not out.exists() and kept and all(AT_ONCE < lines < 395 for lines in kept.values()), kept
    keeper.edit(counting.node.url(), url)
    done = keeper.command(*asked_for(keeper, out, 395), "--json")
    assert done.code == 0 and json.loads(done.out)["times"] == 395
    assert out.read_text() == whole.read_text()
    assert os.listdir(cache) and not [name for name in os.listdir(cache) if not name.endswith(".csv")]
