"""What is wanted of a RebalanceModule's targets and a look at it in; the batch that sets them, or why they stand, out.

Asked before anything is traded: a rebalance goes to the targets that the module has, whatever is wanted, since the
module holds it to them. Where others are set first, the next rebalance goes to those.
"""

from __future__ import annotations

from rebalancer.core.cost import fees_for, gas_price_now
from rebalancer.core.drift import check_targets
from rebalancer.core.errors import ConfigError, Unavailable
from rebalancer.core.guard import guard_account, reverted
from rebalancer.core.model import (
    Blocked,
    Breach,
    Cost,
    Hold,
    ModuleWallet,
    Past,
    Policy,
    Portfolio,
    Reverted,
    Simulated,
    Snapshot,
)
from rebalancer.core.orders import nothing_moves
from rebalancer.core.over_time import guard_cost
from rebalancer.core.render import breach_words
from rebalancer.core.retarget import Move, choose_move, guard_retargeting, retargeting_batch, worth_setting
from rebalancer.core.room import not_final
from rebalancer.core.trigger import reason_not_to_ask
from rebalancer.decide import Decision
from rebalancer.ports import Ports
from rebalancer.units import Usd


def retargeted(
    ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio]
) -> Decision | Blocked | Hold | None:
    """Hold where other targets are wanted and stand for now: the rebalance goes on without them. None: none are wanted,
    or the wallet has no module.

    Raises Unavailable where the batch cannot be simulated.
    """
    snapshot = seen[0]
    if not isinstance(snapshot.wallet, ModuleWallet):
        return None
    try:
        wanted = ports.targets.read(snapshot.block)
        check_targets(policy.assets, wanted)
    except (Unavailable, ConfigError) as error:
        # The module's are as good as they were: that there is no better estimate keeps nobody from holding to them.
        return Hold(f"targets stand: what is wanted is not known: {error}")
    move = choose_move(snapshot.wallet, wanted)
    if not isinstance(move, Move):
        return move
    portfolio, now = seen[1], snapshot.block.timestamp
    waits = reason_not_to_ask(policy, portfolio, now, past) or not_final(past, snapshot.block)
    if waits is not None:
        return Hold(f"targets stand: {move.why}; {waits.reason}")
    if breaches := guard_account(policy, snapshot, ports.wallet.operator):
        return Hold(f"targets stand: {move.why}; {_words(breaches)}")
    return _examined(ports, policy, past, seen, move)


def _examined(
    ports: Ports, policy: Policy, past: Past, seen: tuple[Snapshot, Portfolio], move: Move
) -> Decision | Blocked | Hold:
    """The batch, guarded, simulated, and guarded again on what the simulation measured."""
    snapshot, portfolio = seen
    assert isinstance(snapshot.wallet, ModuleWallet), "only a module has targets"
    deadline = snapshot.block.timestamp + policy.limits.deadline
    batch = retargeting_batch(snapshot.wallet, move.targets, ports.wallet.operator, deadline)
    if breaches := guard_retargeting(snapshot, batch):
        return Blocked(breaches)
    simulation = ports.wallet.simulate(batch, snapshot)
    if isinstance(simulation, Reverted):
        return Blocked((reverted(simulation),))
    if moved := tuple(nothing_moves(simulation)):
        return Blocked(moved)
    cost = _cost(policy, snapshot, simulation)
    if (waste := worth_setting(move, cost, portfolio, policy.limits)) is not None:
        return Hold(f"targets stand: {move.why}; {waste.reason}")
    if dear := guard_cost(policy, past.history, portfolio, cost):
        return Hold(f"targets stand: {move.why}; {_words(dear)}")
    return Decision(batch, simulation, cost, snapshot, move.why, (), None)


def _cost(policy: Policy, snapshot: Snapshot, simulation: Simulated) -> Cost:
    """Its gas, and nothing else."""
    price = gas_price_now(snapshot.block, fees_for(snapshot.block, policy.limits))
    return Cost(Usd(0), Usd(0), Usd(0), Usd(0), snapshot.native.value_up(simulation.gas * price))


def _words(breaches: tuple[Breach, ...]) -> str:
    return "; ".join(breach_words(breach) for breach in breaches)
