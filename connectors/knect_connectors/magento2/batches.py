"""Many rows in one request: so many as the shop takes, and by halves where it refuses some.

Why: levels and prices are set, not added, so that sending a row once more changes nothing; a
refusal of a whole list, or one that does not say which row it is of, is narrowed down that way.
Must not: be used for what is made anew by sending it twice.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import ConnectorError, Refused
from knect.sdk.parts import not_begun
from knect.sdk.permit import is_time_for_more

__all__ = ["in_batches", "sent_by_halves"]


async def in_batches(
    calls: Sequence[Call],
    size: int,
    send: Callable[[Sequence[Call]], Awaitable[Sequence[Outcome]]],
) -> list[Outcome]:
    """Send calls, at most `size` at a time; one batch without an answer harms no other."""
    outcomes: list[Outcome] = []
    for start in range(0, len(calls), size):
        part = calls[start : start + size]
        if start and not is_time_for_more():
            outcomes += [not_begun() for _ in part]
            continue
        try:
            outcomes += await send(part)
        except ConnectorError as error:
            if len(calls) <= size:
                raise
            outcomes += [Outcome(error=error) for _ in part]
    return outcomes


async def sent_by_halves(
    rows: Sequence[Any], send: Callable[[Sequence[Any]], Awaitable[None]]
) -> list[ConnectorError | None]:
    """Send rows; returns per row what the shop refused it with. `send` raises Refused."""
    if not rows:
        return []
    try:
        await send(rows)
    except Refused as error:
        if len(rows) == 1:
            return [error]
        middle = len(rows) // 2
        return [
            *await sent_by_halves(rows[:middle], send),
            *await sent_by_halves(rows[middle:], send),
        ]
    return [None] * len(rows)
