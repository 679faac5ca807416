"""What stands in a sender's place where nothing may be sent: it has no key, no relay, and no way to either."""

from __future__ import annotations

from typing import NoReturn

from rebalancer.adapters.wallets.nodes import Nodes
from rebalancer.core.errors import Halt
from rebalancer.core.model import Block
from rebalancer.units import Address


class Keyless:
    """Of an operator on one chain, whose key is not here. Whoever asks it to sign or send is wrong: Halt."""

    relay: str | None = None

    def __init__(self, nodes: Nodes, chain_id: int, operator: Address) -> None:
        self.nodes = nodes
        self.chain_id = chain_id
        self.operator = operator

    def gas_now(self) -> Block:
        """The newest block, with what builders were paid lately. Raises Unavailable."""
        return self.nodes.head()

    def sign(self, *_: object) -> NoReturn:
        raise self._no()

    def replace(self, *_: object) -> NoReturn:
        raise self._no()

    def send(self, *_: object) -> NoReturn:
        raise self._no()

    def send_withdrawal(self, *_: object) -> NoReturn:
        raise self._no()

    def _no(self) -> Halt:
        return Halt(
            f"operator {self.operator}: something was to be signed or sent on paper, where neither can be done. "
            "Nothing was sent. This is a fault of the program: report it, then resume"
        )
