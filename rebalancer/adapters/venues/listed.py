"""Venues of a RebalanceModule: who is asked and what its policy lists in, whom it would refuse out.

A quote that no route leads to costs a request and brings nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rebalancer.adapters.venues.known import KNOWN, Access
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import NOBODY
from rebalancer.core.model.module import ModuleRoute


def require_routes(accesses: Sequence[Access], routes: Collection[ModuleRoute]) -> None:
    """ConfigError where a venue's router has no route with a checker."""
    own = {one.name: one.router for one in KNOWN}
    listed = {route.router for route in routes if route.checker != NOBODY}
    routers = ((access.name, access.router or own[access.name]) for access in accesses)
    if missing := [f"{name} ({router})" for name, router in routers if router not in listed]:
        raise ConfigError(
            f"venues: {', '.join(missing)} is no router of `module.routes`, so the module would refuse what it offers. "
            "Deploy a RouteCheck for it (`ape run deploy_check`), list both under `module.routes` and let the owners "
            "replace the module, or take it out of `venues`"
        )
