"""A batch run on top of its snapshot, between two measurements of the wallet: what it changes, leaves and uses.

The call is the very one that would be sent, from the account that would send it. Where it uses less gas with an access
list, it is run with that list, and what was measured is of that run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rebalancer.adapters.chain.codec import Words
from rebalancer.adapters.wallets.abi import allowance, balance_of
from rebalancer.adapters.wallets.sending import MOST_GAS, gas_limit, why_too_much
from rebalancer.adapters.wallets.simulation import NOTHING_LAID, Laid, Place, Ran, Simulator
from rebalancer.adapters.wallets.steps import touched_by
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import AccessList, Allowance, Batch, Reverted, Simulated, Simulation, Snapshot
from rebalancer.units import Address, Amount


@dataclass(frozen=True, slots=True)
class Trial:
    """How the call ended, where it was run, and what it did: None where it failed."""

    executed: Ran
    place: Place
    measured: Simulated | None


def try_batch(
    simulator: Simulator, wallet: Address, batch: Batch, snapshot: Snapshot, laid: Laid = NOTHING_LAID
) -> Trial:
    """`wallet` holds the funds, or does so where `laid` is over the chain's storage; the operator sends.

    Raises Unavailable.
    """
    run = _Run(simulator, wallet, snapshot, Place.after(snapshot.block, laid))
    plain = _try(run, batch)
    if plain.measured is None or plain.executed.gas is None:
        return plain
    try:
        limit = min(gas_limit(plain.measured.gas), MOST_GAS)
        entries = simulator.access_list(batch.operator, batch.call, plain.place, limit)
        listed = _try(run, batch, entries) if entries else plain
    except Unavailable:
        # No such method, a key that may not call it, no list that can be read: the batch goes without one. A node that
        # does not answer at all is found out before anything is signed.
        return plain
    return listed if listed.measured is not None and listed.measured.gas < plain.measured.gas else plain


def fitting(measured: Simulated) -> Simulation:
    """What was measured, if one transaction may use so much gas: with less it would fail, and burn what it has."""
    too_much = why_too_much(measured.gas)
    return measured if too_much is None else Reverted(too_much)


@dataclass(frozen=True, slots=True)
class _Run:
    simulator: Simulator
    wallet: Address
    snapshot: Snapshot
    place: Place


def _try(run: _Run, batch: Batch, access_list: AccessList = ()) -> Trial:
    simulator, wallet, snapshot, place = run.simulator, run.wallet, run.snapshot, run.place
    tokens = [balance.token for balance in snapshot.balances]
    approvals = touched_by(batch, snapshot)
    reads = [balance_of(token.address, wallet) for token in tokens]
    reads_after = reads + [allowance(a.token.address, wallet, a.spender) for a in approvals]
    calls = [*reads, batch.call, *reads_after]
    if access_list:
        ran = simulator.run_listed(batch.operator, calls, place, {len(reads): access_list})
    else:
        ran = simulator.run(batch.operator, calls, place)
    before, executed, after = ran[: len(reads)], ran[len(reads)], ran[len(reads) + 1 :]
    _same_wallet(snapshot, before)
    if not executed.success:
        return Trial(executed, place, None)
    left = [_measured(result) for result in after[len(reads) :]]
    gas = executed.gas if executed.gas is not None else simulator.gas(batch.operator, batch.call, place)
    measured = Simulated(
        changes=tuple(
            Amount(token, _measured(later) - _measured(sooner))
            for token, sooner, later in zip(tokens, before, after[: len(reads)], strict=True)
        ),
        allowances=tuple(Allowance(a.spender, Amount(a.token, raw)) for a, raw in zip(approvals, left, strict=True)),
        gas=gas,
        access_list=access_list,
    )
    return Trial(executed, place, measured)


def _same_wallet(snapshot: Snapshot, before: Sequence[Ran]) -> None:
    """Unavailable where the run starts from other balances than were read at its block: one of the two is made up."""
    for held, result in zip(snapshot.balances, before, strict=True):
        if result.success and (raw := Words(result.data).uint(0)) != held.raw:
            raise Unavailable(
                f"the simulation on block {snapshot.block.number} starts with {raw} base units of {held.token}, and "
                f"{held.raw} were read there: the node contradicts itself; try again at the next tick, or use another"
            )


def _measured(result: Ran) -> int:
    """A balance or allowance. Where it could be read before the batch, it can be read after."""
    if not result.success:
        raise Unavailable("a balance could not be read around the simulated batch; try again at the next tick")
    return Words(result.data).uint(0)
