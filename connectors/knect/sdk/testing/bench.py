"""What a connector brings to be tried by the conformance rules.

A connector package has a module `conformance` with `open_bench()`, an async context manager that
yields a `Bench`: an open connector, the system it speaks to, and hands to move things there.
Must not: hold rules; those are the same for all connectors.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from knect.sdk.contract import Connector, Effect, WebhookRequest
from knect.sdk.testing.faults import Fault

__all__ = ["Bench", "NotOnThisBenchError", "OpenBench"]


class Bench(Protocol):
    """One connector at a system that is all ours. Times are UTC, whole seconds.

    A hand the system does not lend raises `NotOnThisBenchError` with the reason.
    """

    connector: Connector
    #: Texts that must not appear in any error: tokens, passwords.
    secrets: Sequence[str]

    async def create(self, entity: str, times: Sequence[datetime]) -> list[str]:
        """Make one record per time, last changed then; return their ids in that order."""
        ...

    async def change(self, entity: str, identifier: str) -> None:
        """Change a record now, so that its version moves."""
        ...

    async def delete(self, entity: str, identifier: str) -> None:
        """Delete a record for good."""
        ...

    def webhook(self, entity: str, identifier: str) -> WebhookRequest:
        """Return a genuine delivery about a record, as the platform would send it now."""
        ...

    def fail(self, *faults: Fault | None) -> None:
        """Let exactly the next requests meet these faults."""
        ...

    def revoke(self) -> None:
        """Make the connector's credentials invalid."""
        ...

    async def effects(self) -> Sequence[Effect]:
        """Return the planned effects of one new record, in order."""
        ...

    async def documents(self) -> int:
        """Return how many documents the destination holds, of every kind a write may make."""
        ...


class NotOnThisBenchError(Exception):
    """The bench cannot arrange what a rule needs; the text says why."""


OpenBench = Callable[[], AbstractAsyncContextManager[Bench]]
