"""Full listings: the store is made what the API server says, whatever the watches missed.

Why: a watch that was cut says nothing of what was deleted meanwhile, and a framework's watch that
dies in silence says nothing at all. A listing every ten minutes bounds both.
Must not: be the way changes are noticed.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator

from knect.api.names import CONNECTION_KIND, LABEL_WATCH, SYNC_PIPELINE_KIND
from knect_operator.controllers.keys import ReconcileKey
from knect_operator.controllers.wakes import all_keys, wakes
from knect_operator.controllers.world import World
from knect_operator.kube import KINDS, Forbidden, KubeError
from knect_operator.store import key_of

__all__ = ["SELECTORS", "Resync"]

_log = logging.getLogger("knect.operator.resync")

_OURS = "app.kubernetes.io/managed-by=knect-operator"
_CHOSEN = f"{LABEL_WATCH}=true"
#: What is watched and listed, and by which label.
SELECTORS: dict[str, str] = {
    CONNECTION_KIND: "",
    SYNC_PIPELINE_KIND: "",
    "ConfigMap": _CHOSEN,
    "Secret": _CHOSEN,
    "Deployment": _OURS,
    "Ingress": _OURS,
    "Job": _OURS,
    "NetworkPolicy": _OURS,
    "Pod": _OURS,
    "PodDisruptionBudget": _OURS,
    "Service": _OURS,
    "ServiceAccount": _OURS,
}


class Resync:
    """Lists everything at start and every `resync`; wakes what turned out different."""

    def __init__(self, world: World, wake: Callable[[ReconcileKey, float], None]) -> None:
        self._world = world
        self._wake = wake
        self._listed = world.monotonic()
        #: Those of the namespaces to serve that can be listed; None: the whole cluster.
        self.served: tuple[str, ...] | None = None
        #: Set once those are others than at the first listing.
        self.others = asyncio.Event()

    @property
    def age(self) -> float:
        """Return the seconds since the last full listing."""
        return self._world.monotonic() - self._listed

    async def list_all(self) -> None:
        """Make the store what the API server says. Raises KubeError."""
        served = await self._served()
        if self.served is not None and served != self.served:
            more = set(served or ()) - set(self.served)
            word = "a namespace can be listed again" if more else "a namespace is gone"
            _log.warning("%s; beginning anew", word, extra={"served": served})
            self.others.set()
        self.served = served
        for kind in SELECTORS:
            await self._list(kind)
        self._listed = self._world.monotonic()

    async def run(self) -> None:
        """List again and again; look at every key once per round, spread over half of it."""
        every = self._world.settings.resync.seconds
        while True:
            await asyncio.sleep(every * random.uniform(0.9, 1.1))  # noqa: S311 - spreads load
            try:
                await self.list_all()
            except KubeError as error:
                _log.warning("the listing failed", extra={"cause": str(error)})
                continue
            self._world.sweep()
            for due in all_keys(self._world.store):
                self._wake(due, random.uniform(0, every / 2))  # noqa: S311 - spreads load

    def start_keys(self) -> Iterator[tuple[ReconcileKey, float]]:
        """Yield every key with a delay: a restart must not be a storm."""
        keys = sorted(set(all_keys(self._world.store)))
        spread = min(10.0, len(keys) / 100)
        for key in keys:
            yield key, random.uniform(0, spread)  # noqa: S311 - spreads load

    async def _served(self) -> tuple[str, ...] | None:
        """Return the namespaces that can be listed.

        A namespace that was deleted took its role with it; that must not end work for the others.
        Raises the last refusal if none is left.
        """
        served, refused = list[str](), dict[str, KubeError]()
        for namespace in self._world.settings.namespaces:
            try:
                async for _ in self._world.kube.list(KINDS[CONNECTION_KIND], namespace):
                    break
            except Forbidden as error:
                refused[namespace] = error
            else:
                served.append(namespace)
        for namespace, refusal in refused.items():
            if not served:
                raise refusal
            extra = {"namespace": namespace, "cause": str(refusal)}
            _log.warning("a namespace cannot be listed and is left out", extra=extra)
        return tuple(served) or None

    async def _list(self, kind: str) -> None:
        store = self._world.store
        known = {
            key_of(one): one["metadata"].get("uid")
            for one in store.all(kind)
            if _selected(kind, one["metadata"].get("labels") or {})
        }
        for namespace in self.served or (None,):
            async for document in self._world.kube.list(
                KINDS[kind], namespace, selector=SELECTORS[kind]
            ):
                known.pop(key_of(document), None)
                before = store.put(document)
                for woken in wakes(store, before, store.get(kind, key_of(document))):
                    self._wake(woken, 0.0)
        for gone, uid in known.items():
            before = store.remove(kind, gone, uid=uid)
            if before is not None:
                for woken in wakes(store, before, None):
                    self._wake(woken, 0.0)


def _selected(kind: str, labels: dict[str, str]) -> bool:
    """Return whether a listing would have shown an object; others were looked up one by one."""
    name, _, value = SELECTORS[kind].partition("=")
    return not name or labels.get(name) == value
