"""A pipeline as its unit sees it: whether it may run, and what its two ends are like.

Must not: write; the unit does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from knect.api.connection import Connection
from knect.api.documents import Problem
from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect.api.pipeline import SyncPipeline
from knect_operator.controllers.deleting import is_deleting
from knect_operator.controllers.tokens import token_of
from knect_operator.controllers.world import World
from knect_operator.kube import Object
from knect_operator.status.connection import SECRET_CODES
from knect_operator.status.pipeline import EndFacts
from knect_operator.store import key_of

__all__ = ["Member", "read_member"]

_READY = {"True": True, "False": False}


@dataclass(frozen=True, slots=True)
class Member:
    """`pipeline` is None if its document cannot be read. `connections` are those that are whole."""

    document: Object
    pipeline: SyncPipeline | None
    problems: Sequence[Problem]
    ends: Sequence[EndFacts]
    runs: bool
    connections: Sequence[Connection] = field(default=())

    @property
    def name(self) -> str:
        """Return the name."""
        return str(self.document["metadata"]["name"])

    @property
    def generation(self) -> int:
        """Return the generation of the spec."""
        return int(self.document["metadata"].get("generation", 1))

    @property
    def suspended(self) -> bool:
        """Return whether somebody asked it to stand still."""
        return bool(self.pipeline and self.pipeline.spec.suspend)

    @property
    def requested_at(self) -> str | None:
        """Return the token of a wish to run now."""
        return token_of(self.document)

    @property
    def to_run(self) -> SyncPipeline:
        """Return the pipeline as it is, with the annotations of today."""
        assert self.pipeline is not None
        metadata = self.pipeline.metadata.model_copy(
            update={"annotations": self.document["metadata"].get("annotations") or {}}
        )
        return self.pipeline.model_copy(update={"metadata": metadata})


def read_member(world: World, document: Object, *, running: bool) -> Member:
    """Return a pipeline with what decides whether it runs.

    A Secret that is missing keeps a worker from being started; one that already runs is left, so
    that a Secret made anew in a moment costs nothing. It says itself what it lacks.
    """
    key = key_of(document)
    live = world.store.read(SYNC_PIPELINE_KIND, key)
    assert live is not None
    pipeline = live.pipeline
    problems = world.checker.pipeline_problems(key)
    if pipeline is None:
        return Member(document, None, problems, (), runs=False)
    names = (
        pipeline.spec.source.connection_ref.name,
        pipeline.spec.destination.connection_ref.name,
    )
    documents = [world.store.get(CONNECTION_KIND, (key[0], name)) for name in names]
    connections: list[Connection] = []
    able = not problems
    for name, found in zip(names, documents, strict=True):
        end = world.store.read(CONNECTION_KIND, (key[0], name))
        if found is None or end is None or end.connection is None or is_deleting(found):
            able = False
            continue
        wrong = world.checker.connection_problems((key[0], name))
        able = able and all(running and one.code in SECRET_CODES for one in wrong)
        connections.append(end.connection)
    ends = [_end(found, name) for name, found in zip(names, documents, strict=True)]
    return Member(document, pipeline, problems, ends, runs=able, connections=connections)


def _end(document: Mapping[str, Any] | None, name: str) -> EndFacts:
    if document is None:
        return EndFacts(name, exists=False)
    if is_deleting(document):
        message = "it was deleted, so nothing is read from it or written to it any more"
        return EndFacts(name, exists=True, ready=False, reason="BeingDeleted", message=message)
    status = document.get("status") or {}
    current = status.get("observedGeneration") == document["metadata"].get("generation", 1)
    conditions = status.get("conditions") or () if current else ()
    ready: Mapping[str, Any] = next((one for one in conditions if one.get("type") == "Ready"), {})
    return EndFacts(
        name,
        exists=True,
        ready=_READY.get(ready.get("status", "")),
        reason=str(ready.get("reason", "")),
        message=str(ready.get("message", "")),
        suspended=bool((document.get("spec") or {}).get("suspend")),
    )
