"""Whose word a wallet takes: that of a node which is in the present, and not behind what was read before."""

from __future__ import annotations

import pytest
from given_doubtful_nodes import AGE, Make, aged, blind, mined, on, simulated
from given_unmined import an_intent_on, only_the_safe
from given_wallet import Desk

from rebalancer.adapters.wallets.unmined import INDEX_SECONDS
from rebalancer.core.errors import Halt, Unavailable
from rebalancer.core.model import FAR_BEHIND, Landed, Waiting


@only_the_safe
def test_land__on_a_node_that_stands_still__is_unavailable_and_not_what_it_once_knew(desk: Desk, nodes: Make) -> None:
    intent, node = mined(desk), nodes()
    node.change = blind(-AGE - 60)
    with pytest.raises(Unavailable, match=r"127.0.0.1: its newest block \d+ is \d+ s old, expected at most 120 s"):
        on(desk, node).wallet.land(intent, 0, 0)


@only_the_safe
def test_land__on_a_node_that_stands_still__asks_the_next(desk: Desk, nodes: Make) -> None:
    intent, still, awake = mined(desk), nodes(), nodes()
    still.change = blind(-AGE - 60)
    assert isinstance(on(desk, still, awake).wallet.land(intent, 0, 0), Landed)


@only_the_safe
def test_land__on_a_node_that_makes_the_time_up__does_not_give_a_batch_up(desk: Desk, nodes: Make) -> None:
    intent, liar, honest = an_intent_on(desk), nodes(), nodes()
    desk.wallet.execute(intent)
    liar.change = blind(600 + INDEX_SECONDS + 60)
    with pytest.raises(Unavailable, match="s in the future, expected at most 120 s"):
        on(desk, liar).wallet.land(intent, 0, 0)
    landing = on(desk, liar, honest).wallet.land(intent, 0, 0)
    assert landing == Waiting(f"{intent.commitment.hash} waits to be mined, with nonce 0")


@only_the_safe
def test_land__where_no_node_is_in_the_present__says_of_each_why(desk: Desk, nodes: Make) -> None:
    intent, still, ahead = mined(desk), nodes(), nodes()
    still.change, ahead.change = aged(-AGE - 60), aged(AGE + 60)
    with pytest.raises(Unavailable, match=r"s old, expected at most 120 s; .*s in the future, expected at most 120 s"):
        on(desk, still, ahead).wallet.land(intent, 0, 0)


@only_the_safe
def test_land__where_one_node_is_far_behind_and_another_a_little__waits_for_that(desk: Desk, nodes: Make) -> None:
    intent, little, lost = mined(desk), nodes(), nodes()
    head = desk.reader.head().number
    least = head + FAR_BEHIND
    lost.change = blind(blocks=-7)
    with pytest.raises(Unavailable, match=f"at block {head}, behind block {least}"):
        on(desk, little, lost).wallet.land(intent, 0, least)
    with pytest.raises(
        Halt, match=f"at block {head - 7}, {FAR_BEHIND + 7} behind block {least} .* that block never was"
    ):
        on(desk, lost).wallet.land(intent, 0, least)


@only_the_safe
def test_gas_now__on_a_node_that_stands_still__asks_the_next_or_is_unavailable(desk: Desk, nodes: Make) -> None:
    still, awake = nodes(), nodes()
    still.change = aged(-AGE - 60)
    assert on(desk, still, awake).wallet.gas_now() == desk.reader.head()
    with pytest.raises(Unavailable, match="s old, expected at most 120 s"):
        on(desk, still).wallet.gas_now()


def test_commit__on_a_node_that_stands_still__asks_the_next_or_is_unavailable(desk: Desk, nodes: Make) -> None:
    still, awake = nodes(), nodes()
    decided = simulated(desk)
    still.change = aged(-AGE - 60)
    assert on(desk, still, awake).wallet.commit(*decided).transaction.nonce == 0
    with pytest.raises(Unavailable, match="s old, expected at most 120 s"):
        on(desk, still).wallet.commit(*decided)
