"""The tables of the ledger: what is read, records, what is written, who runs, what people did.

Why: one schema for SQLite and PostgreSQL; everything that must outlive a process is here.
Instants are integers, microseconds since 1970 in UTC (`*_us`): they sort, compare and index the
same on both databases. Row ids are integers and stay inside; a transaction's public id is its
UUIDv7 as 32 hexadecimal digits. Must not: hold business rules, defaults of behaviour, or secrets.
"""

from knect.ledger.schema.people import actions, findings, retired, value_maps
from knect.ledger.schema.reading import feeds, inbox, sightings, subscriptions, windows
from knect.ledger.schema.records import keys, mappings, payloads, transactions, versions
from knect.ledger.schema.running import budgets, leases, lives, meta, systems, writers
from knect.ledger.schema.shared import FIGURES, OF_FIGURES, metadata
from knect.ledger.schema.writing import bindings, commitments, effects, exchange_links, exchanges

__all__ = [
    "FIGURES",
    "OF_FIGURES",
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
    "systems",
    "transactions",
    "value_maps",
    "versions",
    "windows",
    "writers",
]
