"""Reads stock levels: all of them, each time, because the platform marks no change of stock.

What is the same as before is no new version: the content tells.
Must not: know time; a level has no instant of its own.
"""

from collections.abc import AsyncIterator, Sequence

from knect.sdk.contract import Change, Page, Window
from knect.sdk.errors import UnexpectedAnswer
from knect_connectors.bigcommerce.client import BigCommerceClient
from knect_connectors.bigcommerce.listing import PAGE, Row, all_of, is_last, rows_of

__all__ = ["ITEMS", "LevelReader"]

ITEMS = "/v3/inventory/items"
#: Variants that one question may name.
_AT_ONCE = 100
_PATIENCE = 10_000


class LevelReader:
    """Reads the levels of one store."""

    def __init__(self, client: BigCommerceClient) -> None:
        self._client = client

    async def read(self, window: Window) -> AsyncIterator[Page]:
        """Yield every level there is; all have the window's first instant."""
        size = max(1, window.page_size)
        seen: set[str] = set()
        for page in range(1, _PATIENCE):
            params = {"page": str(page), "limit": str(PAGE)}
            answer = await self._client.read(ITEMS, params=params)
            rows = rows_of(answer, ITEMS)
            found = [(one, raw) for row in rows for one, raw in _levels(row) if one not in seen]
            seen |= {one for one, _ in found}
            changes = [
                Change(id=one, token="", at=window.since, raw=raw) for one, raw in sorted(found)
            ]
            for start in range(0, len(changes), size):
                yield Page(changes=changes[start : start + size])
            if not rows or is_last(answer, rows, PAGE):
                return
        raise UnexpectedAnswer(f"{ITEMS} does not end")

    async def fetch(self, ids: Sequence[str]) -> Sequence[Change]:
        """Return the level of each id; `deleted` for those that are gone."""
        if not ids:
            return []
        variants = sorted({number for one in ids if (number := one.partition("@")[0]).isdecimal()})
        found: dict[str, Row] = {}
        for start in range(0, len(variants), _AT_ONCE):
            params = {"variant_id:in": ",".join(variants[start : start + _AT_ONCE])}
            for row in await all_of(self._client, ITEMS, params=params) or ():
                found |= dict(_levels(row))
        now = self._client.server_time
        if now is None:
            raise UnexpectedAnswer("the store answers without a Date header")
        return [
            Change(id=one, token="", at=now, raw=found[one])
            if one in found
            else Change(id=one, token="", at=now, deleted=True)
            for one in ids
        ]


def _levels(row: Row) -> list[tuple[str, Row]]:
    """Return (id, raw) of a variant's levels; what has no SKU is nobody's stock."""
    identity = row.get("identity") or {}
    if not identity.get("sku"):
        return []
    return [
        (
            f"{identity.get('variant_id')}@{place.get('location_id')}",
            {"identity": identity, "location": place},
        )
        for place in row.get("locations") or ()
    ]
