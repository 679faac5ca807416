# pragma version 0.4.3
# pragma optimize gas
"""
@title RebalanceModule
@license MIT
@notice A module of one Safe. Its operator, the hot key of a keeper, may swap the Safe's tokens towards their
        target weights, within the policy that the owners fixed at deployment, and may do nothing else.
        Four walls, each against what the others leave open:
          value      what the wallet may lose at oracle prices: for each swap, and over a window
          cadence    how much may be traded over a window, and how often
          direction  only from above a target to below one, and never past either
          calls      only to listed routers, with the call built or checked here, and exact approvals
        What a stolen key can still take is in docs/security.md. Nobody has audited this contract.
@dev    Every refusal is "RebalanceModule: rule". The keeper's own guard has a rule of each of these names.
        Dollars are integers at 1e18. Shares are parts per million (PPM), except for the two meters, which
        count at 1e18. Rounding goes against the operator.
@custom:kill The owners: disableModule on the Safe, which needs nothing of this contract. The guardian: pause(),
        drop_operator().
"""


interface Safe:
    def execTransactionFromModule(to: address, amount: uint256, data: Bytes[MOST_BUILT], operation: uint8) -> bool: nonpayable
    def isOwner(account: address) -> bool: view


# The same function, for longer calldata: Vyper clears as much memory as there may be.
interface SafeAtLength:
    def execTransactionFromModule(to: address, amount: uint256, data: Bytes[MOST_DATA], operation: uint8) -> bool: nonpayable


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
    # From the lowest bit: heartbeat 32, second_heartbeat 32, least 20, most 20; see LEAST_BIT.
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


struct State:
    operator: address
    guardian: address
    paused: bool
    nonce: uint256
    # Time of the last rebalance; 0 before the first.
    last: uint256
    # In PPM, one for each asset.
    targets: DynArray[uint256, MOST_ASSETS]
    # What is left of each allowance at this moment: shares at 1e18.
    loss_left: uint256
    turnover_left: uint256
    step_left: uint256


# In dollars at 1e18, and in PPM; all rounded down.
struct Portfolio:
    nav: uint256
    weights: DynArray[uint256, MOST_ASSETS]
    # The sum of all distances from the targets.
    drift: uint256
    # What may still be lost, and traded, at this moment.
    loss_left: uint256
    turnover_left: uint256


struct Swap:
    # Places in the policy's lists.
    route: uint256
    token_in: uint256
    token_out: uint256
    amount_in: uint256
    min_out: uint256
    # Of a route without a checker: see `_built_call`. With one: where its calldata lies in `data`, start << 16 | length.
    path: uint256


struct Meters:
    paused: bool
    nonce: uint256
    last: uint256
    loss: uint256
    turnover: uint256


# The wallet at one moment. Of each asset price << 128 | balance: dollars of one whole token, and base units held.
struct Books:
    pairs: DynArray[uint256, MOST_ASSETS]
    # What all of it is worth: each value rounded down.
    worth: uint256
    # As in `_targets`.
    targets: uint256


# SwapRouter02's exactInput takes these as one tuple.
struct ExactInput:
    path: Bytes[MOST_PATH]
    recipient: address
    amount_in: uint256
    min_out: uint256


event Rebalanced:
    nonce: indexed(uint256)
    # Of each asset price << 128 | balance, as this rebalance left it.
    books: DynArray[uint256, MOST_ASSETS]
    nav_before: uint256
    nav_after: uint256
    # What this rebalance took of the meters, and what is left of them: shares at 1e18.
    loss: uint256
    turnover: uint256
    loss_left: uint256
    turnover_left: uint256


event TargetsSet:
    by: indexed(address)
    targets: DynArray[uint256, MOST_ASSETS]


event OperatorSet:
    operator: indexed(address)


event GuardianSet:
    guardian: indexed(address)


event PausedSet:
    by: indexed(address)
    paused: bool


MOST_ASSETS: constant(uint256) = 12
MOST_SWAPS: constant(uint256) = 8
MOST_HUBS: constant(uint256) = 4
MOST_ROUTES: constant(uint256) = 6
# Bytes of calldata that the operator may bring for all swaps together. Vyper reserves memory for as much.
MOST_DATA: constant(uint256) = 4096
# Four addresses and the three fees between them.
MOST_PATH: constant(uint256) = 89
MOST_BUILT: constant(uint256) = 292

