"""What is written: effects and their calls, what is bound to what, goods that are spoken for.

Must not: hold rules, defaults of behaviour, or secrets.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)

from knect.ledger.schema.shared import OF_FIGURES, metadata, row_id
from knect.ledger.store.columns import Text, of_rows

__all__ = ["bindings", "commitments", "effects", "exchange_links", "exchanges"]

effects = Table(
    "effects",
    metadata,
    row_id(),
    Column("transaction", ForeignKey("transactions.seq", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("write", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("key", Text, nullable=False, comment="business key; its lease is this effect's"),
    Column("external_id", Text, nullable=False),
    Column("state", Text, nullable=False, comment="ahead unknown done failed"),
    Column("ahead_us", BigInteger, nullable=False, comment="last moment an open one may have left"),
    Column("ended_us", BigInteger),
    Column("tries", Integer, nullable=False, server_default="1"),
    Column("destination_id", Text),
    Column("number", Text),
    Column("adopted", Boolean, nullable=False, server_default=text("false")),
    Column("error", Text),
    Column("document", Text, comment="content hash of the document it was made from"),
    Column("unsure_us", BigInteger, comment="last moment a try nobody answered may have left"),
    UniqueConstraint("transaction", "name"),
    Index("ix_effects_unsure", "key", **of_rows("unsure_us is not null")),
)

exchanges = Table(
    "exchanges",
    metadata,
    Column("span_id", Text, primary_key=True),
    Column("trace_id", Text, primary_key=True),
    Column("connection", Text, nullable=False),
    Column("window", BigInteger),
    Column("method", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("started_us", BigInteger, nullable=False),
    Column("duration_ms", Float),
    Column("status", Integer),
    Column("error", Text),
    Column("could_have_been_seen", Boolean),
    Column("request_bytes", Integer),
    Column("response_bytes", Integer),
    Index(None, "started_us"),
)

exchange_links = Table(
    "exchange_links",
    metadata,
    Column("transaction", BigInteger, primary_key=True),
    Column("span_id", Text, primary_key=True, comment="of the exchange"),
    sqlite_with_rowid=False,
)

bindings = Table(
    "bindings",
    metadata,
    row_id(),
    Column("destination", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("destination_id", Text, nullable=False),
    Column("number", Text),
    Column("source", Text, nullable=False),
    Column("source_id", Text, comment="null for what a delivery made on its way"),
    Column("token", Text, comment="the destination's version after our write: echo detection"),
    Column("hash", Text, comment="of the document last applied"),
    Column("applied", Text, comment="source token last applied"),
    Column("transaction", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    UniqueConstraint("destination", "entity", "external_id"),
    Index(None, "destination", "entity", "destination_id"),
    Index(None, "number"),
    Index("ix_bindings_figure", "hash", **of_rows(OF_FIGURES)),
)

commitments = Table(
    "commitments",
    metadata,
    row_id(),
    Column("connection", Text, nullable=False),
    Column("sku", Text, nullable=False),
    Column("location", Text),
    Column("quantity", Text, nullable=False, comment="decimal"),
    Column("transaction", BigInteger, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("released_us", BigInteger),
    Index(None, "connection", "sku", "released_us"),
    Index(None, "connection", "released_us", "made_us"),
    Index(None, "transaction"),
)
