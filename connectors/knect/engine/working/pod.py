"""A process that stays: it says what is missing instead of dying of it, and begins by itself.

Why: a pod that exits because a Secret is not there yet is a crash loop whose reason nobody reads.
The pages stand first; then a ledger is waited for; then the work is taken up, and again whenever
the ledger's address changes. Must not: work; `Host` and `Receiver` do.
"""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct

from knect.api.catalog import Catalog
from knect.api.reasons import ConditionReason as R
from knect.api.report import Verdict, VerdictState
from knect.api.worker import WorkerDocument
from knect.engine.bounds.pulse import Beat, Pulse
from knect.engine.working.book import LedgerAddress, unavailable
from knect.engine.working.door import served
from knect.engine.working.host import Host, HostSettings
from knect.engine.working.hosting import hosted
from knect.engine.working.options import WorkerOptions
from knect.engine.working.pages import Pages, RunNow
from knect.engine.working.reporter import Reporter
from knect.ledger import LedgerError
from knect.ledger.store.errors import LedgerUnreachable
from knect.sdk.errors import ConnectorError
from knect.sdk.secret import Secret
from knect.telemetry import Metrics, Redactor

__all__ = ["Pod", "PodSettings", "WorkerPod"]

_log = logging.getLogger("knect.pod")

#: How often, in seconds, the ledger's address is looked at.
_LOOK_EVERY = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0
#: A document that cannot be worked off is tried again: an end may have been repaired.
_TRY_AGAIN = 30.0
#: Where a ledger is away, a process is not restarted for loops that wait for it.
_AT_REST: list[Beat] = []


class PodSettings(Struct, frozen=True, kw_only=True):
    """What a process is started with.

    `digest` names the document's text, `content` what it tells. `patient` false ends the process
    when the ledger or the document cannot be used: somebody sits before it. A ledger that was
    there and breaks off is waited for all the same.
    """

    document: WorkerDocument
    catalog: Catalog
    ledger: LedgerAddress
    options: WorkerOptions
    secrets: Mapping[str, Mapping[str, Secret]]
    digest: str = ""
    content: str | None = None
    namespace: str | None = None
    allow: tuple[str, ...] = ()
    listen: str | None = None
    webhook_paths: Mapping[str, str] = {}
    patient: bool = True


