"""Many portfolios in a folder, on the replica: each a Safe off its targets, with a key and a file of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eth_account import Account
from given_keeper import HOLDINGS, private, started, to_the_present
from given_wallet import PASSWORD

from rebalancer.adapters.wallets.abi import EXECUTION_SUCCESS_EVENT
from rebalancer.config import write_example
from rebalancer.market.addresses import checksum_address
from rebalancer.replica.chain import Replica
from rebalancer.units import Address

SMALLER = 20
"""Than the holdings of a keeper alone: all of a fleet trade in the same pools, one after the other."""
GAS_MONEY = 10**18
AT_ONCE = {"live: false": "live: true", "ramp: 5 % for 3 d": "ramp: off", "confirmations: 2": "confirmations: 1"}


@dataclass(frozen=True, slots=True)
class Member:
    """One portfolio."""

    config: Path
    wallet: Address
    operator: Address

    def edit(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))


@dataclass(frozen=True, slots=True)
class Fleet:
    """All of them, and where their ledgers are."""

    replica: Replica
    folder: Path
    members: tuple[Member, ...]

    def started(self, *arguments: str, host: str = "here") -> subprocess.Popen[str]:
        """`run --all`, live, on a host of that name."""
        to_the_present(self.replica)
        state = str(self.folder.parent / f"state-{host}")
        return started("run", "--all", str(self.folder), "--live", "--json", *arguments, XDG_STATE_HOME=state)

    def sent(self, member: Member) -> int:
        """Transactions of its operator that were mined."""
        return int(self.replica.rpc.call("eth_getTransactionCount", member.operator, "latest"), 16)

    def executed(self, member: Member) -> list[str]:
        """The transactions in which its Safe says that it has executed a batch."""
        asked = {"address": member.wallet, "fromBlock": "0x0", "toBlock": "latest"}
        logs = self.replica.rpc.call("eth_getLogs", {**asked, "topics": [EXECUTION_SUCCESS_EVENT]})
        return [str(log["transactionHash"]) for log in logs]


def a_fleet(replica: Replica, folder: Path, ledgers: Sequence[str]) -> Fleet:
    """A portfolio for each URL of a ledger."""
    folder.mkdir(parents=True)
    private(folder / "password", PASSWORD)
    members = tuple(_member(replica, folder, number, url) for number, url in enumerate(ledgers, 1))
    return Fleet(replica, folder, members)


def _member(replica: Replica, folder: Path, number: int, ledger: str) -> Member:
    key = (10**6 + number).to_bytes(32, "big")  # anybody's
    operator = checksum_address(Account.from_key(key).address)
    wallet = replica.create_safe([operator])
    replica.deal("ETH", operator, GAS_MONEY)
    for symbol, raw in HOLDINGS.items():
        replica.deal(symbol, wallet, raw // SMALLER)
    keystore = Account.encrypt(key, PASSWORD, kdf="scrypt", iterations=2)
    private(folder / f"p{number:02}.json", json.dumps(keystore | {"rebalancer": {"chain": 1, "address": operator}}))
    member = Member(folder / f"p{number:02}.yaml", wallet, operator)
    write_example(member.config, wallet, operator, replica.url)
    member.edit("keystore: operator.json", f"keystore: p{number:02}.json")
    member.edit("ledger: rebalancer.sqlite ", f'ledger: "{ledger}" ')
    for shown, wanted in AT_ONCE.items():
        member.edit(shown, wanted)
    return member
