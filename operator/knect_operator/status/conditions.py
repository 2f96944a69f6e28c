"""Conditions: findings merged into the list that is in the status, quietly.

Why: each write of a status wakes all who watch it, so a condition that says the same keeps its
time, and a status that says the same is not written.
Must not: hold a negative condition that is not true; those exist only while they are.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from knect.api.metadata import ConditionStatus
from knect.api.reasons import ConditionReason, ConditionType

__all__ = [
    "LONGEST_TEXT",
    "NEGATIVE",
    "NO",
    "OPEN",
    "YES",
    "Finding",
    "conditions_of",
    "cut",
    "instant_text",
    "ready_of",
    "sentence",
]

YES, NO, OPEN = ConditionStatus.TRUE, ConditionStatus.FALSE, ConditionStatus.UNKNOWN

NEGATIVE = frozenset(
    {
        ConditionType.RECONCILING,
        ConditionType.STALLED,
        ConditionType.TRANSACTIONS_STUCK,
        ConditionType.JOB_FAILED,
        ConditionType.RECONCILE_DISABLED,
    }
)
_LONGEST = 1024
#: What a plain text of a status may have; the API server refuses the whole status beyond it.
LONGEST_TEXT = 256


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition, before it has a time.

    `final`: only a change of the spec or of a Secret can help.
    """

    type: ConditionType
    holds: ConditionStatus
    reason: ConditionReason
    message: str = ""
    final: bool = False

    @property
    def good(self) -> bool:
        """Return whether this is how it should be."""
        return self.holds is (NO if self.type in NEGATIVE else YES)


def ready_of(findings: Sequence[Finding]) -> list[Finding]:
    """Return Ready, and Reconciling or Stalled where they are true (kstatus).

    `findings` are in the order of cause: the first that does not hold explains all after it.
    What is only not known yet explains less than what is known.
    """
    wrong = [one for one in findings if not one.good and one.type not in NEGATIVE]
    bad = next((one for one in wrong if one.holds is NO), wrong[0] if wrong else None)
    if bad is None:
        said = next((one.message for one in reversed(findings) if one.message), "")
        return [Finding(ConditionType.READY, YES, ConditionReason.SUCCEEDED, said)]
    ready = Finding(ConditionType.READY, bad.holds, bad.reason, bad.message)
    if bad.final:
        return [ready, Finding(ConditionType.STALLED, YES, bad.reason, bad.message)]
    if bad.holds is OPEN or bad.reason is ConditionReason.PROGRESSING:
        return [ready, Finding(ConditionType.RECONCILING, YES, bad.reason, bad.message)]
    return [ready]


def conditions_of(
    findings: Iterable[Finding],
    before: Sequence[Mapping[str, Any]],
    *,
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the conditions of a status, sorted by type.

    The transition time of one whose `status` is what it was stays what it was.
    """
    old = {one.get("type"): one for one in before}
    new: list[dict[str, Any]] = []
    for one in findings:
        if one.type in NEGATIVE and one.holds is not YES:
            continue
        status = one.holds.value
        was = old.get(one.type.value, {})
        same = was.get("status") == status and was.get("lastTransitionTime")
        new.append(
            {
                "type": one.type.value,
                "status": status,
                "reason": one.reason.value,
                "message": sentence(one.message),
                "observedGeneration": generation,
                "lastTransitionTime": was["lastTransitionTime"] if same else instant_text(now),
            }
        )
    return sorted(new, key=lambda one: str(one["type"]))


def sentence(text: str) -> str:
    """Return a message in the length a condition may have."""
    return cut(text, _LONGEST)


def cut(text: str, most: int = LONGEST_TEXT) -> str:
    """Return a text in the length it may have."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def instant_text(instant: datetime) -> str:
    """Return an instant as Kubernetes writes it, in whole seconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
