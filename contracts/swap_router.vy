# pragma version 0.4.3
"""
@title swap_router
@license MIT
@notice Calls of Uniswap's SwapRouter02 for swaps that were paid in advance: the Safe receives, and the router swaps all
        that it holds of the token.
"""

from . import mandate

uses: mandate


# exactInput takes these as one tuple.
struct ExactInput:
    path: Bytes[MOST_PATH]
    recipient: address
    amount_in: uint256
    min_out: uint256


MOST_BUILT: constant(uint256) = 292
# Four addresses and the three fees between them.
MOST_PATH: constant(uint256) = 89
# What the router takes for all that it holds (Constants.CONTRACT_BALANCE).
ALL_OF_IT: constant(uint256) = 0
ANY_PRICE: constant(uint256) = 0

V2: constant(uint256) = 2
V3: constant(uint256) = 3
# The lowest 16 bits of a V3 path of one hop.
ONE_HOP: constant(uint256) = 1 << 8 | V3
MOST_FEE: constant(uint256) = 2**24 - 1
# In a path, the places of hubs that are no assets start here.
FIRST_HUB: constant(uint256) = 16


@internal
@view
def _built_call(path: uint256, token_in: address, token_out: address, min_out: uint256) -> Bytes[MOST_BUILT]:
    # A path is one word: from the lowest bit 8 bits V2 or V3, 8 bits hops, and for each hop 24 bits fee and 8 bits the
    # place of the hub that it ends in: an asset's, or from FIRST_HUB on a hub's. All else is zero, so that a path has
    # one form.
    # The usual one, through one V3 pool. A word that is nearly this has bits that must be zero, and ends below.
    if path >> 40 == 0 and path & (2**16 - 1) == ONE_HOP:
        return abi_encode(
            token_in,
            token_out,
            path >> 16,
            mandate.SAFE,
            ALL_OF_IT,
            min_out,
            ANY_PRICE,
            method_id=method_id("exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"),
        )
    kind: uint256 = path & 255
    hops: uint256 = (path >> 8) & 255
    fees: uint256 = path >> 16
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
            ALL_OF_IT,
            min_out,
            tokens,
            mandate.SAFE,
            method_id=method_id("swapExactTokensForTokens(uint256,uint256,address[],address)"),
        )
    packed: Bytes[MOST_PATH] = concat(
        convert(tokens[0], bytes20), convert(first, bytes3), convert(tokens[1], bytes20), convert(second, bytes3), convert(tokens[2], bytes20)
    )
    if hops == 3:
        packed = concat(
            convert(tokens[0], bytes20),
            convert(first, bytes3),
            convert(tokens[1], bytes20),
            convert(second, bytes3),
            convert(tokens[2], bytes20),
            convert(third, bytes3),
            convert(tokens[3], bytes20),
        )
    return abi_encode(
        ExactInput(path=packed, recipient=mandate.SAFE, amount_in=ALL_OF_IT, min_out=min_out),
        method_id=method_id("exactInput((bytes,address,uint256,uint256))"),
    )


@internal
@view
def _hub(place: uint256) -> address:
    assert place < len(mandate.ASSETS) or (place >= FIRST_HUB and place - FIRST_HUB < len(mandate.HUBS)), "RebalanceModule: hub"
    if place < FIRST_HUB:
        return mandate.ASSETS[place].token
    return mandate.HUBS[place - FIRST_HUB]
