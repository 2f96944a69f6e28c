"""A worker: the pipelines of one document, their feeds and Connections, from start to drain.

Why: `knect run`, `knect run --follow` and the pod of a cluster are the same object with another
ending. Must not: decide anything about a record; it only brings the parts together and keeps them
going.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy

from knect.api.catalog import Catalog
from knect.api.worker import WorkerDocument, WorkerPipeline
from knect.engine.bounds.allowance import pools_of
from knect.engine.bounds.gate import Gate
from knect.engine.bounds.lease import WorkerLease
from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.bounds.lives import is_over, life_of
from knect.engine.bounds.pulse import Beat
from knect.engine.deciding.mapping_plan import MappingPlan
from knect.engine.deciding.policy import RetryPolicy
from knect.engine.delivering.job import Job
from knect.engine.delivering.pipeline import PipelineWorker
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.reading.feed import FeedReader
from knect.engine.reading.feed_turn import FeedSettings
from knect.engine.reading.fresh import Fresh
from knect.engine.working.once import OneRun
from knect.engine.working.parts import open_connections
from knect.engine.working.watchdog import Watchdog
from knect.ledger import Connection, Ledger, LedgerError
from knect.ledger.claims import hand_back, reclaim
from knect.ledger.feeds import Feed, FeedKey, ensure_feed, subscribe
from knect.ledger.instants import to_us
from knect.ledger.lives import begin_life
from knect.ledger.revisions import ensure_revision, mapping_changed
from knect.model import encode_json
from knect.sdk import errors
from knect.sdk.contract import Connector, Destination
from knect.sdk.http import ClientFactory
from knect.sdk.secret import Secret
from knect.seams import Clock, IdSource, SystemClock, crash_point, new_id

__all__ = ["Worker", "WorkerOptions", "Wrap"]

_log = logging.getLogger("knect.worker")

_MICROSECONDS = 1_000_000
#: What `Now` and `Beginning` mean for a feed that has never been read.
_BEGINNING_US = 0

Touched = Callable[[Iterable[int]], None]
#: Told of every group of jobs that was committed.
Committed = Callable[[Sequence[Job]], None]
#: Puts something between the engine and a destination: (Connection, destination).
Wrap = Callable[[str, Destination], Destination]


class WorkerOptions:
    """How a worker runs, apart from what it runs. Times in seconds."""

    def __init__(
        self,
        *,
        name: str = "local",
        lease_seconds: float = 60.0,
        request_seconds: float = 30.0,
        patience_seconds: float = 60.0,
        clock: Clock | None = None,
        ids: IdSource = new_id,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.lease_seconds = lease_seconds
        self.request_seconds = request_seconds
        self.patience_seconds = patience_seconds
        self.clock = clock or SystemClock()
        self.ids = ids
        self.chance = chance

    def timed_by(self, clock: Clock) -> "WorkerOptions":
        """Return the same options with another clock."""
        other = copy(self)
        other.clock = clock
        return other


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
            in_hand=lambda: [seq for pipeline in self.pipelines for seq in pipeline.in_hand],
            renewing=self._clock.sync,
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
        self.connectors = open_connections(
            self.document,
            catalog=self._catalog,
            http=self._http,
            clock=self._clock,
            secrets=self._secrets,
            pool_of=pools_of(self.ledger, self._clock),
        )
        self._gates = {name: Gate(self._clock) for name in self.connectors}
        for pipeline in self.live_pipelines:
            await self._add_pipeline(pipeline)
        await self._add_feeds()
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
        try:
            await self.ledger.write(lambda c: hand_back(c, holder=self._holder, now_us=now))
        except LedgerError as error:
            _log.warning("leases are left to run out", extra={"reason": str(error)})

    # ------------------------------------------------------------ assembly

    async def _add_pipeline(self, pipeline: WorkerPipeline) -> None:
        spec, now = pipeline.spec, to_us(self._clock.now())
        body = encode_json(
            {
                "mapping": spec.mapping.model_dump(mode="json", by_alias=True),
                "settings": spec.destination.model_dump(mode="json", by_alias=True),
                "mode": spec.mode.value,
                "mask": list(spec.privacy.mask),
                "expect": spec.expect.model_dump(mode="json", by_alias=True),
                "tables": pipeline.value_maps,
            }
        ).decode()
        (row, number), changed = await self.ledger.write(
            lambda c: ensure_revision(c, pipeline=pipeline.name, body=body, now_us=now)
        )
        if changed:
            await self.ledger.write(
                lambda c: mapping_changed(c, pipeline=pipeline.name, now_us=now)
            )
        source, destination = self.document.ends(pipeline)
        manifest = self._catalog[destination.spec.connector]
        retry = spec.delivery.retry
        settings = PipelineSettings(
            name=pipeline.name,
            entity=spec.entity,
            source=source.name,
            destination=destination.name,
            plan=MappingPlan.compile(spec, pipeline.value_maps, revision=number),
            mapping=row,
            writes=manifest.writes,
            retry=RetryPolicy(
                attempts=retry.attempts,
                initial=retry.initial.delta.total_seconds(),
                max=retry.max.delta.total_seconds(),
            ),
            write=spec.destination.write,
            mode=spec.mode,
            on_source_delete=spec.destination.on_source_delete,
            batch_size=spec.delivery.batch_size,
            max_in_flight=spec.delivery.max_in_flight,
            stalled_after=spec.delivery.stalled_after.delta.total_seconds(),
            mask=frozenset(spec.privacy.mask),
            holder=self._holder,
            lease_seconds=self.options.lease_seconds,
            request_seconds=self.options.request_seconds,
        )
        reading, writing = self.connectors[source.name], self.connectors[destination.name]
        if reading.source is None or writing.destination is None:
            message = f"pipeline {pipeline.name!r}: {source.name} cannot be read or "
            raise errors.Fatal(message + f"{destination.name} cannot be written")
        self.pipelines.append(
            PipelineWorker(
                settings,
                ledger=self.ledger,
                source=reading.source,
                destination=self._wrap(destination.name, writing.destination),
                lease=self._lease,
                gate=self._gates[destination.name],
                clock=self._clock,
                new_id=self.options.ids,
                fresh=self._fresh,
                touched=self._touched,
                committed=self._committed,
                chance=self.options.chance,
            )
        )

    async def _add_feeds(self) -> None:
        """Make one feed per (connection, entity, filter), for all pipelines that want it."""
        wanted: dict[FeedKey, list[WorkerPipeline]] = {}
        for pipeline in self.live_pipelines:
            spec = pipeline.spec
            key = FeedKey(
                spec.source.connection_ref.name,
                spec.entity,
                encode_json(spec.source.filter).decode(),
            )
            wanted.setdefault(key, []).append(pipeline)
        for key, pipelines in wanted.items():
            await self._add_feed(key, pipelines)

    async def _add_feed(self, key: FeedKey, pipelines: Sequence[WorkerPipeline]) -> None:
        now = to_us(self._clock.now())
        starts = {p.name: _start_us(p, now) for p in pipelines}

        def unit(connection: Connection) -> Feed:
            first = min(starts.values())
            feed = ensure_feed(connection, key, start_us=first, now_us=now)
            for pipeline in pipelines:
                subscribe(
                    connection,
                    pipeline=pipeline.name,
                    feed=feed.seq,
                    start_us=starts[pipeline.name],
                    destination=pipeline.spec.destination.connection_ref.name,
                )
            return feed

        feed = await self.ledger.write(unit)
        connection = self.document.connection(key.connection, pipelines[0].namespace)
        cursor = self._catalog[connection.spec.connector].entities[key.entity].cursor
        source = self.connectors[key.connection].source
        assert source is not None
        self.feeds.append(
            FeedReader(
                FeedSettings(
                    feed=feed,
                    filter=pipelines[0].spec.source.filter,
                    pipelines=tuple(p.name for p in pipelines),
                    overlap_seconds=float(cursor.overlap_seconds if cursor else 0),
                    late_seconds=float(cursor.late_seconds if cursor else 0),
                    holder=self._holder,
                    lease_seconds=self.options.lease_seconds,
                ),
                ledger=self.ledger,
                source=source,
                gate=self._gates[key.connection],
                clock=self._clock,
                new_id=self.options.ids,
                fresh=self._fresh,
                recorded=self._when_recorded,
            )
        )

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


def _start_us(pipeline: WorkerPipeline, now_us: int) -> int:
    start = pipeline.spec.source.start
    if start == "Now":
        return now_us
    instant = start.instant
    return to_us(instant) if instant is not None else _BEGINNING_US
