"""The words of the tick as frozen values: what was read, what was decided, what became of it.

Reading order is the order of the tick: policy, snapshot, portfolio, trades, quotes, batch,
simulation, intent, receipt, outcome. Nothing here computes; the rules stand in the stages.
"""

from __future__ import annotations

from dataclasses import dataclass

from rebalancer.market.pools import Pool
from rebalancer.market.routing import Route
from rebalancer.units import Address, Amount, Bps, Price, Token, Usd, Wei, Weight

# ---------------------------------------------------------------- what the owners asked for


@dataclass(frozen=True, slots=True)
class Band:
    """How far the weight of a token may wander from its target; the nearer of the two edges counts.

    `absolute` is a share of the portfolio (5 points), `relative` a share of the target (25 %).
    """

    token: Token
    absolute: Weight | None
    relative: Weight | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Act when `every` seconds have gone by since the last settled rebalance."""

    every: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """Act when a weight has left its band by at least min_trade in dollars."""

    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Look every `every` seconds since the last settled rebalance, act if a weight has left its band."""

    every: int
    bands: tuple[Band, ...]


Trigger = Calendar | Threshold | Hybrid


@dataclass(frozen=True, slots=True)
class Window:
    """When trading is allowed, in UTC: days (0 is Monday) and [start, end) in seconds of the day.

    `end` before `start` runs over midnight and belongs to the day on which it started.
    """

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What no batch may cross. Each is a rule of `guard`, `cost` or `plan` of the same name."""

    min_trade: Usd
    """A trade below this is not worth its trouble and is left out."""
    max_trade: Bps
    """Most that one trade may move, as a share of the portfolio; the rest waits for a later tick."""
    max_slippage: Bps
    """Most that a swap may bring less than the oracle's value, and less than the plan expects: sets its floor."""
    max_impact: Bps
    """Most that our own trade may move the price we get, against the pool's mid price and fee."""
    max_pool_gap: Bps
    """Most that a pool's mid price may stand off the oracle's before nothing is believed."""
    max_cost: Bps
    """Most that fee, impact and gas together may cost, as a share of the value traded."""
    max_gas_price: Wei
    """Most that a unit of gas may cost."""
    tip: Wei
    """What the block's builder is offered per unit of gas."""
    min_operator_balance: Wei
    """Least native coin that the operator must hold, so that a batch never lacks gas."""
    deadline: int
    """Seconds after the snapshot's block at which a batch that is not mined is void."""
    max_block_age: int
    """Most seconds that the head may be old: a node further behind is not believed."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything the decision rests on that does not come from the chain."""

    assets: tuple[Token, ...]
    """The portfolio, in the order of the file. Other known tokens are hubs or price sources only."""
    cash: Token | None
    """Takes what rounding and limits leave over; None: what is left over stays where it is."""
    hubs: tuple[Token, ...]
    trigger: Trigger
    return_share: Bps
    """How far back: 0 to the target, 10,000 to the edge of the band."""
    window: Window | None
    limits: Limits


@dataclass(frozen=True, slots=True)
class Target:
    """The weight that a token should have. The targets of a tick sum to ONE."""

    token: Token
    weight: Weight


# ---------------------------------------------------------------- what was read, at one block


@dataclass(frozen=True, slots=True)
class Block:
    """The block that everything of a tick was read at. `timestamp` in Unix seconds."""

    number: int
    hash: str
    timestamp: int
    base_fee: Wei


@dataclass(frozen=True, slots=True)
class SafeState:
    """What a Safe says of itself. `modules` is empty where none is enabled."""

    version: str
    nonce: int
    threshold: int
    owners: tuple[Address, ...]
    modules: tuple[Address, ...]


WalletState = SafeState
"""A union by wallet kind; the module's policy state joins it."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What `spender` may still pull out of the wallet."""

    spender: Address
    amount: Amount


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that one tick reads, at one block."""

    block: Block
    balances: tuple[Amount, ...]
    """Of the wallet, one for each token of the configuration."""
    prices: tuple[Price, ...]
    """Oracle prices, one for each token of the configuration."""
    native: Price
    """Of the chain's coin, as its wrapped token: turns gas into dollars."""
    pools: tuple[Pool, ...]
    allowances: tuple[Allowance, ...]
    """Of each asset to each spender that the venues may name."""
    wallet: WalletState
    operator_balance: Wei

    def balance(self, token: Token) -> Amount:
        """The wallet's balance of a token of the configuration."""
        return next(b for b in self.balances if b.token.address == token.address)

    def price(self, token: Token) -> Price:
        """The oracle's price of a token of the configuration."""
        return next(p for p in self.prices if p.token.address == token.address)

    def allowance(self, token: Token, spender: Address) -> int:
        """Base units of `token` that `spender` may pull; 0 where it was not asked for."""
        found = (a for a in self.allowances if a.spender == spender and a.amount.token.address == token.address)
        return next((a.amount.raw for a in found), 0)


# ---------------------------------------------------------------- what was made of it


@dataclass(frozen=True, slots=True)
class Position:
    """One asset of the portfolio, valued at the oracle's price, rounded down."""

    balance: Amount
    price: Price
    value: Usd
    weight: Weight
    target: Weight
    drift: Weight
    """weight - target, signed."""


@dataclass(frozen=True, slots=True)
class Portfolio:
    """The positions in the order of the policy, and what they are worth together."""

    positions: tuple[Position, ...]
    value: Usd


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason not to act, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Act:
    """A reason to act, in words."""

    reason: str


@dataclass(frozen=True, slots=True)
class Trade:
    """Sell so much of one token for another. `value` at the oracle.

    `floor` is the least that may arrive: max_slippage below the oracle's value, or below what the plan's own exact
    route gives, whichever is more.
    """

    sell: Amount
    buy: Token
    value: Usd
    floor: Amount


