"""What became of the Jobs that annotations ask for: done, failed, or not to be read.

Why remembered: a Job that was done is deleted by whoever tidies up, or with a pipeline that is held
for an hour; its annotation still stands, and must not do it all over again.
Must not: start one; what is wanted is applied with the worker's other objects.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from knect.api.reasons import ConditionType
from knect_operator.controllers.keys import UnitKey
from knect_operator.kube import KubeError, Object
from knect_operator.render import Wish
from knect_operator.render.jobs import wished_jobs
from knect_operator.status import Finding, failed_job, unmade_wish, unreadable_wish
from knect_operator.status.workload import not_applied
from knect_operator.store import Store, key_of

__all__ = ["failed_wishes", "fulfilled_wishes", "unfulfilled"]


def unfulfilled(
    store: Store, documents: Sequence[Object], wishes: Sequence[Wish]
) -> Sequence[Wish]:
    """Return the wishes but those that were done and whose Job is gone."""
    done = {name for document in documents for name in _done_before(document)}
    return [
        one
        for one in wishes
        if one.job is None
        or one.job["metadata"]["name"] not in done
        or store.has("Job", key_of(one.job))
    ]


def fulfilled_wishes(store: Store, document: Object) -> list[Object]:
    """Return what of a pipeline's wishes was done, whether its Job is still there or not."""
    metadata = document["metadata"]
    before, found = _done_before(document), list[Object]()
    for name in wished_jobs(metadata["name"], metadata.get("annotations") or {}):
        status = (store.get("Job", (key_of(document)[0], name)) or {}).get("status") or {}
        if _is_complete(status):
            ended = {"endedAt": status["completionTime"]} if "completionTime" in status else {}
            found.append({"job": name, **ended})
        elif name in before:
            found.append(before[name])
    return found


def failed_wishes(
    store: Store,
    key: UnitKey,
    pipeline: str,
    wishes: Sequence[Wish],
    not_made: Mapping[str, KubeError],
) -> Iterator[Finding]:
    """Yield what became of the wishes on a pipeline, where it is not good."""
    for wish in wishes:
        if wish.pipeline != pipeline:
            continue
        if wish.job is None:
            yield unreadable_wish(wish.annotation, wish.trouble)
            continue
        refused = not_made.get(wish.job["metadata"]["name"])
        if refused is not None:
            yield unmade_wish(wish.annotation, not_applied(ConditionType.JOB_FAILED, refused))
        job = store.get("Job", key_of(wish.job))
        failed = job and failed_job(wish.annotation, job, store.members_of(*key, "Pod"))
        if failed:
            yield failed


def _done_before(document: Object) -> dict[str, Object]:
    told = (document.get("status") or {}).get("fulfilled") or ()
    return {str(one.get("job")): dict(one) for one in told}


def _is_complete(status: dict[str, Any]) -> bool:
    return any(
        one.get("type") == "Complete" and one.get("status") == "True"
        for one in status.get("conditions") or ()
    )
