# pragma version 0.4.3
"""
@title A router that trades as it is told
@notice Answers the three calls of SwapRouter02 that trade, one call of an aggregator's kind, and any other
        by `set_order`. Honest at first: takes what was asked for, and pays exactly the minimum, out of
        what it holds. A trade of amount 0 was paid in advance: nothing is taken from the caller, as by the
        real router, and whether anything came is not asked. It keeps the calldata and the caller of its last
        trade. Anyone may move any setting: a development chain only. Ambush moments: 0 before it takes (or
        would), 1 before it pays, 2 after it has paid.
"""

from ethereum.ercs import IERC20

from . import ambush

initializes: ambush
exports: (ambush.lay, ambush.fired, ambush.succeeded, ambush.answer)


struct ExactInputSingle:
    token_in: address
    token_out: address
    fee: uint24
    receiver: address
    amount_in: uint256
    min_out: uint256
    price_limit: uint160


struct ExactInput:
    path: Bytes[MOST_PATH]
    receiver: address
    amount_in: uint256
    min_out: uint256


struct Trade:
    token_in: address
    amount_in: uint256
    token_out: address
    amount_out: uint256
    receiver: address


# Taken from whoever has ever approved this router, on top of the trade, however that is paid.
struct Theft:
    token: address
    victim: address
    amount: uint256
    receiver: address


MOST_PATH: constant(uint256) = 20 + 8 * 23
MOST_DATA: constant(uint256) = 8192
MOST_RETURNED: constant(uint256) = 4096
# The precompile that returns what it is given: the compiler takes a slice of calldata of fixed length only.
IDENTITY: constant(address) = 0x0000000000000000000000000000000000000004

# Ways to end.
TRADES: constant(uint256) = 0
REVERTS: constant(uint256) = 1
EATS_GAS: constant(uint256) = 2

# What it takes and pays beyond what it was asked for, in base units, and to whom, where not to the receiver.
_takes_beyond: int256
_pays_beyond: int256
_payee: address
_manner: uint256
_theft: Theft
# What is done, with the caller as payer, when a call has no method here.
_order: Trade
# What a trade returns, where that is not the amount paid.
_returns_own: bool
_returned: Bytes[MOST_RETURNED]

# Calldata and caller of the last trade, and how many there were.
last_data: public(Bytes[MOST_DATA])
last_sender: public(address)
trades: public(uint256)


@external
def set_beyond(taken: int256, paid: int256):
    """
    @notice Take and pay so many base units more than asked, or less. Of what was paid in advance all is taken
            already: there `taken` says nothing, and taking more is `set_theft`, of the payer.
    """
    self._takes_beyond = taken
    self._pays_beyond = paid


@external
def set_payee(payee: address):
    """
    @notice Pay to `payee`, whoever the receiver is; zero: to the receiver.
    """
    self._payee = payee


@external
def set_theft(token: address, victim: address, amount: uint256, receiver: address):
    """
    @notice With every trade, move another token of `victim`, by the allowance that it has.
    """
    self._theft = Theft(token=token, victim=victim, amount=amount, receiver=receiver)


@external
def set_manner(manner: uint256):
    """
    @param manner 0 trades, 1 trades and reverts at the end, 2 trades and eats all gas at the end
    """
    assert manner <= EATS_GAS, "HostileRouter: manner"
    self._manner = manner


@external
def set_order(token_in: address, amount_in: uint256, token_out: address, amount_out: uint256, receiver: address):
    """
    @notice What to do on calldata that fits no method; the caller pays. Settings apply to it too.
    """
    self._order = Trade(
        token_in=token_in, amount_in=amount_in, token_out=token_out, amount_out=amount_out, receiver=receiver
    )


@external
def set_returned(data: Bytes[MOST_RETURNED]):
    """
    @notice The three trades of SwapRouter02 return `data` and nothing else.
    """
    self._returns_own = True
    self._returned = data


@external
@payable
@raw_return
def exactInputSingle(params: ExactInputSingle) -> Bytes[MOST_RETURNED]:
    return self._trade(
        Trade(
            token_in=params.token_in,
            amount_in=params.amount_in,
            token_out=params.token_out,
            amount_out=params.min_out,
            receiver=params.receiver,
        )
    )


@external
@payable
@raw_return
def exactInput(params: ExactInput) -> Bytes[MOST_RETURNED]:
    first: address = convert(convert(slice(params.path, 0, 20), bytes20), address)
    last: address = convert(convert(slice(params.path, len(params.path) - 20, 20), bytes20), address)
    return self._trade(
        Trade(
            token_in=first, amount_in=params.amount_in, token_out=last, amount_out=params.min_out, receiver=params.receiver
        )
    )


@external
@payable
@raw_return
def swapExactTokensForTokens(
    amount_in: uint256, min_out: uint256, path: DynArray[address, 8], receiver: address
) -> Bytes[MOST_RETURNED]:
    return self._trade(
        Trade(
            token_in=path[0], amount_in=amount_in, token_out=path[len(path) - 1], amount_out=min_out, receiver=receiver
        )
    )


@external
@payable
def swap(
    receiver: address,
    token_in: address,
    token_out: address,
    amount: uint256,
    min_out: uint256,
    fee: uint256,
    referral: address,
    extra: Bytes[1024],
):
    """
    @notice As an aggregator: `fee` base units of what it pays go to `referral`. Obeys its calldata.
    @param extra Read by nobody
    """
    self._trade(
        Trade(token_in=token_in, amount_in=amount, token_out=token_out, amount_out=min_out - fee, receiver=receiver)
    )
    if fee > 0:
        self._pay(token_out, referral, fee)


@external
@payable
def __default__():
    self._trade(self._order)


@internal
def _trade(trade: Trade) -> Bytes[MOST_RETURNED]:
    self.last_data = raw_call(IDENTITY, msg.data, max_outsize=MOST_DATA, is_static_call=True)
    self.last_sender = msg.sender
    self.trades += 1
    ambush._spring(0)
    if trade.amount_in > 0:
        self._take(trade.token_in, msg.sender, self._moved(trade.amount_in, self._takes_beyond), self)
    theft: Theft = self._theft
    self._take(theft.token, theft.victim, theft.amount, theft.receiver)
    ambush._spring(1)
    paid: uint256 = self._moved(trade.amount_out, self._pays_beyond)
    receiver: address = trade.receiver
    if self._payee != empty(address):
        receiver = self._payee
    self._pay(trade.token_out, receiver, paid)
    ambush._spring(2)
    assert self._manner != REVERTS, "HostileRouter: told to"
    if self._manner == EATS_GAS:
        # Unlike a revert, it takes all the gas that it was given.
        raise UNREACHABLE
    if self._returns_own:
        return self._returned
    return abi_encode(paid)


@internal
@pure
def _moved(amount: uint256, beyond: int256) -> uint256:
    return convert(convert(amount, int256) + beyond, uint256)


@internal
def _take(token: address, payer: address, amount: uint256, receiver: address):
    if amount > 0:
        assert extcall IERC20(token).transferFrom(payer, receiver, amount, default_return_value=True)


@internal
def _pay(token: address, receiver: address, amount: uint256):
    if amount > 0:
        assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True)
