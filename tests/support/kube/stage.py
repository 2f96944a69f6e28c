"""Pods without a kubelet: what the controllers made is set running, with a worker that answers.

Why: on a real API server the operator must see real objects turn; only the pods' insides are ours.
Must not: stand in for a worker where its behaviour is the question; the end-to-end tests run those.
"""

import asyncio
import itertools
from datetime import UTC, datetime
from typing import Any, Self

import aiohttp.web
from tests.support.kube.answers import an_answer

from knect.api.worker import WorkerDocument
from knect_operator.kube import KINDS, KubeError
from knect_operator.kube.aio import AioClient

__all__ = ["Stage"]

_OURS = "app.kubernetes.io/managed-by=knect-operator"
_PORT = 8080


class Stage:
    """Plays kubelet and workers. `silence` names units that do not answer."""

    def __init__(self, kube: AioClient) -> None:
        self._kube = kube
        self._addresses = itertools.count(10)
        self._pods: dict[str, tuple[str, str]] = {}
        self.silent: set[str] = set()
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.connections: dict[str, dict[str, Any]] = {}
        self.wishes: list[tuple[str, str]] = []

    async def __aenter__(self) -> Self:
        application = aiohttp.web.Application()
        application.router.add_get("/status", self._status)
        application.router.add_post("/run-now", self._run_now)
        self._runner = aiohttp.web.AppRunner(application)
        await self._runner.setup()
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._runner.cleanup()

    async def _run(self) -> None:
        while True:
            try:
                async for pod in self._kube.list(KINDS["Pod"], selector=_OURS):
                    await self._start(pod)
            except Exception as error:  # noqa: BLE001 - the API server may be away on purpose
                print(f"stage: {error}")
            await asyncio.sleep(0.3)

    async def _start(self, pod: dict[str, Any]) -> None:
        metadata = pod["metadata"]
        instance = metadata["labels"]["app.kubernetes.io/instance"]
        if metadata["uid"] in self._pods or metadata.get("deletionTimestamp"):
            return
        number = next(self._addresses)
        address = f"127.1.{number // 250}.{number % 250 + 1}"
        # each pod listens on an address of its own, whatever else listens on this machine's 8080
        await aiohttp.web.TCPSite(self._runner, address, _PORT).start()
        self._pods[metadata["uid"]] = (metadata["namespace"], instance)
        self._pods[address] = (metadata["namespace"], instance)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = [
            {"type": type_, "status": "True", "lastTransitionTime": now}
            for type_ in ("Ready", "ContainersReady", "PodScheduled")
        ]
        status = {
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "startTime": now,
            "conditions": ready,
            "containerStatuses": [
                {
                    "name": "knect",
                    "ready": True,
                    "restartCount": 0,
                    "image": "knect",
                    "imageID": "knect",
                    "state": {"running": {"startedAt": now}},
                }
            ],
        }
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
            "status": status,
        }
        await self._kube.apply(body, part="status", manager="stage")

    async def _status(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        namespace, unit = self._pods[request.transport.get_extra_info("sockname")[0]]  # type: ignore[union-attr]
        if unit in self.silent:
            return aiohttp.web.Response(status=503)
        try:
            found = await self._kube.get(KINDS["ConfigMap"], namespace, unit)
        except KubeError:
            return aiohttp.web.Response(status=503)
        text = found["data"]["worker.json"]
        report = an_answer(
            WorkerDocument.from_json(text),
            text,
            started=datetime.now(UTC),
            connections=self.connections,
            pipelines=self.pipelines,
        )
        return aiohttp.web.Response(text=report.to_json())

    async def _run_now(self, request: aiohttp.web.Request) -> aiohttp.web.Response:
        wish = await request.json()
        self.wishes.append((wish["pipeline"], wish["token"]))
        self.pipelines.setdefault(wish["pipeline"], {})["requested_at"] = wish["token"]
        return aiohttp.web.Response(status=202)
