"""One wallet has one operator in a ledger: the one that joined last, and only while nothing hangs of those before it.

Whoever joins or records locks the wallet's rows first, on a server; a file has one writer anyway. So of a keeper that
records and a new operator that joins, one comes after the other and sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger.database import Database
from rebalancer.adapters.ledger.schema import portfolios
from rebalancer.adapters.ledger.standing import Ask, gone_intent, newest_turn, standing_halt
from rebalancer.adapters.ledger.words import (
    Identity,
    gone_with_another,
    halted_with_another,
    of_a_newer_operator,
    open_with_another,
)
from rebalancer.units import Address


def lock_wallet(database: Database, connection: Connection, identity: Identity) -> None:
    """Until the transaction ends nobody else records for the wallet, halts it or joins. A question after it sees all
    that others have.
    """
    if database.server:
        connection.execute(_of_wallet(identity).with_for_update())


def check_newest(database: Database, connection: Connection, identity: Identity) -> None:
    """Raises ConfigError where another operator of the wallet has joined since."""
    newest = connection.execute(_of_wallet(identity)).all()[-1]
    if newest.operator != identity.operator:
        other = Identity(identity.chain_id, identity.wallet, Address(newest.operator))
        raise of_a_newer_operator(database.name, other, identity)


def check_others_are_done(database: Database, connection: Connection, identity: Identity) -> None:
    """Before a new operator joins. Raises ConfigError where something of another one of the wallet is not over."""
    ask = asker(connection)
    for row in connection.execute(_of_wallet(identity)).all():
        ours: dict[str, int | str] = {"portfolio": row.number}
        other = Identity(identity.chain_id, identity.wallet, Address(row.operator))
        last = newest_turn(ask, ours)
        if last is not None and last[0] != "landing":
            raise open_with_another(database.name, other, identity)
        if (why := standing_halt(ask, ours)) is not None:
            raise halted_with_another(database.name, other, identity, why)
        if (gone := gone_intent(ask, ours)) is not None:
            raise gone_with_another(database.name, other, identity, gone.newest.hash)


def asker(connection: Connection) -> Ask:
    def ask(question: str, parameters: Mapping[str, int | str]) -> Sequence[Sequence[Any]]:
        return connection.execute(sa.text(question), parameters).all()

    return ask


def _of_wallet(identity: Identity) -> sa.Select[tuple[int, str]]:
    """Oldest first."""
    whose = portfolios.c
    asked = sa.select(whose.number, whose.operator)
    return asked.where(whose.chain_id == identity.chain_id, whose.wallet == identity.wallet).order_by(whose.number)
