"""What the ledger knows of the numbers behind one SKU: figures, formulas, open orders.

Must not: compute a formula; what it gave is in each transaction's story.
"""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection, func, select

from knect.ledger import schema as s
from knect.ledger.commitments import OpenOrder, open_orders

__all__ = ["Explained", "explained"]

#: What a SKU has figures in.
_ENTITIES = ("inventory", "prices")


class Explained(Struct, frozen=True, kw_only=True):
    """The newest figure of one pipeline for one record of a SKU. Instants in microseconds.

    `at_us` is when it changed at the source, `seen_us` when that was read. `taken` are open orders
    that the source's figure cannot include now.
    """

    pipeline: str
    entity: str
    source: str
    destination: str | None
    source_id: str
    key: str
    fate: str
    reason: str | None
    message: str | None
    since_us: int
    at_us: int
    seen_us: int
    destination_id: str | None
    destination_number: str | None
    timeline: str
    id: str
    mapping_body: str | None
    taken: tuple[OpenOrder, ...] = ()


def explained(connection: Connection, sku: str) -> Sequence[Explained]:
    """Return what every pipeline did last with stock and prices of a SKU, spelled exactly so."""
    t, v = s.transactions, s.versions
    newest = (
        select(func.max(t.c.seq))
        .where(t.c.key == sku, t.c.entity.in_(_ENTITIES))
        .group_by(t.c.pipeline, t.c.source_id)
    )
    rows = connection.execute(
        select(
            *(
                t.c[name]
                for name in (
                    "pipeline entity source_id key fate reason message since_us destination_id "
                    "destination_number timeline id"
                ).split()
            ),
            v.c.connection.label("source"),
            v.c.at_us,
            v.c.seen_us,
            s.subscriptions.c.destination,
            s.mappings.c.body.label("mapping_body"),
        )
        .join(v, v.c.seq == t.c.version)
        .outerjoin(s.subscriptions, s.subscriptions.c.pipeline == t.c.pipeline)
        .outerjoin(s.mappings, s.mappings.c.seq == t.c.mapping)
        .where(t.c.seq.in_(newest))
        .order_by(t.c.entity, t.c.pipeline, t.c.source_id)
    )
    return [
        Explained(
            **row,
            taken=tuple(open_orders(connection, row["source"], [sku], since_us=row["at_us"]))
            if row["entity"] == "inventory"
            else (),
        )
        for row in rows.mappings()
    ]
