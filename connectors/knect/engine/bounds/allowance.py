"""How urgent work is, and the ledger as the pool a Connection's points are drawn from.

Why: an order that waits costs more than a stock level a minute late, and a picture can wait for
both. Must not: know a platform's limits; connectors learn them from the server.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from knect.ledger import Ledger
from knect.ledger.budgets import draw
from knect.ledger.instants import to_us
from knect.sdk.ratelimit import BudgetPool, Draw, urgency
from knect.seams import Clock

__all__ = ["LedgerPool", "pools_of", "working_on"]

#: Entity -> urgency; what is not named is as urgent as stock.
_URGENCY = {
    "orders": 0,
    "customers": 0,
    "payments": 0,
    "refunds": 0,
    "shipments": 0,
    "inventory": 1,
    "prices": 1,
    "products": 2,
    "contacts": 2,
}


@contextmanager
def working_on(entity: str) -> Iterator[None]:
    """Let calls made inside be as urgent as the entity is."""
    token = urgency.set(_URGENCY.get(entity, 1))
    try:
        yield
    finally:
        urgency.reset(token)


class LedgerPool:
    """The points of one Connection, in the ledger all its workers share."""

    def __init__(self, ledger: Ledger, connection: str, clock: Clock) -> None:
        self._ledger = ledger
        self._connection = connection
        self._clock = clock

    async def draw(
        self, *, least: float, want: float, maximum: float, rate: float, left: float | None
    ) -> Draw:
        """Give up to `want` points if there are at least `least`."""
        now = to_us(self._clock.now())
        drawn = await self._ledger.write(
            lambda c: draw(
                c,
                self._connection,
                least=least,
                want=want,
                maximum=maximum,
                rate=rate,
                left=left,
                now_us=now,
            )
        )
        return Draw(granted=drawn.granted, wait=drawn.wait)


def pools_of(ledger: Ledger, clock: Clock) -> Callable[[str], BudgetPool | None]:
    """Return what makes the pool of a Connection; none where no other process can be."""
    return lambda name: LedgerPool(ledger, name, clock) if ledger.shared else None
