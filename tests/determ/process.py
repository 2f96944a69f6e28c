"""One life of a worker process in a simulation: opened, started, following, until it ends or dies.

Must not: do anything a real process would not; what it knows dies with it.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from tests.determ.ledger import Database, open_memory
from tests.determ.loop import LIFE, Life, SimLoop

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument
from knect.engine.working.follow import Follower
from knect.engine.working.options import WorkerOptions
from knect.engine.working.receiver import Receiver
from knect.engine.working.worker import Worker
from knect.ledger import Ledger, LedgerError
from knect.sdk import errors
from knect.sdk.contract import Hint, WebhookRequest
from knect.sdk.http import ClientFactory

__all__ = ["START", "Process", "SimClock", "SimWebhooks"]

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PATH = "unguessable"


class SimClock:
    """A machine's clock: the loop's time, its wall time `off` by so many seconds."""

    def __init__(self, loop: SimLoop, off: float = 0.0) -> None:
        self._loop = loop
        self._start = START + timedelta(seconds=off)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class SimWebhooks:
    """Signed by saying so."""

    def verify(self, request: WebhookRequest) -> Sequence[Hint]:
        if request.headers.get("signature") != "true":
            raise errors.CredentialsRejected("the signature is wrong", code="Forged")
        entity, record_id, event = request.body.decode().split(" ")
        return [Hint(entity=entity, id=record_id, event_id=event)]

    async def subscribe(self, entities: Sequence[str], url: str) -> None:
        """The shop sends without being asked."""


class Process:
    """A worker process. `place` is the name of the pod; a place may see many lives."""

    def __init__(
        self,
        place: str,
        *,
        loop: SimLoop,
        database: Database,
        dice: random.Random,
        document: WorkerDocument,
        catalog: Catalog,
        shared: bool,
        lease: float,
        off: float,
        new_id: Callable[[], str],
        delay: Callable[[], float],
        trouble: Callable[[], str | None],
    ) -> None:
        self.place = place
        self.life = Life(place)
        self.ended = False
        self.read_again = 0
        self.ready = False
        self.complaint: str | None = None
        self.worker: Worker | None = None
        self.follower: Follower | None = None
        self.receiver: Receiver | None = None
        self.document = document
        self._loop = loop
        self._stop = asyncio.Event()
        clock = SimClock(loop, off)
        self._clock = clock
        self._ledger: Ledger = open_memory(
            database, shared=shared, clock=clock, database_clock=SimClock(loop), delay=delay,
            trouble=trouble,
        )  # fmt: skip
        self._catalog = catalog
        self._options = WorkerOptions(
            name=place, lease_seconds=lease, clock=clock, ids=new_id, chance=dice.random
        )
        context = copy_context()
        context.run(LIFE.set, self.life)
        self.context = context
        loop.create_task(self._main(), context=context)

    @property
    def alive(self) -> bool:
        """Tell whether it runs, though it may be frozen."""
        return not self.life.dead and not self.ended

    @property
    def holder(self) -> str:
        """The name under which it holds leases; empty before it has one."""
        return self.worker.holder if self.worker is not None else ""

    def stop(self) -> None:
        """As SIGTERM would."""
        self._loop.call_soon(self._stop.set, context=self.context)

    def receive(
        self, shop: str, body: str, *, genuine: bool, answered: Callable[[int], None]
    ) -> None:
        """Take a shop's webhook as an HTTP request; `answered` is told the status if one is sent."""
        if self.receiver is None:
            return
        taken = self._receive(shop, body, genuine, answered)
        self._loop.create_task(taken, context=self.context.copy())

    async def _receive(
        self, shop: str, body: str, genuine: bool, answered: Callable[[int], None]
    ) -> None:
        assert self.receiver is not None
        scope = {
            "type": "http", "method": "POST", "path": f"/webhooks/{shop}/{PATH}",
            "path_params": {"connection": shop, "secret": PATH}, "query_string": b"",
            "headers": [(b"signature", b"true" if genuine else b"false")],
        }  # fmt: skip

        async def message() -> Mapping[str, Any]:
            return {"type": "http.request", "body": body.encode(), "more_body": False}

        response = await self.receiver.receive(Request(scope, message))
        answered(response.status_code)

    async def _main(self) -> None:
        try:
            await self._live()
        except LedgerError as error:
            self.complaint = str(error)
        self.ended = True

    async def _live(self) -> None:
        worker = self.worker = Worker(
            self.document,
            ledger=self._ledger,
            catalog=self._catalog,
            http=ClientFactory(clock=self._clock),
            options=self._options,
        )
        await worker.start()
        follower = self.follower = Follower(worker)
        shops = [one.name for one in self.document.connections if one.name != "erp"]
        self.receiver = Receiver(
            ledger=self._ledger,
            webhooks=dict.fromkeys(shops, SimWebhooks()),
            paths=dict.fromkeys(shops, PATH),
            clock=worker.options.clock,
            arrived=follower.hint_arrived,
        )
        self.ready = True
        try:
            await follower.run(self._stop)
        finally:
            self.receiver = None
        await worker.close(drain_seconds=5.0)
        await self._ledger.close()

    async def read_all_again(self, asking: Sequence[str] = ()) -> None:
        """Read everything once more, from the beginning: for all, or for who of ours is asking."""
        assert self.worker is not None
        ours = {one.name for one in self.document.pipelines if not one.spec.suspend}
        asking = [name for name in asking if name in ours]
        until = SimClock(self._loop).now()  # whatever this machine's clock says
        for feed in self.worker.feeds:
            if asking and not {*asking} & {*feed.settings.pipelines}:
                continue
            with suppress(errors.ConnectorError, LedgerError):
                await feed.backfill(START - timedelta(days=1), until, asking=asking or None)
                self.read_again += 1

    def run(self, work: Callable[[], Any]) -> "asyncio.Task[Any]":
        """Begin something in this life."""
        return self._loop.create_task(work(), context=self.context.copy())
