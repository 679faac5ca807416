# pragma version 0.4.3
"""
@title Chainlink aggregator for the replica
@notice Stands behind a real EACAggregatorProxy and answers what the proxy asks. Anyone may set its
        rounds: a development chain only. While it is `live`, the newest round counts as written in
        the current block, so that a long-lived replica does not go stale.
"""


event AnswerUpdated:
    current: indexed(int256)
    round_id: indexed(uint256)
    updated_at: uint256


event NewRound:
    round_id: indexed(uint256)
    started_by: indexed(address)
    started_at: uint256


decimals: public(immutable(uint8))
description: public(immutable(String[32]))
version: public(constant(uint256)) = 4

# Seconds between the observations of a round and their writing, as with Chainlink: startedAt is not updatedAt.
ROUND_TAKES: constant(uint256) = 12

# A round is one word, as in the real aggregator, so that a reading costs the same: time above, answer below.
ANSWER_BITS: constant(uint256) = 192

# Whether the newest round's time follows the block's time.
live: public(bool)

# The newest round; the first is 1.
latestRound: public(uint256)

# Every round since the start, by its number: updated_at << 192 | answer (two's complement).
rounds: HashMap[uint256, uint256]


@deploy
def __init__(description_: String[32], decimals_: uint8, answer: int256):
    description = description_
    decimals = decimals_
    self.live = True
    self._write(answer, block.timestamp)


@external
def set_answer(answer: int256):
    """
    @notice A new round, written now. A live feed stays live.
    """
    self._write(answer, block.timestamp)


@external
def set_round(answer: int256, updated_at: uint256):
    """
    @notice A new round with a time of the caller's choice, which stays as it is: the feed is no
            longer live.
    """
    self.live = False
    self._write(answer, updated_at)


@external
def set_live(live: bool):
    self.live = live


@external
@view
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    return self._round_data(convert(self.latestRound, uint80))


@external
@view
def getRoundData(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    return self._round_data(round_id)


@external
@view
def latestAnswer() -> int256:
    return self._answer(self.rounds[self.latestRound])


@external
@view
def latestTimestamp() -> uint256:
    return self._updated_at(self.latestRound, self.rounds[self.latestRound])


@external
@view
def getAnswer(round_id: uint256) -> int256:
    return self._answer(self.rounds[round_id])


@external
@view
def getTimestamp(round_id: uint256) -> uint256:
    return self._updated_at(round_id, self.rounds[round_id])


@internal
def _write(answer: int256, updated_at: uint256):
    assert updated_at < 2**64, "MockAggregator: time beyond 64 bits"
    assert answer >= -(2**191) and answer < 2**191, "MockAggregator: answer beyond 192 bits"
    round_id: uint256 = self.latestRound + 1
    self.latestRound = round_id
    low: uint256 = convert(convert(answer, bytes32), uint256) & (2**ANSWER_BITS - 1)
    self.rounds[round_id] = updated_at << ANSWER_BITS | low
    log NewRound(round_id=round_id, started_by=msg.sender, started_at=self._started_at(updated_at))
    log AnswerUpdated(current=answer, round_id=round_id, updated_at=updated_at)


@internal
@view
def _updated_at(round_id: uint256, word: uint256) -> uint256:
    if self.live and round_id == self.latestRound:
        return block.timestamp
    return word >> ANSWER_BITS


@internal
@pure
def _started_at(updated_at: uint256) -> uint256:
    # Not before time began: a test may set any time.
    return updated_at - min(updated_at, ROUND_TAKES)


@internal
@pure
def _answer(word: uint256) -> int256:
    low: uint256 = word & (2**ANSWER_BITS - 1)
    if low < 2**(ANSWER_BITS - 1):
        return convert(low, int256)
    return -convert(2**ANSWER_BITS - low, int256)


@internal
@view
def _round_data(round_id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    word: uint256 = self.rounds[convert(round_id, uint256)]
    # The real aggregator's own reason for a round that was never written.
    assert word != 0, "No data present"
    updated_at: uint256 = self._updated_at(convert(round_id, uint256), word)
    return round_id, self._answer(word), self._started_at(updated_at), updated_at, round_id
