"""What the API server last said: objects by kind and name, with the indexes reconciling needs.

Why: a thousand pipelines cannot each list their namespace. Watches fill the store, a full listing
now and then corrects it (a watch that was cut tells nothing of what was deleted meanwhile).
Kept as text: a Deployment as a dict takes five times its JSON, and is only looked at now and then.
Must not: keep a value of a Secret, or anything nobody here reads.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from knect.api.documents import LiveObject
from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect_operator.render.names import ReceiverName, unit_name
from knect_operator.small import small_of

__all__ = ["Key", "Store"]

Object = dict[str, Any]
#: (namespace, name)
Key = tuple[str, str]

_MOST_GONE = 10_000


class _Kept(NamedTuple):
    """One object: what tells it from others, and its text."""

    uid: str
    generation: int
    version: str
    created: str
    text: str

    @classmethod
    def of(cls, document: Object) -> "_Kept":
        metadata = document["metadata"]
        return cls(
            str(metadata.get("uid", "")),
            int(metadata.get("generation", 1)),
            str(metadata.get("resourceVersion", "")),
            str(metadata.get("creationTimestamp", "")),
            json.dumps(document, separators=(",", ":")),
        )

    def is_older(self, other: "_Kept") -> bool:
        """Return whether this is an earlier state of the same object.

        Versions are numbers since etcd 3 and declared comparable; what is none counts as newer.
        """
        return self.uid == other.uid and _is_before(self.version, other.version)

    def document(self) -> Object:
        found: Object = json.loads(self.text)
        return found


class Store:
    """Objects as they are, small; `put` and `remove` return what was there before."""

    def __init__(self) -> None:
        self._objects: dict[str, dict[Key, _Kept]] = {}
        self._read: dict[tuple[str, Key], tuple[object, LiveObject]] = {}
        self._gone: dict[str, str] = {}
        self.units = _Index(_units)
        self.users = _Index(_connections)
        self.goals = _Index(_goals)
        self.table_users = _Index(_tables)
        self.secret_users = _Index(_secrets)
        self.receivers = _Index(_receivers)
        self.members = _Index(_instance)
        self.pipelines_in = _Index(_namespace)
        self._indexes: Mapping[str, tuple[_Index, ...]] = {
            SYNC_PIPELINE_KIND: (
                self.units,
                self.users,
                self.goals,
                self.table_users,
                self.pipelines_in,
            ),
            CONNECTION_KIND: (self.secret_users, self.receivers),
        }

    def put(self, document: Mapping[str, Any]) -> Object | None:
        """Keep an object, unless a newer one is here or it is gone; return the one before.

        A page of a listing and the answer of a write tell of an earlier moment; what was deleted
        since then must not come back by them.
        """
        small = small_of(document)
        kind, key, kept = small["kind"], key_of(small), _Kept.of(small)
        objects = self._objects.setdefault(kind, {})
        before = objects.get(key)
        gone = self._gone.get(kept.uid)
        if gone is not None and not _is_before(kept.version, gone):
            del self._gone[kept.uid]  # it only lost the label by which it is watched
            gone = None
        if gone is None and (before is None or not kept.is_older(before)):
            objects[key] = kept
            for index in self._indexes.get(kind, (self.members,)):
                index.put(kind, key, small)
        return before.document() if before is not None else None

    def remove(
        self, kind: str, key: Key, *, uid: str | None = None, version: str | None = None
    ) -> Object | None:
        """Forget an object; one of another uid was made anew meanwhile, and stays.

        With `version` it is known to be gone since then, and no earlier state of it is taken.
        """
        if uid and version:
            if len(self._gone) >= _MOST_GONE:
                del self._gone[next(iter(self._gone))]
            self._gone[uid] = version
        objects = self._objects.get(kind, {})
        before = objects.get(key)
        if before is None or (uid is not None and before.uid != uid):
            return None
        del objects[key]
        self._read.pop((kind, key), None)
        for index in self._indexes.get(kind, (self.members,)):
            index.remove(kind, key)
        return before.document()

    def has(self, kind: str, key: Key) -> bool:
        """Return whether an object is there."""
        return key in self._objects.get(kind, {})

    def created(self, kind: str, key: Key) -> str:
        """Return when an object was made, as text that sorts; nothing if it is not there."""
        found = self._objects.get(kind, {}).get(key)
        return found.created if found is not None else ""

    def get(self, kind: str, key: Key) -> Object | None:
        """Return an object, None if it is not there."""
        found = self._objects.get(kind, {}).get(key)
        return found.document() if found is not None else None

    def all(self, kind: str) -> Iterator[Object]:
        """Yield the objects of a kind."""
        for kept in list(self._objects.get(kind, {}).values()):
            yield kept.document()

    def members_of(self, namespace: str, instance: str, kind: str | None = None) -> list[Object]:
        """Return our own objects, and pods, that carry an instance label."""
        found = self.members.of((namespace, instance))
        return [
            self._objects[one][key].document()
            for one, key in sorted(found)
            if kind is None or one == kind
        ]

    def read(self, kind: str, key: Key) -> LiveObject | None:
        """Return a Connection or SyncPipeline, parsed once per generation."""
        kept = self._objects.get(kind, {}).get(key)
        if kept is None:
            return None
        mark = (kept.uid, kept.generation)
        known = self._read.get((kind, key))
        if known is not None and known[0] == mark:
            return known[1]
        read = LiveObject(kept.document())
        self._read[kind, key] = (mark, read)
        return read


def _is_before(one: str, other: str) -> bool:
    return one.isdecimal() and other.isdecimal() and int(one) < int(other)


class _Index:
    """Objects by something they name."""

    def __init__(self, keys: Callable[[Object], Iterable[Hashable]]) -> None:
        self._keys = keys
        self._entries: dict[Hashable, set[tuple[str, Key]]] = {}
        self._of: dict[tuple[str, Key], tuple[Hashable, ...]] = {}

    def put(self, kind: str, key: Key, document: Object) -> None:
        wanted = tuple(self._keys(document))
        if self._of.get((kind, key)) == wanted:
            return
        self.remove(kind, key)
        self._of[kind, key] = wanted
        for one in wanted:
            self._entries.setdefault(one, set()).add((kind, key))

    def remove(self, kind: str, key: Key) -> None:
        for one in self._of.pop((kind, key), ()):
            entries = self._entries[one]
            entries.discard((kind, key))
            if not entries:
                del self._entries[one]

    def of(self, one: Hashable) -> frozenset[tuple[str, Key]]:
        return frozenset(self._entries.get(one, ()))

    def keys_of(self, one: Hashable) -> list[Key]:
        return sorted(key for _, key in self._entries.get(one, ()))


def key_of(document: Mapping[str, Any]) -> Key:
    """Return namespace and name."""
    metadata = document["metadata"]
    return metadata.get("namespace", "default"), metadata["name"]


def _reference(document: Object, *path: str) -> str:
    value: Any = document.get("spec") or {}
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def _ends(document: Object) -> Iterator[str]:
    for side in ("source", "destination"):
        yield _reference(document, side, "connectionRef", "name")


def _units(document: Object) -> Iterator[Hashable]:
    namespace, name = key_of(document)
    yield namespace, str(unit_name(name, _reference(document, "worker", "group") or None))


def _namespace(document: Object) -> Iterator[Hashable]:
    yield key_of(document)[0]


def _connections(document: Object) -> Iterator[Hashable]:
    namespace, _ = key_of(document)
    for name in _ends(document):
        yield namespace, name


def _goals(document: Object) -> Iterator[Hashable]:
    namespace, _ = key_of(document)
    goal = _reference(document, "destination", "connectionRef", "name")
    yield namespace, goal, _reference(document, "entity")


def _tables(document: Object) -> Iterator[Hashable]:
    namespace, _ = key_of(document)
    mapping = (document.get("spec") or {}).get("mapping")
    tables = mapping.get("valueMaps") if isinstance(mapping, Mapping) else None
    for table in tables if isinstance(tables, list) else ():
        reference = table.get("configMapRef") if isinstance(table, Mapping) else None
        if isinstance(reference, Mapping):
            yield namespace, str(reference.get("name"))


def _secrets(document: Object) -> Iterator[Hashable]:
    namespace, _ = key_of(document)
    name = _reference(document, "credentials", "secretRef", "name")
    if name:
        yield namespace, name


def _receivers(document: Object) -> Iterator[Hashable]:
    namespace, name = key_of(document)
    yield namespace, str(ReceiverName.of(name))


def _instance(document: Object) -> Iterator[Hashable]:
    namespace, _ = key_of(document)
    labels = document["metadata"].get("labels") or {}
    instance = labels.get("app.kubernetes.io/instance")
    if instance and labels.get("app.kubernetes.io/managed-by") == "knect-operator":
        yield namespace, instance
