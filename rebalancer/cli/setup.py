"""The commands before the first tick: init, operator new, replica up."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rebalancer.config import read_password, text, write_example
from rebalancer.core.errors import ConfigError
from rebalancer.wire import create_operator


@dataclass(frozen=True, slots=True)
class Filled:
    """What a person knows already, as it was typed; None where it was not. `modular`: of kind `safe-module`."""

    wallet: str | None
    operator: str | None
    rpc: str | None
    module: str | None
    modular: bool


def init_config(path: Path, filled: Filled, as_json: bool) -> int:
    """Write the example; never over a file that is there."""
    _check_accounts(filled)
    write_example(path, filled.wallet, filled.operator, filled.rpc, (filled.module or "") if filled.modular else None)
    if as_json:
        from rebalancer.cli.as_json import emit

        emit({"written": str(path)})
    else:
        missing = [name for name in ("wallet", "operator") if getattr(filled, name) is None]
        fill_in = f"Fill in {' and '.join(missing)}, then" if missing else "Now"
        deploy = filled.modular and filled.module is None
        step = "deploy the module from it (README: Use it on a real Safe)" if deploy else f"rebalancer check -c {path}"
        print(f"Wrote {path}. {fill_in}{'' if deploy else ' run'}: {step}")
    return 0


def _check_accounts(filled: Filled) -> None:
    """Before anything is written: a file that no command reads helps nobody."""
    if filled.module is not None and not filled.modular:
        raise ConfigError("--module: expected none with --kind safe, where nothing on-chain holds the operator")
    for name in ("wallet", "operator", "module"):
        given = getattr(filled, name)
        if given is None:
            continue
        try:
            text.address(given)
        except ValueError as error:
            raise ConfigError(f"--{name}: {error}, saw {given!r}; nothing was written") from None


def new_operator(keystore: Path, password_file: Path | None, chain_id: int, as_json: bool) -> int:
    """A new key in an encrypted keystore; only its address is ever shown."""
    password = read_password(password_file)
    if password is None:
        password = _ask_password()
    address = create_operator(keystore, password, chain_id)
    if as_json:
        from rebalancer.cli.as_json import emit

        emit({"address": address, "keystore": str(keystore), "chain": chain_id})
    else:
        print(
            f"{address}\nIts key is in {keystore}, encrypted, for chain {chain_id} and no other. "
            "Send it a little ETH for gas, and nothing else."
        )
    return 0


def _ask_password() -> str:
    from getpass import getpass

    if not sys.stdin.isatty():
        raise ConfigError("no password for the keystore: set REBALANCER_PASSWORD, or give --password-file")
    first = getpass("Password for the keystore: ")
    if not first or first != getpass("Again: "):
        raise ConfigError("the two passwords differ or are empty; nothing was written")
    return first


def keep_replica(port: int, pools: Path | None, as_json: bool) -> int:
    """The replica, until Ctrl-C."""
    import signal

    from rebalancer.replica.chain import Replica

    with Replica.start(port=port, pools=pools, block_time=12) as replica, suppress(KeyboardInterrupt):
        if as_json:
            from rebalancer.cli.as_json import emit

            emit({"url": replica.url, "chain_id": 1, "pools": len(replica.pools)})
            sys.stdout.flush()
        else:
            print(f"The replica answers at {replica.url} with {len(replica.pools)} pools. Ctrl-C stops it.", flush=True)
        signal.pause()
    return 0
