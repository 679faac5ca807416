"""The ledger at a PostgreSQL that freezes, or whose network swallows everything: nobody waits for it for long."""

from __future__ import annotations

import os
import socket
import time

import pytest
from given_ledger import EVER, OURS, a_basis, a_tick, an_intent
from given_postgres import Cluster
from given_silence import a_silent_server, frozen

from rebalancer.adapters.ledger import server
from rebalancer.adapters.ledger.database import READ
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Unavailable

MINUTE = 60
ANSWERS = b"nothing has this in it"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second or two instead of fifteen."""
    monkeypatch.setattr(server, "SILENT_SECONDS", 1)
    monkeypatch.setattr(server, "CONNECT_SECONDS", 2)


@pytest.mark.usefixtures("impatient")
def test_ledger__at_a_server_that_freezes_in_the_middle__says_so_before_long_and_goes_on_with_it(
    postgres: Cluster, postgres_url: str
) -> None:
    """Over the machine's own socket, which knows no keepalive: a question, and then the row of why it went wrong."""
    ledger = SqlLedger(postgres_url, OURS)
    ledger.record_tick(a_tick())
    began = time.monotonic()
    with frozen(postgres):
        with pytest.raises(Unavailable, match="cannot be used now"):
            ledger.read(EVER)
        with pytest.raises(Unavailable, match="cannot be used now"):
            ledger.record_tick(a_tick("Unavailable", "the ledger cannot be read", None))
    assert time.monotonic() - began < 1 + 2 * 2 + 4
    assert ledger.history(5) == (a_tick(),), "the same process goes on, when the server does"


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("word", [b"keeper", b"pg_catalog.version", b"lock_timeout", b"FOR UPDATE", b"INTO attempts"])
def test_record_intent__at_a_server_that_falls_silent__is_unavailable_before_long(
    postgres: Cluster, postgres_url: str, word: bytes
) -> None:
    SqlLedger(postgres_url, OURS).close()
    began = time.monotonic()
    with (
        a_silent_server(postgres, postgres_url, word) as url,
        pytest.raises(Unavailable, match="cannot be used now"),
    ):
        SqlLedger(url, OURS).record_intent(an_intent(), a_basis(an_intent()))
    assert time.monotonic() - began < 10
    assert SqlLedger(postgres_url, OURS).read(EVER).open_intent is None


@pytest.mark.usefixtures("impatient")
def test_record_intent__whose_commit_is_not_answered__is_unavailable_and_known_to_the_next_tick(
    postgres: Cluster, postgres_url: str
) -> None:
    """Whether it is on record nobody can say then, and so nothing is sent."""
    SqlLedger(postgres_url, OURS).close()
    with (
        a_silent_server(postgres, postgres_url, b"COMMIT") as url,
        pytest.raises(Unavailable, match="fallen silent"),
    ):
        SqlLedger(url, OURS).record_intent(an_intent(), a_basis(an_intent()))
    assert SqlLedger(postgres_url, OURS).read(EVER).open_intent in (None, an_intent())


@pytest.mark.usefixtures("impatient")
def test_question__that_takes_longer_than_a_silence__is_answered_while_the_server_speaks(postgres_url: str) -> None:
    """What counts is silence: rows that keep coming are waited for."""
    ledger = SqlLedger(postgres_url, OURS)
    slow = "SELECT repeat('x', 9000), pg_sleep(0.2) FROM generate_series(1, 10)"
    with ledger._database.begin(READ) as connection:
        assert len(connection.exec_driver_sql(slow).all()) == 10
    with pytest.raises(Unavailable, match="fallen silent"), ledger._database.begin(READ) as connection:
        connection.exec_driver_sql("SELECT pg_sleep(5)")
    assert ledger.history(1) == ()


def test_connection__over_a_network__has_limits_at_both_ends(postgres: Cluster, postgres_url: str) -> None:
    """What an idle connection knows of a machine that is gone: its kernel has asked for it."""
    with a_silent_server(postgres, postgres_url, ANSWERS) as url:
        ledger = SqlLedger(url, OURS)
        with ledger._database.begin(READ) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            ours = socket.socket(fileno=os.dup(driver.fileno()))
            options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
            seen = [ours.getsockopt(socket.IPPROTO_TCP, option) for option in options]
            asked = ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            ours.close()
        ledger.close()
    assert (asked, seen) == (1, [10, 5, 3, 20_000])


def test_connection__whose_url_says_otherwise__does_as_it_says(postgres: Cluster, postgres_url: str) -> None:
    with a_silent_server(postgres, postgres_url, ANSWERS) as url:
        ledger = SqlLedger(f"{url}?keepalives_idle=77", OURS)
        with ledger._database.begin(READ) as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            assert driver.info.get_parameters()["keepalives_idle"] == "77"
        ledger.close()


def test_limits__of_a_question_and_a_connection__fit_into_a_minute() -> None:
    """A question that is not answered, then a connection anew for it, then one for the row that says so; and a host
    may have two addresses.
    """
    assert server.SILENT_SECONDS + 2 * 2 * server.CONNECT_SECONDS < MINUTE
    assert "'statement_timeout', '12s'" in server.SETTINGS
    assert server.SILENT_SECONDS > 12, "the server's own words come before ours"
