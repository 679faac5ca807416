"""Balances that are not there, laid over the chain's storage for a simulation: amounts in, words of storage out.

Where a token keeps a holder's balance is found out and never guessed: an access list names the words that `balanceOf`
reads, and the right one is the word that, laid over with a balance that nobody has, makes it answer just that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import Words, hex_bytes, uint_word
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.abi import balance_of
from rebalancer.adapters.wallets.access_lists import access_list_from_json
from rebalancer.adapters.wallets.simulation import Laid
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import NOBODY
from rebalancer.units import Address, Amount, Token

_READ_GAS = 1_000_000
"""Of one balanceOf, more than any has use for."""
_PROBE = 0x5AFE_C0DE_D00D
"""Base units that no word but the balance's makes it answer. Never 0, and never what is to be laid: a share of nothing
is 0 too, whatever the share. Within 48 bits, for tokens that keep more in the same word.
"""


@dataclass(frozen=True, slots=True)
class _Word:
    """One word of a contract's storage."""

    contract: Address
    slot: int

    def holding(self, raw: int) -> Laid:
        return {self.contract: {_hex(self.slot): _hex(raw)}}


class Layer:
    """Of what `holder` has of tokens. Where each keeps it is asked once in a process."""

    def __init__(self, rpc: Rpc, holder: Address) -> None:
        self._rpc = rpc
        self._holder = holder
        self._words: dict[Address, _Word] = {}

    def over(self, amounts: Sequence[Amount], block: int) -> Laid:
        """What makes the holder have these amounts after `block`; nothing for those that he has. Raises Unavailable."""
        tag = hex(block)
        held = self._rpc.batch([("eth_call", [self._read(amount.token), tag]) for amount in amounts])
        return self._words_of(
            [a for a, raw in zip(amounts, held, strict=True) if Words(hex_bytes(raw)).uint(0) != a.raw], tag
        )

    def _words_of(self, amounts: Sequence[Amount], tag: str) -> Laid:
        unknown = [amount.token for amount in amounts if amount.token.address not in self._words]
        if unknown:
            self._find(unknown, tag)
        laid: dict[Address, dict[str, str]] = {}
        for amount in amounts:
            for contract, words in self._words[amount.token.address].holding(amount.raw).items():
                laid.setdefault(contract, {}).update(words)
        return laid

    def _find(self, tokens: Sequence[Token], tag: str) -> None:
        """Two requests, for all tokens together."""
        asked = [("eth_createAccessList", [{"from": NOBODY, **self._read(token)}, tag]) for token in tokens]
        lists = (access_list_from_json(answer, _READ_GAS) for answer in self._rpc.batch(asked))
        words = [[_Word(entry.address, slot) for entry in found for slot in entry.slots] for found in lists]
        tried = [(token, word) for token, each in zip(tokens, words, strict=True) for word in each]
        answers = self._rpc.batch_answers([self._probed(token, word, tag) for token, word in tried])
        for (token, word), answer in zip(tried, answers, strict=True):
            # A word that is no balance may well make the call fail.
            said = answer.get("result") if isinstance(answer, dict) else None
            data = hex_bytes(said) if isinstance(said, str) else b""
            if len(data) >= 32 and Words(data).uint(0) == _PROBE:
                self._words.setdefault(token.address, word)
        missing = [token for token in tokens if token.address not in self._words]
        if missing:
            raise Unavailable(
                f"token {missing[0]} at {missing[0].address}: no word of storage is its holder's balance (a share of "
                "something else, perhaps), so that no other balance can be simulated; on paper it cannot be traded"
            )

    def _read(self, token: Token) -> dict[str, str]:
        call = balance_of(token.address, self._holder)
        return {"to": call.to, "data": "0x" + call.data.hex(), "gas": hex(_READ_GAS)}

    def _probed(self, token: Token, word: _Word, tag: str) -> tuple[str, list[object]]:
        laid = {contract: {"stateDiff": dict(words)} for contract, words in word.holding(_PROBE).items()}
        return "eth_call", [self._read(token), tag, laid]


def _hex(value: int) -> str:
    return "0x" + uint_word(value).hex()
