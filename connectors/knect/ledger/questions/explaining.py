"""What the ledger knows of the numbers behind one SKU: figures, formulas, open orders.

Must not: compute a formula; what it gave is in each transaction's story.
"""

from collections.abc import Callable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, Select, func, select

from knect.ledger import schema as s
from knect.ledger.commitments import OpenOrder, open_orders
from knect.ledger.questions.leads import called
from knect.ledger.supersede import speaks
from knect.model import normalise

__all__ = ["FIGURES", "Explained", "explained"]

#: What a SKU has figures in.
FIGURES = s.FIGURES


class Explained(Struct, frozen=True, kw_only=True):
    """The newest figure of one pipeline for one record of a SKU. Instants in microseconds.

    `at_us` is when it changed at the source, `seen_us` when that was read, `counted_us` of when the
    figure was that open orders were counted against. `taken` are open orders that figure cannot
    include, as they are now.
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
    counted_us: int | None = None
    taken: tuple[OpenOrder, ...] = ()


def explained(
    connection: Connection, sku: str, *, counted_us: Callable[[str], int | None]
) -> Sequence[Explained]:
    """Return what every pipeline did last with stock and prices of a SKU, spelled exactly so; if
    nothing is, of those that differ from it in no more than small and capital letters.

    `counted_us` tells from a transaction's timeline against a figure of when its open orders were
    counted; where none were, it is the figure as it was read.
    """
    t, v = s.transactions, s.versions
    newest = (
        select(func.max(t.c.seq))
        .where(t.c.seq.in_(_named(connection, sku)), t.c.entity.in_(FIGURES), speaks(t))
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
    found = []
    for row in rows.mappings():
        as_of_us = counted_us(row["timeline"])
        since_us = row["seen_us"] if as_of_us is None else as_of_us
        taken = (
            open_orders(connection, row["source"], [row["key"]], since_us=since_us)
            if row["entity"] == "inventory"
            else ()
        )
        found.append(Explained(**row, counted_us=as_of_us, taken=tuple(taken)))
    return found


def _named(connection: Connection, sku: str) -> Select[tuple[int]]:
    t = s.transactions.c
    exactly = called([sku], kind="figure").where(t.entity.in_(FIGURES))
    if connection.execute(exactly.limit(1)).first() is not None:
        return exactly
    alike = select(s.keys.c.version).where(
        s.keys.c.kind == "figure", s.keys.c.value == normalise(sku)
    )
    return select(t.seq).where(t.version.in_(alike), t.entity.in_(FIGURES))
