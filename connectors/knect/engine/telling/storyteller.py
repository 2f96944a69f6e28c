"""From ledger rows to the stories telemetry tells.

Why: a trace is rendered from what is committed, so it says nothing the ledger does not.
Must not: hold work up; it runs behind the commits and reads.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress

from knect.engine.telling.courses import plain
from knect.engine.telling.story import story_of
from knect.ledger import Ledger, LedgerError
from knect.ledger.questions.stories import exchanges_of, mark_traced, rows_to_tell
from knect.telemetry import (
    ExchangeStory,
    LinkStory,
    TransactionTraces,
)

__all__ = ["Storyteller"]

_log = logging.getLogger("knect.traces")

_AT_ONCE = 500
_MANY = 2_000
_LATE_SECONDS = 5.0
#: What was just discovered is mostly delivered a moment later: then it is told in one go.
_GATHER_SECONDS = 1.0


class Storyteller:
    """Tells what was committed: transactions by row id, and the calls made for them."""

    def __init__(self, ledger: Ledger, traces: TransactionTraces, *, enabled: bool) -> None:
        self._ledger = ledger
        self._traces = traces
        self.enabled = enabled
        self._waiting: dict[int, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def touched(self, transactions: Iterable[int]) -> None:
        """Remember transactions whose story grew; never blocks."""
        if not self.enabled:
            return
        self._waiting.update(dict.fromkeys(transactions))
        self._wake.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="storyteller")

    async def close(self) -> None:
        """Tell what is left."""
        self._closing.set()
        self._wake.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            if not self._waiting:
                if self._closing.is_set():
                    return
                self._wake.clear()
                continue
            if len(self._waiting) < _MANY:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_GATHER_SECONDS):
                        await self._closing.wait()
            batch = list(self._waiting)[:_AT_ONCE]
            for seq in batch:
                del self._waiting[seq]
            try:
                await self._tell(batch)
            except LedgerError as error:
                _log.warning("traces are late", extra={"reason": str(error)})
                if self._closing.is_set():
                    return  # what was not told is told by the next worker
                self._waiting.update(dict.fromkeys(batch))
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LATE_SECONDS):
                        await self._closing.wait()

    async def _tell(self, batch: Sequence[int]) -> None:
        rows, calls = await self._ledger.read(
            lambda c: (rows_to_tell(c, batch), exchanges_of(c, batch))
        )
        for row in rows:
            if (one := plain(row)) is None:
                self._traces.told(story_of(row))
            else:
                self._traces.alike(*one)
        for call in calls:
            self._traces.exchanged(
                ExchangeStory(
                    trace_id=call.trace_id,
                    span_id=call.span_id,
                    connection=call.connection,
                    method=call.method,
                    template=call.template,
                    host=call.host,
                    start=call.started_us,
                    end=call.started_us + int((call.duration_ms or 0.0) * 1000),
                    status=call.status,
                    error=call.error,
                    served=tuple(
                        LinkStory(trace_id=one, relation="transaction")
                        for one in call.transactions.split(",")
                    ),
                )
            )
        if rows:
            await self._ledger.write(lambda c: mark_traced(c, batch))
