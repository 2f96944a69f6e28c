"""An API server in memory: server-side apply by field manager, versions, owners, faults.

Why: a reconcile can be cut at every single call and run again, ten thousand times a minute.
Must not: be trusted for schemas, CEL or RBAC; the real API server is asked about those.
"""

import copy
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

from knect_operator.kube import KINDS, Conflict, Kind, NotFound, Object
from knect_operator.kube.kinds import kind_of

__all__ = ["MemoryKube"]

Key = tuple[str, str, str]


class MemoryKube:
    """A KubeClient. `fault(verb, kind, name)` may raise; `calls` lists what was asked."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.calls: list[tuple[str, str, str]] = []
        self.fault: Callable[[str, str, str], None] = lambda *_: None
        self._applied: dict[tuple[Key, str, str], Object] = {}
        self._versions = itertools.count(1)

    @property
    def writes(self) -> list[tuple[str, str, str]]:
        return [call for call in self.calls if call[0] not in {"get", "list"}]

    def put(self, document: Object) -> Object:
        """Keep an object as a user's client would; its generation grows with its spec."""
        key = _key(document)
        before = self.objects.get(key)
        kept = copy.deepcopy(document)
        metadata = kept.setdefault("metadata", {})
        metadata.setdefault("namespace", "default")
        if before is not None:
            metadata.setdefault("uid", before["metadata"]["uid"])
            metadata.setdefault("creationTimestamp", before["metadata"]["creationTimestamp"])
            grew = before.get("spec") != kept.get("spec")
            metadata["generation"] = before["metadata"]["generation"] + int(grew)
            if "status" in before:
                kept.setdefault("status", before["status"])
        return self._store(key, kept)

    def drop(self, kind: str, name: str, namespace: str = "default") -> None:
        """Delete an object and, as the garbage collector would, what only it owned."""
        gone = self.objects.pop((kind, namespace, name))
        uid = gone["metadata"]["uid"]
        for key, one in list(self.objects.items()):
            owners = one["metadata"].get("ownerReferences") or []
            if owners and all(owner["uid"] == uid for owner in owners):
                self.drop(key[0], key[2], key[1])

    def of(self, kind: str) -> dict[str, Object]:
        return {key[2]: one for key, one in sorted(self.objects.items()) if key[0] == kind}

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        self._called("get", kind.name, name)
        try:
            return copy.deepcopy(self.objects[kind.name, namespace, name])
        except KeyError:
            raise NotFound(f"{kind.plural} {name!r} not found") from None

    async def list(
        self, kind: Kind, namespace: str | None = None, *, selector: str = ""
    ) -> AsyncIterator[Object]:
        self._called("list", kind.name, "")
        name, _, value = selector.partition("=")
        for key, one in sorted(self.objects.items()):
            labels = one["metadata"].get("labels") or {}
            if (
                key[0] == kind.name
                and namespace in {None, key[1]}
                and (not name or labels.get(name) == value)
            ):
                yield copy.deepcopy(one)

    async def apply(self, document: Object, *, part: str = "", manager: str) -> Object:
        key = _key(document)
        self._called(f"apply{f'/{part}' if part else ''}", *key[::2])
        live = self.objects.get(key)
        if live is None and part:
            raise NotFound(f"{key[2]!r} not found")
        wanted_version = document["metadata"].get("resourceVersion")
        if live is not None and wanted_version not in {None, live["metadata"]["resourceVersion"]}:
            raise Conflict(f"{key[2]!r} has been modified")
        merged = copy.deepcopy(live) if live else {}
        wanted = (
            {part: document[part]} if part else {k: v for k, v in document.items() if k != part}
        )
        before = self._applied.get((key, manager, part), {})
        _give_up(merged, before, wanted)
        _merge(merged, copy.deepcopy(wanted))
        self._applied[key, manager, part] = copy.deepcopy(wanted)
        metadata = merged["metadata"]
        if live is not None and merged == live:
            return copy.deepcopy(live)
        if live is not None:
            metadata["generation"] = live["metadata"]["generation"] + int(
                merged.get("spec") != live.get("spec")
            )
        return copy.deepcopy(self._store(key, merged))

    async def create(self, document: Object) -> Object:
        key = _key(document)
        self._called("create", *key[::2])
        if key in self.objects:
            raise Conflict(f"{key[2]!r} already exists")
        return copy.deepcopy(self._store(key, copy.deepcopy(document)))

    async def replace(self, document: Object) -> Object:
        key = _key(document)
        self._called("replace", *key[::2])
        live = self.objects.get(key)
        if live is None:
            raise NotFound(f"{key[2]!r} not found")
        version = document["metadata"].get("resourceVersion")
        if version and version != live["metadata"]["resourceVersion"]:
            raise Conflict("the object has been modified")
        return copy.deepcopy(self._store(key, copy.deepcopy(document)))

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str | None = None
    ) -> None:
        self._called("delete", kind.name, name)
        found = self.objects.get((kind.name, namespace, name))
        if found is not None and uid in {None, found["metadata"]["uid"]}:
            self.drop(kind.name, name, namespace)

    def _called(self, verb: str, kind: str, name: str) -> None:
        assert kind in KINDS
        self.calls.append((verb, kind, name))
        self.fault(verb, kind, name)

    def _store(self, key: Key, document: Object) -> Object:
        number = next(self._versions)
        metadata: dict[str, Any] = document["metadata"]
        metadata.setdefault("uid", f"uid-{number}")
        metadata.setdefault("generation", 1)
        metadata.setdefault(
            "creationTimestamp", f"2026-11-01T00:{number // 60 % 60:02}:{number % 60:02}Z"
        )
        metadata["resourceVersion"] = str(number)
        self.objects[key] = document
        return document


def _key(document: Object) -> Key:
    metadata = document["metadata"]
    return kind_of(document).name, metadata.get("namespace", "default"), metadata["name"]


def _merge(live: Object, wanted: Object) -> None:
    for name, value in wanted.items():
        if isinstance(value, dict) and isinstance(live.get(name), dict):
            _merge(live[name], value)
        else:
            live[name] = value


def _give_up(live: Object, before: Object, wanted: Object) -> None:
    """Remove what this manager applied last time and does not any more."""
    for name, value in before.items():
        if name not in wanted:
            live.pop(name, None)
        elif isinstance(value, dict) and isinstance(wanted[name], dict):
            _give_up(live.get(name, {}), value, wanted[name])
