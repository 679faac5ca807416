"""What the ledger's tests start from: intents, settlements and ticks, made up but whole."""

from __future__ import annotations

from hypothesis import strategies as st

from rebalancer.adapters.ledger.words import Identity
from rebalancer.core.model import (
    AccessEntry,
    Call,
    Cost,
    Fees,
    Intent,
    Settlement,
    SignedTransaction,
    TickRecord,
    Trade,
    Transaction,
)
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.units import Address, Amount, Price, Token, Usd, Wei, Weight


def _address(number: int) -> Address:
    return checksum_address("0x" + number.to_bytes(20, "big").hex())


USDC = Token("USDC", _address(1), 6)
WETH = Token("WETH", _address(2), 18)
OURS = Identity(1, _address(9), _address(8))
"""Whose ledger it is: the wallet is the one that `an_intent` is sent to."""
NO_COST = Cost(Usd(0), Usd(0), Usd(0), Usd(0), Usd(0))


def an_intent(number: int = 1) -> Intent:
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
    )


def a_settlement(intent: Intent, timestamp: int = 1_700_000_100) -> Settlement:
    return Settlement(
        intent=intent.id,
        tx=intent.commitment.hash,
        block=intent.block + 2,
        timestamp=timestamp,
        fills=(Amount(USDC, -(10**9)), Amount(WETH, 33 * 10**16)),
        cost=NO_COST,
        gas_used=432_100,
    )


def a_tick(outcome: str = "held", detail: str = "within the bands", block: int | None = 1_000) -> TickRecord:
    return TickRecord(1_700_000_000, block, outcome, detail, Usd(123_456 * 10**18), Weight(-(10**16)), None, 1)


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
        timestamp=_counts,
        fills=st.lists(st.builds(Amount, st.sampled_from(tokens), _words), max_size=4).map(tuple),
        cost=_costs,
        gas_used=_counts,
    )
)
