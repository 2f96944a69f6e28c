"""What the ledger knows around the records in hand, in one read: before anything is decided.

Why: earlier tries, what is bound (from either side), what was delivered last and what open orders
take: all of it decides what a record becomes, so it is read together and once per group.
Must not: decide, or write.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from knect.engine.deciding.host_calls import Around
from knect.engine.deciding.mapping_plan import ValueTables
from knect.engine.delivering.job import Job
from knect.engine.delivering.settings import PipelineSettings, external_id
from knect.ledger import Connection, Ledger
from knect.ledger.bindings import BindingWrite, bindings_of
from knect.ledger.commitments import OpenOrder, open_orders
from knect.ledger.counterparts import came_from, counterparts, left_out
from knect.ledger.effects import effects_of, sent_since
from knect.ledger.instants import from_us, to_us
from knect.ledger.payload import payloads_of, unpack
from knect.ledger.restock import looked_since
from knect.ledger.values import values_by_hand
from knect.model import RECORD_TYPES, InventoryLevel, decode_json

__all__ = ["Parents", "Recollection", "recall", "recall_parents"]


class Recollection(Struct, frozen=True, kw_only=True):
    """What was read for one group. `previous` is by content hash, `sent` by transaction, `taken` by
    SKU.

    `looked` says of versions until when they are known to be true, in microseconds; it is of use,
    as is `taken`, if the mapping `counts` open orders.
    """

    by_hand: ValueTables
    previous: Mapping[str, Mapping[str, Any]]
    sent: Mapping[int, Sequence[str]]
    taken: Sequence[OpenOrder]
    looked: Mapping[int, int]
    counts: bool = False

    def tried(self, job: Job) -> Sequence[Mapping[str, Any]]:
        """Return what was sent of one record since it was delivered last, and may be there."""
        return [self.previous[one] for one in self.sent.get(job.seq, ()) if one in self.previous]

    def around(self, job: Job) -> Around:
        """Return what is known around one record."""
        digest = job.bound.hash if job.bound else None
        previous = self.previous.get(digest) if digest else None
        approved = job.claimed.approved is not None
        sent = any(x.state != "failed" or x.unsure_us is not None for x in job.written.values())
        if not self.counts:
            return Around(
                by_hand=self.by_hand,
                now_us=job.now_us,
                there=job.bound is not None,
                previous=previous,
                approved=approved,
                sent=sent,
            )
        since = max(_as_of_us(job), self.looked.get(job.claimed.version, 0))
        taken: dict[tuple[str, str | None], Decimal] = {}
        for one in self.taken:
            if one.released_us is None or one.released_us > since:
                name = (one.sku, one.location)
                taken[name] = taken.get(name, Decimal(0)) + Decimal(one.quantity)
        return Around(
            by_hand=self.by_hand,
            now_us=job.now_us,
            there=job.bound is not None,
            previous=previous,
            open_orders=taken,
            as_of=from_us(since),
            approved=approved,
            sent=sent,
        )


async def recall(ledger: Ledger, settings: PipelineSettings, jobs: Sequence[Job]) -> Recollection:
    """Read it, and fill `written` and `bound` of each job."""
    live = {job.seq: job for job in jobs if job.verdict is None}
    entity, source, destination = settings.entity, settings.source, settings.destination
    names = {(entity, job.external_id): job for job in live.values()}
    ids = {(entity, job.claimed.source_id): job for job in live.values()}
    counts = settings.plan.counts_open_orders
    skus = {sku for job in live.values() if (sku := _sku(job))} if counts else set()
    since_us = min(map(_as_of_us, live.values())) if skus else 0

    def read(c: Connection) -> Recollection:
        for row in effects_of(c, list(live)):
            live[row.transaction].written[row.name] = row
        for name, binding in bindings_of(c, destination, names).items():
            names[name].bound = binding
        left = [name for name, job in ids.items() if job.bound is None]
        other_way = came_from(c, source=source, destination=destination, names=left)
        for name, destination_id in other_way.items():
            ids[name].bound = _from_the_other_side(ids[name], settings, destination_id)
        hashes = {job.bound.hash for job in live.values() if job.bound and job.bound.hash}
        sent = sent_since(c, _delivered_by(live.values()))
        hashes.update(one for tried in sent.values() for one in tried)
        return Recollection(
            by_hand=values_by_hand(c, destination),
            previous={
                digest: decode_json(unpack(body)) for digest, body in payloads_of(c, hashes).items()
            },
            sent=sent,
            taken=open_orders(c, source, skus, since_us=since_us),
            looked=looked_since(c, (job.claimed.version for job in live.values())) if skus else {},
            counts=counts,
        )

    return await ledger.read(read)


class Parents(Struct, frozen=True, kw_only=True):
    """The destination's ids of records, by kind and id at the source; and of those that were left
    out on their way there what people call them, and why.
    """

    there: Mapping[tuple[str, str], str] = field(default_factory=dict)
    left_out: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


async def recall_parents(
    ledger: Ledger, settings: PipelineSettings, jobs: Sequence[Job]
) -> Parents:
    """Return what is known of the records that the jobs' records name as theirs."""
    names = {
        (reference.kind, reference.value): external_id(
            settings.source, reference.kind, reference.value
        )
        for job in jobs
        for reference in (job.mapped.references if job.mapped else ())
        if reference.kind in RECORD_TYPES
    }
    if not names:
        return Parents()
    ends = {"source": settings.source, "destination": settings.destination}

    def read(connection: Connection) -> Parents:
        there = counterparts(connection, **ends, names=names)
        missing = [name for name in names if name not in there]
        return Parents(there=there, left_out=left_out(connection, **ends, names=missing))

    return await ledger.read(read)


def _delivered_by(jobs: Iterable[Job]) -> dict[int, int]:
    """Return by which transaction each record was delivered last, 0 where none did, of those of
    which something may have been left behind.

    A level is set whole, and of what was never delivered only prices overwrite what is there.
    """
    return {
        job.seq: job.bound.transaction if job.bound else 0
        for job in jobs
        if job.claimed.entity == "prices" or (job.bound and job.claimed.entity != "inventory")
    }


def _from_the_other_side(job: Job, settings: PipelineSettings, destination_id: str) -> BindingWrite:
    """Return a binding for a record that came from the destination: it is what it was there."""
    return BindingWrite(
        destination=settings.destination,
        entity=settings.entity,
        external_id=job.external_id,
        destination_id=destination_id,
        number=None,
        source=settings.source,
        source_id=job.claimed.source_id,
        token=None,
        hash=None,
        applied=None,
        transaction=job.seq,
        updated_us=job.now_us(),
    )


def _as_of_us(job: Job) -> int:
    """Return the instant the record's figures are of; when it was read, if it does not say.

    That was not later than it was read: a source's clock may be ahead of ours.
    """
    record = job.extracted.record if job.extracted else None
    if isinstance(record, InventoryLevel) and record.as_of is not None:
        return min(to_us(record.as_of), job.claimed.seen_us)
    return job.claimed.seen_us


def _sku(job: Job) -> str | None:
    record = job.extracted.record if job.extracted else None
    return getattr(record, "sku", None)
