"""One step's next price where 256 bits are not enough: SqrtPriceMath of v3-core, its overflows written out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancer.market.swap_math import price_after_token0_in_up
from rebalancer.market.tick_math import MAX_SQRT_RATIO, MIN_SQRT_RATIO
from rebalancer.units import mul_div_up

WRAP = 1 << 256


def as_the_contract(sqrt_price: int, liquidity: int, amount: int) -> int:
    """getNextSqrtPriceFromAmount0RoundingUp, add, in unchecked 256-bit arithmetic."""
    numerator = liquidity << 96
    product = amount * sqrt_price % WRAP
    if product // amount == sqrt_price:
        denominator = (numerator + product) % WRAP
        if denominator >= numerator:
            return mul_div_up(numerator, sqrt_price, denominator)
    return -(-numerator // (numerator // sqrt_price + amount))


prices = st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1)


@given(prices, st.integers(1, (1 << 128) - 1), st.integers(0, 255), st.data())
def test_price_after_token0_in__of_any_size__is_the_contracts(
    sqrt_price: int, liquidity: int, bits: int, data: st.DataObject
) -> None:
    amount = data.draw(st.integers(1 << bits, (2 << bits) - 1))
    assert price_after_token0_in_up(sqrt_price, liquidity, amount) == as_the_contract(sqrt_price, liquidity, amount)


HIGH = 5 * (1 << 157) + 12_345


@pytest.mark.parametrize(
    ("sqrt_price", "liquidity", "amount"),
    [
        # The product alone takes more than 256 bits.
        (HIGH, (1 << 127) + 1, (1 << 97) + 7),
        # The product fits, and does not with the liquidity on top of it.
        (HIGH, (1 << 127) + 1, (1 << 256) // HIGH),
    ],
)
def test_price_after_token0_in__beyond_256_bits__is_the_coarser_one(
    sqrt_price: int, liquidity: int, amount: int
) -> None:
    scaled = liquidity << 96
    exact = mul_div_up(scaled, sqrt_price, scaled + amount * sqrt_price)
    found = price_after_token0_in_up(sqrt_price, liquidity, amount)
    assert found == as_the_contract(sqrt_price, liquidity, amount) != exact
