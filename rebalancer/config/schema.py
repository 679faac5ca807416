"""The file's sections as pydantic models: which keys there are, what they default to, and why.

A field's description is what an error asks for where the key is missing. Rules between keys stand in `rules`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from rebalancer.config.values import (
    AddressText,
    BlockAge,
    ChainId,
    Coin,
    Deadline,
    Decimals,
    Dollars,
    Drawn,
    Grace,
    Heartbeat,
    LedgerText,
    Limit,
    Loss,
    Margin,
    MeterWindow,
    Pause,
    Penalty,
    PoolName,
    PpmLimit,
    PpmRange,
    PpmShare,
    PriceRange,
    Quorum,
    Risk,
    Share,
    Shortfall,
    SomeCoin,
    Switch,
    Symbol,
    Text,
    Tolerance,
    TwapWindow,
    Urls,
    Volatile,
    Width,
)
from rebalancer.units import Bps, Ppm, Usd, Wei, Weight


def _kind_of_price(value: Any) -> str:
    keys = value if isinstance(value, dict) else ()
    return "<twap>" if "twap" in keys else "<product>" if "product" in keys else "<feed>"


class Section(BaseModel):
    """A mapping of the file. Unknown keys are errors: a misspelt limit must not be an absent one."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class ChainSection(Section):
    id: ChainId = Field(description="expected the chain's number, such as `1` for Ethereum mainnet")
    rpc: Urls = Field(description="expected the URL of a node, such as `${ETH_RPC_URL}`")
    native: Symbol = Field(description="expected the symbol of the wrapped native token, such as `WETH`")
    quorum: Quorum = 1
    """Nodes that must say the same of what a trade rests on; 2 where one of several nodes may lie or lag."""


class WalletSection(Section):
    kind: Literal["safe", "safe-module"] = Field(
        description="expected the kind of wallet: `safe-module`, or `safe` for tests and small sums"
    )
    module: AddressText | None = None
    """Of `safe-module`: the RebalanceModule. None: it is yet to be deployed."""
    address: AddressText = Field(description="expected the address of the Safe that holds the funds")
    operator: AddressText = Field(description="expected the address of the account that signs")
    keystore: Text = "operator.json"
    """Encrypted key of the operator, as `rebalancer operator new` writes it."""
    password_file: Text | None = None
    """Holds the keystore's password; without it: a systemd credential, REBALANCER_PASSWORD, or a person."""


class BandSection(Section):
    absolute: Width | None = None
    relative: Width | None = None
    volatility: Drawn | None = None
    """What it is drawn for: it widens and narrows with what is measured, between half and twice. None: it stays."""


class FeedSection(Section):
    feed: AddressText = Field(description="expected the address of a Chainlink feed (or `product:` or `twap:`)")
    decimals: Decimals = 8
    """What Chainlink's feeds in dollars have; compared with the chain."""
    heartbeat: Heartbeat = Field(
        description="expected the longest that the feed is ever silent, such as `1 h`; data.chain.link says it"
    )
    margin: Margin = 300
    """Feeds are minutes late under load: silences of 3,720 s were seen at a heartbeat of 3,600 s."""


class ProductSection(Section):
    product: Annotated[list[FeedSection], Field(min_length=2, max_length=2)]


class Twap(Section):
    pool: PoolName = Field(description="expected a V3 pool such as `v3 UNI/WETH 0.3 %`")
    window: TwapWindow = 1_800
    """The shortest average that is accepted."""
    min_depth: Dollars = Field(
        description="expected the least that must be needed to move the pool's price by 2 %: `100_000 USD`"
    )


class TwapSection(Section):
    twap: Twap


PRICES: dict[str, type[Section]] = {"<feed>": FeedSection, "<product>": ProductSection, "<twap>": TwapSection}
AnyPrice = (
    Annotated[FeedSection, Tag("<feed>")]
    | Annotated[ProductSection, Tag("<product>")]
    | Annotated[TwapSection, Tag("<twap>")]
)


class TokenSection(Section):
    address: AddressText = Field(description="expected the token's address")
    decimals: Decimals = Field(description="expected the token's decimals, such as `18`")
    target: Share | None = None
    """None: not part of the portfolio, only a hub or the other side of a price."""
    band: BandSection | None = None
    """This token's own band, in place of the trigger's."""
    volatility: Volatile | None = None
    """This token's own against the rest, in place of `drift.volatility`. That of `cash` follows from the others'."""
    range: PpmRange | None = None
    """The on-chain policy: the weights between which the owners want the token; None: any."""
    price_band: PriceRange | None = None
    """The on-chain policy: the prices between which the feeds are believed; None: any."""
    price: Annotated[AnyPrice, Discriminator(_kind_of_price)] = Field(
        description="expected where the price comes from: `feed:`, `product:` or `twap:`"
    )


