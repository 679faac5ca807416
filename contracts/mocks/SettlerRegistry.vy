# pragma version 0.4.3
"""
@title 0x's registry of its Settlers, for the replica
@notice Says which contract is the one in use for a feature, and which was before it, as 0x's Deployer does. Anyone may
        set them: a development chain only.
"""

# By feature: 2 is what a taker submits himself.
_owners: HashMap[uint256, address]
_previous: HashMap[uint256, address]


@external
def set_settlers(feature: uint256, now: address, before: address):
    """
    @param now None: the feature is paused
    @param before None: there was none
    """
    self._owners[feature] = now
    self._previous[feature] = before


@external
@view
def ownerOf(feature: uint256) -> address:
    assert self._owners[feature] != empty(address), "ERC721NonexistentToken"
    return self._owners[feature]


@external
@view
def prev(feature: uint128) -> address:
    assert self._previous[convert(feature, uint256)] != empty(address), "NoInstance"
    return self._previous[convert(feature, uint256)]
