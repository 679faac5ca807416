"""What the ledger's tests start from: intents, settlements and ticks, made up but whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from rebalancer.adapters.ledger.words import Identity
from rebalancer.core.model import (
    AccessEntry,
    Allowance,
    Basis,
    Block,
    Call,
    Cost,
    Failure,
    Fees,
    Horizon,
    Intent,
    Mined,
    Purpose,
    Quote,
    Replacement,
    SafeState,
    Settlement,
    SignedTransaction,
    Simulated,
    Snapshot,
    TickRecord,
    Trade,
    Transaction,
)
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.market.uniswap_v2 import V2Pool
from rebalancer.market.uniswap_v3 import V3Pool
from rebalancer.ports import Ledger
from rebalancer.units import Address, Amount, Price, Token, Usd, Wei, Weight

Again = Callable[[], Ledger]
"""The ledger, as the next process finds it."""


def _address(number: int) -> Address:
    return checksum_address("0x" + number.to_bytes(20, "big").hex())


USDC = Token("USDC", _address(1), 6)
WETH = Token("WETH", _address(2), 18)
OURS = Identity(1, _address(9), _address(8))
"""Whose ledger it is: the wallet is the one that `an_intent` is sent to."""
NOTHING = Usd(0)
NO_COST = Cost(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING)
EVER = Horizon(0, 0, 0)
"""Nothing is too long ago."""
DOLLAR = 10**18


POOLS = (
    V2Pool(_address(20), USDC, WETH, 2**90, 2**100),
    V3Pool(_address(21), USDC, WETH, 500, 10, 2**100, -7, 2**120, ((-20, 2**119), (10, -(2**119))), -3, 4),
)


def an_intent(number: int = 1, value: Usd = NOTHING) -> Intent:
    """Sell 1,000 USDC for WETH; every number is another transaction."""
    raw = b"signed " + number.to_bytes(4, "big")
    transaction = Transaction(1, number, 500_000, Fees(Wei(10**10), Wei(10**9)), Call(_address(9), b"\x01\x02"))
    return Intent(
        id=f"intent-{number}",
        created_at=1_700_000_000 + number,
        block=1_000 + number,
        trades=(Trade(Amount(USDC, 10**9), WETH, Usd(1_000 * 10**18), Amount(WETH, 3 * 10**17)),),
        expected=(Amount(USDC, -(10**9)), Amount(WETH, 33 * 10**16)),
        prices=(Price(USDC, Usd(10**18), 1_699_999_990), Price(WETH, Usd(3_000 * 10**18), 1_699_999_991)),
        native=Price(WETH, Usd(3_000 * 10**18), 1_699_999_991),
        cost=NO_COST,
        deadline=1_700_000_600,
        commitment=SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex()),
        value=value,
    )


def with_access_list(intent: Intent) -> Intent:
    entry = AccessEntry(_address(9), (0, 2**256 - 1))
    signed = intent.commitment
    transaction = replace(signed.transaction, access_list=(entry,))
    return replace(intent, commitment=replace(signed, transaction=transaction))


def a_replacement(intent: Intent, purpose: Purpose = Purpose.RAISE, tip: int = 2) -> Replacement:
    """A further transaction with its nonce, that offers `tip` gwei."""
    first = intent.commitment.transaction
    raw = f"signed again: {purpose} of {intent.id} at {tip}".encode()
    fees = Fees(Wei(12 * 10**9), Wei(tip * 10**9))
    call = first.call if purpose is Purpose.RAISE else Call(OURS.operator, b"")
    gas = first.gas if purpose is Purpose.RAISE else 21_000
    transaction = Transaction(1, first.nonce, gas, fees, call)
    signed = SignedTransaction(transaction, raw, "0x" + keccak256(raw).hex())
    return Replacement(purpose, intent.created_at + 180 * tip, signed)


def a_basis(intent: Intent) -> Basis:
    """What `intent` rests on: a block, balances, prices, and a quote for each trade."""
    block = Block(intent.block, "0x" + "ab" * 32, intent.created_at - 1, Wei(10**9), Wei(10**8))
    snapshot = Snapshot(
        block=block,
        balances=(Amount(USDC, 2**200), Amount(WETH, 5)),
        prices=intent.prices,
        native=intent.native,
        pools=(),
        allowances=(Allowance(_address(7), Amount(USDC, 0)),),
        wallet=SafeState("1.4.1", 3, 1, (OURS.operator,), ()),
        operator_balance=Wei(10**18),
    )
    quotes = tuple(
        Quote(
            "uniswap", trade, Amount(trade.buy, trade.floor.raw + 1), _address(7), Call(_address(7), b"\x03"), 1, None
        )
        for trade in intent.trades
    )
    return Basis(snapshot, quotes, Simulated(intent.expected, snapshot.allowances, 400_000))


def a_cost(traded: int = 1_000, shortfall: int = 2, gas: int = 3) -> Cost:
    """In whole dollars."""
    return Cost(Usd(traded * DOLLAR), Usd(DOLLAR), Usd(DOLLAR), Usd(shortfall * DOLLAR), Usd(gas * DOLLAR))


AT_NO_COST = Cost(Usd(1_000 * DOLLAR), NOTHING, NOTHING, NOTHING, NOTHING)
"""A rebalance: it trades something."""


def a_settlement(intent: Intent, timestamp: int = 1_700_000_100, cost: Cost = AT_NO_COST) -> Settlement:
    return Settlement(
        intent=intent.id,
        tx=intent.commitment.hash,
        block=intent.block + 2,
        block_hash="0x" + "cd" * 32,
        timestamp=timestamp,
        fills=(Amount(USDC, -(10**9)), Amount(WETH, 33 * 10**16)),
        cost=cost,
        gas_used=432_100,
    )


GONE = Failure("void after its deadline, and unknown to the network")


def a_revert(intent: Intent, timestamp: int = 1_700_000_100, gas: int = 3) -> Mined:
    """Of its newest transaction; `gas` in dollars."""
    return Mined(intent.newest.hash, intent.block + 2, "0x" + "ce" * 32, timestamp, 21_000, Usd(gas * DOLLAR))


def a_failure(intent: Intent, timestamp: int = 1_700_000_100, gas: int = 3) -> Failure:
    """Mined and reverted; `gas` in dollars."""
    return Failure("mined and reverted: Too little received", a_revert(intent, timestamp, gas))


def a_tick(outcome: str = "held", detail: str = "within the bands", block: int | None = 1_000) -> TickRecord:
    return TickRecord(1_700_000_000, block, outcome, detail, Usd(123_456 * 10**18), Weight(-(10**16)), None, 1)


def a_valued_tick(at: int, index: int, block: int = 1_000, usdc: int = 5 * 10**9) -> TickRecord:
    """One that read the wallet, and found in it what was there at first grown to `index`."""
    held = ((USDC.address, usdc), (WETH.address, 2**100))
    return TickRecord(at, block, "held", "within", Usd(10**21), Weight(0), None, 1, index, held)


def recorded(again: Again, intent: Intent) -> Intent:
    again().record_intent(intent, a_basis(intent))
    return intent


def landed(again: Again, number: int, result: Settlement | Failure | None = None) -> Intent:
    """A whole round, settled where nothing else is said."""
    intent = recorded(again, an_intent(number))
    again().record_landing(intent, result or a_settlement(intent))
    return intent


def replaced(again: Again, intent: Intent, purpose: Purpose = Purpose.RAISE, tip: int = 2) -> Intent:
    return again().record_replacement(intent, a_replacement(intent, purpose, tip))


def file_url(folder: Path) -> str:
    """Of the ledger in a folder."""
    return f"sqlite:///{folder}/ledger.db"


# Everything that the types allow, and more than the chain does: 256 bits, either sign, odd symbols.
_words = st.integers(-(2**256), 2**256)
_counts = st.integers(0, 2**53)
_addresses = st.integers(1, 2**160 - 1).map(_address)
_usd = _words.map(Usd)
_costs = st.builds(Cost, _usd, _usd, _usd, _usd, _usd)


def _intents_of(tokens: list[Token]) -> st.SearchStrategy[Intent]:
    token = st.sampled_from(tokens)
    amount = st.builds(Amount, token, _words)
    price = st.builds(Price, token, _usd, _counts)
    fees = st.builds(Fees, _words.map(Wei), _words.map(Wei))
    call = st.builds(Call, _addresses, st.binary(max_size=300))
    slots = st.lists(st.integers(0, 2**256 - 1), max_size=3).map(tuple)
    access_list = st.lists(st.builds(AccessEntry, _addresses, slots), max_size=3).map(tuple)
    transaction = st.builds(Transaction, _counts, _counts, _counts, fees, call, access_list)
    signed = st.builds(SignedTransaction, transaction, st.binary(), st.text())
    return st.builds(
        Intent,
        id=st.text(),
        created_at=_counts,
        block=_counts,
        trades=st.lists(st.builds(Trade, amount, token, _usd, amount), max_size=4).map(tuple),
        expected=st.lists(amount, max_size=4).map(tuple),
        prices=st.lists(price, max_size=4).map(tuple),
        native=price,
        cost=_costs,
        deadline=_counts,
        commitment=signed,
        value=_usd,
    )


_tokens = st.lists(
    st.builds(Token, st.text(), _addresses, st.integers(0, 36)), min_size=1, max_size=5, unique_by=lambda t: t.address
)
intents = _tokens.flatmap(_intents_of)
settlements = _tokens.flatmap(
    lambda tokens: st.builds(
        Settlement,
        intent=st.text(),
        tx=st.text(),
        block=_counts,
        block_hash=st.text(),
        timestamp=_counts,
        fills=st.lists(st.builds(Amount, st.sampled_from(tokens), _words), max_size=4).map(tuple),
        cost=_costs,
        gas_used=_counts,
        accepted=st.none() | st.text(),
    )
)
failures = st.builds(
    Failure,
    reason=st.text(),
    mined=st.none()
    | st.builds(
        Mined, tx=st.text(), block=_counts, block_hash=st.text(), timestamp=_counts, gas_used=_counts, gas=_usd
    ),
)
