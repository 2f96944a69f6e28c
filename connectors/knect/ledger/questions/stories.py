"""Rows as the storyteller needs them.

Must not: shape spans; telemetry does.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct, structs
from sqlalchemy import Connection, Select, func, select, tuple_, update

from knect.ledger import schema as s
from knect.ledger.fates import ENDED
from knect.ledger.store.prepared import Prepared
from knect.ledger.store.sets import Rows, one_of

__all__ = [
    "ServedExchange",
    "TransactionRow",
    "exchanges_of",
    "mark_traced",
    "rows_to_tell",
    "untold",
]


class TransactionRow(Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A transaction with its timeline. `related` are the transactions of the order that a payment,
    refund or shipment belongs to.
    """

    seq: int
    id: str
    pipeline: str
    entity: str
    key: str
    source_id: str
    fate: str
    created_us: int
    timeline: str
    replay_of: str | None
    destination_id: str | None
    destination_number: str | None
    related: tuple[str, ...] = ()


class ServedExchange(Struct, frozen=True, kw_only=True, array_like=True):
    """A remote call and the ids of the transactions it served, with commas between them."""

    trace_id: str
    span_id: str
    connection: str
    method: str
    template: str
    host: str
    started_us: int
    duration_ms: float | None
    status: int | None
    error: str | None
    transactions: str


_ORDERS = "orders"
_CHILDREN = frozenset({"payments", "refunds", "shipments"})
_MOST_RELATED = 10
_COLUMNS = [
    s.transactions.c[name] for name in TransactionRow.__struct_fields__ if name != "related"
]


def rows_to_tell(connection: Connection, seqs: Sequence[int]) -> list[TransactionRow]:
    """Return the transactions, oldest first."""
    told: list[TransactionRow] = _TOLD.of(connection, seqs=seqs)
    if not any(row.entity in _CHILDREN for row in told):
        return told
    related = _orders_of(connection, [row.seq for row in told])
    return [structs.replace(row, related=related.get(row.seq, ())) for row in told]


_TOLD = Rows(
    select(*_COLUMNS).where(one_of(s.transactions.c.seq, "seqs")).order_by(s.transactions.c.seq),
    TransactionRow,
)


def _orders_of(connection: Connection, seqs: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the orders' transactions of each child: by the order's id, or by what it became."""
    t, v, k, b = s.transactions, s.versions, s.keys, s.bindings
    rows = connection.execute(
        select(t.c.seq, v.c.connection, k.c.value)
        .join(v, v.c.seq == t.c.version)
        .join(k, (k.c.version == t.c.version) & (k.c.kind == "id"))
        .where(one_of(t.c.seq, seqs), t.c.entity.in_(_CHILDREN))
    ).all()
    if not rows:
        return {}
    found: dict[tuple[str, str], set[tuple[int, str]]] = {}
    same_side = connection.execute(
        select(v.c.connection, k.c.value, t.c.seq, t.c.id)
        .join(k, (k.c.version == t.c.version) & (k.c.kind == "id"))
        .join(v, v.c.seq == t.c.version)
        .where(one_of(k.c.value, {row.value for row in rows}), t.c.entity == _ORDERS)
    )
    other_side = connection.execute(
        select(b.c.destination, b.c.destination_id, t.c.seq, t.c.id)
        .join(t, t.c.seq == b.c.transaction)
        .where(
            b.c.entity == _ORDERS,
            tuple_(b.c.destination, b.c.destination_id).in_(
                {(row.connection, row.value) for row in rows}
            ),
        )
    )
    for where, value, seq, identifier in (*same_side, *other_side):
        found.setdefault((where, value), set()).add((seq, identifier))
    related: dict[int, set[tuple[int, str]]] = {}
    for row in rows:
        related.setdefault(row.seq, set()).update(found.get((row.connection, row.value), ()))
    return {
        seq: tuple(identifier for _, identifier in sorted(ids)[-_MOST_RELATED:])
        for seq, ids in related.items()
    }


def exchanges_of(connection: Connection, seqs: Sequence[int]) -> list[ServedExchange]:
    """Return the calls made for these transactions, each once, oldest first."""
    calls: list[ServedExchange] = _CALLS.of(connection, seqs=seqs)
    return calls


def _calls() -> Select[Any]:
    link, e, t = s.exchange_links, s.exchanges, s.transactions
    served = (
        select(link.c.span_id, func.aggregate_strings(t.c.id, ",").label("transactions"))
        .join(t, t.c.seq == link.c.transaction)
        .where(one_of(link.c.transaction, "seqs"))
        .group_by(link.c.span_id)
        .subquery("served")
    )
    columns = [e.c[name] for name in ServedExchange.__struct_fields__ if name in e.c]
    return (
        select(*columns, served.c.transactions)
        .join(served, served.c.span_id == e.c.span_id)
        .order_by(e.c.started_us)
    )


_CALLS = Rows(_calls(), ServedExchange)


def mark_traced(connection: Connection, seqs: Sequence[int]) -> None:
    """Remember that the story so far was handed to the exporter."""
    _TRACED.run(connection, seqs=seqs)


_TRACED = Prepared(
    update(s.transactions)
    .where(one_of(s.transactions.c.seq, "seqs"))
    .values(traced_us=s.transactions.c.since_us)
)


def untold(connection: Connection, pipelines: Sequence[str], *, after_us: int) -> list[int]:
    """Return transactions that ended after an instant and whose end was never handed over."""
    t = s.transactions
    rows = connection.execute(
        select(t.c.seq).where(
            t.c.pipeline.in_(pipelines),
            t.c.fate.in_(ENDED),
            t.c.since_us >= after_us,
            (t.c.traced_us.is_(None)) | (t.c.traced_us < t.c.since_us),
        )
    )
    return [row.seq for row in rows]
