"""Misbehaviours of an answer: JSON as it should be, in which one field is not what it should be."""

from __future__ import annotations

from given_bends import both, field, on, times, written
from given_misbehaviour import Misbehaviour, Misbehaviours
from given_venue_stage import ROUTERS, STRANGER
from given_wallet import DAI, USDC, WETH

NOBODY = "0x" + "00" * 20
AMOUNT = r"^answer\.dstAmount is .*, expected base units, a whole number from 0$"
FOR_THE_STRANGER = "0x095ea7b3" + STRANGER[2:].lower().rjust(64, "0") + "f" * 64
"""approve(stranger, all that there ever will be)"""
MISSPELT = ROUTERS["one_inch"].swapcase().replace("0X", "0x")


def _dst(text: str) -> Misbehaviour:
    """1inch says that it pays this."""
    return Misbehaviour("one_inch", AMOUNT, written("dstAmount", text))


ANSWERS: Misbehaviours = {
    # What it says it pays
    "a negative amount": _dst('"-1"'),
    "2^256": _dst(f'"{2**256}"'),
    "1e18 as a number with an exponent": _dst("1e18"),
    "1e18 as a text with an exponent": _dst('"1e18"'),
    "an amount with a fraction": _dst("22500000000.0"),
    "an amount in digits of another script": _dst('"\\u0662\\u0662\\u0665"'),
    "`true` for an amount": _dst("true"),
    "an amount with a blank": _dst('" 22500000000"'),
    "no amount": Misbehaviour("one_inch", r"^answer\.dstAmount is missing$", field("dstAmount", None)),
    "zero": Misbehaviour("one_inch", "^it says 0 USDC, which is below the floor of", field("dstAmount", "0")),
    "an amount in eighteen decimals": Misbehaviour(
        "one_inch", "^pays_what_it_says: ", field("dstAmount", times(10**12))
    ),
    "an amount in too few decimals": Misbehaviour(
        "zero_x", "^it says .* USDC, which is below the floor of", field("buyAmount", times(1, 100))
    ),
    "a price that is 10 % better than it is": Misbehaviour(
        "one_inch", "^pays_what_it_says: .* arrive in the simulation, expected the", field("dstAmount", times(11, 10))
    ),
    "a price that is 1 % better than it is": Misbehaviour(
        "one_inch", "^pays_what_it_says: ", field("dstAmount", times(101, 100))
    ),
    "an impact beyond its own limit": Misbehaviour(
        "velora", "^it says that the price impact is beyond its limit$", field("priceRoute.maxImpactReached", True)
    ),
    # What it answers to
    "an answer for another pair": Misbehaviour(
        "kyber",
        r"^answer\.data\.routeSummary\.tokenOut is .*answers another question",
        field("data.routeSummary.tokenOut", DAI.address),
    ),
    "the two tokens swapped": Misbehaviour(
        "zero_x",
        r"^answer\.sellToken is .*answers another question",
        both(field("sellToken", USDC.address), field("buyToken", WETH.address)),
    ),
    "an answer for another amount": Misbehaviour(
        "velora",
        r"^answer\.priceRoute\.srcAmount is .*answers another question",
        field("priceRoute.srcAmount", times(1, 2)),
    ),
    "another chain": Misbehaviour(
        "velora", r"^answer\.priceRoute\.network is int '8453', expected 1", field("priceRoute.network", 8453)
    ),
    "a call for another chain": Misbehaviour(
        "odos", r"^assembled\.transaction\.chainId is int '10', expected 1", field("transaction.chainId", 10)
    ),
    "the path of another user": Misbehaviour(
        "odos", r"^assembled\.transaction\.from is .*answers another question", field("transaction.from", STRANGER)
    ),
    "another pair than quoted": Misbehaviour(
        "odos", r"^quote\.outTokens is not what was asked", field("outTokens", [DAI.address])
    ),
    "another amount when the call is built": Misbehaviour(
        "kyber", r"^answer\.data\.amountIn is .*answers another question", on("build", field("data.amountIn", times(2)))
    ),
    "a worse price when the call is built": Misbehaviour(
        "kyber", "^it says .* USDC, which is below the floor of", on("build", field("data.amountOut", times(9, 10)))
    ),
    "another spender when the quote is made": Misbehaviour(
        "zero_x",
        r"^answer\.allowanceTarget is .*answers another question",
        on("quote", field("allowanceTarget", STRANGER)),
    ),
    # Where it leads
    "a foreign target": Misbehaviour("one_inch", r"^answer\.tx\.to is .*expected 0x1111", field("tx.to", STRANGER)),
    "a foreign spender": Misbehaviour(
        "zero_x", r"^answer\.allowanceTarget is .*expected 0x0000000000001fF3", field("allowanceTarget", STRANGER)
    ),
    "a foreign contract in the price": Misbehaviour(
        "velora", r"^answer\.priceRoute\.contractAddress is ", field("priceRoute.contractAddress", STRANGER)
    ),
    "nobody as the router": Misbehaviour(
        "kyber", r"^answer\.data\.routerAddress is str '0x00", field("data.routerAddress", NOBODY)
    ),
    "the wallet's own Safe as the target": Misbehaviour(
        "one_inch", r"^answer\.tx\.to is ", field("tx.to", lambda stage, _: stage.keeper.wallet)
    ),
    "the sold token as the target": Misbehaviour(
        "odos", r"^assembled\.transaction\.to is ", field("transaction.to", WETH.address)
    ),
    "an approval without end for a stranger": Misbehaviour(
        "one_inch", r"^answer\.tx\.to is ", both(field("tx.to", WETH.address), field("tx.data", FOR_THE_STRANGER))
    ),
    "an address whose letters are no checksum": Misbehaviour(
        "one_inch", r"^answer\.tx\.to is .*, whose letters are no checksum, expected 0x1111", field("tx.to", MISSPELT)
    ),
    "an address of other letters than those of hex": Misbehaviour(
        "one_inch", r"^answer\.tx\.to is ", field("tx.to", ROUTERS["one_inch"].replace("c", "\u0441"))
    ),
    # What it takes
    "coin with the swap": Misbehaviour(
        "one_inch", r"^answer\.tx\.value is .*no coin goes with", field("tx.value", "1")
    ),
    "coin in hex": Misbehaviour(
        "velora", r"^answer\.value is .*no coin goes with a swap$", field("value", "0xde0b6b3")
    ),
    "coin under another name": Misbehaviour(
        "kyber", r"^answer\.data\.transactionValue is .*no coin goes", field("data.transactionValue", "1")
    ),
    "an integrator's fee": Misbehaviour(
        "zero_x",
        r"^fees\.integratorFee is there, expected none",
        field("fees.integratorFee", {"amount": "1", "token": USDC.address, "type": "volume"}),
    ),
    "a token that is said to take a tax": Misbehaviour(
        "zero_x", "^buyToken takes a tax: transferTaxBps is 30", field("tokenMetadata.buyToken.transferTaxBps", "30")
    ),
    "gas without end": Misbehaviour(
        "one_inch", "^gas: 900000000 units, expected from 1 to", field("tx.gas", 900_000_000)
    ),
    "gas below zero": Misbehaviour("one_inch", r"^answer\.tx\.gas is .*expected base units", field("tx.gas", -1)),
    "no gas at all": Misbehaviour("odos", r"^assembled\.gasEstimate is 0", field("gasEstimate", 0)),
    # Its call
    "forty kilobytes of calldata": Misbehaviour(
        "one_inch",
        r"^answer\.tx\.data has 40004 bytes, expected 32768 at most$",
        field("tx.data", "0x12aa3caf" + "00" * 40_000),
    ),
    "calldata of three bytes": Misbehaviour(
        "velora", r"^answer\.data has 3 bytes, expected a selector at least$", field("data", "0x123456")
    ),
    "calldata that is no hex": Misbehaviour(
        "kyber", r"^answer\.data\.data is .*expected calldata in hex$", field("data.data", "0x12345g78")
    ),
    "no calldata": Misbehaviour("zero_x", r"^answer\.transaction is missing$", field("transaction", None)),
}
