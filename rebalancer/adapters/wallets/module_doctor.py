"""What else may act for a module's Safe, and whether the module is ours: a snapshot in, findings in words out.

For `rebalancer check`, which looks before the first tick and after every change; a tick does without.
"""

from __future__ import annotations

from collections.abc import Iterator

from rebalancer.adapters.chain.codec import hex_bytes, hex_int
from rebalancer.adapters.chain.rpc import Call, Rpc, RpcError
from rebalancer.adapters.wallets.module_checkers import examine_checkers
from rebalancer.adapters.wallets.module_code import init_code
from rebalancer.adapters.wallets.seen import Seen
from rebalancer.core.model import ModuleWallet, Snapshot
from rebalancer.core.render import amount, percent
from rebalancer.market.addresses import checksum_address, keccak256
from rebalancer.units import Address

SINGLETON_SLOT = 0
"""Of a Safe's proxy: the contract whose code it runs."""
FALLBACK_SLOT = 0x6C9A6C4A39284E37ED1CF53D337577D14212A4870FB976A4366C693B939918D5
"""keccak256("fallback_manager.handler.address")"""
GUARD_SLOT = 0x4A204F620C8C5CCDCA3FD54D003BADD85BA500436A431F0CBDA4F558C93C34C8
"""keccak256("guard_manager.guard.address"): looks at the owners' transactions."""
MODULE_GUARD_SLOT = 0xB104E0B93118902C651344349B610029D694CFDEC91C589C91EBAFBCD0289947
"""keccak256("module_manager.module_guard.address"): Safe 1.5's, looks at those of modules."""
SINGLETONS = {
    Address("0xd9Db270c1B5E3Bd161E8c8503c55cEABeE709552"): "Safe 1.3.0",
    Address("0x69f4D1788e39c87893C980c06EdF4b7f686e2938"): "Safe 1.3.0",
    Address("0x3E5c63644E683549055b9Be8653de26E0B4CD36E"): "SafeL2 1.3.0",
    Address("0xfb1bffC9d739B8D520DaF37dF666da4C687191EA"): "SafeL2 1.3.0",
    Address("0x41675C099F32341bf84BFc5382aF534df5C7461a"): "Safe 1.4.1",
    Address("0x29fcB43b46531BcA003ddC8FCB67FFE91900C762"): "SafeL2 1.4.1",
    Address("0xFf51A5898e281Db6DfC7855790607438dF2ca44b"): "Safe 1.5.0",
    Address("0xEdd160fEBBD92E350D4D398fb636302fccd67C7e"): "SafeL2 1.5.0",
}
"""Where Safe's deployers put the releases, on every chain: CREATE2 of the published bytecode."""
PROXIES = {
    "0xb89c1b3bdf2cf8827818646bce9a8f6e372885f8c55e5c07acbd307cb133b000": "Safe's own proxy, of 1.3.0",
    "0xd7d408ebcd99b2b70be43e20253d6d92a8ea8fab29bd3be7f55b10032331fb4c": "Safe's own proxy, of 1.4.1",
    "0x4e381985ca68b3e5d27b4425fa581c19cf33146d3f887a3cfca96f55528ea46f": "Safe's own proxy, of 1.5.0",
}
"""keccak256 of the code that Safe's factory of each version puts at a Safe's address. It stays when the Safe is
upgraded. Any other code may look like a Safe to us, and obey somebody else too."""
HANDLERS = {
    Address("0xf48f2B2d2a534e402487b3ee7C18c33Aec0Fe5e4"): "Safe's own, of 1.3.0",
    Address("0x017062a1dE2FE6b99BE3d9d37841FeD19F573804"): "Safe's own, of 1.3.0",
    Address("0xfd0732Dc9E303f09fCEf3a7388Ad10A83459Ec99"): "Safe's own, of 1.4.1",
    Address("0x3EfCBb83A4A7AfcB4F68D501E2c2203a38be77f4"): "Safe's own, of 1.5.0",
}
"""Safe's CompatibilityFallbackHandler of each version: it answers questions, and can move nothing."""
_SLOTS = (SINGLETON_SLOT, GUARD_SLOT, MODULE_GUARD_SLOT, FALLBACK_SLOT)


