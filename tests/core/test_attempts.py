"""A transaction that is not mined: kept, raised, cancelled or left, and never beyond what gas may cost."""

from __future__ import annotations

from dataclasses import replace

import pytest
from given_intents import INTENT, SENT, signed, with_another
from hypothesis import given
from hypothesis import strategies as st
from small_market import BLOCK, GWEI, LIMITS, NOW, POLICY

from rebalancer.core.attempts import Cancel, Keep, Leave, Raise, choose_attempt, is_void, replacement_of, sent_at
from rebalancer.core.cost import fees_for, stepped_up
from rebalancer.core.model import Block, Fees, Intent, Policy, Purpose, Replacing
from rebalancer.units import Wei

LATER = NOW + 180
VOID = NOW + 601
LEAVING = replace(POLICY, replacing=Replacing(after=180, cancel=False))


def block_at(now: int, base: int = 10, tip: int = 0) -> Block:
    """The block before the next, with a base fee and a usual tip in gwei."""
    return replace(BLOCK, timestamp=now - 12, base_fee=Wei(base * GWEI), tip=Wei(tip * GWEI))


def with_cap(gwei: int, policy: Policy = POLICY) -> Policy:
    return replace(policy, limits=replace(LIMITS, max_gas_price=Wei(gwei * GWEI)))


def sent_for(gwei: int) -> Intent:
    return replace(INTENT, commitment=signed("0xfeed", Fees(Wei(gwei * GWEI), Wei(GWEI))))


# ---------------------------------------------------------------- before its time


@pytest.mark.parametrize("now", [NOW, NOW + 1, LATER - 1])
def test_choose_attempt__before_its_time__keeps_it_and_says_when(now: int) -> None:
    attempt = choose_attempt(INTENT, now, block_at(now), POLICY)
    assert isinstance(attempt, Keep) and "after 3 min it is looked at again" in attempt.reason


def test_choose_attempt__a_clock_set_back__goes_by_the_chain() -> None:
    assert isinstance(choose_attempt(INTENT, NOW - 86_400, block_at(LATER + 12), POLICY), Raise)


def test_choose_attempt__after_a_raise__counts_from_the_raise() -> None:
    raised = with_another(INTENT, Purpose.RAISE, LATER, stepped_up(SENT))
    assert sent_at(INTENT) == NOW and sent_at(raised) == LATER
    assert isinstance(choose_attempt(raised, LATER + 179, block_at(LATER + 179), POLICY), Keep)
    assert isinstance(choose_attempt(raised, LATER + 180, block_at(LATER + 180), POLICY), Raise)


# ---------------------------------------------------------------- raised


