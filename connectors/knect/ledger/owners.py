"""Whose a document is: the external ids under which documents are bound.

Why: a destination cannot always carry our external id on a document it did not make for us; the
ledger then is what keeps two records from sharing one. Must not: write.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.store.sets import one_of

__all__ = ["owners_of"]


def owners_of(
    connection: Connection, destination: str, documents: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], set[str]]:
    """Return (entity, destination id) -> external ids, for documents that are bound."""
    b = s.bindings
    wanted = set(documents)
    if not wanted:
        return {}
    rows = connection.execute(
        select(b.c.entity, b.c.destination_id, b.c.external_id).where(
            b.c.destination == destination,
            one_of(b.c.destination_id, {identifier for _, identifier in wanted}),
        )
    )
    found: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if (row.entity, row.destination_id) in wanted:
            found.setdefault((row.entity, row.destination_id), set()).add(row.external_id)
    return found
