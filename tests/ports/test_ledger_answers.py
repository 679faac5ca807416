"""What venues have answered: kept with the tick that asked them or not at all, and the newest of each at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from given_ledger import OURS, USDC, WETH, Again, a_tick, file_url
from given_old_ledger import OPEN_ONE

from rebalancer.adapters.ledger.database import READ, WRITE, Database, open_database
from rebalancer.adapters.ledger.idle import IdleLedger
from rebalancer.adapters.ledger.migrate import migrate
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Halt
from rebalancer.core.model import Answer, Heard, TickRecord
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Amount, Usd

NAMES = ("velora", "odos", "kyber")


def counted(venue: str) -> Answer:
    """With numbers that fit no 64 bits."""
    return Answer(
        venue=venue,
        sold=(Amount(WETH, 2**256 - 1),),
        least=(Amount(USDC, 1),),
        says=(Amount(USDC, 2**200),),
        arrived=(Amount(USDC, 2**200 - 1),),
        gas=2**64,
        net=Usd(-(10**30)),
        refused=None,
    )


def refused(venue: str, why: str) -> Answer:
    return Answer(venue, (Amount(WETH, 1),), (Amount(USDC, 1),), (), (), None, None, why)


def at(seconds: int) -> TickRecord:
    """A tick at that time."""
    return replace(a_tick(), at=seconds)


# ---------------------------------------------------------------- every ledger


def test_heard__of_venues_that_were_never_asked__is_nothing(again: Again) -> None:
    again().record_tick(a_tick())
    assert again().heard(NAMES) == tuple(map(Heard, NAMES))
    assert again().heard(()) == ()


def test_heard__after_ticks_that_asked__is_the_newest_of_each_kind(again: Again) -> None:
    again().record_tick(at(100), [counted("velora"), refused("odos", "it answered 500: out"), counted("own")])
    again().record_tick(at(200))
    again().record_tick(at(300), [refused("velora", "receiver: 0x01, expected the wallet"), counted("odos")])
    again().record_tick(at(400), [refused("odos", "first"), refused("odos", "second")])
    assert again().heard(NAMES) == (
        Heard("velora", 100, 300, "receiver: 0x01, expected the wallet"),
        Heard("odos", 300, 400, "second"),
        Heard("kyber"),
    )
    assert again().heard(("odos", "velora"))[1].counted_at == 100


def test_record_tick__with_answers__is_a_tick_like_others(again: Again) -> None:
    again().record_tick(a_tick("settled"), [counted("velora")])
    again().record_tick(a_tick("held"))
    assert again().history(5) == (a_tick("held"), a_tick("settled"))


# ---------------------------------------------------------------- in tables


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty database that many may share."""
    if request.param == "sqlite":
        return f"{file_url(tmp_path)}?portfolios=many"
    return str(request.getfixturevalue("postgres_url"))


def asked(url: str, question: str) -> list[tuple[object, ...]]:
    database = open_database(url)
    with database.begin(READ) as connection:
        found = [tuple(row) for row in connection.execute(sa.text(question)).all()]
    database.close()
    return found


def test_answers__of_a_tick__name_it_and_are_exact_in_their_order(url: str) -> None:
    ledger = SqlLedger(url, OURS)
    ledger.record_tick(a_tick())
    ledger.record_tick(a_tick("settled"), [refused("odos", "it answered 429: slow down"), counted("velora")])
    columns = "tick, place, portfolio, venue, sold, least, says, arrived, gas, net, refused, counted"
    weth, usdc = WETH.address, USDC.address
    assert asked(url, f"SELECT {columns} FROM answers ORDER BY place") == [
        (2, 0, 1, "odos", f'[["{weth}","1"]]', f'[["{usdc}","1"]]', "[]", "[]", None, None)
        + ("it answered 429: slow down", 0),
        (2, 1, 1, "velora", f'[["{weth}","{2**256 - 1}"]]', f'[["{usdc}","1"]]', f'[["{usdc}","{2**200}"]]')
        + (f'[["{usdc}","{2**200 - 1}"]]', str(2**64), str(-(10**30)), None, 1),
    ]
    ledger.close()