def test_choose_attempt__unmined_after_its_time__raises_both_fees_by_an_eighth() -> None:
    attempt = choose_attempt(INTENT, LATER, block_at(LATER, base=5), POLICY)
    assert isinstance(attempt, Raise)
    assert attempt.fees == Fees(Wei(21 * GWEI * 9 // 8), Wei(GWEI * 9 // 8))
    assert attempt.reason == "unmined for 3 min: its fees are raised to at most 23.625 gwei with a tip of 1.125 gwei"
    assert replacement_of(INTENT, attempt) == (Purpose.RAISE, attempt.fees)


def test_choose_attempt__gas_has_become_dearer__raises_to_what_a_new_one_would_pay() -> None:
    now = block_at(LATER, base=30, tip=3)
    attempt = choose_attempt(INTENT, LATER, now, POLICY)
    assert isinstance(attempt, Raise) and attempt.fees == fees_for(now, LIMITS) == Fees(Wei(63 * GWEI), Wei(3 * GWEI))


def test_stepped_up__of_what_does_not_divide__rounds_both_up() -> None:
    assert stepped_up(Fees(Wei(9), Wei(1))) == Fees(Wei(11), Wei(2))


def test_choose_attempt__at_the_last_step_under_the_limit__keeps_it_for_the_cancellation() -> None:
    # 32 · 9/8 = 36, and 36 · 9/8 = 40.5.
    assert isinstance(choose_attempt(sent_for(32), LATER, block_at(LATER), with_cap(41)), Raise)
    cancelled = choose_attempt(sent_for(32), LATER, block_at(LATER), with_cap(40))
    assert isinstance(cancelled, Cancel) and cancelled.fees.max_fee == 36 * GWEI
    assert "can be raised no more under max_gas_price: cancelled at" in cancelled.reason


def test_choose_attempt__that_leaves_what_is_stuck__raises_up_to_the_limit() -> None:
    attempt = choose_attempt(sent_for(32), LATER, block_at(LATER), with_cap(36, LEAVING))
    assert isinstance(attempt, Raise) and attempt.fees.max_fee == 36 * GWEI
    left = choose_attempt(sent_for(32), LATER, block_at(LATER), with_cap(35, LEAVING))
    assert isinstance(left, Leave) and "left to the network, as `when_stuck` says" in left.reason


def test_choose_attempt__gas_above_the_limit__spends_no_step_on_it() -> None:
    attempt = choose_attempt(INTENT, VOID, block_at(VOID, base=100), POLICY)
    assert isinstance(attempt, Keep)
    assert attempt.reason == "gas costs 101 gwei, max_gas_price is 100 gwei: no transaction of ours is mined now"


# ---------------------------------------------------------------- given up


def test_choose_attempt__a_call_that_would_fail__is_cancelled_and_never_raised() -> None:
    attempt = choose_attempt(INTENT, LATER, block_at(LATER), POLICY, "Too little received")
    assert isinstance(attempt, Cancel) and "it would fail now: Too little received: cancelled at" in attempt.reason
    assert replacement_of(INTENT, attempt)[0] is Purpose.CANCEL
    assert isinstance(choose_attempt(INTENT, LATER, block_at(LATER), LEAVING, "Too little received"), Leave)


@pytest.mark.parametrize(("now", "void"), [(NOW + 588, False), (NOW + 600, False), (NOW + 601, True)])
def test_is_void__at_the_deadline__may_be_mined_yet_and_later_not(now: int, void: bool) -> None:
    assert is_void(INTENT, now, block_at(now)) is void


def test_is_void__by_the_chains_own_time__counts_the_block_to_come() -> None:
    assert not is_void(INTENT, NOW, block_at(NOW + 600))
    assert is_void(INTENT, NOW, block_at(NOW + 601))


def test_choose_attempt__past_its_deadline__is_cancelled_or_left_as_configured() -> None:
    attempt = choose_attempt(INTENT, VOID, block_at(VOID), POLICY)
    assert isinstance(attempt, Cancel) and "past its deadline" in attempt.reason
    assert attempt.fees == stepped_up(SENT)
    assert isinstance(choose_attempt(INTENT, VOID, block_at(VOID), LEAVING), Leave)


def test_choose_attempt__a_cancellation_that_waits__is_raised_and_stays_one() -> None:
    cancelled = with_another(INTENT, Purpose.CANCEL, LATER, stepped_up(SENT))
    attempt = choose_attempt(cancelled, LATER + 180, block_at(LATER + 180), POLICY)
    assert isinstance(attempt, Cancel) and attempt.fees == stepped_up(stepped_up(SENT))
    left = choose_attempt(cancelled, LATER + 180, block_at(LATER + 180), with_cap(26))
    assert isinstance(left, Leave) and "cancellation cannot be raised under max_gas_price" in left.reason


def test_choose_attempt__too_dear_even_to_cancel__is_left_and_says_why() -> None:
    attempt = choose_attempt(INTENT, VOID, block_at(VOID), with_cap(22))
    assert isinstance(attempt, Leave) and "a cancellation would have to pay more than max_gas_price" in attempt.reason


# ---------------------------------------------------------------- whatever is asked


@given(
    old=st.tuples(st.integers(1, 200 * GWEI), st.integers(1, 200 * GWEI)),
    now=st.builds(
        lambda base, tip: replace(BLOCK, base_fee=Wei(base), tip=Wei(tip)),
        st.integers(0, 200 * GWEI),
        st.integers(0, 200 * GWEI),
    ),
    cap=st.integers(GWEI, 150 * GWEI),
    age=st.integers(0, 2_000),
    cancel=st.booleans(),
)
def test_choose_attempt__whatever_gas_costs__every_node_would_take_it_and_no_limit_is_crossed(
    old: tuple[int, int], now: Block, cap: int, age: int, cancel: bool
) -> None:
    sent = Fees(Wei(max(old)), Wei(min(old)))
    intent = replace(INTENT, commitment=signed("0xfeed", sent))
    limits = replace(LIMITS, max_gas_price=Wei(cap))
    policy = replace(POLICY, limits=limits, replacing=Replacing(180, cancel))
    attempt = choose_attempt(intent, NOW + age, replace(now, timestamp=NOW + age - 12), policy)
    if isinstance(attempt, Raise | Cancel):
        assert age >= 180
        assert 8 * attempt.fees.max_fee >= 9 * sent.max_fee and 8 * attempt.fees.tip >= 9 * sent.tip
        assert attempt.fees.tip <= attempt.fees.max_fee <= cap
        assert attempt.fees.max_fee >= now.base_fee + LIMITS.tip
    if isinstance(attempt, Raise) and cancel:
        assert stepped_up(attempt.fees).max_fee <= cap
