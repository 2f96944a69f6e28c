"""What stands in for kubelet's insides: watches of the cluster, and a server that is every worker.

Why: KWOK's pods have addresses and nobody behind them. Each address of 127.64.0.0/16 leads here,
and the answer is that of a worker which runs the document its pod was started with.
Must not: answer from anything but the pod and the ConfigMap that the API server holds.
"""

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

import aiohttp
import aiohttp.web
from tests.support.cluster.control_plane import ControlPlane
from tests.support.kube.answers import an_answer

from knect.api.worker import WorkerDocument
from knect_operator.kube import KINDS

__all__ = ["Watches", "Workers"]

Object = dict[str, Any]
_PORT = 8080
_OURS = "app.kubernetes.io/managed-by=knect-operator"
#: A worker checks its Connections this often; `checked` moves with it.
_CHECK_SECONDS = 300.0


class Watches:
    """Keeps the objects of some kinds as they are, and tells of each change, with its moment."""

    def __init__(self, plane: ControlPlane) -> None:
        client = plane.authority.issue("knect-bench", groups=["system:masters"])
        self._ssl = ssl.create_default_context(cafile=str(plane.ca))
        self._ssl.load_cert_chain(client.certificate, client.key)
        self._server = plane.server
        self._tasks: list[asyncio.Task[None]] = []
        self.objects: dict[str, dict[str, Object]] = {}

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self._ssl)
        timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    def begin(
        self,
        kind: str,
        namespace: str,
        *,
        selector: str = "",
        changed: Callable[[str, Object], None] = lambda *_: None,
    ) -> None:
        """Watch a kind of a namespace until the end; `changed` gets the event's type too."""
        self.objects[kind] = {}
        url = self._server + KINDS[kind].path(namespace)
        query = {"watch": "1", **({"labelSelector": selector} if selector else {})}
        self._tasks.append(asyncio.create_task(self._watch(kind, url, query, changed)))

    async def _watch(
        self, kind: str, url: str, query: dict[str, str], changed: Callable[[str, Object], None]
    ) -> None:
        while True:
            try:
                async with self._session.get(url, params=query) as answer:
                    answer.raise_for_status()  # 404 until new CRDs are served
                    rest = b""
                    async for chunk in answer.content.iter_any():
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            self._take(kind, json.loads(line), changed)
            except Exception as error:  # noqa: BLE001 - begun anew, it tells all there is
                print(f"  the watch of {kind} begins anew: {type(error).__name__}")
                await asyncio.sleep(0.5)

    def _take(self, kind: str, event: Object, changed: Callable[[str, Object], None]) -> None:
        document = event["object"]
        if event["type"] not in {"ADDED", "MODIFIED", "DELETED"}:
            return
        name = document["metadata"]["name"]
        known = self.objects[kind]
        if event["type"] == "DELETED":
            known.pop(name, None)
        else:
            known[name] = document
        changed(event["type"], document)


class Workers:
    """Answers `/status` for each pod that runs in the watched namespace."""

    def __init__(self, watches: Watches, namespace: str) -> None:
        self._watches = watches
        self._by_address: dict[str, Object] = {}
        self._answers: dict[str, tuple[int, str]] = {}
        self.running: dict[str, asyncio.Event] = {}
        self.asked = 0
        watches.begin("ConfigMap", namespace, selector=_OURS)
        watches.begin("Pod", namespace, selector=_OURS, changed=self._pod_changed)

    async def __aenter__(self) -> Self:
        application = aiohttp.web.Application()
        application.router.add_get("/status", self._status)
        self._runner = aiohttp.web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await aiohttp.web.TCPSite(self._runner, "0.0.0.0", _PORT, backlog=1024).start()  # noqa: S104 - all of 127.64.0.0/16
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    def runs(self, unit: str) -> asyncio.Event:
        """Return what is set once a pod of this unit runs."""
        return self.running.setdefault(unit, asyncio.Event())

    def _pod_changed(self, kind: str, pod: Object) -> None:
        status = pod.get("status") or {}
        address = status.get("podIP")
        if not address:
            return
        if kind == "DELETED":
            self._by_address.pop(address, None)
            self._answers.pop(address, None)
            return
        self._by_address[address] = pod
        if status.get("phase") == "Running":
            self.runs(_unit(pod)).set()

    async def _status(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        self.asked += 1
        assert request.transport is not None
        address = request.transport.get_extra_info("sockname")[0]
        pod = self._by_address.get(address)
        settings = self._watches.objects["ConfigMap"].get(_unit(pod)) if pod else None
        if pod is None or settings is None:
            return aiohttp.web.Response(status=503)
        slot = int(time.time() // _CHECK_SECONDS)
        known = self._answers.get(address)
        if known is None or known[0] != slot:
            known = self._answers[address] = (slot, _report(pod, settings, slot))
        return aiohttp.web.Response(text=known[1])


def _unit(pod: Object) -> str:
    return str(pod["metadata"]["labels"]["app.kubernetes.io/instance"])


def _report(pod: Object, settings: Object, slot: int) -> str:
    text = settings["data"]["worker.json"]
    document = WorkerDocument.from_json(text)
    started = datetime.fromisoformat(pod["status"]["startTime"])
    checked = max(started, datetime.fromtimestamp(slot * _CHECK_SECONDS, UTC))
    return an_answer(
        document,
        text,
        started=started,
        connections={one.name: {"checked": checked} for one in document.connections},
        pipelines={},
    ).to_json()
