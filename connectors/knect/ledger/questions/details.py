"""The details of one transaction: its effects and the calls that served it.

Must not: write.
"""

from msgspec import Struct
from sqlalchemy import Connection, select

from knect.ledger import schema as s

__all__ = ["CallLine", "EffectLine", "calls_of", "effect_lines"]


class EffectLine(Struct, frozen=True, kw_only=True):
    """One write of the delivery."""

    name: str
    write: str
    external_id: str
    state: str
    tries: int
    destination_id: str | None
    number: str | None
    adopted: bool
    error: str | None


class CallLine(Struct, frozen=True, kw_only=True):
    """One remote call that served it."""

    trace_id: str
    connection: str
    method: str
    template: str
    status: int | None
    error: str | None
    duration_ms: float
    started_us: int


def effect_lines(connection: Connection, transaction: int) -> list[EffectLine]:
    """Return the effects in their order."""
    e = s.effects
    rows = connection.execute(
        select(*(e.c[name] for name in EffectLine.__struct_fields__))
        .where(e.c.transaction == transaction)
        .order_by(e.c.position)
    )
    return [EffectLine(**row) for row in rows.mappings()]


def calls_of(connection: Connection, transaction: int) -> list[CallLine]:
    """Return the calls, oldest first."""
    x, link = s.exchanges, s.exchange_links
    rows = connection.execute(
        select(*(x.c[name] for name in CallLine.__struct_fields__))
        .join(link, link.c.span_id == x.c.span_id)
        .where(link.c.transaction == transaction)
        .order_by(x.c.started_us)
    )
    return [CallLine(**row) for row in rows.mappings()]
