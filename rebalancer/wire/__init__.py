"""Settings to ports: the only room that names an adapter. A new adapter is a line in it.

parts      the ports of one keeper, put together; who is told; who is asked for quotes
wallets    the wallet of the configured kind, who signs and sends for it, what its owners send themselves
targets    the weights that are wanted, and the prices of the past that they follow from
records    where a portfolio is remembered, who may act for it, where workers of many meet
"""

from __future__ import annotations

from rebalancer.wire.parts import known_venues, make_notifier, make_people, make_ports
from rebalancer.wire.records import (
    SERVER,
    close_ledger,
    close_ports,
    fleet_name,
    lock_path,
    make_lease,
    open_ledger,
    open_queue,
)
from rebalancer.wire.targets import feed_history, llama_coin, llama_history, make_estimated
from rebalancer.wire.wallets import (
    create_operator,
    examine_wallet,
    make_signer,
    module_init_code,
    owners_call,
    rebalance_data,
    wanted_policy,
)

__all__ = [
    "SERVER",
    "close_ledger",
    "close_ports",
    "create_operator",
    "examine_wallet",
    "feed_history",
    "fleet_name",
    "known_venues",
    "llama_coin",
    "llama_history",
    "lock_path",
    "make_estimated",
    "make_lease",
    "make_notifier",
    "make_people",
    "make_ports",
    "make_signer",
    "module_init_code",
    "open_ledger",
    "open_queue",
    "owners_call",
    "rebalance_data",
    "wanted_policy",
]
