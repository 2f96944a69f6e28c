"""Hands off: the annotation by which a person keeps the operator away, and how it shows.

Why Ready turns: it means that work flows, and while nobody looks nobody knows.
Must not: touch a child, or forget that it was asked to stay away.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.api.names import ANNOTATION_RECONCILE
from knect.api.reasons import ConditionReason, ConditionType
from knect_operator.status.conditions import OPEN, YES, Finding, conditions_of

__all__ = ["hands_off_status", "is_hands_off"]

_EFFECT = "what runs goes on, nothing is changed and nothing here is brought up to date"


def is_hands_off(document: Mapping[str, Any]) -> bool:
    """Return whether the operator is to stay away from an object."""
    annotations = document["metadata"].get("annotations") or {}
    return bool(annotations.get(ANNOTATION_RECONCILE) == "disabled")


def hands_off_status(
    document: Mapping[str, Any], now: datetime, *, others: Sequence[str] = (), flows: bool = False
) -> dict[str, Any]:
    """Return the status as it is, with what says why it stands still.

    `others` are the pipelines that keep the operator away where the object itself does not.
    `flows`: its Ready speaks of a flow that is not watched meanwhile.
    """
    status = dict(document.get("status") or {})
    conditions = list(status.get("conditions") or ())
    whose = "" if is_hands_off(document) else f" of {', '.join(others)}, which shares its worker,"
    message = f"annotation {ANNOTATION_RECONCILE}{whose} is disabled: {_EFFECT}"
    hands_off = ConditionReason.HANDS_OFF
    findings = [Finding(ConditionType.RECONCILE_DISABLED, YES, hands_off, message)]
    if flows:
        findings.append(Finding(ConditionType.READY, OPEN, hands_off, message))
    shown = conditions_of(
        findings,
        conditions,
        generation=document["metadata"].get("generation", 1),
        now=now,
    )
    said = {one.type.value for one in findings}
    kept = [one for one in conditions if one.get("type") not in said]
    return {**status, "conditions": sorted([*kept, *shown], key=lambda one: str(one["type"]))}
