"""Whether a request may still leave, asked when its first byte would.

Why: between the engine's own look at its lease and the first byte lie a place in line, a token, a
connection; a process that is stopped there and goes on later would send what is another worker's
by now. Must not: know leases; who sends says what must hold, who speaks HTTP asks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["may_leave", "sending_while"]

_holds: ContextVar[Callable[[], bool] | None] = ContextVar("may_leave", default=None)


@contextmanager
def sending_while(holds: Callable[[], bool]) -> Iterator[None]:
    """Let requests made inside leave only while `holds()` is true.

    A connection opened inside keeps `holds` for as long as it lives: it should hold little.
    """
    token = _holds.set(holds)
    try:
        yield
    finally:
        _holds.reset(token)


def may_leave() -> bool:
    """Tell whether the request about to be sent may leave."""
    holds = _holds.get()
    return holds is None or holds()