@dataclass(frozen=True, slots=True)
class Plan:
    """The trades of one rebalance, sells first, and what they are expected to cost."""

    trades: tuple[Trade, ...]
    value: Usd
    """Sum of the trades' values."""
    left_out: tuple[str, ...] = ()
    """Pairs that were wanted and cannot be traded, or not for so much: each with its reason in words."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a rebalance costs against the oracle's prices, in dollars, each rounded up.

    `shortfall` is fee, impact and the pool's distance from the oracle together; it may be negative.
    """

    traded: Usd
    fee: Usd
    impact: Usd
    shortfall: Usd
    gas: Usd


# ---------------------------------------------------------------- what is sent


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a contract. No native coin ever travels with it."""

    to: Address
    data: bytes


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """What a venue is asked: one trade, who will hold the tokens, who sends, and until when."""

    trade: Trade
    wallet: Address
    operator: Address
    deadline: int


@dataclass(frozen=True, slots=True)
class Quote:
    """A venue's answer: what it expects to arrive, and the call that makes it so.

    `route` is known where the call is built from pools of the snapshot; a venue from outside gives none.
    """

    venue: str
    trade: Trade
    expected: Amount
    spender: Address
    call: Call
    gas: int
    route: Route | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A venue has no quote, and why."""

    venue: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """All swaps of a rebalance as the one call that the operator sends. Void after `deadline`."""

    quotes: tuple[Quote, ...]
    operator: Address
    call: Call
    deadline: int


@dataclass(frozen=True, slots=True)
class Simulated:
    """What the exact batch does to the wallet at the snapshot's block, measured."""

    changes: tuple[Amount, ...]
    """Signed, one for each token of the configuration."""
    allowances: tuple[Allowance, ...]
    """What is left of every allowance that the batch touches."""
    gas: int


@dataclass(frozen=True, slots=True)
class Reverted:
    """The exact batch would fail, with the decoded reason."""

    reason: str


Simulation = Simulated | Reverted


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that is crossed: what was seen, and what is allowed."""

    rule: str
    observed: str
    allowed: str


@dataclass(frozen=True, slots=True)
class Fees:
    """EIP-1559: the most a unit of gas may cost, and the tip in it."""

    max_fee: Wei
    tip: Wei


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the operator signs. `value` is always zero and therefore not a field."""

    chain_id: int
    nonce: int
    gas: int
    fees: Fees
    call: Call


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """The bytes that go to the network, and the hash by which it will be known."""

    transaction: Transaction
    raw: bytes
    hash: str


Commitment = SignedTransaction
"""What makes an intent happen. A union: orders and proposals to the owners join it."""


@dataclass(frozen=True, slots=True)
class Intent:
    """A batch that the keeper has made up its mind to send, as it stands in the ledger before it is sent."""

    id: str
    created_at: int
    block: int
    """The snapshot's block number."""
    trades: tuple[Trade, ...]
    expected: tuple[Amount, ...]
    """Signed changes of the wallet, as simulated."""
    prices: tuple[Price, ...]
    native: Price
    cost: Cost
    deadline: int
    commitment: Commitment


# ---------------------------------------------------------------- what became of it


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the chain says of a mined intent. `reason` is None where the wallet executed the batch."""

    tx: str
    block: int
    block_hash: str
    timestamp: int
    gas_used: int
    gas_price: Wei
    changes: tuple[Amount, ...]
    """Signed transfers in and out of the wallet, one for each token of the intent."""
    reason: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not final yet, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Landed:
    """Mined, with as many blocks on top as are asked for."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Gone:
    """It can never happen any more (past its deadline and unknown to the network), and why."""

    reason: str


Landing = Waiting | Landed | Gone


@dataclass(frozen=True, slots=True)
class Settlement:
    """A landed intent against what was planned."""

    intent: str
    tx: str
    block: int
    timestamp: int
    fills: tuple[Amount, ...]
    cost: Cost
    """Measured: at the intent's prices, gas as paid."""
    gas_used: int


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing to do, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something to do, and limits that forbid it."""

    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """Dry run: this batch would be sent."""

    batch: Batch
    simulation: Simulated
    cost: Cost
    left_out: tuple[str, ...] = ()
    """What the plan wanted too and had to cut or leave out, each with its reason in words."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """The batch waits for the owners' signatures under this hash."""

    reference: str


@dataclass(frozen=True, slots=True)
class Pending:
    """Sent or ordered, not final; the next tick finishes it."""

    intent: Intent
    reason: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Mined, and all of it as planned."""

    settlement: Settlement
    expected: Cost


@dataclass(frozen=True, slots=True)
class Failed:
    """Mined and reverted, or void: nothing moved but the gas."""

    intent: str
    tx: str
    reason: str


Outcome = Held | Blocked | Planned | Proposed | Pending | Settled | Failed


@dataclass(frozen=True, slots=True)
class Past:
    """What the ledger knows that the next decision rests on."""

    open_intent: Intent | None
    last_settled_at: int | None
    """Unix seconds of the block in which the last rebalance settled."""
    halted: str | None
    """Why a person must look first; None: go on."""
    last_block: int
    """The highest block that was ever read; 0 at first."""
    failures: int
    """Batches that failed in a row, since the last one that settled or the last time a person resumed."""


RESUMED = "resumed"
"""The outcome of the row that a person adds after having looked into a Halt: the keeper goes on."""


@dataclass(frozen=True, slots=True)
class TickRecord:
    """One tick as the ledger keeps it. `outcome` is a lower-case word, or the name of the error."""

    at: int
    block: int | None
    outcome: str
    detail: str
    value: Usd | None
    max_drift: Weight | None
    tx: str | None
    requests: int
