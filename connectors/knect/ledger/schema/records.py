"""Records: payloads, versions and their keys, mappings, one transaction per version and pipeline.

Must not: hold rules, defaults of behaviour, or secrets.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    UniqueConstraint,
    text,
)

from knect.ledger.schema.shared import metadata, row_id
from knect.ledger.store.columns import RowId, Text, of_rows

__all__ = ["keys", "mappings", "payloads", "transactions", "versions"]

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
    row_id(),
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

keys = Table(
    "keys",
    metadata,
    Column("value", Text, primary_key=True, comment="normalised"),
    Column("kind", Text, primary_key=True, comment="number email sku figure id document tracking"),
    Column("version", BigInteger, primary_key=True),
    Index(None, "version"),
    sqlite_with_rowid=False,
)

mappings = Table(
    "mappings",
    metadata,
    row_id(),
    Column("pipeline", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("hash", Text, nullable=False),
    Column("body", Text, nullable=False, comment="JSON: the pipeline's mapping and settings"),
    Column("created_us", BigInteger, nullable=False),
    UniqueConstraint("pipeline", "revision"),
)

transactions = Table(
    "transactions",
    metadata,
    row_id(),
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
    Column("edits", Text, comment="payloads.hash of what a person set in its record"),
    Column(
        "as_then",
        ForeignKey("mappings.seq"),
        comment="the revision it is to be mapped by, if not by the newest",
    ),
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
        "ix_transactions_edits",
        "edits",
        **of_rows("edits is not null"),
    ),
    Index(
        "ix_transactions_waits_for",
        "waits_for",
        **of_rows("waits_for is not null"),
    ),
    sqlite_autoincrement=True,  # bindings name them by number, longer than they are kept
)
