"""A real operator process beside an API server that ends watches with errors of its own: kopf's own
watch, and a server on loopback that answers as one does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from tests.support.kube.objects import a_shop
from tests.support.kube.process import OperatorProcess

from knect_operator.kube import KINDS
from knect_operator.resync import SELECTORS

_NO_LEADER = {"kind": "Status", "code": 500, "message": "etcdserver: no leader"}
_KINDS = [KINDS[name] for name in SELECTORS]


class ApiServer:
    """Has every kind, and nothing of any. `is_broken` says of the how manieth watch that it ends in
    an error. Who lists the kinds a second time, as kopf does when it begins anew, is told of one
    Connection.
    """

    def __init__(self, is_broken: Callable[[int], bool]) -> None:
        self._is_broken = is_broken
        self.watches = self.starts = 0
        self.asked_of_it = asyncio.Event()
        self.closing = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch") == "true":
            return await self._watch(request)
        if request.method == "PATCH" and request.path.endswith("/connections/shop/status"):
            self.asked_of_it.set()
            return web.json_response(await request.json())
        group = request.path.removeprefix("/apis/").removeprefix("/api/")
        mine = [_resource(one.plural, one.name) for one in _KINDS if one.api_version == group]
        if mine:
            more = [_resource("namespaces", "Namespace")] if group == "v1" else []  # kopf waits
            return web.json_response({"resources": mine + more})
        if request.path == "/apis":
            self.starts += 1
            groups = sorted({one.api_version for one in _KINDS if "/" in one.api_version})
            return web.json_response({"groups": [_group(one) for one in groups]})
        if request.path == "/api":
            return web.json_response({"versions": ["v1"]})
        if group.rpartition("/")[2] in {one.plural for one in _KINDS}:
            return web.json_response({"metadata": {"resourceVersion": "1"}, "items": []})
        return web.json_response({"kind": "Status", "code": 404}, status=404)

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        self.watches += 1
        is_broken = self._is_broken(self.watches)
        stream = web.StreamResponse()
        await stream.prepare(request)
        if is_broken:
            await stream.write(_line("ERROR", _NO_LEADER))
            return stream
        if request.path.endswith("/connections") and self.starts == 2:
            await stream.write(_line("ADDED", _shop()))
        await self.closing.wait()
        return stream


def _line(kind: str, document: dict[str, Any]) -> bytes:
    return json.dumps({"type": kind, "object": document}).encode() + b"\n"


def _shop() -> dict[str, Any]:
    shop = a_shop()
    shop["metadata"] |= {
        "namespace": "default", "name": "shop", "uid": "u", "resourceVersion": "2", "generation": 1,
    }  # fmt: skip
    return shop


def _resource(plural: str, kind: str) -> dict[str, Any]:
    return {
        "name": plural, "kind": kind, "singularName": kind.lower(), "namespaced": True,
        "verbs": ["list", "watch", "patch"],
    }  # fmt: skip


def _group(api_version: str) -> dict[str, Any]:
    name, _, version = api_version.partition("/")
    return {
        "name": name, "versions": [{"version": version}], "preferredVersion": {"version": version},
    }  # fmt: skip


@asynccontextmanager
async def _operator(server: ApiServer, folder: Path) -> AsyncIterator[OperatorProcess]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        named = {"name": "here"}
        config = {
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [named | {"cluster": {"server": f"http://{host}:{port}"}}],
            "users": [named | {"user": {"token": "t"}}],
            "contexts": [named | {"context": {"cluster": "here", "user": "here"}}],
        }  # fmt: skip
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(json.dumps(config), encoding="utf-8")
        async with OperatorProcess(kubeconfig, folder, leaderElection=False) as operator:
            yield operator
    finally:
        server.closing.set()
        await runner.cleanup()


def _causes(operator: OperatorProcess, message: str) -> list[str]:
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    return [one["cause"] for one in lines if one["message"] == message]


async def test_watches_begin_anew_in_the_same_process(tmp_path: Path) -> None:
    server = ApiServer(lambda number: number == 1)
    async with _operator(server, tmp_path) as operator:
        async with asyncio.timeout(60):
            await server.asked_of_it.wait()
        (cause,) = _causes(operator, "the watches begin anew")
        assert "etcdserver: no leader" in cause
        assert operator.process.returncode is None
    assert operator.process.returncode == 0, "told to stop, it does"
    assert "OS signals" not in operator.log.read_text()


async def test_a_process_whose_watches_never_hold_says_why_and_ends(tmp_path: Path) -> None:
    """It is seen to be started again and again, then."""
    async with _operator(ApiServer(lambda _number: True), tmp_path) as operator:
        async with asyncio.timeout(120):
            assert await operator.process.wait() == 1
        (cause,) = _causes(operator, "the operator failed")
        assert "etcdserver: no leader" in cause
