"""When looks at a key fail and go on failing: said in the status, or the last one would lie.

Why not at the first failure: an API server that is busy for a moment would be given a write for
every object, and every watcher a false alarm.
Must not: hold anything a restart would miss; who still fails a minute later says it again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from knect.api.names import CONNECTION_KIND, SYNC_PIPELINE_KIND
from knect.api.reasons import ConditionReason, ConditionType
from knect_operator.controllers.handsoff import is_hands_off
from knect_operator.controllers.keys import ConnectionKey, ReconcileKey
from knect_operator.controllers.world import World
from knect_operator.kube import KubeError, Object
from knect_operator.status.conditions import OPEN, YES, Finding, conditions_of

__all__ = ["Troubles"]

_PATIENCE_SECONDS = 60.0
_REPLACED = frozenset({ConditionType.READY, ConditionType.RECONCILING, ConditionType.STALLED})


@dataclass(slots=True)
class Troubles:
    """Since when looks at a key have failed."""

    world: World
    since: dict[ReconcileKey, float] = field(default_factory=dict)

    def over(self, key: ReconcileKey) -> None:
        """Note that a look ended well."""
        self.since.pop(key, None)

    async def met(self, key: ReconcileKey, error: Exception) -> None:
        """Note a failure; one that lasts is written to the statuses, if the API server lets us."""
        now = self.world.monotonic()
        if now - self.since.setdefault(key, now) < _PATIENCE_SECONDS:
            return
        try:
            for document in self._documents(key):
                status = _status(document, error, self.world.now())
                await self.world.write_status(document, status)
        except KubeError:
            return  # the failure itself is told; this one is most likely the same

    def _documents(self, key: ReconcileKey) -> Iterator[Object]:
        store = self.world.store
        if isinstance(key, ConnectionKey):
            found = [store.get(CONNECTION_KIND, (key.namespace, key.connection))]
        else:
            found = [store.get(SYNC_PIPELINE_KIND, one) for one in store.units.keys_of(key)]
        for document in found:
            if document is not None and not is_hands_off(document):
                yield document


def _status(document: Object, error: Exception, now: datetime) -> Mapping[str, Any]:
    """Return the status as it is, but for what it says of now."""
    status = dict(document.get("status") or {})
    why = str(error) if isinstance(error, KubeError) else f"{type(error).__name__}, see its log"
    message = f"the operator has failed to look after this for a minute and tries again: {why}"
    progressing = ConditionReason.PROGRESSING
    shown = conditions_of(
        [
            Finding(ConditionType.READY, OPEN, progressing, message),
            Finding(ConditionType.RECONCILING, YES, progressing, message),
        ],
        status.get("conditions") or (),
        generation=document["metadata"].get("generation", 1),
        now=now,
    )
    kept = [one for one in status.get("conditions") or () if one.get("type") not in _REPLACED]
    return {**status, "conditions": sorted([*kept, *shown], key=lambda one: str(one["type"]))}
