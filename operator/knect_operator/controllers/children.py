"""Bringing children to what was rendered: apply what differs, prune what is no longer wanted.

Must not: touch an object that is not ours, even one that has the name we want.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from knect.api.names import ANNOTATION_RENDERED, FIELD_MANAGER
from knect_operator.controllers.contest import Contests, sentence_of
from knect_operator.kube import (
    CHILD_KINDS,
    KINDS,
    Conflict,
    Contested,
    Forbidden,
    KubeClient,
    KubeError,
    NotFound,
    Object,
    Refused,
    Taken,
    kind_of,
)
from knect_operator.render.owned import difference
from knect_operator.store import Key, Store, key_of

__all__ = ["Changes", "Children"]

_MANAGED_BY = "app.kubernetes.io/managed-by"


@dataclass(slots=True)
class Changes:
    """What was done: `kind/name`, and how many times somebody else had changed what is ours.

    `not_made` says by name which Jobs were not, and why.
    """

    applied: list[str] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)
    corrected: int = 0
    not_made: dict[str, KubeError] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.applied or self.pruned)


class Children:
    """Applies and prunes the objects of one instance.

    `settled` outlives this: kind and key of what an apply left as it was, at which version. The
    API server writes some values in its own way, and an admission webhook may rewrite others each
    time; both are applied once per state, not once per look.
    """

    def __init__(
        self,
        kube: KubeClient,
        store: Store,
        settled: dict[tuple[str, Key], tuple[Any, ...]],
        contests: Contests,
    ) -> None:
        self._kube = kube
        self._store = store
        self._settled = settled
        self._contests = contests

    async def bring(
        self,
        namespace: str,
        instance: str,
        wanted: Sequence[Object],
        *,
        components: Iterable[str],
    ) -> Changes:
        """Make the instance's children of these components what is wanted. Raises KubeError.

        One that another hand changes back each time is left, and told of when all else is done.
        """
        changes, contested = Changes(), list[Contested]()
        for document in wanted:
            try:
                await self._apply(document, changes)
            except Contested as error:
                contested.append(error)
            except (Conflict, Forbidden, Refused) as error:
                if document["kind"] != "Job":
                    raise
                changes.not_made[document["metadata"]["name"]] = error  # all else works without it
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
            self._settled.pop((kind, (namespace, name)), None)
            changes.pruned.append(f"{kind}/{name}")
        if contested:
            raise contested[0]
        return changes

    async def _apply(self, document: Object, changes: Changes) -> None:
        kind, key = document["kind"], key_of(document)
        live = self._store.get(kind, key) or await self._ours(document)
        # a Job is one run of what its name stands for: Kubernetes takes no other template for it,
        # and what an upgrade changed is for the next one
        if live is not None and kind == "Job":
            return
        left = self._contests.told((kind, key), _said(document))
        if left:
            raise Contested(left)
        path = "" if live is None else difference(live, document)
        if path is None or (
            live is not None and self._settled.get((kind, key)) == _state(live, document)
        ):
            return
        last_word = await self._last_word(live, document, path) if live is not None else ""
        found = await self._kube.apply(document, manager=FIELD_MANAGER)
        self._store.put(found)
        as_before = live is not None and _state(live, document) == _state(found, document)
        if as_before or (live is not None and _stays(live, found, document)):
            self._settled[kind, key] = _state(found, document)
            return
        self._contests.applied((kind, key), _said(document))
        if live is not None and _said(live) == _said(document):
            changes.corrected += 1
        changes.applied.append(f"{kind}/{key[1]}")
        if last_word:
            self._contests.open((kind, key), _said(document), last_word)
            raise Contested(last_word)

    async def _last_word(self, live: Object, document: Object, path: str) -> str:
        """Return what is said once this is put right for the last time; nothing before that."""
        kind, key, said = document["kind"], key_of(document), _said(document)
        if not self._contests.is_last((kind, key), said):
            return ""
        found = await self._kube.get(KINDS[kind], *key)
        return sentence_of(
            document,
            found,
            difference(live, _body(document)) or path,
            manager=FIELD_MANAGER,
            ours=_said(live) != said,
        )

    async def _ours(self, document: Object) -> Object | None:
        """Look before the first apply: server-side apply would take over what is there."""
        namespace, name = key_of(document)
        try:
            found = await self._kube.get(kind_of(document), namespace, name)
        except NotFound:
            return None
        labels = found["metadata"].get("labels") or {}
        wanted = document["metadata"]
        owners = {one.get("uid") for one in found["metadata"].get("ownerReferences") or ()}
        # one that only lost its label belongs to whom it belonged before
        owned = any(one["uid"] in owners for one in wanted["ownerReferences"])
        if not owned and labels.get(_MANAGED_BY) != wanted["labels"][_MANAGED_BY]:
            raise Taken(
                f"there is a {document['kind']} {name!r} already, and it is not Knect's; rename "
                "it, or the pipeline"
            )
        return found


def _stays(live: Object, found: Object, document: Object) -> bool:
    """Tell whether an object is otherwise right after an apply as it was before: that is how the
    API server or a webhook writes it, whatever else moved meanwhile, and no hand that changes it.
    """
    body = _body(document)
    path = difference(found, body)
    return path is not None and path == difference(live, body)


def _body(document: Object) -> Object:
    return {name: one for name, one in document.items() if name != "metadata"}


def _state(live: Object, document: Object) -> tuple[Any, ...]:
    metadata = live["metadata"]
    return metadata.get("uid"), metadata.get("resourceVersion"), _said(document)


def _said(document: Object) -> str | None:
    annotations = document["metadata"].get("annotations") or {}
    return annotations.get(ANNOTATION_RENDERED)
