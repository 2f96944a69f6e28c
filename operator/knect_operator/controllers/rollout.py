"""Which edit a worker is restarted for: kept on its Deployment, told while the roll-out lasts.

Why: the pipelines of a group share a pod, and who watches one of them sees it restart for an edit
of another. Must not: decide whether there is a roll-out; the pod template does.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from knect.api.names import ANNOTATION_ROLLOUT
from knect_operator.kube import Object
from knect_operator.render.owned import difference
from knect_operator.status.conditions import cut, instant_text
from knect_operator.store import Key, Store

__all__ = ["say_why"]

_LONGEST = 600
_MOST = 3


def say_why(store: Store, key: Key, wanted: Sequence[Object], now: datetime) -> None:
    """Note on the Deployment among `wanted` which change its next roll-out brings.

    Without a change to come, what stands there of the last one stays.
    """
    texts = [one["data"]["worker.json"] for one in wanted if one["kind"] == "ConfigMap"]
    for deployment in wanted:
        live = store.get("Deployment", key) if deployment["kind"] == "Deployment" else None
        if live is None or not texts:
            continue
        template = live["spec"]["template"]
        path = difference(template, deployment["spec"]["template"], "spec.template")
        if path is None:
            said = (live["metadata"].get("annotations") or {}).get(ANNOTATION_ROLLOUT)
        else:
            before = ((store.get("ConfigMap", key) or {}).get("data") or {}).get("worker.json")
            causes = list(_changes(_read(before), _read(texts[0]))) or [f"{path} is another"]
            more = f" and {len(causes) - _MOST} more" if len(causes) > _MOST else ""
            text = f"since {instant_text(now)} for {', '.join(causes[:_MOST])}{more}"
            said = cut(text, _LONGEST)
        if said:
            deployment["metadata"]["annotations"][ANNOTATION_ROLLOUT] = said


def _read(text: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what differs between two worker documents."""
    if not before:
        return
    for word, part in (("pipeline", "pipelines"), ("Connection", "connections")):
        old = {one.get("name"): one for one in before.get(part, ())}
        new = {one.get("name"): one for one in after.get(part, ())}
        for name, one in new.items():
            if name not in old:
                yield f"{word} {name}, which joined"
            elif one.get("generation") != old[name].get("generation"):
                yield f"generation {one.get('generation')} of {word} {name}"
            elif one.get("uid") != old[name].get("uid"):
                yield f"{word} {name}, which was made anew"
            elif one.get("valueMaps") != old[name].get("valueMaps"):
                yield f"a table of {word} {name}"
        yield from (f"{word} {name}, which left" for name in old if name not in new)
    if before.get("config") != after.get("config"):
        yield "the operator's settings"
