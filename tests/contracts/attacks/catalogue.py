"""The attacks on a RebalanceModule by their numbers, the mark that a test of one carries, and the table of them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pytest

ATTACKS: Mapping[int, str] = {
    1: "transfer a token to oneself",
    2: "approve the attacker",
    3: "swap with a foreign receiver",
    4: "the Safe itself as target",
    5: "delegatecall, a MultiSend payload, no target",
    6: "ether with the call",
    7: "no minimum, through a thin pool",
    8: "self-sandwich at exactly the shortfall, repeated",
    9: "churn there and back at fair prices",
    10: "two bursts around a window's edge",
    11: "dust trades, so that the loss rounds to nothing",
    12: "donate first, to make room for a loss",
    13: "a token in the route calls back into the module",
    14: "another module, or an owner's transaction, in the middle",
    15: "claim pending rewards mid-swap to hide a loss",
    16: "name one token and move another",
    17: "an unlisted token that lies or burns gas",
    18: "targets or roles changed mid-swap, or the owners' stop used up there",
    19: "disturb what the module remembers of before",
    20: "the route pulls more than the amount",
    21: "a partial fill leaves an approval for later",
    22: "Permit2, permit field, signature helper",
    23: "referral or fee receiver is the attacker",
    24: "a stale feed after a market move",
    25: "the first blocks after a sequencer's restart",
    26: "a feed at zero, negative, from the future, off its band",
    27: "a pool's spot price spiked",
    28: "decimals mixed up",
    29: "short gas, so that a check fails softly",
    30: "a router without code",
    31: "a token that returns false, nothing, takes a fee, has hooks",
    32: "buy beyond the owners' range, or above the largest trade",
    33: "replay, or late inclusion of an old batch",
    34: "act while paused, or just removed",
    35: "a setter from the wrong sender",
    36: "trailing calldata posing as a signature",
    37: "an empty batch, nine swaps, a token twice",
    38: "drain through a gas refund",
    39: "code on the operator's account, to batch and re-enter",
    40: "donations of one unit, so that honest batches revert",
    41: "burn the budget to freeze rebalancing",
    42: "an encoding that moves a pinned field",
    43: "one token listed twice under two addresses",
    44: "overshoot the target, then come back",
    45: "move the targets back and forth to license trades",
    46: "free calldata pulls an unlisted token by an old allowance",
}

Row = tuple[int, str, str]
"""Number, wall, rule."""


def stopped_by(number: int, wall: str, rule: str) -> pytest.MarkDecorator:
    """The test plays attack `number`, which `wall` stops; `rule` is the reason that is given, or what is seen."""
    assert number in ATTACKS, f"there is no attack {number}"
    return pytest.mark.stopped_by(number, wall, rule)


def ends_at(rule: str) -> pytest.MarkDecorator:
    """The test plays no attack of the list, and ends at this rule."""
    return pytest.mark.ends_at(rule)


def table(passed: Iterable[Row], failed: Iterable[Row]) -> list[str]:
    """One line for each attack: what stopped it, and how many of its tests passed."""
    good, bad = list(passed), list(failed)
    lines = []
    for number, name in ATTACKS.items():
        mine = [row for row in (*good, *bad) if row[0] == number]
        walls, rules = _joined(row[1] for row in mine), _joined(row[2] for row in mine)
        count = f"{sum(row[0] == number for row in good)}/{len(mine)}" if mine else "NO TEST"
        lines.append(f"{number:>2}  {count:>7}  {name}\n             {walls}  [{rules}]")
    return lines


def missing(rows: Sequence[Row]) -> list[int]:
    """The attacks without a test among `rows`."""
    seen = {row[0] for row in rows}
    return [number for number in ATTACKS if number not in seen]


def _joined(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))
