"""Where GP keeps no mark of a change: a sweep in its database stamps what differs since the last.

The stamp lies just before the end of the window that is being read, so that what the sweep finds
is in this window and in none before. Where there is no window it is the server's now when it
sweeps: after all that was read, whoever read it. Windows of the past are read without a sweep: a
stamp there would be behind everybody's cursor.
Must not: compare anything here; the database does.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.procedures import SWEEP

__all__ = ["sweeper"]

#: More than a step of SQL Server's `datetime`.
_BEFORE = timedelta(milliseconds=7)


def sweeper(entity: str) -> Callable[[GpClient, datetime | None], Awaitable[None]]:
    """Return what sweeps an entity for a window that ends at an instant, or for none."""

    async def sweep(client: GpClient, until: datetime | None) -> None:
        stamp = (until.astimezone(UTC) - _BEFORE).replace(tzinfo=None) if until else None
        async with client.database.session() as session:
            await session.call(SWEEP.statement(), {"entity": entity, "stamp": stamp})

    return sweep
