# pragma version 0.4.3
# pragma optimize gas
"""
@title RouteCheck
@license MIT
@notice Says whether calldata that the operator brings for one function of one router may be sent by the Safe. One
        contract for each such function, listed in a RebalanceModule's policy; it holds nothing and can do nothing,
        so any number of modules may share it.
@dev    Fields are told by their byte offset and not by an ABI decoder: the words that say where a dynamic field
        starts are to be pinned as constants too, so that an encoding of another form cannot move the fields.
        Every refusal is "RouteCheck: field".
@custom:kill Not needed: it has no state. A module that lists it is paused or disabled.
"""


struct Check:
    # One of the kinds below.
    kind: uint256
    # Where the field starts in the calldata, in bytes, the selector included, and how long it is. It is read as a
    # big-endian integer.
    offset: uint256
    size: uint256
    # What it must be, for IS_CONSTANT only.
    pinned: uint256


MOST_CHECKS: constant(uint256) = 10
MOST_DATA: constant(uint256) = 4096

IS_SAFE: constant(uint256) = 1
IS_TOKEN_IN: constant(uint256) = 2
IS_TOKEN_OUT: constant(uint256) = 3
IS_AMOUNT_IN: constant(uint256) = 4
AT_LEAST_MIN_OUT: constant(uint256) = 5
IS_CONSTANT: constant(uint256) = 6
# One bit for each kind that the operator could profit from, were it left out.
ALL_KINDS: constant(uint256) = 1 << IS_SAFE | 1 << IS_TOKEN_IN | 1 << IS_TOKEN_OUT | 1 << IS_AMOUNT_IN | 1 << AT_LEAST_MIN_OUT

# The function.
SELECTOR: public(immutable(bytes4))
# Bytes of the whole calldata; 0 for any, where the function has a field of no fixed length.
LENGTH: public(immutable(uint256))
CHECKS: immutable(DynArray[Check, MOST_CHECKS])


@deploy
def __init__(selector: bytes4, length: uint256, checks: DynArray[Check, MOST_CHECKS]):
    """
    @param selector Of the function
    @param length Bytes of its whole calldata; 0 for any
    @param checks Every one must hold
    """
    assert length == 0 or (length >= 4 and length <= MOST_DATA), "RouteCheck: length"
    for check: Check in checks:
        assert check.kind >= IS_SAFE and check.kind <= IS_CONSTANT, "RouteCheck: kind"
        assert check.size >= 1 and check.size <= 32, "RouteCheck: size"
        assert check.offset >= 4 and check.offset + check.size <= MOST_DATA, "RouteCheck: offset"
        assert check.kind == IS_CONSTANT or check.pinned == 0, "RouteCheck: pinned"
    SELECTOR = selector
    LENGTH = length
    CHECKS = checks


@external
@view
def check(data: Bytes[MOST_DATA], safe: address, token_in: address, token_out: address, amount_in: uint256, min_out: uint256) -> bool:
    """
    @notice True, or reverts with the first field that is not as it must be.
    @param data The whole calldata
    @param safe Who must receive
    @param token_in The token that is sold
    @param token_out The token that is bought
    @param amount_in Base units that are sold
    @param min_out The least that must arrive
    """
    assert len(data) >= 4 and (LENGTH == 0 or len(data) == LENGTH), "RouteCheck: length"
    assert convert(slice(data, 0, 4), bytes4) == SELECTOR, "RouteCheck: selector"
    padded: Bytes[MOST_DATA + 32] = concat(data, empty(bytes32))
    for i: uint256 in range(len(CHECKS), bound=MOST_CHECKS):
        one: Check = CHECKS[i]
        assert one.offset + one.size <= len(data), "RouteCheck: length"
        found: uint256 = extract32(padded, one.offset, output_type=uint256) >> (256 - 8 * one.size)
        if one.kind == IS_SAFE:
            assert found == convert(safe, uint256), "RouteCheck: receiver"
        elif one.kind == IS_TOKEN_IN:
            assert found == convert(token_in, uint256), "RouteCheck: token_in"
        elif one.kind == IS_TOKEN_OUT:
            assert found == convert(token_out, uint256), "RouteCheck: token_out"
        elif one.kind == IS_AMOUNT_IN:
            assert found == amount_in, "RouteCheck: amount_in"
        elif one.kind == AT_LEAST_MIN_OUT:
            assert found >= min_out, "RouteCheck: min_out"
        else:
            assert found == one.pinned, "RouteCheck: constant"
    return True


@external
@view
def checks() -> DynArray[Check, MOST_CHECKS]:
    """@notice All that is checked besides the selector and the length."""
    return CHECKS


@external
@view
def is_opaque() -> bool:
    """
    @notice Whether it leaves the receiver, a token, the amount or the router's own minimum unchecked. Then the calldata
            may do what the router can do with an old allowance, and only a module's walls on value hold.
    """
    seen: uint256 = 0
    for i: uint256 in range(len(CHECKS), bound=MOST_CHECKS):
        seen |= 1 << CHECKS[i].kind
    return seen & ALL_KINDS != ALL_KINDS
