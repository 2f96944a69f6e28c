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

__all__ = ["send_grouped", "send_rows"]

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

    async def of_group(name: str, rows: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        return await request(name, [calls[index] for index in rows])

    for name, indexes in groups.items():
        if outcomes and (_is_silent(outcomes) or not is_time_for_more()):
            outcomes |= {index: not_begun() for index in indexes}
            continue
        try:
            outcomes |= await send_rows(calls, indexes, partial(of_group, name), done, judge)
        except RetryLater as error:
            if len(groups) == 1:
                raise
            outcomes |= {index: Outcome(error=error) for index in indexes}
    return [outcomes[index] for index in range(len(calls))]


def _is_silent(outcomes: Mapping[int, Outcome]) -> bool:
    """Tell whether a request was not answered: then no more are begun."""
    return any(isinstance(one.error, Unreachable) for one in outcomes.values())


async def send_rows(
    calls: Sequence[Call],
    indexes: Sequence[int],
    request: Callable[[Sequence[int]], Awaitable[Sequence[Mapping[str, Any]]]],
    done: Callable[[Call], Outcome],
    judge: Callable[[Call, Sequence[Mapping[str, Any]]], ConnectorError | None],
) -> dict[int, Outcome]:
    """Send the rows of one request, again without those that are refused.

    A row that is not written, and of which `judge` says nothing, has no outcome yet.
    """
    outcomes: dict[int, Outcome] = {}
    left = list(indexes)
    while left:
        errors = await request(left)
        if not errors:
            return outcomes | {index: done(calls[index]) for index in left}
        whole = [error for error in errors if row_of(error) is None]
        said = (
            dict.fromkeys(range(len(left)), whole)
            if whole
            else {row_of(error) or 0: [error] for error in errors}
        )
        for row, about in said.items():
            if (error := judge(calls[left[row]], about)) is not None:
                outcomes[left[row]] = Outcome(error=error)
        left = [index for row, index in enumerate(left) if row not in said]
    return outcomes
