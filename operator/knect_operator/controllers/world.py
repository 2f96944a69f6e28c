"""What every reconcile stands on: the API server, the store, the workers, the clock.

Must not: decide anything; it only brings together and keeps fresh what a look needs.
"""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from knect.api.names import (
    CONNECTION_KIND,
    FIELD_MANAGER_STATUS,
    LABEL_WATCH,
    LEDGER_SECRET,
    LEDGER_SECRET_KEY,
    SYNC_PIPELINE_KIND,
)
from knect_operator.checking import Checker
from knect_operator.controllers.children import Children
from knect_operator.controllers.contest import Contests
from knect_operator.controllers.keys import ConnectionKey, ReconcileKey
from knect_operator.controllers.wakes import wakes
from knect_operator.kube import KINDS, Conflict, KubeClient, NotFound, Object, Refused
from knect_operator.recorder import Recorder
from knect_operator.reports import Reports
from knect_operator.settings import OperatorSettings
from knect_operator.small import secret_keys
from knect_operator.store import Key, Store, key_of

__all__ = ["World"]

_log = logging.getLogger("knect.operator")

#: An object without our label sends us no events; it is asked for again after this long.
_UNWATCHED_SECONDS = 60.0
#: What of a status must reach people, whatever becomes of the rest.
_TOLD = ("observedGeneration", "conditions")


