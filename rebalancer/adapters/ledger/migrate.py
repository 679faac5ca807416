"""An older ledger to the version of this program, by Alembic's scripts in `migrations/`."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger.database import Database
from rebalancer.adapters.ledger.driver_errors import error_by_what_is_next
from rebalancer.adapters.ledger.schema import migrations
from rebalancer.core.errors import Unavailable

_SCRIPTS = Path(__file__).with_name("migrations")


def migrate(connection: Connection, version: int, to: str = "head") -> None:
    """Within the caller's transaction, and as a whole. `version`: of the tables that are there; 0: there are none."""
    config = Config()
    # The option's text is a template, in which a percent sign stands for more.
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    # The first version did not know Alembic.
    if version and not connection.dialect.has_table(connection, migrations.name):
        command.stamp(config, str(version))
    command.upgrade(config, to)


def keep_copy(database: Database, version: int) -> None:
    """The file as it is before a migration, beside it, under its name and its version: the way back.

    Called inside the transaction that migrates, which has written nothing yet and lets nobody else write: the copy is
    what that one begins with. Where there can be none, nothing is migrated.
    """
    path = Path(str(database.engine.url.database))
    draft, kept = path.with_name(f"{path.name}.v{version}.{os.getpid()}"), path.with_name(f"{path.name}.v{version}")
    try:
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        shutil.copymode(path, draft)
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("VACUUM INTO ?", (str(draft),))
        _sync(draft)
        draft.replace(kept)
        _sync(path.parent)
    except sqlite3.Error as error:
        raise error_by_what_is_next(database.name, f"no copy of version {version} could be kept: {error}") from None
    except OSError as error:
        raise Unavailable(
            f"ledger {database.name}: no copy of version {version} could be kept beside it ({error.strerror}), so it "
            "was not changed. Free some space, or let this account write into its folder"
        ) from None
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
