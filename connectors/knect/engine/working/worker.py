"""A worker: the pipelines of one document, their feeds and Connections, from start to drain.

Why: `knect run`, `knect run --follow` and the pod of a cluster are the same object with another
ending. Must not: decide anything about a record; it only brings the parts together and keeps them
going.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument, WorkerPipeline
from knect.engine.bounds.allowance import pools_of
from knect.engine.bounds.gate import Gate
from knect.engine.bounds.lease import WorkerLease
from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.bounds.lives import is_over, life_of
from knect.engine.bounds.pulse import Beat
from knect.engine.delivering.means import Committed, Touched
from knect.engine.delivering.pipeline import PipelineWorker
from knect.engine.reading.feed import FeedReader
from knect.engine.reading.fresh import Fresh
from knect.engine.working.assembly import Assembly, Wrap
from knect.engine.working.once import OneRun
from knect.engine.working.options import WorkerOptions
from knect.engine.working.parts import open_connections
from knect.engine.working.systems import require_same_systems
from knect.engine.working.watchdog import Watchdog
from knect.ledger import Connection, Ledger, LedgerError
from knect.ledger.claims import hand_back, reclaim
from knect.ledger.feeds import attend
from knect.ledger.instants import to_us
from knect.ledger.lives import begin_life
from knect.sdk import errors
from knect.sdk.contract import Connector
from knect.sdk.http import ClientFactory
from knect.sdk.secret import Secret
from knect.seams import crash_point

__all__ = ["Worker"]

_log = logging.getLogger("knect.worker")


class Worker:
    """Runs pipelines against a ledger. `start`, then `run_once` or `follow`, then `close`."""

    def __init__(
        self,
        document: WorkerDocument,
        *,
        ledger: Ledger,
        catalog: Catalog,
        http: ClientFactory,
        secrets: Mapping[str, Mapping[str, Secret]] | None = None,
        options: WorkerOptions | None = None,
        touched: Touched = lambda _: None,
        wrap: Wrap = lambda _name, destination: destination,
        committed: Committed = lambda _: None,
    ) -> None:
        self.document = document
        self._clock = LedgerClock((options or WorkerOptions()).clock, ledger)
        self.options = (options or WorkerOptions()).timed_by(self._clock)
        self.ledger = ledger
        self.feeds: list[FeedReader] = []
        self.pipelines: list[PipelineWorker] = []
        self.connectors: dict[str, Connector] = {}
        self._catalog = catalog
        self._http = http
        self._secrets = secrets
        self._touched = touched
        self._wrap = wrap
        self._committed = committed
        self._gates: dict[str, Gate] = {}
        self._fresh = Fresh(self._clock)
        self._holder = life_of(self.options.name, self.options.ids()[-12:])
        self._calls = self.options.ids()
        self._lease = WorkerLease(
            ledger,
            holder=self._holder,
            seconds=self.options.lease_seconds,
            clock=self._clock,
            in_hand=lambda: {
                seq: taken for one in self.pipelines for seq, taken in one.in_hand.items()
            },
            renewing=self._clock.sync,
            attended=lambda: [one.name for one in self.live_pipelines],
        )
        self.recorded = asyncio.Event()
        self._on_recorded: Callable[[], None] = lambda: None
        self.watchdog = Watchdog(
            ledger=ledger, pipelines=self.pipelines, clock=self._clock, touched=touched
        )

    @property
    def holder(self) -> str:
        """Return the name under which this life holds leases."""
        return self._holder

    @property
    def calls(self) -> str:
        """Return the trace id of the calls this life makes for itself, in the ledger from start."""
        return self._calls

    @property
    def live_pipelines(self) -> list[WorkerPipeline]:
        """Return the pipelines that are not suspended."""
        return [one for one in self.document.pipelines if not self.document.is_suspended(one)]

    @property
    def beats(self) -> list[Beat]:
        """Return the signs of life of what runs beside the work."""
        return [self._lease.beat, self.watchdog.beat]

    def gate(self, connection: str) -> Gate:
        """Return whether a Connection answers. Raises KeyError for one that is not open."""
        return self._gates[connection]

    async def start(self) -> None:
        """Take over what an earlier life had in hand, open the Connections, subscribe."""
        await self._clock.sync()
        now = to_us(self._clock.now())

        def unit(connection: Connection) -> Sequence[int]:
            begin_life(connection, self._holder, self._calls, now)
            return reclaim(
                connection,
                worker=self.options.name,
                holder=self._holder,
                is_over=is_over if self.ledger.shared else _all_are_over,
                now_us=now,
            )

        self._touched(await self.ledger.write(unit))
        await require_same_systems(
            self.document, catalog=self._catalog, ledger=self.ledger, now_us=now
        )
        self.connectors = open_connections(
            self.document,
            catalog=self._catalog,
            http=self._http,
            clock=self._clock,
            secrets=self._secrets,
            pool_of=pools_of(self.ledger, self._clock),
        )
        self._gates = {name: Gate(self._clock) for name in self.connectors}
        await self._assemble()
        self._lease.start()
        self.watchdog.start()

    async def run_once(self) -> list[errors.ConnectorError]:
        """Read every feed up to now and work until nothing moves by itself.

        Returns what went wrong with an end as a whole; what went wrong with records is in the
        ledger.
        """
        return await OneRun(
            ledger=self.ledger,
            feeds=self.feeds,
            pipelines=self.pipelines,
            gates=self._gates,
            recorded=self.recorded,
            patience_seconds=self.options.patience_seconds,
            clock=self._clock,
        ).run()

    async def close(self, *, drain_seconds: float = 45.0) -> None:
        """Finish or hand back what is in hand, let go of Connections."""
        for pipeline in self.pipelines:
            pipeline.stop()
        crash_point("drain.half")
        try:
            async with asyncio.timeout(drain_seconds):
                await asyncio.gather(*(pipeline.drain() for pipeline in self.pipelines))
        except TimeoutError:
            _log.warning("handed back what was not finished in time")
        for pipeline in self.pipelines:
            await pipeline.abandon()
        await self._hand_back()
        await self.watchdog.stop()
        await self._lease.stop()
        for connector in self.connectors.values():
            await connector.close()

    async def _hand_back(self) -> None:
        now = to_us(self._clock.now())

        def unit(connection: Connection) -> None:
            hand_back(connection, holder=self._holder, now_us=now)
            attend(connection, [one.name for one in self.live_pipelines], 0)

        try:
            await self.ledger.write(unit)
        except LedgerError as error:
            _log.warning("leases are left to run out", extra={"reason": str(error)})

    async def _assemble(self) -> None:
        assembly = Assembly(
            document=self.document,
            catalog=self._catalog,
            options=self.options,
            holder=self._holder,
            ledger=self.ledger,
            clock=self._clock,
            lease=self._lease,
            fresh=self._fresh,
            connectors=self.connectors,
            gates=self._gates,
            wrap=self._wrap,
            touched=self._touched,
            committed=self._committed,
            recorded=self._when_recorded,
        )
        for pipeline in self.live_pipelines:
            self.pipelines.append(await assembly.pipeline(pipeline))
        self.feeds += await assembly.feeds(self.live_pipelines)

    def when_recorded(self, call: Callable[[], None]) -> None:
        """Call `call` whenever a page was recorded."""
        self._on_recorded = call

    def _when_recorded(self, touched: Sequence[int]) -> None:
        self._touched(touched)
        self.recorded.set()
        self._on_recorded()


def _all_are_over(_life: str) -> bool:
    """Tell of any other life that it has ended: a file has one writer."""
    return True
