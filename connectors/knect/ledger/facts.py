"""Small facts that must stay the same over restarts, e.g. the address platforms were told.

Must not: hold secrets of others, or anything that grows.
"""

from sqlalchemy import Connection, select

from knect.ledger import schema as s
from knect.ledger.upserts import insert_ignore

__all__ = ["fact"]


def fact(connection: Connection, name: str, otherwise: str) -> str:
    """Return the fact of that name; if there is none, `otherwise` becomes it."""
    connection.execute(insert_ignore(connection, s.meta), {"name": name, "value": otherwise})
    value = connection.execute(select(s.meta.c.value).where(s.meta.c.name == name)).scalar()
    return str(value)
