"""The tables of what happened to a portfolio's intents: from the first that was signed to how it landed, and its cost.

`turns` is the order of all that happened to them, and the database itself keeps it: turn n + 1 names turn n, and what
may follow what. An intent follows a landing, a replacement an open intent, a landing an open intent, a reopening the
newest landing. So a second open intent cannot be written, nor a landing after another, and of two keepers who write at
once one is refused.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from rebalancer.adapters.ledger.columns import (
    ADDRESS,
    EXACT,
    HASH,
    NUMBER,
    key,
    metadata,
    of_intent,
    of_landing,
    of_portfolio,
    of_turn,
)

turns = Table(
    "turns",
    metadata,
    of_portfolio(),
    key("turn"),
    Column("kind", String(12), nullable=False),
    # Of the intent that it happened to: 1, 2, 3 …
    Column("number", NUMBER, nullable=False),
    Column("previous", NUMBER),
    Column("previous_kind", String(12)),
    Column("previous_number", NUMBER),
    UniqueConstraint("portfolio", "turn", "kind", "number"),
    ForeignKeyConstraint(
        ["portfolio", "previous", "previous_kind", "previous_number"],
        ["turns.portfolio", "turns.turn", "turns.kind", "turns.number"],
    ),
    CheckConstraint(
        "(turn = 1 AND kind = 'intent' AND number = 1"
        " AND previous IS NULL AND previous_kind IS NULL AND previous_number IS NULL)"
        " OR (previous IS NOT NULL AND previous_kind IS NOT NULL AND previous_number IS NOT NULL"
        " AND previous = turn - 1 AND ("
        "(kind = 'intent' AND previous_kind = 'landing' AND number = previous_number + 1)"
        " OR (kind IN ('replacement', 'landing') AND previous_kind IN ('intent', 'replacement', 'reopening')"
        " AND number = previous_number)"
        " OR (kind = 'reopening' AND previous_kind = 'landing' AND number = previous_number)))",
        name="turns_in_order",
    ),
)

intents = Table(
    "intents",
    metadata,
    of_portfolio(),
    key("number"),
    Column("turn", NUMBER, nullable=False),
    Column("id", HASH, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("deadline", BigInteger, nullable=False),
    # The portfolio's newest tick at that time, 0 for none: what came before a person's `resumed`, and what after.
    Column("after_tick", NUMBER, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("tx", HASH, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("portfolio", "turn"),
    UniqueConstraint("portfolio", "id"),
    UniqueConstraint("portfolio", "tx"),
    of_turn(),
)

# Every transaction that was signed for an intent. Of all with one nonce the chain takes at most one.
attempts = Table(
    "attempts",
    metadata,
    of_portfolio(),
    key("number"),
    key("attempt"),
    Column("turn", NUMBER, nullable=False),
    Column("purpose", String(12), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee", EXACT, nullable=False),
    Column("tip", EXACT, nullable=False),
    Column("hash", HASH, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("portfolio", "turn"),
    UniqueConstraint("portfolio", "hash"),
    of_turn(),
    of_intent(),
    CheckConstraint("(attempt = 1) = (purpose = 'send')", name="attempts_sent_first"),
)

# What an intent was decided on: one row, and one for each quote that was taken, with the trade that it is for.
snapshots = Table(
    "snapshots",
    metadata,
    of_portfolio(),
    key("number"),
    Column("block", BigInteger, nullable=False),
    Column("block_hash", HASH, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("base_fee", EXACT, nullable=False),
    Column("tip", EXACT, nullable=False),
    Column("operator_balance", EXACT, nullable=False),
    Column("body", Text, nullable=False),
    Column("simulated", Text, nullable=False),
    of_intent(),
)

quotes = Table(
    "quotes",
    metadata,
    of_portfolio(),
    key("number"),
    key("place"),
    Column("venue", Text, nullable=False),
    Column("sell", ADDRESS, nullable=False),
    Column("sell_raw", EXACT, nullable=False),
    Column("buy", ADDRESS, nullable=False),
    Column("expected_raw", EXACT, nullable=False),
    Column("floor_raw", EXACT, nullable=False),
    Column("value", EXACT, nullable=False),
    Column("body", Text, nullable=False),
    of_intent(),
)

landings = Table(
    "landings",
    metadata,
    of_portfolio(),
    key("turn"),
    Column("number", NUMBER, nullable=False),
    # 1, and one more for each time that the block it landed in was replaced.
    Column("revision", Integer, nullable=False),
    # Of a settled intent: the time of its block, and no reason. Of one that failed: why. `body` is of what was mined.
    Column("settled_at", BigInteger),
    Column("mined_at", BigInteger),
    Column("block", BigInteger),
    Column("reason", Text),
    Column("body", Text),
    Column("traded_micro", BigInteger, nullable=False),
    Column("cost_micro", BigInteger, nullable=False),
    Column("gas_gwei", BigInteger, nullable=False),
    # Shares of the portfolio that it was decided on, at 1e9.
    Column("traded_share_e9", BigInteger, nullable=False),
    Column("cost_share_e9", BigInteger, nullable=False),
    # As of an intent.
    Column("after_tick", NUMBER, nullable=False),
    UniqueConstraint("portfolio", "number", "revision"),
    of_turn(),
    of_intent(),
    CheckConstraint(
        "((reason IS NULL AND settled_at IS NOT NULL AND mined_at = settled_at)"
        " OR (reason IS NOT NULL AND settled_at IS NULL))"
        " AND (body IS NULL) = (mined_at IS NULL) AND (block IS NULL) = (mined_at IS NULL)",
        name="landings_settled_or_failed",
    ),
)

receipts = Table(
    "receipts",
    metadata,
    of_portfolio(),
    key("turn"),
    Column("tx", HASH, nullable=False),
    Column("block", BigInteger, nullable=False),
    # Not known of what settled under the first version of these tables.
    Column("block_hash", HASH),
    Column("timestamp", BigInteger, nullable=False),
    Column("gas_used", BigInteger, nullable=False),
    of_landing(),
)

fills = Table(
    "fills",
    metadata,
    of_portfolio(),
    key("turn"),
    key("place"),
    Column("token", ADDRESS, nullable=False),
    Column("raw", EXACT, nullable=False),
    of_landing(),
)

# As planned, on the turn of the intent, and as measured, on the turn of a landing that was mined. Fee and impact: NULL
# where not every pool is known, or nobody measured them.
costs = Table(
    "costs",
    metadata,
    of_portfolio(),
    key("turn"),
    Column("traded", EXACT, nullable=False),
    Column("fee", EXACT),
    Column("impact", EXACT),
    Column("shortfall", EXACT, nullable=False),
    Column("gas", EXACT, nullable=False),
    of_turn(),
)

reopenings = Table(
    "reopenings",
    metadata,
    of_portfolio(),
    key("turn"),
    Column("number", NUMBER, nullable=False),
    Column("why", Text, nullable=False),
    of_turn(),
    of_intent(),
)
