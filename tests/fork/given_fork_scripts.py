"""The owners' scripts run as a person runs them, on the fork that the test holds; and their files carried out."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ape.api import AccountAPI
from ape.contracts import ContractInstance
from given_fork import SENTINEL, ZERO, Fork, create_safe

from rebalancer.adapters.wallets.module_abi import STATE, decode_state
from rebalancer.config import write_example
from rebalancer.core.model.module import ModuleState
from rebalancer.replica.calls import encode_call

ROOT = Path(__file__).resolve().parents[2]
OWNER, GUARDIAN = "TEST::0", "TEST::3"
Config = dict[str, Any]


@dataclass(frozen=True)
class Owners:
    """A Safe of one owner, the keeper's configuration of it, and the scripts."""

    fork: Fork
    owner: AccountAPI
    operator: str
    guardian: str
    safe: ContractInstance
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "rebalancer.yaml"

    def edit(self, change: Callable[[Config], None]) -> None:
        """Changes the configuration, as the mappings that the file holds."""
        content = yaml.load(self.config.read_text(), Loader=yaml.BaseLoader)
        change(content)
        self.config.write_text(yaml.safe_dump(content, sort_keys=False))

    def run(self, *arguments: str, answers: str = "") -> subprocess.CompletedProcess[str]:
        """`ape run` in a process of its own, with what is typed."""
        command = ["ape", "run", *arguments, "--network", "ethereum:mainnet:node"]
        environment = {**os.environ, "REBALANCER_UPSTREAM": self.fork.url}
        options: dict[str, Any] = {"capture_output": True, "text": True, "check": False, "timeout": 300}
        return subprocess.run(command, cwd=ROOT, env=environment, input=answers, **options)

    def act(self, action: str, module: str, *more: str, account: str = OWNER, answers: str = "y\n") -> str:
        """`ape run module ACTION`, which must end well. What it says."""
        done = self.run("module", action, module, *more, "--account", account, answers=answers)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def carry_out(self, file: Path) -> None:
        """What the Safe's app makes of a Transaction Builder file: each method encoded anew, called from the Safe."""
        content = json.loads(file.read_text())
        assert (content["version"], content["chainId"]) == ("1.0", str(self.fork.chain.chain_id))
        assert content["meta"]["createdFromSafeAddress"] == self.safe.address
        for transaction in content["transactions"]:
            method, values = transaction["contractMethod"], transaction["contractInputsValues"]
            types = [each["type"] for each in method["inputs"]]
            given = [_value(each["type"], values[each["name"]]) for each in method["inputs"]]
            data = encode_call(f"{method['name']}({','.join(types)})", *given)
            self.as_the_safe(transaction["to"], bytes.fromhex(data[2:]))

    def as_the_safe(self, to: str, data: bytes) -> None:
        nothing = (0, 0, 0, ZERO, ZERO)
        signature = bytes(12) + bytes.fromhex(self.owner.address[2:]) + bytes(32) + b"\x01"
        self.safe.execTransaction(to, 0, data, 0, *nothing, signature, sender=self.owner)

    def batches(self) -> int:
        """How many transactions the Safe has made: its own nonce, which ape hides behind the account's."""
        answer = self.fork.ask("eth_call", {"to": self.safe.address, "data": encode_call("nonce()")}, "latest")
        return int(answer, 16)

    def modules(self) -> list[str]:
        found, _ = self.safe.getModulesPaginated(SENTINEL, 10)
        return list(found)

    def state(self, module: str) -> ModuleState:
        answer = self.fork.ask("eth_call", {"to": module, "data": "0x" + STATE.hex()}, "latest")
        return decode_state(bytes.fromhex(answer[2:]), "state()")


def some_owners(fork: Fork, accounts: Any, folder: Path) -> Owners:
    """With the configuration that `init` writes, of kind safe-module."""
    owner, operator, guardian = accounts[0], accounts[2].address, accounts[3].address
    safe = create_safe(fork, owner, [owner.address])
    owners = Owners(fork, owner, operator, guardian, safe, folder)
    write_example(owners.config, safe.address, operator, fork.url)

    def of_a_module(content: Config) -> None:
        content["wallet"]["kind"] = "safe-module"
        content["module"] = {"guardian": guardian, "max_loss": "0.5 %"}

    owners.edit(of_a_module)
    return owners


def module_in(said: str) -> str:
    """The address of the module that was deployed."""
    found = re.search(r"RebalanceModule (0x[0-9a-fA-F]{40}),", said)
    assert found, said
    return found.group(1)


def _value(kind: str, text: str) -> Any:
    if kind.endswith("[]"):
        return [int(part) for part in json.loads(text)]
    return int(text) if kind.startswith("uint") else text
