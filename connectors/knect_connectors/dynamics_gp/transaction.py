"""One document, one transaction: committed whole or not at all, tried again after a deadlock.

Must not: try again after a COMMIT without an answer; only a look-up tells what became of that.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from knect.sdk.contract import Found, Outcome
from knect.sdk.errors import ConnectorError, RetryLater
from knect.sdk.sql import DEADLOCK, DUPLICATE_KEY, Session
from knect_connectors.dynamics_gp.client import GpClient

__all__ = ["in_transaction", "outcome_of"]

_T = TypeVar("_T")
#: A deadlock's victim was undone by the server; so often it is tried at once.
_TRIES = 3


async def in_transaction(client: GpClient, work: Callable[[Session], Awaitable[_T]]) -> _T:
    """Run `work` in a transaction; again from the start when it was a deadlock's victim."""
    left = _TRIES
    while True:
        left -= 1
        try:
            async with client.database.session() as session, session.transaction():
                return await work(session)
        except RetryLater as error:
            if error.code != DEADLOCK or not left:
                raise


async def outcome_of(
    write: Awaitable[Found], there: Callable[[], Awaitable[Found | None]]
) -> Outcome:
    """Return what came of a write; `there` finds what our mark says was written before.

    A key that is taken by nothing of ours is one of GP's own, a number that was typed in, say: with
    the next one it may go well.
    """
    try:
        return Outcome(found=await write)
    except ConnectorError as error:
        if error.code != DUPLICATE_KEY:
            return Outcome(error=error)
        found = await there()
        return Outcome(found=found) if found else Outcome(error=_taken(error))


def _taken(error: ConnectorError) -> RetryLater:
    later = RetryLater(error.message, code=error.code, could_have_been_seen=False)
    later.answered = True
    return later
