"""What is asked of venues, and what they answer: from a trade to the call that makes it, or to why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.core.model.plan import Plan, Trade
from rebalancer.market.routing import Route
from rebalancer.units import Address, Amount, Bps, Usd


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a contract. No native coin ever travels with it."""

    to: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a venue is asked: one trade, who will hold the tokens, who sends, and until when. `slippage`: the most that
    may arrive less than the venue says, for who wants it said so.
    """

    trade: Trade
    wallet: Address
    operator: Address
    deadline: int
    slippage: Bps = Bps(0)


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What a venue is asked that answers for all trades of a plan at once, each on the route that it was planned on."""

    plan: Plan
    wallet: Address
    operator: Address
    deadline: int
    slippage: Bps = Bps(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What calldata from outside makes its router do, as we read it ourselves and not as its venue says."""

    function: str
    token_in: Address
    token_out: Address
    amount_in: int
    least_out: int
    """What the router itself insists on."""
    receiver: Address
    extras: tuple[str, ...]
    """In words: whatever is in it that was not asked for, such as a fee, a referral, a permit."""


@dataclass(frozen=True, slots=True)
class WholeTerms:
    """What calldata from outside makes its router do, where one call makes all trades of a plan. As we read it."""

    function: str
    sold: tuple[tuple[Address, int], ...]
    """Each token that is pulled, and how much."""
    least: tuple[tuple[Address, int], ...]
    """Each token that is bought, and what the router itself insists on."""
    receivers: tuple[Address, ...]
    """Of each token that is bought."""
    extras: tuple[str, ...]
    """See Terms."""


@dataclass(frozen=True, slots=True)
class Order:
    """A limit order of the wallet's: all of `sell` for `least` or more, paid to the wallet, or nothing at all.

    Its fields and its name (`uid`, 56 bytes in hex) are ours and not the venue's. The quote's call makes it valid,
    others fill it later.
    """

    uid: str
    sell: Amount
    least: Amount
    valid_to: int
    """Unix seconds after which nobody can fill it."""
    settlement: Address
    """The contract that fills it, and says so in its events."""
    relayer: Address
    """Who is approved, and pulls what is sold."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A venue's answer: what it expects to arrive, and the call that makes it so.

    `route` is known where the call is built from pools of the snapshot; a venue from outside gives none, and has
    `terms` instead. Quotes with WholeTerms carry the one call that makes all of them: it is made once. The call of a
    quote with an Order moves nothing: `expected` is the order's `least`, which is all that is certain. `until`: unix
    seconds after which it is void; None: as long as the batch.
    """

    venue: str
    trade: Trade
    expected: Amount
    spender: Address
    call: Call
    gas: int
    route: Route | None
    terms: Terms | WholeTerms | Order | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A venue has no quote, and why."""

    venue: str
    reason: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a venue outside said to one question: quotes for these trades, in their order, or why none.

    `routers`: whom its calls may go to and be approved, as the owners have listed them.
    """

    venue: str
    routers: tuple[Address, ...]
    trades: tuple[Trade, ...]
    said: tuple[Quote, ...] | Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one question to one venue, for the record: of one trade, or of all trades of a plan.

    `least`: what had to arrive; `says`: what it expects to; `arrived` and `gas`: what our simulation measured; `net`:
    dollars, against what is sold at the oracle. `refused`: why it was out of the competition.
    """

    venue: str
    sold: tuple[Amount, ...]
    least: tuple[Amount, ...]
    says: tuple[Amount, ...]
    arrived: tuple[Amount, ...]
    gas: int | None
    net: Usd | None
    refused: str | None
