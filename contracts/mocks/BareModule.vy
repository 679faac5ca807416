# pragma version 0.4.3
# pragma optimize gas
"""
@title A rebalance and nothing else
@notice Measures what the reads and calls of a rebalance cost by themselves: RebalanceModule's entry, its calls of
        feeds, tokens and Safe in the same order with the same data, its slots, and an event of the words of its own
        but for the books. It checks nothing and anyone may call it: whoever does moves all that its Safe holds. A
        development chain only.
"""


interface Safe:
    def execTransactionFromModule(to: address, amount: uint256, data: Bytes[MOST_CALL], operation: uint8) -> bool: nonpayable


interface Token:
    def balanceOf(account: address) -> uint256: view


# The last word is left unread.
interface Feed:
    def latestRoundData() -> Round: view


struct Round:
    round_id: uint256
    answer: uint256
    started_at: uint256
    updated_at: uint256


struct Asset:
    token: address
    feed: address


struct Swap:
    route: uint256
    token_in: uint256
    token_out: uint256
    amount_in: uint256
    min_out: uint256
    path: uint256


# As many words as the module's, the books left out. All that was read is in them, so that no read can be left out.
event Rebalanced:
    nonce: indexed(uint256)
    before: uint256
    after: uint256
    coins: uint256
    operator: uint256
    targets: uint256
    deadline: uint256


MOST_ASSETS: constant(uint256) = 12
MOST_SWAPS: constant(uint256) = 8
# As the module takes it; no calldata for routes with a checker is used here.
MOST_DATA: constant(uint256) = 4096
# transfer: a selector and two words.
MOST_CALL: constant(uint256) = 68

CALL: constant(uint8) = 0
NOTHING: constant(uint256) = 0

SAFE: immutable(address)
ROUTER: immutable(address)
ASSETS: immutable(DynArray[Asset, MOST_ASSETS])

_operator: address
_meters: uint256
_targets: uint256


@deploy
def __init__(
    safe: address,
    operator: address,
    router: address,
    targets: uint256,
    tokens: DynArray[address, MOST_ASSETS],
    feeds: DynArray[address, MOST_ASSETS],
):
    """
    @param safe The wallet, which enables this module afterwards
    @param operator Kept and read, but not asked
    @param router Uniswap's SwapRouter02
    @param targets Any word but zero
    @param tokens The portfolio
    @param feeds The feed of each token
    """
    SAFE = safe
    ROUTER = router
    assets: DynArray[Asset, MOST_ASSETS] = []
    for i: uint256 in range(len(tokens), bound=MOST_ASSETS):
        assets.append(Asset(token=tokens[i], feed=feeds[i]))
    ASSETS = assets
    self._operator = operator
    self._targets = targets


@external
def rebalance(swaps: DynArray[Swap, MOST_SWAPS], data: Bytes[MOST_DATA], deadline: uint256, expected_nonce: uint256):
    """
    @notice Makes the swaps, whatever they are.
    @param swaps Each through one V3 pool
    @param data Unused
    @param deadline Not asked
    @param expected_nonce Unused
    """
    operator: address = self._operator
    meters: uint256 = self._meters
    before: uint256 = 0
    for asset: Asset in ASSETS:
        round: Round = staticcall Feed(asset.feed).latestRoundData()
        before = unsafe_add(before, unsafe_add(round.answer, round.updated_at))
        before = unsafe_add(before, staticcall Token(asset.token).balanceOf(SAFE))
    coins: uint256 = SAFE.balance
    targets: uint256 = self._targets
    for swap: Swap in swaps:
        token_in: address = ASSETS[swap.token_in].token
        extcall Safe(SAFE).execTransactionFromModule(
            token_in, NOTHING, abi_encode(ROUTER, swap.amount_in, method_id=method_id("transfer(address,uint256)")), CALL
        )
        raw_call(
            ROUTER,
            abi_encode(
                token_in,
                ASSETS[swap.token_out].token,
                swap.path >> 16,
                SAFE,
                # As the router writes all that it holds.
                NOTHING,
                swap.min_out,
                NOTHING,
                method_id=method_id("exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"),
            ),
        )
    coins = unsafe_add(coins, SAFE.balance)
    after: uint256 = 0
    for asset: Asset in ASSETS:
        after = unsafe_add(after, staticcall Token(asset.token).balanceOf(SAFE))
    self._meters = unsafe_add(meters, 1 << 192) >> 192 << 192 | block.timestamp << 128
    log Rebalanced(
        nonce=meters >> 192,
        before=before,
        after=after,
        coins=coins,
        operator=convert(operator, uint256),
        targets=targets,
        deadline=deadline,
    )
