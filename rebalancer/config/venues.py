"""The section about who is asked for quotes: the pools of the own router, and those who are asked over the network.

A part of `schema`, in a file of its own.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rebalancer.config.schema import Section
from rebalancer.config.values import EMPTY, AddressText, ApiKey, PoolName, Symbol, Url


class UniswapSection(Section):
    hubs: list[Symbol] | None = None
    """Tokens a path may run over; by default the wrapped native token, which every pool trades against."""
    pools: list[PoolName] = Field(description="expected a list of pools such as `v3 USDC/WETH 0.05 %`")


class OutsideSection(Section):
    """Of one that takes orders: its contracts are the ones that it has on every chain."""

    url: Url | None = None
    """Where it is asked; None: at its own host."""


class OpenSection(OutsideSection):
    """Of one that asks for no key."""

    router: AddressText | None = None
    """Who is approved and called, and nobody else; None: its own contract, as we know it."""


class EitherSection(OpenSection):
    key: ApiKey | None = None
    """Grants more requests."""


class KeyedSection(OpenSection):
    key: ApiKey = Field(description="expected its API key, from the environment: `key: ${NAME}`")


def _given(value: Any) -> Any:
    if value is None:
        # A name with nothing behind it looks like one that is asked.
        raise ValueError(EMPTY)
    return value


_NOT_NULL = BeforeValidator(_given)


class VenuesSection(Section):
    uniswap: UniswapSection = Field(description="expected `uniswap:` with its `pools:`")
    zero_x: Annotated[KeyedSection | None, _NOT_NULL] = Field(None, description="expected `{key: ${NAME}}`")
    one_inch: Annotated[KeyedSection | None, _NOT_NULL] = Field(None, description="expected `{key: ${NAME}}`")
    velora: Annotated[OpenSection | None, _NOT_NULL] = Field(None, description="expected `{}`")
    kyber: Annotated[OpenSection | None, _NOT_NULL] = Field(None, description="expected `{}`")
    odos: Annotated[EitherSection | None, _NOT_NULL] = Field(None, description="expected `{}`, or `{key: ${NAME}}`")
    cow: Annotated[OutsideSection | None, _NOT_NULL] = Field(None, description="expected `{}`")

    def outside(self) -> dict[str, OutsideSection]:
        """Those who are asked over the network, by their names, in one order whatever the file's."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: section for name, section in found if isinstance(section, OutsideSection)}
