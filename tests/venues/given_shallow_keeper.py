"""A keeper off its targets whose own router knows no deep pool, so that whoever is asked outside pays more."""

from __future__ import annotations

from pathlib import Path

from given_keeper import Keeper, a_keeper, a_key, bring_on_target

from rebalancer.replica.chain import Replica

DEEP = ("v3 USDC/WETH 0.05 %", "v3 WBTC/WETH 0.05 %")


def a_shallow_keeper(replica: Replica, folder: Path) -> Keeper:
    """Too much WETH and WBTC, too little USDC. Its Safe is another than a world's, which has the same operator."""
    (folder / "keys").mkdir()
    owners = (replica.actor("operator").address, replica.actor("owner").address)
    keeper = a_keeper(replica, folder, a_key(replica, folder / "keys"), owners)
    push_off_target(keeper)
    return keeper


def push_off_target(keeper: Keeper) -> None:
    """So much more and less of each than its target, and the deep pools out of its file."""
    bring_on_target(keeper)
    for symbol, tenths in (("WETH", 13), ("WBTC", 12), ("USDC", 3)):
        keeper.replica.deal(symbol, keeper.wallet, keeper.replica.balance(symbol, keeper.wallet) * tenths // 10)
    for pool in DEEP:
        keeper.edit(f"      - {pool}\n", "")
