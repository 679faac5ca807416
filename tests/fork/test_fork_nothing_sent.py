"""Ticks that must not send: dry ones, and those that the Safe's owners have taken the right from."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from given_fork import SENTINEL, Stage
from given_fork_keeper import Keeper, a_keeper, with_value

from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Blocked, Planned
from rebalancer.replica.mainnet import FEEDS
from rebalancer.replica.places import aggregator_address

ETH_FEED = FEEDS["ETH/USD"]


@pytest.fixture
def untouched(stage: Stage) -> Iterator[None]:
    """Whatever happens in the test, the operator sends nothing and the Safe keeps what it has."""
    before = (stage.fork.nonce(stage.operator), stage.fork.ether(stage.operator), stage.balances())
    yield
    assert (stage.fork.nonce(stage.operator), stage.fork.ether(stage.operator), stage.balances()) == before


def _rules(outcome: object) -> list[str]:
    assert isinstance(outcome, Blocked), outcome
    return [breach.rule for breach in outcome.breaches]


@pytest.mark.usefixtures("untouched")
def test_dry_run__without_a_keystore__plans_and_mines_nothing(stage: Stage, tmp_path: Path) -> None:
    keeper = a_keeper(stage, tmp_path, with_key=False)
    head = stage.fork.head()
    planned = keeper.tick(live=False).outcome
    assert isinstance(planned, Planned), planned
    assert {quote.trade.sell.token.symbol for quote in planned.batch.quotes} == {"WETH"}
    assert stage.fork.head() == head
    assert keeper.open_intent() is None


@pytest.mark.usefixtures("untouched")
def test_live_tick__owners_ask_for_two_signatures__blocked(stage: Stage, keeper: Keeper) -> None:
    stage.as_the_safe(stage.safe.address, stage.safe.changeThreshold.encode_input(2))
    assert _rules(keeper.tick(live=True).outcome) == ["safe_threshold"]


@pytest.mark.usefixtures("untouched")
def test_live_tick__owner_has_removed_the_operator__blocked(stage: Stage, keeper: Keeper) -> None:
    stage.as_the_safe(stage.safe.address, stage.safe.removeOwner.encode_input(SENTINEL, stage.operator, 1))
    assert _rules(keeper.tick(live=True).outcome) == ["safe_owner"]


@pytest.mark.usefixtures("untouched")
def test_live_tick__gas_dearer_than_allowed__blocked(stage: Stage, tmp_path: Path) -> None:
    keeper = a_keeper(stage, tmp_path, with_value("limits", "max_gas_price", "2 gwei"))
    assert _rules(keeper.tick(live=True).outcome) == ["max_gas_price"]


@pytest.mark.usefixtures("untouched")
def test_live_tick__chain_two_hours_ahead_of_the_clock__unavailable(stage: Stage, keeper: Keeper) -> None:
    stage.fork.warp(7_200)
    with pytest.raises(Unavailable, match="in the future"):
        keeper.tick(live=True)
    (row,) = keeper.ports().ledger.history(2)
    assert row.outcome == "Unavailable"


@pytest.mark.usefixtures("untouched")
def test_live_tick__node_behind_the_clock__unavailable(stage: Stage, tmp_path: Path) -> None:
    keeper = a_keeper(stage, tmp_path, with_value("limits", "max_block_age", "1 s"))
    time.sleep(max(0, stage.fork.head()[1] + 2 - time.time()))
    with pytest.raises(Unavailable, match="the node is behind"):
        keeper.tick(live=True)


@pytest.mark.usefixtures("untouched")
def test_live_tick__feed_silent_beyond_its_heartbeat__unavailable(stage: Stage, tmp_path: Path) -> None:
    """With a heartbeat of a second, any feed is late a few blocks after its last round."""

    def impatient(content: dict) -> None:
        content["tokens"]["WETH"]["price"] |= {"heartbeat": "1 s", "margin": "1 s"}

    keeper = a_keeper(stage, tmp_path, impatient)
    if stage.fork.is_of_the_replica:
        # Its feeds are as young as the newest block unless they are told to age; mainnet's age by themselves.
        aggregator = aggregator_address(ETH_FEED)
        stage.owner.transfer(aggregator, 0, data=_set_round(stage))
    stage.fork.warp(30)
    with pytest.raises(Unavailable, match=ETH_FEED.address):
        keeper.tick(live=True)


def _set_round(stage: Stage) -> bytes:
    """The round that the replica's feed has, with a time that stays."""
    from rebalancer.replica.calls import encode_call

    feed = stage.fork.contract(ETH_FEED.address, "feed")
    return bytes.fromhex(encode_call("set_round(int256,uint256)", feed.latestAnswer(), stage.fork.head()[1])[2:])
