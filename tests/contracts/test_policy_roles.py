"""The policy's executable model: who may do what besides a rebalance. No chain."""

from __future__ import annotations

import pytest
from given_policy import DAY, NOW, TARGETS, account, order, refusal, sale, tried
from policy_model import ONE


def test_set_targets__by_the_operator__is_metered_by_half_the_moves() -> None:
    wallet = account()
    wallet.set_targets("operator", (470_000, 330_000, 200_000), NOW)
    assert wallet.step_left(NOW) == ONE * 2 // 100
    rule = refusal(lambda: wallet.set_targets("operator", (449_999, 350_001, 200_000), NOW))
    assert (rule, wallet.targets) == ("target_step", (470_000, 330_000, 200_000))
    wallet.set_targets("operator", (450_000, 350_000, 200_000), NOW)
    assert wallet.step_left(NOW + DAY // 2) == ONE * 25 // 1000


@pytest.mark.parametrize(
    ("sender", "targets", "rule"),
    [
        ("attacker", TARGETS, "only_operator"),
        ("operator", TARGETS[:2], "targets_count"),
        ("safe", TARGETS[:2], "targets_count"),
        ("safe", (99_999, 700_001, 200_000), "targets_range"),
        ("safe", (500_000, 300_000, 200_001), "targets_sum"),
    ],
)
def test_set_targets__not_allowed__is_refused_by_name(sender: str, targets: tuple[int, ...], rule: str) -> None:
    assert refusal(lambda: account().set_targets(sender, targets, NOW)) == rule


def test_roles__each_does_its_own_and_no_more() -> None:
    wallet = account()
    for sender in ("attacker", "operator", ""):
        assert refusal(lambda sender=sender: wallet.pause(sender)) == "only_guardian"
        assert refusal(lambda sender=sender: wallet.drop_operator(sender)) == "only_guardian"
    for sender in ("attacker", "operator", "guardian"):
        assert refusal(lambda sender=sender: wallet.unpause(sender)) == "only_safe"
        assert refusal(lambda sender=sender: wallet.set_operator(sender, "attacker")) == "only_safe"
        assert refusal(lambda sender=sender: wallet.set_guardian(sender, "attacker")) == "only_safe"
    assert refusal(lambda: wallet.set_operator("safe", "owner")) == "operator_is_owner"
    assert refusal(lambda: wallet.set_operator("safe", "guardian")) == "operator_is_guardian"
    assert refusal(lambda: wallet.set_guardian("safe", "operator")) == "operator_is_guardian"


def test_pause_and_drop__by_the_guardian__stop_the_operator() -> None:
    wallet = account()
    wallet.pause("guardian")
    assert tried(wallet, order(sale())) == "paused"
    assert refusal(lambda: wallet.set_targets("operator", TARGETS, NOW)) == "paused"
    wallet.unpause("safe")
    wallet.drop_operator("guardian")
    assert tried(wallet, order(sale())) == "only_operator"
