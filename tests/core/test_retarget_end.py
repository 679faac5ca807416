"""What becomes of new targets once they are sent: settled or not, held against the wallet read anew, told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_intents import CHANGES, INTENT, SENT, with_another
from small_market import BLOCK, GWEI, NOW, POLICY, TARGETS, USDC, WETH, share, usd
from small_module import module_snapshot, wallet_with

from rebalancer.core.aftermath import guard_settled, why_wrong
from rebalancer.core.attempts import Cancel, Leave, choose_attempt
from rebalancer.core.drift import portfolio_of
from rebalancer.core.errors import Halt
from rebalancer.core.model import (
    Cost,
    Failure,
    Past,
    Purpose,
    Receipt,
    Replacing,
    Settled,
    Settlement,
    Snapshot,
    Target,
)
from rebalancer.core.notices import notice_of
from rebalancer.core.render import outcome_words, targets_words
from rebalancer.core.room import not_final
from rebalancer.core.settle import accept, settle
from rebalancer.units import Amount, Ppm, Wei, Weight

HELD = (30_000, 40_000, 20_000, 10_000)
NEW = (*(Target(token, share(part)) for token, part in ((WETH, 40), (USDC, 30))), *TARGETS[2:])
STILL = tuple(replace(change, raw=0) for change in CHANGES)
CHANGE = replace(INTENT, trades=(), pools=(), expected=STILL, targets=NEW)
RECEIPT = Receipt("0xfeed", 19_000_001, "0xbl", NOW + 12, 60_000, Wei(10 * GWEI), STILL, None)
BEFORE = module_snapshot(*HELD)
AFTER = module_snapshot(*HELD, wallet=wallet_with(targets=tuple(map(Ppm, (400_000, 300_000, 200_000, 100_000)))))


def settled() -> Settlement:
    result = settle(CHANGE, RECEIPT)
    assert isinstance(result, Settlement)
    return result


def broken(after: Snapshot, alone: bool = False) -> list[str]:
    before = None if alone else (BEFORE, portfolio_of(POLICY.assets, TARGETS, BEFORE))
    return [breach.rule for breach in guard_settled(CHANGE, settled(), before, after)]


def test_settle__new_targets__moved_nothing_and_cost_their_gas() -> None:
    result = settled()
    assert result.fills == () and result.cost == Cost(usd(0), usd(0), usd(0), usd(0), usd("1.2"))


def test_settle__new_targets_that_were_refused__failed_with_the_reason() -> None:
    failure = settle(CHANGE, replace(RECEIPT, reason="RebalanceModule: target_step"))
    assert isinstance(failure, Failure) and failure.reason == "RebalanceModule: target_step"
    assert failure.mined is not None and failure.mined.gas == usd("1.2")


@pytest.mark.parametrize("raw", [1, -1])
def test_settle__new_targets_that_moved_a_unit__halts_and_a_person_accepts_it_as_measured(raw: int) -> None:
    moved = replace(RECEIPT, changes=(Amount(WETH, raw), *STILL[1:]))
    with pytest.raises(Halt, match=r"landed and is not what was planned: WETH .* expected new targets to move nothing"):
        settle(CHANGE, moved)
    accepted = accept(CHANGE, moved, "a gift")
    assert isinstance(accepted, Settlement) and accepted.fills == (Amount(WETH, raw),)


def test_settle__their_cancellation_was_mined__is_a_failure_that_moved_nothing() -> None:
    cancelled = with_another(CHANGE, Purpose.CANCEL, NOW + 700, SENT)
    failure = settle(cancelled, replace(RECEIPT, tx="0xbeef"))
    assert isinstance(failure, Failure) and failure.reason.startswith("cancelled: ")


def test_guard_settled__the_module_has_what_was_set__has_nothing_to_say() -> None:
    assert broken(AFTER) == [] == broken(AFTER, alone=True)


def test_guard_settled__the_module_has_other_targets__is_named_with_both() -> None:
    assert broken(BEFORE) == ["targets_as_set"]
    why = why_wrong(
        settled(), guard_settled(CHANGE, settled(), (BEFORE, portfolio_of(POLICY.assets, TARGETS, BEFORE)), BEFORE)
    )
    assert why is not None and "targets are 30 %, 40 %, 20 %, 10 % at block 19000000, allowed is 40 %, 30 %" in why
    # Where an earlier tick has settled it the owners may have set others since.
    assert broken(BEFORE, alone=True) == []


def test_guard_settled__a_balance_fell_meanwhile__is_named() -> None:
    poorer = replace(AFTER, balances=(replace(AFTER.balances[0], raw=AFTER.balances[0].raw - 1), *AFTER.balances[1:]))
    assert broken(poorer) == ["not_lower_than_settled"]


def test_choose_attempt__new_targets_past_their_deadline__are_cancelled_or_left_as_configured() -> None:
    late = replace(BLOCK, timestamp=CHANGE.deadline + 1)
    cancelled = choose_attempt(CHANGE, CHANGE.deadline + 1, late, POLICY)
    assert isinstance(cancelled, Cancel)
    assert "past its deadline: mined now, it would set what was wanted long ago" in cancelled.reason
    left = choose_attempt(CHANGE, CHANGE.deadline + 1, late, replace(POLICY, replacing=Replacing(180, cancel=False)))
    assert isinstance(left, Leave)


def test_notice_of__new_targets__says_which_and_asks_nobody_to_act() -> None:
    outcome = Settled(settled(), CHANGE.cost, None, NEW)
    notice = notice_of(outcome, None)
    assert notice is not None and (notice.title, notice.urgent) == ("new targets are set", False)
    assert notice.body == outcome_words(outcome)[1]
    assert notice.body.startswith(
        "0xfeed in block 19000001: targets: WETH 40 %, USDC 30 %, WBTC 20 %, LINK 10 %; cost "
    )


def test_targets_words__of_a_millionth__are_exact() -> None:
    assert (
        targets_words((Target(WETH, Weight(333_334 * 10**12)), Target(USDC, Weight(0)))) == "WETH 33.3334 %, USDC 0 %"
    )


def test_not_final__after_new_targets__names_them_and_no_rebalance() -> None:
    past = Past(None, None, None, 0, 0, unfinal=(CHANGE, settled()))
    hold = not_final(past, BLOCK)
    assert hold is not None and hold.reason.startswith("the last change of targets 0xfeed in block 19000001 is final ")
    past = replace(past, unfinal=(INTENT, settled()))
    assert (hold := not_final(past, BLOCK)) is not None and hold.reason.startswith("the last rebalance 0xfeed ")
