"""Which record there is that record here, seen from either side.

Why: an order of the shop became a sale of the ERP; a payment of the shop's order and a shipment of
the ERP's sale both need the other one's id. One binding answers both.
Must not: guess by names or numbers; only what was delivered is bound.
"""

from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, bindparam, func, select, tuple_

from knect.ledger import schema as s
from knect.ledger.effects import UNCERTAIN
from knect.ledger.fates import Fate
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of
from knect.ledger.supersede import speaks

__all__ = ["came_from", "counterparts", "left_out", "oldest_open_write", "wanted_by"]

#: (entity, id at the source).
Name = tuple[str, str]


def counterparts(
    connection: Connection, *, source: str, destination: str, names: Mapping[Name, str]
) -> dict[Name, str]:
    """Return the destination's id of each record of the source that has one.

    `names` maps each to the external id under which it is delivered. First what was delivered
    from source to destination, then what came the other way.
    """
    if not names:
        return {}
    b = s.bindings
    asked = {(entity, external): (entity, one) for (entity, one), external in names.items()}
    rows = connection.execute(
        select(b.c.entity, b.c.external_id, b.c.destination_id).where(
            b.c.destination == destination,
            b.c.applied.is_not(None),
            tuple_(b.c.entity, b.c.external_id).in_(list(asked)),
        )
    )
    found = {asked[row.entity, row.external_id]: row.destination_id for row in rows}
    left = [name for name in names if name not in found]
    return found | came_from(connection, source=source, destination=destination, names=left)


def came_from(
    connection: Connection, *, source: str, destination: str, names: Collection[Name]
) -> dict[Name, str]:
    """Return the destination's id of each record of the source that came from there."""
    by_entity: dict[str, list[str]] = {}
    for entity, one in names:
        by_entity.setdefault(entity, []).append(one)
    return {
        (entity, there): here
        for entity, ids in by_entity.items()
        for there, here in _CAME_FROM.of(
            connection, source=source, destination=destination, entity=entity, ids=ids
        )
    }


_CAME_FROM = Rows(
    select(s.bindings.c.destination_id, s.bindings.c.source_id)
    .where(
        s.bindings.c.destination == bindparam("source"),
        s.bindings.c.source == bindparam("destination"),
        s.bindings.c.entity == bindparam("entity"),
        s.bindings.c.source_id.is_not(None),
        one_of(s.bindings.c.destination_id, "ids"),
    )
    .order_by(s.bindings.c.seq),
    tuple[str, str],
)


def left_out(
    connection: Connection, *, source: str, destination: str, names: Collection[Name]
) -> dict[Name, tuple[str, str]]:
    """Return what people call a record, and the sentence, of those whose newest version was skipped
    on its way to a destination: what belongs to them waits in vain.
    """
    found: dict[Name, tuple[str, str]] = {}
    for name in names:
        row = _NEWEST_OF.run(
            connection, source=source, destination=destination, entity=name[0], source_id=name[1]
        ).one_or_none()
        if row is not None and row.fate == Fate.SKIPPED:
            found[name] = (row.key, row.message or "it was skipped")
    return found


_NEWEST_OF = Prepared(
    select(s.transactions.c.key, s.transactions.c.fate, s.transactions.c.message)
    .join(s.versions, s.versions.c.seq == s.transactions.c.version)
    .join(s.subscriptions, s.subscriptions.c.pipeline == s.transactions.c.pipeline)
    .where(
        s.versions.c.connection == bindparam("source"),
        s.versions.c.entity == bindparam("entity"),
        s.versions.c.source_id == bindparam("source_id"),
        s.subscriptions.c.destination == bindparam("destination"),
        speaks(s.transactions),
    )
    .order_by(s.transactions.c.seq.desc())
    .limit(1)
)


def oldest_open_write(connection: Connection, *, destination: str, entity: str) -> int | None:
    """Return when the oldest record was discovered that may be in a destination, or may not.

    Microseconds; None when the outcome of every write of the entity is known.
    """
    t, e = s.transactions, s.effects
    return connection.execute(
        select(func.min(t.c.created_us))
        .join(e, e.c.transaction == t.c.seq)
        .where(
            t.c.fate.in_((Fate.IN_FLIGHT, Fate.UNKNOWN)),
            e.c.state.in_(UNCERTAIN),
            e.c.entity == entity,
            e.c.key.startswith(f"{destination}/{entity}/", autoescape=True),
        )
    ).scalar()


def wanted_by(
    *, source: str, destination: str, entity: str, source_id: str, destination_id: str
) -> Iterable[str]:
    """Return what others may wait for that a new binding answers, from either side."""
    return (f"{entity}:{source_id}@{destination}", f"{entity}:{destination_id}@{source}")
