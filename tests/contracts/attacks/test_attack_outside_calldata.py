"""Calldata that the operator brings: two real functions of SwapRouter02, carried out and tampered with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from catalogue import ends_at, stopped_by
from given_attacks import CHECKED, GOLD, IRON, SILV, Arena
from given_calldata import offered, path, single, token, words
from given_hostile import set_code
from given_market import LINK, PATH, SINGLE, USDC, WBTC, WETH, Market
from given_module import v3_path
from given_routes import PATH_LENGTH, SINGLE_LENGTH, WORD

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.replica.calls import encode_call
from rebalancer.units import PPM

OFFSETS = "offsets pinned"
CONSTRAINTS = "constraints on the calldata"
DIRTY = 1 << 255


@pytest.mark.parametrize(("route", "encode", "length"), [(SINGLE, single, SINGLE_LENGTH), (PATH, path, PATH_LENGTH)])
@stopped_by(42, OFFSETS, "the honest encoding goes through")
def test_calldata__of_a_real_function__is_carried_out_by_the_real_router(
    market: Market, route: int, encode: Any, length: int
) -> None:
    swap = market.swap(WETH, USDC, 5_000, route)
    data = encode(market, swap)
    assert len(data) == length
    weth, usdc = market.held(WETH), market.held(USDC)
    market.settles(offered(swap, data), data)
    assert weth - market.held(WETH) == swap.amount_in
    assert market.held(USDC) - usdc >= swap.min_out
    weth_token = market.replica.token("WETH").address
    left = market.replica.read(weth_token, "allowance(address,address)", market.module.safe, MAINNET.swap_router_02)
    assert left == (0,)


SINGLE_FIELDS = [
    ("receiver", "attacker", "receiver", 3),
    ("receiver", 1, "receiver", 3),
    ("receiver", 2, "receiver", 3),
    ("receiver", 0, "receiver", 3),
    ("token_in", WBTC, "token_in", 16),
    ("token_out", LINK, "token_out", 16),
    ("amount_in", +1, "amount_in", 20),
    ("amount_in", -1, "amount_in", 20),
    ("min_out", -1, "min_out", 15),
    ("price_limit", 1, "constant", 42),
]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        pytest.param(field, value, f"RouteCheck: {rule}", marks=stopped_by(n, CONSTRAINTS, f"RouteCheck: {rule}"))
        for field, value, rule, n in SINGLE_FIELDS
    ],
)
def test_exact_input_single__with_another_field__is_refused(
    market: Market, field: str, value: int | str, rule: str
) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE)
    if value == "attacker":
        changed = int(market.replica.actor("attacker").address, 16)
    elif field.startswith("token"):
        changed = token(market, int(value))
    else:
        changed = int(value) + {"amount_in": swap.amount_in, "min_out": swap.min_out}.get(field, 0)
    data = single(market, swap, **{field: changed})
    market.refuses(rule, offered(swap, data), data)


@pytest.mark.parametrize("field", ["receiver", "token_in", "token_out", "amount_in", "price_limit"])
@stopped_by(42, OFFSETS, "RouteCheck: the field")
def test_exact_input_single__with_dirty_upper_bits__is_refused(market: Market, field: str) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE)
    clean = {
        "receiver": int(market.module.safe, 16),
        "token_in": token(market, WETH),
        "token_out": token(market, USDC),
        "amount_in": swap.amount_in,
        "price_limit": 0,
    }
    data = single(market, swap, **{field: clean[field] | DIRTY})
    reason = "constant" if field == "price_limit" else field
    market.refuses(f"RouteCheck: {reason}", offered(swap, data), data)


@pytest.mark.parametrize("change", ["short", "cut to the selector", "nothing", "trailing byte", "trailing word"])
@stopped_by(42, OFFSETS, "RouteCheck: length")
def test_exact_input_single__of_another_length__is_refused(market: Market, change: str) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE)
    whole = single(market, swap)
    changed = {
        "short": whole[:-1],
        "cut to the selector": whole[:4],
        "nothing": b"",
        "trailing byte": whole + b"\x00",
        "trailing word": whole + bytes(32),
    }
    market.refuses("RouteCheck: length", offered(swap, changed[change]), changed[change])


@stopped_by(22, CONSTRAINTS, "RouteCheck: selector")
@stopped_by(42, OFFSETS, "RouteCheck: selector")
def test_other_function_of_the_real_router__in_the_place_of_a_listed_one__is_refused(market: Market) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE)
    names = ("multicall(bytes[])", "pull(address,uint256)", "sweepToken(address,uint256,address)", "selfPermit()")
    for name in names:
        data = bytes.fromhex(encode_call(name.split("(")[0] + "()")[2:]) + single(market, swap)[4:]
        market.refuses("RouteCheck: selector", offered(swap, data), data)
    # A route knows one function: that of the other route is none of its business.
    data = path(market, swap)
    market.refuses("RouteCheck: length", offered(swap, data), data)


PATH_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("constant", {"struct": 2 * WORD}),
    ("constant", {"struct": WORD | DIRTY}),
    ("constant", {"struct": 0}),
    ("constant", {"path": 5 * WORD}),
    ("constant", {"path": 0}),
    ("constant", {"path": 3 * WORD}),
    ("constant", {"length": 66}),
    ("constant", {"length": 20}),
    ("constant", {"length": 42}),
    ("constant", {"rest": bytes(20) + b"\x01"}),
    ("constant", {"rest": b"\x01" + bytes(20)}),
    ("receiver", {"receiver": 1}),
    ("receiver", {"receiver": 2}),
    ("token_in", {"first": b"\x11" * 20}),
    ("token_out", {"last": b"\x11" * 20}),
    ("amount_in", {"amount_in": 0}),
    ("min_out", {"min_out": 0}),
]


@pytest.mark.parametrize(
    ("rule", "fields"), [pytest.param(rule, fields, id=str(fields)) for rule, fields in PATH_FIELDS]
)
@stopped_by(42, OFFSETS, "RouteCheck: the field")
def test_exact_input__encoded_otherwise__is_refused(market: Market, rule: str, fields: dict[str, Any]) -> None:
    swap = market.swap(WETH, USDC, 5_000, PATH)
    data = path(market, swap, **fields)
    market.refuses(f"RouteCheck: {rule}", offered(swap, data), data)


@stopped_by(42, OFFSETS, "RouteCheck: constant")
def test_exact_input__with_a_second_struct_behind_moved_offsets__is_refused(market: Market) -> None:
    # Where a decoder by offsets would look, the receiver is the attacker; where the checks look, all is well.
    swap = market.swap(WETH, USDC, 5_000, PATH)
    honest, attacker = path(market, swap), int(market.replica.actor("attacker").address, 16)
    evil = path(market, swap, receiver=attacker)[4 + WORD :]
    moved = honest[:4] + words(len(honest) - 4) + honest[4 + WORD :] + evil
    market.refuses("RouteCheck: length", offered(swap, moved), moved)
    market.refuses("RouteCheck: constant", offered(swap, moved[: len(honest)]), moved[: len(honest)])


@pytest.mark.parametrize("place", [(1, 292), (293, 0), (0, 293), (2**16, 0), (2**200, 0), (2**240 - 1, 1), (292, 1)])
@ends_at("call")
def test_calldata__that_lies_beyond_what_was_brought__is_refused(arena: Arena, place: tuple[int, int]) -> None:
    swaps, data = arena.outside(GOLD, SILV, 10_000)
    assert len(data) == 292
    arena.refuses("call", [replace(swaps[0], path=place[0] << 16 | place[1])], data)


@stopped_by(42, "each swap has its own calldata", "RouteCheck: amount_in")
def test_calldata__of_two_swaps__belongs_to_each_its_own(arena: Arena) -> None:
    (first,), one = arena.outside(GOLD, SILV, 10_000)
    (second,), two = arena.outside(GOLD, IRON, 20_000)
    # Whatever else is brought is not looked at.
    data = b"\xff" * 5 + one + two
    batch = [replace(first, path=5 << 16 | 292), replace(second, path=297 << 16 | 292)]
    arena.refuses("RouteCheck: token_out", [batch[0], replace(batch[1], path=batch[0].path)], data)
    arena.refuses("RouteCheck: selector", [replace(batch[0], path=4 << 16 | 292), batch[1]], data)
    arena.settles(batch, data)
    assert arena.router.read("last_data") == two
    assert arena.held(SILV) == 200_000 * 10**6 + first.min_out


@stopped_by(46, CONSTRAINTS, "call")
def test_checker__that_does_not_say_yes__is_a_no(arena: Arena) -> None:
    checker = arena.module.policy.routes[CHECKED].checker
    # Answers zero to everything, and so says that it is not opaque.
    set_code(arena.replica, checker, "0x5f5f5260205ff3")
    arena.refuses("call", *arena.outside(GOLD, SILV, 10_000))


@stopped_by(15, "the router's own minimum", "execution")
def test_minimum__of_the_real_router__holds_for_outside_calldata_too(market: Market) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE)
    data = single(market, swap, min_out=swap.min_out * (PPM + 50_000) // PPM)
    market.refuses("execution", offered(swap, data), data)


@pytest.mark.parametrize("rule", ["token", "route"])
def test_path_word__on_the_wrong_kind_of_route__is_refused(market: Market, rule: str) -> None:
    swap = market.swap(WETH, USDC, 5_000, SINGLE, v3_path((500, 0)))
    if rule == "token":
        market.refuses("call", swap)
    else:
        market.refuses("path", replace(swap, route=0, path=SINGLE_LENGTH), single(market, swap))
