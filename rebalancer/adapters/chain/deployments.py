"""Where the well-known contracts stand, per chain. Their code is compared by `scripts/conformance.py`."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.units import Address


@dataclass(frozen=True, slots=True)
class Deployment:
    """The contracts that a chain must have before the keeper trades on it."""

    weth: Address
    multicall3: Address
    uniswap_v2_factory: Address
    uniswap_v3_factory: Address
    quoter_v2: Address
    swap_router_02: Address
    position_manager: Address
    tick_lens: Address
    safe: Address
    safe_l2: Address
    safe_proxy_factory: Address
    safe_fallback_handler: Address
    multi_send: Address
    multi_send_call_only: Address


MAINNET = Deployment(
    weth=Address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
    multicall3=Address("0xcA11bde05977b3631167028862bE2a173976CA11"),
    uniswap_v2_factory=Address("0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
    uniswap_v3_factory=Address("0x1F98431c8aD98523631AE4a59f267346ea31F984"),
    quoter_v2=Address("0x61fFE014bA17989E743c5F6cB21bF9697530B21e"),
    swap_router_02=Address("0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45"),
    position_manager=Address("0xC36442b4a4522E871399CD717aBDD847Ab11FE88"),
    tick_lens=Address("0xbfd8137f7d1516D3ea5cA83523914859ec47F573"),
    safe=Address("0x41675C099F32341bf84BFc5382aF534df5C7461a"),
    safe_l2=Address("0x29fcB43b46531BcA003ddC8FCB67FFE91900C762"),
    safe_proxy_factory=Address("0x4e1DCf7AD4e460CfD30791CCC4F9c8a4f820ec67"),
    safe_fallback_handler=Address("0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99"),
    multi_send=Address("0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526"),
    multi_send_call_only=Address("0x9641d764fc13c8B624c04430C7356C1C7C8102e2"),
)

DEPLOYMENTS = {1: MAINNET}
