"""The queue of many portfolios: each once in a round, one worker at a time, and what a dead one had goes to another.

One contract, on rows of PostgreSQL and on files; and what only a server can do, for many hosts.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from given_ledger import EVER, OURS, a_basis, a_tick, an_intent
from given_postgres import Cluster

from rebalancer.adapters.ledger import fleet
from rebalancer.adapters.ledger.fleet import ServerQueue
from rebalancer.adapters.ledger.sql import SqlLedger
from rebalancer.core.errors import Unavailable
from rebalancer.fleet import Ended, Queue, worst
from rebalancer.wire import open_queue

NAMES = ("1-0xa", "1-0xb", "1-0xc")
WELL = Ended("held", "every weight is inside its band", 0)


@pytest.fixture(params=["files", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "files" else str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def another(place: str) -> Iterator[Callable[[], Queue]]:
    """A queue of one more worker."""
    made: list[Queue] = []

    def make() -> Queue:
        made.append(open_queue(place))
        return made[-1]

    yield make
    for queue in made:
        queue.close()


def taken(queue: Queue, number: int, names: tuple[str, ...] = NAMES) -> str | None:
    """The name of a turn that ends well."""
    with queue.take(number, names) as turn:
        if turn is None:
            return None
        turn.end(WELL)
        return turn.name


def test_take__again_and_again__gives_each_once_and_then_none(another: Callable[[], Queue]) -> None:
    queue = another()
    number = queue.join(NAMES)
    assert sorted(str(taken(queue, number)) for _ in NAMES) == list(NAMES)
    assert taken(queue, number) is None
    assert {name: (e.outcome, e.detail, e.code) for name, e in queue.ended(number, NAMES).items()} == dict.fromkeys(
        NAMES, (WELL.outcome, WELL.detail, WELL.code)
    )
    assert all(e.worker.startswith(f"process {os.getpid()} on ") for e in queue.ended(number, NAMES).values())


def test_take__while_another_has_it__gives_the_others_and_says_who(another: Callable[[], Queue]) -> None:
    first, second = another(), another()
    number = first.join(NAMES)
    with first.take(number, NAMES) as turn:
        assert turn is not None
        rest = {taken(second, number), taken(second, number)}
        assert rest == set(NAMES) - {turn.name}
        assert taken(second, number) is None
        assert list(second.holders(number, NAMES)) == [turn.name]
        turn.end(WELL)
    assert second.holders(number, NAMES) == {} and taken(second, number) is None


def test_turn__left_without_an_end__is_another_ones_and_counted(another: Callable[[], Queue]) -> None:
    queue = another()
    number = queue.join(NAMES[:1])
    for tries in (1, 2, 3):
        with queue.take(number, NAMES[:1]) as turn:
            assert turn is not None and turn.tries == tries
    assert queue.ended(number, NAMES) == {}


def test_take__after_a_worker_died_at_one__gives_the_others_first(another: Callable[[], Queue]) -> None:
    queue = another()
    number = queue.join(NAMES)
    with queue.take(number, NAMES) as turn:
        assert turn is not None
        bad = turn.name
    order = [taken(queue, number) for _ in NAMES]
    assert order[-1] == bad


def _hold(place: str, number: int, ready: Any) -> None:
    with open_queue(place).take(number, NAMES) as turn:
        assert turn is not None
        ready.send(turn.name)
        ready.recv()


def test_turn__of_a_worker_that_is_killed__goes_to_another(place: str, another: Callable[[], Queue]) -> None:
    queue = another()
    number = queue.join(NAMES)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_hold, args=(place, number, there))
    process.start()
    assert here.poll(60), "it takes nothing"
    name = here.recv()
    assert list(queue.holders(number, NAMES)) == [name]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    order = []
    while (found := taken(queue, number)) is not None or len(order) < len(NAMES):
        order += [found] if found else []
    assert sorted(order) == list(NAMES) and order[-1] == name


def test_take__by_many_at_once__gives_each_to_one(another: Callable[[], Queue]) -> None:
    names = tuple(f"1-0x{number:03}" for number in range(40))
    number = another().join(names)
    together = threading.Barrier(6)

    def work(queue: Queue) -> list[str]:
        together.wait()
        return list(iter(lambda: taken(queue, number, names) or "", ""))

    with ThreadPoolExecutor(6) as pool:
        parts = list(pool.map(work, [another() for _ in range(6)]))
    assert sorted(name for part in parts for name in part) == list(names)


def test_exit_code__of_many__is_the_one_that_most_wants_a_look() -> None:
    assert [worst(codes) for codes in ([], [0, 3], [3, 4, 0], [4, 2], [2, 1], [1, 5, 0], [5, -9])] == [
        *(0, 3, 4, 2, 1, 5, -9)
    ]


# ---------------------------------------------------------------- on a server


@pytest.fixture
def server(postgres_url: str) -> Iterator[ServerQueue]:
    queue = ServerQueue(postgres_url)
    yield queue
    queue.close()


def _database(url: str) -> str:
    return url.split("@/")[1].split("?")[0]


def test_join__by_two_hosts_in_one_minute__is_one_round_until_all_is_done(
    server: ServerQueue, postgres_url: str
) -> None:
    other = ServerQueue(postgres_url)
    number = server.join(NAMES)
    assert other.join(NAMES) == number
    done = {taken(server, number), taken(other, number), taken(server, number)}
    assert done == set(NAMES)
    assert other.join(NAMES) == number + 1, "a person may start it again at once"
    other.close()


def test_join__a_while_later__begins_the_next_round_which_waits_for_nobody(
    server: ServerQueue, postgres_url: str, postgres: Cluster
) -> None:
    later = ServerQueue(postgres_url)
    number = server.join(NAMES)
    with server.take(number, NAMES) as turn:
        assert turn is not None
        postgres.psql(_database(postgres_url), f"UPDATE fleet_rounds SET begun_at = begun_at - {fleet.TOGETHER}")
        following = later.join(NAMES)
        assert following == number + 1
        assert {taken(later, following), taken(later, following)} == set(NAMES) - {turn.name}
        assert taken(later, following) is None, "it is not taken twice at a time"
        assert taken(server, number) is None, "the earlier round need not do again what the later has done"
        turn.end(WELL)
    assert taken(later, following) == turn.name
    assert len(server.ended(number, NAMES)) == 3
    later.close()


def test_take__of_what_was_done_while_it_looked__looks_again(
    server: ServerQueue, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question sees what was committed before it began; the lock it gets may be a moment younger."""
    other = ServerQueue(postgres_url)
    number = server.join(NAMES)
    execute, late = fleet._execute, [NAMES[0]]

    def slow(connection: Any, statement: str, **values: Any) -> Any:
        if statement == fleet._SEEN and values["name"] in late:
            late.clear()
            # What another has put on record, and let go, after the first question was begun.
            other.write(fleet._REFUSE, name=NAMES[0], round=number, worker="another", **fleet._fields(WELL))
        return execute(connection, statement, **values)

    monkeypatch.setattr(fleet, "_execute", slow)
    with server.take(number, NAMES) as turn:
        assert turn is not None and turn.name == NAMES[1]
        assert list(other.holders(number, NAMES)) == [NAMES[1]], "what was done is not held"
    other.close()