# The lower half of a word. Prices, balances and the wallet's worth are no more, which is asserted where they are read, and
# shares are less than 2**20: so the product of any two of them fits, and is not checked again where it says `unsafe`. A
# value of a balance that is not the wallet's yet may be larger, and is still the product of two halves.
HALF: constant(uint256) = 2**128 - 1
# Above any answer of a feed.
MOST_ANSWER: constant(uint256) = 2**96 - 1

PPM: constant(uint256) = 1_000_000
ONE: constant(uint256) = 10**18
# A share of PPM as a share of ONE.
WIDER: constant(uint256) = 10**12

V2: constant(uint256) = 2
V3: constant(uint256) = 3
# The lowest 16 bits of a V3 path of one hop.
ONE_HOP: constant(uint256) = 1 << 8 | V3
MOST_FEE: constant(uint256) = 2**24 - 1
# In a path, the places of hubs that are no assets start here.
FIRST_HUB: constant(uint256) = 16

# Bits of one target in `_targets`.
TARGET_BITS: constant(uint256) = 20
SHARE: constant(uint256) = 2**TARGET_BITS - 1
# Where a listing's terms have the least weight, and the most.
LEAST_BIT: constant(uint256) = 64
MOST_BIT: constant(uint256) = 84
# What a meter, and the time, have room for in `_meters`.
MOST_METER: constant(uint256) = 2**64 - 1
HEARTBEAT: constant(uint256) = 2**32 - 1

# Of a CALL, never a DELEGATECALL, with no ether.
CALL: constant(uint8) = 0
NOTHING: constant(uint256) = 0

# The policy: fixed at deployment, and in the code rather than in storage, where reading it would cost 2,100 gas a word.
SAFE: immutable(address)
ASSETS: immutable(DynArray[Listing, MOST_ASSETS])
HUBS: immutable(DynArray[address, MOST_HUBS])
ROUTES: immutable(DynArray[Route, MOST_ROUTES])
LIMITS: immutable(Limits)

# Who may rebalance; nobody where it is zero. A hot key, and therefore nothing but that.
_operator: address
# Who may stop everything and start nothing; nobody where it is zero.
_guardian: address
# All that a rebalance changes, in one slot: paused 1 bit, nonce 63, last 64, loss 64, turnover 64, from the top.
_meters: uint256
# The weights to hold, in PPM, TARGET_BITS each, the first asset lowest.
_targets: uint256
# What the operator has moved the targets by, leaking, at 1e18, and when it last did.
_stepped: uint256
_stepped_at: uint256


