"""The wallet of a RebalanceModule against the real contract and real pools: what is simulated is what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from eth_abi.abi import decode, encode
from given_modules import (
    a_filled_desk,
    a_module_desk,
    a_wanted_module,
    balances,
    batch_of,
    module,
    owners_do,
    receipt_of,
    simulated,
    three_trades,
)
from given_wallet import (
    ROUTER,
    TOKENS,
    USDC,
    WBTC,
    WETH,
    Desk,
    a_trade,
    an_intent_of,
    dearer,
)

from rebalancer.adapters.chain.codec import CallResult, hex_bytes
from rebalancer.adapters.chain.rpc import RpcError
from rebalancer.adapters.wallets.keystore import KeystoreSigner
from rebalancer.adapters.wallets.module_abi import decode_rebalance
from rebalancer.adapters.wallets.module_reads import ModuleReads, Wanted
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import (
    ModuleWallet,
    Reverted,
    Simulated,
)
from rebalancer.replica.chain import Replica
from rebalancer.units import Address, Amount

NODES = ("with eth_simulateV1", "without")


@pytest.fixture
def desk(replica: Replica, signer: KeystoreSigner) -> Desk:
    return a_filled_desk(replica, signer)


def _on(desk: Desk, node: str) -> Desk:
    return desk if node == NODES[0] else desk.on_an_older_node()


# ---------------------------------------------------------------- build and simulate


def test_build__of_three_quotes__is_one_rebalance_with_their_floors_and_the_modules_nonce(desk: Desk) -> None:
    batch, snapshot = batch_of(desk, three_trades(desk))
    assert isinstance(snapshot.wallet, ModuleWallet)
    swaps, data = decode_rebalance(batch.call.data)
    places = [asset.token for asset in snapshot.wallet.policy.assets]
    assert [(places[s.token_in], places[s.token_out]) for s in swaps] == [
        (q.trade.sell.token.address, q.trade.buy.address) for q in batch.quotes
    ]
    assert [(s.amount_in, s.min_out) for s in swaps] == [(q.trade.sell.raw, q.trade.floor.raw) for q in batch.quotes]
    assert data == b"" and batch.call.to == snapshot.wallet.module != desk.wallet.address
    deadline, nonce = (int.from_bytes(batch.call.data[at : at + 32], "big") for at in (68, 100))
    assert (deadline, nonce) == (batch.deadline, snapshot.wallet.state.nonce)


def test_batch__of_three_swaps__changes_what_was_simulated_to_the_wei(desk: Desk) -> None:
    batch, simulation, snapshot = simulated(desk)
    bought = {token: sum(q.expected.raw for q in batch.quotes if q.trade.buy == token) for token in (WETH, WBTC)}
    assert {c.token: c.raw for c in simulation.changes if c.token in bought} == bought
    before = balances(desk)
    intent = an_intent_of(batch, simulation, snapshot, desk.wallet.commit(batch, simulation, snapshot))
    desk.wallet.execute(intent)
    receipt = receipt_of(desk, intent)
    assert receipt.reason is None and receipt.changes == simulation.changes
    after = balances(desk)
    assert {c.token.symbol: c.raw for c in simulation.changes} == {s: after[s] - before[s] for s in after}
    assert receipt.gas_used == simulation.gas
    assert [(a.spender, a.amount.raw) for a in simulation.allowances] == [(ROUTER, 0), (ROUTER, 0)]


def test_simulate__on_an_older_node__measures_the_same(desk: Desk) -> None:
    batch, snapshot = batch_of(desk, three_trades(desk))
    exact = desk.wallet.simulate(batch, snapshot)
    lean = desk.on_an_older_node().wallet.simulate(batch, snapshot)
    assert isinstance(exact, Simulated) and isinstance(lean, Simulated)
    assert (lean.changes, lean.allowances) == (exact.changes, exact.allowances)
    assert exact.gas <= lean.gas <= exact.gas * 14 // 10, "an estimate counts what is given back at the end"


@pytest.mark.parametrize("node", NODES)
def test_simulate__of_a_paused_module__says_who_paused_it(desk: Desk, node: str) -> None:
    desk = _on(desk, node)
    desk.replica.transact(desk.replica.actor("guardian").address, module(desk), "pause()")
    said = "RebalanceModule: paused (the guardian or the owners have paused the module)"
    assert desk.wallet.simulate(*batch_of(desk, three_trades(desk))) == Reverted(said)


@pytest.mark.parametrize("node", NODES)
def test_simulate__of_a_disabled_module__says_that_the_safe_does_not_listen(desk: Desk, node: str) -> None:
    desk = _on(desk, node)
    owners_do(desk, "disable the module")
    said = "GS104 (the Safe has not enabled the module, or not any more)"
    assert desk.wallet.simulate(*batch_of(desk, three_trades(desk))) == Reverted(said)


@pytest.mark.parametrize("node", NODES)
def test_simulate__below_the_floor__names_the_swap_and_the_routers_reason(desk: Desk, node: str) -> None:
    desk = _on(desk, node)
    trades = three_trades(desk)
    simulation = desk.wallet.simulate(*batch_of(desk, (trades[0], dearer(trades[1]))))
    assert isinstance(simulation, Reverted)
    assert simulation.reason.startswith("RebalanceModule: execution (a router refuses a swap")
    assert simulation.reason.endswith("; uniswap, USDT for WBTC: Too little received")


def test_simulate__of_a_token_that_is_paused__names_it(desk: Desk) -> None:
    desk.replica.deal("USDC", desk.wallet.address, 100_000 * 10**6)
    desk.replica.mine()
    batch, snapshot = batch_of(desk, (a_trade(desk, "USDC", 10**10, "WETH"),))
    desk.replica.transact(desk.replica.actor("attacker").address, USDC.address, "pause()")
    simulation = desk.wallet.simulate(batch, replace(snapshot, block=desk.reader.head()))
    assert isinstance(simulation, Reverted)
    assert simulation.reason.startswith("RebalanceModule: payment (a token refuses to be sent)")
    assert simulation.reason.endswith("; USDC.transfer: Pausable: paused")


def test_simulate__past_its_deadline__reverts_with_the_modules_reason(desk: Desk) -> None:
    simulation = desk.wallet.simulate(*batch_of(desk, three_trades(desk), seconds=-1))
    assert simulation == Reverted("RebalanceModule: deadline (it came too late)")


def test_simulate__at_a_floor_near_zero__is_refused_by_the_module(desk: Desk) -> None:
    low = replace(three_trades(desk)[0], floor=Amount(WETH, 1))
    assert desk.wallet.simulate(*batch_of(desk, (low,))) == Reverted("RebalanceModule: min_out")


def test_simulate__of_a_quote_without_a_route__makes_a_batch_that_the_module_refuses(desk: Desk) -> None:
    snapshot = desk.reader.read()
    (quote,) = desk.quotes(three_trades(desk)[:1], snapshot, 2**40)
    batch = desk.wallet.build((replace(quote, route=None),), snapshot, 2**40)
    assert desk.wallet.simulate(batch, snapshot) == Reverted("RebalanceModule: swaps")


def test_batch__sent_by_an_attacker__is_refused_by_the_module(desk: Desk) -> None:
    batch, _ = batch_of(desk, three_trades(desk))
    call = {"from": desk.replica.actor("attacker").address, "to": batch.call.to, "data": "0x" + batch.call.data.hex()}
    with pytest.raises(RpcError, match="RebalanceModule: only_operator"):
        desk.replica.rpc.call("eth_call", call, "latest")


# ---------------------------------------------------------------- read


def test_read__of_a_module__takes_one_request_and_tells_policy_and_state(desk: Desk) -> None:
    before = desk.reader._rpc.requests
    wallet = desk.reader.read().wallet
    assert desk.reader._rpc.requests - before == 1
    assert isinstance(wallet, ModuleWallet)
    assert wallet.safe.owners == (desk.replica.actor("owner").address,) and wallet.safe.modules == (wallet.module,)
    assert wallet.state.operator == desk.wallet.operator and not wallet.state.paused and wallet.state.nonce == 0
    assert [asset.token for asset in wallet.policy.assets] == [token.address for token in TOKENS]
    assert wallet.state.targets == (500_000, 500_000, 0, 0, 0)


@pytest.mark.parametrize(
    ("where", "part"),
    [
        (
            lambda r: r.actor("owner").address,
            r"policy\(\) returns nothing: there is no contract, or one of another kind",
        ),
        (lambda r: WETH.address, r"policy\(\) returns nothing: there is no contract, or one of another kind"),
        (lambda r: USDC.address, r"policy\(\) reverts"),
        (lambda r: ROUTER, r"policy\(\) reverts"),
    ],
)
def test_read__of_something_that_is_no_module__names_the_address(
    replica: Replica, signer: KeystoreSigner, where: Callable[[Replica], Address], part: str
) -> None:
    wanted = replace(a_wanted_module(replica, {"WETH": 50, "WBTC": 50}), module=where(replica))
    with pytest.raises(ConfigError, match=f"module {where(replica)}: {part}, expected a RebalanceModule"):
        a_module_desk(replica, wanted, signer).reader.read()


STATE_TYPE = "(address,address,bool,uint256,uint256,uint256[],uint256,uint256,uint256)"


def _answers(replica: Replica, wanted: Wanted, **other: object) -> list[CallResult]:
    """What the wallet's reads give, with `other` values in state(), by their place."""
    answers = [
        CallResult(True, hex_bytes(replica.rpc.call("eth_call", {"to": c.to, "data": "0x" + c.data.hex()}, "latest")))
        for c in ModuleReads(wanted).calls()
    ]
    (state,) = decode([STATE_TYPE], answers[-1].data)
    names = ("operator", "guardian", "paused", "nonce", "last", "targets", "loss_left", "turnover_left", "step_left")
    values = [other.get(name, value) for name, value in zip(names, state, strict=True)]
    return [*answers[:-1], CallResult(True, encode([STATE_TYPE], [values]))]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"targets": (500_000, 500_000, 0)}, "3 targets, where policy\\(\\) has 5 assets"),
        ({"targets": (500_000, 500_000, 0, 0, 0, 0)}, "6 targets, where policy\\(\\) has 5 assets"),
        ({"last": 2**64}, "does not fit in uint64"),
        ({"nonce": 2**63}, "does not fit in uint63"),
        ({"loss_left": 2**255}, "does not fit in uint64"),
    ],
    ids=["fewer targets", "more targets", "last", "nonce", "loss_left"],
)
def test_read__of_a_module_whose_answers_do_not_fit_together__names_what(
    replica: Replica, other: dict[str, object], said: str
) -> None:
    wanted = a_wanted_module(replica, {"WETH": 50, "WBTC": 50})
    assert ModuleReads(wanted).decode(_answers(replica, wanted)).state.targets == wanted.targets
    with pytest.raises(ConfigError, match=f"its answers are of another shape \\(state\\(\\): .*{said}"):
        ModuleReads(wanted).decode(_answers(replica, wanted, **other))
