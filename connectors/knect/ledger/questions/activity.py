"""Who did what: every retry, approval, replay, skip and mapping of a person, with the reason.

Why: what a person ended or let pass is asked about months later. Must not: write, or name what was
only counted.
"""

from msgspec import Struct
from sqlalchemy import Connection, select

from knect.ledger import schema as s

__all__ = ["Action", "activity"]


class Action(Struct, frozen=True, kw_only=True):
    """One deed. `selector` is what was named; `count` how many transactions it was."""

    at_us: int
    actor: str
    verb: str
    selector: str
    reason: str | None
    count: int


def activity(connection: Connection, *, limit: int | None = None, offset: int = 0) -> list[Action]:
    """Return what people did, newest first."""
    a = s.actions
    rows = connection.execute(
        select(*(a.c[name] for name in Action.__struct_fields__))
        .order_by(a.c.at_us.desc(), a.c.seq.desc())
        .limit(limit)
        .offset(offset)
    )
    return [Action(**row) for row in rows.mappings()]
