"""Pods that were told to end and are not reported gone: most often, their node is lost.

Why: Kubernetes waits for such a pod for as long as it takes, a roll-out waits with it, and no page
of it says so. Must not: advise a force before it is said what makes it safe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from knect_operator.status.conditions import instant_text

__all__ = ["Leaving", "ends", "overdue"]

_Object = Mapping[str, Any]
#: What a kubelet may need beyond a pod's own grace, and what clocks may differ by.
_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Leaving:
    """A pod that should be gone. `since` is when it was told to end."""

    pod: str
    node: str
    since: datetime

    def sentence(self, effect: str) -> str:
        """Return what happened, what it means, and what to do."""
        where = f" on node {self.node}" if self.node else ""
        lost = f"if that node is gone for good, kubectl delete node {self.node}; " if where else ""
        return (
            f"pod {self.pod}{where} was told to end at {instant_text(self.since)} and nobody "
            f"reports that it did, as when a node is lost; {effect}; {lost}if you are sure that "
            f"nothing of the pod runs, kubectl delete pod {self.pod} --grace-period=0 --force"
        )


def ends(pod: _Object) -> bool:
    """Return whether a pod was told to end."""
    return bool(pod["metadata"].get("deletionTimestamp"))


def overdue(pods: Sequence[_Object], now: datetime | None) -> list[Leaving]:
    """Return the pods that should be gone by now, the longest-waiting first."""
    found: list[Leaving] = []
    for pod in pods:
        metadata = pod["metadata"]
        if now is None or not ends(pod):
            continue
        # the API server writes by when it is to be gone, not when it was told
        until = datetime.fromisoformat(str(metadata["deletionTimestamp"]))
        if now - until < _PATIENCE:
            continue
        grace = timedelta(seconds=int(metadata.get("deletionGracePeriodSeconds") or 0))
        node = str((pod.get("spec") or {}).get("nodeName") or "")
        found.append(Leaving(str(metadata["name"]), node, until - grace))
    return sorted(found, key=lambda one: (one.since, one.pod))
