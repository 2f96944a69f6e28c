"""Which keys an event wakes.

Why: a Secret that arrives, a pod that dies and a Connection that turns ready must each be felt by
all whose state depends on it, and by nobody else.
Must not: decide whether anything is to be done; a needless wake costs a look, a missing one ten
minutes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from knect.api.names import (
    ANNOTATION_BACKFILL,
    ANNOTATION_RECONCILE,
    ANNOTATION_REPLAY,
    ANNOTATION_REQUESTED_AT,
    CONNECTION_KIND,
    LEDGER_SECRET,
    SYNC_PIPELINE_KIND,
)
from knect_operator.controllers.keys import ConnectionKey, ReconcileKey, UnitKey
from knect_operator.render.names import unit_name
from knect_operator.store import Key, Store, key_of

__all__ = ["all_keys", "wakes"]

_Object = Mapping[str, Any]
_ASKING = (
    ANNOTATION_BACKFILL,
    ANNOTATION_RECONCILE,
    ANNOTATION_REPLAY,
    ANNOTATION_REQUESTED_AT,
)


def wakes(store: Store, before: _Object | None, after: _Object | None) -> Iterator[ReconcileKey]:
    """Yield the keys to look at after an object changed; `after` None: it is gone.

    The store already holds the new state. What a listing tells again wakes nobody.
    """
    document = after if after is not None else before
    if document is None or before == after:
        return
    match document["kind"]:
        case "Connection":
            yield from _of_connection(store, before, after)
        case "SyncPipeline":
            yield from _of_pipeline(store, before, after)
        case "Secret":
            yield from _of_secret(store, key_of(document))
        case "ConfigMap":
            yield from _users(store, store.table_users.keys_of(key_of(document)))
            yield from _of_child(store, document)
        case _:
            yield from _of_child(store, document)


def _mark(document: _Object | None) -> tuple[Any, ...]:
    """Return what of an object of ours can change what should be; its status cannot."""
    if document is None:
        return ()
    metadata = document["metadata"]
    annotations = metadata.get("annotations") or {}
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("deletionTimestamp"),
        *(annotations.get(name) for name in _ASKING),
    )


def _born(document: _Object | None) -> str:
    return str(document["metadata"].get("creationTimestamp", "")) if document else ""


def _ready(document: _Object | None) -> tuple[Any, ...]:
    status = (document or {}).get("status") or {}
    return tuple(
        (one.get("type"), one.get("status"), one.get("reason"), one.get("message"))
        for one in status.get("conditions") or ()
        if one.get("type") == "Ready"
    )


def _of_connection(
    store: Store, before: _Object | None, after: _Object | None
) -> Iterator[ReconcileKey]:
    document = after if after is not None else before
    assert document is not None
    namespace, name = key_of(document)
    changed = _mark(before) != _mark(after)
    if changed:
        yield ConnectionKey(namespace, name)
    if changed or _ready(before) != _ready(after):
        yield from _users(store, store.users.keys_of((namespace, name)))


def _of_pipeline(
    store: Store, before: _Object | None, after: _Object | None
) -> Iterator[ReconcileKey]:
    if _mark(before) == _mark(after):
        return
    for document in (before, after):
        if document is None:
            continue
        namespace, name = key_of(document)
        spec = document.get("spec") or {}
        yield UnitKey(namespace, str(unit_name(name, (spec.get("worker") or {}).get("group"))))
        for side in ("source", "destination"):
            end = ((spec.get(side) or {}).get("connectionRef") or {}).get("name")
            if end:
                yield ConnectionKey(namespace, str(end))
        goal = ((spec.get("destination") or {}).get("connectionRef") or {}).get("name")
        # a field given up here may be free for another, a field taken up is lost to a younger one
        rivals = store.goals.of((namespace, goal, spec.get("entity")))
        born = _born(document)
        yield from _users(store, [key for kind, key in rivals if store.created(kind, key) >= born])


def _of_secret(store: Store, key: Key) -> Iterator[ReconcileKey]:
    namespace, name = key
    for connection in store.secret_users.keys_of(key):
        yield ConnectionKey(*connection)
        yield from _users(store, store.users.keys_of(connection))
    if name == LEDGER_SECRET:
        yield from _users(store, store.pipelines_in.keys_of(namespace))


def _of_child(store: Store, document: _Object) -> Iterator[ReconcileKey]:
    namespace, name = key_of(document)
    labels = document["metadata"].get("labels") or {}
    instance = labels.get("app.kubernetes.io/instance", name)
    match labels.get("app.kubernetes.io/component"):
        case "worker" | "job":
            yield UnitKey(namespace, instance)
        case "receiver" | "check":
            for connection in store.receivers.keys_of((namespace, instance)):
                yield ConnectionKey(*connection)
        case _:
            pass


def _users(store: Store, pipelines: list[Key]) -> Iterator[ReconcileKey]:
    for key in pipelines:
        yield _unit_of(store, key)


def _unit_of(store: Store, key: Key) -> UnitKey:
    document = store.get(SYNC_PIPELINE_KIND, key) or {}
    group = ((document.get("spec") or {}).get("worker") or {}).get("group")
    return UnitKey(key[0], str(unit_name(key[1], group)))


def all_keys(store: Store) -> Iterator[ReconcileKey]:
    """Yield every key there is, also of children whose reason is gone."""
    for connection in store.all(CONNECTION_KIND):
        yield ConnectionKey(*key_of(connection))
    for pipeline in store.all(SYNC_PIPELINE_KIND):
        yield _unit_of(store, key_of(pipeline))
    for deployment in store.all("Deployment"):
        yield from _of_child(store, deployment)
