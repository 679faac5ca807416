"""A policy that would hold the door open is refused when it is deployed, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from catalogue import stopped_by
from given_attacks import DAY, GOLD, IRON, SILV, TARGETS, Arena, every_safe
from given_deployment import AT_DEPLOYMENT, EMPTY, next_module, refuses
from given_hostile import Manner, a_contract, deploy, set_code

from rebalancer.core.model.module import NOBODY, ModulePolicy
from rebalancer.units import ONE, PPM, Address

Change = Callable[[Arena], ModulePolicy]


def _asset(arena: Arena, place: int, **fields: Any) -> ModulePolicy:
    assets = list(arena.module.policy.assets)
    assets[place] = replace(assets[place], **fields)
    return replace(arena.module.policy, assets=tuple(assets))


def _feed(arena: Arena, decimals: int = 8, manner: int = Manner.WORKS) -> Address:
    feed = a_contract(arena.replica, "HostileFeed", decimals, 10**decimals, 1)
    feed.set("set_manner", manner)
    return feed.address


def _token(arena: Arena, symbol: str, decimals: int) -> Address:
    return a_contract(arena.replica, "HostileToken", symbol, decimals).address


def _policy(arena: Arena, **parts: Any) -> ModulePolicy:
    return replace(arena.module.policy, **parts)


def _times(arena: Arena, count: int) -> ModulePolicy:
    return _policy(arena, assets=(arena.module.policy.assets * 5)[:count])


ASSETS: list[tuple[str, str, Change]] = [
    ("safe", "no code", lambda arena: _policy(arena, safe=EMPTY)),
    ("assets", "none", lambda arena: _times(arena, 0)),
    ("assets", "one", lambda arena: _times(arena, 1)),
    ("assets", "thirteen", lambda arena: _times(arena, 13)),
    ("token_twice", "next to it", lambda arena: _asset(arena, SILV, token=arena.tokens[GOLD].address)),
    ("token_twice", "apart", lambda arena: _asset(arena, IRON, token=arena.tokens[GOLD].address)),
    ("symbol_twice", "GOLD", lambda arena: _asset(arena, IRON, token=_token(arena, "GOLD1.4.1", 18))),
    ("token", "no code", lambda arena: _asset(arena, SILV, token=EMPTY)),
    ("token", "nobody", lambda arena: _asset(arena, SILV, token=NOBODY)),
    ("token", "the Safe", lambda arena: _asset(arena, SILV, token=arena.safe)),
    ("token", "the module", lambda arena: _asset(arena, SILV, token=next_module(arena))),
    ("decimals", "28", lambda arena: _asset(arena, SILV, token=_token(arena, "MANY", 28))),
    ("feed", "nobody", lambda arena: _asset(arena, SILV, feed=NOBODY)),
    ("feed", "no code", lambda arena: _asset(arena, SILV, feed=EMPTY)),
    ("feed", "reverts", lambda arena: _asset(arena, SILV, feed=_feed(arena, 8, Manner.REVERTS))),
    ("feed", "19 decimals", lambda arena: _asset(arena, SILV, feed=_feed(arena, 19))),
    ("feed", "no heartbeat", lambda arena: _asset(arena, SILV, heartbeat=0)),
    ("feed", "a heartbeat over a week", lambda arena: _asset(arena, SILV, heartbeat=7 * DAY + 1)),
    ("feed", "second no code", lambda arena: _asset(arena, IRON, second_feed=EMPTY)),
    ("feed", "second reverts", lambda arena: _asset(arena, IRON, second_feed=_feed(arena, 8, Manner.REVERTS))),
    ("feed", "second 19 decimals", lambda arena: _asset(arena, IRON, second_feed=_feed(arena, 19))),
    ("feed", "second no heartbeat", lambda arena: _asset(arena, IRON, second_heartbeat=0)),
    ("feed", "second heartbeat long", lambda arena: _asset(arena, IRON, second_heartbeat=7 * DAY + 1)),
    ("feed", "a heartbeat of no second", lambda arena: _asset(arena, SILV, second_heartbeat=1)),
    ("feed_twice", "both the same", lambda arena: _asset(arena, IRON, second_feed=arena.feeds[IRON].address)),
    ("targets_range", "least above most", lambda arena: _asset(arena, SILV, least=300_001, most=300_000)),
    ("targets_range", "most above all", lambda arena: _asset(arena, SILV, most=PPM + 1)),
    ("targets_range", "target below least", lambda arena: _asset(arena, SILV, least=300_001)),
    ("targets_range", "target above most", lambda arena: _asset(arena, SILV, most=299_999)),
    ("band", "upside down", lambda arena: _asset(arena, SILV, price_low=2 * ONE, price_high=ONE // 2)),
    ("band", "a lower end beyond 128 bits", lambda arena: _asset(arena, SILV, price_low=2**200, price_high=9 * ONE)),
    ("band", "no upper end", lambda arena: _asset(arena, SILV, price_low=ONE // 2)),
    ("band", "beyond 128 bits", lambda arena: _asset(arena, SILV, price_low=1, price_high=2**128 + 2**100)),
    ("band", "not around the price", lambda arena: _asset(arena, SILV, price_low=2 * ONE, price_high=3 * ONE)),
]


@pytest.mark.parametrize(("rule", "change"), [pytest.param(r, c, id=f"{r}: {what}") for r, what, c in ASSETS])
def test_policy__with_an_asset_that_cannot_be_held_to_it__is_refused(arena: Arena, rule: str, change: Change) -> None:
    refuses(arena, rule, change(arena))


@stopped_by(43, AT_DEPLOYMENT, "symbol_twice")
def test_token__with_a_second_address__is_refused_whatever_its_feed(arena: Arena) -> None:
    double = _token(arena, "GOLD1.4.1", 18)
    refuses(arena, "symbol_twice", _asset(arena, IRON, token=double, feed=_feed(arena)))
    refuses(arena, "token_twice", _asset(arena, IRON, token=arena.tokens[GOLD].address, feed=_feed(arena)))


@stopped_by(43, AT_DEPLOYMENT, "a symbol of 32 bytes counts too")
def test_symbols__of_tokens_that_write_them_otherwise__are_compared_as_they_are(arena: Arena) -> None:
    # Both answer everything with one word, 18: decimals, and a symbol as old tokens have it.
    for address in (first := Address(EMPTY[:-1] + "2"), second := Address(EMPTY[:-1] + "3")):
        set_code(arena.replica, address, "0x60125f5260205ff3")
    assets = list(arena.module.policy.assets)
    twice = [replace(assets[place], token=token) for place, token in ((SILV, first), (IRON, second))]
    refuses(arena, "symbol_twice", _policy(arena, assets=(assets[GOLD], *twice)))
    # Those without a symbol count as one: PUSH4 symbol EQ, then a revert. A single one may be listed.
    for address in (first, second):
        set_code(arena.replica, address, "0x5f3560e01c6395d89b411460165760125f5260205ff35b5f5ffd")
    refuses(arena, "symbol_twice", _policy(arena, assets=(assets[GOLD], *twice)))
    assert arena.again(assets=(assets[GOLD], assets[SILV], twice[1])).state().nonce == 0


@pytest.mark.parametrize(
    ("targets", "rule"),
    [
        ((400_000, 300_000, 299_999), "targets_sum"),
        ((400_000, 300_000, 300_001), "targets_sum"),
        ((0, 0, 0), "targets_sum"),
        ((PPM + 1, 0, 0), "targets_range"),
        ((700_000, 300_000), "targets_count"),
        ((), "targets_count"),
        ((400_000, 300_000, 200_000, 100_000), "targets_count"),
        ((400_000, 300_000, 300_000, *(0,) * 10), "targets_count"),
    ],
)
def test_targets__that_are_no_weights__are_refused(arena: Arena, targets: tuple[int, ...], rule: str) -> None:
    refuses(arena, rule, arena.module.policy, targets)


def test_asset__at_its_edges__is_taken(arena: Arena) -> None:
    edge = _asset(
        arena,
        SILV,
        token=_token(arena, "FINE", 27),
        feed=_feed(arena, 18),
        heartbeat=7 * DAY,
        least=300_000,
        most=300_000,
        price_low=ONE - 1,
        price_high=2**128 - 1,
    )
    played = arena.again(assets=edge.assets)
    assert played.module.onchain_policy() == edge


@pytest.mark.parametrize("rule", ["operator_is_owner"])
def test_operator__that_is_an_owner_or_the_safe__is_refused(arena: Arena, rule: str) -> None:
    for operator in (arena.module.owner, arena.replica.actor("second_owner").address, arena.safe):
        refuses(arena, rule, arena.module.policy, operator=operator)


@pytest.mark.parametrize("rule", ["operator_is_guardian"])
def test_operator__that_is_the_guardian__is_refused(arena: Arena, rule: str) -> None:
    refuses(arena, rule, arena.module.policy, guardian=arena.module.operator)


@stopped_by(24, AT_DEPLOYMENT, "heartbeat")
def test_feed__that_is_stale_at_deployment__is_refused(arena: Arena) -> None:
    old = arena.replica.now() - 3_700
    for place, answer, age in ((GOLD, 2_000 * 10**8, old), (3, 5 * 10**17, old - DAY)):
        with arena.replica.scratch():
            arena.feeds[place].set("set_round", 5, answer, age, age, 5)
            refuses(arena, "heartbeat", arena.module.policy)


@stopped_by(26, AT_DEPLOYMENT, "answer")
def test_feed__without_a_price_at_deployment__is_refused(arena: Arena) -> None:
    arena.feeds[SILV].set("set_answer", 0)
    refuses(arena, "answer", arena.module.policy)


@stopped_by(25, AT_DEPLOYMENT, "sequencer")
def test_sequencer__that_is_down_or_back_too_recently_at_deployment__is_refused(arena: Arena) -> None:
    now, policy = arena.replica.now(), arena.module.policy
    for answer, rule in ((1, "sequencer"), (0, "grace")):
        sequencer = deploy(arena.replica, "HostileFeed", 0, answer, now)
        refuses(arena, rule, replace(policy, limits=replace(policy.limits, sequencer=sequencer, grace=3_600)))


@every_safe
def test_module__deployed_on_every_release__tells_its_policy_as_it_was_given(arena: Arena) -> None:
    assert arena.module.onchain_policy() == arena.module.policy
    state = arena.state()
    assert (state.operator, state.guardian) == (arena.module.operator, arena.module.guardian)
    assert (state.paused, state.nonce, state.last, state.targets) == (False, 0, 0, TARGETS)
    assert (state.loss_left, state.turnover_left, state.step_left) == (5 * 10**15, 3 * 10**17, 0)
