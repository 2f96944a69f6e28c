"""Finds records that changed without their mark of change: by what their row was before.

Why: direct SQL and old extensions change orders and leave `updated_at` alone. What was listed
before is known by a digest in memory; after a start everything recent is new, and read once more.
Must not: be relied upon for more than it is: once an hour, for records of the last days.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from knect_connectors.magento1.client import MagentoClient
from knect_connectors.magento1.listing import Slices

__all__ = ["Recheck"]

_EVERY = timedelta(hours=1)


class Recheck:
    """The rows of one list, as they were when they were last recorded."""

    def __init__(self, client: MagentoClient, path: str, key: str) -> None:
        self._days = timedelta(days=client.config.recheck_days)
        self._slices = Slices(client, path, unmarked=False, column="created_at")
        self._key = key
        self._known: dict[str, bytes] = {}
        self._next: datetime | None = None

    async def rows(
        self, until: datetime, more: Mapping[str, Any]
    ) -> AsyncIterator[Sequence[dict[str, Any]]]:
        """Yield rows that are not what they were, slice by slice; nothing, if it is too early."""
        if not self._days or (self._next is not None and until < self._next):
            return
        since = until - self._days
        seen: set[str] = set()
        async for _, _, rows in self._slices.read(since, until, more):
            seen |= {str(row[self._key]) for row in rows}
            changed = [r for r in rows if self._known.get(str(r[self._key])) != _digest(r)]
            if changed:
                yield changed
        self._known = {key: one for key, one in self._known.items() if key in seen}
        self._next = until + _EVERY

    def remember(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take these rows for what they are."""
        self._known |= {str(row[self._key]): _digest(row) for row in rows}


def _digest(row: Mapping[str, Any]) -> bytes:
    text = "\0".join(f"{name}={row[name]}" for name in sorted(row))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
