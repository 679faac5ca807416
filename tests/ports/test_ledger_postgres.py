"""The ledger on a real PostgreSQL: two keepers at once, a server that goes away, and errors by what happens next."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import given_postgres
import pytest
import sqlalchemy as sa
from given_ledger import EVER, OURS, a_basis, a_replacement, a_settlement, a_tick, an_intent
from given_postgres import Cluster, NoPostgres, a_cluster

from rebalancer.adapters.ledger.database import READ, WRITE, open_database
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import ConfigError, Halt, Unavailable


def _database(url: str) -> str:
    return url.split("@/")[1].split("?")[0]


def test_record_intent__by_two_at_the_same_moment__is_taken_from_one(postgres_url: str) -> None:
    SqlLedger(postgres_url, OURS).close()
    together = threading.Barrier(8)

    def attempt(number: int) -> bool:
        ledger = SqlLedger(postgres_url, OURS)
        together.wait()
        try:
            ledger.record_intent(an_intent(number), a_basis(an_intent(number)))
        except Unavailable:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(attempt, range(1, 9)))
    assert sum(taken) == 1
    assert SqlLedger(postgres_url, OURS).read(EVER).open_intent == an_intent(taken.index(True) + 1)


def test_record_replacement__by_two_at_the_same_moment__is_taken_from_one(postgres_url: str) -> None:
    SqlLedger(postgres_url, OURS).record_intent(an_intent(), a_basis(an_intent()))
    together = threading.Barrier(6)

    def attempt(tip: int) -> str | None:
        ledger = SqlLedger(postgres_url, OURS)
        together.wait()
        try:
            return ledger.record_replacement(an_intent(), a_replacement(an_intent(), tip=tip)).newest.hash
        except Unavailable:
            return None

    with ThreadPoolExecutor(6) as pool:
        taken = [each for each in pool.map(attempt, range(2, 8)) if each is not None]
    found = SqlLedger(postgres_url, OURS).read(EVER).open_intent
    assert found is not None and [found.newest.hash] == taken


def test_open__by_many_at_once__makes_one_ledger(postgres_url: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        pasts = list(pool.map(lambda _: SqlLedger(postgres_url, OURS).read(EVER), range(8)))
    assert len({past.last_block for past in pasts}) == 1


def test_connection__as_opened__waits_for_the_disk_and_not_for_others(postgres_url: str, postgres: Cluster) -> None:
    postgres.psql("postgres", f"ALTER DATABASE {_database(postgres_url)} SET synchronous_commit = off")
    ledger = SqlLedger(postgres_url, OURS)
    names = (
        "synchronous_commit",
        "lock_timeout",
        "statement_timeout",
        "idle_in_transaction_session_timeout",
        "transaction_isolation",
    )
    seen = {}
    for how in (READ, WRITE):
        with ledger._database.begin(how) as connection:
            seen[how] = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names]
    # A reader sees one state; of writers each question sees what was there when the wallet's lock was had.
    assert seen[READ] == ["on", "10s", "12s", "30s", "repeatable read"]
    assert seen[WRITE] == ["on", "10s", "12s", "30s", "read committed"]


def test_server__that_dies_and_comes_back__has_all_that_was_recorded() -> None:
    with a_cluster() as cluster:
        url = cluster.new_database()
        ledger = SqlLedger(url, OURS)
        ledger.record_intent(an_intent(), a_basis(an_intent()))
        cluster.stop()
        with pytest.raises(Unavailable, match="cannot be used now"):
            ledger.record_landing(an_intent(), a_settlement(an_intent()))
        with pytest.raises(Unavailable, match="cannot be used now"):
            SqlLedger(url, OURS)
        cluster.start()
        assert ledger.read(EVER).open_intent == an_intent(), "the same process goes on"
        ledger.record_landing(an_intent(), a_settlement(an_intent()))
        assert SqlLedger(url, OURS).read(EVER).open_intent is None


def test_connection__ended_by_the_server__is_made_anew_for_the_next_record(
    postgres_url: str, postgres: Cluster
) -> None:
    ledger = SqlLedger(postgres_url, OURS)
    postgres.psql(
        "postgres",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{_database(postgres_url)}'",
    )
    ledger.record_tick(a_tick())
    assert ledger.history(1) == (a_tick(),)


def test_record__while_somebody_holds_the_tables__is_unavailable_in_time(postgres_url: str, postgres: Cluster) -> None:
    postgres.psql("postgres", f"ALTER DATABASE {_database(postgres_url)} SET lock_timeout = '100ms'")
    ledger = SqlLedger(postgres_url, OURS)
    other = open_database(postgres_url)
    with other.begin(WRITE) as holding:
        holding.exec_driver_sql("LOCK TABLE turns")
        with (
            pytest.raises(Unavailable, match="cannot be used now.*lock timeout"),
            ledger._database.begin(WRITE) as connection,
        ):
            connection.exec_driver_sql("SET LOCAL lock_timeout = '100ms'")
            connection.exec_driver_sql("SELECT * FROM turns")
    other.close()
    assert ledger.read(EVER).open_intent is None


def test_open__of_a_database_that_is_not_there__is_a_config_error(postgres: Cluster) -> None:
    with pytest.raises(ConfigError, match='"nowhere" does not exist'):
        SqlLedger(postgres.url("nowhere"), OURS)


def test_open__by_an_account_without_rights__is_a_config_error(postgres_url: str, postgres: Cluster) -> None:
    SqlLedger(postgres_url, OURS).close()
    postgres.psql("postgres", "DROP ROLE IF EXISTS guest")
    postgres.psql("postgres", "CREATE ROLE guest LOGIN")
    with pytest.raises(ConfigError, match="permission denied"):
        SqlLedger(postgres_url.replace("keeper@", "guest@"), OURS)


def test_open__of_a_database_with_tables_of_the_same_names__is_refused_and_left_alone(
    postgres_url: str, postgres: Cluster
) -> None:
    name = _database(postgres_url)
    postgres.psql(name, "CREATE TABLE ticks (id INTEGER)")
    postgres.psql(name, "CREATE TABLE recipes (id INTEGER)")
    with pytest.raises(ConfigError, match=r"holds other tables \(ticks\)"):
        SqlLedger(postgres_url, OURS)
    assert postgres.psql(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == (
        "recipes\nticks"
    )


def test_record__refused_by_the_tables__halts_without_the_row(postgres_url: str) -> None:
    ledger = SqlLedger(postgres_url, OURS)
    ledger.record_intent(an_intent(1), a_basis(an_intent(1)))
    ledger.record_landing(an_intent(1), a_settlement(an_intent(1)))
    with pytest.raises(Halt, match="contradicts the others") as caught:
        ledger.record_intent(an_intent(1), a_basis(an_intent(1)))
    assert an_intent(1).commitment.raw.hex() not in str(caught.value)


def test_read__of_everything__is_of_one_state(postgres_url: str) -> None:
    reader, writer = open_database(postgres_url), SqlLedger(postgres_url, OURS)
    with reader.begin(READ) as connection:
        asked = sa.text("SELECT COUNT(*) FROM ticks")
        before = connection.execute(asked).scalar_one()
        writer.record_tick(a_tick())
        assert connection.execute(asked).scalar_one() == before == 0
    reader.close()


def test_cluster__where_postgresql_is_not_installed__says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_postgres, "_PLACES", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoPostgres, match="apt-get install postgresql"), a_cluster():
        raise AssertionError("there is none")
