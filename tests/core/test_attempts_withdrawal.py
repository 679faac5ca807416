"""A withdrawal that is not mined: sent again, raised, and never left, since nothing else can be sent before it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_intents import SENT
from small_market import BLOCK, GWEI, NOW, POLICY
from small_orders import ORDERED, withdrawn

from rebalancer.core.attempts import Keep, Raise, choose_attempt, choose_withdrawal, sent_at
from rebalancer.core.cost import stepped_up
from rebalancer.core.model import Fees, Intent
from rebalancer.units import Wei

AFTER = POLICY.replacing.after
OUT = withdrawn(ORDERED, NOW)
MOST = POLICY.limits.max_gas_price


def paying(fees: Fees) -> Intent:
    """The withdrawal is out at these."""
    (last,) = OUT.replacements
    dearer = replace(last.signed, transaction=replace(last.signed.transaction, fees=fees))
    return replace(OUT, replacements=(replace(last, signed=dearer),))


def test_choose_withdrawal__before_its_time__sends_the_same_bytes_again() -> None:
    assert isinstance(choose_withdrawal(OUT, NOW + AFTER - 1, BLOCK, POLICY), Keep)


def test_choose_withdrawal__unmined_for_long__is_raised_by_a_step_or_more() -> None:
    found = choose_withdrawal(OUT, NOW + AFTER, BLOCK, POLICY)
    assert isinstance(found, Raise)
    least = stepped_up(SENT)
    assert found.fees.max_fee >= least.max_fee and found.fees.tip >= least.tip
    assert found.fees.max_fee <= MOST


@pytest.mark.parametrize("fees", [Fees(MOST, Wei(GWEI)), Fees(Wei(MOST * 8 // 9 + 1), Wei(GWEI))])
def test_choose_withdrawal__that_cannot_be_raised__is_sent_again_and_never_left(fees: Fees) -> None:
    assert isinstance(choose_withdrawal(paying(fees), NOW + 30 * AFTER, BLOCK, POLICY), Keep)


def test_choose_withdrawal__while_gas_is_too_dear__wastes_no_step() -> None:
    dear = replace(BLOCK, base_fee=MOST)
    assert isinstance(choose_withdrawal(OUT, NOW + AFTER, dear, POLICY), Keep)


def test_choose_attempt__of_what_placed_the_orders__knows_nothing_of_their_withdrawal() -> None:
    assert sent_at(OUT) == ORDERED.created_at and not OUT.cancelled
    later = NOW + AFTER
    assert choose_attempt(OUT, later, BLOCK, POLICY) == choose_attempt(ORDERED, later, BLOCK, POLICY)
