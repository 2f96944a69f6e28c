"""Small facts that must stay the same over restarts, e.g. the address platforms were told.

Must not: hold secrets of others, or anything that grows.
"""

from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.store.upserts import insert_ignore

__all__ = ["OWNER", "fact", "known_fact"]

#: Whose the ledger is: the namespace that first wrote it in a cluster.
OWNER = "namespace"


def fact(connection: Connection, name: str, otherwise: str) -> str:
    """Return the fact of that name; if there is none, `otherwise` becomes it."""
    connection.execute(insert_ignore(connection, s.meta), {"name": name, "value": otherwise})
    return str(known_fact(connection, name))


def known_fact(connection: Connection, name: str) -> str | None:
    """Return the fact of that name, None if there is none; writes nothing."""
    value = connection.execute(select(s.meta.c.value).where(s.meta.c.name == name)).scalar()
    return None if value is None else str(value)
