"""Live keepers that are killed at a step of their tick, and what their chain and ledger say when they are done.

A few of the steps; all of them, and random times, are killed at by scripts/bench/crash.py.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from crash_judge import judge, unrecorded
from crash_rounds import Round, run_round
from crash_scenes import SCENES, Scene
from given_crashes import AT_ONCE, MODULE, MOVING, SAFE, Lab, World
from given_postgres import Cluster

SCENE = {scene.name: scene for scene in SCENES}
STEPS = (
    ("mined at once", "free: inside ledger.record_intent", MODULE),
    ("mined at once", "free: after wallet.execute send", SAFE),
    ("raised", "open: after ledger.record_replacement raise", MODULE),
    ("taken back", "landed: inside ledger.record_reopened", MODULE),
    ("targets set at once", "free: after ledger.record_intent", MOVING),
)
MORE_STEPS = (
    ("mined at once", "starts: inside ledger.open", MODULE),
    ("mined at once", "free: after signer.sign", MODULE),
    ("mined at once", "free: after ledger.record_intent", MODULE),
    ("mined at once", "free: inside ledger.record_landing settled", SAFE),
    ("mined at once", "free: after ledger.record_landing settled", MODULE),
    ("mined at once", "ends: before ledger.record_tick settled", MODULE),
    ("raised", "open: after signer.sign", SAFE),
    ("raised", "open: inside ledger.record_replacement raise", MODULE),
    ("raised", "open: after wallet.execute raise", MODULE),
    ("cancelled", "open: after ledger.record_replacement cancel", MODULE),
    ("cancelled", "open: after wallet.execute cancel", SAFE),
    ("cancelled", "open: inside ledger.record_landing failed", MODULE),
    ("dropped", "open: after wallet.execute send", MODULE),
    ("late", "open: after ledger.record_landing failed", MODULE),
    ("forgotten", "open: before ledger.record_landing failed", MODULE),
    ("taken back", "landed: after ledger.record_reopened", MODULE),
    ("moved", "open: before ledger.record_landing settled", MODULE),
    ("targets set at once", "free: after wallet.execute send", MOVING),
    ("targets set at once", "free: after ledger.record_landing settled", MOVING),
    ("targets raised", "open: after ledger.record_replacement raise", MOVING),
    ("targets cancelled", "open: after wallet.execute cancel", MOVING),
    ("targets taken back", "landed: inside ledger.record_reopened", MOVING),
)
RACED = (
    ("mined at once", "free: before wallet.commit"),
    ("mined at once", "free: after ledger.record_intent"),
    ("raised", "open: after ledger.record_replacement raise"),
    ("taken back", "landed: after ledger.record_reopened"),
)


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


def _killed_once(lab: Lab, round_: Round, cluster: Cluster | None = None) -> None:
    result = run_round(lab, round_, [1.0], None if cluster is None else cluster.new_database)
    assert result.at == (round_.stop,)
    assert result.words == ()


@pytest.mark.parametrize(("scene", "step", "kind"), STEPS)
def test_run__killed_at_a_step__settles_once_and_the_ledger_is_as_the_chain(
    lab: Lab, scene: str, step: str, kind: str
) -> None:
    _killed_once(lab, Round(SCENE[scene], kind, step, step))


@pytest.mark.slow
@pytest.mark.parametrize(("scene", "step", "kind"), MORE_STEPS)
def test_run__killed_at_any_other_step__settles_once_and_the_ledger_is_as_the_chain(
    lab: Lab, scene: str, step: str, kind: str
) -> None:
    _killed_once(lab, Round(SCENE[scene], kind, step, step))


@pytest.mark.slow
@pytest.mark.parametrize(("scene", "step"), RACED)
def test_run__one_of_two_hosts_killed_at_a_step__one_batch_settles(
    lab: Lab, postgres: Cluster, scene: str, step: str
) -> None:
    _killed_once(lab, Round(SCENE[scene], MODULE, step, step), postgres)


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_run__killed_three_times_at_random__settles_once_and_the_ledger_is_as_the_chain(lab: Lab, scene: Scene) -> None:
    round_ = Round(scene, scene.kind or MODULE, f"random {scene.name}", kills=3)
    result = run_round(lab, round_, [0.5, 1.0, 1.5])
    assert result.words == ()


def _settled(world: World) -> None:
    assert world.tick().word == "settled"
    assert world.tick().word == "held"
    assert judge(world, 0).words == (), "else the judge has something against a keeper that nobody has killed"


def _rewritten(world: World, *statements: str) -> None:
    with closing(sqlite3.connect(world.keeper.folder / "rebalancer.sqlite")) as connection, connection:
        for statement in statements:
            assert connection.execute(statement).rowcount, statement


def test_judge__of_what_the_ledger_never_knew__tells_it_as_sent_twice(world: World) -> None:
    _settled(world)
    _rewritten(world, "UPDATE attempts SET hash = '0x00'")
    assert any("does not know it" in words for words in judge(world, 0).double_sends)
    assert any("was sent, and the ledger does not know it" in words for words in unrecorded(world))


def test_judge__of_another_fill_than_the_chains__tells_it(world: World) -> None:
    _settled(world)
    _rewritten(world, "UPDATE fills SET raw = '1' WHERE place = 0")
    assert "the ledger has" in " ".join(judge(world, 0).lost_fills)
    world.replica.deal("UNI", world.keeper.wallet, 1)
    assert any(words.startswith("the wallet holds 1 UNI") for words in judge(world, 0).lost_fills)


def test_judge__of_another_block_than_the_chains__tells_it(world: World) -> None:
    _settled(world)
    _rewritten(world, "UPDATE receipts SET block = block - 1")
    (words,) = judge(world, 0).differences
    assert "is in (block, hash, gas)" in words
    _rewritten(world, "UPDATE receipts SET tx = '0x00'")
    assert len(judge(world, 0).differences) == 2, "one lands nowhere, and one has not landed"


def test_judge__of_a_keeper_that_was_not_run_again__tells_what_is_open(world: World) -> None:
    assert world.tick("free: after wallet.execute send").killed
    verdict = judge(world, 0)
    assert any("is open" in words for words in verdict.unresolved)
    assert any("no intent landed with it" in words for words in verdict.differences)
    assert verdict.double_sends == ()
