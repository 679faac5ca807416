"""What happens between the decision and the next tick: the market moves, the process dies, blocks do not come."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from given_fork import ETHER, Stage, buy
from given_fork_keeper import InterruptedWallet, Keeper, Killed, a_keeper, die, with_pools, with_targets, with_value

from rebalancer.core.model import Blocked, Failed, Pending, Settled
from rebalancer.ports import Ports

LINK_POOL = "v3 LINK/WETH 0.3 %"
WHALE = ("LINK", 3000, 2_000 * ETHER)
"""More than any pool of LINK takes without moving by far more than our slippage."""


@pytest.fixture
def one_pool(stage: Stage, tmp_path: Path) -> Keeper:
    """Two tokens and the one pool between them: what moves it moves us.

    A block past its deadline is no further ahead of our clock than a node's may be.
    """
    tokens = with_targets({"WETH": 60, "LINK": 40}, cash="WETH")
    return a_keeper(stage, tmp_path, tokens, with_pools(LINK_POOL), with_value("limits", "deadline", "1 min"))


def _interrupted(
    keeper: Keeper, before: Callable[[], None] | None = None, after: Callable[[], None] | None = None
) -> Ports:
    ports = keeper.ports()
    return replace(ports, wallet=InterruptedWallet(ports.wallet, before, after))


def test_live_tick__market_moves_before_it_is_mined__fails_and_moves_nothing_but_gas(
    stage: Stage, one_pool: Keeper
) -> None:
    before, ether = stage.balances(), stage.fork.ether(stage.operator)
    ports = _interrupted(one_pool, before=lambda: buy(stage.fork, stage.whale, WHALE, stage.whale.address))
    failed = one_pool.tick(live=True, ports=ports).outcome
    assert isinstance(failed, Failed), failed
    assert "Too little received" in failed.reason
    assert stage.balances() == before
    assert set(stage.allowances().values()) == {0}
    assert (stage.fork.nonce(stage.operator), stage.fork.ether(stage.operator) < ether) == (1, True)
    # It is over: the next tick decides anew, and does not trade on such a market.
    then = one_pool.tick(live=True).outcome
    assert isinstance(then, Blocked), then
    assert [breach.rule for breach in then.breaches] == ["max_pool_gap"]


def test_live_tick__mined_past_its_deadline__fails_and_moves_nothing_but_gas(stage: Stage, one_pool: Keeper) -> None:
    before = stage.balances()
    ports = _interrupted(one_pool, before=lambda: stage.fork.warp(one_pool.settings.policy.limits.deadline + 1))
    failed = one_pool.tick(live=True, ports=ports).outcome
    assert isinstance(failed, Failed), failed
    assert "Transaction too old" in failed.reason
    assert stage.balances() == before
    assert set(stage.allowances().values()) == {0}


@pytest.mark.parametrize("moment", ["before the send", "after the send"])
def test_next_tick__keeper_was_killed__finishes_the_open_intent(stage: Stage, one_pool: Keeper, moment: str) -> None:
    ports = _interrupted(one_pool, **{moment.split()[0]: die})
    with pytest.raises(Killed):
        one_pool.tick(live=True, ports=ports)
    intent = one_pool.open_intent()
    assert intent is not None
    sent = int(moment == "after the send")
    assert stage.fork.nonce(stage.operator) == sent

    settled = one_pool.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    assert (settled.settlement.intent, settled.settlement.tx) == (intent.id, intent.commitment.hash)
    assert stage.fork.nonce(stage.operator) == 1
    assert one_pool.open_intent() is None


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_next_tick__process_ended_while_it_waited_for_the_block__settles(
    stage: Stage, keeper: Keeper, sign: signal.Signals
) -> None:
    """A process of its own, as cron starts it, and no wait of ours for it to tidy up."""
    command = [sys.executable, "-m", "rebalancer", "run", "--config", str(keeper.path), "--live", "--json"]
    with stage.fork.without_blocks():
        # Tests that a shell has started in the background ignore Ctrl-C, and so would their child.
        listen, nothing = (lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)), subprocess.DEVNULL
        with subprocess.Popen(command, stdout=nothing, stderr=nothing, preexec_fn=listen) as process:
            give_up = time.monotonic() + 60
            while not stage.fork.pending(stage.operator) and process.poll() is None and time.monotonic() < give_up:
                time.sleep(0.05)
            process.send_signal(sign)
        assert process.returncode == (-sign if sign is signal.SIGKILL else 130)
        assert stage.fork.pending(stage.operator) == 1
    settled = keeper.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    assert stage.fork.nonce(stage.operator) == 1
    assert set(stage.allowances().values()) == {0}


def test_next_tick__batch_was_not_mined_in_time_to_see_it__settles_it_and_sends_no_second(
    stage: Stage, tmp_path: Path
) -> None:
    keeper = a_keeper(stage, tmp_path, with_value("execution", "patience", "1 s"))
    with stage.fork.without_blocks():
        pending = keeper.tick(live=True).outcome
        assert isinstance(pending, Pending), pending
        again = keeper.tick(live=True).outcome
        assert isinstance(again, Pending), again
        assert again.intent.id == pending.intent.id
    settled = keeper.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    assert settled.settlement.intent == pending.intent.id
    assert stage.fork.nonce(stage.operator) == 1
