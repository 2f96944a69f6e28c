"""One account's calls, shared by every worker that speaks to it.

Why: the remote counts per account, while each pipeline may have a pod of its own; each of them
believing it had the whole budget would be refused all day.
Must not: wait; who gets too little is told when to ask again.
"""

from msgspec import Struct
from sqlalchemy import Connection, select, update

from knect.ledger import schema as s
from knect.ledger.store.upserts import insert_ignore

__all__ = ["Drawn", "draw"]

_MICROSECONDS = 1_000_000
#: So much less than what is asked for is enough: instants have a grain.
_TRIFLE = 1e-6


class Drawn(Struct, frozen=True, kw_only=True):
    """What was given, and the seconds until the least asked for will be there."""

    granted: float
    wait: float


def draw(
    connection: Connection,
    name: str,
    *,
    least: float,
    want: float,
    maximum: float,
    rate: float,
    left: float | None,
    now_us: int,
) -> Drawn:
    """Take up to `want` of a Connection's points, if there are `least`; see `BudgetPool.draw`.

    Sizes and rates are what the caller knows: the newest word of the server counts.
    """
    b = s.budgets
    connection.execute(
        insert_ignore(connection, b),
        [
            {
                "connection": name,
                "capacity": maximum,
                "tokens": maximum,
                "refill_per_second": rate,
                "updated_us": now_us,
            }
        ],
    )
    row = connection.execute(
        select(b.c.tokens, b.c.updated_us).where(b.c.connection == name).with_for_update()
    ).one()
    gained = max(0, now_us - row.updated_us) / _MICROSECONDS * rate
    tokens = min(maximum, row.tokens + gained)
    if left is not None:
        tokens = min(tokens, left)
    enough = tokens >= least - _TRIFLE
    granted = min(want, tokens) if enough else 0.0
    connection.execute(
        update(b)
        .where(b.c.connection == name)
        .values(
            capacity=maximum,
            tokens=tokens - granted,
            refill_per_second=rate,
            updated_us=max(now_us, row.updated_us),
        )
    )
    return Drawn(granted=granted, wait=0.0 if enough else (least - tokens) / rate)
