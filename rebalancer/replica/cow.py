"""CoW Protocol's contracts, placed on demand: a node goes in, mainnet's contracts stand at mainnet's addresses.

Each is constructed by the account from which CREATE2 put it there, with mainnet's arguments and salt, so its immutables
are right. The settlement makes its relayer. Balancer's vault is not there: what pays and is paid in plain tokens never
calls it.
"""

from __future__ import annotations

from rebalancer.core.errors import ConfigError
from rebalancer.replica.bytecode import npm_init_code
from rebalancer.replica.calls import encode_call, encode_values
from rebalancer.replica.node import Node
from rebalancer.replica.places import SAFE_FACTORY_CODE
from rebalancer.replica.safes import DEPLOYMENT_PROXY
from rebalancer.units import Address

SALT = b"Mattresses in Berlin!".ljust(32, b"\0").hex()
AUTHENTICATOR = Address("0x2c4c28DDBdAc9C5E7055b4C863b72eA0149D8aFE")
"""Who says which accounts may settle: a proxy."""
AUTHENTICATION = Address("0x9E7Ae8Bdba9AA346739792d219a808884996Db67")
"""Its implementation."""
MANAGER = Address("0x6Fb5916c0f57f88004d5b5EB25f6f4D77353a1eD")
"""Who owns it, and names the solvers."""
SETTLEMENT = Address("0x9008D19f58AAbD9eD0D60971565AA8510560ab41")
RELAYER = Address("0xC92E8bdf79f0507f65a392b0ab4667716BFE0110")
"""Which the settlement makes."""
BALANCER_VAULT = Address("0xBA12222222228d8Ba445958a75a0704d566BF2C8")
ETHER = 10**18


def place_settlement(node: Node) -> None:
    """Places what is not there yet, and checks where it has landed. A block per contract."""
    node.rpc.call("anvil_setCode", DEPLOYMENT_PROXY, SAFE_FACTORY_CODE)
    sender = node.actor("deployer").address
    for address, code in _init_codes().items():
        if not _stands(node, address):
            node.send(sender, DEPLOYMENT_PROXY, f"0x{SALT}{code[2:]}")
    missing = [address for address in (*_init_codes(), RELAYER) if not _stands(node, address)]
    if missing:
        raise ConfigError(
            f"replica: no code at {', '.join(missing)}, where mainnet has CoW Protocol's: the npm packages are not the "
            "ones of package-lock.json; run `npm ci`"
        )


def make_solver(node: Node, solver: str) -> None:
    """From now on `solver` may settle orders, as the manager of mainnet says it. Mines a block."""
    node.rpc.call("anvil_setBalance", MANAGER, hex(ETHER))
    node.transact(MANAGER, AUTHENTICATOR, "addSolver(address)", solver)


def _init_codes() -> dict[Address, str]:
    """Address → the code that is to be run for it, each after those that it needs."""
    first = bytes.fromhex(encode_call("initializeManager(address)", MANAGER)[2:])
    proxy = encode_values(("address", "address", "bytes"), AUTHENTICATION, MANAGER, first)
    settlement = encode_values(("address", "address"), AUTHENTICATOR, BALANCER_VAULT)
    return {
        AUTHENTICATION: npm_init_code("GPv2AllowListAuthentication"),
        AUTHENTICATOR: npm_init_code("EIP173Proxy") + proxy,
        SETTLEMENT: npm_init_code("GPv2Settlement") + settlement,
    }


def _stands(node: Node, address: str) -> bool:
    return bool(node.rpc.call("eth_getCode", address, "latest") != "0x")
