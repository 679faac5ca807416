"""What the contract would refuse, in words, before anything is sent: a policy, its roles and targets against the chain.

Every refusal carries the name of the contract's own rule, and they come in the order in which the contract looks.
The contract stands on its own: what is missed here, it refuses all the same, only later and dearer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rebalancer.core.model.module import (
    LONGEST_GRACE,
    LONGEST_WINDOW,
    MOST_ASSETS,
    MOST_HUBS,
    MOST_LOSS,
    MOST_ROUTES,
    MOST_SHORTFALL,
    MOST_TOLERANCE,
    NOBODY,
    SHORTEST_WINDOW,
    ModuleLimits,
    ModulePolicy,
    ModuleRoute,
    ModuleState,
)
from rebalancer.core.module_words import Names, share, span
from rebalancer.units import PPM, Address
from scripts._owners.asset_refusals import asset_refusals, price_refusals
from scripts._owners.look import Look, Refusal

NEVER_ROUTERS = {
    Address("0x000000000022D473030F116dDEE9F6B43aC78BA3"): "Permit2",
    Address("0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761"): "Safe's MultiSend 1.3.0",
    Address("0x998739BFdAAdde7C933B942a68053933098f9EDa"): "Safe's MultiSend 1.3.0",
    Address("0x40A2aCCbd92BCA938b02010E17A5b8929b49130D"): "Safe's MultiSendCallOnly 1.3.0",
    Address("0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B"): "Safe's MultiSendCallOnly 1.3.0",
    Address("0x7cbB62EaA69F79e6873cD1ecB2392971036cFAa4"): "Safe's CreateCall 1.3.0",
    Address("0xB19D6FFc2182150F8Eb585b79D4ABcd7C5640A9d"): "Safe's CreateCall 1.3.0",
    Address("0xA65387F16B013cf2Af4605Ad8aA5ec25a2cbA3a2"): "Safe's SignMessageLib 1.3.0",
    Address("0x98FFBBF51bb33A056B08ddf711f289936AafF717"): "Safe's SignMessageLib 1.3.0",
    Address("0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526"): "Safe's MultiSend 1.4.1",
    Address("0x9641d764fc13c8B624c04430C7356C1C7C8102e2"): "Safe's MultiSendCallOnly 1.4.1",
    Address("0x9b35Af71d77eaf8d7e40252370304687390A1A52"): "Safe's CreateCall 1.4.1",
    Address("0xd53cd0aB83D845Ac265BE939c57F53AD838012c9"): "Safe's SignMessageLib 1.4.1",
    Address("0x218543288004CD07832472D464648173c77D7eB7"): "Safe's MultiSend 1.5.0",
    Address("0xA83c336B20401Af773B6219BA5027174338D1836"): "Safe's MultiSendCallOnly 1.5.0",
    Address("0x2Ef5ECfbea521449E4De05EDB1ce63B75eDA90B4"): "Safe's CreateCall 1.5.0",
    Address("0x4FfeF8222648872B3dE295Ba1e49110E61f5b5aa"): "Safe's SignMessageLib 1.5.0",
}
"""What the contract refuses as a router, whoever lists it."""


def why_not_deploy(
    look: Look, policy: ModulePolicy, operator: Address, guardian: Address, targets: Sequence[int]
) -> list[Refusal]:
    """Everything that the constructor would refuse."""
    found = [*_safe_and_count(look, policy)]
    for place, asset in enumerate(policy.assets):
        found += asset_refusals(look, policy, place, asset)
    found += _hubs_and_routes(look, policy)
    found += _limits(policy.limits)
    if not any(refusal.rule == "feed" for refusal in found):
        found += price_refusals(look, policy)
    found += why_not_operator(look, policy.safe, operator, NOBODY)
    found += why_not_guardian(guardian, operator)
    return found + why_not_targets(policy, look.names, targets)


def why_not_operator(look: Look, safe: Address, operator: Address, guardian: Address) -> list[Refusal]:
    """A hot key that signs for the Safe could do without the module."""
    found = []
    if operator == safe or (look.sight.has_code(safe) and look.sight.is_owner(safe, operator)):
        found.append(
            Refusal("operator_is_owner", f"the operator {operator} is an owner of the Safe, or the Safe itself")
        )
    if operator != NOBODY and operator == guardian:
        found.append(
            Refusal("operator_is_guardian", f"the operator {operator} is the guardian: two keys, two accounts")
        )
    return found


def why_not_guardian(guardian: Address, operator: Address) -> list[Refusal]:
    """The guardian stops the operator, so they are two."""
    if guardian == NOBODY or guardian != operator:
        return []
    return [Refusal("operator_is_guardian", f"the guardian {guardian} is the operator: two keys, two accounts")]


def why_not_targets(policy: ModulePolicy, names: Names, targets: Sequence[int]) -> list[Refusal]:
    """One for each asset, each between its bounds, 100 % together."""
    if len(targets) != len(policy.assets):
        return [Refusal("targets_count", f"{len(targets)} targets for {len(policy.assets)} assets: give one for each")]
    found = [
        Refusal(
            "targets_range",
            f"the target {share(target)} of {names.get(asset.token, asset.token)} is outside the owners' "
            f"{share(asset.least)} to {share(asset.most)}",
        )
        for asset, target in zip(policy.assets, targets, strict=True)
        if not asset.least <= target <= asset.most
    ]
    if sum(targets) != PPM:
        found.append(Refusal("targets_sum", f"the targets sum to {share(sum(targets))}, not to 100 %"))
    return found


def why_not_pause(state: ModuleState, policy: ModulePolicy, sender: Address) -> list[Refusal]:
    """For the guardian and the Safe."""
    if sender in (state.guardian, policy.safe):
        return []
    guardian = "nobody" if state.guardian == NOBODY else state.guardian
    return [Refusal("only_guardian", f"{sender} is neither the guardian ({guardian}) nor the Safe")]


def _safe_and_count(look: Look, policy: ModulePolicy) -> Iterator[Refusal]:
    if not look.sight.has_code(policy.safe):
        yield Refusal("safe", f"there is no contract at the Safe's address {policy.safe}")
    if not 2 <= len(policy.assets) <= MOST_ASSETS:
        yield Refusal("assets", f"{len(policy.assets)} assets: a module holds 2 to {MOST_ASSETS}")


def _hubs_and_routes(look: Look, policy: ModulePolicy) -> Iterator[Refusal]:
    for hub in policy.hubs:
        if not look.sight.has_code(hub):
            yield Refusal("hub", f"there is no token at the hub's address {hub}")
    if not policy.routes:
        yield Refusal("routes", "no route is listed: nothing could ever be traded")
    for count, most, what in ((len(policy.hubs), MOST_HUBS, "hubs"), (len(policy.routes), MOST_ROUTES, "routes")):
        if count > most:
            yield Refusal(what, f"{count} {what}: a module holds at most {most}")
    for route in policy.routes:
        yield from _route(look, policy, route)


def _route(look: Look, policy: ModulePolicy, route: ModuleRoute) -> Iterator[Refusal]:
    never = {policy.safe: "the Safe"}
    for asset in policy.assets:
        never |= {asset.token: f"the token {look.name(asset.token)}", asset.feed: f"a feed of {look.name(asset.token)}"}
        never[asset.second_feed] = f"a feed of {look.name(asset.token)}"
    never |= {hub: f"the hub {look.name(hub)}" for hub in policy.hubs} | NEVER_ROUTERS
    if route.router in never:
        what = "no address" if route.router == NOBODY else never[route.router]
        yield Refusal(
            "never_router",
            f"the router {route.router} is {what}: a call to it from the Safe is worth more than a swap",
        )
    elif not look.sight.has_code(route.router):
        yield Refusal("router", f"there is no contract at the router's address {route.router}")
    if route.checker == NOBODY:
        return
    opaque = look.sight.is_opaque(route.checker)
    if opaque is None:
        yield Refusal("checker", f"{route.checker} is no RouteCheck: `ape run deploy_check` deploys one")
    elif opaque and not policy.limits.allow_opaque:
        yield Refusal(
            "opaque",
            f"the RouteCheck {route.checker} leaves the receiver, a token, the amount or the minimum unchecked",
        )


def _limits(limits: ModuleLimits) -> Iterator[Refusal]:
    ranges = (
        ("limit_window", limits.window, SHORTEST_WINDOW, LONGEST_WINDOW, span),
        ("limit_turnover", limits.max_turnover, 1, PPM, share),
        ("limit_loss", limits.max_loss, 0, MOST_LOSS, share),
        ("limit_shortfall", limits.max_shortfall, 0, MOST_SHORTFALL, share),
        ("limit_max_trade", limits.max_trade, 1, PPM, share),
        ("limit_tolerance", limits.tolerance, 1, MOST_TOLERANCE, share),
        ("limit_cooldown", limits.cooldown, 0, limits.window, span),
        ("limit_target_step", limits.target_step, 0, PPM, share),
        ("limit_grace", limits.grace, 0, LONGEST_GRACE, span),
    )
    if limits.min_trade <= 0:
        yield Refusal(
            "limit_min_trade", "a min_trade of nothing lets dust through, and each dust trade rounds a little"
        )
    for rule, value, low, high, written in ranges:
        if not low <= value <= high:
            name = rule.removeprefix("limit_")
            yield Refusal(rule, f"{name} is {written(value)}, expected {written(low)} to {written(high)}")
