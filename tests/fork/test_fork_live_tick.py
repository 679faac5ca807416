"""The main job on a fork: a Safe off its targets, one live tick, and the one after it."""

from __future__ import annotations

import json
from pathlib import Path

from given_fork import ETHER, Stage, buy
from given_fork_keeper import Keeper, a_keeper, with_pools, with_targets

from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.wallets.abi import approve
from rebalancer.cli import run
from rebalancer.core.drift import max_drift
from rebalancer.core.model import Held, Planned, Settled
from rebalancer.replica.mainnet import LISTINGS
from rebalancer.units import ONE

FIVE_BPS = 5 * ONE // 10_000


def test_live_tick__safe_off_its_targets__settles_as_simulated_and_the_next_one_holds(
    stage: Stage, keeper: Keeper
) -> None:
    planned = keeper.tick(live=False).outcome
    assert isinstance(planned, Planned)
    before = stage.balances()

    first = keeper.tick(live=True)
    assert isinstance(first.outcome, Settled), first.outcome
    assert first.portfolio is not None and max_drift(first.portfolio) > 100 * FIVE_BPS
    moved = {symbol: raw - before[symbol] for symbol, raw in stage.balances().items()}
    assert moved == dict.fromkeys(moved, 0) | {c.token.symbol: c.raw for c in planned.simulation.changes}
    assert {c.token.symbol: c.raw for c in first.outcome.settlement.fills} == {
        s: raw for s, raw in moved.items() if raw
    }
    assert first.outcome.settlement.gas_used == planned.simulation.gas
    assert set(stage.allowances().values()) == {0}

    ports = keeper.ports()
    second = keeper.tick(live=True, ports=ports)
    assert isinstance(second.outcome, Held), second.outcome
    assert second.portfolio is not None and max_drift(second.portfolio) <= FIVE_BPS
    assert ports.requests() == 2, "one for what has landed and is not final yet, one for all else"
    assert stage.fork.nonce(stage.operator) == 1


def test_commands__from_init_to_settled__each_says_what_it_did(
    stage: Stage, tmp_path: Path, capsys, monkeypatch
) -> None:
    def command(*words: str) -> tuple[int, dict]:
        code = run([*words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    monkeypatch.setenv("REBALANCER_PASSWORD", "made for this test")
    config, keystore = tmp_path / "keeper.yaml", tmp_path / "operator.json"
    code, made = command("operator", "new", "--keystore", str(keystore))
    assert code == 0
    stage.admit(made["address"])
    who = ("--kind", "safe", "--wallet", stage.safe.address, "--operator", made["address"], "--rpc", stage.fork.url)
    assert command("init", str(config), *who) == (0, {"written": str(config)})
    there = ("--config", str(config))
    code, seen = command("plan", *there)
    assert (code, seen["outcome"]) == (0, "planned")
    code, seen = command("run", *there)
    assert (code, seen["outcome"]) == (0, "planned")
    code, seen = command("run", *there, "--live")
    assert (code, seen["error"]) == (2, "ConfigError")
    assert "live: true" in seen["message"]
    live = config.read_text().replace("live: false", "live: true").replace("ramp: 5 % for 3 d", "ramp: off")
    # The fork mines a block for each transaction, and none on top.
    config.write_text(live.replace("confirmations: 2", "confirmations: 1"))
    code, settled = command("run", *there, "--live")
    assert (code, settled["outcome"]) == (0, "settled")
    code, seen = command("status", *there)
    assert code == 0
    assert seen["max_drift_bps"] <= 5
    assert seen["last_tick"]["tx"] == settled["tx"]
    code, seen = command("history", *there)
    assert [tick["outcome"] for tick in seen["ticks"]] == ["settled", "planned"]


def test_live_tick__usdt_over_its_target_and_an_allowance_standing__settles_and_leaves_no_allowance(
    stage: Stage, tmp_path: Path
) -> None:
    """USDT refuses to go from one allowance to another, and approves without an answer."""
    buy(stage.fork, stage.owner, ("USDT", 500, 5 * ETHER), stage.safe.address)
    usdt = LISTINGS["USDT"].token.address
    stage.as_the_safe(usdt, approve(usdt, MAINNET.swap_router_02, 7).data)
    assert stage.allowances()["USDT"] == 7
    weights = {"WETH": 50, "USDC": 40, "USDT": 10}
    pools = ("v3 USDT/WETH 0.05 %", "v3 USDC/WETH 0.05 %", "v3 USDC/USDT 0.01 %")
    keeper = a_keeper(stage, tmp_path, with_targets(weights, cash="USDC"), with_pools(*pools))
    before = stage.balances()
    settled = keeper.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    assert stage.balances()["USDT"] < before["USDT"]
    assert set(stage.allowances().values()) == {0}


def test_live_tick__target_of_zero__sells_all_that_there_is(stage: Stage, tmp_path: Path) -> None:
    weights = {"WETH": 40, "WBTC": 25, "USDC": 20, "LINK": 15, "UNI": 0}
    keeper = a_keeper(stage, tmp_path, with_targets(weights, cash="USDC"))
    settled = keeper.tick(live=True).outcome
    assert isinstance(settled, Settled), settled
    assert stage.balances()["UNI"] == 0
    assert set(stage.allowances().values()) == {0}
    assert isinstance(keeper.tick(live=True).outcome, Held)
