# pragma version 0.4.3
"""
@title mandate
@license MIT
@notice What the owners of a RebalanceModule fix when they deploy it: tokens and feeds, routers, limits. Nothing changes it
        afterwards, and what is wrong with it by mistake is refused here.
"""


interface Token:
    def balanceOf(account: address) -> uint256: view
    def allowance(account: address, spender: address) -> uint256: view
    def decimals() -> uint8: view


# RouteCheck.vy: one for each route whose calldata the operator brings.
interface RouteCheck:
    def check(data: Bytes[MOST_DATA], safe: address, token_in: address, token_out: address, amount_in: uint256, min_out: uint256) -> bool: view
    def is_opaque() -> bool: view


# The answer is signed: a negative one reads as a number beyond all prices here. The last word is left unread.
interface Feed:
    def latestRoundData() -> (uint256, uint256, uint256, uint256): view
    def decimals() -> uint8: view


# One token of the portfolio, and how it is priced.
struct Asset:
    token: address
    feed: address
    # Seconds after which an answer of `feed` is no price: its heartbeat and a margin.
    heartbeat: uint256
    # Where it is set, the price is the product of both feeds.
    second_feed: address
    second_heartbeat: uint256
    # The weights between which the owners want the token, in PPM of the wallet.
    least: uint256
    most: uint256
    # The prices between which the feeds are believed, in dollars at 1e18; both 0 for any.
    price_low: uint256
    price_high: uint256


# The same, as it is kept: a contract's code may have 24,576 bytes, and this is part of it.
struct Listing:
    token: address
    feed: address
    second_feed: address
    # From the lowest bit: heartbeat 32, second_heartbeat 32, least 20, most 20; see HEARTBEAT.
    terms: uint256
    # price_low 128, price_high 128.
    band: uint256
    # Base units of one whole token.
    unit: uint256
    # What the product of the feeds' answers is divided by.
    scale: uint256


struct Route:
    router: address
    # Who says whether the operator's calldata for this router may be sent. Zero: the operator brings none, and the
    # module builds the call of Uniswap's SwapRouter02.
    checker: address


struct Limits:
    # Seconds over which the two meters empty from full.
    window: uint256
    # Most that may be traded over a window, in PPM of the wallet.
    max_turnover: uint256
    # Most that the wallet may lose over a window at oracle prices, in PPM.
    max_loss: uint256
    # Most that one swap may bring less than the oracle says, in PPM.
    max_shortfall: uint256
    # Least that one swap may move, in dollars at 1e18, and most, in PPM of the wallet.
    min_trade: uint256
    max_trade: uint256
    # How far a swap may pass a target, in PPM of the wallet.
    tolerance: uint256
    # Seconds between two rebalances.
    cooldown: uint256
    # How far the operator may move the targets over a window: half the sum of all moves, in PPM. 0: not at all.
    target_step: uint256
    # Whether a route's checker may leave the receiver, a token, the amount or the router's own minimum unchecked.
    allow_opaque: bool
    # Of a rollup: the feed that tells whether its sequencer is up, and the seconds to wait after a restart.
    sequencer: address
    grace: uint256


struct Policy:
    safe: address
    assets: DynArray[Asset, MOST_ASSETS]
    hubs: DynArray[address, MOST_HUBS]
    routes: DynArray[Route, MOST_ROUTES]
    limits: Limits



MOST_ASSETS: constant(uint256) = 12
MOST_HUBS: constant(uint256) = 4
MOST_ROUTES: constant(uint256) = 6
# Bytes of calldata that the operator may bring for all swaps together. Vyper reserves memory for as much.
MOST_DATA: constant(uint256) = 4096

# The lower half of a word.
HALF: constant(uint256) = 2**128 - 1
PPM: constant(uint256) = 1_000_000

# Where a listing's terms have the heartbeats and the weights.
HEARTBEAT: constant(uint256) = 2**32 - 1
SECOND_BIT: constant(uint256) = 32
LEAST_BIT: constant(uint256) = 64
MOST_BIT: constant(uint256) = 84
SHARE_BITS: constant(uint256) = 20
SHARE: constant(uint256) = 2**SHARE_BITS - 1

