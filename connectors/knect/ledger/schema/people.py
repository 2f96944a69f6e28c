"""What people did and are told: values by hand, findings, actions, counts of what was removed.

Must not: hold rules, defaults of behaviour, or secrets.
"""

from sqlalchemy import BigInteger, Column, Integer, Table

from knect.ledger.schema.shared import metadata, row_id
from knect.ledger.store.columns import Text

__all__ = ["actions", "findings", "retired", "value_maps"]

value_maps = Table(
    "value_maps",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("mapped", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    comment="What people set by hand for values a destination does not know.",
)

retired = Table(
    "retired",
    metadata,
    Column("pipeline", Text, primary_key=True),
    Column("fate", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    comment="Transactions that retention removed; they still count.",
)

findings = Table(
    "findings",
    metadata,
    row_id(),
    Column("pipeline", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("transaction", Text),
    Column("sentence", Text, nullable=False),
    Column("found_us", BigInteger, nullable=False),
    comment="What the last audit of each pipeline found; replaced by the next.",
)

actions = Table(
    "actions",
    metadata,
    row_id(),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("reason", Text),
    Column("count", Integer, nullable=False),
)
