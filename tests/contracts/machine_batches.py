"""Batches for the state machine: honest ones, ones that go exactly to a limit or one unit past it, and nonsense; each
swap over some way, good or bad. Beside each swap stands what the rules on paths and calldata say of it, worked out here
from their description.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from given_module import v2_path, v3_path
from machine_world import AGGREGATOR, COUNT, World
from policy_model import ONE, PPM, Account, Swap

from rebalancer.core.model.module import NOBODY, ModuleSwap
from rebalancer.replica.calls import encode_call
from rebalancer.units import Address

BUILT, CHECKED = 0, 1
FIRST_HUB, HUBS = 16, 2
WAYS: tuple[int | str, ...] = (
    v3_path((500, 0)),
    v2_path(),
    "honest",
    v3_path((500, FIRST_HUB), (3_000, 0)),
    v3_path((500, FIRST_HUB + 1), (3_000, FIRST_HUB), (100, 0)),
    v2_path(FIRST_HUB, FIRST_HUB + 1),
    v3_path((500, 2), (3_000, 0)),
)
BAD_WAYS: tuple[int | str, ...] = (
    v3_path((500, FIRST_HUB), (500, FIRST_HUB), (100, 0)),
    v3_path((500, 0), (3_000, 1), (100, 0)),
    v3_path((500, FIRST_HUB + HUBS), (3_000, 0)),
    v3_path((500, COUNT), (3_000, 0)),
    v3_path((500, FIRST_HUB)),
    v3_path((500, 0)) | 1 << 255,
    v2_path() | 500 << 16,
    v2_path(FIRST_HUB) | 1 << 48,
    4 | 1 << 8,
    3,
    3 | 4 << 8,
    "receiver",
    "token_in",
    "token_out",
    "amount_in",
    "min_out",
    "fee",
    "referral",
    "longer",
    "selector",
    "outside",
)
"""A built path's word, or what is wrong with a call over the checked route."""
CALL_FAULTS = {
    "receiver": "RouteCheck: receiver",
    "token_in": "RouteCheck: token_in",
    "token_out": "RouteCheck: token_out",
    "amount_in": "RouteCheck: amount_in",
    "min_out": "RouteCheck: min_out",
    "fee": "RouteCheck: constant",
    "referral": "RouteCheck: constant",
    "longer": "RouteCheck: length",
    "selector": "RouteCheck: selector",
    "outside": "call",
}


@dataclass(frozen=True, slots=True)
class Batch:
    """The same swaps as the model takes them and as the module does."""

    swaps: tuple[Swap, ...]
    sent: tuple[ModuleSwap, ...]
    data: bytes


def path_fault(word: int, token_in: int, token_out: int) -> str:
    """The rule that a built path breaks."""
    kind, hops, rest = word & 255, word >> 8 & 255, word >> 16
    fees = [rest >> 32 * hop & (1 << 24) - 1 for hop in range(3)]
    fine = kind == 3 or (kind == 2 and not any(fees))
    if not fine or not 1 <= hops <= 3 or rest >> (32 * hops - 8):
        return "path"
    seen = [token_in]
    for hop in range(hops - 1):
        place = rest >> (32 * hop + 24) & 255
        if place >= COUNT and not FIRST_HUB <= place < FIRST_HUB + HUBS:
            return "hub"
        if place in seen or place == token_out:
            return "hub_twice"
        seen.append(place)
    return ""


def routed(world: World, safe: Address, attacker: str, swaps: Sequence[Swap], ways: Sequence[int | str]) -> Batch:
    """Each swap over its way. A swap whose route is none of the two stays as it is."""
    whole, sent, data = [], [], b""
    for number, swap in enumerate(swaps):
        way = ways[number % len(ways)]
        if not (swap.token_in < COUNT and swap.token_out < COUNT) or swap.route > CHECKED:
            # Refused before its path is looked at.
            whole.append(swap)
            sent.append(ModuleSwap(swap.route, swap.token_in, swap.token_out, swap.amount_in, swap.min_out, 0))
            continue
        if isinstance(way, int):
            mine = replace(swap, route=BUILT, fault=path_fault(way, swap.token_in, swap.token_out))
            path = way
        else:
            mine = replace(swap, route=CHECKED, fault=CALL_FAULTS.get(way, ""))
            call = _call(world, safe, attacker, swap, way)
            path = (5_000 if way == "outside" else len(data)) << 16 | len(call)
            data += call
        whole.append(mine)
        sent.append(ModuleSwap(mine.route, swap.token_in, swap.token_out, swap.amount_in, swap.min_out, path))
    return Batch(tuple(whole), tuple(sent), data)


