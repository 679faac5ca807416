"""One contract for every lease: one keeper at a time has it, others are told who, and death lets go of it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from given_leases import RACER, Place, a_lease, told
from given_postgres import Cluster

from rebalancer.adapters.lease.file import NAMELESS, FileLease
from rebalancer.adapters.lease.postgres import PostgresLease, key_of
from rebalancer.core.errors import ConfigError, Unavailable

NOWHERE = "postgresql+psycopg://keeper:7Secret@127.0.0.1:1/ledger"


@pytest.fixture(params=["file", "postgres", "both"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    url = "" if request.param == "file" else request.getfixturevalue("postgres_url")
    with ExitStack() as running:
        yield Place(request.param, str(tmp_path / "locks" / "wallet.lock"), url, running)


def holder_of(place: Place) -> str | None:
    """Who has it, by one who asks for it and lets go at once; None: nobody."""
    with place.lease().hold() as holder:
        return holder


def test_hold__nobody_has_it__is_ours_and_free_again_afterwards(place: Place) -> None:
    for _ in range(2):
        with place.lease().hold() as holder:
            assert holder is None


def test_hold__another_process_has_it__names_its_process_and_host(place: Place) -> None:
    other = place.held_elsewhere()
    said = holder_of(place)
    assert said is not None and f"process {other.pid} on {os.uname().nodename}"[:60] in said


def test_hold__twice_in_one_process__is_given_once(place: Place) -> None:
    with place.lease().hold() as first, place.lease().hold() as second:
        assert first is None
        assert second is not None and f"process {os.getpid()} on" in second


def test_hold__after_one_who_was_refused__is_still_the_holders(place: Place) -> None:
    place.held_elsewhere()
    assert [holder_of(place) is None for _ in range(3)] == [False] * 3


def test_hold__holder_was_killed__is_free(place: Place) -> None:
    other = place.held_elsewhere()
    other.kill()
    other.wait()
    ends = time.monotonic() + 10
    while (said := holder_of(place)) is not None and time.monotonic() < ends:
        time.sleep(0.05)  # the server notices a moment later that its client is gone
    assert said is None


def test_hold__holder_is_done__is_free(place: Place) -> None:
    other = place.held_elsewhere()
    other.communicate("", timeout=10)
    assert other.returncode == 0
    ends = time.monotonic() + 10
    while (said := holder_of(place)) is not None and time.monotonic() < ends:
        time.sleep(0.05)
    assert said is None


def test_hold__an_error_inside__comes_out_as_it_is_and_lets_go(place: Place) -> None:
    with pytest.raises(ZeroDivisionError), place.lease().hold():
        raise ZeroDivisionError
    assert holder_of(place) is None


def test_hold__two_hosts_at_once_many_times__one_has_it_at_a_time(place: Place) -> None:
    racers = [place.started(RACER) for _ in range(3)]
    # A wallet for each time: a server may notice a moment later that the last one was let go.
    for wallet in range(10):
        said = told(racers, f"1-0x{wallet}")
        assert said.count("held\n") == 1, said
        assert told(racers, "let go") == ["let go\n"] * 3


# ---------------------------------------------------------------- the file


def test_file__held_by_somebody_without_a_name__is_refused_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "wallet.lock"
    with FileLease(path).hold():
        path.write_text("")
        with FileLease(path).hold() as holder:
            assert holder == NAMELESS


def test_file__that_is_new__lets_nobody_else_write_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "wallet.lock"
    with FileLease(path).hold():
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_file__that_cannot_be_made__is_a_config_error(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=f"{tmp_path} cannot be opened .*set XDG_STATE_HOME"),
        FileLease(tmp_path).hold(),
    ):
        raise AssertionError("nobody may hold it")


# ---------------------------------------------------------------- PostgreSQL


def test_postgres__of_two_wallets__are_two_leases(postgres_url: str) -> None:
    with PostgresLease(postgres_url, "1-0xa").hold() as first, PostgresLease(postgres_url, "1-0xb").hold() as second:
        assert (first, second) == (None, None)


def test_postgres__of_one_wallet_in_two_databases__are_two_leases(postgres: Cluster) -> None:
    first, second = (PostgresLease(postgres.new_database(), "1-0xa") for _ in range(2))
    with first.hold() as one, second.hold() as other:
        assert (one, other) == (None, None)


@pytest.mark.parametrize("name", ["1-0xa", "1-0xb", "17-0xa"])
def test_key__of_any_wallet__is_a_signed_number_of_64_bits_and_always_the_same(name: str) -> None:
    assert -(2**63) <= key_of(name) < 2**63
    assert key_of(name) == key_of(name) and key_of(name) != key_of(name + "0")


def test_postgres__server_lost_while_it_is_held__does_not_hide_how_the_tick_ended(postgres: Cluster) -> None:
    url = postgres.new_database()
    with pytest.raises(ZeroDivisionError), PostgresLease(url, "1-0xa").hold() as holder:
        assert holder is None
        # As a server that is restarted, or a network that is cut.
        postgres.psql(
            "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'process %'"
        )
        raise ZeroDivisionError
    with PostgresLease(url, "1-0xa").hold() as holder:
        assert holder is None


def test_postgres__that_does_not_answer__is_unavailable_without_the_password() -> None:
    refused = pytest.raises(Unavailable, match="PostgreSQL at 127.0.0.1 does not give it")
    with refused as caught, PostgresLease(NOWHERE, "1-0xa").hold():
        raise AssertionError("nobody may hold it")
    assert "7Secret" not in str(caught.value)


def test_postgres__url_that_cannot_be_read__is_a_config_error_without_it() -> None:
    with pytest.raises(ConfigError) as caught, PostgresLease("postgresql 7Secret", "1-0xa").hold():
        raise AssertionError("nobody may hold it")
    assert "7Secret" not in str(caught.value)


def test_both__file_held_by_another__does_not_ask_the_server(tmp_path: Path) -> None:
    path = str(tmp_path / "wallet.lock")
    with FileLease(Path(path)).hold(), a_lease("both", path, NOWHERE).hold() as holder:
        assert holder is not None and f"process {os.getpid()}" in holder
