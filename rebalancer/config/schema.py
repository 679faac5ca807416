"""The file's sections as pydantic models: which keys there are, what they default to, and why.

A field's description is what an error asks for where the key is missing. Rules between keys stand in `rules`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from rebalancer.config import text
from rebalancer.config.text import PoolText, is_symbol
from rebalancer.units import Address, Bps, Usd, Wei, Weight

T = TypeVar("T")
EMPTY = "is empty"


def _from_text(parse: Callable[[str], T], *checks: Callable[[T], T]) -> BeforeValidator:
    """Text of the file to a value; whatever is not text is refused."""

    def validate(value: object) -> object:
        if value is None or value == "":
            raise ValueError(EMPTY)
        if not isinstance(value, str):
            raise ValueError("expected one value, saw a list or a mapping")
        parsed = parse(value)
        for check in checks:
            parsed = check(parsed)
        return parsed

    return BeforeValidator(validate)


def _positive(value: int) -> int:
    if value == 0:
        raise ValueError("expected more than zero")
    return value


def _between(low: int, high: int, unit: str = "") -> Callable[[int], int]:
    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"expected {low:,} to {high:,}{unit}")
        return value

    return check


def _within_a_year(value: int) -> int:
    if value > 366 * 86_400:
        raise ValueError("expected at most 366 d")
    return value


def _duration(low: int, high: int, expected: str) -> BeforeValidator:
    """Seconds between two ends; `expected` names both, and why."""

    def check(value: int) -> int:
        if not low <= value <= high:
            raise ValueError(f"expected {expected}")
        return value

    return _from_text(text.seconds, check)


def _cautious(value: int) -> int:
    if value > 1_000:
        raise ValueError("expected at most 10 %: a wider limit stops nothing")
    return value


def _twap_window(value: int) -> int:
    if value < 1_800:
        raise ValueError("expected at least 30 min: a shorter average is cheap to move")
    return value


def _one_or_more(value: object) -> object:
    if value == [] or not isinstance(value, str | list):
        raise ValueError("expected one URL or a list of them")
    return [value] if isinstance(value, str) else value


def _plain_symbol(value: str) -> str:
    # What is no symbol is not shown as one later: it may be a key out of the environment.
    if not is_symbol(value):
        raise ValueError("expected the symbol of one of the `tokens`")
    return value


def _kind_of_price(value: Any) -> str:
    keys = value if isinstance(value, dict) else ()
    return "<twap>" if "twap" in keys else "<product>" if "product" in keys else "<feed>"


Text = Annotated[str, _from_text(str)]
Symbol = Annotated[str, _from_text(str, _plain_symbol)]
Url = Annotated[str, _from_text(text.url)]
Switch = Annotated[bool, _from_text(text.switch)]
AddressText = Annotated[Address, _from_text(text.address)]
ChainId = Annotated[int, _from_text(text.whole_number, _positive)]
Decimals = Annotated[int, _from_text(text.whole_number, _between(0, 36))]
Count = Annotated[int, _from_text(text.whole_number, _between(1, 64, " blocks"))]
Share = Annotated[Weight, _from_text(text.weight)]
Width = Annotated[Weight, _from_text(text.weight, _positive)]
Limit = Annotated[Bps, _from_text(text.bps, _positive)]
Risk = Annotated[Bps, _from_text(text.bps, _positive, _cautious)]
Seconds = Annotated[int, _from_text(text.seconds, _positive, _within_a_year)]
Deadline = Annotated[int, _duration(24, 3_600, "24 s to 1 h: two blocks to be mined in, and prices that still hold")]
BlockAge = Annotated[int, _duration(1, 3_600, "1 s to 1 h: what an older block says is no price")]
Patience = Annotated[int, _duration(1, 3_600, "1 s to 1 h: the next tick, which would settle it too, is kept out")]
Heartbeat = Annotated[int, _duration(1, 604_800, "1 s to 7 d: no feed to trade on is silent for longer")]
Margin = Annotated[int, _duration(1, 86_400, "1 s to 1 d: a feed that is later has stopped")]
Dollars = Annotated[Usd, _from_text(text.usd, _positive)]
Coin = Annotated[Wei, _from_text(text.wei)]
SomeCoin = Annotated[Wei, _from_text(text.wei, _positive)]
PoolName = Annotated[PoolText, _from_text(text.pool)]


class Section(BaseModel):
    """A mapping of the file. Unknown keys are errors: a misspelt limit must not be an absent one."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


class ChainSection(Section):
    id: ChainId = Field(description="expected the chain's number, such as `1` for Ethereum mainnet")
    rpc: Annotated[list[Url], BeforeValidator(_one_or_more)] = Field(
        description="expected the URL of a node, such as `${ETH_RPC_URL}`"
    )
    native: Symbol = Field(description="expected the symbol of the wrapped native token, such as `WETH`")


class WalletSection(Section):
    kind: Literal["safe"] = Field(description="expected the kind of wallet: `safe`")
    address: AddressText = Field(description="expected the address of the Safe that holds the funds")
    operator: AddressText = Field(description="expected the address of the account that signs")
    keystore: Text = "operator.json"
    """Encrypted key of the operator, as `rebalancer operator new` writes it."""
    password_file: Text | None = None
    """Holds the keystore's password; without it, it is in the environment as REBALANCER_PASSWORD."""


class BandSection(Section):
    absolute: Width | None = None
    relative: Width | None = None


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
    window: Annotated[int, _from_text(text.seconds, _twap_window, _within_a_year)] = 1_800
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
    price: Annotated[AnyPrice, Discriminator(_kind_of_price)] = Field(
        description="expected where the price comes from: `feed:`, `product:` or `twap:`"
    )


class WindowSection(Section):
    days: Annotated[list[Annotated[int, _from_text(text.day)]], Field(min_length=1)] = list(range(7))
    hours: Annotated[tuple[int, int], _from_text(text.hours)] = (0, 86_400)


class TriggerSection(Section):
    kind: Literal["calendar", "threshold", "hybrid"] = "threshold"
    every: Seconds | None = None
    band: BandSection = BandSection.model_construct(absolute=Weight(5 * 10**16), relative=Weight(25 * 10**16))
    """5 points, or a quarter of a small target: the nearer counts."""
    return_to: Annotated[Bps, _from_text(text.return_share)] = Bps(0)
    """To the target: on mainnet gas is dear enough that trading rarely and fully is cheaper."""
    window: WindowSection | None = None


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


class ExecutionSection(Section):
    confirmations: Count = 1
    """1: the block that holds the transaction is enough to call it settled."""
    patience: Patience = 90
    """How long a tick waits for its own transaction; the next tick settles what takes longer."""


class UniswapSection(Section):
    hubs: list[Symbol] | None = None
    """Tokens a path may run over; by default the wrapped native token, which every pool trades against."""
    pools: list[PoolName] = Field(description="expected a list of pools such as `v3 USDC/WETH 0.05 %`")


class VenuesSection(Section):
    uniswap: UniswapSection = Field(description="expected `uniswap:` with its `pools:`")


class TopSection(Section):
    """The keys that stand on their own."""

    cash: Symbol | None = None
    ledger: Annotated[str, _from_text(text.ledger)] = "rebalancer.sqlite"
    """A URL of SQLAlchemy's, or a file of SQLite, by default beside the configuration."""
    live: Switch = False
    """Nothing is sent unless this is true and `--live` is given."""
