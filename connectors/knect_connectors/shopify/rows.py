"""Calls as rows of one request, where Shopify writes all rows or none.

Must not: let one refused row hold the others, or a request that is not answered those before it.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from knect.sdk.contract import Call, Outcome
from knect.sdk.errors import ConnectorError, RetryLater, Unreachable
from knect.sdk.parts import not_begun
from knect.sdk.permit import is_time_for_more
from knect_connectors.shopify.refusals import row_of

__all__ = ["send_grouped"]

#: Sends rows and returns the user errors; none: all were written.
_Request = Callable[[str, Sequence[Call]], Awaitable[Sequence[Mapping[str, Any]]]]
#: Says what a call's user errors mean.
_Judge = Callable[[Call, Sequence[Mapping[str, Any]]], ConnectorError]


async def send_grouped(
    calls: Sequence[Call],
    *,
    by: str,
    request: _Request,
    done: Callable[[Call], Outcome],
    judge: _Judge,
) -> list[Outcome]:
    """Send one request per value of the body's field `by`; return the outcome of every call."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, call in enumerate(calls):
        groups[call.effect.body[by]].append(index)
    outcomes: dict[int, Outcome] = {}
    for name, indexes in groups.items():
        if outcomes and (_is_silent(outcomes) or not is_time_for_more()):
            outcomes |= {index: not_begun() for index in indexes}
            continue
        try:
            outcomes |= await _send_group(calls, indexes, partial(request, name), done, judge)
        except RetryLater as error:
            if len(groups) == 1:
                raise
            outcomes |= {index: Outcome(error=error) for index in indexes}
    return [outcomes[index] for index in range(len(calls))]


def _is_silent(outcomes: Mapping[int, Outcome]) -> bool:
    """Tell whether a request was not answered: then no more are begun."""
    return any(isinstance(one.error, Unreachable) for one in outcomes.values())


async def _send_group(
    calls: Sequence[Call],
    indexes: Sequence[int],
    request: Callable[[Sequence[Call]], Awaitable[Sequence[Mapping[str, Any]]]],
    done: Callable[[Call], Outcome],
    judge: _Judge,
) -> dict[int, Outcome]:
    """Send the rows of one request, again without those that are refused."""
    outcomes: dict[int, Outcome] = {}
    left = list(indexes)
    while left:
        errors = await request([calls[index] for index in left])
        whole = [error for error in errors if row_of(error) is None]
        for error in errors if not whole else ():
            index = left[row_of(error) or 0]
            outcomes[index] = Outcome(error=judge(calls[index], [error]))
        if whole or not errors:
            for index in left:
                call = calls[index]
                outcomes[index] = Outcome(error=judge(call, whole)) if whole else done(call)
        left = [index for index in left if index not in outcomes]
    return outcomes
