"""Settings of the hostile router and tokens as storage words."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from given_hostile import Moment
from machine_chain import Words, merged
from machine_router import Ambush, Hostile
from machine_world import Party, World

from rebalancer.replica.calls import encode_call

EXEC = "execTransactionFromModule(address,uint256,bytes,uint8)"
SETTERS = {
    "set_targets": ("set_targets(uint256[])", [[200_000] * 5]),
    "set_operator": ("set_operator(address)", ["attacker"]),
    "pause": ("pause()", []),
    "unpause": ("unpause()", []),
    "drop_operator": ("drop_operator()", []),
}
"""Doors of the module that an ambush may try in the middle of a rebalance."""


class Script:
    """The words of any setting, for one party. What has to be recorded is recorded once."""

    def __init__(self, world: World, party: Party) -> None:
        self.world = world
        self.party = party
        self._recorded: dict[Ambush, Words] = {}

    @cached_property
    def attacker(self) -> str:
        return str(self.world.chain.replica.actor("attacker").address)

    def words(self, hostile: Hostile) -> Words:
        world, router, token = self.world, self.world.ground.router.address, self.world.ground.tokens[hostile.token]
        slots, mine = world.slots.router, world.slots.token
        settings: Words = {router: {}, token.address: {}}
        settings[router][slots["takes"]] = hostile.takes % (1 << 256)
        settings[router][slots["pays"]] = hostile.pays % (1 << 256)
        settings[router][slots["manner"]] = hostile.manner
        settings[router][slots["payee"]] = int(self.attacker, 16) if hostile.keeps else 0
        settings[router] |= self._theft(hostile, token.address)
        settings[token.address][mine["fee"]] = hostile.fee
        settings[token.address][mine["approves"]] = int(hostile.approves)
        settings[token.address][mine["transfers"]] = int(hostile.transfers)
        settings[token.address][self.party.allowance_slots[hostile.token]] = hostile.allowed
        if hostile.returns_false:
            settings[token.address] |= world.falsehood
        return merged(settings, self._ambush(hostile.ambush))

    def _theft(self, hostile: Hostile, token: str) -> dict[int, int]:
        first = self.world.slots.router["theft"]
        if not hostile.theft:
            return {first + place: 0 for place in range(4)}
        values = (int(token, 16), int(self.party.module.safe, 16), hostile.theft, int(self.attacker, 16))
        return {first + place: value for place, value in enumerate(values)}

    def _ambush(self, ambush: Ambush | None) -> Words:
        if ambush is None:
            return {}
        if ambush not in self._recorded:
            self._recorded[ambush] = self._record(ambush)
        return self._recorded[ambush]

    def _record(self, ambush: Ambush) -> Words:
        world = self.world
        token, router, accomplice = world.ground.tokens[ambush.token], world.ground.router, world.ground.accomplice
        if ambush.gift:
            call = token.data("transfer", self.party.module.safe, ambush.gift)
            return self._laid(router.address, Moment.ROUTER_AFTER_PAYING, token.address, call, ambush.strict)
        if ambush.raid or ambush.coins:
            robbed = token.data("transfer", self.attacker, ambush.raid) if ambush.raid else "0x"
            to = token.address if ambush.raid else self.attacker
            call = encode_call(EXEC, to, ambush.coins, bytes.fromhex(robbed[2:]), 0)
            return merged(
                self._laid(accomplice.address, Moment.POOL_CALLED, self.party.module.safe, call),
                self._laid(router.address, Moment.ROUTER_AFTER_PAYING, accomplice.address, "0x"),
            )
        signature, values = SETTERS[ambush.name]
        given = [self.attacker if value == "attacker" else value for value in values]
        call = encode_call(signature, *given)
        return self._laid(router.address, Moment.ROUTER_AFTER_PAYING, self.party.module.address, call, ambush.strict)

    def _laid(self, mock: str, moment: int, target: str, call: str, strict: bool = False) -> Words:
        chain: Any = self.world.chain
        lay = self.world.ground.router.data("lay", moment, target, bytes.fromhex(call[2:]), strict)
        return {mock: chain.changes(chain.replica.actor("deployer").address, mock, lay)}