# Listed by mistake: Permit2, for which a call from the Safe would be worth more than a swap, and Safe's own libraries of
# the versions 1.3.0 (both deployments), 1.4.1 and 1.5.0: MultiSend, MultiSendCallOnly, CreateCall, SignMessageLib. It is
# not all that must not be listed: the Safe's other modules, vaults and tokens that it holds are known to the owners only.
NEVER_ROUTERS: constant(address[17]) = [
    0x000000000022D473030F116dDEE9F6B43aC78BA3,
    0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761,
    0x998739BFdAAdde7C933B942a68053933098f9EDa,
    0x40A2aCCbd92BCA938b02010E17A5b8929b49130D,
    0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B,
    0x7cbB62EaA69F79e6873cD1ecB2392971036cFAa4,
    0xB19D6FFc2182150F8Eb585b79D4ABcd7C5640A9d,
    0xA65387F16B013cf2Af4605Ad8aA5ec25a2cbA3a2,
    0x98FFBBF51bb33A056B08ddf711f289936AafF717,
    0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526,
    0x9641d764fc13c8B624c04430C7356C1C7C8102e2,
    0x9b35Af71d77eaf8d7e40252370304687390A1A52,
    0xd53cd0aB83D845Ac265BE939c57F53AD838012c9,
    0x218543288004CD07832472D464648173c77D7eB7,
    0xA83c336B20401Af773B6219BA5027174338D1836,
    0x2Ef5ECfbea521449E4De05EDB1ce63B75eDA90B4,
    0x4FfeF8222648872B3dE295Ba1e49110E61f5b5aa,
]
# Bounds on the limits, so that one digit too many is noticed.
MOST_SHORTFALL: constant(uint256) = 50_000
MOST_LOSS: constant(uint256) = 100_000
MOST_TOLERANCE: constant(uint256) = 20_000
SHORTEST_WINDOW: constant(uint256) = 3_600
LONGEST_WINDOW: constant(uint256) = 90 * 86_400
LONGEST_GRACE: constant(uint256) = 86_400
LONGEST_HEARTBEAT: constant(uint256) = 7 * 86_400
MOST_DECIMALS: constant(uint256) = 27
MOST_FEED_DECIMALS: constant(uint256) = 18

# In the code rather than in storage, where reading it would cost 2,100 gas a word.
SAFE: immutable(address)
ASSETS: immutable(DynArray[Listing, MOST_ASSETS])
HUBS: immutable(DynArray[address, MOST_HUBS])
ROUTES: immutable(DynArray[Route, MOST_ROUTES])
LIMITS: immutable(Limits)


@deploy
def __init__(
    safe: address,
    # One more than allowed, so that the refusal has a reason.
    assets: DynArray[Asset, MOST_ASSETS + 1],
    hubs: DynArray[address, MOST_HUBS],
    routes: DynArray[Route, MOST_ROUTES],
    limits: Limits,
):
    """
    @param safe The wallet
    @param assets The portfolio
    @param hubs Further tokens that a built path may run over
    @param routes The routers, and what may be sent to them
    @param limits See the struct
    """
    SAFE = safe
    HUBS = hubs
    ROUTES = routes
    LIMITS = limits
    assert safe.is_contract, "RebalanceModule: safe"
    assert len(assets) >= 2 and len(assets) <= MOST_ASSETS, "RebalanceModule: assets"
    kept: DynArray[Listing, MOST_ASSETS] = []
    symbols: DynArray[bytes32, MOST_ASSETS] = []
    # Whom no route may lead to.
    never: DynArray[address, 3 * MOST_ASSETS + MOST_HUBS + 2] = [safe, self]
    for asset: Asset in assets:
        self._check_asset(asset)
        for other: Listing in kept:
            assert other.token != asset.token, "RebalanceModule: token_twice"
        # A token with two addresses counts every unit twice.
        symbol: bytes32 = self._symbol(asset.token)
        assert symbol not in symbols, "RebalanceModule: symbol_twice"
        symbols.append(symbol)
        kept.append(self._listing(asset))
        never.append(asset.token)
        never.append(asset.feed)
        never.append(asset.second_feed)
    ASSETS = kept
    for i: uint256 in range(len(hubs), bound=MOST_HUBS):
        assert hubs[i].is_contract, "RebalanceModule: hub"
        never.append(hubs[i])
    assert len(routes) > 0, "RebalanceModule: routes"
    for route: Route in routes:
        assert route.router not in never and route.router not in NEVER_ROUTERS, "RebalanceModule: never_router"
        self._check_route(route, limits.allow_opaque)
    self._check_limits(limits)


