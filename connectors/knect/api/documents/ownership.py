"""Who writes which field: two pipelines that write one field of one record would fight for ever.

What counts as the same record: for master data (products, stock, prices, customers, contacts) any
two pipelines to one Connection; for documents that are born at their source (orders, payments,
refunds, shipments, events) only pipelines from one source, as two shops never share an order.
Fields that are only written at creation are no bone of contention.
Must not: guess what filters keep apart.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations

from knect.api.documents.problems import Code, Problem
from knect.api.documents.reader import Loaded
from knect.api.documents.world import World
from knect.api.pipeline import SyncPipeline, Write

__all__ = ["ownership_problems"]

_BORN_AT_THE_SOURCE = frozenset({"orders", "payments", "refunds", "shipments", "events"})
_MOST_NAMED = 5


def ownership_problems(documents: Iterable[Loaded], world: World) -> Iterator[Problem]:
    """Yield a problem at the later of two pipelines that write the same fields."""
    pipelines = [(one, one.model) for one in documents if isinstance(one.model, SyncPipeline)]
    for (first, mine), (second, theirs) in combinations(pipelines, 2):
        if not _meet(mine, theirs):
            continue
        one, other = _written(mine, world), _written(theirs, world)
        both = other if one is None else one if other is None else one & other
        if both is not None and not both:
            continue
        yield _conflict(second, theirs, first, mine, both)


def _meet(one: SyncPipeline, other: SyncPipeline) -> bool:
    if one.metadata.namespace != other.metadata.namespace or one.spec.entity != other.spec.entity:
        return False
    if one.spec.destination.connection_ref != other.spec.destination.connection_ref:
        return False
    same_source = one.spec.source.connection_ref == other.spec.source.connection_ref
    return same_source or one.spec.entity not in _BORN_AT_THE_SOURCE


def _written(pipeline: SyncPipeline, world: World) -> frozenset[str] | None:
    """Return the fields a pipeline changes in what exists; None: all there are."""
    spec = pipeline.spec
    if spec.destination.write is Write.CREATE:
        return frozenset()
    create_only = frozenset(spec.mapping.create_only)
    if spec.mapping.owns:
        return frozenset(spec.mapping.owns) - create_only
    manifest = world.manifest(pipeline.metadata.namespace, spec.destination.connection_ref.name)
    known = manifest.field_names(spec.entity) if manifest else ()
    return frozenset({*known, *spec.mapping.set}) - create_only if known else None


def _conflict(
    second: Loaded,
    theirs: SyncPipeline,
    first: Loaded,
    mine: SyncPipeline,
    both: frozenset[str] | None,
) -> Problem:
    connection = theirs.spec.destination.connection_ref.name
    owns = theirs.spec.mapping.owns
    path = ("spec", "mapping", "owns") if owns else ("spec", "destination", "connectionRef")
    line, column = second.node.place(path, of_key=True)
    if both is None:
        what = f"all fields of {theirs.spec.entity}"
    else:
        names = sorted(both)
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        what = f"{', '.join(names[:_MOST_NAMED])}{more} of {theirs.spec.entity}"
    place = f"{first.file}:{first.node.line}" if first.node.line else first.file
    return Problem(
        second.file,
        line,
        column,
        ".".join(path),
        f"{what} at {connection!r} are also written by pipeline {mine.name!r} ({place})",
        "say in mapping.owns which fields each of them writes",
        Code.FIELD_OWNED_ELSEWHERE,
    )
