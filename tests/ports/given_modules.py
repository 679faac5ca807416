"""A RebalanceModule on the replica with everything around it that the keeper has, and what its owners do to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from given_keeper import Keeper, a_keeper, at_once
from given_wallet import LIMITS, ROUTER, TOKENS, USDC, WETH, Desk, a_trade, nodes_of, reader_of

from rebalancer.adapters.chain.codec import hex_bytes
from rebalancer.adapters.chain.deployments import MAINNET
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.landing import Patience
from rebalancer.adapters.wallets.module_abi import STATE, decode_state
from rebalancer.adapters.wallets.module_code import init_code
from rebalancer.adapters.wallets.module_reads import ModuleReads, Wanted
from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.adapters.wallets.safe_module import ModuleSafe
from rebalancer.adapters.wallets.sending import Sender
from rebalancer.config import read_settings, write_example
from rebalancer.core.model import (
    NOBODY,
    Batch,
    Intent,
    Landed,
    ModuleAsset,
    ModuleLimits,
    ModulePolicy,
    ModuleRoute,
    ModuleWallet,
    Receipt,
    Simulated,
    Snapshot,
    Trade,
)
from rebalancer.ports import Signer
from rebalancer.replica.chain import Replica
from rebalancer.replica.mainnet import FEEDS, LISTINGS
from rebalancer.units import ONE, PPM, Address, Ppm, Token, Usd
from rebalancer.wire import module_init_code

WEEK = 604_800
WIDE = ModuleLimits(
    window=86_400,
    max_turnover=Ppm(PPM),
    max_loss=Ppm(100_000),
    max_shortfall=Ppm(50_000),
    min_trade=Usd(50 * ONE),
    max_trade=Ppm(PPM),
    tolerance=Ppm(20_000),
    cooldown=0,
    target_step=Ppm(0),
    allow_opaque=False,
    sequencer=NOBODY,
    grace=0,
)
"""As wide as a module's limits can be: tests narrow what they are about."""


FIRST = "0x0000000000000000000000000000000000000001"
"""Where a Safe's list of modules starts."""
OWNERS: dict[str, tuple[str, tuple[object, ...]]] = {
    "disable the module": ("disableModule(address,address)", (FIRST, "module")),
    "add an owner": ("addOwnerWithThreshold(address,uint256)", (ROUTER, 1)),
    "pause": ("pause()", ()),
    "name another operator": ("set_operator(address)", (ROUTER,)),
    "set targets": ("set_targets(uint256[])", ([400_000, 600_000, 0, 0, 0],)),
}
"""What the owners may do meanwhile, on the Safe (in camel case, as Safe writes) or on the module."""


def a_module_desk(replica: Replica, wanted: Wanted, signer: Signer, patience: Patience | None = None) -> Desk:
    """On a RebalanceModule."""

    def make(nodes: Nodes) -> ModuleSafe:
        sender = Sender(nodes, 1, signer, LIMITS)
        return ModuleSafe(nodes.rpc, wanted, MAINNET.multicall3, sender, patience or Patience(poll=0.02))

    rpc = Rpc(replica.url)
    spenders = tuple(dict.fromkeys(route.router for route in wanted.policy.routes))
    reader = reader_of(replica, rpc, (wanted.policy.safe, signer.address), ModuleReads(wanted), spenders)
    wallet = make(nodes_of(replica, rpc))
    return Desk(replica, reader, UniswapVenue(ROUTER, (WETH, USDC), LIMITS), wallet, signer, make)


def a_wanted_module(
    replica: Replica,
    targets: Mapping[str, int],
    routes: Sequence[ModuleRoute] = (),
    ranges: Mapping[str, tuple[int, int]] | None = None,
    **limits: Any,
) -> Wanted:
    """A new Safe of the owner's, with a module of TOKENS deployed and enabled; `targets` and `ranges` in percent,
    `routes` beside the built one.
    """
    safe = replica.create_safe([replica.actor("owner").address])
    policy = ModulePolicy(
        safe=safe,
        assets=tuple(_module_asset(token, (ranges or {}).get(token.symbol, (0, 100))) for token in TOKENS),
        hubs=(),
        routes=(ModuleRoute(ROUTER, NOBODY), *routes),
        limits=replace(WIDE, **limits),
    )
    roles = [replica.actor(role).address for role in ("operator", "guardian")]
    shares = tuple(Ppm(targets.get(token.symbol, 0) * 10_000) for token in TOKENS)
    module = replica.deploy(init_code(policy, *roles, shares))
    replica.deal("ETH", safe, 10**18)  # so that it can be made to act by itself, as if its owners had signed
    replica.transact(safe, safe, "enableModule(address)", module)
    return Wanted(module, policy, shares, *roles, {token.address: token.symbol for token in TOKENS})


def _module_asset(token: Token, within: tuple[int, int]) -> ModuleAsset:
    one, *more = [FEEDS[name].address for name in LISTINGS[token.symbol].feeds]
    second = (more[0], WEEK) if more else (NOBODY, 0)
    least, most = (Ppm(percent * 10_000) for percent in within)
    return ModuleAsset(token.address, one, WEEK, *second, least, most, Usd(0), Usd(0))


