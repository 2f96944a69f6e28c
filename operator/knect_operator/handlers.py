"""kopf's part: watches, and nothing else. Every event becomes a wake.

Why only events: kopf's other handlers write annotations and finalizers onto users' objects, so that
nothing could be deleted while the operator is down.
Why in a thread and an event loop of its own: where kopf ends, it cancels whatever began after it in
its loop and waits for that; an error in one watch would take every reconcile along, and the process
hang until it is killed.
Must not: reconcile here, or keep a body longer than it takes to store what is needed of it.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import kopf

from knect.api.names import FINALIZER
from knect_operator.kube import KINDS, KubeError
from knect_operator.resync import SELECTORS

__all__ = ["watch"]

#: (event type: ADDED, MODIFIED, DELETED or None, object)
Observed = Callable[[str | None, Mapping[str, Any]], None]

_EXIT_SECONDS = 10
_GATHER_SECONDS = 0.02


async def watch(observed: Observed, namespaces: Sequence[str]) -> None:
    """Watch until cancelled; `observed` is called in this loop. No namespaces: the whole cluster.

    Raises KubeError when a watch gives up: an API server ended one with an error of its own (its
    database has no leader), or takes no credentials.
    """
    here = asyncio.get_running_loop()
    ended: asyncio.Future[str] = here.create_future()
    stop = asyncio.Event()
    runner = asyncio.Runner()
    there = runner.get_loop()
    handover = _Handover(here, observed)

    async def watching() -> None:
        try:
            why = await _until_one_ends(_registry(handover.put), namespaces, stop)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            why = str(error)
        with suppress(RuntimeError):  # nobody waits for it any more
            here.call_soon_threadsafe(ended.set_result, why)

    def run() -> None:
        with runner:
            runner.run(watching())

    threading.Thread(target=run, name="watches", daemon=True).start()
    try:
        why = await asyncio.shield(ended)
    finally:
        with suppress(RuntimeError):
            there.call_soon_threadsafe(stop.set)
        await asyncio.wait([ended], timeout=_EXIT_SECONDS)
    raise KubeError(f"a watch gave up: {why}")


class _Handover:
    """Events on their way from kopf's thread to the operator's loop, in their order.

    Many at a time: a wake of a loop in another thread costs more than what is done with an event.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, observed: Observed) -> None:
        self._loop = loop
        self._observed = observed
        self._on_their_way: deque[tuple[str | None, Mapping[str, Any]]] = deque()
        self._is_called = False

    def put(self, kind: str | None, document: Mapping[str, Any]) -> None:
        """Called in kopf's thread."""
        self._on_their_way.append((kind, document))
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon_threadsafe(self._loop.call_later, _GATHER_SECONDS, self._take)

    def _take(self) -> None:
        self._is_called = False
        while self._on_their_way:
            self._loop.call_soon(self._observed, *self._on_their_way.popleft())


async def _until_one_ends(
    registry: kopf.OperatorRegistry, namespaces: Sequence[str], stop: asyncio.Event
) -> str:
    """Run kopf's tasks until one of them ends, which all do when told to `stop`; return why."""
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=stop,
    )
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    errors = [error for task in done if not task.cancelled() and (error := task.exception())]
    # a watch that is beginning takes a cancellation for the end of one request, and goes on
    for _ in range(_EXIT_SECONDS * 10):
        left = asyncio.all_tasks() - before
        if not left:
            break
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.1)
    return str(errors[0]) if errors else "it ended by itself"


def _registry(observed: Observed) -> kopf.OperatorRegistry:
    registry = kopf.OperatorRegistry()

    async def configure(settings: kopf.OperatorSettings, **_: object) -> None:
        settings.peering.standalone = True
        settings.persistence.finalizer = FINALIZER
        settings.networking.connect_timeout = 10
        settings.networking.request_timeout = 30
        settings.posting.enabled = False
        settings.watching.chunk_size = 100
        settings.scanning.disabled = True
        for kind, selector in SELECTORS.items():
            if selector:
                known = KINDS[kind]
                settings.watching.label_selectors[known.api_version, known.plural] = selector

    kopf.on.startup(registry=registry)(configure)
    kopf.on.login(registry=registry)(_login)
    for kind in SELECTORS:
        known = KINDS[kind]
        kopf.on.event(known.api_version, known.plural, registry=registry)(_passing(kind, observed))
    return registry


async def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Take the pod's own token, else the kubeconfig; never whichever client happens to be there."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def _passing(kind: str, observed: Observed) -> Callable[..., Any]:
    known = KINDS[kind]

    async def passing(event: Mapping[str, Any], **_: object) -> None:
        # items of an initial list do not name their kind
        document = {"apiVersion": known.api_version, "kind": known.name, **event["object"]}
        observed(event["type"], document)

    passing.__name__ = f"observe_{known.plural}"
    return passing
