"""A cluster's gateway, reached once and kept, for who asks all day.

Why: a port-forward and a login take longer than a question; and they end, when a pod goes or a
token grows old, while the person goes on. Must not: ask twice what may have been done.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self, TypeVar

from knect.cli.failure import CommandError
from knect.cli.source import Chosen
from knect.gateway import Refusal
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
from knect.people.source import Source

__all__ = ["Standing"]

T = TypeVar("T")

#: Not known any more, or not there any more: what a new way may mend.
_NOT_KNOWN, _AWAY = 401, (401, 502, 503)


class _Way:
    """One way there, closed once it is no longer the one and nobody is on it."""

    def __init__(self, source: Source, stack: AsyncExitStack) -> None:
        self.source = source
        self._stack = stack
        self._on_it = 0
        self._is_left = False

    @classmethod
    async def to(cls, chosen: Chosen) -> Self:
        """Make one. Raises CommandError."""
        stack = AsyncExitStack()
        return cls(await stack.enter_async_context(chosen.open()), stack)

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Source]:
        """Be on it while inside."""
        self._on_it += 1
        try:
            yield self.source
        finally:
            self._on_it -= 1
            await self._close_if_done()

    async def leave(self) -> None:
        """Let nobody else come; who is on it gets there first."""
        self._is_left = True
        await self._close_if_done()

    async def _close_if_done(self) -> None:
        if self._is_left and not self._on_it:
            await self._stack.aclose()


class Standing:
    """A `Source` over a way that is made anew when it no longer leads there.

    Every method raises Refusal; entering raises CommandError.
    """

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._way: _Way | None = None
        self._making = asyncio.Lock()

    async def __aenter__(self) -> Self:
        self._way = await _Way.to(self._chosen)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._way is not None:
            await self._way.leave()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Source]:
        """Let somebody ask."""
        yield self

    async def find(self, key: str) -> Found:
        """Return what a key leads to."""
        return await self._asked(lambda source: source.find(key))

    async def explain(self, sku: str) -> Explanation:
        """Return what the numbers behind a SKU were made of."""
        return await self._asked(lambda source: source.explain(sku))

    async def listed(self, which: Which, *, limit: int | None = None) -> Listed:
        """Return the transactions that are so: the newest, or all of them."""
        return await self._asked(lambda source: source.listed(which, limit=limit))

    async def show(self, identifier: str, *, payload: bool) -> Shown:
        """Return all of one transaction."""
        return await self._asked(lambda source: source.show(identifier, payload=payload))

    async def status(self, pipeline: str | None) -> Sums:
        """Return the equation per pipeline."""
        return await self._asked(lambda source: source.status(pipeline))

    async def stuck(self, pipeline: str | None, *, limit: int | None = None) -> Groups:
        """Return what is stopped."""
        return await self._asked(lambda source: source.stuck(pipeline, limit=limit))

    async def unmapped(self, *, limit: int | None = None) -> Values:
        """Return the values that are waited for."""
        return await self._asked(lambda source: source.unmapped(limit=limit))

    async def activity(self, *, limit: int | None = None) -> Activity:
        """Return what people did."""
        return await self._asked(lambda source: source.activity(limit=limit))

    async def connections(self, since_us: int) -> Connections:
        """Return how each Connection is."""
        return await self._asked(lambda source: source.connections(since_us))

    async def act(self, verb: str, wish: Wish) -> Done:
        """Retry, let pass, edit, replay or skip."""
        return await self._asked(lambda source: source.act(verb, wish), is_deed=not wish.dry_run)

    async def map_value(self, wish: Mapping) -> Mapped:
        """Say what a value means."""
        return await self._asked(lambda source: source.map_value(wish), is_deed=True)

    async def _asked(self, ask: Callable[[Source], Awaitable[T]], *, is_deed: bool = False) -> T:
        way = self._way or await self._anew(None)
        try:
            async with way.taken() as source:
                return await ask(source)
        except Refusal as refusal:
            if refusal.status not in _AWAY:
                raise
            if is_deed and refusal.status != _NOT_KNOWN:
                async with self._making:
                    await self._leave(way)
                said = f"{refusal}; it may still be done, look before you ask again"
                raise Refusal(refusal.status, said) from None
            way = await self._anew(way)
            async with way.taken() as source:
                return await ask(source)

    async def _anew(self, old: _Way | None) -> _Way:
        """Return another way than `old`, which somebody else may have made already."""
        async with self._making:
            if self._way is not None and self._way is not old:
                return self._way
            if old is not None:
                await self._leave(old)
            try:
                self._way = await _Way.to(self._chosen)
            except CommandError as error:
                raise Refusal(503, str(error)) from None
            return self._way

    async def _leave(self, old: _Way) -> None:
        if self._way is old:
            self._way = None
            await old.leave()