@external
@view
def policy() -> Policy:
    """@notice All that was fixed at deployment."""
    assets: DynArray[Asset, MOST_ASSETS] = []
    for i: uint256 in range(len(ASSETS), bound=MOST_ASSETS):
        listing: Listing = ASSETS[i]
        assets.append(
            Asset(
                token=listing.token,
                feed=listing.feed,
                heartbeat=listing.terms & HEARTBEAT,
                second_feed=listing.second_feed,
                second_heartbeat=(listing.terms >> SECOND_BIT) & HEARTBEAT,
                least=(listing.terms >> LEAST_BIT) & SHARE,
                most=listing.terms >> MOST_BIT,
                price_low=listing.band & HALF,
                price_high=listing.band >> 128,
            )
        )
    return Policy(safe=SAFE, assets=assets, hubs=HUBS, routes=ROUTES, limits=LIMITS)


@internal
@view
def _check_asset(asset: Asset):
    assert asset.token.is_contract and asset.token != SAFE and asset.token != self, "RebalanceModule: token"
    assert staticcall Token(asset.token).decimals() <= convert(MOST_DECIMALS, uint8), "RebalanceModule: decimals"
    self._check_feed(asset.feed, asset.heartbeat)
    if asset.second_feed == empty(address):
        assert asset.second_heartbeat == 0, "RebalanceModule: feed"
    else:
        assert asset.second_feed != asset.feed, "RebalanceModule: feed_twice"
        self._check_feed(asset.second_feed, asset.second_heartbeat)
    assert asset.least <= asset.most and asset.most <= PPM, "RebalanceModule: targets_range"
    # Both fit into their halves of a word. Whether the price is between them is seen where all prices are.
    assert asset.price_low <= asset.price_high and asset.price_high <= HALF, "RebalanceModule: band"


@internal
@view
def _check_feed(feed: address, heartbeat: uint256):
    assert feed.is_contract and heartbeat > 0 and heartbeat <= LONGEST_HEARTBEAT, "RebalanceModule: feed"
    answers: bool = raw_call(feed, method_id("latestRoundData()"), is_static_call=True, revert_on_failure=False)
    assert answers, "RebalanceModule: feed"
    assert staticcall Feed(feed).decimals() <= convert(MOST_FEED_DECIMALS, uint8), "RebalanceModule: feed"


@internal
@view
def _listing(asset: Asset) -> Listing:
    scale: uint256 = convert(staticcall Feed(asset.feed).decimals(), uint256)
    if asset.second_feed != empty(address):
        scale += convert(staticcall Feed(asset.second_feed).decimals(), uint256)
    return Listing(
        token=asset.token,
        feed=asset.feed,
        second_feed=asset.second_feed,
        terms=asset.heartbeat | asset.second_heartbeat << SECOND_BIT | asset.least << LEAST_BIT | asset.most << MOST_BIT,
        band=asset.price_low | asset.price_high << 128,
        unit=10 ** convert(staticcall Token(asset.token).decimals(), uint256),
        scale=10**scale,
    )


@internal
@view
def _symbol(token: address) -> bytes32:
    # As the token writes it. All tokens that have none count as one.
    success: bool = False
    answer: Bytes[96] = b""
    success, answer = raw_call(token, method_id("symbol()"), max_outsize=96, is_static_call=True, revert_on_failure=False)
    return keccak256(answer)


@internal
@view
def _check_route(route: Route, allow_opaque: bool):
    assert route.router.is_contract, "RebalanceModule: router"
    if route.checker != empty(address):
        assert route.checker.is_contract, "RebalanceModule: checker"
        # Else only the walls on value hold, and a token that is not listed has none where an old allowance stands.
        assert allow_opaque or not staticcall RouteCheck(route.checker).is_opaque(), "RebalanceModule: opaque"


@internal
@view
def _check_limits(limits: Limits):
    assert limits.window >= SHORTEST_WINDOW and limits.window <= LONGEST_WINDOW, "RebalanceModule: limit_window"
    assert limits.max_turnover > 0 and limits.max_turnover <= PPM, "RebalanceModule: limit_turnover"
    assert limits.max_loss <= MOST_LOSS, "RebalanceModule: limit_loss"
    assert limits.max_shortfall <= MOST_SHORTFALL, "RebalanceModule: limit_shortfall"
    assert limits.min_trade > 0, "RebalanceModule: limit_min_trade"
    assert limits.max_trade > 0 and limits.max_trade <= PPM, "RebalanceModule: limit_max_trade"
    # A token that is sold to the last unit passes its target, zero, by rounding.
    assert limits.tolerance > 0 and limits.tolerance <= MOST_TOLERANCE, "RebalanceModule: limit_tolerance"
    assert limits.cooldown <= limits.window, "RebalanceModule: limit_cooldown"
    assert limits.target_step <= PPM, "RebalanceModule: limit_target_step"
    assert limits.grace <= LONGEST_GRACE, "RebalanceModule: limit_grace"
