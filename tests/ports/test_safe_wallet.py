"""The Safe wallet against a real Safe and real pools: what is simulated is what happens, to the wei."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from given_wallet import DAI, LIMITS, ROUTER, TOKENS, USDC, USDT, WBTC, WETH, Desk, a_desk, a_trade, dearer

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.abi import calls_of_batch
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.core.cost import fees_for
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.model import Batch, Call, Landed, Reverted, Simulated, Snapshot, Trade
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

DOLLARS = 200_000
NODES = ("with eth_simulateV1", "without")


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner) -> Desk:
    """A Safe of the operator alone, that holds some of everything."""
    return a_desk(replica, _filled(replica, replica.create_safe([signer.address])), signer)


def _filled(replica: Replica, safe: Address) -> Address:
    for token, whole in ((WETH, 100), (WBTC, 5), (USDC, DOLLARS), (USDT, DOLLARS), (DAI, DOLLARS)):
        replica.deal(token.symbol, safe, whole * 10**token.decimals)
    replica.deal("ETH", safe, 10**18)  # so that it can be made to act by itself, as if its owners had signed
    return safe


def _on(desk: Desk, node: str) -> Desk:
    return desk if node == NODES[0] else desk.on_an_older_node()


def _trades(desk: Desk) -> tuple[Trade, ...]:
    return (
        a_trade(desk, "USDT", 50_000 * 10**6, "WETH"),
        a_trade(desk, "USDT", 30_000 * 10**6, "WBTC"),
        a_trade(desk, "DAI", 20_000 * 10**18, "WETH"),
    )


def _batch(desk: Desk, trades: tuple[Trade, ...], seconds: int = 600) -> tuple[Batch, Snapshot]:
    snapshot = desk.reader.read()
    deadline = snapshot.block.timestamp + seconds
    return desk.wallet.build(desk.quotes(trades, snapshot, deadline), snapshot, deadline), snapshot


def _balances(desk: Desk) -> dict[str, int]:
    return {token.symbol: desk.replica.balance(token.symbol, desk.wallet.address) for token in TOKENS}


def _allowance(desk: Desk, token: str) -> int:
    where = desk.replica.token(token).address
    return int(desk.replica.read(where, "allowance(address,address)", desk.wallet.address, ROUTER)[0])


def _approve(desk: Desk, token: str, raw: int) -> None:
    where = desk.replica.token(token).address
    desk.replica.transact(desk.wallet.address, where, "approve(address,uint256)", ROUTER, raw)


def test_batch__of_three_swaps__changes_what_was_simulated_to_the_wei(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    before = _balances(desk)
    intent = desk.intent(_trades(desk))
    desk.wallet.execute(intent)
    landing = desk.wallet.land(intent, 5, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.reason is None
    after = _balances(desk)
    assert {c.token.symbol: c.raw for c in simulation.changes} == {s: after[s] - before[s] for s in after}
    assert landing.receipt.changes == simulation.changes
    assert [c.raw for c in simulation.changes if c.token in (USDT, DAI)] == [-80_000 * 10**6, -20_000 * 10**18]
    assert landing.receipt.gas_used == simulation.gas
    assert [a.amount.raw for a in simulation.allowances] == [0, 0]
    assert (_allowance(desk, "USDT"), _allowance(desk, "DAI")) == (0, 0)


def test_batch__on_top_of_its_quotes__pays_what_they_expected(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    bought = {token: sum(q.expected.raw for q in batch.quotes if q.trade.buy == token) for token in (WETH, WBTC)}
    assert {c.token: c.raw for c in simulation.changes if c.token in bought} == bought


def test_batch__with_standing_allowances__passes_usdt_through_zero_and_leaves_none(desk: Desk) -> None:
    _approve(desk, "USDT", 7)
    _approve(desk, "DAI", 10**30)
    intent = desk.intent(_trades(desk))
    desk.wallet.execute(intent)
    landing = desk.wallet.land(intent, 5, 0)
    assert isinstance(landing, Landed)
    assert landing.receipt.reason is None
    assert (_allowance(desk, "USDT"), _allowance(desk, "DAI")) == (0, 0)


def test_batch__inside__approves_each_token_once_and_exactly(desk: Desk) -> None:
    _approve(desk, "USDT", 7)
    batch, _ = _batch(desk, _trades(desk))
    calls = calls_of_batch(batch.call.data)
    assert [c.to for c in calls] == [*[USDT.address] * 2, DAI.address, *[ROUTER] * 3, USDT.address, DAI.address]
    amounts = [int.from_bytes(c.data[36:], "big") for c in calls if c.to != ROUTER]
    assert amounts == [0, 80_000 * 10**6, 20_000 * 10**18, 0, 0]


@pytest.mark.parametrize("node", NODES)
def test_simulate__past_the_deadline__reverts_with_the_routers_reason(desk: Desk, node: str) -> None:
    desk = _on(desk, node)
    batch, snapshot = _batch(desk, _trades(desk), seconds=-1)
    assert desk.wallet.simulate(batch, snapshot) == Reverted("uniswap, USDT for WETH: Transaction too old")


@pytest.mark.parametrize("node", NODES)
def test_simulate__with_usdc_paused__names_the_token_and_the_reason(desk: Desk, node: str) -> None:
    desk = _on(desk, node)
    batch, snapshot = _batch(desk, (a_trade(desk, "USDC", 10**9, "WETH"),))
    desk.replica.transact(desk.replica.actor("attacker").address, USDC.address, "pause()")
    snapshot = replace(snapshot, block=desk.reader.head())
    assert desk.wallet.simulate(batch, snapshot) == Reverted("USDC.approve: Pausable: paused")


@pytest.mark.parametrize("node", NODES)
def test_simulate__below_the_floor__names_the_swap_and_the_reason(desk: Desk, node: str) -> None:
    desk = _on(desk, node)
    trades = _trades(desk)
    batch, snapshot = _batch(desk, (trades[0], dearer(trades[1])))
    assert desk.wallet.simulate(batch, snapshot) == Reverted("uniswap, USDT for WBTC: Too little received")


def test_simulate__selling_more_than_the_safe_has__reverts(desk: Desk) -> None:
    batch, snapshot = _batch(desk, (a_trade(desk, "DAI", 2 * DOLLARS * 10**18, "WETH", slippage_bps=9_000),))
    assert desk.wallet.simulate(batch, snapshot) == Reverted("uniswap, DAI for WETH: STF")


@pytest.mark.parametrize("node", NODES)
def test_simulate__of_a_safe_with_threshold_two__says_so(replica: Replica, signer: KeystoreSigner, node: str) -> None:
    owners = [signer.address, replica.actor("owner").address]
    desk = a_desk(replica, _filled(replica, replica.create_safe(owners, threshold=2)), signer)
    desk = _on(desk, node)
    batch, snapshot = _batch(desk, _trades(desk))
    assert snapshot.wallet.threshold == 2
    expected = "GS020 (one signature is too few: the Safe's threshold is above 1)"
    assert desk.wallet.simulate(batch, snapshot) == Reverted(expected)


def test_simulate__of_an_operator_who_is_no_owner__says_so(replica: Replica, signer: KeystoreSigner) -> None:
    desk = a_desk(replica, _filled(replica, replica.create_safe([replica.actor("owner").address])), signer)
    batch, snapshot = _batch(desk, _trades(desk))
    assert desk.wallet.simulate(batch, snapshot) == Reverted("GS026 (the operator is no owner of the Safe)")


def test_batch__sent_by_an_attacker__is_refused_by_the_safe(desk: Desk) -> None:
    batch, _ = _batch(desk, _trades(desk))
    call = {"from": desk.replica.actor("attacker").address, "to": batch.call.to, "data": "0x" + batch.call.data.hex()}
    with pytest.raises(Unavailable, match="GS025"):
        desk.replica.rpc.call("eth_call", call, "latest")


def test_simulate__on_an_older_node__measures_the_same(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    exact = desk.wallet.simulate(batch, snapshot)
    lean = desk.on_an_older_node().wallet.simulate(batch, snapshot)
    assert isinstance(exact, Simulated) and isinstance(lean, Simulated)
    assert (lean.changes, lean.allowances) == (exact.changes, exact.allowances)
    assert exact.gas <= lean.gas <= exact.gas * 14 // 10, "an estimate counts what is given back at the end"


def test_simulate__at_an_older_block__ignores_what_came_since(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    then = desk.wallet.simulate(batch, snapshot)
    desk.replica.mine(3)
    desk.replica.deal("DAI", desk.wallet.address, 0)
    assert desk.wallet.simulate(batch, snapshot) == then


def test_simulate__without_code_at_multi_send__is_a_config_error(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    desk.replica.rpc.call("anvil_setCode", MAINNET.multi_send_call_only, "0x")
    with pytest.raises(ConfigError, match="no code on this chain"):
        desk.wallet.simulate(batch, snapshot)


def test_read__of_a_safe__tells_version_owners_and_modules(desk: Desk) -> None:
    module = desk.replica.actor("guardian").address
    desk.replica.transact(desk.wallet.address, desk.wallet.address, "enableModule(address)", module)
    state = desk.reader.read().wallet
    assert (state.version, state.threshold, state.owners) == ("1.4.1", 1, (desk.wallet.operator,))
    assert (state.modules, state.nonce) == ((module,), 0)


@pytest.mark.parametrize("where", [lambda r: r.actor("owner").address, lambda r: USDC.address, lambda r: ROUTER])
def test_read__of_something_that_is_no_safe__names_the_address(
    replica: Replica, signer: KeystoreSigner, where: Callable[[Replica], Address]
) -> None:
    desk = a_desk(replica, where(replica), signer)
    with pytest.raises(ConfigError, match=f"wallet {where(replica)}: .*expected a Safe"):
        desk.reader.read()


def test_commit__signs_what_was_simulated_with_room_for_gas(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    transaction = desk.wallet.commit(batch, simulation, snapshot).transaction
    assert (transaction.call, transaction.chain_id, transaction.nonce) == (batch.call, 1, 0)
    assert transaction.gas == -(-simulation.gas * 3 // 2)
    assert transaction.fees == fees_for(snapshot.block, LIMITS)
    assert transaction.fees.max_fee > 2 * snapshot.block.base_fee


def test_commit__after_the_safe_was_used_by_someone_else__is_void(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    owner = desk.replica.actor("owner").address
    desk.replica.transact(desk.wallet.address, desk.wallet.address, "addOwnerWithThreshold(address,uint256)", owner, 2)
    with pytest.raises(Unavailable, match="changed since block"):
        desk.wallet.commit(batch, simulation, snapshot)


def test_commit__after_the_operator_has_sent_something__is_void(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    other = desk.replica.send(desk.wallet.operator, desk.wallet.operator)
    desk.replica.mine(9)
    said = f"1 of its transactions were mined since block {snapshot.block.number}, expected none: "
    with pytest.raises(Unavailable, match=said + other["transactionHash"]):
        desk.wallet.commit(batch, simulation, snapshot)


def test_commit__asks_for_the_counts_and_then_the_safe_in_one_request(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    asked: list[list[str]] = []

    class Watched(Rpc):
        def _post(self, body: Any) -> Any:
            asked.append([call["method"] for call in body])
            return super()._post(body)

    desk.on(Watched(desk.replica.url)).wallet.commit(batch, simulation, snapshot)
    assert asked == [["eth_getTransactionCount"] * 3 + ["eth_call"] * 5 + ["eth_getBlockByNumber"]]


def test_commit__while_another_transaction_is_on_its_way__waits(desk: Desk) -> None:
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    desk.replica.rpc.call("evm_setAutomine", False)
    try:
        desk.replica.rpc.call("eth_sendTransaction", {"from": desk.wallet.operator, "to": ROUTER, "value": "0x1"})
        with pytest.raises(Unavailable, match=r"1 of its transactions wait to be mined \(nonce 0 is next\)"):
            desk.wallet.commit(batch, simulation, snapshot)
    finally:
        desk.replica.rpc.call("anvil_dropAllTransactions")
        desk.replica.rpc.call("evm_setAutomine", True)


def test_commit__without_the_coin_for_gas__is_unavailable(desk: Desk) -> None:
    desk.replica.deal("ETH", desk.wallet.operator, 10**12)
    batch, snapshot = _batch(desk, _trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated)
    with pytest.raises(Unavailable, match=r"holds 1000000000000 wei.*send it native coin"):
        desk.wallet.commit(batch, simulation, snapshot)


def test_calls_of_batch__of_other_calldata__is_not_guessed() -> None:
    with pytest.raises(Unavailable, match="expected execTransaction"):
        calls_of_batch(Call(ROUTER, bytes.fromhex("095ea7b3") + bytes(64)).data)