def a_filled_desk(replica: Replica, signer: Signer) -> Desk:
    """A Safe of the owner's with 200,000 USD of USDT and of DAI, of which it is to have none."""
    desk = a_module_desk(replica, a_wanted_module(replica, {"WETH": 50, "WBTC": 50}), signer)
    for symbol, decimals in (("USDT", 6), ("DAI", 18)):
        replica.deal(symbol, desk.wallet.address, 200_000 * 10**decimals)
    replica.mine()
    return desk


def module(desk: Desk) -> Address:
    """Where batches go."""
    wallet = desk.reader.read().wallet
    assert isinstance(wallet, ModuleWallet)
    return wallet.module


def owners_do(desk: Desk, what: str) -> None:
    """As if they had signed it."""
    signature, values = OWNERS[what]
    named = [module(desk) if value == "module" else value for value in values]
    to = desk.wallet.address if signature != signature.lower() else module(desk)
    desk.replica.transact(desk.wallet.address, to, signature, *named)


def three_trades(desk: Desk) -> tuple[Trade, ...]:
    return (
        a_trade(desk, "USDT", 50_000 * 10**6, "WETH"),
        a_trade(desk, "USDT", 30_000 * 10**6, "WBTC"),
        a_trade(desk, "DAI", 20_000 * 10**18, "WETH"),
    )


def batch_of(desk: Desk, trades: tuple[Trade, ...], seconds: int = 600) -> tuple[Batch, Snapshot]:
    snapshot = desk.reader.read()
    deadline = snapshot.block.timestamp + seconds
    return desk.wallet.build(desk.quotes(trades, snapshot, deadline), snapshot, deadline), snapshot


def simulated(desk: Desk) -> tuple[Batch, Simulated, Snapshot]:
    batch, snapshot = batch_of(desk, three_trades(desk))
    simulation = desk.wallet.simulate(batch, snapshot)
    assert isinstance(simulation, Simulated), simulation
    return batch, simulation, snapshot


def balances(desk: Desk) -> dict[str, int]:
    return {token.symbol: desk.replica.balance(token.symbol, desk.wallet.address) for token in TOKENS}


def receipt_of(desk: Desk, intent: Intent) -> Receipt:
    """Once it is mined."""
    landing = desk.wallet.land(intent, 10, 0)
    assert isinstance(landing, Landed), landing
    return landing.receipt


def a_module_keeper(
    replica: Replica, folder: Path, keystore: Path, step: str = "0 %", roles: Sequence[str] = ("owner",), **edits: str
) -> Keeper:
    """The same on a RebalanceModule: a Safe of the owners', the module deployed from the file and enabled. `step`: its
    `target_step`; `edits`: keys of the section `module` that the example has in a comment.
    """
    owners, guardian = tuple(replica.actor(role).address for role in roles), replica.actor("guardian").address
    keeper = a_keeper(replica, folder, keystore, owners)
    keeper.config.unlink()
    write_example(keeper.config, keeper.wallet, keeper.operator.address, replica.url, "")
    at_once(keeper)
    keeper.edit('# guardian: "0x…"', f'guardian: "{guardian}"')
    for key, value in edits.items():
        keeper.edit(f"  # {key}: ", f"  {key}: {value}  # ")
    keeper.edit("target_step: 0 %", f"target_step: {step}")
    module = replica.deploy(module_init_code(read_settings(keeper.config)))
    keeper.edit("  module:  ", f"  module: {module}  ")
    replica.deal("ETH", keeper.wallet, 10**18)  # so that it can be made to act by itself, as if its owners had signed
    replica.transact(keeper.wallet, keeper.wallet, "enableModule(address)", module)
    return replace(keeper, module=module)


def module_of(keeper: Keeper) -> Address:
    """Through which it acts."""
    assert keeper.module is not None
    return keeper.module


def by_safe(keeper: Keeper, to: str, signature: str, *values: object) -> None:
    """What the owners sign."""
    keeper.replica.transact(keeper.wallet, to, signature, *values)


def by_guardian(keeper: Keeper, signature: str) -> None:
    """What the guardian can do to the module, alone."""
    keeper.replica.transact(keeper.replica.actor("guardian").address, module_of(keeper), signature)


MOVED = [2_000, 2_000, 2_000, 2_000, 2_000]
"""Basis points: all alike, where the example has 30, 25, 20, 15 and 10 %. Of that the cash keeps its 20 %."""


def a_moving_keeper(replica: Replica, folder: Path, keystore: Path, step: str = "20 %") -> Keeper:
    """The same, whose targets are to be all alike, which is 15 % away; `step`: how far they may move in a day."""
    keeper = a_module_keeper(replica, folder, keystore, step, ("owner", "deployer"))
    keeper.edit("\ntrigger:", "\ntargets: {method: equal}\n\ntrigger:")
    return keeper


def targets_of(keeper: Keeper) -> list[int]:
    """What its module says, in basis points."""
    answer = keeper.replica.rpc.call("eth_call", {"to": keeper.module, "data": "0x" + STATE.hex()}, "latest")
    return [target // 100 for target in decode_state(hex_bytes(answer), "state()").targets]
