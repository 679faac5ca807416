"""A policy, and what of it moves, as words under labels; and what differs between two of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rebalancer.config.text import show_percent
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleState
from rebalancer.core.render import duration, money
from rebalancer.units import Weight

Lines = dict[str, str]
"""Label → words."""
Names = Mapping[str, str]
"""Address → what people call it."""
WIDER = 10**12
"""From parts per million to a Weight."""


def share(ppm: int) -> str:
    """Parts per million as people write a share: "0.5 %"."""
    return show_percent(Weight(ppm * WIDER))


def policy_lines(policy: ModulePolicy, names: Names) -> Lines:
    """All that is fixed at deployment."""
    lines = {"Safe": policy.safe}
    for asset in policy.assets:
        lines[_name(asset.token, names)] = _asset(asset)
    lines["hubs"] = ", ".join(_name(hub, names) for hub in policy.hubs) or "none"
    for number, route in enumerate(policy.routes):
        router = f"{_name(route.router, names)} at {route.router}" if route.router in names else route.router
        how = "calls built by the module" if route.checker == NOBODY else f"calldata checked by {route.checker}"
        lines[f"route {number}"] = f"{router}, {how}"
    return lines | dict(_limits(policy.limits))


def state_lines(policy: ModulePolicy, state: ModuleState, names: Names) -> Lines:
    """What the roles can change."""
    return {
        "operator": _account(state.operator),
        "guardian": _account(state.guardian),
        "paused": "yes: no rebalance until the Safe unpauses" if state.paused else "no",
        "targets": target_words(policy, state.targets, names),
    }


def left_lines(state: ModuleState) -> Lines:
    """What the meters leave at this moment."""
    return {
        "may still lose": show_percent(state.loss_left),
        "may still trade": show_percent(state.turnover_left),
        "rebalances so far": str(state.nonce),
    }


def target_words(policy: ModulePolicy, targets: Sequence[int], names: Names) -> str:
    """WETH 30 %, USDC 70 %."""
    tokens = [_name(asset.token, names) for asset in policy.assets]
    return ", ".join(f"{token} {share(target)}" for token, target in zip(tokens, targets, strict=True))


def difference(before: Lines, after: Lines) -> list[str]:
    """A line for each label whose words are others, in the order of `before`, then what is new."""
    labels = list(before) + [label for label in after if label not in before]
    return [
        f"{label}: {before.get(label, 'not listed')} → {after.get(label, 'not listed')}"
        for label in labels
        if before.get(label) != after.get(label)
    ]


def table(lines: Lines) -> str:
    """Labels on the left, one line each."""
    width = max(map(len, lines), default=0)
    return "\n".join(f"  {label:<{width}}  {words}" for label, words in lines.items())


def _asset(asset: ModuleAsset) -> str:
    feeds = [(asset.feed, asset.heartbeat)]
    if asset.second_feed != NOBODY:
        feeds.append((asset.second_feed, asset.second_heartbeat))
    price = " × ".join(f"{feed} (at most {duration(heartbeat)} old)" for feed, heartbeat in feeds)
    band = ""
    if asset.price_high:
        band = f", believed from {money(asset.price_low)} to {money(asset.price_high)}"
    return f"{share(asset.least)} to {share(asset.most)} of the wallet; {asset.token}; price {price}{band}"


def _limits(limits: ModuleLimits) -> Iterator[tuple[str, str]]:
    window = f"over {duration(limits.window)}"
    yield "window", duration(limits.window)
    yield "max_turnover", f"{share(limits.max_turnover)} of the wallet traded {window}"
    yield "max_loss", f"{share(limits.max_loss)} of the wallet lost {window}, at oracle prices"
    yield "max_shortfall", f"{share(limits.max_shortfall)} below the oracle's value in one swap"
    yield "min_trade", money(limits.min_trade)
    yield "max_trade", f"{share(limits.max_trade)} of the wallet in one swap"
    yield "tolerance", f"{share(limits.tolerance)} of the wallet past a target"
    yield "cooldown", duration(limits.cooldown)
    moves = f"{share(limits.target_step)} {window}" if limits.target_step else "by the Safe only"
    yield "targets move", moves
    yield "opaque routes", "allowed" if limits.allow_opaque else "refused"
    sequencer = "none" if limits.sequencer == NOBODY else f"{limits.sequencer}, {duration(limits.grace)} of grace"
    yield "sequencer feed", sequencer


def _account(account: str) -> str:
    return "nobody" if account == NOBODY else account


def _name(address: str, names: Names) -> str:
    return names.get(address, address)
