"""Every venue's answer with one field changed: refused by the name of the field, before any calldata is read."""

from __future__ import annotations

import json
import re
import time

import pytest
from given_bends import Bend, calldata, field, on
from given_still_request import FLOOR, PATIENCE, SOLD, SOMEBODY, asked
from given_still_venues import STILL, VENUES, a_server, said_of
from given_wallet import DAI, WETH

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.http import Manners, VenueHttp

FEE = {"amount": "1", "token": WETH.address, "type": "volume"}
BELOW = "^it says .*, which is below the floor of"

ZERO_X: dict[str, tuple[Bend, str]] = {
    "another token bought": (field("buyToken", DAI.address), "answer.buyToken is"),
    "another token sold": (field("sellToken", DAI.address), "answer.sellToken is"),
    "another amount": (field("sellAmount", "1"), "answer.sellAmount is"),
    "a foreign spender": (field("allowanceTarget", SOMEBODY), "answer.allowanceTarget is"),
    "an amount that is none": (field("buyAmount", "1e18"), "answer.buyAmount is"),
    "less than the floor in the end": (field("buyAmount", "7"), BELOW),
    "a fee of an integrator": (field("fees.integratorFee", FEE), "fees.integratorFee is there"),
    "fees of integrators": (field("fees.integratorFees", [FEE]), "fees.integratorFees is there"),
    "a taxed token": (field("tokenMetadata.buyToken.buyTaxBps", "300"), "buyToken takes a tax"),
    "a foreign target": (field("transaction.to", SOMEBODY), "transaction.to is"),
    "coin": (field("transaction.value", "1"), "no coin goes with a swap"),
    "a call of another function": (field("transaction.data", "0x" + "ab" * 100), "expected exec"),
    "no call": (field("transaction", None), "answer.transaction is missing"),
    "gas without end": (field("transaction.gas", str(10**9)), "gas: 1000000000 units"),
}
ZERO_X = {case: (on("quote", bend), words) for case, (bend, words) in ZERO_X.items()}
ONE_INCH: dict[str, tuple[Bend, str]] = {
    "another sender": (field("tx.from", SOMEBODY), "tx.from is"),
    "a foreign target": (field("tx.to", SOMEBODY), "tx.to is"),
    "coin": (field("tx.value", "1"), "no coin goes with a swap"),
    "coin in hex": (field("tx.value", "0x1"), "no coin goes with a swap"),
    "an amount that is none": (field("dstAmount", "-1"), "answer.dstAmount is"),
    "more than there is": (field("dstAmount", str(2**256)), "answer.dstAmount is"),
    "no call": (field("tx", None), "answer.tx is missing"),
    # unoswap(uint256,uint256,uint256,uint256)
    "a shorter way": (field("tx.data", "0x83800a8e" + "00" * 128), "calls 0x83800a8e, expected swap"),
    "gas without end": (field("tx.gas", 10**9), "gas: 1000000000 units"),
}
VELORA: dict[str, tuple[Bend, str]] = {
    **{
        f"{name} {value}": (field(f"priceRoute.{name}", value), f"priceRoute.{name} is")
        for name, value in [
            ("srcToken", DAI.address),
            ("destToken", DAI.address),
            ("srcAmount", str(SOLD + 1)),
            ("network", 137),
            ("side", "BUY"),
            ("version", "5"),
            ("contractAddress", SOMEBODY),
            ("destAmount", "-1"),
            ("destAmount", str(2**256)),
            ("destAmount", None),
            ("gasCost", "1e5"),
        ]
    },
    "impact": (field("priceRoute.maxImpactReached", True), "price impact is beyond its limit"),
    "impact as a text": (field("priceRoute.maxImpactReached", "true"), "price impact is beyond its limit"),
    **{
        f"{name} {value}": (field(name, value), f"answer.{name} ")
        for name, value in [
            ("from", SOMEBODY),
            ("to", SOMEBODY),
            ("chainId", 137),
            ("value", "1"),
            ("value", "0x1"),
            ("data", "0x"),
            ("data", "no hex"),
            ("data", None),
        ]
    },
}
KYBER: dict[str, tuple[Bend, str]] = {
    **{
        f"{name} {value}": (field(f"data.routeSummary.{name}", value), f"answer.data.routeSummary.{name} is")
        for name, value in [
            ("tokenIn", DAI.address),
            ("tokenOut", DAI.address),
            ("amountIn", str(SOLD + 1)),
            ("amountOut", "-1"),
            ("amountOut", str(2**256)),
            ("amountOut", "2e18"),
            ("amountOut", None),
        ]
    },
    "another router": (on("routes", field("data.routerAddress", SOMEBODY)), "answer.data.routerAddress is"),
    **{
        f"built: {name} {value}": (on("build", field(f"data.{name}", value)), f"answer.data.{name} ")
        for name, value in [
            ("routerAddress", SOMEBODY),
            ("amountIn", str(SOLD - 1)),
            ("transactionValue", "1"),
            ("amountOut", 2.5),
            ("gas", "-1"),
            ("gas", None),
            ("data", "0x"),
            ("data", None),
        ]
    },
    "nothing in the end": (on("build", field("data.amountOut", "0")), BELOW),
    "less than the floor in the end": (on("build", field("data.amountOut", str(FLOOR - 1))), BELOW),
}
ODOS: dict[str, tuple[Bend, str]] = {
    "another chain": (field("transaction.chainId", 8453), "assembled.transaction.chainId is"),
    "another caller": (field("transaction.from", SOMEBODY), "assembled.transaction.from is"),
    "another router": (field("transaction.to", SOMEBODY), "assembled.transaction.to is"),
    "coin": (field("transaction.value", "1"), "assembled.transaction.value is"),
    "no calldata": (field("transaction.data", "0x"), "bytes, expected a selector"),
    "another function": (field("transaction.data", "0x095ea7b3" + "00" * 64), "expected swap"),
}
CASES = {"zero_x": ZERO_X, "one_inch": ONE_INCH, "velora": VELORA, "kyber": KYBER, "odos": ODOS}


