"""Guards of a wallet that acts through a RebalanceModule: what is read, built and simulated in, breaches out.

A batch that the module would refuse is not sent, and the breach has the name of the module's own rule; the first of
them is what the chain would say. Guards return and never raise; each evaluates all of its rules.
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.core.model.batch import Batch, Breach, Simulated
from rebalancer.core.model.module import NOBODY
from rebalancer.core.model.snapshot import SLOT, ModuleWallet, Snapshot
from rebalancer.core.module_books import Order, books_of, breach
from rebalancer.core.module_end_rules import Ending, end_refusals
from rebalancer.core.module_rules import paused, refusals
from rebalancer.core.module_swaps import module_call
from rebalancer.units import Address

Breaches = Iterator[Breach]


def guard_module_account(wallet: ModuleWallet, operator: Address) -> tuple[Breach, ...]:
    """The module may act for the Safe, and the operator through the module and in no other way."""
    return (
        *module_enabled(wallet),
        *names_the_operator(wallet, operator),
        *operator_is_owner(wallet, operator),
        *paused(wallet),
    )


def guard_module_batch(snapshot: Snapshot, batch: Batch) -> tuple[Breach, ...]:
    """The module lets the batch through in the next block, as far as can be told beforehand.

    At the time of the block that was read as well: an older node simulates there. Nothing for a wallet of another kind.
    """
    if not isinstance(snapshot.wallet, ModuleWallet):
        return ()
    for at in (snapshot.block.timestamp, snapshot.block.timestamp + SLOT):
        order = order_of(snapshot.wallet, batch, at)
        found = (order,) if isinstance(order, Breach) else tuple(refusals(snapshot.wallet, snapshot, order))
        if found:
            return found
    return ()


def guard_module_simulation(snapshot: Snapshot, batch: Batch, simulation: Simulated) -> tuple[Breach, ...]:
    """What the batch was measured to do is what the module lets stand. Nothing for a wallet of another kind.

    The batch has passed `guard_module_batch`. Of the meters, what they leave in the block that was read.
    """
    if not isinstance(snapshot.wallet, ModuleWallet):
        return ()
    order = order_of(snapshot.wallet, batch, snapshot.block.timestamp)
    if isinstance(order, Breach):
        return (order,)
    before = books_of(snapshot, snapshot.wallet)
    ending = Ending(snapshot.wallet, order, before, before.after(simulation.changes), snapshot.block.timestamp)
    return tuple(end_refusals(ending))


def order_of(wallet: ModuleWallet, batch: Batch, at: int) -> Order | Breach:
    """What the batch asks the module for at that time; a Breach where the module has no words for it."""
    call = module_call(batch.quotes, wallet.policy, wallet.checkers)
    if isinstance(call, Breach):
        return call
    return Order(call.swaps, batch.operator, batch.deadline, wallet.state.nonce, at, call.data)


def module_enabled(wallet: ModuleWallet) -> Breaches:
    """The owners let the module act for the Safe."""
    if wallet.module not in wallet.safe.modules:
        seen = ", ".join(wallet.safe.modules) or "none"
        yield Breach("module_enabled", f"the Safe's modules are: {seen}", f"{wallet.module} among them")


def names_the_operator(wallet: ModuleWallet, operator: Address) -> Breaches:
    """The module's `only_operator`: it listens to our key."""
    named = wallet.state.operator
    if operator != named:
        seen = "has no operator" if named == NOBODY else f"has the operator {named}"
        yield breach("only_operator", f"the module {seen}", f"the configuration's, {operator}")


def operator_is_owner(wallet: ModuleWallet, operator: Address) -> Breaches:
    """A key on a server that owns the Safe could do without the module."""
    if operator in wallet.safe.owners:
        yield breach("operator_is_owner", f"the operator {operator} is an owner of the Safe", "an account that is none")
