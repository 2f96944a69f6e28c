"""Which system each Connection's records and bindings are of.

Why: a ledger knows an order by its Connection's name. Under the same name, another shop's order
1001 would be a change of the first one's, and what a test ERP has would be taken for delivered
to the real one. Must not: know what an address means; two texts are the same or they are not.
"""

from collections.abc import Collection

from msgspec import Struct
from sqlalchemy import Connection, select, update

from knect.ledger import schema as s
from knect.ledger.store.upserts import insert_ignore

__all__ = ["Elsewhere", "about_before", "known_under", "settle_system"]


class Elsewhere(Struct, frozen=True, kw_only=True):
    """Where a Connection led to when the ledger's records of it were made, and since when."""

    was: str
    since_us: int


def settle_system(
    connection: Connection, name: str, leads_to: str, *, moved_from: Collection[str], now_us: int
) -> Elsewhere | None:
    """Note where a Connection leads to; return where it led to if that is another system.

    It is the same one if nothing is known of the other yet, or if it is among `moved_from`.
    """
    known = s.systems.c
    row = {"connection": name, "leads_to": leads_to, "since_us": now_us}
    connection.execute(insert_ignore(connection, s.systems), row)
    was = connection.execute(select(s.systems).where(known.connection == name)).one()
    if was.leads_to == leads_to:
        return None
    if was.leads_to not in moved_from and _has_any(connection, name):
        return Elsewhere(was=was.leads_to, since_us=was.since_us)
    connection.execute(
        update(s.systems).where(known.connection == name).values(leads_to=leads_to, since_us=now_us)
    )
    return None


def known_under(
    connection: Connection, name: str, leads_to: str, *, entity: str, destination: str
) -> list[str]:
    """Return the names under which a system's records got to a destination, if it has another one
    now that nobody has worked under: whatever is there would be made a second time.
    """
    known, b = s.systems.c, s.bindings
    names = select(known.connection)
    if connection.execute(names.where(known.connection == name)).first() is not None:
        return []
    others = connection.execute(names.where(known.leads_to == leads_to)).scalars().all()

    def got_there(source: str) -> bool:
        of_it = b.c.destination == destination, b.c.entity == entity, b.c.source == source
        return connection.execute(select(b.c.seq).where(*of_it).limit(1)).first() is not None

    return [one for one in sorted(others) if got_there(one)]


def about_before(
    connection: Connection, pipeline: str, *, source: str, entity: str
) -> tuple[str, str] | None:
    """Return which source's records a pipeline's transactions are of, and their entity, if it is
    not these.
    """
    f, p, t = s.feeds, s.subscriptions, s.transactions
    reads = select(f.c.connection, f.c.entity).join(p, p.c.feed == f.c.seq)
    was = connection.execute(reads.where(p.c.pipeline == pipeline)).one_or_none()
    any_of_it = select(t.c.seq).where(t.c.pipeline == pipeline).limit(1)
    if was is None or tuple(was) == (source, entity):
        return None
    return None if connection.execute(any_of_it).first() is None else (was.connection, was.entity)


def _has_any(connection: Connection, name: str) -> bool:
    seen = select(s.versions.c.seq).where(s.versions.c.connection == name).limit(1)
    made = select(s.bindings.c.seq).where(s.bindings.c.destination == name).limit(1)
    return any(connection.execute(one).first() is not None for one in (seen, made))
