"""Remote calls as rows, and whom they served.

Must not: hold URLs with values, headers or bodies.
"""

from collections.abc import Sequence

from msgspec import Struct, structs
from sqlalchemy import Connection

from knect.ledger import schema as s
from knect.ledger.store.bulk import InsertMany

__all__ = ["ExchangeRow", "store_exchanges"]


class ExchangeRow(Struct, frozen=True, kw_only=True):
    """One remote call. `window` is the read it belonged to, if it was one."""

    trace_id: str
    span_id: str
    connection: str
    window: int | None
    method: str
    template: str
    host: str
    started_us: int
    duration_ms: float
    status: int | None
    error: str | None
    could_have_been_seen: bool
    request_bytes: int
    response_bytes: int


def store_exchanges(
    connection: Connection, rows: Sequence[ExchangeRow], links: Sequence[tuple[int, str]]
) -> None:
    """Store calls and the (transaction, span id) pairs they served."""
    _STORE.run(connection, [structs.astuple(row) for row in rows])
    _LINK.run(connection, links)


_STORE = InsertMany(s.exchanges, ExchangeRow.__struct_fields__, ignore=True)
_LINK = InsertMany(s.exchange_links, ("transaction", "span_id"), ignore=True)
