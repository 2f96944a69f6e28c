"""An object that was deleted and is still there: somebody's finalizer holds it, and it shows.

Why: nobody looks after it any more, so whatever its status said last would be taken for true.
Must not: let go of a finalizer; those are other people's.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from knect.api.reasons import ConditionReason, ConditionType
from knect_operator.status.conditions import NO, Finding, conditions_of

__all__ = ["deleting_status", "is_deleting"]


def is_deleting(document: Mapping[str, Any]) -> bool:
    """Return whether an object was deleted and is only waited for."""
    return bool(document["metadata"].get("deletionTimestamp"))


def deleting_status(document: Mapping[str, Any], effect: str, now: datetime) -> dict[str, Any]:
    """Return the status as it is, but for its conditions; `effect` says what that means."""
    metadata = document["metadata"]
    holds = ", ".join(map(str, metadata.get("finalizers") or ())) or "Kubernetes"
    message = (
        f"it was deleted at {metadata['deletionTimestamp']} and is gone once {holds} has let go of "
        f"it; {effect}"
    )
    being_deleted = Finding(ConditionType.READY, NO, ConditionReason.BEING_DELETED, message)
    status = dict(document.get("status") or {})
    generation = metadata.get("generation", 1)
    conditions = conditions_of(
        [being_deleted], status.get("conditions") or (), generation=generation, now=now
    )
    return {**status, "observedGeneration": generation, "conditions": conditions}
