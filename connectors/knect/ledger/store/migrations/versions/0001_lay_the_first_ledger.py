"""Lay the first ledger.

Must not: change once released; a new migration expands, a later one contracts.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand."""
    op.create_table(
        "writers",
        sa.Column("name", sa.Text(), nullable=False, comment="one life of one process"),
        sa.Column(
            "last",
            sa.BigInteger(),
            nullable=False,
            comment="its newest group that is committed",
        ),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_writers")),
        comment="What came of a commit whose answer was lost; PostgreSQL only.",
    )
    op.create_table(
        "actions",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("selector", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_actions")),
    )
    op.create_table(
        "bindings",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("destination_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "source_id",
            sa.Text(),
            nullable=True,
            comment="null for what a delivery made on its way",
        ),
        sa.Column(
            "token",
            sa.Text(),
            nullable=True,
            comment="the destination's version after our write: echo detection",
        ),
        sa.Column("hash", sa.Text(), nullable=True, comment="of the document last applied"),
        sa.Column("applied", sa.Text(), nullable=True, comment="source token last applied"),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_bindings")),
        sa.UniqueConstraint(
            "destination",
            "entity",
            "external_id",
            name=op.f("uq_bindings_destination_entity_external_id"),
        ),
    )
    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_bindings_destination_entity_destination_id"),
            ["destination", "entity", "destination_id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_bindings_number"), ["number"], unique=False)
        batch_op.create_index(
            "ix_bindings_figure",
            ["hash"],
            unique=False,
            sqlite_where=sa.text("entity in ('inventory', 'prices')"),
            postgresql_where=sa.text("entity in ('inventory', 'prices')"),
        )

    op.create_table(
        "budgets",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Float(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("refill_per_second", sa.Float(), nullable=False),
        sa.Column("updated_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_budgets")),
    )
    op.create_table(
        "commitments",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Text(), nullable=False, comment="decimal"),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("released_us", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_commitments")),
    )
    with op.batch_alter_table("commitments", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_commitments_connection_released_us_made_us"),
            ["connection", "released_us", "made_us"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_commitments_connection_sku_released_us"),
            ["connection", "sku", "released_us"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_commitments_transaction"), ["transaction"], unique=False
        )

    op.create_table(
        "exchange_links",
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.Column("span_id", sa.Text(), nullable=False, comment="of the exchange"),
        sa.PrimaryKeyConstraint("transaction", "span_id", name=op.f("pk_exchange_links")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exchanges",
        sa.Column("span_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Float(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("could_have_been_seen", sa.Boolean(), nullable=True),
        sa.Column("request_bytes", sa.Integer(), nullable=True),
        sa.Column("response_bytes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("span_id", "trace_id", name=op.f("pk_exchanges")),
    )
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exchanges_started_us"), ["started_us"], unique=False)

    op.create_table(
        "feeds",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("filter", sa.Text(), nullable=False, comment="JSON with sorted keys"),
        sa.Column(
            "cursor_us", sa.BigInteger(), nullable=False, comment="everything before it is recorded"
        ),
        sa.Column("started_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "looked_us",
            sa.BigInteger(),
            nullable=True,
            comment="what changed before it is read; our clock",
        ),
        sa.Column("last_success_us", sa.BigInteger(), nullable=True),
        sa.Column("failing_since_us", sa.BigInteger(), nullable=True),
        sa.Column(
            "failure",
            sa.Text(),
            nullable=True,
            comment="sentence of the last failure while it lasts",
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("silent_windows", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_feeds")),
        sa.UniqueConstraint(
            "connection", "entity", "filter", name=op.f("uq_feeds_connection_entity_filter")
        ),
    )
    op.create_table(
        "findings",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=True),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("found_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_findings")),
        comment="What the last audit of each pipeline found; replaced by the next.",
    )
    op.create_table(
        "inbox",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("triggered_us", sa.BigInteger(), nullable=True),
        sa.Column("received_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "window",
            sa.BigInteger(),
            nullable=True,
            comment="the window that looked; null: still to be looked at",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_inbox")),
        sa.UniqueConstraint(
            "connection",
            "event_id",
            "entity",
            "source_id",
            name=op.f("uq_inbox_connection_event_id_entity_source_id"),
        ),
    )
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inbox_open",
            ["connection", "entity"],
            unique=False,
            sqlite_where=sa.text('"window" is null'),
            postgresql_where=sa.text('"window" is null'),
        )

    op.create_table(
        "keys",
        sa.Column("value", sa.Text(), nullable=False, comment="normalised"),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="number email sku figure id document tracking",
        ),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("value", "kind", "version", name=op.f("pk_keys")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_keys_version"), ["version"], unique=False)

    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lives",
        sa.Column("holder", sa.Text(), nullable=False, comment="one life of one worker"),
        sa.Column(
            "calls",
            sa.Text(),
            nullable=False,
            comment="trace id of the remote calls of its own",
        ),
        sa.Column("began_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "seen_us",
            sa.BigInteger(),
            nullable=False,
            comment="when it last said that it goes on",
        ),
        sa.PrimaryKeyConstraint("holder", name=op.f("pk_lives")),
        comment="Whose the calls are that serve no record: checks, subscriptions, audits.",
    )
    op.create_table(
        "mappings",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column(
            "body", sa.Text(), nullable=False, comment="JSON: the pipeline's mapping and settings"
        ),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_mappings")),
        sa.UniqueConstraint("pipeline", "revision", name=op.f("uq_mappings_pipeline_revision")),
    )
    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_meta")),
        comment="One row per fact about the ledger itself: oldest_code.",
    )
    op.create_table(
        "payloads",
        sa.Column("hash", sa.Text(), nullable=False, comment="blake2b-128 of the plain bytes, hex"),
        sa.Column("size", sa.Integer(), nullable=False, comment="plain bytes"),
        sa.Column("stored_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="zstd; last, for it may be long"
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_payloads")),
    )
    with op.batch_alter_table("payloads", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payloads_stored_us_hash"), ["stored_us", "hash"], unique=False
        )

    op.create_table(
        "retired",
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pipeline", "fate", name=op.f("pk_retired")),
        comment="Transactions that retention removed; they still count.",
    )
    op.create_table(
        "sightings",
        sa.Column("window", sa.BigInteger(), nullable=False, comment="0: windows already retired"),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("window", "pipeline", name=op.f("pk_sightings")),
        comment="The left side of the equation, counted by who lists, not by who delivers.",
    )
    op.create_table(
        "systems",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column(
            "leads_to", sa.Text(), nullable=False, comment="what tells the system from others"
        ),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_systems")),
        comment="Which system a Connection's records and bindings are of.",
    )
    op.create_table(
        "value_maps",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("mapped", sa.Text(), nullable=False),
        sa.Column("set_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "kind", "value", name=op.f("pk_value_maps")),
        comment="What people set by hand for values a destination does not know.",
    )
    op.create_table(
        "subscriptions",
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("feed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "served_us",
            sa.BigInteger(),
            nullable=False,
            comment="until when it was given the feed's",
        ),
        sa.Column(
            "attended_us",
            sa.BigInteger(),
            nullable=False,
            comment="until when somebody works on it",
        ),
        sa.Column(
            "missed_seq",
            sa.BigInteger(),
            nullable=True,
            comment="first version that only others were given",
        ),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feeds.seq"], name=op.f("fk_subscriptions_feed")),
        sa.PrimaryKeyConstraint("pipeline", name=op.f("pk_subscriptions")),
    )
    op.create_table(
        "windows",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("feed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="poll webhook backfill replay edit restock audit",
        ),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("since_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("pipelines", sa.Text(), nullable=True, comment="of a poll: JSON, whom it is for"),
        sa.Column("opened_us", sa.BigInteger(), nullable=False),
        sa.Column("closed_us", sa.BigInteger(), nullable=True),
        sa.Column(
            "progress_us",
            sa.BigInteger(),
            nullable=True,
            comment="time of the last recorded change",
        ),
        sa.Column("pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("listed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("repeated", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feeds.seq"], name=op.f("fk_windows_feed")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_windows")),
    )
    with op.batch_alter_table("windows", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_windows_feed_kind_closed_us"),
            ["feed", "kind", "closed_us"],
            unique=False,
        )

    op.create_table(
        "versions",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("feed", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column(
            "hash",
            sa.Text(),
            nullable=False,
            comment="content hash; payloads.hash while it is kept",
        ),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("seen_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "window",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            comment="may be forgotten before its versions",
        ),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("retired", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feeds.seq"], name=op.f("fk_versions_feed")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_versions")),
    )
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_versions_connection_entity_source_id"),
            ["connection", "entity", "source_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_versions_feed_source_id_seq"), ["feed", "source_id", "seq"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_versions_hash"), ["hash"], unique=False)
        batch_op.create_index(
            "ix_versions_kept",
            ["seen_us"],
            unique=False,
            sqlite_where=sa.text("retired = false"),
            postgresql_where=sa.text("retired = false"),
        )

    op.create_table(
        "transactions",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("pipeline", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="what people call the record: 1001"),
        sa.Column("version", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mapping", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fate", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column(
            "since_us",
            sa.BigInteger(),
            nullable=False,
            comment="in this fate, for this reason, since",
        ),
        sa.Column(
            "next_us",
            sa.BigInteger(),
            nullable=True,
            comment="when it is tried next by itself; null: not by itself",
        ),
        sa.Column(
            "waits_for", sa.Text(), nullable=True, comment="what wakes it: sku:KN-7@acme-erp"
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column(
            "acts",
            sa.Text(),
            nullable=True,
            comment="who acts: itself operations engineer merchant",
        ),
        sa.Column("destination_id", sa.Text(), nullable=True),
        sa.Column("destination_number", sa.Text(), nullable=True),
        sa.Column("holder", sa.Text(), nullable=True, comment="worker that has it in hand"),
        sa.Column("lease_us", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column(
            "calls",
            sa.Text(),
            nullable=True,
            comment="trace id of the remote calls made for it since it was claimed",
        ),
        sa.Column("document", sa.Text(), nullable=True, comment="payloads.hash of what was mapped"),
        sa.Column(
            "edits",
            sa.Text(),
            nullable=True,
            comment="payloads.hash of what a person set in its record",
        ),
        sa.Column(
            "as_then",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
            comment="the revision it is to be mapped by, if not by the newest",
        ),
        sa.Column(
            "hidden",
            sa.Text(),
            nullable=True,
            comment="JSON: hashes of values nobody is to be shown",
        ),
        sa.Column("replay_of", sa.Text(), nullable=True),
        sa.Column("stalled", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column(
            "approved",
            sa.Text(),
            nullable=True,
            comment="who let it pass although a rule holds it",
        ),
        sa.Column("timeline", sa.Text(), nullable=False, comment="JSON list of events"),
        sa.Column(
            "traced_us",
            sa.BigInteger(),
            nullable=True,
            comment="up to when its spans were handed to the exporter",
        ),
        sa.ForeignKeyConstraint(
            ["as_then"], ["mappings.seq"], name=op.f("fk_transactions_as_then")
        ),
        sa.ForeignKeyConstraint(
            ["mapping"], ["mappings.seq"], name=op.f("fk_transactions_mapping")
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["versions.seq"], name=op.f("fk_transactions_version")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_transactions")),
        sa.UniqueConstraint("id", name=op.f("uq_transactions_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.create_index(
            "ix_transactions_held",
            ["pipeline", "lease_us"],
            unique=False,
            sqlite_where=sa.text("lease_us is not null"),
            postgresql_where=sa.text("lease_us is not null"),
        )
        batch_op.create_index(
            "ix_transactions_due",
            ["pipeline", "next_us", "seq"],
            unique=False,
            sqlite_where=sa.text("next_us is not null"),
            postgresql_where=sa.text("next_us is not null"),
        )
        batch_op.create_index(
            batch_op.f("ix_transactions_pipeline_fate"), ["pipeline", "fate"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_transactions_pipeline_source_id_seq"),
            ["pipeline", "source_id", "seq"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_transactions_version_pipeline"), ["version", "pipeline"], unique=False
        )
        batch_op.create_index(
            "ix_transactions_document",
            ["document"],
            unique=False,
            sqlite_where=sa.text("document is not null"),
            postgresql_where=sa.text("document is not null"),
        )
        batch_op.create_index(
            "ix_transactions_edits",
            ["edits"],
            unique=False,
            sqlite_where=sa.text("edits is not null"),
            postgresql_where=sa.text("edits is not null"),
        )
        batch_op.create_index(
            "ix_transactions_waits_for",
            ["waits_for"],
            unique=False,
            sqlite_where=sa.text("waits_for is not null"),
            postgresql_where=sa.text("waits_for is not null"),
        )

    op.create_table(
        "effects",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column(
            "transaction", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("write", sa.Text(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column(
            "key", sa.Text(), nullable=False, comment="business key; its lease is this effect's"
        ),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="ahead unknown done failed"),
        sa.Column(
            "ahead_us",
            sa.BigInteger(),
            nullable=False,
            comment="last moment an open one may have left",
        ),
        sa.Column("ended_us", sa.BigInteger(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("destination_id", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("adopted", sa.Boolean(), server_default=sa.text("(false)"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column(
            "document",
            sa.Text(),
            nullable=True,
            comment="content hash of the document it was made from",
        ),
        sa.Column(
            "unsure_us",
            sa.BigInteger(),
            nullable=True,
            comment="last moment a try nobody answered may have left",
        ),
        sa.ForeignKeyConstraint(
            ["transaction"],
            ["transactions.seq"],
            name=op.f("fk_effects_transaction"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_effects")),
        sa.UniqueConstraint("transaction", "name", name=op.f("uq_effects_transaction_name")),
    )
    with op.batch_alter_table("effects", schema=None) as batch_op:
        batch_op.create_index(
            "ix_effects_unsure",
            ["key"],
            unique=False,
            sqlite_where=sa.text("unsure_us is not null"),
            postgresql_where=sa.text("unsure_us is not null"),
        )

    op.execute(sa.text("insert into meta (name, value) values ('oldest_code', '1')"))


def downgrade() -> None:
    """Contract."""
    op.drop_table("writers")
    with op.batch_alter_table("effects", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_effects_unsure",
            sqlite_where=sa.text("unsure_us is not null"),
            postgresql_where=sa.text("unsure_us is not null"),
        )

    op.drop_table("effects")
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_transactions_document",
            sqlite_where=sa.text("document is not null"),
            postgresql_where=sa.text("document is not null"),
        )
        batch_op.drop_index(
            "ix_transactions_edits",
            sqlite_where=sa.text("edits is not null"),
            postgresql_where=sa.text("edits is not null"),
        )
        batch_op.drop_index(
            "ix_transactions_waits_for",
            sqlite_where=sa.text("waits_for is not null"),
            postgresql_where=sa.text("waits_for is not null"),
        )
        batch_op.drop_index(batch_op.f("ix_transactions_version_pipeline"))
        batch_op.drop_index(batch_op.f("ix_transactions_pipeline_source_id_seq"))
        batch_op.drop_index(batch_op.f("ix_transactions_pipeline_fate"))
        batch_op.drop_index(
            "ix_transactions_due",
            sqlite_where=sa.text("next_us is not null"),
            postgresql_where=sa.text("next_us is not null"),
        )
        batch_op.drop_index(
            "ix_transactions_held",
            sqlite_where=sa.text("lease_us is not null"),
            postgresql_where=sa.text("lease_us is not null"),
        )

    op.drop_table("transactions")
    with op.batch_alter_table("versions", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_versions_kept",
            sqlite_where=sa.text("retired = false"),
            postgresql_where=sa.text("retired = false"),
        )
        batch_op.drop_index(batch_op.f("ix_versions_hash"))
        batch_op.drop_index(batch_op.f("ix_versions_feed_source_id_seq"))
        batch_op.drop_index(batch_op.f("ix_versions_connection_entity_source_id"))

    op.drop_table("versions")
    with op.batch_alter_table("windows", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_windows_feed_kind_closed_us"))

    op.drop_table("windows")
    op.drop_table("subscriptions")
    op.drop_table("value_maps")
    op.drop_table("systems")
    op.drop_table("sightings")
    op.drop_table("retired")
    with op.batch_alter_table("payloads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payloads_stored_us_hash"))

    op.drop_table("payloads")
    op.drop_table("meta")
    op.drop_table("mappings")
    op.drop_table("lives")
    op.drop_table("leases")
    with op.batch_alter_table("keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_keys_version"))

    op.drop_table("keys")
    with op.batch_alter_table("inbox", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbox_open",
            sqlite_where=sa.text('"window" is null'),
            postgresql_where=sa.text('"window" is null'),
        )

    op.drop_table("inbox")
    op.drop_table("findings")
    op.drop_table("feeds")
    with op.batch_alter_table("exchanges", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exchanges_started_us"))

    op.drop_table("exchanges")
    op.drop_table("exchange_links")
    with op.batch_alter_table("commitments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_commitments_transaction"))
        batch_op.drop_index(batch_op.f("ix_commitments_connection_sku_released_us"))
        batch_op.drop_index(batch_op.f("ix_commitments_connection_released_us_made_us"))

    op.drop_table("commitments")
    op.drop_table("budgets")
    with op.batch_alter_table("bindings", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_bindings_figure",
            sqlite_where=sa.text("entity in ('inventory', 'prices')"),
            postgresql_where=sa.text("entity in ('inventory', 'prices')"),
        )
        batch_op.drop_index(batch_op.f("ix_bindings_number"))
        batch_op.drop_index(batch_op.f("ix_bindings_destination_entity_destination_id"))

    op.drop_table("bindings")
    op.drop_table("actions")
