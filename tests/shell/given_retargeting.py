"""A keeper of a module whose targets are to move, all of it from memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from given_ports import ON_TARGET, ports_of, state
from small_market import ASSETS, LIMITS, ROUTER, USDC, WETH, share
from small_module import WIDER, wallet_with

from rebalancer.adapters.chain.fake import FakeChain
from rebalancer.adapters.ledger.memory import MemoryLedger
from rebalancer.adapters.targets.fixed import FixedTargets
from rebalancer.adapters.venues.uniswap import UniswapVenue
from rebalancer.adapters.wallets.fake import OPERATOR, FakeWallet
from rebalancer.core.errors import Unavailable
from rebalancer.core.model import Allowance, Block, Intent, ModuleWallet, Receipt, Snapshot, Target
from rebalancer.core.retarget import in_ppm, step_of
from rebalancer.ports import Ports
from rebalancer.units import Amount, Ppm, Weight

MORE_ETHER = (40, 30, 20, 10)
"""What is wanted, in percent, where the module's targets are 30, 40, 20 and 10."""
STEP = 200_000


class NoTargets(FixedTargets):
    """No estimate can be had."""

    def __init__(self) -> None:
        super().__init__(())

    def read(self, block: Block) -> tuple[Target, ...]:
        raise Unavailable("3 days of prices are missing; try again at the next tick")


def wanted(*percents: int | str) -> tuple[Target, ...]:
    return tuple(Target(token, share(part)) for token, part in zip(ASSETS, percents, strict=True))


def a_module(left: int = STEP, **changes: object) -> ModuleWallet:
    """Of ours, with so much of its step meter left, in millionths."""
    named = {"operator": OPERATOR, "target_step": Ppm(STEP), "step_left": Weight(left * WIDER)}
    return wallet_with(**(named | changes))


def keeper(
    *percents: int | str, wallet: FakeWallet | None = None, module: ModuleWallet | None = None, held: object = ON_TARGET
) -> Ports:
    """Wants `percents`. What it sets shows on the chain, and takes of the meter."""
    wallet = wallet or FakeWallet()
    allowances = tuple(Allowance(ROUTER, Amount(token, 0)) for token in ASSETS)
    snapshot = state(*held, wallet=module or a_module(), allowances=allowances)  # type: ignore[misc]
    ports = ports_of(snapshot, wallet, (UniswapVenue(ROUTER, (WETH, USDC), LIMITS),))
    chain, fake = ports.chain, wallet
    assert isinstance(chain, FakeChain)
    fake.on_landed = _shown_on(chain, fake, chain.mine)
    return replace(ports, targets=FixedTargets(wanted(*percents)))


def _shown_on(chain: FakeChain, wallet: FakeWallet, mine: Callable[[Receipt], None]) -> Callable[[Receipt], None]:
    def shown(receipt: Receipt) -> None:
        mine(receipt)
        (intent,) = {
            each.id: each for each in wallet.sent if receipt.tx in {t.hash for t in each.transactions}
        }.values()
        if intent.targets and receipt.reason is None and not intent.cancelled:
            chain.reorganise([moved_to(chain.read(), intent.targets)])

    return shown


def moved_to(snapshot: Snapshot, targets: tuple[Target, ...]) -> Snapshot:
    """The module as setting them leaves it."""
    module = snapshot.wallet
    assert isinstance(module, ModuleWallet)
    left = module.state.step_left - step_of(module.state.targets, in_ppm(targets)) * WIDER
    state_after = replace(module.state, targets=in_ppm(targets), step_left=Weight(left))
    return replace(snapshot, wallet=replace(module, state=state_after))


def targets_now(ports: Ports) -> list[int]:
    """The module's, in whole percent."""
    module = ports.chain.read().wallet
    assert isinstance(module, ModuleWallet)
    return [target // 10_000 for target in module.state.targets]


def chain_of(ports: Ports) -> FakeChain:
    assert isinstance(ports.chain, FakeChain)
    return ports.chain


def wallet_of(ports: Ports) -> FakeWallet:
    assert isinstance(ports.wallet, FakeWallet)
    return ports.wallet


def intents_of(ports: Ports) -> list[Intent]:
    assert isinstance(ports.ledger, MemoryLedger)
    return ports.ledger.intents