class Pod(ABC):
    """What worker and receiver share: pages, pulse, and waiting for the ledger."""

    def __init__(self, settings: PodSettings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.clock = settings.options.clock
        self._is_ready = False
        self._stopping = False
        self._was_open = False
        self._pulse = Pulse(self.clock, self._beats)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until told to stop. Raises ListenError; where it is not patient, what went wrong."""
        listen = self.settings.listen
        pages = self._pages()
        ticking = asyncio.create_task(self._pulse.run(), name="pulse")
        try:
            door = served(pages, listen) if listen else contextlib.nullcontext()
            async with door, self._until(stop):
                await self._lives(stop, pages)
        finally:
            ticking.cancel()

    async def _lives(self, stop: asyncio.Event, pages: Pages) -> None:
        pause = _FIRST_PAUSE
        while not stop.is_set():
            began = self.clock.monotonic()
            try:
                dsn = self.settings.ledger.read()
                ending = asyncio.Event()
                async with self._ends_with(ending, stop, dsn):
                    await self._live_until(stop, self._live(dsn, ending, pages))
                continue
            except ConnectorError as error:
                if not self.settings.patient:
                    raise
                _log.error("the work cannot be taken up", extra={"reason": error.message})
                self._blocked(error)
                pause = _TRY_AGAIN
            except Exception as error:
                if not self._waits_after(error):
                    raise
                verdict = unavailable(error)
                _log.warning("the ledger is waited for", extra={"reason": verdict.message})
                self._say(verdict)
                lived = self.clock.monotonic() - began
                pause = _FIRST_PAUSE if lived > 60 else min(_LONGEST_PAUSE, pause * 2)
            await self._pause(pause, stop)

    def _waits_after(self, error: Exception) -> bool:
        if self.settings.patient:
            return _is_of_the_ledger(error)
        return self._was_open and isinstance(error, LedgerUnreachable)

    async def _live_until(self, stop: asyncio.Event, life: Coroutine[Any, Any, None]) -> None:
        """Live; a life that is still waiting for its ledger when told to stop is given up."""
        living = asyncio.create_task(life, name="life")
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not living.done() and not self._is_at_work():
                living.cancel()
                await asyncio.gather(living, return_exceptions=True)
                return
            await living
        finally:
            stopping.cancel()
            living.cancel()

    async def _pause(self, seconds: float, stop: asyncio.Event) -> None:
        """Wait, but no longer than until the address of the ledger changes."""
        before = self._address()
        until = self.clock.monotonic() + seconds
        while not stop.is_set() and self.clock.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY / 2):
                    await stop.wait()
            if self._address() != before:
                return

    def _address(self) -> str | None:
        try:
            return self.settings.ledger.read()
        except LedgerError:
            return None

    @asynccontextmanager
    async def _until(self, stop: asyncio.Event) -> AsyncIterator[None]:
        async def unready() -> None:
            await stop.wait()
            self._stopping = True

        watching = asyncio.create_task(unready())
        try:
            yield
        finally:
            watching.cancel()

    @asynccontextmanager
    async def _ends_with(
        self, ending: asyncio.Event, stop: asyncio.Event, dsn: str
    ) -> AsyncIterator[None]:
        """Set `ending` when the process is to stop, or the ledger's address is another one.

        An address that is gone for a while changes nothing: what is open stays open.
        """

        async def watch() -> None:
            while not stop.is_set():
                if self._address() not in (None, dsn):
                    _log.info("the ledger's address changed; it is opened anew")
                    break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY):
                        await stop.wait()
            ending.set()

        watching = asyncio.create_task(watch(), name="ledger address")
        try:
            yield
        finally:
            watching.cancel()

    def _not_ready(self) -> str | None:
        if self._stopping:
            return "stopping"
        return None if self._is_ready else "the work is not taken up yet; /status says why"

    def _opened(self) -> None:
        self._was_open = True

    @abstractmethod
    def _pages(self) -> Pages: ...

    @abstractmethod
    def _is_at_work(self) -> bool:
        """Tell whether there is anything to be ended in good order."""

    @abstractmethod
    def _beats(self) -> Iterable[Beat]: ...

    def _say(self, ledger: Verdict) -> None:  # noqa: B027 - who has nothing to note, notes nothing
        """Take note of how it is with the ledger."""

    def _blocked(self, error: ConnectorError) -> None:  # noqa: B027 - same
        """Take note of why the document cannot be worked off."""

    @abstractmethod
    async def _live(self, dsn: str, ending: asyncio.Event, pages: Pages) -> None: ...


class WorkerPod(Pod):
    """A worker that stays."""

    def __init__(self, settings: PodSettings, redactor: Redactor) -> None:
        super().__init__(settings)
        self.reporter = Reporter(
            settings.document,
            digest=settings.digest,
            content=settings.content,
            worker=settings.options.name,
            clock=self.clock,
        )
        self._redactor = redactor
        self._host: Host | None = None

    async def _live(self, dsn: str, ending: asyncio.Event, pages: Pages) -> None:
        settings = self.settings
        host_settings = HostSettings(
            ledger=dsn,
            namespace=settings.namespace,
            allow=settings.allow,
            webhook_paths=settings.webhook_paths,
        )
        async with hosted(
            settings.document,
            host_settings,
            catalog=settings.catalog,
            redactor=self._redactor,
            secrets=settings.secrets,
            options=settings.options,
            metrics=self.metrics,
            opened=self._opened,
        ) as host:
            self._host = host

            def begun() -> None:
                self._is_ready = True
                pages.receive = host.receiver.receive if host.receiver is not None else None

            try:
                await host.follow(ending, self.reporter, begun)
            finally:
                self._host = pages.receive = None

    def _pages(self) -> Pages:
        return Pages(
            alive=self._pulse.trouble,
            ready=self._not_ready,
            metrics=self._metrics_page,
            # a remote may quote a credential in its answer
            report=lambda: self._redactor.clean(self.reporter.report().to_json()),
            run_now=self._run_now,
        )

    def _is_at_work(self) -> bool:
        return self._host is not None

    def _beats(self) -> Iterable[Beat]:
        is_there = self.reporter.ledger.state is VerdictState.TRUE
        return self._host.beats if self._host is not None and is_there else _AT_REST

    def _say(self, ledger: Verdict) -> None:
        self.reporter.ledger_is(ledger)

    def _blocked(self, error: ConnectorError) -> None:
        message = error.message[:1024]
        reason = R.CONFIG_INVALID
        self.reporter.blocked(Verdict(state=VerdictState.FALSE, reason=reason, message=message))

    async def _metrics_page(self) -> bytes:
        host = self._host
        if host is not None:
            with contextlib.suppress(LedgerError, TimeoutError):
                async with asyncio.timeout(5):
                    return await host.gauges.read(host.ledger)
        return self.metrics.text()

    def _run_now(self, wish: RunNow) -> tuple[int, str]:
        for pipeline in self.settings.document.pipelines:
            if pipeline.name != wish.pipeline:
                continue
            if self.settings.document.is_suspended(pipeline):
                return 409, f"{wish.pipeline} is suspended; resume it first"
            if self.reporter.echoed(wish.pipeline) == wish.token:
                return 202, "done already"
            if self._host is None or not self._host.run_now(wish.pipeline, wish.token):
                return 503, f"{self.settings.options.name} has not taken the work up yet"
            return 202, f"{wish.pipeline} reads now"
        return 404, f"this worker runs no pipeline {wish.pipeline!r}"


def _is_of_the_ledger(error: Exception) -> bool:
    """Tell trouble with the ledger from a defect of ours.

    A database that cannot be reached raises what its driver likes, while it is being opened.
    """
    return isinstance(error, LedgerError | OSError | TimeoutError) or (
        type(error).__module__.partition(".")[0] in ("sqlalchemy", "asyncpg", "psycopg", "psycopg2")
    )
