"""Trials on a replica, one after the other, and their judge: what chain, ledger and wallet say at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from faults_judge import before, wrong_trades
from given_faults import Fault, Proxy
from given_keeper import Keeper, a_keeper, a_key
from given_trials import Case, Ended, Verdict, World

from rebalancer.config import Settings, read_settings
from rebalancer.core.errors import RebalancerError
from rebalancer.core.model import FINAL_BLOCKS
from rebalancer.replica.chain import Replica

SOME = 4


class Lab:
    """A replica, on which trials are made one after the other. Start it in a thread that lives as long as it does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._replica = Replica.start()
        self._key = a_key(self._replica, folder)
        self._trials = 0

    def close(self) -> None:
        self._replica.close()

    def trial(self, case: Case) -> Verdict:
        """The case once, from its beginning."""
        with self._world(case) as world:
            start = before(world)
            case.before(world)
            unready = next((ended for ended in world.ends if ended.word != "planned"), None)
            world.ends.clear()
            world.proxy.go_wrong(case.fault if isinstance(case.fault, Fault) else case.fault(world))
            for _ in range(case.under):
                world.tick()
            struck = world.proxy.struck
            world.proxy.be_honest()
            try:
                case.meanwhile(world)
            except RebalancerError as error:
                world.ends.append(Ended("meanwhile", str(error), 0.0))
            _recover(world, len(case.ends) - case.under)
            hung = any(ended.word == "hung" for ended in world.ends)
            wrong = () if hung else tuple(wrong_trades(world, start))
            strange = f"before the fault: {unready}" if unready else _strange(case, world.ends, struck)
            return Verdict(case.name, tuple(world.ends), struck, wrong, hung, strange)

    def _come_to_the_present(self) -> None:
        """Each return to a mark has set anvil's clock back by as much as the trial before has taken.

        Some blocks more, so that those that are a little behind are of the present too.
        """
        now = max(int(time.time()), self._replica.now() + 1)
        self._replica.rpc.batch([("evm_setNextBlockTimestamp", [now]), ("evm_mine", [])])
        self._replica.mine(SOME)

    @contextmanager
    def _world(self, case: Case) -> Iterator[World]:
        self._trials += 1
        folder = self._folder / str(self._trials)
        folder.mkdir()
        with self._replica.scratch():
            keeper = a_keeper(self._replica, folder, self._key)
            bad, good = Proxy(self._replica.url), Proxy(self._replica.url)
            try:
                urls = f'["{bad.url}", "{good.url}"]' if case.spare or case.quorum > 1 else f'"{bad.url}"'
                text = keeper.config.read_text().replace(f'"{self._replica.url}"', urls)
                keeper.config.write_text(_at_once(text))
                self._come_to_the_present()
                yield World(keeper, bad, _settings(keeper, case))
            finally:
                bad.close()
                good.close()
                self._replica.rpc.call("evm_setAutomine", True)


def _recover(world: World, ticks: int) -> None:
    """The ticks after the fault. What the first of them has found, or done, is final for those after it."""
    for number in range(ticks):
        if number or ticks == 1:
            world.replica.mine(FINAL_BLOCKS)
        world.tick()


def _settings(keeper: Keeper, case: Case) -> Settings:
    """Every trial has a folder of locks of its own, for the Safes of all replicas have one address."""
    settings = read_settings(keeper.config)
    replacing = replace(settings.policy.replacing, after=1)  # nobody here waits for a block
    policy = replace(settings.policy, replacing=replacing)
    return replace(settings, state=keeper.folder, policy=policy, quorum=case.quorum)


def _at_once(text: str) -> str:
    """A configuration that is live, trades on its first day, and calls mined what is in a block."""
    for old, new in (
        ("live: false", "live: true"),
        ("confirmations: 2", "confirmations: 1"),
        ("ramp: 5 % for 3 d", "ramp: off"),
    ):
        if old not in text and new not in text:
            raise ValueError(f"the example configuration has no {old!r} any more")
        text = text.replace(old, new)
    return text


def _strange(case: Case, ends: list[Ended], struck: int) -> str | None:
    words = tuple(ended.word for ended in ends)
    if words != case.ends:
        details = "; ".join(f"{ended.word}: {ended.detail}" for ended in ends)
        return f"ended {' → '.join(words)}, expected {' → '.join(case.ends)} ({details})"
    if not struck:
        return "the fault never struck"
    said = ends[case.under - 1].detail
    return None if case.saying in said else f"said {said!r}, expected {case.saying!r} in it"
