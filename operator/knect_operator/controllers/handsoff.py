"""Hands off: the annotation by which a person keeps the operator away, and how it shows.

Must not: touch a child, or forget that it was asked to stay away.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from knect.api.names import ANNOTATION_RECONCILE
from knect.api.reasons import ConditionReason, ConditionType
from knect_operator.status.conditions import YES, Finding, conditions_of

__all__ = ["hands_off_status", "is_hands_off"]

_MESSAGE = (
    f"annotation {ANNOTATION_RECONCILE} is disabled: what runs goes on, nothing is changed and "
    "nothing here is brought up to date"
)


def is_hands_off(document: Mapping[str, Any]) -> bool:
    """Return whether the operator is to stay away from an object."""
    annotations = document["metadata"].get("annotations") or {}
    return bool(annotations.get(ANNOTATION_RECONCILE) == "disabled")


def hands_off_status(document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the status as it is, with the one condition that says why it stands still."""
    status = dict(document.get("status") or {})
    conditions = list(status.get("conditions") or ())
    shown = conditions_of(
        [Finding(ConditionType.RECONCILE_DISABLED, YES, ConditionReason.HANDS_OFF, _MESSAGE)],
        conditions,
        generation=document["metadata"].get("generation", 1),
        now=now,
    )
    kept = [one for one in conditions if one.get("type") != ConditionType.RECONCILE_DISABLED]
    return {**status, "conditions": sorted([*kept, *shown], key=lambda one: str(one["type"]))}
