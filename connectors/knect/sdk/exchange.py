"""How a remote call becomes an exchange in the ledger and a span of its own.

Why: the HTTP client knows the call, the engine knows whom it serves. The client reports to the
recorder it finds in the context; the recorder gives the `traceparent` to send.
Must not: know the ledger or the engine; without a recorder in the context, calls go unrecorded
(simulators, the vendor's own clients in tests).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Protocol

from msgspec import Struct

__all__ = ["Exchange", "ExchangeRecorder", "current_recorder", "recording"]


class Exchange(Struct, kw_only=True):
    """One remote call. `begin` fills the first part, the client the second before `end`."""

    id: str  # 32 hex digits; also the trace id sent to the remote
    span_id: str  # 16 hex digits
    method: str  # GET, POST …
    template: str  # path with placeholders, no values: /admin/api/{version}/graphql.json
    host: str
    started: datetime
    duration_ms: float = 0.0
    status: int | None = None  # HTTP status (SQL: 0, or the error's number); None: no answer
    error: str | None = None  # class name of the error of knect.sdk.errors, if any
    could_have_been_seen: bool = True
    request_bytes: int = 0
    response_bytes: int = 0

    @property
    def traceparent(self) -> str:
        """The W3C header value to send."""
        return f"00-{self.id}-{self.span_id}-01"


class ExchangeRecorder(Protocol):
    """What the engine offers to the HTTP client."""

    def begin(self, *, method: str, template: str, host: str) -> Exchange:
        """Return the exchange for a call about to be made; never blocks."""
        ...

    def end(self, exchange: Exchange) -> None:
        """Take the finished exchange; never blocks, never raises."""
        ...


current_recorder: ContextVar[ExchangeRecorder | None] = ContextVar("current_recorder", default=None)


@contextmanager
def recording(recorder: ExchangeRecorder) -> Iterator[None]:
    """Report every remote call made inside (and by tasks started inside) to `recorder`."""
    token = current_recorder.set(recorder)
    try:
        yield
    finally:
        current_recorder.reset(token)
