"""What a RebalanceModule and its Safe say of themselves, read with the tick's one request, against the configuration.

The chain is the truth: where the file says otherwise a person must look, since one of the two is not what the owners
meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from rebalancer.adapters.chain.codec import CallResult, DecodeError, EthCall
from rebalancer.adapters.wallets.module_abi import CHECKER, POLICY, STATE, decode_checker, decode_module
from rebalancer.adapters.wallets.safe_reads import SafeReads, no_answer
from rebalancer.core.errors import ConfigError
from rebalancer.core.model import NOBODY, ModulePolicy, ModuleState, ModuleWallet
from rebalancer.core.model.module import Checker
from rebalancer.core.module_words import policy_difference, targets_difference
from rebalancer.units import Address, Ppm, Weight

_OWN = (POLICY, STATE)
_NAMES = ("policy", "state")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the configuration says of a module. `names`: address → symbol, for people. `guardian` None: anybody;
    `targets` None: they are estimated, and the chain's are as far as they have come.
    """

    module: Address
    policy: ModulePolicy
    targets: tuple[Ppm, ...] | None
    operator: Address
    guardian: Address | None = None
    names: Mapping[Address, str] = field(default_factory=dict)


class ModuleReads:
    """The reads about one module and its Safe, and what they mean together."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._safe = SafeReads(wanted.policy.safe)
        listed = (route.checker for route in wanted.policy.routes if route.checker != NOBODY)
        self._checkers = tuple(dict.fromkeys(listed))

    def calls(self) -> tuple[EthCall, ...]:
        """The Safe's five reads, two of the module and three of each route's checker, in the order in which `decode`
        expects their results.
        """
        own = [EthCall(self._wanted.module, data) for data in _OWN]
        return (*self._safe.calls(), *own, *(EthCall(one, data) for one in self._checkers for data in CHECKER))

    def decode(self, results: Sequence[CallResult]) -> ModuleWallet:
        """ConfigError where an address is something else, or where chain and configuration disagree."""
        wallet = self.read(results)
        if differences := tuple(disagreements(wallet, self._wanted)):
            raise ConfigError(f"module {wallet.module} and the configuration disagree. {' '.join(differences)}")
        return wallet

    def read(self, results: Sequence[CallResult]) -> ModuleWallet:
        """As it stands, whatever the configuration says. ConfigError where an address is something else."""
        first = len(results) - len(self._checkers) * len(CHECKER)
        own, said = results[first - len(_OWN) : first], results[first:]
        safe = self._safe.decode(results[: first - len(_OWN)])
        for name, result in zip(_NAMES, own, strict=True):
            if not result.success or not result.data:
                raise self._no_module(f"{name}() {no_answer(result)}")
        try:
            policy, state = decode_module(own[0].data, own[1].data)
        except DecodeError as error:
            raise self._no_module(f"its answers are of another shape ({error})") from None
        return ModuleWallet(safe, self._wanted.module, policy, state, tuple(self._said_by_checkers(said)))

    def _said_by_checkers(self, results: Sequence[CallResult]) -> Iterator[Checker]:
        """Those that say what they check. Over another no swap is made, which a rule tells where one would be."""
        for place, address in enumerate(self._checkers):
            answers = results[place * len(CHECKER) : (place + 1) * len(CHECKER)]
            if all(answer.success and answer.data for answer in answers):
                with suppress(ValueError):
                    yield decode_checker(address, [answer.data for answer in answers])

    def _no_module(self, seen: str) -> ConfigError:
        return ConfigError(
            f"module {self._wanted.module}: {seen}, expected a RebalanceModule on this chain; check wallet.module"
        )


def disagreements(wallet: ModuleWallet, wanted: Wanted) -> Iterator[str]:
    """What chain and configuration say differently, both values, and what to do: a sentence for each way to mend it."""
    if policy := policy_difference(wallet.policy, wanted.policy, wanted.names):
        yield (
            f"The policy: {'; '.join(policy)}. A deployed policy never changes: mend the file, or let the "
            "owners replace the module by one of that policy (`ape run replace_module`)."
        )
        return
    targets = wallet.state.targets if wanted.targets is None else wanted.targets
    asked = targets_difference(wanted.policy.assets, (wallet.state.targets, targets), wanted.names)
    if asked:
        mend = "Mend the file, or let the owners set them (`ape run module set_targets`)."
        yield f"The targets: {'; '.join(asked)}. {mend}"
    yield from _roles(wallet.state, wanted)


def without_meters(wallet: ModuleWallet) -> ModuleWallet:
    """All that changes only where somebody acts: what the meters leave grows by itself."""
    still = replace(wallet.state, loss_left=Weight(0), turnover_left=Weight(0), step_left=Weight(0))
    return replace(wallet, state=still)


def _roles(state: ModuleState, wanted: Wanted) -> Iterator[str]:
    if state.operator != wanted.operator:
        seen = "nobody (it was dropped)" if state.operator == NOBODY else state.operator
        yield (
            f"The operator: {seen} on the chain, {wanted.operator} in the configuration. Find out who changed it and "
            "why; then let the owners name it (`ape run module set_operator`), or mend wallet.operator."
        )
    if wanted.guardian is not None and state.guardian != wanted.guardian:
        seen = "nobody" if state.guardian == NOBODY else state.guardian
        yield (
            f"The guardian: {seen} on the chain, {wanted.guardian} in the configuration. Mend the file, or let the "
            "owners name it (`ape run module set_guardian`)."
        )
