"""Writes of several requests, as workers make them of which the first one's answer never came.

The first life loses the answer of one request that writes (what reads leaves nothing behind), or
goes while that one is still on the way. The second looks up what may be there, as the engine does, and goes on; what was on the way
then comes after all.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct
from tests.integration.tryton.conftest import Hand, a_context
from tests.support.dropping_proxy import DroppingProxy, a_dropping_proxy

from knect.sdk.contract import Effect, Found, Operation
from knect.sdk.errors import RetryLater, UnexpectedAnswer, Unreachable
from knect_connectors.tryton import open_connector

__all__ = ["Case", "at_each_write"]

_WRITES = re.compile(
    rb'"method": ?"model\.[a-z._]+\.'
    rb'(create|write|delete|draft|quote|confirm|cancel|submit|validate_amendment)"'
)
_MAKES = (Operation.CREATE, Operation.ENSURE)
#: More requests than any case has.
_MOST = 20


class Case(Struct):
    """Effects to be written, and the check of what has come of them.

    `instead`: what is done when an answer was lost, in place of a second life.
    """

    effects: Sequence[Effect]
    check: Callable[["Life"], Awaitable[None]]
    instead: Callable[[], Awaitable[None]] | None = None


class Life:
    """What workers know of one delivery; the next one takes over what the last one had."""

    def __init__(self, effects: Sequence[Effect]) -> None:
        self.effects = effects
        self.given: dict[str, str] = {}
        self.found: dict[str, Found] = {}
        self.unsure = False
        self.at = 0

    async def goes_on(self, hand: Hand) -> None:
        """Write what is left, looking up first what may be there."""
        while self.at < len(self.effects):
            effect = self.effects[self.at]
            call = hand.call(effect, self.given)
            found = None
            looks = effect.operation is Operation.ENSURE or self.unsure
            if effect.operation in _MAKES and looks:
                (found,) = await hand.destination.lookup([call])
            self.unsure = True
            if found is None:
                (outcome,) = await hand.destination.write([call])
                if outcome.error is not None:
                    raise outcome.error
                found = outcome.found
            assert found is not None
            self.found[effect.name] = found
            self.given[effect.name] = found.destination_id
            self.unsure = False
            self.at += 1

    async def ends(self, hand: Hand) -> None:
        """Go on until all is written; what came second and did nothing is tried again."""
        for _ in range(5):
            try:
                return await self.goes_on(hand)
            except RetryLater as error:
                if not error.answered:
                    raise
        raise AssertionError("it is never done")


async def at_each_write(
    server: Any, hand: Hand, make: Callable[[int], Awaitable[Case]], *, late: bool
) -> int:
    """Make a case and lose its first request that writes, another's second, and so on, until one
    has no more of them; return how many there were. `late`: they come when the second life is over.
    """
    for step in range(_MOST):
        case = await make(step)
        life = Life(case.effects)
        is_lost = await (_late if late else _lost)(server, hand, life, step)
        await (case.instead() if case.instead else life.ends(hand))
        await case.check(life)
        if not is_lost:
            return step
    raise AssertionError("it has no end")


async def _lost(server: Any, hand: Hand, life: Life, step: int) -> bool:
    async with a_dropping_proxy(_port(server)) as proxy:
        first = await _behind(server, proxy)
        proxy.lose_one_of(_is_write, after=step)
        with suppress(Unreachable, UnexpectedAnswer):
            await life.goes_on(first)
        await first.connector.close()
    return proxy.lost > 0


async def _late(server: Any, hand: Hand, life: Life, step: int) -> bool:
    async with a_dropping_proxy(_port(server)) as proxy:
        first = await _behind(server, proxy)
        proxy.hold_one_of(_is_write, after=step)
        working = asyncio.ensure_future(life.goes_on(first))
        held = asyncio.ensure_future(proxy.held.wait())
        await asyncio.wait((working, held), return_when=asyncio.FIRST_COMPLETED, timeout=30)
        if not proxy.held.is_set():
            held.cancel()
            await working
            await first.connector.close()
            return False
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await first.connector.close()
        await life.ends(hand)
        await proxy.let_go()
        return True


async def _behind(server: Any, proxy: DroppingProxy) -> Hand:
    connector = open_connector(a_context(server, config={"url": proxy.url}))
    await connector._client.facts()
    return Hand(connector)


def _is_write(data: bytes) -> bool:
    return _WRITES.search(data) is not None


def _port(server: Any) -> int:
    return int(server.url.rsplit(":", 1)[1])