def examine(rpc: Rpc, snapshot: Snapshot, wallet: ModuleWallet) -> Iterator[Seen]:
    """Everything at the snapshot's block, in two requests, and two for each checker. Raises Unavailable."""
    block, safe = hex(snapshot.block.number), wallet.policy.safe
    asked: list[Call] = [("eth_getStorageAt", [safe, hex(slot), block]) for slot in _SLOTS]
    codes: list[Call] = [("eth_getCode", [account, block]) for account in (safe, wallet.module)]
    *words, proxy, code = rpc.batch([*asked, *codes])
    singleton, guard, module_guard, handler = (_address(word) for word in words)
    yield _standing(wallet)
    yield _code(rpc, wallet, block, hex_bytes(code))
    yield from examine_checkers(rpc, wallet, block)
    yield _modules(wallet)
    yield _proxy(safe, hex_bytes(proxy))
    yield _singleton(singleton)
    yield _guard("transaction guard", "setGuard", guard)
    yield _guard("module guard", "setModuleGuard", module_guard)
    yield _handler(handler)
    yield from _allowances(snapshot, wallet)


def _code(rpc: Rpc, wallet: ModuleWallet, block: str, code: bytes) -> Seen:
    """Made once more from the policy that it reports, it would be the same to the byte."""
    state = wallet.state
    made = init_code(wallet.policy, state.operator, state.guardian, state.targets)
    try:
        expected = hex_bytes(rpc.call("eth_call", {"data": "0x" + made.hex()}, block))
    except RpcError as error:
        return Seen(
            "module code",
            f"cannot be compared: its deployment would fail now ({error}); check again when prices are written",
            False,
        )
    if code != expected:
        return Seen(
            "module code",
            f"the code at {wallet.module} ({len(code)} bytes, hash 0x{keccak256(code).hex()}) is not that of this "
            f"version's RebalanceModule with that policy ({len(expected)} bytes, hash 0x{keccak256(expected).hex()}): "
            "trust none of its answers; disable it, and deploy one with `ape run deploy_module`",
            False,
        )
    return Seen("module code", f"this version's RebalanceModule, hash 0x{keccak256(code).hex()}", True)


def _standing(wallet: ModuleWallet) -> Seen:
    state = wallet.state
    words = (
        f"{wallet.module}, as the configuration says; {state.nonce} rebalances so far, "
        f"{percent(state.turnover_left)} of the wallet may be traded now and {percent(state.loss_left)} lost"
    )
    return Seen("module policy", words, True)


def _modules(wallet: ModuleWallet) -> Seen:
    others = [module for module in wallet.safe.modules if module != wallet.module]
    if others:
        words = f"{', '.join(others)} may do anything with the Safe, whatever ours holds; disable what is not needed"
        return Seen("other modules", words, False)
    return Seen("other modules", "none", True)


def _proxy(safe: Address, code: bytes) -> Seen:
    digest = f"0x{keccak256(code).hex()}"
    if digest in PROXIES:
        return Seen("Safe proxy", PROXIES[digest], True)
    words = (
        f"the code at {safe} ({len(code)} bytes, hash {digest}) is not that of Safe's own proxies of 1.3.0, 1.4.1 or "
        "1.5.0: it may obey others than the owners; find out who made it, or move the funds to a Safe of Safe's factory"
    )
    return Seen("Safe proxy", words, False)


def _singleton(singleton: Address | None) -> Seen:
    if singleton in SINGLETONS:
        return Seen("Safe contract", f"{SINGLETONS[singleton]} at {singleton}", True)
    words = f"the Safe runs the code at {singleton or 'no address'}, expected one of Safe's own deployments; look at it"
    return Seen("Safe contract", words, False)


def _guard(name: str, setter: str, guard: Address | None) -> Seen:
    if guard is None:
        return Seen(name, "none", True)
    words = (
        f"{guard} is asked about transactions of the Safe, and can stop them; look at it, or take it away: "
        f"{setter}(0x0…0), signed by the owners"
    )
    return Seen(name, words, False)


def _handler(handler: Address | None) -> Seen:
    if handler is None or handler in HANDLERS:
        return Seen("fallback handler", "none" if handler is None else HANDLERS[handler], True)
    words = (
        f"{handler} answers in the Safe's name, and is none of Safe's own; look at it, or take it away: "
        "setFallbackHandler(0x0…0), signed by the owners"
    )
    return Seen("fallback handler", words, False)


def _allowances(snapshot: Snapshot, wallet: ModuleWallet) -> Iterator[Seen]:
    routers = {route.router for route in wallet.policy.routes}
    standing = [a for a in snapshot.allowances if a.amount.raw and a.spender in routers]
    for left in standing:
        words = (
            f"{left.spender}, a router of the policy, may still pull {amount(left.amount)}; the owners take it back: "
            f"approve({left.spender}, 0) on {left.amount.token.address}"
        )
        yield Seen("standing allowance", words, False)
    if not standing:
        yield Seen("allowances", "none stands to a router of the policy", True)


def _address(word: object) -> Address | None:
    """The address in a slot; None where there is none."""
    number = hex_int("0x" + (hex_bytes(word).hex() or "0"))
    return checksum_address(f"0x{number:040x}") if 0 < number < 1 << 160 else None
