"""What a node says of a batch that was mined: nothing is taken for settled that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from given_ledger import USDC, WETH
from given_strange_nodes import BACKER, HEAD, INTENT, LATE, MINED, SAFE, a_lander, a_receipt, a_transfer, node_with

from rebalancer.adapters.chain.codec import uint_word
from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT, TRANSFER_EVENT
from rebalancer.adapters.wallets.fake import OPERATOR
from rebalancer.adapters.wallets.module_abi import REBALANCE, REBALANCED_EVENT
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Call, Landed, Waiting
from rebalancer.units import Address, Amount


def test_land__status_one_without_the_safes_word__is_a_failure() -> None:
    landing = a_lander(node_with(a_receipt(logs=[]))).land(INTENT, 0, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.reason == f"mined, but the Safe {SAFE} does not report ExecutionSuccess"


def test_land__the_word_of_another_safe__is_a_failure() -> None:
    other = {"address": BACKER, "topics": [EXECUTION_SUCCESS_EVENT], "data": "0x"}
    landing = a_lander(node_with(a_receipt(logs=[other]))).land(INTENT, 0, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.reason is not None


def test_land__transfers_in_and_out__are_summed_by_token() -> None:
    logs = [
        *a_receipt()["logs"],
        a_transfer(USDC.address, SAFE, BACKER, 700),
        a_transfer(USDC.address, SAFE, BACKER, 300),
        a_transfer(USDC.address, BACKER, SAFE, 1),
        a_transfer(WETH.address, BACKER, SAFE, 5),
        a_transfer(WETH.address, SAFE, SAFE, 50),
        a_transfer(WETH.address, BACKER, OPERATOR, 500),
        a_transfer(BACKER, BACKER, SAFE, 5_000),
        {"address": WETH.address, "topics": [TRANSFER_EVENT], "data": "0x"},
        {"address": WETH.address, "topics": [], "data": "0x"},
    ]
    landing = a_lander(node_with(a_receipt(logs=logs))).land(INTENT, 0, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.changes == (Amount(USDC, -999), Amount(WETH, 5))


def test_land__of_an_intent_sent_to_another_wallet_than_the_configured_one__counts_that_wallets_changes() -> None:
    safe = Address("0x" + "7" * 40)
    sent = INTENT.commitment
    call = replace(sent.transaction.call, to=safe)
    intent = replace(INTENT, commitment=replace(sent, transaction=replace(sent.transaction, call=call)))
    success = {"address": safe, "topics": [EXECUTION_SUCCESS_EVENT, "0x00"], "data": "0x"}
    logs = [success, a_transfer(WETH.address, BACKER, safe, 5), a_transfer(WETH.address, BACKER, SAFE, 70)]
    landing = a_lander(node_with(a_receipt(logs=logs))).land(intent, 0, 0)
    assert isinstance(landing, Landed)
    assert (landing.receipt.reason, landing.receipt.changes[1]) == (None, Amount(WETH, 5))


@pytest.mark.parametrize("block", [None, {**MINED, "hash": "0x0c"}], ids=["no block", "another block"])
def test_land__in_a_block_that_is_being_replaced__waits(block: Any) -> None:
    landing = a_lander(node_with(a_receipt(), block)).land(INTENT, 0, 0)
    assert landing == Waiting("block 1008, in which it was mined, is being replaced", mined=True)


@pytest.mark.parametrize(
    "name", ["transactionHash", "blockNumber", "blockHash", "status", "gasUsed", "effectiveGasPrice", "logs"]
)
def test_land__with_half_a_receipt__is_unavailable(name: str) -> None:
    with pytest.raises(Unavailable, match=name):
        a_lander(node_with(a_receipt(**{name: None}))).land(INTENT, 0, 0)


def test_land__with_the_receipt_of_another_transaction__is_unavailable() -> None:
    with pytest.raises(Unavailable, match="given another one"):
        a_lander(node_with(a_receipt(transactionHash="0x" + "0d" * 32))).land(INTENT, 0, 0)


def test_land__reverted_where_the_node_cannot_say_why__is_a_failure_all_the_same() -> None:
    rpc = node_with(a_receipt(status="0x0", logs=[]))
    landing = a_lander(rpc, Unavailable("node.example: missing trie node")).land(INTENT, 0, 0)
    assert isinstance(landing, Landed)
    expected = "mined and reverted with 21000 of 500000 gas: why is not known: node.example: missing trie node"
    assert landing.receipt.reason == expected


def held(*raw: int) -> list[str]:
    """The wallet's balance before the block, and after it."""
    return ["0x" + uint_word(each).hex() for each in raw]


