"""Bringing children to what was rendered: apply what differs, prune what is no longer wanted.

Must not: touch an object that is not ours, even one that has the name we want.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from knect.api.names import ANNOTATION_RENDERED, FIELD_MANAGER
from knect_operator.kube import (
    CHILD_KINDS,
    KINDS,
    Conflict,
    KubeClient,
    NotFound,
    Object,
    kind_of,
)
from knect_operator.render.owned import covers
from knect_operator.store import Store, key_of

__all__ = ["Changes", "Children"]

_MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(slots=True)
class Changes:
    """What was done: `kind/name`, and how many times somebody else had changed what is ours."""

    applied: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    corrected: int = 0

    def __bool__(self) -> bool:
        return bool(self.applied or self.pruned)


class Children:
    """Applies and prunes the objects of one instance."""

    def __init__(self, kube: KubeClient, store: Store) -> None:
        self._kube = kube
        self._store = store

    async def bring(
        self,
        namespace: str,
        instance: str,
        wanted: Sequence[Object],
        *,
        components: Iterable[str],
    ) -> Changes:
        """Make the instance's children of these components what is wanted. Raises KubeError."""
        changes = Changes()
        for document in wanted:
            live = self._store.get(document["kind"], key_of(document))
            if live is not None and covers(live, document):
                continue
            if live is None:
                await self._refuse_a_stranger(document)
            elif _said(live) == _said(document):
                changes.corrected += 1
            self._store.put(await self._kube.apply(document, manager=FIELD_MANAGER))
            changes.applied.append(f"{document['kind']}/{document['metadata']['name']}")
        keep = {(one["kind"], one["metadata"]["name"]) for one in wanted}
        parts = frozenset(components)
        for live in self._store.members_of(namespace, instance):
            kind, name = live["kind"], live["metadata"]["name"]
            component = live["metadata"]["labels"].get("app.kubernetes.io/component")
            if kind not in CHILD_KINDS or component not in parts or (kind, name) in keep:
                continue
            uid = live["metadata"].get("uid")
            await self._kube.delete(KINDS[kind], namespace, name, uid=uid)
            self._store.remove(kind, (namespace, name), uid=uid)
            changes.pruned.append(f"{kind}/{name}")
        return changes

    async def _refuse_a_stranger(self, document: Object) -> None:
        """Look before the first apply: server-side apply would take over what is there."""
        namespace, name = key_of(document)
        try:
            found = await self._kube.get(kind_of(document), namespace, name)
        except NotFound:
            return
        labels = found["metadata"].get("labels") or {}
        if labels.get(_MANAGED_BY) != document["metadata"]["labels"][_MANAGED_BY]:
            raise Conflict(
                f"there is a {document['kind']} {name!r} already, and it is not Knect's; rename "
                "it, or the pipeline"
            )


def _said(document: Object) -> str | None:
    annotations = document["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_RENDERED)
