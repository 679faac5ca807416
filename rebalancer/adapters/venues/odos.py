"""Odos, quote v3 and assemble: a trade, or all trades of a plan, in; the router's own call out, read by us.

What it says is asked for in a quote, and becomes a call when the quote is assembled within a minute. The slippage is
part of the first of the two, when nobody knows yet what it says: half of what is allowed is asked for, and where its
minimum would be below our floor, another quote with what the first has room for.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueError, VenueHttp
from rebalancer.adapters.venues.odos_calls import all_swaps, one_swap, with_receiver
from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Trade
from rebalancer.core.render import amount
from rebalancer.units import BPS, Address, Amount, Bps, Token

BASE = "https://api.odos.xyz"
KEYED_BASE = "https://enterprise-api.odos.xyz"
ROUTER = Address("0x0D05a7D3448512B78fa8A9e46c4872C88C4a0D05")
"""V3, on every chain that it serves."""
MANNERS = Manners(interval=1.0, header="x-api-key")
"""One request a second is what is published for who has no key."""
KEYED_MANNERS = Manners(interval=0.2, header="x-api-key")
LIFE = 60
"""Seconds that a quote can be assembled, and that its call is believed."""
MOST_TOKENS = 6
"""Of either side."""

_PPM = 1_000_000
_PERCENT = 10_000
"""Parts per million of one."""


@dataclass(frozen=True, slots=True)
class _Swap:
    """What it is asked: the tokens of each side once, and what may arrive less than it says, at most."""

    sold: tuple[Amount, ...]
    floors: tuple[Amount, ...]
    shares: tuple[int, ...]
    """Of the value that is bought, in ppm: one for each floor. Together they are a million."""
    wallet: Address
    slippage: Bps


@dataclass(frozen=True, slots=True)
class _Assembled:
    """Its call, and the gas that it expects."""

    call: Call
    gas: int


class OdosVenue:
    """`answers_whole`: whether the wallet can make a call that sells and buys several tokens at once."""

    name = "odos"

    def __init__(self, http: VenueHttp, chain_id: int, router: Address, answers_whole: bool = True) -> None:
        self.spenders = (router,)
        self.answers_whole = answers_whole
        self._http, self._chain_id, self._router = http, chain_id, router
        # A quote is worth nothing until it is assembled: of two at once each would wait for the turns of the other.
        self._one_at_a_time = threading.Lock()

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """For one trade. Raises VenueError."""
        trade = request.trade
        swap = _Swap((trade.sell,), (trade.floor,), (_PPM,), request.wallet, request.slippage)
        made = self._assembled(swap, end)
        call = Call(self._router, with_receiver(made.call.data, request.wallet))
        expected, terms = one_swap(call.data, request.wallet)
        return Quote(
            venue=self.name,
            trade=trade,
            expected=Amount(trade.buy, expected),
            spender=self._router,
            call=call,
            gas=made.gas,
            route=None,
            terms=terms,
            until=int(time.time()) + LIFE,
        )

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """For all trades, each of another pair, in one call. Raises VenueError."""
        trades = request.plan.trades
        sold, floors = _summed(t.sell for t in trades), _summed(t.floor for t in trades)
        if max(len(sold), len(floors)) > MOST_TOKENS:
            raise VenueError(f"it takes {MOST_TOKENS} tokens of either side at most")
        if {a.token for a in sold} & {a.token for a in floors}:
            raise VenueError("it sells no token that it buys in the same swap")
        made = self._assembled(_Swap(sold, floors, _shares(trades, floors), request.wallet, request.slippage), end)
        quoted, terms = all_swaps(made.call.data, request.wallet)
        until = int(time.time()) + LIFE
        return tuple(
            Quote(self.name, trade, expected, self._router, made.call, gas, None, terms, until)
            for trade, expected, gas in zip(
                trades, _expected(trades, floors, quoted), _split(made.gas, len(trades)), strict=True
            )
        )

    def _assembled(self, swap: _Swap, end: float) -> _Assembled:
        with self._turn(end):
            slippage = swap.slippage * _PPM // BPS // 2
            if slippage == 0:
                raise VenueError("it wants to have some slippage, and none is allowed")
            said, path = self._quoted(swap, slippage, end)
            if (room := _room_down(swap, said)) < slippage:
                _, path = self._quoted(swap, room, end)
            return self._call_of(swap, path, end)

    def _quoted(self, swap: _Swap, slippage: int, end: float) -> tuple[tuple[int, ...], str]:
        """What it says that arrives of each bought token, and the name of the quote. `slippage` in ppm."""
        bought = zip(swap.floors, swap.shares, strict=True)
        question = {
            "chainId": self._chain_id,
            "inputTokens": [{"tokenAddress": a.token.address, "amount": str(a.raw)} for a in swap.sold],
            "outputTokens": [{"tokenAddress": a.token.address, "proportion": ppm / _PPM} for a, ppm in bought],
            "userAddr": swap.wallet,
            "slippageLimitPercent": slippage / _PERCENT,
            "referralCode": 0,
            "disableRFQs": True,
            "compact": False,
        }
        answer = self._http.post("/sor/quote/v3", json.dumps(question), end)
        fields = Fields(answer.body, "quote")
        _same(answer.body, "inTokens", [a.token.address for a in swap.sold])
        _same(answer.body, "outTokens", [a.token.address for a in swap.floors])
        if fields.amounts("inAmounts") != tuple(a.raw for a in swap.sold):
            raise VenueError("quote.inAmounts is not what was asked: it answers another question")
        said = fields.amounts("outAmounts")
        if len(said) != len(swap.floors):
            raise VenueError(f"quote.outAmounts has {len(said)} amounts, expected {len(swap.floors)}")
        return said, fields.text("pathId")

    def _call_of(self, swap: _Swap, path: str, end: float) -> _Assembled:
        question = {"userAddr": swap.wallet, "pathId": path, "simulate": False}
        fields = Fields(self._http.post("/sor/assemble", json.dumps(question), end).body, "assembled")
        transaction = fields.of("transaction")
        transaction.equals("chainId", self._chain_id)
        transaction.equals("from", swap.wallet)
        transaction.equals("to", self._router)
        transaction.zero("value")
        gas = fields.amount("gasEstimate")
        if gas == 0:
            raise VenueError("assembled.gasEstimate is 0, expected what the swap uses")
        return _Assembled(Call(self._router, transaction.data("data")), gas)

    @contextmanager
    def _turn(self, end: float) -> Iterator[None]:
        if not self._one_at_a_time.acquire(timeout=max(end - time.monotonic(), 0.0)):
            raise VenueError("its rate limit leaves no turn in the time there is")
        try:
            yield
        finally:
            self._one_at_a_time.release()


def _room_down(swap: _Swap, said: Sequence[int]) -> int:
    """The slippage in ppm that leaves every floor, rounded down, and one less for their own rounding."""
    rooms = []
    for floor, raw in zip(swap.floors, said, strict=True):
        if raw < floor.raw:
            raise VenueError(f"it says {amount(Amount(floor.token, raw))}, below the floor of {amount(floor)}")
        rooms.append((raw - floor.raw) * _PPM // max(raw, 1) - 1)
    if min(rooms) <= 0:
        raise VenueError("it says no more than the floor: there is no room for the slippage that it wants to have")
    return min(rooms)


def _summed(amounts: Iterable[Amount]) -> tuple[Amount, ...]:
    """One of each token, in the order in which they first come."""
    summed: dict[Token, Amount] = {}
    for one in amounts:
        summed[one.token] = summed[one.token] + one if one.token in summed else one
    return tuple(summed.values())


def _shares(trades: Sequence[Trade], floors: Sequence[Amount]) -> tuple[int, ...]:
    """What part of the value goes into each token, in ppm; the last takes what rounding leaves."""
    value = sum(trade.value for trade in trades)
    values = [sum(trade.value for trade in trades if trade.buy == floor.token) for floor in floors]
    parts = [each * _PPM // max(value, 1) for each in values[:-1]]
    return (*parts, _PPM - sum(parts))


def _expected(trades: Sequence[Trade], floors: Sequence[Amount], quoted: dict[Address, int]) -> Iterator[Amount]:
    """What arrives of a token, among the trades that buy it as their floors are."""
    together = {floor.token: floor.raw for floor in floors}
    for trade in trades:
        arrives = quoted.get(trade.buy.address, 0)
        yield Amount(trade.buy, arrives * trade.floor.raw // max(together[trade.buy], 1))


def _split(gas: int, parts: int) -> Iterator[int]:
    """Rounded up, so that no part is nothing."""
    for _ in range(parts):
        yield -(-gas // parts)


def _same(body: dict[str, Any], key: str, asked: Sequence[str]) -> None:
    found = body.get(key)
    if not isinstance(found, list) or [str(one).lower() for one in found] != [one.lower() for one in asked]:
        raise VenueError(f"quote.{key} is not what was asked: it answers another question")
