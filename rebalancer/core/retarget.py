"""The weights that are wanted and a RebalanceModule in; how far its targets go towards them now, or why they stand,
out.

Amounts are the contract's own (RebalanceModule.vy, `_charge_step`): millionths, and a move is half the sum of all
distances. What the meter leaves grows by itself, so what fits in the block that was read fits in every later one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rebalancer.core.cost import total
from rebalancer.core.model import (
    Batch,
    Breach,
    Call,
    Cost,
    Hold,
    Limits,
    ModuleWallet,
    Portfolio,
    Snapshot,
    Target,
)
from rebalancer.core.module_books import breach
from rebalancer.core.module_words import share, span
from rebalancer.core.render import bps, duration, money
from rebalancer.units import ONE, PPM, Address, Ppm, Token, Usd, Weight, bps_of_down, mul_div_down, mul_div_up

LEAST_CHANGE = Ppm(10_000)
"""Of what is nearer nothing is set. One transaction takes some 50,000 of gas, the first 86,000. Two targets a point off
cost 0.8 bps of the portfolio in a year, at the penalty of 0.4 that is the default, and bands are several points wide.
"""
SET_TARGETS = bytes.fromhex("54f168ef")
"""set_targets(uint256[]) of a RebalanceModule."""

_WIDER = ONE // PPM
"""A millionth as the meters count it, and as a Weight."""
_WORD = 32

Breaches = Iterator[Breach]


@dataclass(frozen=True, slots=True)
class Move:
    """What the targets are to be set to, one for each asset of the module in its order, and why."""

    targets: tuple[Target, ...]
    why: str
    step: Ppm
    """How far, as the meter is charged for it."""


def targets_on_chain(wallet: ModuleWallet, assets: Sequence[Token]) -> tuple[Target, ...]:
    """What the module holds a rebalance to, in the order of its policy. The reading has seen that `assets` are its."""
    tokens = {token.address: token for token in assets}
    places = zip(wallet.policy.assets, wallet.state.targets, strict=True)
    return tuple(Target(tokens[asset.token], Weight(target * _WIDER)) for asset, target in places)


def choose_move(wallet: ModuleWallet, wanted: Sequence[Target]) -> Move | Hold | None:
    """As far towards what is wanted as the step meter lets it now; Hold where it waits; None where it is reached.

    `wanted`: one for each asset of the module, in any order, together ONE.
    """
    places = {target.token.address: target for target in wanted}
    wanted = [places[asset.token] for asset in wallet.policy.assets]
    goal = apportioned([target.weight for target in wanted], PPM)
    whole = step_of(wallet.state.targets, goal)
    if whole == 0:
        return None
    outside = "; ".join(_outside(wallet, wanted, goal))
    if outside:
        return Hold(f"targets stand: {outside}. The owners set others (`ape run module set_targets`), or mend the file")
    if whole < LEAST_CHANGE:
        least = share(LEAST_CHANGE)
        return Hold(f"targets stand: what is wanted is {share(whole)} away, and they move from {least} on")
    waits = _waits(wallet, whole)
    return waits or _move(wallet, wanted, goal)


def step_of(old: Sequence[int], new: Sequence[int]) -> int:
    """What the contract charges for it, in millionths: half the sum of all moves, rounded up."""
    return mul_div_up(sum(abs(now - was) for was, now in zip(old, new, strict=True)), 1, 2)


def step_room(wallet: ModuleWallet) -> int:
    """What the meter leaves now, in whole millionths, rounded down: it is charged in these."""
    return wallet.state.step_left // _WIDER


def partly(old: Sequence[int], goal: Sequence[int], room: int) -> tuple[int, ...]:
    """From `old` as near to `goal` as a step of `room` comes; both have one sum, and so has what comes of it.

    Each moves in proportion to how far it has to go, and never past `goal`.
    """
    moves = [new - was for was, new in zip(old, goal, strict=True)]
    rises = apportioned([max(move, 0) for move in moves], room)
    falls = apportioned([max(-move, 0) for move in moves], room)
    return tuple(was + up - down for was, up, down in zip(old, rises, falls, strict=True))


def apportioned(parts: Sequence[int], total: int) -> tuple[int, ...]:
    """`total` in proportion to `parts`: each rounded down, what is left over by the largest remainders (Hamilton).

    No part becomes more than it is where `total` is not more than their sum.
    """
    whole = sum(parts)
    split = [divmod(part * total, whole) for part in parts]
    left = total - sum(quotient for quotient, _ in split)
    # Of equal remainders the first: a sort is stable.
    first = sorted(range(len(parts)), key=lambda place: -split[place][1])[:left]
    return tuple(quotient + (place in first) for place, (quotient, _) in enumerate(split))


def _outside(wallet: ModuleWallet, wanted: Sequence[Target], goal: Sequence[int]) -> Iterator[str]:
    for asset, target, ppm in zip(wallet.policy.assets, wanted, goal, strict=True):
        if not asset.least <= ppm <= asset.most:
            allowed = f"{share(asset.least)} to {share(asset.most)}"
            yield f"{target.token} is wanted at {share(ppm)}, and the owners allow {allowed}"


def _waits(wallet: ModuleWallet, whole: int) -> Hold | None:
    """Why not even a part that is worth its gas may be made now, and when one may."""
    limits, room = wallet.policy.limits, step_room(wallet)
    if limits.target_step == 0:
        return Hold(
            f"targets stand: what is wanted is {share(whole)} away, and the module lets its operator move none "
            "(target_step is 0 %): the owners set them (`ape run module set_targets`)"
        )
    least = min(LEAST_CHANGE, limits.target_step)
    if room >= least:
        return None
    missing, full = least * _WIDER - wallet.state.step_left, limits.target_step * _WIDER
    wait = duration(mul_div_up(missing, limits.window, full))
    return Hold(
        f"targets stand: what is wanted is {share(whole)} away, and target_step leaves {share(room)} of "
        f"{share(limits.target_step)} in {span(limits.window)}; {share(least)} in {wait}"
    )


def _move(wallet: ModuleWallet, wanted: Sequence[Target], goal: Sequence[int]) -> Move:
    old, whole = wallet.state.targets, step_of(wallet.state.targets, goal)
    made = min(whole, step_room(wallet))
    new = partly(old, goal, made)
    targets = tuple(Target(target.token, Weight(ppm * _WIDER)) for target, ppm in zip(wanted, new, strict=True))
    moves = zip(wanted, old, new, strict=True)
    said = ", ".join(f"{target.token} {share(was)} to {share(now)}" for target, was, now in moves if was != now)
    rest = f"; {share(whole - made)} more waits for target_step" if made < whole else ""
    return Move(targets, f"other targets are wanted: {said}{rest}", Ppm(made))


def worth_setting(move: Move, cost: Cost, portfolio: Portfolio, limits: Limits) -> Hold | None:
    """None, or why setting them costs more of what the step is worth than the owners allow of any trade."""
    moved = Usd(mul_div_down(portfolio.value, move.step, PPM))
    allowed = bps_of_down(moved, limits.max_cost)
    if total(cost) <= allowed:
        return None
    return Hold(
        f"setting them would cost {money(total(cost))} of gas for {share(move.step)} of the portfolio, {money(moved)}; "
        f"max_cost allows {bps(limits.max_cost)}"
    )


# ---------------------------------------------------------------- the batch


def retargeting_batch(wallet: ModuleWallet, targets: tuple[Target, ...], operator: Address, deadline: int) -> Batch:
    """The one call. `deadline`: from then on the keeper gives it up; the contract has none for it."""
    return Batch((), operator, _call(wallet.module, targets), deadline, targets=targets)


def guard_retargeting(snapshot: Snapshot, batch: Batch) -> tuple[Breach, ...]:
    """A batch that sets targets does nothing else, and the module takes them: under the names of its own rules."""
    wallet = snapshot.wallet
    if not isinstance(wallet, ModuleWallet):
        return (Breach("sets_targets_alone", "targets of a wallet without a module", "none"),)
    # Of targets that are not one for each asset the other rules have nothing to say.
    return tuple(sets_targets_alone(wallet, batch)) or (
        *target_step(wallet, batch),
        *targets_range(wallet, batch),
        *targets_sum(batch),
    )


def sets_targets_alone(wallet: ModuleWallet, batch: Batch) -> Breaches:
    """It calls the module with these targets, one for each asset in its place, and trades nothing."""
    places = tuple(asset.token for asset in wallet.policy.assets)
    if tuple(target.token.address for target in batch.targets) != places:
        seen = ", ".join(target.token.symbol for target in batch.targets) or "none"
        yield breach("targets_count", f"targets of {seen}", "one for each asset of the module, in its order")
    if batch.quotes or batch.withdrawn:
        said = f"{len(batch.quotes)} trades and {len(batch.withdrawn)} withdrawn orders beside targets"
        yield Breach("sets_targets_alone", said, "targets alone")
    if batch.call != _call(wallet.module, batch.targets):
        said = f"a call of {batch.call.to} with 0x{batch.call.data[:4].hex()}"
        yield Breach("sets_targets_alone", said, f"set_targets of the module {wallet.module} with its targets")


def target_step(wallet: ModuleWallet, batch: Batch) -> Breaches:
    """The operator moves them only as far as the meter leaves."""
    step, room = step_of(wallet.state.targets, in_ppm(batch.targets)), step_room(wallet)
    if step > room:
        yield breach("target_step", f"targets move by {share(step)}", f"{share(room)} at this time")


def targets_range(wallet: ModuleWallet, batch: Batch) -> Breaches:
    """Each is between what the owners allow at least and at most."""
    outside = "; ".join(_outside(wallet, batch.targets, in_ppm(batch.targets)))
    if outside:
        yield breach("targets_range", outside, "each within its range")


def targets_sum(batch: Batch) -> Breaches:
    """Together they are the whole wallet, in whole millionths."""
    total = sum(target.weight for target in batch.targets)
    if total != ONE or any(target.weight % _WIDER for target in batch.targets):
        yield breach("targets_sum", f"targets sum to {total} of {ONE}", "100 %, in whole millionths")


def in_ppm(targets: Sequence[Target]) -> tuple[Ppm, ...]:
    """As the module has them, rounded down."""
    return tuple(Ppm(target.weight // _WIDER) for target in targets)


def _call(module: Address, targets: Sequence[Target]) -> Call:
    """One argument: where the array begins, how many there are, and they."""
    words = (_WORD, len(targets), *in_ppm(targets))
    return Call(module, SET_TARGETS + b"".join(word.to_bytes(_WORD) for word in words))
