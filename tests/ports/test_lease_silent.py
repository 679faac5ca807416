"""The lease at a PostgreSQL whose machine stops, or whose network swallows everything: nobody waits for it for long."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack

import pytest
from given_leases import WALLET
from given_postgres import Cluster
from given_silence import a_silent_server, frozen

from rebalancer.adapters.lease.postgres import PostgresLease
from rebalancer.core.errors import Unavailable


@pytest.mark.parametrize("word", [b"keeper", b"pg_catalog.version", b"pg_try_advisory_lock", b"pg_stat_activity"])
def test_postgres__that_falls_silent__is_unavailable_before_long(
    postgres: Cluster, postgres_url: str, word: bytes
) -> None:
    began = time.monotonic()
    with (
        PostgresLease(postgres_url, WALLET).hold(),
        a_silent_server(postgres, postgres_url, word) as url,
        pytest.raises(Unavailable, match="PostgreSQL at 127.0.0.1 does not give it"),
        PostgresLease(url, WALLET, patience=2).hold(),
    ):
        raise AssertionError("nobody may hold it")
    assert time.monotonic() - began < 10


def test_postgres__that_falls_silent_while_it_is_held__lets_the_tick_end(postgres: Cluster, postgres_url: str) -> None:
    with a_silent_server(postgres, postgres_url, b"nothing has this in it") as url:
        with pytest.raises(ZeroDivisionError), PostgresLease(url, WALLET, patience=2).hold() as holder:
            assert holder is None
            with frozen(postgres):
                began = time.monotonic()
                raise ZeroDivisionError
        assert time.monotonic() - began < 2


def test_postgres__machine_stopped__is_unavailable_and_gives_it_when_it_runs_again(
    postgres: Cluster, postgres_url: str
) -> None:
    lease = PostgresLease(postgres_url, WALLET, patience=2)
    with frozen(postgres), pytest.raises(Unavailable), lease.hold():
        raise AssertionError("nobody may hold it")
    with lease.hold() as holder:
        assert holder is None


def test_postgres__connection__has_limits_on_both_sides(postgres: Cluster, postgres_url: str) -> None:
    """The server lets go of a client that is gone within half a minute; the client of a server within 20 seconds."""
    with a_silent_server(postgres, postgres_url, b"nothing has this in it") as url, ExitStack() as held:
        seen = {}
        connection = held.enter_context(PostgresLease(url, WALLET)._connected())
        connection.exec_driver_sql("SELECT 1")
        for name in ("statement_timeout", "lock_timeout"):
            seen[name] = connection.exec_driver_sql(f"SHOW {name}").scalar_one()
        driver = connection.connection.driver_connection
        assert driver is not None
        kernel = socket.socket(fileno=os.dup(driver.fileno()))
        held.callback(kernel.close)
        for name in ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"):
            seen[name] = kernel.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))
    assert seen == {
        **{"statement_timeout": "10s", "lock_timeout": "10s"},
        **{"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000},
    }
