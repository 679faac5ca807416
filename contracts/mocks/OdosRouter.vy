# pragma version 0.4.3
"""
@title Odos Router V3, as far as a swap of tokens goes
@notice The two functions that swap, with the selectors, the structs, the checks and the order of the real router: it
        pulls what is sold, has the executor swap it, measures what has arrived, takes the referral's fee of that, keeps
        what is above the quote, insists on the minimum and pays the receiver, zero being the caller. The path is ours,
        not Odos's: calls of SwapRouter02, one for each token that is sold. Compact calldata, permits, hooks and coin
        have no part here. A development chain only.
"""

from ethereum.ercs import IERC20

MOST_TOKENS: constant(uint256) = 6
MOST_DATA: constant(uint256) = 2048
MOST_PATH: constant(uint256) = 16384
FEE_DENOM: constant(uint256) = 10**18


struct TokenInfo:
    inputToken: address
    inputAmount: uint256
    inputReceiver: address
    outputToken: address
    outputQuote: uint256
    outputMin: uint256
    outputReceiver: address


struct Input:
    tokenAddress: address
    amountIn: uint256
    receiver: address


struct Output:
    tokenAddress: address
    amountQuote: uint256
    amountMin: uint256
    receiver: address


struct Referral:
    code: uint64
    fee: uint64
    feeRecipient: address


struct Leg:
    token: address
    router: address
    data: Bytes[MOST_DATA]


interface Executor:
    def execute(token: address, router: address, data: Bytes[MOST_DATA]): nonpayable


@external
@payable
def swap(info: TokenInfo, path: Bytes[MOST_PATH], executor: address, referral: Referral) -> uint256:
    """
    @notice One token for another.
    """
    assert msg.value == 0, "Wrong msg.value"
    sold: Input = Input(tokenAddress=info.inputToken, amountIn=info.inputAmount, receiver=info.inputReceiver)
    bought: Output = Output(
        tokenAddress=info.outputToken,
        amountQuote=info.outputQuote,
        amountMin=info.outputMin,
        receiver=info.outputReceiver,
    )
    return self._swap([sold], [bought], path, executor, referral)[0]


@external
@payable
def swapMulti(
    inputs: DynArray[Input, MOST_TOKENS],
    outputs: DynArray[Output, MOST_TOKENS],
    path: Bytes[MOST_PATH],
    executor: address,
    referral: Referral,
) -> DynArray[uint256, MOST_TOKENS]:
    """
    @notice Any number of tokens for any number of others, at once.
    """
    assert msg.value == 0, "Wrong msg.value"
    return self._swap(inputs, outputs, path, executor, referral)


@internal
def _swap(
    inputs: DynArray[Input, MOST_TOKENS],
    outputs: DynArray[Output, MOST_TOKENS],
    path: Bytes[MOST_PATH],
    executor: address,
    referral: Referral,
) -> DynArray[uint256, MOST_TOKENS]:
    for sold: Input in inputs:
        raw: uint256 = sold.amountIn
        if raw == 0:
            # The whole balance, as the real router has it.
            raw = staticcall IERC20(sold.tokenAddress).balanceOf(msg.sender)
        assert extcall IERC20(sold.tokenAddress).transferFrom(
            msg.sender, sold.receiver, raw, default_return_value=True
        )
        for bought: Output in outputs:
            assert sold.tokenAddress != bought.tokenAddress, "Arbitrage not supported"
    before: DynArray[uint256, MOST_TOKENS] = []
    for bought: Output in outputs:
        assert bought.amountMin <= bought.amountQuote, "Minimum greater than quote"
        assert bought.amountMin > 0, "Minimum output is zero"
        before.append(staticcall IERC20(bought.tokenAddress).balanceOf(self))
    legs: DynArray[Leg, MOST_TOKENS] = abi_decode(path, DynArray[Leg, MOST_TOKENS])
    for leg: Leg in legs:
        extcall Executor(executor).execute(leg.token, leg.router, leg.data)
    paid: DynArray[uint256, MOST_TOKENS] = []
    for i: uint256 in range(len(outputs), bound=MOST_TOKENS):
        held: uint256 = staticcall IERC20(outputs[i].tokenAddress).balanceOf(self)
        paid.append(self._pay(outputs[i], held - before[i], referral))
    return paid


@internal
def _pay(bought: Output, arrived: uint256, referral: Referral) -> uint256:
    raw: uint256 = arrived
    if referral.fee > 0:
        assert referral.feeRecipient != empty(address), "Null fee recipient"
        assert convert(referral.fee, uint256) <= FEE_DENOM // 50, "Fee too high"
        fee: uint256 = raw * convert(referral.fee, uint256) // FEE_DENOM
        # Four fifths go to the referrer, the rest stays here.
        assert extcall IERC20(bought.tokenAddress).transfer(
            referral.feeRecipient, fee * 8 // 10, default_return_value=True
        )
        raw -= fee
    raw = min(raw, bought.amountQuote)
    assert raw >= bought.amountMin, "Slippage Limit Exceeded"
    receiver: address = bought.receiver if bought.receiver != empty(address) else msg.sender
    assert extcall IERC20(bought.tokenAddress).transfer(receiver, raw, default_return_value=True)
    return raw
