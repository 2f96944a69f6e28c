"""What is read: feeds and who listens to them, their windows, what was seen, hints of webhooks.

Must not: hold rules, defaults of behaviour, or secrets.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from knect.ledger.schema.shared import metadata, row_id
from knect.ledger.store.columns import Text, of_rows

__all__ = ["feeds", "inbox", "sightings", "subscriptions", "windows"]

feeds = Table(
    "feeds",
    metadata,
    row_id(),
    Column("connection", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("filter", Text, nullable=False, comment="JSON with sorted keys"),
    Column("cursor_us", BigInteger, nullable=False, comment="everything before it is recorded"),
    Column("started_us", BigInteger, nullable=False),
    Column("looked_us", BigInteger, comment="what changed before it is read; our clock"),
    Column("last_success_us", BigInteger),
    Column("failing_since_us", BigInteger),
    Column("failure", Text, comment="sentence of the last failure while it lasts"),
    Column("reason", Text),
    Column("silent_windows", Integer, nullable=False, server_default="0"),
    UniqueConstraint("connection", "entity", "filter"),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("pipeline", Text, primary_key=True),
    Column("feed", ForeignKey("feeds.seq"), nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("served_us", BigInteger, nullable=False, comment="until when it was given the feed's"),
    Column("attended_us", BigInteger, nullable=False, comment="until when somebody works on it"),
    Column("missed_seq", BigInteger, comment="first version that only others were given"),
    Column("destination", Text, nullable=False),
)

windows = Table(
    "windows",
    metadata,
    row_id(),
    Column("feed", ForeignKey("feeds.seq"), nullable=False),
    Column("kind", Text, nullable=False, comment="poll webhook backfill replay edit restock audit"),
    Column("trace_id", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("pipelines", Text, comment="of a poll: JSON, whom it is for"),
    Column("opened_us", BigInteger, nullable=False),
    Column("closed_us", BigInteger),
    Column("progress_us", BigInteger, comment="time of the last recorded change"),
    Column("pages", Integer, nullable=False, server_default="0"),
    Column("listed", Integer, nullable=False, server_default="0"),
    Column("repeated", Integer, nullable=False, server_default="0"),
    Index(None, "feed", "kind", "closed_us"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("window", BigInteger, primary_key=True, comment="0: windows already retired"),
    Column("pipeline", Text, primary_key=True),
    Column("seen", BigInteger, nullable=False),
    comment="The left side of the equation, counted by who lists, not by who delivers.",
)

inbox = Table(
    "inbox",
    metadata,
    row_id(),
    Column("connection", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("triggered_us", BigInteger),
    Column("received_us", BigInteger, nullable=False),
    Column("window", BigInteger, comment="the window that looked; null: still to be looked at"),
    UniqueConstraint("connection", "event_id", "entity", "source_id"),
    Index(
        "ix_inbox_open",
        "connection",
        "entity",
        **of_rows('"window" is null'),
    ),
)
