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
          calls      only to listed routers, with the call built or checked here, paid in advance or by an exact approval
        What a stolen key can still take is in docs/security.md. Nobody has audited this contract.
@dev    Every refusal is "RebalanceModule: rule". The keeper's own guard has the rules that can be told
        beforehand, by the same names.
        Dollars are integers at 1e18. Shares are parts per million (PPM), except for the two meters, which
        count at 1e18. Rounding goes against the operator.
@custom:kill The owners: disableModule on the Safe, which needs nothing of this contract. The guardian: pause(),
        drop_operator().
"""

from . import books
from . import mandate
from . import swap_router

initializes: mandate
initializes: books[mandate := mandate]
initializes: swap_router[mandate := mandate]

exports: mandate.policy


interface Safe:
    def execTransactionFromModule(to: address, amount: uint256, data: Bytes[MOST_PAID], operation: uint8) -> bool: nonpayable
    def isOwner(account: address) -> bool: view


# The same function, for longer calldata: Vyper clears as much memory as there may be.
interface SafeAtLength:
    def execTransactionFromModule(to: address, amount: uint256, data: Bytes[mandate.MOST_DATA], operation: uint8) -> bool: nonpayable


struct State:
    operator: address
    guardian: address
    paused: bool
    nonce: uint256
    # Time of the last rebalance; 0 before the first.
    last: uint256
    # In PPM, one for each asset.
    targets: DynArray[uint256, mandate.MOST_ASSETS]
    # What is left of each allowance at this moment: shares at 1e18.
    loss_left: uint256
    turnover_left: uint256
    step_left: uint256


# In dollars at 1e18, and in PPM; all rounded down.
struct Portfolio:
    nav: uint256
    weights: DynArray[uint256, mandate.MOST_ASSETS]
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
    # Of a route without a checker: see swap_router.vy. With one: where its calldata lies in `data`, start << 16 | length.
    path: uint256


struct Meters:
    paused: bool
    nonce: uint256
    last: uint256
    loss: uint256
    turnover: uint256


event Rebalanced:
    nonce: indexed(uint256)
    # Of each asset price << 128 | balance, as this rebalance left it.
    books: DynArray[uint256, mandate.MOST_ASSETS]
    nav_before: uint256
    nav_after: uint256
    # What this rebalance took of the meters, and what is left of them: shares at 1e18.
    loss: uint256
    turnover: uint256
    loss_left: uint256
    turnover_left: uint256


event TargetsSet:
    by: indexed(address)
    targets: DynArray[uint256, mandate.MOST_ASSETS]


event OperatorSet:
    operator: indexed(address)


event GuardianSet:
    guardian: indexed(address)


event PausedSet:
    by: indexed(address)
    paused: bool


MOST_SWAPS: constant(uint256) = 8
# approve or transfer: a selector and two words.
MOST_PAID: constant(uint256) = 68

# Prices, balances and the wallet's worth are no more than HALF, which is asserted where they are read, and shares are less
# than 2**20: so the product of any two of them fits, and is not checked again where it says `unsafe`. A value of a balance
# that is not the wallet's yet may be larger, and is still the product of two halves.
HALF: constant(uint256) = mandate.HALF
PPM: constant(uint256) = mandate.PPM
ONE: constant(uint256) = 10**18
# A share of PPM as a share of ONE.
WIDER: constant(uint256) = 10**12
# What a meter, and the time, have room for in `_meters`.
MOST_METER: constant(uint256) = 2**64 - 1

# Of a CALL, never a DELEGATECALL, with no ether.
CALL: constant(uint8) = 0
NOTHING: constant(uint256) = 0

# Who may rebalance; nobody where it is zero. A hot key, and therefore nothing but that.
_operator: address
# Who may stop everything and start nothing; nobody where it is zero.
_guardian: address
# All that a rebalance changes, in one slot: paused 1 bit, nonce 63, last 64, loss 64, turnover 64, from the top.
_meters: uint256
# The weights to hold, in PPM, SHARE_BITS each, the first asset lowest.
_targets: uint256
# What the operator has moved the targets by, leaking, at 1e18, and when it last did.
_stepped: uint256
_stepped_at: uint256


@deploy
def __init__(
    safe: address,
    operator: address,
    guardian: address,
    assets: DynArray[mandate.Asset, mandate.MOST_ASSETS + 1],
    targets: DynArray[uint256, mandate.MOST_ASSETS + 1],
    hubs: DynArray[address, mandate.MOST_HUBS],
    routes: DynArray[mandate.Route, mandate.MOST_ROUTES],
    limits: mandate.Limits,
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
    mandate.__init__(safe, assets, hubs, routes, limits)
    # Every feed answers now, with a price that would be believed.
    found: books.Books = books._read(0)
    self._set_operator(operator)
    self._set_guardian(guardian)
    self._set_targets(targets)


# ------------------------------------------------------------------ the operator


@external
@nonreentrant
def rebalance(swaps: DynArray[Swap, MOST_SWAPS], data: Bytes[mandate.MOST_DATA], deadline: uint256, expected_nonce: uint256):
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
    before: books.Books = books._read(self._targets)
    coins: uint256 = mandate.SAFE.balance
    # Every swap is looked at before any is made; then they are made; then everything that they may have done is looked at.
    least: DynArray[uint256, mandate.MOST_ASSETS] = []
    traded: uint256 = 0
    least, traded = self._check_swaps(swaps, before)
    for swap: Swap in swaps:
        token_in: address = mandate.ASSETS[swap.token_in].token
        token_out: address = mandate.ASSETS[swap.token_out].token
        route: mandate.Route = mandate.ROUTES[swap.route]
        if route.checker == empty(address):
            # Paid in advance: the router swaps what it holds, and never has an allowance.
            paid: Bytes[MOST_PAID] = abi_encode(route.router, swap.amount_in, method_id=method_id("transfer(address,uint256)"))
            assert extcall Safe(mandate.SAFE).execTransactionFromModule(token_in, NOTHING, paid, CALL), "RebalanceModule: payment"
            built: Bytes[swap_router.MOST_BUILT] = swap_router._built_call(swap.path, token_in, token_out, swap.min_out)
            swapped: bool = raw_call(route.router, built, revert_on_failure=False)
            assert swapped, "RebalanceModule: execution"
        else:
            # Exactly the amount, in place of any allowance that there was, and nothing afterwards.
            checked: Bytes[mandate.MOST_DATA] = self._checked_call(swap, data, token_in, token_out)
            self._approve(token_in, route.router, swap.amount_in)
            assert extcall SafeAtLength(mandate.SAFE).execTransactionFromModule(route.router, NOTHING, checked, CALL), "RebalanceModule: execution"
            # Most routers take all that they may, and then it is zero already.
            if staticcall mandate.Token(token_in).allowance(mandate.SAFE, route.router) > 0:
                self._approve(token_in, route.router, 0)
                assert staticcall mandate.Token(token_in).allowance(mandate.SAFE, route.router) == 0, "RebalanceModule: allowance_left"
    assert mandate.SAFE.balance >= coins, "RebalanceModule: ether"
    self._settle(meters, before, least, traded)


@external
def set_targets(targets: DynArray[uint256, mandate.MOST_ASSETS]):
    """
    @notice New weights, each between the owners' least and most. The Safe may move them at will, the operator only
            as far as `target_step` allows.
    @param targets In PPM, one for each asset, summing to PPM
    """
    if msg.sender != mandate.SAFE:
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
def preview(swaps: DynArray[Swap, MOST_SWAPS], data: Bytes[mandate.MOST_DATA], deadline: uint256, expected_nonce: uint256) -> bool:
    """
    @notice True, or reverts with the first rule that refuses these swaps before any is made. What can only be told
            by making them is asked by an `eth_call` of `rebalance`.
    """
    self._check_start(self._meters, deadline, expected_nonce)
    least: DynArray[uint256, mandate.MOST_ASSETS] = []
    traded: uint256 = 0
    least, traded = self._check_swaps(swaps, books._read(self._targets))
    for swap: Swap in swaps:
        token_in: address = mandate.ASSETS[swap.token_in].token
        token_out: address = mandate.ASSETS[swap.token_out].token
        if mandate.ROUTES[swap.route].checker == empty(address):
            built: Bytes[swap_router.MOST_BUILT] = swap_router._built_call(swap.path, token_in, token_out, swap.min_out)
        else:
            checked: Bytes[mandate.MOST_DATA] = self._checked_call(swap, data, token_in, token_out)
    return True


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
        loss_left=self._left(meters.loss, mandate.LIMITS.max_loss, meters.last),
        turnover_left=self._left(meters.turnover, mandate.LIMITS.max_turnover, meters.last),
        step_left=self._left(self._stepped, mandate.LIMITS.target_step, self._stepped_at),
    )


@external
@view
def portfolio() -> Portfolio:
    """
    @notice What the wallet is worth at oracle prices, its weights, and what may still be lost and traded.
    @dev To look at. Between two swaps of a batch it is what the wallet is then, so it is nobody's oracle.
    """
    meters: Meters = self._unpack(self._meters)
    found: books.Books = books._read(self._targets)
    weights: DynArray[uint256, mandate.MOST_ASSETS] = []
    apart: uint256 = 0
    for i: uint256 in range(len(mandate.ASSETS), bound=mandate.MOST_ASSETS):
        worth: uint256 = books._value(found.pairs[i], mandate.ASSETS[i].unit)
        weights.append(worth * PPM // found.worth)
        apart += self._distance(worth, self._goal(found.targets, i, found.worth))
    return Portfolio(
        nav=found.worth,
        weights=weights,
        drift=apart * PPM // found.worth,
        loss_left=found.worth * self._left(meters.loss, mandate.LIMITS.max_loss, meters.last) // ONE,
        turnover_left=found.worth * self._left(meters.turnover, mandate.LIMITS.max_turnover, meters.last) // ONE,
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
    pairs: DynArray[uint256, mandate.MOST_ASSETS] = books._read(self._targets).pairs
    sold: uint256 = self._div_up(amount_in * (pairs[token_in] >> 128), mandate.ASSETS[token_in].unit)
    return self._floor(sold, pairs[token_out] >> 128, mandate.ASSETS[token_out].unit)


# ------------------------------------------------------------------ before anything moves


@internal
@view
def _only_safe():
    assert msg.sender == mandate.SAFE, "RebalanceModule: only_safe"


@internal
@view
def _only_guardian_or_safe():
    assert msg.sender == self._guardian or msg.sender == mandate.SAFE, "RebalanceModule: only_guardian"


@internal
@view
def _check_start(meters: uint256, deadline: uint256, expected_nonce: uint256):
    assert meters >> 255 == 0, "RebalanceModule: paused"
    assert block.timestamp <= deadline, "RebalanceModule: deadline"
    assert expected_nonce == meters >> 192, "RebalanceModule: nonce"
    assert block.timestamp >= ((meters >> 128) & MOST_METER) + mandate.LIMITS.cooldown, "RebalanceModule: cooldown"


# ------------------------------------------------------------------ the swaps


@internal
@view
def _check_swaps(swaps: DynArray[Swap, MOST_SWAPS], before: books.Books) -> (DynArray[uint256, mandate.MOST_ASSETS], uint256):
    # The least that there must be of each token afterwards (in the form of Books.pairs), and the value of all that is
    # sold, rounded up. Each swap is looked at as if the ones before it had taken all of their amount and brought their
    # minimum.
    assert len(swaps) > 0, "RebalanceModule: swaps"
    least: DynArray[uint256, mandate.MOST_ASSETS] = before.pairs
    worth: uint256 = before.worth
    targets: uint256 = before.targets
    slack: uint256 = unsafe_div(unsafe_mul(worth, mandate.LIMITS.tolerance), PPM)
    most: uint256 = unsafe_div(unsafe_mul(worth, mandate.LIMITS.max_trade), PPM)
    traded: uint256 = 0
    for swap: Swap in swaps:
        i: uint256 = swap.token_in
        j: uint256 = swap.token_out
        assert swap.route < len(mandate.ROUTES), "RebalanceModule: route"
        assert i < len(least) and j < len(least) and i != j, "RebalanceModule: tokens"
        unit_in: uint256 = mandate.ASSETS[i].unit
        unit_out: uint256 = mandate.ASSETS[j].unit
        pair_in: uint256 = least[i]
        pair_out: uint256 = least[j]
        sold: uint256 = self._div_up(swap.amount_in * (pair_in >> 128), unit_in)
        assert sold >= mandate.LIMITS.min_trade, "RebalanceModule: min_trade"
        assert sold <= most, "RebalanceModule: max_trade"
        # Neither token passes its target, so that no swap is licensed by the one before it.
        goal_in: uint256 = self._goal(targets, i, worth)
        goal_out: uint256 = self._goal(targets, j, worth)
        value_in: uint256 = books._value(pair_in, unit_in)
        value_out: uint256 = books._value(pair_out, unit_out)
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
    return self._div_up(self._div_up(sold * unsafe_sub(PPM, mandate.LIMITS.max_shortfall), PPM) * unit, price)


@internal
@view
def _checked_call(swap: Swap, data: Bytes[mandate.MOST_DATA], token_in: address, token_out: address) -> Bytes[mandate.MOST_DATA]:
    start: uint256 = swap.path >> 16
    length: uint256 = swap.path & (2**16 - 1)
    assert start <= len(data) and length <= len(data) - start, "RebalanceModule: call"
    call: Bytes[mandate.MOST_DATA] = slice(data, start, length)
    # It reverts with a reason of its own.
    checker: mandate.RouteCheck = mandate.RouteCheck(mandate.ROUTES[swap.route].checker)
    accepted: bool = staticcall checker.check(call, mandate.SAFE, token_in, token_out, swap.amount_in, swap.min_out)
    assert accepted, "RebalanceModule: call"
    return call


@internal
def _approve(token: address, spender: address, amount: uint256):
    data: Bytes[68] = abi_encode(spender, amount, method_id=method_id("approve(address,uint256)"))
    # What it returns is not asked: where an approval was not made, an old one does not let the router take more than
    # `balances` allows, and one that stays is seen.
    assert extcall Safe(mandate.SAFE).execTransactionFromModule(token, NOTHING, data, CALL), "RebalanceModule: approve"


# ------------------------------------------------------------------ after all swaps


@internal
def _settle(meters: uint256, before: books.Books, least: DynArray[uint256, mandate.MOST_ASSETS], traded: uint256):
    targets: uint256 = before.targets
    old_worth: uint256 = before.worth
    worth: uint256 = old_worth
    # The sums of all distances from the targets, in dollars, of what changed.
    apart: uint256 = 0
    closer: uint256 = 0
    pairs: DynArray[uint256, mandate.MOST_ASSETS] = before.pairs
    i: uint256 = 0
    for asset: mandate.Listing in mandate.ASSETS:
        balance: uint256 = staticcall mandate.Token(asset.token).balanceOf(mandate.SAFE)
        assert balance >= least[i] & HALF, "RebalanceModule: balances"
        pair: uint256 = pairs[i]
        if balance != pair & HALF:
            assert balance <= HALF, "RebalanceModule: too_large"
            price: uint256 = pair >> 128
            pairs[i] = price << 128 | balance
            was: uint256 = unsafe_div(unsafe_mul(pair & HALF, price), asset.unit)
            now: uint256 = unsafe_div(unsafe_mul(balance, price), asset.unit)
            worth = unsafe_sub(worth, was) + now
            goal: uint256 = self._goal(targets, i, old_worth)
            # Each is less than 2**236 (`range` multiplies it, checked), so twelve of them fit.
            apart = unsafe_add(apart, self._distance(was, goal))
            closer = unsafe_add(closer, self._distance(now, goal))
            # What a price has already carried over the edge may stay there until it is brought back.
            if now > was:
                assert now * PPM <= old_worth * (asset.terms >> mandate.MOST_BIT), "RebalanceModule: range"
            else:
                assert now * PPM >= old_worth * ((asset.terms >> mandate.LEAST_BIT) & mandate.SHARE), "RebalanceModule: range"
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
    loss: uint256 = self._leaked((meters >> 64) & MOST_METER, mandate.LIMITS.max_loss, last) + lost
    turnover: uint256 = self._leaked(meters & MOST_METER, mandate.LIMITS.max_turnover, last) + turned
    loss_left: uint256 = mandate.LIMITS.max_loss * WIDER
    turnover_left: uint256 = mandate.LIMITS.max_turnover * WIDER
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
    return level - min(level, unsafe_div(share * WIDER * unsafe_sub(block.timestamp, since), mandate.LIMITS.window))


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
    return unsafe_div(unsafe_mul(worth, (targets >> unsafe_mul(mandate.SHARE_BITS, asset)) & mandate.SHARE), PPM)


@internal
@pure
def _target(targets: uint256, asset: uint256) -> uint256:
    return (targets >> unsafe_mul(mandate.SHARE_BITS, asset)) & mandate.SHARE


@internal
@view
def _unpacked_targets() -> DynArray[uint256, mandate.MOST_ASSETS]:
    word: uint256 = self._targets
    targets: DynArray[uint256, mandate.MOST_ASSETS] = []
    for i: uint256 in range(len(mandate.ASSETS), bound=mandate.MOST_ASSETS):
        targets.append(self._target(word, i))
    return targets


@internal
def _set_targets(targets: DynArray[uint256, mandate.MOST_ASSETS + 1]):
    assert len(targets) == len(mandate.ASSETS), "RebalanceModule: targets_count"
    total: uint256 = 0
    word: uint256 = 0
    for i: uint256 in range(len(targets), bound=mandate.MOST_ASSETS):
        terms: uint256 = mandate.ASSETS[i].terms
        assert targets[i] >= (terms >> mandate.LEAST_BIT) & mandate.SHARE and targets[i] <= terms >> mandate.MOST_BIT, "RebalanceModule: targets_range"
        total += targets[i]
        word |= targets[i] << (mandate.SHARE_BITS * i)
    assert total == PPM, "RebalanceModule: targets_sum"
    self._targets = word
    log TargetsSet(by=msg.sender, targets=self._unpacked_targets())


@internal
def _charge_step(targets: DynArray[uint256, mandate.MOST_ASSETS]):
    old: uint256 = self._targets
    moved: uint256 = 0
    for i: uint256 in range(len(targets), bound=mandate.MOST_ASSETS):
        moved += self._distance(targets[i], self._target(old, i))
    stepped: uint256 = self._leaked(self._stepped, mandate.LIMITS.target_step, self._stepped_at) + self._div_up(moved, 2) * WIDER
    assert stepped <= mandate.LIMITS.target_step * WIDER, "RebalanceModule: target_step"
    self._stepped = stepped
    self._stepped_at = block.timestamp


@internal
def _set_operator(operator: address):
    # Neither of the other two roles, and no owner: a hot key that signs for the Safe could do without this module.
    assert operator != mandate.SAFE and not staticcall Safe(mandate.SAFE).isOwner(operator), "RebalanceModule: operator_is_owner"
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