@dataclass(slots=True)
class World:
    """`now` is the time of day, `monotonic` counts seconds."""

    kube: KubeClient
    store: Store
    checker: Checker
    reports: Reports
    recorder: Recorder
    settings: OperatorSettings
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    wake: Callable[[ReconcileKey], None] = lambda _key: None
    _asked: dict[tuple[str, Key], float] = field(default_factory=dict)
    _warned: dict[str, set[str]] = field(default_factory=dict)
    _settled: dict[tuple[str, Key], tuple[Any, ...]] = field(default_factory=dict)
    _pruned: dict[str, tuple[Any, str]] = field(default_factory=dict)
    _contests: Contests = field(init=False)

    def __post_init__(self) -> None:
        """Count by this world's clock."""
        self._contests = Contests(self.monotonic)

    @property
    def children(self) -> Children:
        """Return what applies and prunes."""
        return Children(self.kube, self.store, self._settled, self._contests)

    async def look_up(self, kind: str, keys: Iterable[Key]) -> float:
        """Make sure the store knows these Secrets or ConfigMaps, also unwatched ones.

        Returns the seconds until the first of the unwatched ones is to be asked for again.
        """
        soonest = math.inf
        for key in sorted(set(keys)):
            known = self.store.get(kind, key)
            if known is not None and _watched(known):
                continue
            asked = self._asked.get((kind, key))
            since = math.inf if asked is None else self.monotonic() - asked
            if since < _UNWATCHED_SECONDS:
                soonest = min(soonest, _UNWATCHED_SECONDS - since)
                continue
            try:
                self.store.put(await self.kube.get(KINDS[kind], *key))
            except NotFound:
                self.store.remove(kind, key)
            self._asked[kind, key] = self.monotonic()
            soonest = min(soonest, _UNWATCHED_SECONDS)
            self._wake_users(known, self.store.get(kind, key))
        return soonest

    def _wake_users(self, before: Object | None, after: Object | None) -> None:
        """Let all who use it feel what no event tells."""
        if (before is None) != (after is None) or (before or {}).get("data") != (after or {}).get(
            "data"
        ):
            for key in wakes(self.store, before, after):
                self.wake(key)

    def sweep(self) -> None:
        """Forget what was noted of objects that are gone: a process lives for months."""
        uids = {
            str(one["metadata"].get("uid"))
            for kind in (CONNECTION_KIND, SYNC_PIPELINE_KIND)
            for one in self.store.all(kind)
        }
        by_uid: tuple[dict[str, Any], ...] = (self._warned, self._pruned)
        for kept in by_uid:
            for uid in kept.keys() - uids:
                del kept[uid]
        now = self.monotonic()
        self._asked = {
            mark: asked for mark, asked in self._asked.items() if now - asked < _UNWATCHED_SECONDS
        }
        for mark in [one for one in self._settled if not self.store.has(*one)]:
            del self._settled[mark]
        self._contests.forget(lambda mark: not self.store.has(*mark))
        self.checker.sweep()

    def wake_connections(self, namespace: str, names: Iterable[str]) -> None:
        """Ask for a look at Connections of which a worker says something new."""
        for name in names:
            self.wake(ConnectionKey(namespace, name))

    def may_work(self, unit: Key) -> bool:
        """Return whether there is a worker's pod that was started and has not ended."""
        pods = self.store.members_of(*unit, "Pod")
        return any(
            (pod.get("status") or {}).get("phase") == "Running"
            and pod["metadata"]["labels"].get("app.kubernetes.io/component") == "worker"
            for pod in pods
        )

    def has_ledger(self, namespace: str) -> bool:
        """Return whether the namespace says where its ledger is."""
        secret = self.store.get("Secret", (namespace, LEDGER_SECRET))
        return secret is not None and LEDGER_SECRET_KEY in secret_keys(secret)

    async def warn(self, document: Object, *troubles: str) -> None:
        """Post what is wrong with an object and has no place in its status, once each."""
        uid, found = str(document["metadata"].get("uid")), set(filter(None, troubles))
        for trouble in sorted(found - self._warned.get(uid, set())):
            await self.recorder.say(document, "Warning", "InvalidSpec", trouble, "Reconcile")
        if found:
            self._warned[uid] = found
        else:
            self._warned.pop(uid, None)

    async def write_status(self, document: Object, status: Mapping[str, Any]) -> bool:
        """Write a status if it says something new; return whether it did."""
        if _same(document.get("status") or {}, status):
            return False
        uid, text = str(document["metadata"].get("uid")), repr(_sorted(status))
        if self._pruned.get(uid) == (document["metadata"].get("resourceVersion"), text):
            return False  # a schema that knows less keeps less of it, each time
        try:
            answer = await self._apply_status(document, status)
        except Refused as error:
            # a figure that cannot be kept must not freeze the conditions: a stale Ready lies
            _log.warning("only conditions are written", extra={"cause": str(error)})
            told = {key: status[key] for key in _TOLD if key in status}
            answer = await self._apply_status(document, told)
        if answer is None:
            return False  # it went away meanwhile, and its status with it
        self.store.put(answer)
        if not _same(answer.get("status") or {}, status):
            self._pruned[uid] = (answer["metadata"].get("resourceVersion"), text)
        for key in wakes(self.store, document, answer):
            self.wake(key)  # the watch's event will find the store up to date, and wake nobody
        await self.recorder.status_changed(document, status)
        return True

    async def _apply_status(self, document: Object, status: Mapping[str, Any]) -> Object | None:
        """Return the object as it is then, None if there is none or another of its name.

        The API server minds no uid where a status is applied; a version it does. Raises Conflict
        when the object was changed and its event is still to come: then it is looked at again.
        """
        namespace, name = key_of(document)
        metadata = document["metadata"]
        body: Object = {
            "apiVersion": document["apiVersion"],
            "kind": document["kind"],
            "metadata": {"name": name, "namespace": namespace},
            "status": dict(status),
        }
        try:
            try:
                return await self._apply_at(body, metadata.get("resourceVersion"))
            except Conflict:
                now = (self.store.get(document["kind"], (namespace, name)) or {}).get(
                    "metadata", {}
                )
                if now.get("uid") != metadata.get("uid"):
                    return None
                if now["resourceVersion"] == metadata.get("resourceVersion"):
                    raise
                return await self._apply_at(body, now["resourceVersion"])
        except NotFound:
            return None

    async def _apply_at(self, body: Object, version: str | None) -> Object:
        body["metadata"]["resourceVersion"] = version
        return await self.kube.apply(body, part="status", manager=FIELD_MANAGER_STATUS)


def _watched(document: Object) -> bool:
    labels = document["metadata"].get("labels") or {}
    return labels.get(LABEL_WATCH) == "true"


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two statuses say the same; order of conditions does not matter."""
    return _sorted(one) == _sorted(other)


def _sorted(status: Mapping[str, Any]) -> dict[str, Any]:
    conditions = status.get("conditions") or ()
    ordered = sorted(conditions, key=lambda one: str(one.get("type")))
    return {**status, "conditions": ordered}