@pytest.mark.parametrize("lie", [{"status": "0x0"}, {"logs": []}], ids=["reverted", "no events"])
def test_land__failed_with_all_that_it_sells_gone_in_its_block__is_unavailable(lie: dict[str, Any]) -> None:
    rpc = node_with(a_receipt(**lie)).with_answers(eth_call=held(3 * 10**9, 2 * 10**9))
    with pytest.raises(Unavailable, match="exactly the 1000000000 base units of USDC are gone that it sells"):
        a_lander(rpc).land(INTENT, 0, 0)


@pytest.mark.parametrize("after", [3 * 10**9, 2 * 10**9 + 1, 2 * 10**9 - 1, 9 * 10**9])
def test_land__failed_with_another_balance_around_its_block__is_a_failure(after: int) -> None:
    rpc = node_with(a_receipt(status="0x0")).with_answers(eth_call=held(3 * 10**9, after))
    landing = a_lander(rpc).land(INTENT, 0, 0)
    assert isinstance(landing, Landed) and landing.receipt.reason is not None


def test_land__failed_of_a_batch_that_buys_what_it_sells__is_a_failure() -> None:
    (trade,) = INTENT.trades
    back = replace(trade, sell=Amount(trade.buy, 7), buy=trade.sell.token, floor=Amount(trade.sell.token, 1))
    rpc = node_with(a_receipt(status="0x0")).with_answers(eth_call=held(3 * 10**9, 2 * 10**9))
    landing = a_lander(rpc).land(replace(INTENT, trades=(trade, back)), 0, 0)
    assert isinstance(landing, Landed) and landing.receipt.reason is not None


def test_land__a_receipt_that_comes_late__is_waited_for() -> None:
    rpc = node_with([None, None, a_receipt()], count="0x7")
    rpc.answers["eth_getBlockByNumber"] = [HEAD, HEAD, HEAD, MINED]
    landing = a_lander(rpc).land(INTENT, 5, 0)
    assert isinstance(landing, Landed)


@pytest.mark.parametrize("receipt", [None, a_receipt()], ids=["unknown", "mined"])
def test_land__on_a_node_of_another_chain__is_a_config_error(receipt: Any) -> None:
    rpc = node_with(receipt, count="0x0")
    rpc.answers |= {"eth_chainId": "0x2105", "eth_getBlockByNumber": LATE}
    with pytest.raises(ConfigError, match="chain id 8453, expected 1"):
        a_lander(rpc).land(INTENT, 0, 0)


def _of_a_module(topics: list[str], speaker: Address = SAFE) -> Landed:
    """What becomes of a module's batch that was mined with status 1, and one event."""
    call = Call(SAFE, REBALANCE + bytes(128))
    signed = replace(INTENT.commitment, transaction=replace(INTENT.commitment.transaction, call=call))
    receipt = a_receipt(logs=[{"address": speaker, "topics": topics, "data": "0x"}])
    landing = a_lander(node_with(receipt)).land(replace(INTENT, commitment=signed), 0, 0)
    assert isinstance(landing, Landed), landing
    return landing


def test_land__of_a_modules_batch__is_told_by_the_modules_event_alone() -> None:
    assert _of_a_module([REBALANCED_EVENT, "0x07"]).receipt.reason is None
    for strange in (_of_a_module([EXECUTION_SUCCESS_EVENT]), _of_a_module([REBALANCED_EVENT], BACKER)):
        assert strange.receipt.reason == f"mined, but the module {SAFE} does not report Rebalanced"
