"""Sends rendered spans to a collector, without ever being in the way.

Why: work must not wait for a trace. `offer` appends to a bounded queue and returns; one task
sends batches and waits out a collector that is slow or gone; what does not fit is dropped and
counted. The ledger keeps the stories, so a lost trace can be rendered and sent again.
Must not: raise into its caller, block, grow without bound, or log once per lost span.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from knect.seams import Clock, crash_point
from knect.telemetry.otlp import Span, encode_request, encode_spans

__all__ = ["Answer", "Exporter", "Lost", "Sender"]

T = TypeVar("T")

_log = logging.getLogger("knect.telemetry")

#: OTLP/HTTP, "Retryable response codes": all others are final for the batch.
_RETRYABLE = frozenset({429, 502, 503, 504})
_FIRST_WAIT = 0.5
_LONGEST_WAIT = 30.0


class Answer(Struct, frozen=True, kw_only=True):
    """What the collector said. `retry_after` in seconds, if it gave advice."""

    status: int
    body: bytes = b""
    retry_after: float | None = None


class Sender(Protocol):
    """Posts one body to the collector; raises any exception when there is no answer."""

    async def __call__(self, body: bytes) -> Answer:
        """Send and return the answer."""
        ...


#: Called with a count and a reason: `queue_full`, `refused`, `unencodable`, `shutdown`.
Lost = Callable[[int, str], None]


class _PartialSuccess(Struct, rename="camel"):
    rejected_spans: int | str = 0


class _Response(Struct, rename="camel"):
    partial_success: _PartialSuccess | None = None


class Exporter:
    """One queue, one task. Start with `start`, end with `close`.

    Args:
        sender: how a body reaches the collector; None: nothing is kept or sent.
        resource: attributes of this process, e.g. service.name.
        version: of Knect.
        clock: time.
        on_lost: told of every span that will not arrive.
        on_sent: told of every span the collector took.
        queue_spans: how many may wait.
        batch_spans: how many go into one request.
        interval: seconds to gather before a batch that is not full is sent.
    """

    def __init__(
        self,
        sender: Sender | None,
        *,
        resource: Mapping[str, str],
        version: str,
        clock: Clock,
        on_lost: Lost = lambda _count, _reason: None,
        on_sent: Callable[[int], None] = lambda _count: None,
        queue_spans: int = 50_000,
        batch_spans: int = 2_000,
        interval: float = 0.2,
    ) -> None:
        self._sender = sender
        self._resource = dict(resource)
        self._version = version
        self._clock = clock
        self._on_lost = on_lost
        self._on_sent = on_sent
        self._queue_spans = queue_spans
        self._batch_spans = batch_spans
        self._interval = interval
        self._queue: deque[tuple[bytes, int]] = deque()
        self._waiting = 0
        self._in_hand = 0  # spans of the batch being sent
        self._full = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._complained = False

    @property
    def enabled(self) -> bool:
        """Whether anything is sent at all; spans need not be rendered otherwise."""
        return self._sender is not None

    def start(self) -> None:
        """Begin to send, in the running loop."""
        if self._sender is not None and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="trace-export")

    def offer(self, spans: Sequence[Span]) -> None:
        """Take spans to be sent, or drop and count them if the queue is full. Never waits."""
        if spans:
            self._offer(encode_spans, spans, len(spans))

    def offer_text(self, text: str, count: int) -> None:
        """Take so many spans, likewise, that are written as JSON already, joined by commas."""
        self._offer(str.encode, text, count)

    def _offer(self, encode: Callable[[T], bytes], spans: T, count: int) -> None:
        if self._sender is None:
            return
        if self._waiting + count > self._queue_spans:
            self._on_lost(count, "queue_full")
            return
        try:
            encoded = encode(spans)
        except (UnicodeError, msgspec.MsgspecError, TypeError):
            self._on_lost(count, "unencodable")  # e.g. half a surrogate pair in a key
            return
        self._queue.append((encoded, count))
        self._waiting += count
        self._idle.clear()
        if self._waiting >= self._batch_spans:
            self._full.set()

    async def flush(self, seconds: float) -> bool:
        """Wait until everything offered is sent or lost; False if time was up first."""
        self._full.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        return self._idle.is_set()

    async def close(self, seconds: float = 5.0) -> None:
        """Send what waits, within the time given; count the rest as lost."""
        if self._task is None:
            return
        await self.flush(seconds)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        left = self._waiting + self._in_hand
        if left:
            self._on_lost(left, "shutdown")
        self._queue.clear()
        self._waiting = self._in_hand = 0

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                # not `wait_for`, which forgets a cancellation that comes with the event
                async with asyncio.timeout(self._interval):
                    await self._full.wait()
            self._full.clear()
            while self._queue:
                batch, count = self._take()
                self._in_hand = count
                await self._deliver(batch, count)
                self._in_hand = 0
            self._idle.set()

    def _take(self) -> tuple[bytes, int]:
        parts: list[bytes] = []
        count = 0
        while self._queue and (not parts or count + self._queue[0][1] <= self._batch_spans):
            part, size = self._queue.popleft()
            parts.append(part)
            count += size
        self._waiting -= count
        return encode_request(parts, self._resource, self._version), count

    async def _deliver(self, body: bytes, count: int) -> None:
        """Send one batch until the collector takes or refuses it."""
        assert self._sender is not None
        wait = _FIRST_WAIT
        while True:
            try:
                answer = await self._sender(body)
            except Exception as error:  # noqa: BLE001 - whatever the transport does, work goes on
                answer = Answer(status=503)
                self._complain("the trace collector does not answer: %s", type(error).__name__)
            if answer.status in _RETRYABLE:
                self._complain("the trace collector asks for patience (HTTP %s)", answer.status)
                await self._clock.sleep(answer.retry_after or wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                continue
            self._settle(answer, count)
            return

    def _settle(self, answer: Answer, count: int) -> None:
        crash_point("trace.sent")
        if not 200 <= answer.status < 300:
            self._complain("the trace collector refuses spans (HTTP %s)", answer.status)
            self._on_lost(count, "refused")
            return
        refused = min(_refused(answer.body), count)
        if refused:
            self._on_lost(refused, "refused")
        self._on_sent(count - refused)
        self._complained = False

    def _complain(self, text: str, *values: object) -> None:
        # Once until it works again: a collector that is gone must not fill the log.
        if not self._complained:
            self._complained = True
            _log.warning(text, *values)


def _refused(body: bytes) -> int:
    """Return how many spans of an accepted batch the collector refused all the same."""
    try:
        partial = msgspec.json.decode(body, type=_Response).partial_success
        return int(partial.rejected_spans) if partial else 0
    except (msgspec.MsgspecError, ValueError):
        return 0  # an empty or protobuf answer: accepted as a whole
