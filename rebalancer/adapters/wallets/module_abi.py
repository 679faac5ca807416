"""Calldata of the RebalanceModule, both ways: its policy and state out of words, swaps and policies into words.

Shapes: contracts/RebalanceModule.vy. Decoding believes nothing, see codec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rebalancer.adapters.chain.codec import WORD, DecodeError, Words, address_word, bytes_tail, uint_word
from rebalancer.core.model.module import (
    Checker,
    CheckKind,
    FieldCheck,
    ModuleAsset,
    ModuleLimits,
    ModulePolicy,
    ModuleRoute,
    ModuleState,
    ModuleSwap,
)
from rebalancer.market.addresses import keccak256
from rebalancer.units import Address, Ppm, Usd, Weight

_SWAP = "(uint256,uint256,uint256,uint256,uint256,uint256)[]"
REBALANCE = keccak256(f"rebalance({_SWAP},bytes,uint256,uint256)".encode())[:4]
PREVIEW = keccak256(f"preview({_SWAP},bytes,uint256,uint256)".encode())[:4]
POLICY = keccak256(b"policy()")[:4]
STATE = keccak256(b"state()")[:4]
CHECKER = tuple(keccak256(name)[:4] for name in (b"SELECTOR()", b"LENGTH()", b"checks()"))
"""What a RouteCheck says of itself, in the order in which `decode_checker` takes the answers."""
REBALANCED_EVENT = (
    "0x" + keccak256(b"Rebalanced(uint256,uint256[],uint256,uint256,uint256,uint256,uint256,uint256)").hex()
)
TARGETS_SET_EVENT = "0x" + keccak256(b"TargetsSet(address,uint256[])").hex()

Item = TypeVar("Item")


def rebalance_data(swaps: Sequence[ModuleSwap], data: bytes, deadline: int, nonce: int) -> bytes:
    """Calldata of rebalance()."""
    return REBALANCE + _batch(swaps, data, deadline, nonce)


def preview_data(swaps: Sequence[ModuleSwap], data: bytes, deadline: int, nonce: int) -> bytes:
    """Calldata of preview()."""
    return PREVIEW + _batch(swaps, data, deadline, nonce)


def constructor_data(policy: ModulePolicy, operator: Address, guardian: Address, targets: Sequence[int]) -> bytes:
    """What follows the bytecode at deployment."""
    tails = (
        _array([_asset_words(asset) for asset in policy.assets]),
        _array([uint_word(target) for target in targets]),
        _array([address_word(hub) for hub in policy.hubs]),
        _array([address_word(route.router) + address_word(route.checker) for route in policy.routes]),
    )
    limits = _limit_words(policy.limits)
    heads = [address_word(policy.safe), address_word(operator), address_word(guardian)]
    offset = (len(heads) + len(tails)) * WORD + len(limits)
    for tail in tails:
        heads.append(uint_word(offset))
        offset += len(tail)
    return b"".join((*heads, limits, *tails))


def checker_data(checker: Checker) -> bytes:
    """What follows the bytecode of a RouteCheck at deployment."""
    fields = [(check.kind, check.offset, check.size, check.pinned) for check in checker.checks]
    head = checker.selector.ljust(WORD, b"\0") + uint_word(checker.length) + uint_word(3 * WORD)
    return head + _array([b"".join(map(uint_word, field)) for field in fields])


def decode_checker(address: Address, answers: Sequence[bytes]) -> Checker:
    """What a RouteCheck answered to CHECKER. DecodeError, or ValueError for a kind of check that there is not."""
    selector, length, checks = (Words(answer, what=f"RouteCheck {address}") for answer in answers)
    if selector.uint(0) % (1 << 224):
        raise DecodeError(f"RouteCheck {address}: its selector has more than 4 bytes")
    return Checker(
        address=address,
        selector=answers[0][:4],
        length=length.uint(0),
        checks=_items(checks.at(0), 4, lambda w: FieldCheck(CheckKind(w.uint(0)), w.uint(1), w.uint(2), w.uint(3))),
    )


def decode_policy(data: bytes, what: str) -> ModulePolicy:
    """What policy() returned; `what` names it in a DecodeError."""
    policy = Words(data, what=what).at(0)
    return ModulePolicy(
        safe=policy.address(0),
        assets=_items(policy.at(1), 9, _asset),
        hubs=_items(policy.at(2), 1, lambda words: words.address(0)),
        routes=_items(policy.at(3), 2, lambda words: ModuleRoute(words.address(0), words.address(1))),
        limits=_limits(policy.after(4)),
    )


def decode_module(policy: bytes, state: bytes) -> tuple[ModulePolicy, ModuleState]:
    """What policy() and state() of one module returned. DecodeError also where the two do not fit together."""
    decoded = decode_policy(policy, "policy()"), decode_state(state, "state()")
    assets, targets = len(decoded[0].assets), len(decoded[1].targets)
    if targets != assets:
        raise DecodeError(f"state(): {targets} targets, where policy() has {assets} assets")
    return decoded


def decode_state(data: bytes, what: str) -> ModuleState:
    """What state() returned; `what` names it in a DecodeError."""
    state = Words(data, what=what).at(0)
    return ModuleState(
        operator=state.address(0),
        guardian=state.address(1),
        paused=state.flag(2),
        nonce=state.uint(3, 63),
        last=state.uint(4, 64),
        targets=_items(state.at(5), 1, lambda words: Ppm(words.uint(0))),
        loss_left=Weight(state.uint(6, 64)),
        turnover_left=Weight(state.uint(7, 64)),
        step_left=Weight(state.uint(8, 64)),
    )


def decode_rebalance(data: bytes) -> tuple[tuple[ModuleSwap, ...], bytes]:
    """The swaps and the outside calldata of what `rebalance_data` made. DecodeError for other calldata."""
    words = Words(data[4:], what="rebalance() calldata")
    return _items(words.at(0), 6, _swap), words.at(1).blob()


def _batch(swaps: Sequence[ModuleSwap], data: bytes, deadline: int, nonce: int) -> bytes:
    first = _array([_swap_words(swap) for swap in swaps])
    head = uint_word(4 * WORD) + uint_word(4 * WORD + len(first)) + uint_word(deadline) + uint_word(nonce)
    return head + first + bytes_tail(data)


def _array(items: Sequence[bytes]) -> bytes:
    return uint_word(len(items)) + b"".join(items)


def _items(array: Words, size: int, decode: Callable[[Words], Item]) -> tuple[Item, ...]:
    """The elements of an array of static tuples of `size` words."""
    return tuple(decode(array.after(1 + index * size)) for index in range(array.length()))


def _swap_words(swap: ModuleSwap) -> bytes:
    numbers = (swap.route, swap.token_in, swap.token_out, swap.amount_in, swap.min_out, swap.path)
    return b"".join(map(uint_word, numbers))


def _swap(words: Words) -> ModuleSwap:
    return ModuleSwap(*(words.uint(index) for index in range(6)))


def _asset_words(asset: ModuleAsset) -> bytes:
    return b"".join(
        (
            address_word(asset.token),
            address_word(asset.feed),
            uint_word(asset.heartbeat),
            address_word(asset.second_feed),
            uint_word(asset.second_heartbeat),
            *map(uint_word, (asset.least, asset.most, asset.price_low, asset.price_high)),
        )
    )


def _asset(words: Words) -> ModuleAsset:
    return ModuleAsset(
        token=words.address(0),
        feed=words.address(1),
        heartbeat=words.uint(2),
        second_feed=words.address(3),
        second_heartbeat=words.uint(4),
        least=Ppm(words.uint(5)),
        most=Ppm(words.uint(6)),
        price_low=Usd(words.uint(7)),
        price_high=Usd(words.uint(8)),
    )


def _limit_words(limits: ModuleLimits) -> bytes:
    numbers = (
        limits.window,
        limits.max_turnover,
        limits.max_loss,
        limits.max_shortfall,
        limits.min_trade,
        limits.max_trade,
        limits.tolerance,
        limits.cooldown,
        limits.target_step,
        int(limits.allow_opaque),
    )
    return b"".join((*map(uint_word, numbers), address_word(limits.sequencer), uint_word(limits.grace)))


def _limits(words: Words) -> ModuleLimits:
    return ModuleLimits(
        window=words.uint(0),
        max_turnover=Ppm(words.uint(1)),
        max_loss=Ppm(words.uint(2)),
        max_shortfall=Ppm(words.uint(3)),
        min_trade=Usd(words.uint(4)),
        max_trade=Ppm(words.uint(5)),
        tolerance=Ppm(words.uint(6)),
        cooldown=words.uint(7),
        target_step=Ppm(words.uint(8)),
        allow_opaque=words.flag(9),
        sequencer=words.address(10),
        grace=words.uint(11),
    )