def _call(world: World, safe: Address, attacker: str, swap: Swap, wrong: str) -> bytes:
    other = world.ground.hubs[0].address
    fields = {
        "receiver": attacker if wrong == "receiver" else safe,
        "token_in": other if wrong == "token_in" else world.ground.tokens[swap.token_in].address,
        "token_out": other if wrong == "token_out" else world.ground.tokens[swap.token_out].address,
        "amount": abs(swap.amount_in - (wrong == "amount_in")),
        "min_out": swap.min_out - (wrong == "min_out" and swap.min_out > 0),
        "fee": int(wrong == "fee"),
        "referral": attacker if wrong == "referral" else NOBODY,
        "extra": b"",
    }
    call = bytes.fromhex(encode_call(AGGREGATOR, *fields.values())[2:])
    if wrong == "selector":
        return bytes(4) + call[4:]
    return call + bytes(wrong == "longer")


# ------------------------------------------------------------------ what is wished for


def gaps(account: Account, prices: Sequence[int]) -> list[int]:
    """How many dollars each token is above its target."""
    values = account.values(account.balances, prices)
    nav = sum(values)
    return [value - nav * target // PPM for value, target in zip(values, account.targets, strict=True)]


def honest_swaps(account: Account, prices: Sequence[int], most: int, size: int, short: int) -> list[Swap]:
    """Surplus against gap, the largest first; `size` in % of the smaller, `short` in % of the allowed shortfall."""
    left, swaps = gaps(account, prices), []
    largest = sum(account.values(account.balances, prices)) * account.policy.limits.max_trade // PPM
    for _ in range(most):
        i, j = left.index(max(left)), left.index(min(left))
        value = min(left[i], -left[j], largest - largest // 1_000) * size // 100
        if value <= 0:
            break
        amount = min(value * account.units[i] // prices[i], account.balances[i])
        left[i], left[j] = left[i] - value, left[j] + value
        swaps.append(Swap(i, j, amount, _least(account, prices, (i, j), amount, short)))
    return swaps


def edge_swap(account: Account, prices: Sequence[int], now: int, edge: str, steps: tuple[int, int, int]) -> Swap:
    """One swap of exactly the size at which a limit is reached; `steps`: so many base units more, of what is sold and
    of the minimum, and in % of the shortfall how far below the oracle the minimum is."""
    limits, left = account.policy.limits, gaps(account, prices)
    i, j = left.index(max(left)), left.index(min(left))
    if edge == "amount_in":
        # Only where the target is next to nothing may all be sold.
        above = [token for token in range(COUNT) if left[token] > 0]
        i = min(above, key=lambda token: account.targets[token], default=i)
    nav = sum(account.values(account.balances, prices))
    slack, less = nav * limits.tolerance // PPM, min(left[i], -left[j])
    # Of what falls short, the part that the meter of losses still takes.
    short = max(limits.max_shortfall * steps[2] // 100, 1)
    value = {
        "min_trade": limits.min_trade,
        "max_trade": nav * limits.max_trade // PPM,
        "sells_past_target": left[i] + slack,
        "buys_past_target": -left[j] + slack,
        "drift": less * 4 // 3,
        "max_turnover": nav * account.turnover_left(now) // ONE,
        "max_loss": nav * account.loss_left(now) // ONE * PPM // short,
        "amount_in": account.balances[i] * prices[i] // account.units[i],
    }[edge]
    amount = max(value * account.units[i] // prices[i] + steps[0], 1)
    least = _least(account, prices, (i, j), amount, steps[2]) + steps[1]
    return Swap(i, j, amount, max(least, 0))


EDGES = (
    "min_trade",
    "max_trade",
    "sells_past_target",
    "buys_past_target",
    "drift",
    "drift",
    "max_turnover",
    "max_loss",
    "amount_in",
)


def _least(account: Account, prices: Sequence[int], pair: tuple[int, int], amount: int, short: int) -> int:
    """What `amount` is worth, less so many % of the shortfall; at 100 exactly the floor."""
    i, j = pair
    value = account.value_up(i, amount, prices[i])
    if short == 100:
        return account.floor(j, value, prices[j])
    kept = value * (PPM - account.policy.limits.max_shortfall * short // 100) // PPM
    return -(-kept * account.units[j] // prices[j])