@pytest.mark.parametrize("wrong", [replace(counted("it"), net=None), replace(refused("it", "no"), net=Usd(1))])
def test_record_tick__with_an_answer_that_contradicts_itself__halts_and_leaves_no_tick(url: str, wrong: Answer) -> None:
    ledger = SqlLedger(url, OURS)
    ledger.record_tick(a_tick())
    with pytest.raises(Halt, match="contradicts the others"):
        ledger.record_tick(a_tick("settled"), [counted("velora"), wrong])
    assert ledger.history(5) == (a_tick(),) and ledger.heard(("velora",)) == (Heard("velora"),)
    ledger.close()


def test_heard__in_a_ledger_of_many__is_of_ones_own_portfolio(url: str) -> None:
    other = replace(OURS, wallet=checksum_address("0x" + "66" * 20))
    first, second = SqlLedger(url, OURS), SqlLedger(url, other)
    assert second.heard(NAMES) == tuple(map(Heard, NAMES)), "who has not joined has heard nothing"
    first.record_tick(at(100), [counted("velora")])
    second.record_tick(at(200), [refused("velora", "no")])
    assert first.heard(("velora",)) == (Heard("velora", 100),)
    assert second.heard(("velora",)) == (Heard("velora", None, 200, "no"),)
    first.close()
    second.close()


def test_heard__after_many_ticks__goes_through_few_of_them(tmp_path: Path) -> None:
    SqlLedger(file_url(tmp_path), OURS).record_tick(at(50), [refused("velora", "once"), refused("own", "once")])
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file, file:
        file.execute("PRAGMA foreign_keys=OFF")
        file.executemany(
            "INSERT INTO answers (tick, place, portfolio, venue, sold, least, says, arrived, net, counted)"
            " VALUES (?, ?, 1, ?, '[]', '[]', '[]', '[]', '0', 1)",
            ((tick, place, venue) for tick in range(2, 20_000) for place, venue in enumerate(("velora", "own"))),
        )
        file.executemany(
            "INSERT INTO ticks (portfolio, at, outcome, detail, requests) VALUES (1, ?, 'held', '', 1)",
            ((100 * tick,) for tick in range(2, 20_000)),
        )
    ledger = IdleLedger(file_url(tmp_path), OURS)
    assert ledger._connection is not None
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    ledger._connection.set_progress_handler(step, 1_000)
    assert ledger.heard(("velora", "own")) == tuple(Heard(name, 1_999_900, 50, "once") for name in ("velora", "own"))
    assert steps < 2, "two thousand instructions of SQLite; every answer once would be hundreds of thousands"


# ---------------------------------------------------------------- from version 3


def _as_of_version_3(url: str) -> Database:
    database = open_database(url)
    with database.begin(WRITE) as connection:
        migrate(connection, 1, "3")
    return database


def test_ledger_of_version_3__once_it_is_of_this__goes_on_and_keeps_answers(old_ledger: str) -> None:
    database = _as_of_version_3(old_ledger)
    with database.begin(READ) as connection:
        assert connection.execute(sa.text("SELECT version FROM ledger_schema")).scalar_one() == 3
        assert not sa.inspect(connection).has_table("answers")
        before = connection.execute(sa.text("SELECT count(*), max(id) FROM ticks")).one()
    database.close()
    ledger = SqlLedger(old_ledger, OURS)
    assert ledger.heard(NAMES) == tuple(map(Heard, NAMES))
    ledger.record_tick(at(1_700_000_500), [counted("velora")])
    assert ledger.heard(("velora",)) == (Heard("velora", 1_700_000_500),)
    ledger.close()
    assert asked(old_ledger, "SELECT count(*), max(id) FROM ticks") == [(before[0] + 1, before[1] + 1)]
    assert asked(old_ledger, "SELECT tick FROM answers") == [(before[1] + 1,)]
    assert asked(old_ledger, f"SELECT id FROM intents WHERE id = '{OPEN_ONE.id}'") == [(OPEN_ONE.id,)]
