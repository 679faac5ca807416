"""One wallet has one operator in a ledger: the one that joined last of those that have ever promised a transaction.

Whoever only looks, dry runs and halts included, takes nobody's place. A new operator begins with its first intent, and
only where nothing hangs of the one before it, which is out from then on. Whoever records locks the wallet's rows first,
on a server; a file has one writer anyway. So of two operators that record, one comes after the other and sees it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from rebalancer.adapters.ledger.database import Database
from rebalancer.adapters.ledger.schema import portfolios
from rebalancer.adapters.ledger.standing import Ask, Newest, Parameters, marks_of, newest_of
from rebalancer.adapters.ledger.turn_tables import turns
from rebalancer.adapters.ledger.words import (
    Identity,
    gone_with_another,
    halted_with_another,
    of_a_newer_operator,
    open_with_another,
    unfinal_with_another,
)
from rebalancer.core.model import FINAL_BLOCKS, mined_of
from rebalancer.units import Address


def lock_wallet(database: Database, connection: Connection, identity: Identity) -> None:
    """Until the transaction ends nobody else records for the wallet. A question after it sees all that others have, and
    a row's number, taken after it, is above theirs.
    """
    if database.server:
        connection.execute(_of_wallet(identity).order_by(portfolios.c.number).with_for_update())


def check_not_replaced(database: Database, connection: Connection, identity: Identity, portfolio: int) -> None:
    """Raises ConfigError where an operator of the wallet has begun that joined after this one."""
    _of_before(database, connection, identity, portfolio)


def check_may_act(database: Database, connection: Connection, identity: Identity, portfolio: int) -> None:
    """Before an intent. Raises ConfigError too where it is the first, and something of the wallet's operator up to now
    is not over.
    """
    before = _of_before(database, connection, identity, portfolio)
    if before is None or before[0] == portfolio:
        return
    number, other = before
    ask, theirs = asker(connection), Parameters(portfolio=number)
    resumed, _, halted = marks_of(ask, theirs)
    newest = newest_of(ask, theirs, resumed)
    if newest.open_intent is not None:
        raise open_with_another(database.name, other, identity)
    if halted is not None:
        raise halted_with_another(database.name, other, identity, halted)
    if newest.gone is not None:
        raise gone_with_another(database.name, other, identity, newest.gone.newest.hash)
    if newest.unfinal is not None:
        raise unfinal_with_another(database.name, other, identity, *_place(newest))


def asker(connection: Connection) -> Ask:
    def ask(question: str, parameters: Mapping[str, int | str]) -> Sequence[Sequence[Any]]:
        return connection.execute(sa.text(question), parameters).all()

    return ask


def _of_before(
    database: Database, connection: Connection, identity: Identity, portfolio: int
) -> tuple[int, Identity] | None:
    """Whose the wallet is, with the portfolio's number; None: nobody's yet."""
    has_begun = sa.exists().where(turns.c.portfolio == portfolios.c.number)
    newest = _of_wallet(identity).where(has_begun).order_by(portfolios.c.number.desc()).limit(1)
    row = connection.execute(newest).first()
    if row is None:
        return None
    other = Identity(identity.chain_id, identity.wallet, Address(row.operator))
    if row.number > portfolio:
        raise of_a_newer_operator(database.name, other, identity)
    return row.number, other


def _place(newest: Newest) -> tuple[str, int]:
    """(transaction, the block from which on it is final)."""
    assert newest.unfinal is not None, "only of what is not final yet"
    mined = mined_of(newest.unfinal[1])
    assert mined is not None, "what was never mined has no block"
    return mined.tx, mined.block + FINAL_BLOCKS


def _of_wallet(identity: Identity) -> sa.Select[tuple[int, str]]:
    whose = portfolios.c
    asked = sa.select(whose.number, whose.operator)
    return asked.where(whose.chain_id == identity.chain_id, whose.wallet == identity.wallet)
