"""What became of a Job that somebody asked for: nothing to say, or why it was not done.

Why: a backfill that failed brings nothing in, and nobody looks at Jobs while the pipeline is green.
Must not: make a pipeline not ready; what is new flows all the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from knect.api.reasons import ConditionReason, ConditionType
from knect_operator.status.conditions import YES, Finding

__all__ = ["failed_job", "failure_of", "unmade_wish", "unreadable_wish"]

_Object = Mapping[str, Any]
_LONGEST_WORDS = 400


def failure_of(job: _Object) -> str:
    """Return why a Job failed, in Kubernetes' words; nothing if it did not."""
    for one in (job.get("status") or {}).get("conditions") or ():
        if one.get("type") == "Failed" and one.get("status") == "True":
            return ": ".join(filter(None, (one.get("reason"), one.get("message")))) or "it failed"
    return ""


def failed_job(annotation: str, job: _Object, pods: Sequence[_Object]) -> Finding | None:
    """Return that a wish was not fulfilled, with the words its last pod left behind."""
    failure = failure_of(job)
    if not failure:
        return None
    name = job["metadata"]["name"]
    words = _words(name, pods) or failure
    message = (
        f"Job {name} of {annotation} failed: {words}; see kubectl logs job/{name}, then ask again "
        "by another #WORD behind the annotation's value, or remove it"
    )
    return Finding(ConditionType.JOB_FAILED, YES, ConditionReason.JOB_FAILED, message)


def unmade_wish(annotation: str, why: Finding) -> Finding:
    """Return that the API server did not take the Job of a wish; it is tried again."""
    message = f"nothing was started yet for {annotation}: {why.message}; it is tried again"
    return Finding(ConditionType.JOB_FAILED, YES, why.reason, message)


def unreadable_wish(annotation: str, trouble: str) -> Finding:
    """Return that nothing was started for a wish."""
    message = f"nothing was started for {annotation}: {trouble}"
    return Finding(ConditionType.JOB_FAILED, YES, ConditionReason.INVALID_SPEC, message)


def _words(job: str, pods: Sequence[_Object]) -> str:
    """Return what the last of a Job's pods said when it ended."""
    own = [
        pod
        for pod in pods
        if (pod["metadata"].get("labels") or {}).get("batch.kubernetes.io/job-name") == job
    ]
    for pod in sorted(own, key=_born, reverse=True):
        for state in (pod.get("status") or {}).get("containerStatuses") or ():
            ended = (state.get("state") or {}).get("terminated") or {}
            said = " ".join(str(ended.get("message") or "").split())
            if said:
                return said[-_LONGEST_WORDS:]
    return ""


def _born(pod: _Object) -> str:
    return str(pod["metadata"].get("creationTimestamp", ""))
