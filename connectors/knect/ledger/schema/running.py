"""Who runs, with which systems, and what bounds it: leases, lives, budgets, systems, writers, and
facts about the ledger itself.

Must not: hold rules, defaults of behaviour, or secrets.
"""

from sqlalchemy import BigInteger, Column, Float, Table

from knect.ledger.schema.shared import metadata
from knect.ledger.store.columns import Text

__all__ = ["budgets", "leases", "lives", "meta", "systems", "writers"]

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="One row per fact about the ledger itself: oldest_code.",
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
    Column("updated_us", BigInteger, nullable=False),
)

systems = Table(
    "systems",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("leads_to", Text, nullable=False, comment="what tells the system from others"),
    Column("since_us", BigInteger, nullable=False),
    comment="Which system a Connection's records and bindings are of.",
)

writers = Table(
    "writers",
    metadata,
    Column("name", Text, primary_key=True, comment="one life of one process"),
    Column("last", BigInteger, nullable=False, comment="its newest group that is committed"),
    Column("at_us", BigInteger, nullable=False),
    comment="What came of a commit whose answer was lost; PostgreSQL only.",
)
