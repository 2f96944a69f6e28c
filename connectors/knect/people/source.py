"""Whom people's questions and wishes are put to: a ledger on this machine, or a cluster's gateway.

Must not: know which of them it is.
"""

from typing import Protocol

from knect.gateway.answers import (
    Activity,
    Connections,
    Done,
    Explanation,
    Found,
    Groups,
    Listed,
    Mapped,
    Mapping,
    Shown,
    Sums,
    Values,
    Wish,
)
from knect.ledger.questions.listing import Which

__all__ = ["Source"]


class Source(Protocol):
    """What answers questions and carries out wishes. Raises LedgerError, Refusal, CommandError."""

    async def find(self, key: str) -> Found:
        """Return what a key leads to."""
        ...

    async def explain(self, sku: str) -> Explanation:
        """Return what the numbers behind a SKU were made of."""
        ...

    async def listed(self, which: Which, *, limit: int | None = None) -> Listed:
        """Return the transactions that are so: the newest, or all of them."""
        ...

    async def show(self, identifier: str, *, payload: bool) -> Shown:
        """Return all of one transaction."""
        ...

    async def status(self, pipeline: str | None) -> Sums:
        """Return the equation per pipeline."""
        ...

    async def stuck(self, pipeline: str | None, *, limit: int | None = None) -> Groups:
        """Return what is stopped: the largest groups, or all of them."""
        ...

    async def unmapped(self, *, limit: int | None = None) -> Values:
        """Return the values that are waited for: the most wanted, or all of them."""
        ...

    async def activity(self, *, limit: int | None = None) -> Activity:
        """Return what people did: the last, or all of it."""
        ...

    async def connections(self, since_us: int) -> Connections:
        """Return how each Connection is, with its calls since then."""
        ...

    async def act(self, verb: str, wish: Wish) -> Done:
        """Retry, let pass, edit, replay or skip."""
        ...

    async def map_value(self, wish: Mapping) -> Mapped:
        """Say what a value means."""
        ...
