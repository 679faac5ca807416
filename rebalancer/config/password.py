"""Where the keystore's password is. Read when it is needed: a tick that holds never holds it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rebalancer.core.errors import ConfigError

PASSWORD_VARIABLE = "REBALANCER_PASSWORD"
CREDENTIAL = "rebalancer.password"
"""The name of the systemd credential: LoadCredential=rebalancer.password:/path."""
OTHERS = 0o077
"""The permission bits of everybody but the owner of a file."""
STRANGERS = 0o007
"""Of a credential's file: systemd lets its unit read through an access list, which shows in the group's bits."""


@dataclass(frozen=True, slots=True)
class Password:
    """From the first of these that there is: the file, the credential, the variable, a person."""

    file: Path | None
    """As the configuration names it."""
    variable: str | None = field(repr=False)
    """The value of REBALANCER_PASSWORD."""
    credential: Path | None = None
    """Where systemd puts it, if it does."""
    ask: Callable[[], str] | None = None
    """Asks the person at the terminal; None: nobody sits there."""

    def __call__(self) -> str:
        """The password, without the line break that editors add. Raises ConfigError."""
        if self.file is not None and _is_there(self.file):
            return _text(self.file, "wallet.password_file", OTHERS)
        if self.credential is not None and _is_there(self.credential):
            return _text(self.credential, f"the credential {CREDENTIAL}", STRANGERS)
        if self.variable:
            warn_of_variable()
            return self.variable
        if self.ask is not None:
            return self.ask()
        if self.file is not None:
            return _text(self.file, "wallet.password_file", OTHERS)
        raise ConfigError(
            f"the operator's key is locked: expected `wallet.password_file` in the configuration, "
            f"or {PASSWORD_VARIABLE} in the environment, or the systemd credential {CREDENTIAL}; all are missing"
        )


def warn_of_variable() -> None:
    """The environment of a process is inherited by all that it starts, and shown by tools."""
    logging.getLogger("rebalancer.password").warning(
        f"the keystore's password comes from {PASSWORD_VARIABLE}: whatever runs under this account can read it there. "
        f"A file of mode 600 (`wallet.password_file`) or the systemd credential {CREDENTIAL} is safer"
    )


def _is_there(file: Path) -> bool:
    """Also where that cannot be known: reading it says why."""
    try:
        return file.exists()
    except (OSError, ValueError):
        return True


def _text(file: Path, called: str, forbidden: int) -> str:
    try:
        mode = file.stat().st_mode & 0o777
        text = file.read_text()
    except OSError as error:
        raise ConfigError(
            f"{called}: {file} cannot be read: {error.strerror}; mend it, or set {PASSWORD_VARIABLE} instead"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{called}: {file} holds no text, expected one line") from None
    except ValueError:
        raise ConfigError(f"{called}: no file can have a name with a zero byte in it; mend its path") from None
    if mode & forbidden:
        raise ConfigError(
            f"{called}: {file} has permissions {mode:03o}, expected 600, so that no other account "
            f"of this machine reads it: chmod 600 {file}"
        )
    if not text.rstrip("\r\n"):
        raise ConfigError(f"{called}: {file} is empty, expected one line")
    return text.rstrip("\r\n")
