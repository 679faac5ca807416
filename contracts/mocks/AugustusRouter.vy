# pragma version 0.4.3
"""
@title Velora's Augustus v6.2, as far as it sells
@notice The real one's calls and its order of things: the executor gets the tokens and the calldata, what this contract
        then holds is compared with the minimum, a partner's fee and what is above the quoted amount are taken, and the
        receiver gets the rest but for one base unit. The surplus and every fee stay here: a development chain only.
"""

from ethereum.ercs import IERC20


struct Generic:
    token_in: address
    token_out: address
    amount_in: uint256
    least: uint256
    quoted: uint256
    metadata: bytes32
    receiver: address


struct UniswapV3:
    token_in: address
    token_out: address
    amount_in: uint256
    least: uint256
    quoted: uint256
    metadata: bytes32
    receiver: address
    pools: Bytes[96]


struct ExactInputSingle:
    token_in: address
    token_out: address
    fee: uint24
    receiver: address
    amount_in: uint256
    min_out: uint256
    price_limit: uint160


interface SwapRouter02:
    def exactInputSingle(swap: ExactInputSingle) -> uint256: payable


# The real one swaps on pools itself; here the replica's router does it.
SWAP_ROUTER: constant(address) = 0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45
MOST_DATA: constant(uint256) = 4096
MOST_PERMIT: constant(uint256) = 512

# Of the word that names a partner: his share in bp, and whether the surplus is capped at 1 % of the quoted amount.
FEE_MASK: constant(uint256) = 16383
CAPPED: constant(uint256) = 1 << 92
PARTNER_SHIFT: constant(uint256) = 96
BPS: constant(uint256) = 10_000
CAP: constant(uint256) = 100
# What it does not call a surplus yet.
EPSILON: constant(uint256) = 11
DUST: constant(uint256) = 1


@external
@payable
def swapExactAmountIn(
    executor: address,
    swap: Generic,
    partner_and_fee: uint256,
    permit: Bytes[MOST_PERMIT],
    executor_data: Bytes[MOST_DATA],
) -> (uint256, uint256, uint256):
    assert swap.least > 0, "AugustusRouter: InvalidToAmount"
    self._pull(swap.token_in, executor, swap.amount_in)
    raw_call(executor, executor_data)
    return self._pay(swap, partner_and_fee, DUST)


@external
@payable
def swapExactAmountInOnUniswapV3(
    uni: UniswapV3, partner_and_fee: uint256, permit: Bytes[MOST_PERMIT]
) -> (uint256, uint256, uint256):
    assert uni.least > 0, "AugustusRouter: InvalidToAmount"
    self._pull(uni.token_in, self, uni.amount_in)
    # One pool only: two tokens, of which the highest bit of the first word says nothing here, and the fee.
    fee: uint24 = convert(convert(slice(uni.pools, 64, 32), uint256), uint24)
    assert extcall IERC20(uni.token_in).approve(SWAP_ROUTER, uni.amount_in, default_return_value=True)
    extcall SwapRouter02(SWAP_ROUTER).exactInputSingle(
        ExactInputSingle(
            token_in=uni.token_in,
            token_out=uni.token_out,
            fee=fee,
            receiver=self,
            amount_in=uni.amount_in,
            min_out=0,
            price_limit=0,
        )
    )
    swap: Generic = Generic(
        token_in=uni.token_in,
        token_out=uni.token_out,
        amount_in=uni.amount_in,
        least=uni.least,
        quoted=uni.quoted,
        metadata=uni.metadata,
        receiver=uni.receiver,
    )
    return self._pay(swap, partner_and_fee, 0)


@internal
def _pull(token: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(msg.sender, receiver, amount, default_return_value=True)


@internal
def _pay(swap: Generic, partner_and_fee: uint256, dust: uint256) -> (uint256, uint256, uint256):
    # The minimum is met before anything is taken, as in the real one.
    received: uint256 = staticcall IERC20(swap.token_out).balanceOf(self)
    assert received >= swap.least, "AugustusRouter: InsufficientReturnAmount"
    surplus: uint256 = 0
    if received > swap.quoted + EPSILON:
        surplus = received - swap.quoted
        if partner_and_fee & CAPPED != 0:
            surplus = min(surplus, swap.quoted * CAP // BPS)
    taken: uint256 = surplus
    if partner_and_fee >> PARTNER_SHIFT != 0:
        taken = min(received, swap.quoted + surplus) * (partner_and_fee & FEE_MASK) // BPS
    receiver: address = swap.receiver if swap.receiver != empty(address) else msg.sender
    paid: uint256 = received - taken - dust
    assert extcall IERC20(swap.token_out).transfer(receiver, paid, default_return_value=True)
    return paid, taken, 0