@pytest.mark.parametrize(("venue", "case"), [(venue, case) for venue, cases in CASES.items() for case in cases])
def test_answer__with_one_field_changed__is_refused_by_it(venue: str, case: str) -> None:
    bend, words = CASES[venue][case]
    with a_server(venue, bend) as server:
        said = said_of(venue, server)
    assert re.search(words, said), said


@pytest.mark.parametrize("venue", STILL)
def test_calldata__with_bytes_behind_the_end__is_refused(venue: str) -> None:
    with a_server(venue, calldata(venue, lambda _, data: data + bytes(32))) as server:
        assert "is not encoded as the ABI has it" in said_of(venue, server)


@pytest.mark.parametrize("venue", VENUES)
def test_answer__of_which_nothing_is_changed__keeps_the_rules(venue: str) -> None:
    with a_server(venue) as server:
        assert said_of(venue, server) == ""


@pytest.mark.parametrize(
    ("venue", "place", "words"),
    [
        ("kyber", ("data", "routeSummary"), "unable to bind request body"),
        ("velora", ("priceRoute",), "Invalid priceRoute"),
    ],
)
def test_route__written_again_by_a_library__is_not_taken(venue: str, place: tuple[str, ...], words: str) -> None:
    """What the servers' test of verbatim bytes is worth."""
    with a_server(venue) as server:
        asked(STILL[venue].asks(server))
        first, second = server.asked
        http, end = VenueHttp(server.url, Manners(0.0)), time.monotonic() + PATIENCE
        route = http.get(first.path, dict(first.query), end).body
        for name in place:
            route = route[name]
        with pytest.raises(VenueError, match=words):
            http.post(second.path, json.dumps({place[-1]: route}), end)
