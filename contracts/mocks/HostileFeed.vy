# pragma version 0.4.3
"""
@title A price feed, or a sequencer's, that says what it is told
@notice Every field of latestRoundData can be set, and so can the way in which it does not answer. Starts
        live: written in the current block. As a sequencer's feed: 0 decimals, answer 0 (up) or 1 (down),
        and startedAt is the time of the last change. Anyone may set it: a development chain only.
"""


struct Round:
    round_id: uint80
    answer: int256
    started_at: uint256
    updated_at: uint256
    answered_in: uint80


# Ways to answer latestRoundData.
ANSWERS: constant(uint256) = 0
REVERTS: constant(uint256) = 1
EATS_GAS: constant(uint256) = 2
SILENT: constant(uint256) = 3

decimals: public(uint8)
_round: Round
# Whether updatedAt is the current block's time, whatever the round says.
_live: bool
_manner: uint256
# Gas to burn before an answer.
_burnt: uint256


@deploy
def __init__(decimals_: uint8, answer: int256, started_at: uint256):
    self.decimals = decimals_
    self._round = Round(round_id=1, answer=answer, started_at=started_at, updated_at=started_at, answered_in=1)
    self._live = True


@external
def set_answer(answer: int256):
    """
    @notice Another answer. Times and liveness stay.
    """
    self._round.answer = answer


@external
def set_round(round_id: uint80, answer: int256, started_at: uint256, updated_at: uint256, answered_in: uint80):
    """
    @notice A round that stays as it is: the feed is no longer live.
    """
    self._live = False
    self._round = Round(
        round_id=round_id, answer=answer, started_at=started_at, updated_at=updated_at, answered_in=answered_in
    )


@external
def set_decimals(decimals_: uint8):
    self.decimals = decimals_


@external
def set_manner(manner: uint256):
    """
    @param manner 0 answers, 1 reverts, 2 eats all gas, 3 returns nothing
    """
    assert manner <= SILENT, "HostileFeed: manner"
    self._manner = manner


@external
def set_burnt(amount: uint256):
    """
    @notice Burn about `amount` of gas before each answer.
    """
    self._burnt = amount


@external
@view
@raw_return
def latestRoundData() -> Bytes[160]:
    assert self._manner != REVERTS, "HostileFeed: no answer"
    if self._manner == EATS_GAS:
        # Unlike a revert, it takes all the gas that it was given.
        raise UNREACHABLE
    if self._manner == SILENT:
        return b""
    burnt: uint256 = self._burnt
    start: uint256 = msg.gas
    for i: uint256 in range(1_000_000):
        if start - msg.gas >= burnt:
            break
    round: Round = self._round
    if self._live:
        round.updated_at = block.timestamp
    return abi_encode(round)
