"""Whether a Deployment's pods can work, and if not, what keeps them: the words of the kubelet.

Must not: say "not ready" where it is known why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from knect.api.names import ANNOTATION_ROLLOUT
from knect.api.reasons import ConditionReason, ConditionType
from knect_operator.kube import Contested, Forbidden, KubeError, Refused, Taken
from knect_operator.status.conditions import NO, OPEN, YES, Finding
from knect_operator.status.leaving import ends, overdue

__all__ = ["WorkloadFacts", "not_applied", "workload_finding"]

_Object = Mapping[str, Any]
_PULL = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_RESTARTS_OF_A_CRASH = 2
_ROLLED_OUT = "NewReplicaSetAvailable"
#: A pod that was evicted or has ended stays listed for long; another took its place.
_OVER = frozenset({"Failed", "Succeeded"})


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """A Deployment, its pods, and what the API server said when it was applied last.

    `leases` says what becomes of the work of a pod that cannot be reached; `now` is the time.
    """

    name: str
    deployment: _Object | None
    pods: Sequence[_Object] = ()
    error: KubeError | None = None
    leases: str = ""
    now: datetime | None = None


def workload_finding(type_: ConditionType, facts: WorkloadFacts) -> Finding:
    """Return whether the pods are available."""
    if facts.error is not None:
        return not_applied(type_, facts.error)
    deployment = facts.deployment
    if deployment is None:
        message = f"Deployment {facts.name} is being made"
        return Finding(type_, OPEN, ConditionReason.PROGRESSING, message)
    for found in _causes(type_, facts):
        return found
    status, spec = deployment.get("status") or {}, deployment.get("spec") or {}
    wanted = int(spec.get("replicas", 1))
    current = status.get("observedGeneration") == deployment["metadata"].get("generation")
    updated = int(status.get("updatedReplicas") or 0) >= wanted
    paused = _paused(deployment)
    available = current and int(status.get("availableReplicas") or 0) >= wanted > 0
    if available and updated:
        notes = (*_left(facts, "another pod works in its place"), paused)
        return Finding(type_, YES, ConditionReason.SUCCEEDED, "; ".join(filter(None, notes)))
    if current and paused and not updated:
        return Finding(type_, NO, ConditionReason.PAUSED, paused)
    if not any(not ends(pod) and _phase(pod) not in _OVER for pod in facts.pods):
        for message in _left(facts, "Kubernetes starts no other pod before it is gone"):
            return Finding(type_, NO, ConditionReason.POD_NOT_GONE, message)
    if not current or available or _progressing(status):
        return Finding(type_, OPEN, ConditionReason.PROGRESSING, _rolling(facts, deployment))
    message = (
        f"Deployment {facts.name} has no available pod{_last_pod(facts)}; see kubectl describe "
        f"deployment {facts.name}"
    )
    return Finding(type_, NO, ConditionReason.WORKER_NOT_READY, message)


def not_applied(type_: ConditionType, error: KubeError) -> Finding:
    """Return what it means that the API server did not take an object of ours."""
    text = str(error)
    if isinstance(error, Contested):
        return Finding(type_, NO, ConditionReason.CONTESTED, text)
    if isinstance(error, Forbidden):
        if "exceeded quota" in text:
            message = f"a quota of the namespace stands in the way: {text}"
            return Finding(type_, NO, ConditionReason.QUOTA_EXCEEDED, message)
        message = f"the API server does not allow it: {text}"
        return Finding(type_, NO, ConditionReason.NOT_ALLOWED, message)
    if isinstance(error, Refused):
        message = f"the API server refuses it as declared: {text}"
        return Finding(type_, NO, ConditionReason.NOT_ALLOWED, message, final=True)
    if isinstance(error, Taken):
        return Finding(type_, NO, ConditionReason.NOT_ALLOWED, text)
    message = f"somebody else changed it meanwhile, it is tried again: {text}"
    return Finding(type_, OPEN, ConditionReason.PROGRESSING, message)


def _left(facts: WorkloadFacts, effect: str) -> Iterator[str]:
    """Yield what is to be known of the pod that should have been gone the longest ago."""
    for one in overdue(facts.pods, facts.now)[:1]:
        yield one.sentence("; ".join(filter(None, (effect, facts.leases))))


def _paused(deployment: _Object) -> str:
    """Return that a Deployment is paused, and by whom; nothing if it is not."""
    if not (deployment.get("spec") or {}).get("paused"):
        return ""
    name = deployment["metadata"]["name"]
    who = "".join(
        f" by {one['manager']} at {one.get('time', 'a time unknown')}"
        for one in deployment["metadata"].get("managedFields") or ()
        if one.get("manager")
    )
    return (
        f"Deployment {name} is paused: spec.paused was set{who}; its pods work on as they are and "
        f"no edit reaches them until kubectl rollout resume deployment/{name}"
    )


def _rolling(facts: WorkloadFacts, deployment: _Object) -> str:
    cause = (deployment["metadata"].get("annotations") or {}).get(ANNOTATION_ROLLOUT)
    return f"Deployment {facts.name} is being rolled out{f': {cause}' if cause else ''}"


def _last_pod(facts: WorkloadFacts) -> str:
    """Return what the youngest pod says of itself, where it says anything."""
    pods = [pod for pod in facts.pods if not ends(pod)]
    for pod in sorted(pods, key=lambda one: str(one["metadata"].get("creationTimestamp")))[-1:]:
        status, name = pod.get("status") or {}, pod["metadata"]["name"]
        if _phase(pod) in _OVER and status.get("reason"):
            return f"; pod {name} ended: {status['reason']}: {status.get('message', '')}"
        for state in _containers(pod):
            waits = ((state.get("state") or {}).get("waiting") or {}).get("reason")
            if waits:
                return f"; pod {name} waits: {waits}, see kubectl describe pod {name}"
    return ""


def _progressing(status: _Object) -> bool:
    """Return whether a roll-out is under way and within its deadline.

    The condition stays true after a roll-out that ended well; what is lost later is no roll-out.
    """
    for one in status.get("conditions") or ():
        if one.get("type") == "Progressing":
            return bool(one.get("status") == "True" and one.get("reason") != _ROLLED_OUT)
    return True


def _causes(type_: ConditionType, facts: WorkloadFacts) -> Iterator[Finding]:
    """Yield why pods are not there or not running, the most upstream first."""
    status = (facts.deployment or {}).get("status") or {}
    for one in status.get("conditions") or ():
        if one.get("type") == "ReplicaFailure" and one.get("status") == "True":
            text = str(one.get("message", ""))
            quota = "exceeded quota" in text
            reason = ConditionReason.QUOTA_EXCEEDED if quota else ConditionReason.NOT_ALLOWED
            what = "a quota of the namespace" if quota else "the API server"
            yield Finding(type_, NO, reason, f"{what} stands in the way of pods: {text}")
    for pod in facts.pods:
        if ends(pod) or _phase(pod) in _OVER:
            continue
        yield from _of_schedule(type_, pod)
        for state in _containers(pod):
            yield from _of_container(type_, pod, state)


def _phase(pod: _Object) -> str:
    return str((pod.get("status") or {}).get("phase", ""))


def _of_schedule(type_: ConditionType, pod: _Object) -> Iterator[Finding]:
    for one in (pod.get("status") or {}).get("conditions") or ():
        if one.get("type") == "PodScheduled" and one.get("reason") == "Unschedulable":
            message = f"no node takes pod {pod['metadata']['name']}: {one.get('message', '')}"
            yield Finding(type_, NO, ConditionReason.NOT_SCHEDULED, message)


def _containers(pod: _Object) -> Iterable[_Object]:
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def _of_container(type_: ConditionType, pod: _Object, state: _Object) -> Iterator[Finding]:
    name = pod["metadata"]["name"]
    waiting = (state.get("state") or {}).get("waiting") or {}
    reason, said = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _PULL:
        message = f"image {state.get('image')} cannot be pulled: {said or reason}"
        yield Finding(type_, NO, ConditionReason.IMAGE_NOT_PULLED, message)
    elif reason in _CONFIG:
        message = f"pod {name} cannot be started: {said or reason}"
        yield Finding(type_, NO, ConditionReason.WORKER_CRASHING, message)
    ended = (state.get("lastState") or {}).get("terminated") or {}
    if not ended or state.get("ready"):
        return
    if ended.get("reason") == "OOMKilled":
        message = (
            f"pod {name} was ended for want of memory at {ended.get('finishedAt')}; "
            "raise spec.worker.resources.limits.memory"
        )
        yield Finding(type_, NO, ConditionReason.WORKER_OUT_OF_MEMORY, message)
    elif reason == "CrashLoopBackOff" or state.get("restartCount", 0) >= _RESTARTS_OF_A_CRASH:
        why = str(ended.get("message") or "").strip() or f"exit code {ended.get('exitCode')}"
        message = f"pod {name} ends again and again: {why}"
        yield Finding(type_, NO, ConditionReason.WORKER_CRASHING, message)
