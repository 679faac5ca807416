# pragma version 0.4.3
"""
@title Lens on a Uniswap V3 pool
@notice Never deployed: a read puts this code in the place of a pool's own (`eth_call` with a state
        override), where it reads the pool's storage straight. A tick costs one cold slot that way,
        2,100 gas, where the pool's own getter reads four. The storage is laid out as in v3-core 1.0.1;
        a pool whose address follows from the canonical factory and init code hash has no other.
"""


interface Factory:
    def getPool(a: address, b: address, fee: uint24) -> address: view
    def feeAmountTickSpacing(fee: uint24) -> int24: view


# slot0, liquidity, ticks and tickBitmap of UniswapV3Pool.
SLOT0: constant(uint256) = 0
LIQUIDITY: constant(uint256) = 4
TICKS: constant(uint256) = 5
BITMAP: constant(uint256) = 6

MAX_TICK: constant(int256) = 887272
LOWER_128: constant(uint256) = 2**128 - 1

# Ticks in one bitmap word.
WORD: constant(uint256) = 256

# Most words in one call of `words`, so that all their ticks fit.
MOST_WORDS: constant(uint256) = 4
MOST_TICKS: constant(uint256) = 1024

# Most rings in one call of `around`, and the most that `enough` may ask for: the current word, and on
# each side fewer than so many and one full word more, fit into MOST_TICKS.
MOST_RINGS: constant(int256) = 16
MOST_ENOUGH: constant(uint256) = 128


struct Key:
    factory: address
    a: address
    b: address
    fee: uint24


struct State:
    sqrt_price: uint256
    tick: int256
    liquidity: uint256
    spacing: int256
    # The bitmap words that were read, both inclusive.
    low: int256
    high: int256


# The pool's whole storage, by slot number.
slots: uint256[max_value(uint256)]


@external
@view
def around(key: Key, reach: int256, enough: uint256) -> (State, DynArray[uint256, MOST_TICKS]):
    """
    @notice The word of the current tick, then its neighbours, one ring after another.
    @param reach Most words to each side
    @param enough A side ends after the word with which its ticks come to so many
    @return The pool's state, and its initialised ticks: liquidityNet in the upper 128 bits, the index
            in the lower 128, both signed; not sorted
    """
    assert reach <= MOST_RINGS, "PoolLens: reach too long"
    assert enough <= MOST_ENOUGH, "PoolLens: enough too high"
    state: State = self._state(key)
    first: int256 = -(MAX_TICK // state.spacing) >> 8
    last: int256 = (MAX_TICK // state.spacing) >> 8
    word: int256 = self._compressed(state.tick, state.spacing) >> 8
    state.low = word
    state.high = word
    ticks: DynArray[uint256, MOST_TICKS] = []
    below: uint256 = 0
    found: DynArray[uint256, WORD] = self._ticks(word, state.spacing)
    for packed: uint256 in found:
        ticks.append(packed)
        if self._index(packed) <= state.tick:
            below += 1
    above: uint256 = len(ticks) - below
    for ring: int256 in range(1, MOST_RINGS + 1):
        if ring > reach:
            break
        if above < enough and word + ring <= last:
            state.high = word + ring
            found = self._ticks(state.high, state.spacing)
            above += len(found)
            for packed: uint256 in found:
                ticks.append(packed)
        if below < enough and word - ring >= first:
            state.low = word - ring
            found = self._ticks(state.low, state.spacing)
            below += len(found)
            for packed: uint256 in found:
                ticks.append(packed)
    return state, ticks


@external
@view
def words(key: Key, low: int256, high: int256) -> (State, DynArray[uint256, MOST_TICKS]):
    """
    @notice The words `low` to `high`, both inclusive.
    @return As `around`
    """
    assert low <= high, "PoolLens: no words"
    assert convert(high - low, uint256) < MOST_WORDS, "PoolLens: too many words"
    state: State = self._state(key)
    state.low = low
    state.high = high
    ticks: DynArray[uint256, MOST_TICKS] = []
    for i: uint256 in range(MOST_WORDS):
        word: int256 = low + convert(i, int256)
        if word > high:
            break
        found: DynArray[uint256, WORD] = self._ticks(word, state.spacing)
        for packed: uint256 in found:
            ticks.append(packed)
    return state, ticks


@internal
@view
def _state(key: Key) -> State:
    # This code stands at the address whether a pool is there or not: only the factory knows.
    assert staticcall Factory(key.factory).getPool(key.a, key.b, key.fee) == self, "PoolLens: no pool"
    slot0: uint256 = self.slots[SLOT0]
    sqrt_price: uint256 = slot0 & (2**160 - 1)
    assert sqrt_price != 0, "PoolLens: no price"
    return State(
        sqrt_price=sqrt_price,
        tick=self._signed(slot0 >> 160, 24),
        liquidity=self.slots[LIQUIDITY] & LOWER_128,
        spacing=convert(staticcall Factory(key.factory).feeAmountTickSpacing(key.fee), int256),
        low=0,
        high=0,
    )


@internal
@view
def _ticks(word: int256, spacing: int256) -> DynArray[uint256, WORD]:
    found: DynArray[uint256, WORD] = []
    bits: uint256 = self.slots[self._slot_of(word, BITMAP)]
    if bits == 0:
        return found
    for i: uint256 in range(WORD):
        if (bits >> i) & 1 == 1:
            tick: int256 = (word * 256 + convert(i, int256)) * spacing
            # The first slot of a tick: liquidityGross below, liquidityNet above.
            net: uint256 = self.slots[self._slot_of(tick, TICKS)] & ~LOWER_128
            found.append(net | (self._unsigned(tick) & LOWER_128))
    return found


@internal
@pure
def _slot_of(key: int256, mapping: uint256) -> uint256:
    # Where Solidity keeps mapping[key].
    return convert(keccak256(abi_encode(key, mapping)), uint256)


@internal
@pure
def _compressed(tick: int256, spacing: int256) -> int256:
    # Division here rounds towards zero, the bitmap's towards minus infinity.
    if tick < 0 and tick % spacing != 0:
        return tick // spacing - 1
    return tick // spacing


@internal
@pure
def _index(packed: uint256) -> int256:
    return self._signed(packed, 128)


@internal
@pure
def _signed(raw: uint256, bits: uint256) -> int256:
    # The lowest `bits` bits as a signed number.
    spare: uint256 = 256 - bits
    return convert(convert(raw << spare, bytes32), int256) >> spare


@internal
@pure
def _unsigned(number: int256) -> uint256:
    return convert(convert(number, bytes32), uint256)
