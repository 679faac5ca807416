"""Whether the block that something landed in is still the chain's: one request to one node, and no receipt."""

from __future__ import annotations

import pytest
from given_doubtful_nodes import AGE, Json, Make, aged, mined, on
from given_unmined import only_the_safe, receipt_of
from given_wallet import Desk, an_intent_of

from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.fake import FakeWallet, in_another_block, landed
from rebalancer.core.errors import ConfigError, Halt, Unavailable
from rebalancer.core.model import FAR_BEHIND, Landed, Receipt, Simulated


@pytest.fixture
def receipt(desk: Desk) -> Receipt:
    """Of a batch that landed one block below the newest."""
    return receipt_of(desk, mined(desk))


def stands(desk: Desk, receipt: Receipt, last_block: int = 0) -> bool:
    return desk.wallet.stands(receipt.block, receipt.block_hash, last_block)


def without_receipts(call: Json, answer: Json) -> Json:
    return {**answer, "result": None} if call["method"] == "eth_getTransactionReceipt" else answer


def test_stands__the_block_is_where_it_was__is_true_in_one_request_to_a_node_without_receipts(
    desk: Desk, receipt: Receipt, nodes: Make
) -> None:
    pruned, other = nodes(), nodes()
    pruned.change = without_receipts
    rpc = Rpc([pruned.url, other.url], 1)
    assert stands(desk.on(rpc, AGE, quorum=2), receipt, receipt.block + 1) is True
    assert rpc.requests == 1


def test_stands__the_block_was_replaced__is_false(desk: Desk, receipt: Receipt) -> None:
    desk.replica.rpc.call("anvil_reorg", 2, [])
    desk.replica.mine()
    assert stands(desk, receipt, receipt.block + 1) is False


@only_the_safe
def test_stands__the_hash_in_other_letters__is_the_same(desk: Desk, receipt: Receipt) -> None:
    assert desk.wallet.stands(receipt.block, "0x" + receipt.block_hash[2:].upper(), 0)


@only_the_safe
def test_stands__a_block_that_the_chain_has_not_come_to__is_not_one_that_was(desk: Desk, receipt: Receipt) -> None:
    above = receipt.block + 2
    assert desk.wallet.stands(above, receipt.block_hash, receipt.block) is False
    with pytest.raises(Unavailable, match=f"at block {above - 1}, behind block {above} that was read before"):
        desk.wallet.stands(above, receipt.block_hash, above)
    with pytest.raises(Halt, match="that block never was"):
        desk.wallet.stands(above, receipt.block_hash, above + FAR_BEHIND)


@only_the_safe
def test_stands__the_node_lacks_a_block_below_its_newest__is_unavailable(
    desk: Desk, receipt: Receipt, nodes: Make
) -> None:
    node = nodes()

    def lacking(call: Json, answer: Json) -> Json:
        asked = call["method"] == "eth_getBlockByNumber" and call["params"][0] != "latest"
        return {**answer, "result": None} if asked else answer

    node.change = lacking
    with pytest.raises(Unavailable, match=f"has no block {receipt.block}, and says that its newest is"):
        stands(on(desk, node), receipt)


@only_the_safe
@pytest.mark.parametrize(
    ("change", "said"),
    [({"number": "0x1"}, "asked for block [0-9]+, was given block 1;"), ({"hash": None}, "comes without hash")],
)
def test_stands__the_node_gives_something_else__is_unavailable(
    desk: Desk, receipt: Receipt, nodes: Make, change: Json, said: str
) -> None:
    node = nodes()

    def other(call: Json, answer: Json) -> Json:
        if call["method"] != "eth_getBlockByNumber" or call["params"][0] == "latest":
            return answer
        changed = {name: value for name, value in (answer["result"] | change).items() if value is not None}
        return {**answer, "result": changed}

    node.change = other
    with pytest.raises(Unavailable, match=said):
        stands(on(desk, node), receipt)


@only_the_safe
def test_stands__a_node_that_stands_still__is_not_believed_and_the_next_is_asked(
    desk: Desk, receipt: Receipt, nodes: Make
) -> None:
    still, awake = nodes(), nodes()
    still.change = aged(-AGE - 60)
    assert stands(on(desk, still, awake), receipt)
    with pytest.raises(Unavailable, match="s old, expected at most 120 s"):
        stands(on(desk, still), receipt)


@only_the_safe
def test_stands__a_node_of_another_chain__is_a_config_error(desk: Desk, receipt: Receipt, nodes: Make) -> None:
    node = nodes()
    node.change = lambda call, answer: {**answer, "result": "0x5"} if call["method"] == "eth_chainId" else answer
    with pytest.raises(ConfigError, match="chain id 5, expected 1"):
        stands(on(desk, node), receipt)


# ---------------------------------------------------------------- the fake


@only_the_safe
def test_fake__reorganised__stands_again_once_it_lands_in_the_same_block(desk: Desk) -> None:
    wallet, snapshot = FakeWallet(), desk.reader.read()
    batch = wallet.build((), snapshot, 1)
    simulation = wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    intent = an_intent_of(batch, simulation, snapshot, wallet.commit(batch, simulation, snapshot))
    wallet.execute(intent)
    landing = wallet.land(intent, 0, 0)
    assert isinstance(landing, Landed)
    place = (landing.receipt.block, landing.receipt.block_hash)
    assert wallet.stands(*place, 7) and wallet.checked == [(place[0], 7)]
    for play, standing in ((in_another_block, False), (landed, True)):
        wallet.reorganise(play)
        assert not wallet.stands(*place, 0)
        wallet.land(intent, 0, 0)
        assert wallet.stands(*place, 0) is standing
