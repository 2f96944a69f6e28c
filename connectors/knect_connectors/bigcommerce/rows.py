"""Calls as rows of one request, where the store takes all rows or none, or says which it refuses.

Must not: let one refused row hold the others, or a request that is not answered those before it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import ConnectorError, Refused
from knect.sdk.parts import not_begun
from knect.sdk.permit import is_time_for_more

__all__ = ["chunks", "send_rows"]

#: Sends rows; returns what is refused by its place in them, and raises Refused for all of them.
_Request = Callable[[Sequence[Call]], Awaitable[Mapping[int, ConnectorError]]]
#: Says what a refusal of one row alone means.
_Judge = Callable[[Call, Refused], Awaitable[ConnectorError]]


def chunks(indexes: Sequence[int], size: int) -> list[list[int]]:
    """Return places in parts of at most `size`."""
    return [list(indexes[start : start + size]) for start in range(0, len(indexes), size)]


async def send_rows(
    calls: Sequence[Call],
    parts: Sequence[Sequence[int]],
    *,
    request: _Request,
    done: Callable[[Call], Outcome],
    judge: _Judge,
) -> list[Outcome]:
    """Send each part as one request; one that is refused as a whole is halved until it is a row."""
    outcomes: dict[int, Outcome] = {}
    queue = [list(part) for part in parts]
    silent = False
    while queue:
        part = queue.pop(0)
        if outcomes and (silent or not is_time_for_more()):
            outcomes |= {index: not_begun() for index in part}
            continue
        try:
            refused = await request([calls[index] for index in part])
        except Refused as error:
            if len(part) > 1:
                half = len(part) // 2
                queue = [part[:half], part[half:], *queue]
                continue
            outcomes[part[0]] = Outcome(error=await judge(calls[part[0]], error))
            continue
        except ConnectorError as error:
            if not outcomes and not queue:
                raise
            outcomes |= {index: Outcome(error=error) for index in part}
            silent = not error.answered
            continue
        for place, index in enumerate(part):
            error_of_row = refused.get(place)
            if isinstance(error_of_row, Refused):
                error_of_row = await judge(calls[index], error_of_row)
            outcomes[index] = Outcome(error=error_of_row) if error_of_row else done(calls[index])
    return [outcomes[index] for index in range(len(calls))]
