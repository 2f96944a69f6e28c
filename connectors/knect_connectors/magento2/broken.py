"""A record the shop itself cannot tell: named and passed over, so that it holds up no other.

Why: one order an extension stumbles over is a 500 for every page it is on. Of a list nobody can
read its id is found by halving: what comes before it is answered, what begins with it is not.
Must not: take an outage for such a record. It fails again and again by itself, and the shop shows
another record of its kind.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from knect.sdk.errors import ConnectorError, UnexpectedAnswer
from knect_connectors.magento2.client import MagentoClient
from knect_connectors.magento2.payload import instant_text
from knect_connectors.magento2.search import Filter, Group

__all__ = ["BROKEN", "find_broken", "is_broken", "told_alone"]

#: Where a row that the shop cannot tell says why.
BROKEN = "knect_broken"
_LARGEST_ID = 2**32 - 1
_TIME, _CODE = "updated_at", "500"


def is_broken(row: Mapping[str, Any]) -> bool:
    """Tell whether a row stands for one that the shop cannot tell."""
    return BROKEN in row


async def find_broken(
    client: MagentoClient,
    path: str,
    column: str,
    groups: Sequence[Group],
    span: tuple[datetime, datetime],
) -> dict[str, Any] | None:
    """Return, as `column`, `updated_at` and why, the first row of a list by (time, id), which the
    shop cannot tell; None if it can. `span`: the times it may have.
    """
    since = span[0].astimezone(UTC).replace(microsecond=0)

    def at(second: int) -> str:
        return instant_text(since + timedelta(seconds=second))

    async def fails_until(second: int) -> bool:
        return await _fails(client, path, column, [*groups, _is(_TIME, at(second), "lteq")])

    if await fails_until(-1):  # nothing is of that time: the shop cannot answer at all
        return None
    last = int((span[1] - since).total_seconds())
    second = await _first(fails_until, last)
    of_second = [*groups, _is(_TIME, at(second))]

    async def fails_up_to(identifier: int) -> bool:
        return await _fails(client, path, column, [*of_second, _is(column, identifier, "lteq")])

    identifier = await _first(fails_up_to, _LARGEST_ID)
    rows = await told_alone(client, path, column, [str(identifier)])
    return {**rows[0], _TIME: at(second)} if rows and is_broken(rows[0]) else None


async def told_alone(
    client: MagentoClient, path: str, column: str, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the rows of these ids; of those the shop cannot tell the id and why."""
    try:
        return await client.by_ids(path, column, ids)
    except UnexpectedAnswer as error:
        if error.code != _CODE:
            raise
        if len(ids) > 1:
            alone = [await told_alone(client, path, column, [one]) for one in ids]
            return [row for rows in alone for row in rows]
        if not await _shows_another(client, path, column, ids[0]):
            raise
        return [{column: ids[0], BROKEN: error.message}]


async def _shows_another(client: MagentoClient, path: str, column: str, identifier: str) -> bool:
    try:
        rows, _ = await client.search(
            path, [_is(column, identifier, "neq")], sort=(column,), size=1
        )
    except ConnectorError:
        return False
    return bool(rows)


async def _fails(client: MagentoClient, path: str, column: str, groups: Sequence[Group]) -> bool:
    try:
        await client.search(path, groups, sort=(_TIME, column), size=1, attempts=1)
    except UnexpectedAnswer as error:
        if error.code != _CODE:
            raise
        return True
    return False


async def _first(fails: Callable[[int], Awaitable[bool]], last: int) -> int:
    """Return the smallest number from which on it fails; at `last` it does."""
    low, high = 0, last
    while low < high:
        middle = (low + high) // 2
        if await fails(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _is(field: str, value: object, condition: str = "eq") -> Group:
    return [Filter(field=field, value=str(value), condition=condition)]
