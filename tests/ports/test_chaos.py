"""Clocks that are off, a key that somebody else uses, and a disk without space, around keepers that are killed."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from crash_judge import judge
from given_crashes import AT_ONCE, MODULE, NEVER, Lab, World
from given_keeper import Done, command
from given_postgres import Cluster

HOUR = 3_600
AHEAD = 3_000
"""Seconds: past every deadline, and less than the age at which a block is not believed here."""
AHEAD_OF_IT, BEHIND_IT = (2 * HOUR, "clock ahead"), (-HOUR, "clock is behind")
"""Of the chain: seconds, and what is said of it."""
RECORDED = "free: after ledger.record_intent"
SIGNED = "free: before ledger.record_intent"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("worlds"))
    yield lab
    lab.close()


@pytest.fixture
def world(lab: Lab) -> Iterator[World]:
    """What is sent is mined at once."""
    with lab.world(MODULE, AT_ONCE, random.Random(1)) as world:
        yield world


@pytest.fixture
def unmined(lab: Lab) -> Iterator[World]:
    """What is sent is mined when the test says so."""
    with lab.world(MODULE, NEVER, random.Random(1)) as world:
        yield world


def _holds_in_the_end(world: World, failures: int = 0) -> None:
    assert world.tick().word == "held"
    verdict = judge(world, failures)
    assert (verdict.double_sends, verdict.lost_fills, verdict.unresolved, verdict.differences) == ((), (), (), ())


@pytest.mark.parametrize(("off", "said"), [AHEAD_OF_IT, pytest.param(*BEHIND_IT, marks=pytest.mark.slow)])
def test_run__clock_off_before_anything_was_sent__sends_nothing_until_it_is_right(
    world: World, off: int, said: str
) -> None:
    world.off[0] = off
    ran = world.tick()
    assert ran.word == "Unavailable" and said in ran.detail
    assert world.sent() == 0 and world.open() is None
    world.off[0] = 0
    assert world.tick().word == "settled"
    _holds_in_the_end(world)


def test_run__clock_jumped_ahead_while_a_batch_was_open__cancels_it_and_trades_once(unmined: World) -> None:
    assert unmined.tick(RECORDED).killed
    unmined.off[0] = AHEAD
    assert "past its deadline" in unmined.tick().detail
    intent = unmined.open()
    assert intent is not None and [each.purpose for each in intent.attempts] == ["send", "cancel"]
    assert unmined.pooled() == {unmined.first_nonce: intent.newest.hash}
    unmined.mine()
    assert unmined.tick().word == "failed"
    unmined.off[0] = 0
    unmined.make_final()
    assert unmined.tick().word == "pending"
    unmined.mine()
    assert unmined.tick().word == "settled"
    _holds_in_the_end(unmined, failures=1)


@pytest.mark.parametrize(("off", "said"), [pytest.param(*AHEAD_OF_IT, marks=pytest.mark.slow), BEHIND_IT])
def test_run__clock_off_while_a_batch_was_open__settles_it_once_it_is_right(
    unmined: World, off: int, said: str
) -> None:
    assert unmined.tick(RECORDED).killed
    unmined.off[0] = off
    ran = unmined.tick()
    assert ran.word == "Unavailable" and said in ran.detail and not unmined.pooled()
    unmined.off[0] = 0
    assert unmined.tick().word == "pending"
    unmined.mine()
    assert unmined.tick().word == "settled"
    _holds_in_the_end(unmined)


@pytest.mark.slow
@pytest.mark.parametrize("off", [AHEAD, -100])
def test_run__second_host_whose_clock_is_off_takes_over__settles_the_same_batch(
    lab: Lab, postgres: Cluster, off: int
) -> None:
    with lab.world(MODULE, AT_ONCE, random.Random(1), postgres.new_database) as world:
        assert world.done(world.start("free: after wallet.execute send", 0)).killed
        world.off[1] = off
        assert world.done(world.start(host=1)).word == "settled"
        world.off[1] = 0
        _holds_in_the_end(world)


def _said_by_a_person(world: World, *arguments: str) -> Done:
    return command(*arguments, "--config", str(world.keeper.config))


def test_run__key_used_elsewhere_after_the_keeper_died__halts_and_names_what_took_the_nonce(
    world: World, own_state: None
) -> None:
    assert world.tick(RECORDED).killed
    intent, operator = world.open(), world.keeper.operator.address
    other = world.replica.send(operator, operator)["transactionHash"]
    for _ in range(2):
        ran = world.tick()
        assert ran.word == "Halt" and f"nonce {world.first_nonce} was used by {other}" in ran.detail
    assert world.sent() == 1
    done = _said_by_a_person(world, "resume", "--why", "it was my own transfer", "--json")
    assert intent is not None and done.json["closed"] == intent.newest.hash
    assert world.tick().word == "settled"
    assert world.tick().word == "held"
    (strange,) = judge(world, 1).double_sends
    assert strange == f"{other} was mined, and the ledger does not know it"


def test_run__key_used_elsewhere_before_a_batch_was_recorded__is_no_concern_of_the_next(world: World) -> None:
    assert world.tick(SIGNED).killed
    world.replica.send(world.keeper.operator.address, world.keeper.operator.address)
    assert world.tick().word == "settled"
    assert world.tick().word == "held"
    assert len(judge(world, 0).double_sends) == 1, "that transaction is nobody's"
    assert judge(world, 0).unresolved == () and judge(world, 0).lost_fills == ()


def test_run__no_space_for_the_ledger__sends_nothing_until_there_is(world: World) -> None:
    assert world.tick("free: before wallet.commit").killed
    world.most_bytes = 40_000
    ran = world.tick()
    assert ran.word == "Unavailable" and "cannot be used now" in ran.detail
    assert "free: before ledger.record_intent" in ran.steps and world.sent() == 0 and not world.pooled()
    world.most_bytes = 0
    assert world.tick().word == "settled"
    _holds_in_the_end(world)


def test_run__no_space_for_the_ledger_while_a_batch_is_open__settles_it_when_there_is(world: World) -> None:
    assert world.tick("free: after wallet.execute send").killed
    world.most_bytes = 34_000
    ran = world.tick()
    assert ran.word == "Unavailable" and "cannot be used now" in ran.detail
    assert world.open() is not None and world.sent() == 1
    world.most_bytes = 0
    assert world.tick().word == "settled"
    _holds_in_the_end(world)
