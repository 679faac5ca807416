"""What looks at a module's calldata from outside: a wallet in, findings in words out. See module_doctor.

A checker that says one thing and lets another through would be worth the operator's key.
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.adapters.chain.artifacts import creation_code
from rebalancer.adapters.chain.codec import hex_bytes
from rebalancer.adapters.chain.rpc import Rpc
from rebalancer.adapters.wallets.module_abi import checker_data
from rebalancer.adapters.wallets.seen import Seen
from rebalancer.core.model import NOBODY, ModuleWallet
from rebalancer.core.model.module import Checker
from rebalancer.core.module_calldata import checker_of


def examine_checkers(rpc: Rpc, wallet: ModuleWallet, block: str) -> Iterator[Seen]:
    """Each route that has one, at that block: two requests for each. Raises Unavailable."""
    for place, route in enumerate(wallet.policy.routes):
        if route.checker == NOBODY:
            continue
        checker = checker_of(wallet.checkers, route.checker)
        name, whose = f"route {place}", f"{route.router}, its calldata checked by {route.checker}"
        if checker is None:
            words = f"{whose}, which does not say what it checks: no swap is made over it; list a RouteCheck"
            yield Seen(name, words, False)
        elif not _is_ours(rpc, checker, block):
            words = f"{whose}, whose code is not this version's RouteCheck with the checks that it says: do not use it"
            yield Seen(name, words, False)
        else:
            yield Seen(name, f"{whose}: {_words(checker)}", True)


def _is_ours(rpc: Rpc, checker: Checker, block: str) -> bool:
    """Made once more from what it says, it would be the same to the byte."""
    made = creation_code("RouteCheck") + checker_data(checker)
    expected = hex_bytes(rpc.call("eth_call", {"data": "0x" + made.hex()}, block))
    return expected == hex_bytes(rpc.call("eth_getCode", checker.address, block))


def _words(checker: Checker) -> str:
    called = f"function 0x{checker.selector.hex()}, {len(checker.checks)} fields"
    if not checker.open_kinds:
        return called
    left = ", ".join(kind.name for kind in checker.open_kinds)
    return f"{called}; OPAQUE, which the policy allows: none of them is {left}, so only the walls on value hold"
