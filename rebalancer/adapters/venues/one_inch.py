"""1inch, Classic Swap v6.1: one request, in which the minimum is ours to the unit, and a call of its router's `swap`.

The router takes the tokens, has an executor of 1inch's trade them, and pays no less than the minimum in its calldata
or reverts, whoever the executor is.
"""

from __future__ import annotations

from rebalancer.adapters.venues.answer import VenueError
from rebalancer.adapters.venues.calldata import Function, address_of
from rebalancer.adapters.venues.fields import Fields
from rebalancer.adapters.venues.http import Manners, VenueHttp
from rebalancer.core.model import Call, PlanRequest, Quote, QuoteRequest, Terms
from rebalancer.core.render import amount
from rebalancer.units import Address, Amount

BASE = "https://api.1inch.com"
ROUTER = Address("0x111111125421cA6dc452d289314280a0f8842A65")
"""AggregationRouterV6 of mainnet, and of every other chain but ZKsync."""
MANNERS = Manners(interval=1.0, header="Authorization")
"""Keyed; a key that costs nothing has one request in a second."""

_SCHEME = "Bearer "
_GAS = 250_000
"""Of a swap over two pools. What was not tried, 1inch says takes 0: our simulation measures it."""
_SWAP = Function("swap", ("address", "(address,address,address,address,uint256,uint256,uint256)", "bytes"))
_WORD, _TAG = 32, 4
"""Bytes. Behind its calldata 1inch writes four of its own, which its router does not read."""
_FLAGS = {1: "a partial fill", 2: "extra native coin", 4: "a pull through Permit2"}


class OneInchVenue:
    """One chain's. `router`: who is called, and approved."""

    name = "one_inch"
    answers_whole = False

    def __init__(self, http: VenueHttp, chain_id: int, router: Address) -> None:
        self.spenders = (router,)
        if http.key and not http.key.startswith(_SCHEME):
            http.key = _SCHEME + http.key
        self._http = http
        self._chain_id = chain_id
        self._router = router

    def quote(self, request: QuoteRequest, end: float) -> Quote:
        """What it pays, and the call for it. Raises VenueError."""
        trade = request.trade
        said = Fields(self._http.get(f"/swap/v6.1/{self._chain_id}/swap", _question(request), end).body)
        says = Amount(trade.buy, said.amount("dstAmount"))
        if says.raw <= 0 or says.raw < trade.floor.raw:
            raise VenueError(f"it says {amount(says)}, which is below the floor of {amount(trade.floor)}")
        call = said.of("tx")
        call.equals("from", request.wallet)
        call.equals("to", self._router)
        call.zero("value")
        data = call.data("data")
        gas = call.amount("gas") or _GAS
        terms = terms_of(data, request.wallet)
        return Quote(self.name, trade, says, self._router, Call(self._router, data), gas, None, terms)

    def quote_whole(self, request: PlanRequest, end: float) -> tuple[Quote, ...]:
        """It answers pair by pair."""
        raise VenueError("it answers pair by pair")


def terms_of(data: bytes, sender: Address) -> Terms:
    """What calldata for its router sells, for what and for whom. `sender`: who sends it. Raises VenueError."""
    behind = (len(data) - _TAG) % _WORD
    _, description, _ = _SWAP.read(data[:-_TAG] if behind == _TAG else data)
    sold, bought, _, receiver, pulled, least, flags = description
    return Terms(
        function=_SWAP.name,
        token_in=address_of(sold),
        token_out=address_of(bought),
        amount_in=pulled,
        least_out=least,
        # GenericRouter: nobody means the sender.
        receiver=address_of(receiver) if int(receiver, 16) else sender,
        extras=_extras(flags),
    )


def _extras(flags: int) -> tuple[str, ...]:
    unknown = flags & ~sum(_FLAGS)
    return (
        *(words for bit, words in _FLAGS.items() if flags & bit),
        *((f"unknown flags 0x{unknown:x}",) if unknown else ()),
    )


def _question(request: QuoteRequest) -> dict[str, str]:
    trade = request.trade
    return {
        "src": trade.sell.token.address,
        "dst": trade.buy.address,
        "amount": str(trade.sell.raw),
        "from": request.wallet,
        # Who signs, where the sender is a contract.
        "origin": request.operator,
        "receiver": request.wallet,
        "minReturn": str(trade.floor.raw),
        # Our batch approves just before it swaps, so that nothing could be tried now.
        "disableEstimate": "true",
        "allowPartialFill": "false",
        "usePermit2": "false",
        # Its router's `swap` and none of the shorter ways, of which each pool has its own.
        "compatibility": "true",
    }
