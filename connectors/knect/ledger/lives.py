"""The lives of workers, each with the trace id of the calls it makes for itself.

Why: a check of a Connection, a webhook's subscription or an audit serves no window and no
transaction, and must still be told from a stranger's call, also after sudden death. So its trace
id is written before the first of them. Must not: tell who is alive; leases do.
"""

from sqlalchemy import Connection, delete, update

from knect.ledger import schema as s
from knect.ledger.store.upserts import insert_ignore

__all__ = ["begin_life", "drop_lives", "keep_life"]


def begin_life(connection: Connection, holder: str, calls: str, now_us: int) -> None:
    """Write down a life that begins, and the trace id (32 hex digits) of its own calls."""
    row = {"holder": holder, "calls": calls, "began_us": now_us, "seen_us": now_us}
    connection.execute(insert_ignore(connection, s.lives), row)


def keep_life(connection: Connection, holder: str, now_us: int) -> None:
    """Say that a life goes on, so that it is not forgotten however long it lasts."""
    connection.execute(update(s.lives).where(s.lives.c.holder == holder).values(seen_us=now_us))


def drop_lives(connection: Connection, before_us: int) -> None:
    """Forget the lives that did not go on after that."""
    connection.execute(delete(s.lives).where(s.lives.c.seen_us < before_us))
