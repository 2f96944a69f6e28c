"""The working parts of a document's pipelines and feeds, made from what was declared.

Why: what a document means for the engine (a mapping's revision, what a feed is shared by, where it
begins) stands here, and how its parts are kept going in the worker.
Must not: start anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from msgspec import json

from knect.api.catalog import Catalog
from knect.api.mapping import Mapping as MappingSpec
from knect.api.pipeline import SyncPipelineSpec
from knect.api.worker import WorkerDocument, WorkerPipeline
from knect.engine.bounds.gate import Gate
from knect.engine.bounds.lease import Lease, attended_until
from knect.engine.bounds.ledger_clock import LedgerClock
from knect.engine.deciding.mapping_plan import MappingPlan
from knect.engine.deciding.policy import RetryPolicy
from knect.engine.delivering.means import Committed, Means, Touched
from knect.engine.delivering.pipeline import PipelineWorker
from knect.engine.delivering.settings import PipelineSettings
from knect.engine.reading.feed import FeedReader
from knect.engine.reading.feed_turn import FeedSettings
from knect.engine.reading.fresh import Fresh
from knect.engine.working.options import WorkerOptions
from knect.ledger import Connection, Ledger
from knect.ledger.feeds import Feed, FeedKey, ensure_feed, subscribe
from knect.ledger.instants import to_us
from knect.ledger.revisions import ensure_revision, mapping_changed
from knect.model import encode_json
from knect.sdk import errors
from knect.sdk.contract import Connector, Destination

__all__ = ["Assembly", "Wrap"]

#: Puts something between the engine and a destination: (Connection, destination).
Wrap = Callable[[str, Destination], Destination]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What parts are made of. `recorded` is called with the transactions of every recorded page."""

    document: WorkerDocument
    catalog: Catalog
    options: WorkerOptions
    holder: str
    ledger: Ledger
    clock: LedgerClock
    lease: Lease
    fresh: Fresh
    connectors: Mapping[str, Connector]
    gates: Mapping[str, Gate]
    wrap: Wrap
    touched: Touched
    committed: Committed
    recorded: Callable[[Sequence[int]], None]

    async def pipeline(self, pipeline: WorkerPipeline) -> PipelineWorker:
        """Return what works on a pipeline's transactions. Raises Fatal if an end cannot do it."""
        source, destination = self.document.ends(pipeline)
        reading, writing = self.connectors[source.name], self.connectors[destination.name]
        if reading.source is None or writing.destination is None:
            message = f"pipeline {pipeline.name!r}: {source.name} cannot be read or "
            raise errors.Fatal(message + f"{destination.name} cannot be written")
        means = Means(
            ledger=self.ledger,
            source=reading.source,
            destination=self.wrap(destination.name, writing.destination),
            lease=self.lease,
            gate=self.gates[destination.name],
            clock=self.clock,
            fresh=self.fresh,
            new_id=self.options.ids,
            chance=self.options.chance,
            touched=self.touched,
            committed=self.committed,
        )
        return PipelineWorker(await self._settings(pipeline), means)

    async def _settings(self, pipeline: WorkerPipeline) -> PipelineSettings:
        spec = pipeline.spec
        source, destination = self.document.ends(pipeline)
        mapping, number = await self._revision(pipeline)
        retry = spec.delivery.retry
        return PipelineSettings(
            name=pipeline.name,
            entity=spec.entity,
            source=source.name,
            destination=destination.name,
            plan=MappingPlan.compile(spec, pipeline.value_maps, revision=number),
            mapping=mapping,
            plan_of=partial(_plan_of, spec),
            writes=self.catalog[destination.spec.connector].writes,
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
            holder=self.holder,
            lease_seconds=self.options.lease_seconds,
            request_seconds=self.options.request_seconds,
        )

    async def _revision(self, pipeline: WorkerPipeline) -> tuple[int, int]:
        """Return row and number of the mapping's revision; what waited for another one is woken."""
        spec, now = pipeline.spec, to_us(self.clock.now())
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
        revision, changed = await self.ledger.write(
            lambda c: ensure_revision(c, pipeline=pipeline.name, body=body, now_us=now)
        )
        if changed:
            await self.ledger.write(
                lambda c: mapping_changed(c, pipeline=pipeline.name, now_us=now)
            )
        return revision

    async def feeds(self, pipelines: Sequence[WorkerPipeline]) -> list[FeedReader]:
        """Return one feed per (connection, entity, filter), for all pipelines that want it."""
        wanted: dict[FeedKey, list[WorkerPipeline]] = {}
        for pipeline in pipelines:
            spec = pipeline.spec
            key = FeedKey(
                spec.source.connection_ref.name,
                spec.entity,
                encode_json(spec.source.filter).decode(),
            )
            wanted.setdefault(key, []).append(pipeline)
        return [await self._feed(key, of) for key, of in wanted.items()]

    async def _feed(self, key: FeedKey, pipelines: Sequence[WorkerPipeline]) -> FeedReader:
        at = self.clock.now()
        now = to_us(at)
        starts = {p.name: to_us(p.spec.source.start.begins_at(at)) for p in pipelines}
        connection = self.document.connection(key.connection, pipelines[0].namespace)
        cursor = self.catalog[connection.spec.connector].entities[key.entity].cursor
        overlap_seconds = float(cursor.overlap_seconds if cursor else 0)

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
                    overlap_us=int(overlap_seconds * 1e6),
                    attended_us=attended_until(now, self.options.lease_seconds),
                )
            return feed

        feed = await self.ledger.write(unit)
        source = self.connectors[key.connection].source
        assert source is not None
        return FeedReader(
            FeedSettings(
                feed=feed,
                filter=pipelines[0].spec.source.filter,
                pipelines=tuple(p.name for p in pipelines),
                overlap_seconds=overlap_seconds,
                late_seconds=float(cursor.late_seconds if cursor else 0),
                holder=self.holder,
                lease_seconds=self.options.lease_seconds,
            ),
            ledger=self.ledger,
            source=source,
            gate=self.gates[key.connection],
            clock=self.clock,
            new_id=self.options.ids,
            fresh=self.fresh,
            recorded=self.recorded,
        )


def _plan_of(spec: SyncPipelineSpec, body: str, number: int) -> MappingPlan:
    """Return the plan of a revision that is kept in the ledger. Raises ValueError.

    Of then are mapping, value tables and the connector's settings; all else is what `spec` says.
    """
    then = json.decode(body)
    settings = {"settings": then["settings"]["settings"]}
    spec = spec.model_copy(
        update={
            "mapping": MappingSpec.model_validate(then["mapping"]),
            "destination": spec.destination.model_copy(update=settings),
        }
    )
    return MappingPlan.compile(spec, then["tables"], revision=number)
