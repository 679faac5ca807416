"""The file of a key: read with care, written once, and what it says in the clear of what the key is for."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebalancer.core.errors import ConfigError
from rebalancer.market.addresses import checksum_address
from rebalancer.units import Address

_OTHERS = 0o077  # the permission bits of everybody but the owner of a file
EXPECTED = "expected the encrypted key file that `rebalancer operator new` makes"
PIN = "rebalancer"
"""The field of the file that says what its key is for. Other programs read past it."""


@dataclass(frozen=True, slots=True)
class Pin:
    """What a key was made for."""

    chain_id: int
    address: Address


def read_keystore(path: Path) -> dict[str, Any]:
    """The fields of a private file of version 3, the key still encrypted. ConfigError."""
    try:
        content = json.loads(_read_private(path), parse_constant=_no_number)
    except ValueError:
        raise _no_keystore(path, "is not JSON") from None
    if not isinstance(content, dict) or content.get("version") != 3:
        raise _no_keystore(path, "is not of version 3")
    return content


def _no_number(constant: str) -> Any:
    """JSON has no NaN and no Infinity, and a work factor of Infinity has no end."""
    raise ValueError(f"{constant} is no JSON")


def _read_private(path: Path) -> str:
    """The text of a file, if nobody else may read or write it."""
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise ConfigError(
                f"keystore {path}: its permissions are {mode & 0o777:03o}, expected 600, so that no other account of "
                f"this machine can use it: chmod 600 {path}"
            )
        return path.read_text()
    except FileNotFoundError:
        raise ConfigError(
            f"keystore {path}: there is no such file; make one with `rebalancer operator new`, or mend the path"
        ) from None
    except (OSError, ValueError) as error:
        # ValueError: no text, or a name that no file can have.
        raise ConfigError(f"keystore {str(path)!r}: cannot be read ({type(error).__name__}); mend the path") from None


def named_address(content: dict[str, Any]) -> Address | None:
    """The format allows the address to be left out."""
    named = content.get("address")
    try:
        return checksum_address("0x" + named.removeprefix("0x")) if isinstance(named, str) and named else None
    except ValueError:
        return None


def pin_of(path: Path, content: dict[str, Any]) -> Pin | None:
    """None where there is none: the file was made by another program, or before there were any."""
    if PIN not in content:
        return None
    pin = content[PIN]
    chain_id, address = (pin.get("chain"), pin.get("address")) if isinstance(pin, dict) else (None, None)
    if type(chain_id) is int and isinstance(address, str):
        try:
            return Pin(chain_id, checksum_address(address))
        except ValueError:
            pass
    raise ConfigError(
        f'keystore {path}: its field "{PIN}" does not name a chain and an address; expected '
        f'{{"chain": 1, "address": "0x…"}}'
    )


def _no_keystore(path: Path, seen: str) -> ConfigError:
    return ConfigError(f"keystore {path}: {seen}, {EXPECTED}")


def write_once(path: Path, content: bytes) -> None:
    """All of it under its name, or nothing: written beside, synced, and linked, which fails where a file stands."""
    draft = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)
        finally:
            draft.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        raise in_the_way(path) from None
    except (OSError, ValueError) as error:
        raise cannot_be_written(path, error) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def cannot_be_written(path: Path, error: OSError | ValueError) -> ConfigError:
    why = error.strerror if isinstance(error, OSError) else "no file can have such a name"
    return ConfigError(f"keystore {str(path)!r}: cannot be written ({why}); name another path")


def in_the_way(path: Path) -> ConfigError:
    return ConfigError(f"keystore {path}: a file is there already, and keys are never overwritten; name another path")