class DriftSection(Section):
    """What `optimal` weighs fees and gas against, and what `rebalancer bands` reckons with."""

    cost: Penalty = 4 * 10**17
    """0.1 % a year at 5 points, and four times as much at twice the drift. It is what an investor of a relative risk
    aversion of two gives up on an asset of 60 % volatility: half of their product with the variance is 0.36."""
    volatility: Volatile = Weight(6 * 10**17)
    """60 % a year: what large crypto assets have moved against each other. It is against the rest of the portfolio, not
    against the dollar: beside such assets a stable coin's too. Bands go with its two thirds power. `measured`: what the
    feeds' rounds of the last 90 days say, once a day. It asks the node for thousands of them, and without a history
    nothing is traded: so not by default."""


class LimitsSection(Section):
    """Defaults for a portfolio of 10,000 USD and up on Ethereum mainnet."""

    min_trade: Dollars = Usd(50 * 10**18)
    """A swap's gas is about a dollar: below this it would be more than 2 % of the trade."""
    max_trade: Limit = Bps(5_000)
    """A rebalance rarely moves a third; more is likelier a wrong price or target than a wish."""
    max_slippage: Risk = Bps(100)
    """A pool's fee (0.3 %), plus what a feed may lag behind (0.5 %), plus a little."""
    max_impact: Risk = Bps(50)
    """A trade that moves the pool by more should be smaller, or wait."""
    max_pool_gap: Risk = Bps(200)
    """Two feeds may each lag by their threshold of up to 1 %; further apart, one of the two is wrong."""
    max_cost: Risk = Bps(100)
    """Drift inside the band costs less than that."""
    max_gas_price: SomeCoin = Wei(30 * 10**9)
    """Some ten times a quiet hour's price; a rebalance can wait for the next one."""
    tip: SomeCoin = Wei(10**9)
    """Builders take it within a block or two; near-zero tips have waited for minutes."""
    min_operator_balance: Coin = Wei(3 * 10**16)
    """A batch of a million gas at the highest gas price."""
    deadline: Deadline = 300
    """25 blocks: long enough to be mined, short enough for the prices that it was made for."""
    max_block_age: BlockAge = 120
    """Ten blocks missed: the node is out of step."""


class RouteSection(Section):
    router: AddressText = Field(description="expected the address of the router")
    checker: AddressText = Field(description="expected the address of the RouteCheck that looks at its calldata")


class ModuleSection(Section):
    """The owners' policy, fixed at deployment: what a stolen key can take follows from these (docs/security.md)."""

    guardian: AddressText | None = None
    """Who may pause and drop the operator, and nothing else. None: only the Safe can."""
    window: MeterWindow = 86_400
    """In which the meters of loss and turnover empty."""
    max_turnover: PpmLimit = Ppm(300_000)
    """A rebalance rarely moves a third; this much a window keeps what can be taken per trade from adding up."""
    max_loss: Loss = Ppm(1_500)
    """At oracle prices: what an honest window of that turnover may cost, and no more."""
    max_shortfall: Shortfall = Ppm(10_000)
    """A pool's fee (0.3 %), its impact, and what a feed lags behind: max_loss is what keeps it from adding up."""
    min_trade: Dollars = Usd(50 * 10**18)
    """Dust would wear out gas, not the wallet."""
    max_trade: PpmLimit = Ppm(300_000)
    """A window's turnover in one trade."""
    tolerance: Tolerance = Ppm(2_500)
    """Prices move between the block that is planned on and the block that it is mined in."""
    cooldown: Pause = 600
    """Below any cadence that a keeper needs, and above what a burst of trades would."""
    target_step: PpmShare = Ppm(0)
    """How far the operator may move the targets in a window: not at all."""
    allow_opaque: Switch = False
    """Whether a route's calldata may leave the receiver open: then only the walls on value hold."""
    sequencer: AddressText | None = None
    """Of a rollup: Chainlink's feed that says whether its sequencer is up."""
    grace: Grace | None = None
    """Of a rollup: how long after its restart nothing is done."""
    hubs: list[Symbol] | None = None
    """Tokens without a target that a path may run over; by default those of `venues.uniswap.hubs`."""
    routes: list[RouteSection] = []
    """Routers beside Uniswap's own, for calldata from outside."""


class TopSection(Section):
    """The keys that stand on their own."""

    cash: Symbol | None = None
    contributions: Literal["only", "first", "ignore"] = "first"
    """What cash can do alone takes the fewest trades; where it does not suffice or pay, all is traded. `only` buys with
    cash and sells no asset ever, for owners whom a sale costs tax."""
    ledger: LedgerText = "rebalancer.sqlite"
    """A URL of SQLAlchemy's, or a file of SQLite, by default beside the configuration."""
    live: Switch = False
    """Nothing is sent unless this is true and `--live` is given."""
