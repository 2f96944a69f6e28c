"""Remote calls on their way into the ledger.

Why: each call belongs to an exchange that names the transactions or the window it served. The
trace id was written ahead (a claim's `calls`, a window's `trace_id`), so even a call cut off by
sudden death can be told from a stranger's. What a worker asks for itself (checks, subscriptions,
audits) serves neither: it carries the trace id of the worker's life, and leaves no exchange.
Must not: block or fail a call.
"""

import secrets
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from knect.ledger import Connection
from knect.ledger.exchange_log import ExchangeRow, store_exchanges
from knect.ledger.instants import to_us
from knect.sdk.exchange import Exchange
from knect.seams import Clock

__all__ = ["CallRecorder", "CallTracer"]


class CallTracer:
    """Gives calls a trace id that was written ahead, and keeps nothing of them.

    Implements `knect.sdk.exchange.ExchangeRecorder`.
    """

    def __init__(self, *, clock: Clock, trace_id: str) -> None:
        self._clock = clock
        self._trace_id = trace_id

    def begin(self, *, method: str, template: str, host: str) -> Exchange:
        """Return the exchange of a call about to be made."""
        return Exchange(
            id=self._trace_id,
            span_id=secrets.token_hex(8),
            method=method,
            template=template,
            host=host,
            started=self._clock.now(),
        )

    def end(self, exchange: Exchange) -> None:
        """Let a finished call go."""


class CallRecorder(CallTracer):
    """Collects the calls of one window or one group of transactions."""

    def __init__(
        self,
        *,
        clock: Clock,
        connection: str,
        trace_id: str,
        window: int | None = None,
        transactions: Sequence[int] = (),
    ) -> None:
        super().__init__(clock=clock, trace_id=trace_id)
        self._connection = connection
        self._window = window
        self._transactions = tuple(transactions)
        self._ended: list[Exchange] = []

    def end(self, exchange: Exchange) -> None:
        """Take a finished call."""
        self._ended.append(exchange)

    def drain(self) -> Callable[[Connection], None] | None:
        """Return the unit that stores what ended since the last drain, None if nothing did."""
        if not self._ended:
            return None
        ended, self._ended = self._ended, []
        rows = [self._row(exchange) for exchange in ended]
        links = [(seq, row.span_id) for row in rows for seq in self._transactions]
        return lambda connection: store_exchanges(connection, rows, links)

    def _row(self, exchange: Exchange) -> ExchangeRow:
        return ExchangeRow(
            trace_id=exchange.id,
            span_id=exchange.span_id,
            connection=self._connection,
            window=self._window,
            method=exchange.method,
            template=exchange.template,
            host=urlsplit(f"//{exchange.host}").hostname or exchange.host,
            started_us=to_us(exchange.started),
            duration_ms=exchange.duration_ms,
            status=exchange.status,
            error=exchange.error,
            could_have_been_seen=exchange.could_have_been_seen,
            request_bytes=exchange.request_bytes,
            response_bytes=exchange.response_bytes,
        )
