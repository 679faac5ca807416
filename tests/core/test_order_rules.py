"""Quotes that are orders against the rules: an honest one passes them all, and each lie breaks the rule of its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from small_market import ATTACKER, NOW, OPERATOR, WBTC, WETH, planned, snapshot_with

from rebalancer.core.model import Call, Order, Quote, QuoteRequest
from rebalancer.core.order_rules import LONGEST_FILL, MOST_ABOVE, SHORTEST_FILL, presign_call
from rebalancer.core.quote_rules import answer_breaches, quote_breaches
from rebalancer.units import BPS, Address, Amount, Bps

SAFE = Address("0x5afe5afE5afE5afE5afE5aFe5aFe5Afe5Afe5AfE")
SETTLEMENT = Address("0x9008D19f58AAbD9eD0D60971565AA8510560ab41")
RELAYER = Address("0xC92E8bdf79f0507f65a392b0ab4667716BFE0110")
TRADE, OTHER = planned(snapshot_with(45_000, 30_000, 20_000, 5_000)).trades
REQUEST = QuoteRequest(TRADE, SAFE, OPERATOR, NOW + 600, Bps(100))
VALID_TO = REQUEST.deadline + 1_200
FAIR = -(-TRADE.floor.raw * BPS // (BPS - REQUEST.slippage))


def _uid(owner: str = SAFE, valid_to: int = VALID_TO) -> str:
    return "0x" + "ab" * 32 + owner[2:].lower() + f"{valid_to:08x}"


ORDER = Order(_uid(), TRADE.sell, TRADE.floor, VALID_TO, SETTLEMENT, RELAYER)


def _quote(order: Order, **changes: Any) -> Quote:
    """The honest quote of an order, with these fields in the place of its own."""
    call = presign_call(order.settlement, order.uid, signed=True)
    return replace(Quote("it", TRADE, order.least, order.relayer, call, 65_000, None, order), **changes)


def broken(quote: Quote) -> list[str]:
    return [breach.rule for breach in quote_breaches(REQUEST, quote, (SETTLEMENT, RELAYER))]


def test_order__that_is_honest__breaks_no_rule() -> None:
    assert broken(_quote(ORDER)) == []
    other = replace(ORDER, sell=OTHER.sell, least=OTHER.floor)
    requests = [REQUEST, replace(REQUEST, trade=OTHER)]
    quotes = [_quote(ORDER), _quote(other, trade=OTHER)]
    assert answer_breaches(requests, quotes, (SETTLEMENT, RELAYER)) == ()


@pytest.mark.parametrize("valid_to", [REQUEST.deadline + SHORTEST_FILL, REQUEST.deadline + LONGEST_FILL])
def test_order__at_the_end_of_its_time__breaks_no_rule(valid_to: int) -> None:
    assert broken(_quote(replace(ORDER, uid=_uid(valid_to=valid_to), valid_to=valid_to))) == []


def test_order__of_the_most_that_is_fair__breaks_no_rule_and_of_a_thousandth_more_one() -> None:
    most = FAIR * (BPS + MOST_ABOVE) // BPS
    assert broken(_quote(replace(ORDER, least=Amount(TRADE.buy, most)))) == []
    assert broken(_quote(replace(ORDER, least=Amount(TRADE.buy, most + most // 1_000)))) == ["too_good"]


def _valid_to(second: int) -> dict[str, Any]:
    return {"uid": _uid(valid_to=second), "valid_to": second}


LIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "more is sold": ({"sell": TRADE.sell + Amount(TRADE.sell.token, 1)}, ["amount_in"]),
    "less is sold": ({"sell": TRADE.sell - Amount(TRADE.sell.token, 1)}, ["amount_in"]),
    "another token is sold": ({"sell": Amount(WBTC, TRADE.sell.raw)}, ["amount_in"]),
    "another token is bought": ({"least": Amount(WETH, TRADE.floor.raw)}, ["same_trade", "token_out"]),
    "a unit less than the floor": ({"least": TRADE.floor - Amount(TRADE.buy, 1)}, ["below_floor", "least_out"]),
    "nothing is bought": ({"least": Amount(TRADE.buy, 0)}, ["below_floor", "least_out"]),
    "over too soon": (_valid_to(REQUEST.deadline + SHORTEST_FILL - 1), ["valid_to"]),
    "before it can be placed": (_valid_to(NOW), ["valid_to"]),
    "open too long": (_valid_to(REQUEST.deadline + LONGEST_FILL + 1), ["valid_to"]),
    "named for another time": ({"valid_to": VALID_TO + 1}, ["valid_to"]),
    "named for another wallet": ({"uid": _uid(ATTACKER)}, ["owner"]),
    "named for both": ({"uid": _uid(ATTACKER, VALID_TO - 1)}, ["owner", "valid_to"]),
    "named in capitals": ({"uid": _uid().upper().replace("0X", "0x")}, ["uid"]),
    "named too shortly": ({"uid": _uid()[:-2]}, ["uid"]),
    "named too long": ({"uid": _uid() + "00"}, ["uid"]),
    "not named": ({"uid": ""}, ["uid"]),
    "named in no hex": ({"uid": _uid()[:-1] + "x"}, ["uid"]),
    "settled by another": ({"settlement": ATTACKER}, ["target"]),
    "pulled by another": ({"relayer": ATTACKER}, ["spender"]),
}


@pytest.mark.parametrize("lie", LIES)
def test_order__with_one_field_changed__breaks_the_rule_of_its_name(lie: str) -> None:
    changes, rules = LIES[lie]
    order = replace(ORDER, **changes)
    quote = Quote("it", TRADE, order.least, order.relayer, Call(order.settlement, b""), 65_000, None, order)
    if rules != ["uid"]:
        quote = _quote(order)
    assert broken(quote) == rules


OTHER_CALLS = {
    "takes the presignature back": presign_call(SETTLEMENT, ORDER.uid, signed=False),
    "of another order": presign_call(SETTLEMENT, "0x" + "cd" * 32 + ORDER.uid[66:], signed=True),
    "of the relayer": presign_call(RELAYER, ORDER.uid, signed=True),
    "with bytes behind its end": Call(SETTLEMENT, presign_call(SETTLEMENT, ORDER.uid, signed=True).data + bytes(32)),
    "another function": Call(SETTLEMENT, bytes.fromhex("15337bc0") + bytes(160)),
}


@pytest.mark.parametrize("call", OTHER_CALLS)
def test_call__that_does_not_make_the_order_valid_and_no_more__breaks_the_rule(call: str) -> None:
    assert broken(_quote(ORDER, call=OTHER_CALLS[call])) == ["presign"]


def test_quote__that_expects_more_than_its_limit__breaks_the_rule() -> None:
    assert broken(_quote(ORDER, expected=ORDER.least + Amount(TRADE.buy, 1))) == ["expected"]


def test_quote__whose_relayer_is_not_approved__breaks_the_rule() -> None:
    assert broken(_quote(ORDER, spender=SETTLEMENT)) == ["spender"]
