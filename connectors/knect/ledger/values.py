"""Values people translated by hand, and the waking of all that waited for them.

Must not: hold the tables of ConfigMaps; those come with the pipeline.
"""

from sqlalchemy import Connection, bindparam, select

from knect.ledger import schema as s
from knect.ledger.claims import wake
from knect.ledger.store.sets import Rows
from knect.ledger.store.upserts import insert_or_update

__all__ = ["set_value", "values_by_hand"]


def values_by_hand(connection: Connection, destination: str) -> dict[tuple[str, str], str]:
    """Return (kind, value) -> translation for one destination."""
    rows = _BY_HAND.of(connection, destination=destination)
    return {(kind, value): mapped for kind, value, mapped in rows}


_BY_HAND = Rows(
    select(s.value_maps.c.kind, s.value_maps.c.value, s.value_maps.c.mapped).where(
        s.value_maps.c.connection == bindparam("destination")
    ),
    tuple[str, str, str],
)


def set_value(
    connection: Connection,
    *,
    destination: str,
    kind: str,
    value: str,
    mapped: str,
    actor: str,
    now_us: int,
) -> int:
    """Store a translation and wake everything that waits for it; return how many woke."""
    statement = insert_or_update(
        connection,
        s.value_maps,
        unique=("connection", "kind", "value"),
        changing=("mapped", "set_us", "actor"),
    )
    connection.execute(
        statement,
        {
            "connection": destination,
            "kind": kind,
            "value": value,
            "mapped": mapped,
            "set_us": now_us,
            "actor": actor,
        },
    )
    return wake(connection, [f"{kind}:{value}@{destination}"], now_us=now_us)