def test_turn__that_ended_after_its_lock_was_lost__is_on_record(
    server: ServerQueue, postgres_url: str, postgres: Cluster
) -> None:
    number = server.join(NAMES)
    with server.take(number, NAMES) as turn:
        assert turn is not None
        postgres.psql(
            _database(postgres_url),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'",
        )
        turn.end(WELL)
    assert list(server.ended(number, NAMES)) == [turn.name]


def test_take__whose_lock_was_lost_before_the_end__says_so(
    server: ServerQueue, postgres_url: str, postgres: Cluster
) -> None:
    number = server.join(NAMES)
    with pytest.raises(Unavailable, match="cannot be used now"), server.take(number, NAMES) as turn:
        assert turn is not None
        postgres.psql(
            _database(postgres_url),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )


def test_join__on_an_empty_database__makes_a_ledger_for_keepers(server: ServerQueue, postgres_url: str) -> None:
    server.join(NAMES)
    assert SqlLedger(postgres_url, OURS).read(EVER).open_intent is None


def test_turn__while_it_lasts__lets_the_keeper_write(server: ServerQueue, postgres_url: str) -> None:
    """The lock is not one that a portfolio's own records wait for."""
    number = server.join(NAMES)
    with server.take(number, NAMES):
        ledger = SqlLedger(postgres_url, OURS)
        ledger.record_tick(a_tick())
        ledger.record_intent(an_intent(), a_basis(an_intent()))
        assert ledger.history(1) == (a_tick(),)
