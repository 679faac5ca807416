"""The owners' scripts without ape: the same steps at a desk whose transactions the replica mines, and typed answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from click.testing import CliRunner, Result

from rebalancer.config import write_example
from rebalancer.core.model.module import ModuleState
from rebalancer.replica.chain import Replica
from rebalancer.units import Address
from scripts._owners.desk import Desk, Send, in_a_sentence
from scripts._owners.found import Found, find_module
from scripts._owners.making import deploy
from scripts._owners.sight import Sight

Config = dict[str, Any]


@dataclass(frozen=True)
class Owners:
    """A Safe of one owner, the keeper's configuration of it, and whoever sits down at the desk."""

    replica: Replica
    safe: Address
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "rebalancer.yaml"

    def actor(self, role: str) -> Address:
        return self.replica.actor(role).address

    def edit(self, change: Callable[[Config], None]) -> None:
        """Changes the configuration, as the mappings that the file holds."""
        content = yaml.load(self.config.read_text(), Loader=yaml.BaseLoader)
        change(content)
        self.config.write_text(yaml.safe_dump(content, sort_keys=False))

    def desk(self, role: str | None = "owner") -> Desk:
        sender = None if role is None else self.actor(role)
        return Desk(Sight(self.replica.rpc), 1, sender, _mined_by(self.replica, sender))

    def at(self, desk: Desk, act: Callable[[Desk], None], answers: str = "y\ny\n") -> Result:
        """What a script says and how it ends, given what is typed."""

        def script() -> None:
            with in_a_sentence():
                act(desk)

        return CliRunner().invoke(click.Command("script", callback=script), input=answers)

    def act(self, action: Callable[..., None], module: Address, *values: Any, **at: Any) -> Result:
        """One of `ape run module`'s actions; `role` and `out` may be named."""
        desk = self.desk(at.get("role", "owner"))
        return self.at(
            desk, lambda desk: action(self.found(desk, module), at.get("out"), *values), at.get("answers", "y\n")
        )

    def found(self, desk: Desk, module: Address) -> Found:
        return find_module(desk, module)

    def deployed(self) -> Address:
        """The module of the configuration, deployed and enabled."""
        done = self.at(self.desk(), lambda desk: deploy(desk, self.config, None))
        assert done.exit_code == 0, done.output
        return self.modules()[0]

    def modules(self) -> tuple[Address, ...]:
        return Sight(self.replica.rpc).safe(self.safe).modules

    def state(self, module: Address) -> ModuleState:
        found = Sight(self.replica.rpc).module(module)
        assert found is not None
        return found[1]

    def sent(self, role: str = "owner") -> int:
        """How many transactions it has sent."""
        return int(self.replica.rpc.call("eth_getTransactionCount", self.actor(role), "latest"), 16)


def some_owners(replica: Replica, folder: Path) -> Owners:
    """With the configuration that `init` writes, of kind safe-module."""
    owners = Owners(replica, replica.create_safe([replica.actor("owner").address]), folder)
    write_example(owners.config, owners.safe, owners.actor("operator"), replica.url, "")

    def fill_in(content: Config) -> None:
        del content["wallet"]["module"]  # read as text, it would be one that is empty
        content["module"]["guardian"] = owners.actor("guardian")

    owners.edit(fill_in)
    return owners


def _mined_by(replica: Replica, sender: Address | None) -> Send:
    def send(to: Address | None, data: bytes) -> Address | None:
        assert sender is not None, "only a file was to be written"
        if to is None:
            return replica.deploy(data, sender)
        replica.send(sender, to, "0x" + data.hex())
        return None

    return send
