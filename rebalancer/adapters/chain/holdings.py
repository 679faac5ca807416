"""Balances and allowances: the book in, reads out; their results in, amounts out.

A token that is not there, or that counts in other decimals than the configuration says, is a ConfigError:
every amount of it would be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.book import Book
from rebalancer.adapters.chain.codec import CallResult, EthCall, Words, address_word, revert_reason
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Allowance
from rebalancer.units import Amount, Token

BALANCE_OF = bytes.fromhex("70a08231")
DECIMALS = bytes.fromhex("313ce567")
ALLOWANCE = bytes.fromhex("dd62ed3e")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the wallet has, and what others may take of it."""

    balances: tuple[Amount, ...]
    allowances: tuple[Allowance, ...]


def holding_calls(book: Book) -> tuple[EthCall, ...]:
    """Two reads for each token, then one for each asset and spender."""
    calls = []
    for token in book.tokens:
        calls.append(EthCall(token.address, DECIMALS))
        calls.append(EthCall(token.address, BALANCE_OF + address_word(book.wallet)))
    for token in book.assets:
        for spender in book.spenders:
            calls.append(EthCall(token.address, ALLOWANCE + address_word(book.wallet) + address_word(spender)))
    return tuple(calls)


def decode_holdings(book: Book, results: Sequence[CallResult]) -> Holdings:
    """Raises ConfigError for a token that is not as configured, Unavailable where it does not answer."""
    left = iter(results)
    balances = []
    for token in book.tokens:
        _check_decimals(token, next(left))
        balances.append(Amount(token, _uint(token, "balanceOf", next(left))))
    allowances = []
    for token in book.assets:
        for spender in book.spenders:
            allowances.append(Allowance(spender, Amount(token, _uint(token, "allowance", next(left)))))
    return Holdings(tuple(balances), tuple(allowances))


def answer_of(what: str, result: CallResult) -> Words:
    """The words that a read gave. `what` names it, the contract and its address.

    ConfigError where there is no contract, Unavailable where it reverted.
    """
    if not result.success:
        raise Unavailable(f"{what} reverted: {revert_reason(result.data)}; try again at the next tick")
    if not result.data:
        raise ConfigError(f"{what} gave nothing: no such contract on this chain; check the address and the chain")
    return Words(result.data, what=what)


def _uint(token: Token, function: str, result: CallResult) -> int:
    return answer_of(f"token {token} at {token.address}: {function}()", result).uint(0)


def _check_decimals(token: Token, result: CallResult) -> None:
    seen = _uint(token, "decimals", result)
    if seen != token.decimals:
        raise ConfigError(
            f"token {token} at {token.address}: {seen} decimals on the chain, {token.decimals} in the configuration; "
            "check the address, then the decimals"
        )
