"""Reading by change marks: a page of ids and times, then what stands behind them.

Pages go by (time, id). GP's `datetime` has steps of three milliseconds and compares so; the
window's ends are compared here once more, as given.
Must not: take a record that is not listed for a deleted one; `fetch` of its id tells.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from knect.model import Record
from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.dynamics_gp.client import GpClient
from knect_connectors.dynamics_gp.fields import at_of, plain, text, token_of
from knect_connectors.dynamics_gp.queries import MANY

__all__ = ["Listed", "Loaded"]

#: id -> (last change, raw)
Loaded = Mapping[str, tuple[datetime, dict[str, Any]]]


class Listed(Struct, frozen=True, kw_only=True):
    """How one entity is read.

    `listing`: the query that lists what changed; `key` its id column. `load` returns what stands
    behind ids. `sweep` is called before a window (with its end) or ids (with None) are read, where
    GP keeps no mark.
    """

    listing: str
    key: str
    load: Callable[[GpClient, Sequence[str]], Awaitable[Loaded]]
    record: Callable[[GpClient, Any], Record]
    sweep: Callable[[GpClient, datetime | None], Awaitable[None]] | None = None

    async def read(self, client: GpClient, window: Window) -> AsyncIterator[Page]:
        """Yield what changed in the window, by (time, id)."""
        if self.sweep is not None:
            await self.sweep(client, window.until)
        size = max(1, min(window.page_size, MANY))
        since, until = _naive(window.since), _naive(window.until)
        at, last = since, ""
        is_first = True
        while True:
            # nothing has been seen of the first instant yet: any id is after an empty one
            rows = await client.rows(self.listing, [since, until, at, at, last])
            listed = [(at_of(row["changed"]), text(row[self.key])) for row in rows]
            if listed and not is_first and listed[0] <= (at_of(at), last):
                raise UnexpectedAnswer(
                    f"GP lists {listed[0][1]} again, which was on an earlier page with the same"
                    " time; its times cannot be compared",
                    path="DEX_ROW_TS",
                    value=token_of(listed[0][0]),
                )
            is_first = False
            inside = [one for one in listed if window.since <= one[0] < window.until]
            loaded = await self.load(client, [key for _, key in inside])
            changes = [
                Change(id=key, token=token_of(when), at=when, raw=_raw(loaded[key][1], when))
                for when, key in inside
                if key in loaded
            ]
            changes.sort(key=lambda one: (one.at, one.id))
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])
            if len(rows) < MANY:
                return
            at, last = _naive(listed[-1][0]), listed[-1][1]

    async def fetch(self, client: GpClient, ids: Sequence[str]) -> Sequence[Change]:
        """Return the current state of each id, in order."""
        if not ids:
            return []
        now = await client.now()
        if self.sweep is not None:
            await self.sweep(client, None)
        loaded = {key.upper(): one for key, one in (await self.load(client, ids)).items()}
        found = []
        for one in ids:
            there = loaded.get(one.upper())
            if there is None:
                found.append(Change(id=one, token=token_of(now), at=now, deleted=True))
            else:
                at, raw = there
                found.append(Change(id=one, token=token_of(at), at=at, raw=_raw(raw, at)))
        return found


def _raw(row: dict[str, Any], at: datetime) -> dict[str, Any]:
    return {**row, "last_modified_at": token_of(at)}


def _naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


def by_key(rows: Sequence[Mapping[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    """Return plain rows by a char column."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(text(row[key]), []).append(plain(row))
    return found
