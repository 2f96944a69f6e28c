"""The tables of the ledger.

Why: one schema for SQLite and PostgreSQL; everything that must outlive a process is here.
Instants are integers, microseconds since 1970 in UTC (`*_us`): they sort, compare and index the
same on both databases. Row ids are integers and stay inside; a transaction's public id is its
UUIDv7 as 32 hexadecimal digits. Must not: hold business rules, defaults of behaviour, or secrets.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    text,
)

from knect.ledger.store.columns import RowId, Text, indexes_of_rows, of_rows

__all__ = [
    "actions",
    "bindings",
    "budgets",
    "commitments",
    "effects",
    "exchange_links",
    "exchanges",
    "feeds",
    "findings",
    "inbox",
    "keys",
    "leases",
    "lives",
    "mappings",
    "meta",
    "metadata",
    "payloads",
    "retired",
    "sightings",
    "subscriptions",
    "transactions",
    "value_maps",
    "versions",
    "windows",
    "writers",
]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)
indexes_of_rows(metadata)
#: Entities whose last word is never forgotten.
FIGURES, OF_FIGURES = ("inventory", "prices"), "entity in ('inventory', 'prices')"


def _row_id() -> Column[int]:
    return Column("seq", RowId, primary_key=True, autoincrement=True)


meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="One row per fact about the ledger itself: oldest_code.",
)

feeds = Table(
    "feeds",
    metadata,
    _row_id(),
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
    Column("destination", Text, nullable=False),
    Column("active", Boolean, nullable=False, server_default=text("true")),
)

windows = Table(
    "windows",
    metadata,
    _row_id(),
    Column("feed", ForeignKey("feeds.seq"), nullable=False),
    Column("kind", Text, nullable=False, comment="poll webhook backfill replay restock audit"),
    Column("trace_id", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
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

payloads = Table(
    "payloads",
    metadata,
    Column("hash", Text, primary_key=True, comment="blake2b-128 of the plain bytes, hex"),
    Column("size", Integer, nullable=False, comment="plain bytes"),
    Column("stored_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="zstd; last, for it may be long"),
    Index(None, "stored_us", "hash"),
)

versions = Table(
    "versions",
    metadata,
    _row_id(),
    Column("feed", ForeignKey("feeds.seq"), nullable=False),
    Column("connection", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("hash", Text, nullable=False, comment="content hash; payloads.hash while it is kept"),
    Column("at_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("window", RowId, nullable=False, comment="may be forgotten before its versions"),
    Column("deleted", Boolean, nullable=False),
    Column("retired", Boolean, nullable=False, server_default=text("false")),
    Index(None, "feed", "source_id", "seq"),
    Index(None, "connection", "entity", "source_id"),
    Index(None, "hash"),
    Index(
        "ix_versions_kept",
        "seen_us",
        **of_rows("retired = false"),
    ),
)

transactions = Table(
    "transactions",
    metadata,
    _row_id(),
    Column("id", Text, nullable=False, unique=True),
    Column("pipeline", Text, nullable=False),
    Column("entity", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("key", Text, nullable=False, comment="what people call the record: 1001"),
    Column("version", ForeignKey("versions.seq"), nullable=False),
    Column("mapping", ForeignKey("mappings.seq")),
    Column("fate", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("created_us", BigInteger, nullable=False),
    Column("since_us", BigInteger, nullable=False, comment="in this fate, for this reason, since"),
    Column("next_us", BigInteger, comment="when it is tried next by itself; null: not by itself"),
    Column("waits_for", Text, comment="what wakes it: sku:KN-7@acme-erp"),
    Column("reason", Text),
    Column("field", Text),
    Column("value", Text),
    Column("message", Text),
    Column("acts", Text, comment="who acts: itself operations engineer merchant"),
    Column("destination_id", Text),
    Column("destination_number", Text),
    Column("holder", Text, comment="worker that has it in hand"),
    Column("lease_us", BigInteger),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    Column("calls", Text, comment="trace id of the remote calls made for it since it was claimed"),
    Column("document", Text, comment="payloads.hash of what was mapped"),
    Column("hidden", Text, comment="JSON: hashes of values nobody is to be shown"),
    Column("replay_of", Text),
    Column("stalled", Boolean, nullable=False, server_default=text("false")),
    Column("approved", Text, comment="who let it pass although a rule holds it"),
    Column("timeline", Text, nullable=False, comment="JSON list of events"),
    Column("traced_us", BigInteger, comment="up to when its spans were handed to the exporter"),
    Index(None, "version", "pipeline"),
    Index(None, "pipeline", "source_id", "seq"),
    Index(None, "pipeline", "fate"),
    Index(
        "ix_transactions_due",
        "pipeline",
        "next_us",
        "seq",
        **of_rows("next_us is not null"),
    ),
    Index(
        "ix_transactions_held",
        "pipeline",
        "lease_us",
        **of_rows("lease_us is not null"),
    ),
    Index(
        "ix_transactions_document",
        "document",
        **of_rows("document is not null"),
    ),
    Index(
        "ix_transactions_waits_for",
        "waits_for",
        **of_rows("waits_for is not null"),
    ),
)

effects = Table(
    "effects",
    metadata,
    _row_id(),
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

keys = Table(
    "keys",
    metadata,
    Column("value", Text, primary_key=True, comment="normalised"),
    Column("kind", Text, primary_key=True, comment="number email sku figure id document tracking"),
    Column("version", BigInteger, primary_key=True),
    Index(None, "version"),
    sqlite_with_rowid=False,
)

bindings = Table(
    "bindings",
    metadata,
    _row_id(),
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
    _row_id(),
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

inbox = Table(
    "inbox",
    metadata,
    _row_id(),
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

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

lives = Table(
    "lives",
    metadata,
    Column("holder", Text, primary_key=True, comment="one life of one worker"),
    Column("calls", Text, nullable=False, comment="trace id of the remote calls of its own"),
    Column("began_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False, comment="when it last said that it goes on"),
    comment="Whose the calls are that serve no record: checks, subscriptions, audits.",
)

budgets = Table(
    "budgets",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("capacity", Float, nullable=False),
    Column("tokens", Float, nullable=False),
    Column("refill_per_second", Float, nullable=False),
    Column("blocked_until_us", BigInteger),
    Column("updated_us", BigInteger, nullable=False),
)

mappings = Table(
    "mappings",
    metadata,
    _row_id(),
    Column("pipeline", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("body", Text, nullable=False, comment="JSON: the pipeline's mapping and settings"),
    Column("created_us", BigInteger, nullable=False),
    UniqueConstraint("pipeline", "revision"),
)

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
    _row_id(),
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
    _row_id(),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("selector", Text, nullable=False),
    Column("reason", Text),
    Column("count", Integer, nullable=False),
)

writers = Table(
    "writers",
    metadata,
    Column("name", Text, primary_key=True, comment="one life of one process"),
    Column("last", BigInteger, nullable=False, comment="its newest group that is committed"),
    Column("at_us", BigInteger, nullable=False),
    comment="What came of a commit whose answer was lost; PostgreSQL only.",
)
