"""The chain as a portfolio on paper sees it: all as it is, but for the balances, which are those of its own ledger."""

from __future__ import annotations

from dataclasses import replace

from rebalancer.core.model import Block, Horizon, ModuleWallet, Policy, Rebalance, Snapshot, Target, WalletState
from rebalancer.core.paper import holdings_now, opening_at, opening_of
from rebalancer.core.paper_meters import metered
from rebalancer.core.retarget import targets_on_chain
from rebalancer.market.routing import MoreTicks
from rebalancer.ports import Chain, Clock, Ledger, Targets
from rebalancer.units import ONE, Address, Usd, Wei

_COIN = Wei(1_000 * ONE)
"""Of the operator, who pays nothing on paper; what the gas would cost is in each rebalance's cost."""

_MOST_OF_WINDOW = 4_320
"""Rebalances: one every half hour of the longest window that a module may have, 90 days."""


class Purse:
    """What a portfolio on paper holds, by its ledger. `anew`: nothing of that counts."""

    def __init__(self, ledger: Ledger, clock: Clock, anew: bool = False) -> None:
        self._ledger = ledger
        self._clock = clock
        self._anew = anew

    def held(self) -> dict[Address, int] | None:
        """Base units by token; None: nothing is on record yet. Raises Halt, ConfigError, Unavailable."""
        if self._anew:
            return None
        now = self._clock.now()
        held = holdings_now(self._ledger.read(Horizon(now, now, now)).history)
        return None if held is None else dict(held)

    def rebalances(self) -> tuple[Rebalance, ...]:
        """The newest that it has made, newest first: more than a window of a module's holds. Raises as `held`."""
        return self._ledger.rebalances(_MOST_OF_WINDOW)


class PaperChain:
    """Plays the port `Chain` over another. `value`: dollars to begin with; None: what the wallet holds.

    Nothing can be pulled out of the wallet: what its real batches and orders have left approved is not the paper's. A
    module leaves what it leaves the real keeper, or less where the paper one has used it; see core/paper_meters.py.
    """

    def __init__(self, chain: Chain, purse: Purse, targets: Targets, policy: Policy, value: Usd | None) -> None:
        self._chain = chain
        self._purse = purse
        self._targets = targets
        self._policy = policy
        self._value = value

    def head(self) -> Block:
        return self._chain.head()

    def read(self, last_block: int = 0) -> Snapshot:
        """Raises as the chain does, and ConfigError where there is nothing to begin with."""
        real = self._chain.read(last_block)
        held = self._held(real)
        ours = {token.address for token in self._policy.assets}
        balances = tuple(
            replace(each, raw=held.get(each.token.address, 0)) if each.token.address in ours else each
            for each in real.balances
        )
        return replace(
            real,
            balances=balances,
            allowances=tuple(replace(each, amount=replace(each.amount, raw=0)) for each in real.allowances),
            wallet=self._moved(replace(real, balances=balances)),
            operator_balance=_COIN,
        )

    def confirm(self, snapshot: Snapshot) -> None:
        self._chain.confirm(snapshot)

    def read_ticks(self, snapshot: Snapshot, need: MoreTicks) -> Snapshot:
        return self._chain.read_ticks(snapshot, need)

    def _held(self, real: Snapshot) -> dict[Address, int]:
        held = self._purse.held()
        if held is not None:
            return held
        if self._value is None:
            return dict(opening_of(self._policy, real))
        return dict(opening_at(self._held_to(real), real, self._value))

    def _held_to(self, real: Snapshot) -> tuple[Target, ...]:
        """As a tick: a module's targets are on the chain."""
        if isinstance(real.wallet, ModuleWallet):
            return targets_on_chain(real.wallet, self._policy.assets)
        return self._targets.read(real.block)

    def _moved(self, snapshot: Snapshot) -> WalletState:
        """A module as its rebalances on paper would have left it."""
        wallet = snapshot.wallet
        if not isinstance(wallet, ModuleWallet):
            return wallet
        each = (snapshot.price(token).value_down(snapshot.balance(token).raw) for token in self._policy.assets)
        return metered(wallet, self._purse.rebalances(), Usd(sum(each)), snapshot.block.timestamp)
