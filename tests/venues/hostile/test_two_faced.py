"""A venue that does in the chain another thing than in a simulation: it costs one batch, and then rests for a day."""

from __future__ import annotations

from given_venue_server import VenueServer
from given_venue_stage import EXECUTORS, Stage

from rebalancer.core.model import FINAL_BLOCKS

VENUE = "one_inch"
HONEST = "0x00000000000000000000000000000000000040e5"
"""Where its executor's code goes."""
# GASPRICE, where there is none go on, else revert; then all is the executor's: calldata copied, delegated, returned.
TWO_FACED = (
    "3a15600857"
    + "5f5ffd"
    + "".join(("5b3660005f37", "5f5f365f73", HONEST[2:], "5af4", "3d5f5f3e", "603357", "3d5ffd", "5b3d5ff3"))
)


def _reverts_where_gas_has_a_price(stage: Stage) -> None:
    rpc, at = stage.replica.rpc, EXECUTORS[VENUE]
    rpc.call("anvil_setCode", HONEST, rpc.call("eth_getCode", at, "latest"))
    rpc.call("anvil_setCode", at, "0x" + TWO_FACED)


def test_tick__asking_a_venue_that_reverts_outside_of_simulations__fails_once_and_goes_by_the_own_router(
    stage: Stage,
) -> None:
    with VenueServer(stage.server_of(VENUE)) as server:
        stage.asks({VENUE: server})
        _reverts_where_gas_has_a_price(stage)
        first = stage.ticks()
        assert first.done.json["outcome"] == "failed", first.done.said
        assert first.quoted == (VENUE,) and first.done.json["detail"].endswith(f"(through {VENUE})")
        stage.replica.mine(FINAL_BLOCKS + 1)
        second = stage.ticks()
        assert second.done.json["outcome"] == "settled", second.done.said
    whys = [why for venue, why in second.answers[len(first.answers) :] if venue == VENUE]
    assert whys and all(why is not None and why.startswith("rests for a day: its batch 0x") for why in whys)
    assert "uniswap" in second.quoted and stage.keeper.sent() == 2
