"""What the keeper sets targets to, against the policy's executable model: taken each time, and as far as it can be."""

from __future__ import annotations

from dataclasses import replace

from given_policy import LIMITS, NOW
from hypothesis import event, given
from hypothesis import strategies as st
from policy_model import PPM, Account, Asset, Policy, Refused
from small_market import ASSETS
from small_module import WIDER, wallet_with

from rebalancer.core.model import Hold, ModuleWallet, Target
from rebalancer.core.retarget import LEAST_CHANGE, Move, apportioned, choose_move, in_ppm, partly, step_of
from rebalancer.units import Ppm, Weight

COUNT = len(ASSETS)
parts = st.lists(st.integers(0, PPM), min_size=COUNT, max_size=COUNT).filter(any)
targets = parts.map(lambda drawn: apportioned(drawn, PPM))


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    """A module whose operator has moved its targets before, or not, within ranges that hold both."""
    limits = replace(
        LIMITS, target_step=draw(st.integers(0, PPM)), window=draw(st.sampled_from([3_600, 86_400, 604_800, 7_776_000]))
    )
    first = draw(targets)
    narrow = draw(st.integers(0, COUNT - 1))
    ranges = [(0, PPM)] * COUNT
    ranges[narrow] = draw(st.integers(0, first[narrow])), draw(st.integers(first[narrow], PPM))
    assets = tuple(Asset(18, least, most) for least, most in ranges)
    account = Account(Policy(assets, limits), first, (1,) * COUNT)
    for _ in range(draw(st.integers(0, 2))):
        before = account.step_left(NOW) // WIDER
        if before > 0:
            toward = draw(targets)
            whole = step_of(account.targets, toward)
            if whole > 0:
                _try(account, partly(account.targets, toward, draw(st.integers(0, min(whole, before)))), NOW)
    return account


def _try(account: Account, new: tuple[int, ...], now: int) -> str:
    try:
        account.set_targets("operator", new, now)
    except Refused as refused:
        return refused.rule
    return ""


def as_read(account: Account, now: int) -> ModuleWallet:
    """What the keeper reads of it in a block of that time."""
    wallet = wallet_with(
        target_step=Ppm(account.policy.limits.target_step),
        window=account.policy.limits.window,
        targets=tuple(map(Ppm, account.targets)),
        step_left=Weight(account.step_left(now)),
    )
    assets = tuple(
        replace(asset, least=Ppm(own.least), most=Ppm(own.most))
        for asset, own in zip(wallet.policy.assets, account.policy.assets, strict=True)
    )
    return replace(wallet, policy=replace(wallet.policy, assets=assets))


@given(accounts(), targets, st.integers(0, 8_000_000), st.integers(0, 100_000))
def test_set_targets__to_what_the_keeper_chose__is_taken_then_and_later_and_goes_as_far_as_it_can(
    account: Account, goal: tuple[int, ...], since: int, later: int
) -> None:
    now = NOW + since
    wallet = as_read(account, now)
    wanted = [Target(token, Weight(ppm * WIDER)) for token, ppm in zip(ASSETS, goal, strict=True)]
    found, whole, room = choose_move(wallet, wanted), step_of(account.targets, goal), account.step_left(now) // WIDER
    inside = all(own.least <= ppm <= own.most for own, ppm in zip(account.policy.assets, goal, strict=True))
    event(type(found).__name__ + (" part" if room < whole else ""))
    if not isinstance(found, Move):
        step = account.policy.limits.target_step
        waits = room < min(LEAST_CHANGE, step) or step == 0
        assert not inside or whole < LEAST_CHANGE or waits
        assert isinstance(found, Hold) or whole == 0
        return
    chosen = in_ppm(found.targets)
    assert inside and step_of(account.targets, chosen) == min(whole, room)
    if room < whole:
        assert _try(replace(account), partly(account.targets, goal, room + 1), now) == "target_step"
    for at in (now, now + later):
        assert _try(taken := replace(account), chosen, at) == "" and taken.targets == chosen
