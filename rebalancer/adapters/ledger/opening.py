"""Opening the ledger: the tables made where there are none, brought to this version, and the portfolio found in them.

All of it that writes is one transaction, which the database lets one process do at a time: killed in the middle it
has done nothing. A keeper of an older version that runs meanwhile records nothing afterwards (`check_version`), and so
it sends nothing.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger.database import ALONE, READ, Database
from rebalancer.adapters.ledger.operators import check_not_replaced
from rebalancer.adapters.ledger.schema import VERSION, metadata, migrations, portfolios, schema
from rebalancer.adapters.ledger.words import Identity, migrated_by_a_newer, of_another
from rebalancer.core.errors import ConfigError
from rebalancer.units import Address


def find_portfolio(database: Database, identity: Identity) -> int:
    """The number of the portfolio; 0 where it is new to a ledger of many, or to the file of the one that it may be
    beside: it joins with the first that it records.

    A file of one portfolio is whose it is opened for first. ConfigError where another operator's it is by now.
    """
    with database.begin(READ) as connection:
        ready = _versions(connection) == [VERSION]
        found = _found(database, connection, identity) if ready else 0
    if found or (ready and database.shared):
        return found
    with database.begin(ALONE) as connection:
        # Asked again: another process may have been quicker by a moment.
        bring_up(database, connection)
        found = _found(database, connection, identity)
        if found or database.shared or _others(database, connection, identity):
            return found
        return _join(database, connection, identity)


def join(database: Database, identity: Identity) -> int:
    """The number of the portfolio, which is in the ledger from now on. Nobody else's place is taken by that."""
    with database.begin(ALONE) as connection:
        check_version(database, connection)
        return number_of(connection, identity) or _join(database, connection, identity)


def check_version(database: Database, connection: Connection) -> None:
    """First in each transaction that writes: whoever migrates the tables of a server waits until it is over.

    Raises ConfigError where they have been migrated since they were opened.
    """
    seen = list(connection.execute(sa.select(schema.c.version).with_for_update(read=True)).scalars())
    if seen != [VERSION]:
        raise migrated_by_a_newer(database.name, seen, VERSION)


def number_of(connection: Connection, identity: Identity) -> int:
    """Of the portfolio; 0: it has not joined."""
    whose = portfolios.c
    asked = sa.select(whose.number).where(
        whose.chain_id == identity.chain_id, whose.wallet == identity.wallet, whose.operator == identity.operator
    )
    return connection.execute(asked).scalar() or 0


def bring_up(database: Database, connection: Connection) -> None:
    """The tables, of this version. `connection`: of one who is ALONE."""
    versions = _versions(connection)
    if versions is None:
        _create(database, connection)
    elif versions == [VERSION]:
        return
    elif len(versions) == 1 and 0 < versions[0] < VERSION:
        from rebalancer.adapters.ledger.migrate import keep_copy, migrate

        if not database.server:
            keep_copy(database, versions[0])
        # Those that are writing end first; those that come later see what became of it.
        connection.execute(sa.select(schema.c.version).with_for_update())
        migrate(connection, versions[0])
    else:
        raise ConfigError(
            f"ledger {database.name}: its tables have version {versions}, expected [{VERSION}]. Run the version "
            "of this program that wrote it, or name another ledger"
        )


def _versions(connection: Connection) -> list[int] | None:
    """None where there is no ledger."""
    if not sa.inspect(connection).has_table(schema.name):
        return None
    return list(connection.execute(sa.select(schema.c.version)).scalars())


def _create(database: Database, connection: Connection) -> None:
    # On a server there may well be other users; in a file there should be none.
    names = set(sa.inspect(connection).get_table_names())
    foreign = sorted(names & set(metadata.tables) if database.server else names)
    if foreign:
        raise ConfigError(
            f"ledger {database.name}: holds other tables ({', '.join(foreign[:5])}), expected an empty database or a "
            "ledger; give the ledger a database of its own"
        )
    metadata.create_all(connection)
    connection.execute(sa.insert(schema), {"version": VERSION})
    connection.execute(sa.insert(migrations), {"version_num": str(VERSION)})


def _found(database: Database, connection: Connection, identity: Identity) -> int:
    number = number_of(connection, identity)
    if number:
        check_not_replaced(database, connection, identity, number)
    return number


def _join(database: Database, connection: Connection, identity: Identity) -> int:
    number = max(_others(database, connection, identity), default=0) + 1
    row = {"chain_id": identity.chain_id, "wallet": identity.wallet, "operator": identity.operator}
    connection.execute(sa.insert(portfolios), {"number": number} | row)
    return number


def _others(database: Database, connection: Connection, identity: Identity) -> tuple[int, ...]:
    """Their numbers. ConfigError where one of them has no place in the same file."""
    known = connection.execute(sa.select(portfolios).order_by(portfolios.c.number)).all()
    others = {row.number: Identity(row.chain_id, Address(row.wallet), Address(row.operator)) for row in known}
    foreign = [other for _, other in sorted(others.items()) if other.wallet != identity.beside]
    if foreign and not database.shared:
        raise of_another(database.name, foreign[0], identity)
    return tuple(others)
