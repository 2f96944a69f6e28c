"""Events: what happened to an object, for `kubectl describe`; few, and counted instead of repeated.

Why our own: the framework's poster neither merges nor limits, and a flapping remote would fill a
namespace. Must not: fail a reconcile, or carry anything but a condition's own words.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from knect_operator.kube import Conflict, KubeClient, KubeError, Object

__all__ = ["Recorder"]

_log = logging.getLogger("knect.operator.events")

_REPEAT_SECONDS = 600.0
_BURST = 25
_REFILL_SECONDS = 300.0
_LONGEST_NOTE = 1024  # in bytes, where a condition counts characters
_MOST_KEPT = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Recorder:
    """Posts events.k8s.io/v1: one per (object, reason, text) in ten minutes, 25 per object."""

    def __init__(
        self,
        kube: KubeClient,
        *,
        instance: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._kube = kube
        self._instance = instance
        self._now = now
        self._monotonic = monotonic
        self._said: dict[str, float] = {}
        self._buckets: dict[str, _Bucket] = {}

    async def status_changed(self, document: Object, status: Mapping[str, Any]) -> None:
        """Say it when Ready turned, or holds for another reason, and when a Job failed."""
        was = document.get("status") or {}
        await self._job_failed(document, _condition(was, "JobFailed"), status)
        before, after = _condition(was, "Ready"), _condition(status, "Ready")
        if after is None or (before is not None and _word(before) == _word(after)):
            return
        good = after["status"] == "True"
        waiting = after["status"] == "Unknown" or after["reason"] == "Suspended"
        note = after["message"] or ("work flows" if good else after["reason"])
        await self.say(
            document, "Normal" if good or waiting else "Warning", after["reason"], note, "Reconcile"
        )

    async def _job_failed(
        self, document: Object, before: Mapping[str, Any] | None, status: Mapping[str, Any]
    ) -> None:
        after = _condition(status, "JobFailed")
        if after is None or (before is not None and before.get("message") == after["message"]):
            return
        await self.say(document, "Warning", after["reason"], after["message"], "Reconcile")

    async def say(
        self, document: Mapping[str, Any], kind: str, reason: str, note: str, action: str
    ) -> None:
        """Post an event about an object, unless it was said just now."""
        metadata = document["metadata"]
        uid = str(metadata.get("uid", ""))
        mark = hashlib.blake2b(f"{uid}/{reason}/{note}".encode(), digest_size=8).hexdigest()
        now = self._monotonic()
        if now - self._said.get(mark, -_REPEAT_SECONDS) < _REPEAT_SECONDS or not self._take(
            uid, now
        ):
            return
        if len(self._said) >= _MOST_KEPT:
            self._said.clear()
        self._said[mark] = now
        moment = self._now().astimezone(UTC)
        body: Object = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200].rstrip('-.')}.{mark}{int(moment.timestamp()):x}",
                "namespace": metadata.get("namespace", "default"),
            },
            "eventTime": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "reportingController": "knect.dev/operator",
            "reportingInstance": self._instance[:128],
            "type": kind,
            "reason": reason,
            "action": action,
            "note": _cut(note),
            "regarding": {
                "apiVersion": document["apiVersion"],
                "kind": document["kind"],
                "name": metadata["name"],
                "namespace": metadata.get("namespace", "default"),
                "uid": uid,
            },
        }
        try:
            await self._kube.create(body)
        except Conflict:
            return
        except KubeError as error:
            _log.warning("an event was not posted", extra={"cause": str(error)})

    def _take(self, uid: str, now: float) -> bool:
        bucket = self._buckets.get(uid)
        if bucket is None:
            if len(self._buckets) >= _MOST_KEPT:
                self._buckets.clear()
            bucket = self._buckets[uid] = _Bucket(float(_BURST), now)
        bucket.tokens = min(_BURST, bucket.tokens + (now - bucket.at) / _REFILL_SECONDS)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _cut(note: str) -> str:
    return note.encode()[:_LONGEST_NOTE].decode(errors="ignore")


def _condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    conditions = status.get("conditions") or ()
    return next((one for one in conditions if one.get("type") == type_), None)


def _word(condition: Mapping[str, Any]) -> tuple[Any, Any]:
    return condition.get("status"), condition.get("reason")
