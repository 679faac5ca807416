"""Settings in, the policy of a RebalanceModule out: what its deployment fixes, and what every tick compares."""

from __future__ import annotations

from rebalancer.config.schema import FeedSection, ModuleSection, ProductSection, TokenSection
from rebalancer.config.sections import Parts
from rebalancer.config.settings import ModuleSettings, Settings
from rebalancer.core.errors import ConfigError
from rebalancer.core.model.module import NOBODY, ModuleAsset, ModuleLimits, ModulePolicy, ModuleRoute
from rebalancer.units import ONE, PPM, Address, Ppm, Token, Usd


def module_policy(settings: Settings, swap_router: Address) -> tuple[ModulePolicy, tuple[Ppm, ...]]:
    """The policy, and the targets in the order of its assets. `swap_router`: SwapRouter02 of the chain, whose calls
    the module builds itself. ConfigError where the wallet is of another kind.
    """
    module = settings.module
    if module is None:
        raise ConfigError(
            f"{settings.path.name}: wallet.kind is {settings.wallet.kind}, expected safe-module: only that has an "
            "on-chain policy"
        )
    policy = ModulePolicy(
        safe=settings.wallet.address,
        assets=module.assets,
        hubs=tuple(token.address for token in module.hubs),
        routes=(ModuleRoute(swap_router, NOBODY), *module.routes),
        limits=module.limits,
    )
    return policy, tuple(Ppm(target.weight * PPM // ONE) for target in settings.targets)


def module_settings(parts: Parts, tokens: dict[str, Token]) -> ModuleSettings | None:
    """What the sections say; None where the wallet acts through no module."""
    module, wallet = parts.module, parts.wallet
    assert module is not None and wallet is not None
    if wallet.kind != "safe-module":
        return None
    return ModuleSettings(
        guardian=module.guardian,
        assets=tuple(_asset(token) for token in parts.tokens.values() if token.target is not None),
        hubs=tuple(tokens[symbol] for symbol in parts.module_hubs()),
        routes=tuple(ModuleRoute(route.router, route.checker) for route in module.routes),
        limits=_limits(module),
    )


def _asset(token: TokenSection) -> ModuleAsset:
    match token.price:
        case FeedSection() as feed:
            feeds = [feed]
        case ProductSection(product=product):
            feeds = product
        case _:
            raise AssertionError("a rule has seen that the module's assets have feeds")
    second = feeds[1] if len(feeds) > 1 else None
    least, most = token.range or (Ppm(0), Ppm(PPM))
    price_low, price_high = token.price_band or (Usd(0), Usd(0))
    return ModuleAsset(
        token=token.address,
        feed=feeds[0].feed,
        heartbeat=feeds[0].heartbeat + feeds[0].margin,
        second_feed=NOBODY if second is None else second.feed,
        second_heartbeat=0 if second is None else second.heartbeat + second.margin,
        least=least,
        most=most,
        price_low=price_low,
        price_high=price_high,
    )


def _limits(module: ModuleSection) -> ModuleLimits:
    return ModuleLimits(
        window=module.window,
        max_turnover=module.max_turnover,
        max_loss=module.max_loss,
        max_shortfall=module.max_shortfall,
        min_trade=module.min_trade,
        max_trade=module.max_trade,
        tolerance=module.tolerance,
        cooldown=module.cooldown,
        target_step=module.target_step,
        allow_opaque=module.allow_opaque,
        sequencer=module.sequencer or NOBODY,
        grace=module.grace or 0,
    )