@deploy
def __init__(
    safe: address,
    operator: address,
    guardian: address,
    # One more than allowed, so that the refusal has a reason.
    assets: DynArray[Asset, MOST_ASSETS + 1],
    targets: DynArray[uint256, MOST_ASSETS + 1],
    hubs: DynArray[address, MOST_HUBS],
    routes: DynArray[Route, MOST_ROUTES],
    limits: Limits,
):
    """
    @param safe The wallet, whose owners enable this module afterwards
    @param operator The hot key
    @param guardian Who may stop it; zero for nobody
    @param assets The portfolio
    @param targets Their weights, in PPM, summing to PPM
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
    # Every feed answers now, with a price that would be believed.
    books: Books = self._books()
    self._set_operator(operator)
    self._set_guardian(guardian)
    self._set_targets(targets)


# ------------------------------------------------------------------ the operator


@external
@nonreentrant
def rebalance(swaps: DynArray[Swap, MOST_SWAPS], data: Bytes[MOST_DATA], deadline: uint256, expected_nonce: uint256):
    """
    @notice Swap the Safe's tokens towards their targets. All of it happens, or nothing.
    @param swaps Each sells a token above its target for one below
    @param data Calldata for the swaps over routes with a checker, one after the other
    @param deadline Unix seconds after which it is void
    @param expected_nonce The module's nonce, so that it happens once
    """
    assert msg.sender == self._operator, "RebalanceModule: only_operator"
    meters: uint256 = self._meters
    self._check_start(meters, deadline, expected_nonce)
    before: Books = self._books()
    coins: uint256 = SAFE.balance
    # Every swap is looked at before any is made; then they are made; then everything that they may have done is looked at.
    least: DynArray[uint256, MOST_ASSETS] = []
    traded: uint256 = 0
    least, traded = self._check_swaps(swaps, before)
    for swap: Swap in swaps:
        token_in: address = ASSETS[swap.token_in].token
        token_out: address = ASSETS[swap.token_out].token
        route: Route = ROUTES[swap.route]
        # Exactly the amount, in place of any allowance that there was, and nothing afterwards.
        if route.checker == empty(address):
            built: Bytes[MOST_BUILT] = self._built_call(swap, token_in, token_out)
            self._approve(token_in, route.router, swap.amount_in)
            assert extcall Safe(SAFE).execTransactionFromModule(route.router, NOTHING, built, CALL), "RebalanceModule: execution"
        else:
            checked: Bytes[MOST_DATA] = self._checked_call(swap, data, token_in, token_out)
            self._approve(token_in, route.router, swap.amount_in)
            assert extcall SafeAtLength(SAFE).execTransactionFromModule(route.router, NOTHING, checked, CALL), "RebalanceModule: execution"
        # Most routers take all that they may, and then it is zero already.
        if staticcall Token(token_in).allowance(SAFE, route.router) > 0:
            self._approve(token_in, route.router, 0)
            assert staticcall Token(token_in).allowance(SAFE, route.router) == 0, "RebalanceModule: allowance_left"
    assert SAFE.balance >= coins, "RebalanceModule: ether"
    self._settle(meters, before, least, traded)


@external
def set_targets(targets: DynArray[uint256, MOST_ASSETS]):
    """
    @notice New weights, each between the owners' least and most. The Safe may move them at will, the operator only
            as far as `target_step` allows.
    @param targets In PPM, one for each asset, summing to PPM
    """
    if msg.sender != SAFE:
        assert msg.sender == self._operator, "RebalanceModule: only_operator"
        assert not self._unpack(self._meters).paused, "RebalanceModule: paused"
        self._charge_step(targets)
    self._set_targets(targets)


# ------------------------------------------------------------------ the guardian
# Nobody but a second `rebalance` is locked out in the middle of one, who stops least of all: a thief who relays what the
# owners have signed from inside his own batch would use it up. What a batch rests on was read before its first swap.


@external
def pause():
    """@notice No rebalance any more, until the Safe unpauses. For the guardian and the Safe."""
    self._only_guardian_or_safe()
    self._set_paused(True)


@external
def drop_operator():
    """@notice The operator is nobody, until the Safe names another. For the guardian and the Safe."""
    self._only_guardian_or_safe()
    self._set_operator(empty(address))


# ------------------------------------------------------------------ the Safe


@external
def unpause():
    """@notice Rebalances are possible again. What was counted before the pause still counts."""
    self._only_safe()
    self._set_paused(False)


@external
def set_operator(operator: address):
    """@notice Another hot key; zero for none."""
    self._only_safe()
    self._set_operator(operator)


@external
def set_guardian(guardian: address):
    """@notice Another guardian; zero for none."""
    self._only_safe()
    self._set_guardian(guardian)


# ------------------------------------------------------------------ anybody


@external
@view
def preview(swaps: DynArray[Swap, MOST_SWAPS], data: Bytes[MOST_DATA], deadline: uint256, expected_nonce: uint256) -> bool:
    """
    @notice True, or reverts with the first rule that refuses these swaps before any is made. What can only be told
            by making them is asked by an `eth_call` of `rebalance`.
    """
    self._check_start(self._meters, deadline, expected_nonce)
    least: DynArray[uint256, MOST_ASSETS] = []
    traded: uint256 = 0
    least, traded = self._check_swaps(swaps, self._books())
    for swap: Swap in swaps:
        token_in: address = ASSETS[swap.token_in].token
        token_out: address = ASSETS[swap.token_out].token
        if ROUTES[swap.route].checker == empty(address):
            built: Bytes[MOST_BUILT] = self._built_call(swap, token_in, token_out)
        else:
            checked: Bytes[MOST_DATA] = self._checked_call(swap, data, token_in, token_out)
    return True


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
                second_heartbeat=(listing.terms >> 32) & HEARTBEAT,
                least=(listing.terms >> LEAST_BIT) & SHARE,
                most=listing.terms >> MOST_BIT,
                price_low=listing.band & HALF,
                price_high=listing.band >> 128,
            )
        )
    return Policy(safe=SAFE, assets=assets, hubs=HUBS, routes=ROUTES, limits=LIMITS)


@external
@view
def state() -> State:
    """@notice All that moves."""
    meters: Meters = self._unpack(self._meters)
    return State(
        operator=self._operator,
        guardian=self._guardian,
        paused=meters.paused,
        nonce=meters.nonce,
        last=meters.last,
        targets=self._unpacked_targets(),
        loss_left=self._left(meters.loss, LIMITS.max_loss, meters.last),
        turnover_left=self._left(meters.turnover, LIMITS.max_turnover, meters.last),
        step_left=self._left(self._stepped, LIMITS.target_step, self._stepped_at),
    )


@external
@view
def portfolio() -> Portfolio:
    """
    @notice What the wallet is worth at oracle prices, its weights, and what may still be lost and traded.
    @dev To look at. Between two swaps of a batch it is what the wallet is then, so it is nobody's oracle.
    """
    meters: Meters = self._unpack(self._meters)
    books: Books = self._books()
    weights: DynArray[uint256, MOST_ASSETS] = []
    apart: uint256 = 0
    for i: uint256 in range(len(ASSETS), bound=MOST_ASSETS):
        worth: uint256 = self._value(books.pairs[i], ASSETS[i].unit)
        weights.append(worth * PPM // books.worth)
        apart += self._distance(worth, self._goal(books.targets, i, books.worth))
    return Portfolio(
        nav=books.worth,
        weights=weights,
        drift=apart * PPM // books.worth,
        loss_left=books.worth * self._left(meters.loss, LIMITS.max_loss, meters.last) // ONE,
        turnover_left=books.worth * self._left(meters.turnover, LIMITS.max_turnover, meters.last) // ONE,
    )


@external
@view
def min_out(token_in: uint256, token_out: uint256, amount_in: uint256) -> uint256:
    """
    @notice The least that a swap must bring.
    @param token_in Place of the sold token among the assets
    @param token_out Place of the bought one
    @param amount_in Base units sold
    """
    pairs: DynArray[uint256, MOST_ASSETS] = self._books().pairs
    sold: uint256 = self._div_up(amount_in * (pairs[token_in] >> 128), ASSETS[token_in].unit)
    return self._floor(sold, pairs[token_out] >> 128, ASSETS[token_out].unit)


# ------------------------------------------------------------------ before anything moves


@internal
@view
def _only_safe():
    assert msg.sender == SAFE, "RebalanceModule: only_safe"


@internal
@view
def _only_guardian_or_safe():
    assert msg.sender == self._guardian or msg.sender == SAFE, "RebalanceModule: only_guardian"


@internal
@view
def _check_start(meters: uint256, deadline: uint256, expected_nonce: uint256):
    assert meters >> 255 == 0, "RebalanceModule: paused"
    assert block.timestamp <= deadline, "RebalanceModule: deadline"
    assert expected_nonce == meters >> 192, "RebalanceModule: nonce"
    assert block.timestamp >= ((meters >> 128) & MOST_METER) + LIMITS.cooldown, "RebalanceModule: cooldown"


@internal
@view
def _books() -> Books:
    # One answer that is not to be believed stops everything.
    if LIMITS.sequencer != empty(address):
        self._check_sequencer()
    books: Books = empty(Books)
    for asset: Listing in ASSETS:
        price: uint256 = unsafe_mul(ONE, self._answer(asset.feed, asset.terms & HEARTBEAT))
        if asset.second_feed != empty(address):
            price = unsafe_mul(price, self._answer(asset.second_feed, (asset.terms >> 32) & HEARTBEAT))
        price = unsafe_div(price, asset.scale)
        assert price > 0 and price <= HALF, "RebalanceModule: answer"
        if asset.band > 0:
            assert price >= asset.band & HALF and price <= asset.band >> 128, "RebalanceModule: band"
        balance: uint256 = staticcall Token(asset.token).balanceOf(SAFE)
        assert balance <= HALF, "RebalanceModule: balance"
        pair: uint256 = price << 128 | balance
        books.pairs.append(pair)
        books.worth += self._value(pair, asset.unit)
    assert books.worth <= HALF, "RebalanceModule: balance"
    books.targets = self._targets
    return books


@internal
@pure
def _value(pair: uint256, unit: uint256) -> uint256:
    return unsafe_div(unsafe_mul(pair & HALF, pair >> 128), unit)


@internal
@view
def _check_sequencer():
    round_id: uint256 = 0
    answer: uint256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    round_id, answer, started_at, updated_at = staticcall Feed(LIMITS.sequencer).latestRoundData()
    # Of these feeds, 0 is up and 1 is down, and a round starts when that changes; 0 is no time.
    assert answer == 0 and started_at > 0, "RebalanceModule: sequencer"
    assert block.timestamp > started_at + LIMITS.grace, "RebalanceModule: grace"


@internal
@view
def _answer(feed: address, heartbeat: uint256) -> uint256:
    round_id: uint256 = 0
    answer: uint256 = 0
    started_at: uint256 = 0
    updated_at: uint256 = 0
    round_id, answer, started_at, updated_at = staticcall Feed(feed).latestRoundData()
    assert answer > 0 and answer <= MOST_ANSWER, "RebalanceModule: answer"
    assert updated_at <= block.timestamp, "RebalanceModule: future"
    assert unsafe_sub(block.timestamp, updated_at) <= heartbeat, "RebalanceModule: heartbeat"
    return answer


# ------------------------------------------------------------------ the swaps


@internal
@view
def _check_swaps(swaps: DynArray[Swap, MOST_SWAPS], books: Books) -> (DynArray[uint256, MOST_ASSETS], uint256):
    # The least that there must be of each token afterwards (in the form of Books.pairs), and the value of all that is
    # sold, rounded up. Each swap is looked at as if the ones before it had taken all of their amount and brought their
    # minimum.
    assert len(swaps) > 0, "RebalanceModule: swaps"
    least: DynArray[uint256, MOST_ASSETS] = books.pairs
    worth: uint256 = books.worth
    targets: uint256 = books.targets
    slack: uint256 = unsafe_div(unsafe_mul(worth, LIMITS.tolerance), PPM)
    most: uint256 = unsafe_div(unsafe_mul(worth, LIMITS.max_trade), PPM)
    traded: uint256 = 0
    for swap: Swap in swaps:
        i: uint256 = swap.token_in
        j: uint256 = swap.token_out
        assert swap.route < len(ROUTES), "RebalanceModule: route"
        assert i < len(least) and j < len(least) and i != j, "RebalanceModule: tokens"
        unit_in: uint256 = ASSETS[i].unit
        unit_out: uint256 = ASSETS[j].unit
        pair_in: uint256 = least[i]
        pair_out: uint256 = least[j]
        sold: uint256 = self._div_up(swap.amount_in * (pair_in >> 128), unit_in)
        assert sold >= LIMITS.min_trade, "RebalanceModule: min_trade"
        assert sold <= most, "RebalanceModule: max_trade"
        # Neither token passes its target, so that no swap is licensed by the one before it.
        goal_in: uint256 = self._goal(targets, i, worth)
        goal_out: uint256 = self._goal(targets, j, worth)
        value_in: uint256 = self._value(pair_in, unit_in)
        value_out: uint256 = self._value(pair_out, unit_out)
        assert value_in > goal_in, "RebalanceModule: sells_overweight"
        assert value_out < goal_out, "RebalanceModule: buys_underweight"
        assert unsafe_add(value_in, slack) >= unsafe_add(goal_in, sold), "RebalanceModule: sells_past_target"
        assert unsafe_add(value_out, sold) <= unsafe_add(goal_out, slack), "RebalanceModule: buys_past_target"
        # And no more than fits beside the price.
        fits: bool = swap.min_out <= HALF - (pair_out & HALF)
        assert fits and swap.min_out >= self._floor(sold, pair_out >> 128, unit_out), "RebalanceModule: min_out"
        assert swap.amount_in <= pair_in & HALF, "RebalanceModule: amount_in"
        least[i] = unsafe_sub(pair_in, swap.amount_in)
        least[j] = unsafe_add(pair_out, swap.min_out)
        traded = unsafe_add(traded, sold)
    return least, traded


@internal
@view
def _floor(sold: uint256, price: uint256, unit: uint256) -> uint256:
    # What `sold` dollars must bring at least: the oracle's rate less the shortfall.
    return self._div_up(self._div_up(sold * unsafe_sub(PPM, LIMITS.max_shortfall), PPM) * unit, price)


@internal
@view
def _built_call(swap: Swap, token_in: address, token_out: address) -> Bytes[MOST_BUILT]:
    # Uniswap's SwapRouter02, the Safe as the receiver and our floor as its minimum. A path is one word: from the
    # lowest bit 8 bits V2 or V3, 8 bits hops, and for each hop 24 bits fee and 8 bits the place of the hub that it
    # ends in: an asset's, or from FIRST_HUB on a hub's. All else is zero, so that a path has one form.
    # The usual one, through one V3 pool. A word that is nearly this has bits that must be zero, and ends below.
    if swap.path >> 40 == 0 and swap.path & (2**16 - 1) == ONE_HOP:
        return abi_encode(
            token_in,
            token_out,
            swap.path >> 16,
            SAFE,
            swap.amount_in,
            swap.min_out,
            NOTHING,
            method_id=method_id("exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"),
        )
    kind: uint256 = swap.path & 255
    hops: uint256 = (swap.path >> 8) & 255
    fees: uint256 = swap.path >> 16
    first: uint24 = convert(fees & MOST_FEE, uint24)
    second: uint24 = convert((fees >> 32) & MOST_FEE, uint24)
    third: uint24 = convert((fees >> 64) & MOST_FEE, uint24)
    known: bool = kind == V3 or (kind == V2 and first == 0 and second == 0 and third == 0)
    assert known and hops >= 1 and hops <= 3 and fees >> (32 * hops - 8) == 0, "RebalanceModule: path"
    tokens: DynArray[address, 4] = [token_in]
    for i: uint256 in range(2):
        if i + 1 < hops:
            hub: address = self._hub((fees >> (32 * i + 24)) & 255)
            # A path that crosses itself pays fees for nothing.
            assert hub not in tokens and hub != token_out, "RebalanceModule: hub_twice"
            tokens.append(hub)
    tokens.append(token_out)
    if kind == V2:
        return abi_encode(
            swap.amount_in,
            swap.min_out,
            tokens,
            SAFE,
            method_id=method_id("swapExactTokensForTokens(uint256,uint256,address[],address)"),
        )
    path: Bytes[MOST_PATH] = concat(
        convert(tokens[0], bytes20), convert(first, bytes3), convert(tokens[1], bytes20), convert(second, bytes3), convert(tokens[2], bytes20)
    )
    if hops == 3:
        path = concat(
            convert(tokens[0], bytes20),
            convert(first, bytes3),
            convert(tokens[1], bytes20),
            convert(second, bytes3),
            convert(tokens[2], bytes20),
            convert(third, bytes3),
            convert(tokens[3], bytes20),
        )
    return abi_encode(
        ExactInput(path=path, recipient=SAFE, amount_in=swap.amount_in, min_out=swap.min_out),
        method_id=method_id("exactInput((bytes,address,uint256,uint256))"),
    )


@internal
@view
def _hub(place: uint256) -> address:
    assert place < len(ASSETS) or (place >= FIRST_HUB and place - FIRST_HUB < len(HUBS)), "RebalanceModule: hub"
    if place < FIRST_HUB:
        return ASSETS[place].token
    return HUBS[place - FIRST_HUB]


@internal
@view
def _checked_call(swap: Swap, data: Bytes[MOST_DATA], token_in: address, token_out: address) -> Bytes[MOST_DATA]:
    start: uint256 = swap.path >> 16
    length: uint256 = swap.path & (2**16 - 1)
    assert start <= len(data) and length <= len(data) - start, "RebalanceModule: call"
    call: Bytes[MOST_DATA] = slice(data, start, length)
    # It reverts with a reason of its own.
    checker: RouteCheck = RouteCheck(ROUTES[swap.route].checker)
    accepted: bool = staticcall checker.check(call, SAFE, token_in, token_out, swap.amount_in, swap.min_out)
    assert accepted, "RebalanceModule: call"
    return call


@internal
def _approve(token: address, spender: address, amount: uint256):
    data: Bytes[68] = abi_encode(spender, amount, method_id=method_id("approve(address,uint256)"))
    # What it returns is not asked: where an approval was not made, an old one does not let the router take more than
    # `balances` allows, and one that stays is seen.
    assert extcall Safe(SAFE).execTransactionFromModule(token, NOTHING, data, CALL), "RebalanceModule: approve"


# ------------------------------------------------------------------ after all swaps


@internal
def _settle(meters: uint256, before: Books, least: DynArray[uint256, MOST_ASSETS], traded: uint256):
    targets: uint256 = before.targets
    old_worth: uint256 = before.worth
    worth: uint256 = old_worth
    # The sums of all distances from the targets, in dollars, of what changed.
    apart: uint256 = 0
    closer: uint256 = 0
    pairs: DynArray[uint256, MOST_ASSETS] = before.pairs
    i: uint256 = 0
    for asset: Listing in ASSETS:
        balance: uint256 = staticcall Token(asset.token).balanceOf(SAFE)
        assert balance >= least[i] & HALF, "RebalanceModule: balances"
        pair: uint256 = pairs[i]
        if balance != pair & HALF:
            assert balance <= HALF, "RebalanceModule: balance"
            pairs[i] = pair >> 128 << 128 | balance
            was: uint256 = self._value(pair, asset.unit)
            now: uint256 = self._value(pairs[i], asset.unit)
            worth = unsafe_sub(worth, was) + now
            goal: uint256 = self._goal(targets, i, old_worth)
            # Each is less than 2**236 (`range` multiplies it, checked), so twelve of them fit.
            apart = unsafe_add(apart, self._distance(was, goal))
            closer = unsafe_add(closer, self._distance(now, goal))
            # What a price has already carried over the edge may stay there until it is brought back.
            if now > was:
                assert now * PPM <= old_worth * (asset.terms >> MOST_BIT), "RebalanceModule: range"
            else:
                assert now * PPM >= old_worth * ((asset.terms >> LEAST_BIT) & SHARE), "RebalanceModule: range"
        i = unsafe_add(i, 1)
    # A swap from above a target to below one brings both closer: twice its value. Half of that is asked for, and no
    # tolerance given: it would license that much churn anew at every rebalance.
    assert closer + traded <= apart, "RebalanceModule: drift"
    # Gains earn nothing: who gave to the wallet first must not take more afterwards.
    lost: uint256 = 0
    if worth < old_worth:
        lost = self._div_up(unsafe_mul(unsafe_sub(old_worth, worth), ONE), old_worth)
    turned: uint256 = self._div_up(unsafe_mul(traded, ONE), old_worth)
    last: uint256 = (meters >> 128) & MOST_METER
    loss: uint256 = self._leaked((meters >> 64) & MOST_METER, LIMITS.max_loss, last) + lost
    turnover: uint256 = self._leaked(meters & MOST_METER, LIMITS.max_turnover, last) + turned
    loss_left: uint256 = LIMITS.max_loss * WIDER
    turnover_left: uint256 = LIMITS.max_turnover * WIDER
    assert loss <= loss_left, "RebalanceModule: max_loss"
    assert turnover <= turnover_left, "RebalanceModule: max_turnover"
    # A pause in the middle of the swaps counts from the next rebalance on.
    self._meters = self._meters >> 255 << 255 | ((meters >> 192) + 1) << 192 | block.timestamp << 128 | loss << 64 | turnover
    log Rebalanced(
        nonce=meters >> 192,
        books=pairs,
        nav_before=old_worth,
        nav_after=worth,
        loss=lost,
        turnover=turned,
        loss_left=unsafe_sub(loss_left, loss),
        turnover_left=unsafe_sub(turnover_left, turnover),
    )


@internal
@pure
def _distance(a: uint256, b: uint256) -> uint256:
    if a > b:
        return unsafe_sub(a, b)
    return unsafe_sub(b, a)


@internal
@view
def _leaked(level: uint256, share: uint256, since: uint256) -> uint256:
    # A meter that is full is empty a window later. A bucket has no edge to stand on both sides of.
    return level - min(level, unsafe_div(share * WIDER * unsafe_sub(block.timestamp, since), LIMITS.window))


@internal
@view
def _left(level: uint256, share: uint256, since: uint256) -> uint256:
    return share * WIDER - self._leaked(level, share, since)


# ------------------------------------------------------------------ what moves


@internal
@pure
def _unpack(word: uint256) -> Meters:
    return Meters(
        paused=(word >> 255) == 1,
        nonce=(word >> 192) & (2**63 - 1),
        last=(word >> 128) & MOST_METER,
        loss=(word >> 64) & MOST_METER,
        turnover=word & MOST_METER,
    )


@internal
@pure
def _packed(meters: Meters) -> uint256:
    flag: uint256 = convert(meters.paused, uint256)
    return flag << 255 | meters.nonce << 192 | meters.last << 128 | meters.loss << 64 | meters.turnover


@internal
@pure
def _goal(targets: uint256, asset: uint256, worth: uint256) -> uint256:
    # What should be there of an asset, in dollars, rounded down.
    return unsafe_div(unsafe_mul(worth, (targets >> unsafe_mul(TARGET_BITS, asset)) & SHARE), PPM)


@internal
@pure
def _target(targets: uint256, asset: uint256) -> uint256:
    return (targets >> unsafe_mul(TARGET_BITS, asset)) & SHARE


@internal
@view
def _unpacked_targets() -> DynArray[uint256, MOST_ASSETS]:
    word: uint256 = self._targets
    targets: DynArray[uint256, MOST_ASSETS] = []
    for i: uint256 in range(len(ASSETS), bound=MOST_ASSETS):
        targets.append(self._target(word, i))
    return targets


@internal
def _set_targets(targets: DynArray[uint256, MOST_ASSETS + 1]):
    assert len(targets) == len(ASSETS), "RebalanceModule: targets_count"
    total: uint256 = 0
    word: uint256 = 0
    for i: uint256 in range(len(targets), bound=MOST_ASSETS):
        terms: uint256 = ASSETS[i].terms
        assert targets[i] >= (terms >> LEAST_BIT) & SHARE and targets[i] <= terms >> MOST_BIT, "RebalanceModule: targets_range"
        total += targets[i]
        word |= targets[i] << (TARGET_BITS * i)
    assert total == PPM, "RebalanceModule: targets_sum"
    self._targets = word
    log TargetsSet(by=msg.sender, targets=self._unpacked_targets())


@internal
def _charge_step(targets: DynArray[uint256, MOST_ASSETS]):
    old: uint256 = self._targets
    moved: uint256 = 0
    for i: uint256 in range(len(targets), bound=MOST_ASSETS):
        moved += self._distance(targets[i], self._target(old, i))
    stepped: uint256 = self._leaked(self._stepped, LIMITS.target_step, self._stepped_at) + self._div_up(moved, 2) * WIDER
    assert stepped <= LIMITS.target_step * WIDER, "RebalanceModule: target_step"
    self._stepped = stepped
    self._stepped_at = block.timestamp


@internal
def _set_operator(operator: address):
    # Neither of the other two roles, and no owner: a hot key that signs for the Safe could do without this module.
    assert operator != SAFE and not staticcall Safe(SAFE).isOwner(operator), "RebalanceModule: operator_is_owner"
    assert operator == empty(address) or operator != self._guardian, "RebalanceModule: operator_is_guardian"
    self._operator = operator
    log OperatorSet(operator=operator)


@internal
def _set_guardian(guardian: address):
    assert guardian == empty(address) or guardian != self._operator, "RebalanceModule: operator_is_guardian"
    self._guardian = guardian
    log GuardianSet(guardian=guardian)


@internal
def _set_paused(paused: bool):
    meters: Meters = self._unpack(self._meters)
    meters.paused = paused
    self._meters = self._packed(meters)
    log PausedSet(by=msg.sender, paused=paused)


@internal
@pure
def _div_up(a: uint256, b: uint256) -> uint256:
    # `b` is never 0: a unit, a price that was seen, or a worth that some swap is less than.
    return unsafe_div(a + unsafe_sub(b, 1), b)


# ------------------------------------------------------------------ at deployment

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
        terms=asset.heartbeat | asset.second_heartbeat << 32 | asset.least << LEAST_BIT | asset.most << MOST_BIT,
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
