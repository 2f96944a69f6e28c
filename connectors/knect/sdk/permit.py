"""Whether a request may still leave, asked when its first byte would; and whether there is time.

Why: between the engine's own look at its lease and the first byte lie a place in line, a token, a
connection; a process that is stopped there and goes on later would send what is another worker's
by now. And a batch that takes many requests has one deadline: what is not begun in the first half
of it is better not begun, for of a batch that is cut off nobody knows which rows were written.
Must not: know leases; who sends says what must hold, who speaks HTTP asks.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["is_time_for_more", "may_leave", "sending_while"]

_holds: ContextVar[Callable[[], bool] | None] = ContextVar("may_leave", default=None)
_begin_before: ContextVar[float | None] = ContextVar("begin_before", default=None)


@contextmanager
def sending_while(holds: Callable[[], bool], *, within: float | None = None) -> Iterator[None]:
    """Let requests made inside leave only while `holds()` is true; all have `within` seconds.

    A connection opened inside keeps `holds` for as long as it lives: it should hold little.
    """
    token = _holds.set(holds)
    half = None if within is None else asyncio.get_running_loop().time() + within / 2
    begin = _begin_before.set(half)
    try:
        yield
    finally:
        _begin_before.reset(begin)
        _holds.reset(token)


def may_leave() -> bool:
    """Tell whether the request about to be sent may leave."""
    holds = _holds.get()
    return holds is None or holds()


def is_time_for_more() -> bool:
    """Tell whether another request of a batch should be begun, after those before it."""
    before = _begin_before.get()
    return before is None or asyncio.get_running_loop().time() < before
