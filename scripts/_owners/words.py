"""A policy, and what of it moves, as words under labels. Every figure is exact: two that differ never read alike.

What differs between two policies is said by rebalancer.core.module_words, value by value; here only the roles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rebalancer.config.text import show_percent
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleState
from rebalancer.core.module_words import Names, dollars, policy_difference, share, span
from rebalancer.units import Address

Line = tuple[str, str]
"""A label and words. A token may be called like a limit, or like another token: so labels are no keys."""
Lines = Sequence[Line]


def policy_lines(policy: ModulePolicy, names: Names) -> Lines:
    """All that is fixed at deployment."""
    lines = [("Safe", str(policy.safe))]
    lines += [(f"token {_name(asset.token, names)}", _asset(asset)) for asset in policy.assets]
    lines.append(("hubs", ", ".join(_name(hub, names) for hub in policy.hubs) or "none"))
    for number, route in enumerate(policy.routes):
        router = f"{_name(route.router, names)} at {route.router}" if route.router in names else route.router
        how = "calls built by the module" if route.checker == NOBODY else f"calldata checked by {route.checker}"
        lines.append((f"route {number}", f"{router}, {how}"))
    return [*lines, *_limits(policy.limits)]


def state_lines(policy: ModulePolicy, state: ModuleState, names: Names) -> Lines:
    """What the roles can change."""
    return [
        ("operator", _account(state.operator)),
        ("guardian", _account(state.guardian)),
        ("paused", "yes: no rebalance until the Safe unpauses" if state.paused else "no"),
        ("targets", target_words(policy, state.targets, names)),
    ]


def left_lines(state: ModuleState) -> Lines:
    """What the meters leave at this moment."""
    return [
        ("may still lose", show_percent(state.loss_left)),
        ("may still trade", show_percent(state.turnover_left)),
        ("rebalances so far", str(state.nonce)),
    ]


def target_words(policy: ModulePolicy, targets: Sequence[int], names: Names) -> str:
    """WETH 30 %, USDC 70 %."""
    tokens = [_name(asset.token, names) for asset in policy.assets]
    return ", ".join(f"{token} {share(target)}" for token, target in zip(tokens, targets, strict=True))


def roles_difference(before: Lines, after: Lines) -> list[str]:
    """Of two `state_lines`: one line for each that is another."""
    return [f"{label}: {one} → {other}" for (label, one), (_, other) in zip(before, after, strict=True) if one != other]


def whole_difference(
    before: tuple[ModulePolicy, ModuleState],
    after: tuple[ModulePolicy, ModuleState],
    names: Names,
    where: tuple[str, str],
) -> list[str]:
    """Of two modules: policy and roles. Empty only where they are the same values."""
    (policy, state), (next_policy, next_state) = before, after
    lines = [*policy_difference(policy, next_policy, names, where)]
    return lines + roles_difference(state_lines(policy, state, names), state_lines(next_policy, next_state, names))


def table(lines: Lines) -> str:
    """Labels on the left, one line each."""
    width = max((len(label) for label, _ in lines), default=0)
    return "\n".join(f"  {label:<{width}}  {words}" for label, words in lines)


def _asset(asset: ModuleAsset) -> str:
    feeds = [(asset.feed, asset.heartbeat)]
    if asset.second_feed != NOBODY:
        feeds.append((asset.second_feed, asset.second_heartbeat))
    price = " × ".join(f"{feed} (at most {span(heartbeat)} old)" for feed, heartbeat in feeds)
    band = ""
    if asset.price_high:
        band = f", believed from {dollars(asset.price_low)} to {dollars(asset.price_high)}"
    return f"{share(asset.least)} to {share(asset.most)} of the wallet; {asset.token}; price {price}{band}"


def _limits(limits: ModuleLimits) -> Iterator[Line]:
    window = f"over {span(limits.window)}"
    yield "window", span(limits.window)
    yield "max_turnover", f"{share(limits.max_turnover)} of the wallet traded {window}"
    yield "max_loss", f"{share(limits.max_loss)} of the wallet lost {window}, at oracle prices"
    yield "max_shortfall", f"{share(limits.max_shortfall)} below the oracle's value in one swap"
    yield "min_trade", dollars(limits.min_trade)
    yield "max_trade", f"{share(limits.max_trade)} of the wallet in one swap"
    yield "tolerance", f"{share(limits.tolerance)} of the wallet past a target"
    yield "cooldown", span(limits.cooldown)
    moves = f"{share(limits.target_step)} {window}" if limits.target_step else "by the Safe only"
    yield "targets move", moves
    opaque = "allowed: a checker may leave the receiver, a token, the amount or the minimum open"
    yield "opaque routes", opaque if limits.allow_opaque else "refused"
    sequencer = "none" if limits.sequencer == NOBODY else f"{limits.sequencer}, {span(limits.grace)} of grace"
    yield "sequencer feed", sequencer


def _account(account: str) -> str:
    return "nobody" if account == NOBODY else account


def _name(address: Address, names: Names) -> str:
    return names.get(address, address)
