"""Calls as rows of one request, where Shopify writes all rows or none.

Must not: let one refused row hold the others.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from knect.sdk.contract import Call, Outcome
from knect_connectors.shopify.refusals import refused, row_of

__all__ = ["send_grouped"]

#: Sends rows and returns the user errors; none: all were written.
_Request = Callable[[str, Sequence[Call]], Awaitable[Sequence[Mapping[str, Any]]]]


async def send_grouped(
    calls: Sequence[Call],
    *,
    by: str,
    request: _Request,
    done: Callable[[Call], Outcome],
) -> list[Outcome]:
    """Send one request per value of the body's field `by`; return the outcome of every call."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(calls):
        groups[call.effect.body[by]].append(index)
    outcomes: dict[int, Outcome] = {}
    for name, indexes in groups.items():
        left = indexes
        while left:
            errors = await request(name, [calls[index] for index in left])
            whole = [error for error in errors if row_of(error) is None]
            for error in errors if not whole else ():
                outcomes[left[row_of(error) or 0]] = Outcome(error=refused([error]))
            if whole or not errors:
                for index in left:
                    outcomes[index] = Outcome(error=refused(whole)) if whole else done(calls[index])
            left = [index for index in left if index not in outcomes]
    return [outcomes[index] for index in range(len(calls))]
