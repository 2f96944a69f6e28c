"""A collector on loopback that behaves as told: takes, refuses, is slow, hangs up."""

import asyncio
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

__all__ = ["FakeCollector", "a_collector"]


class FakeCollector:
    """What came in, and what to answer: `answers` is used up first, then 200."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Callable[[], web.StreamResponse]] = []
        self.gate = asyncio.Event()  # cleared: requests hang until it is set
        self.gate.set()

    @property
    def span_names(self) -> list[str]:
        """Names of all spans accepted so far."""
        return [span["name"] for request in self.requests for span in _spans(request)]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take one export request."""
        body = await request.read()
        await self.gate.wait()
        self.headers.append({k.lower(): v for k, v in request.headers.items()})
        if self.answers:
            return self.answers.pop(0)()
        self.requests.append(json.loads(body))
        return web.json_response({"partialSuccess": {}})


def _spans(request: dict[str, Any]) -> list[dict[str, Any]]:
    return request["resourceSpans"][0]["scopeSpans"][0]["spans"]


@asynccontextmanager
async def a_collector():
    """Run a collector for the time of a test."""
    collector = FakeCollector()
    app = web.Application(client_max_size=2**30)
    app.router.add_post("/v1/traces", collector.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    collector.url = f"http://{host}:{port}/v1/traces"
    try:
        yield collector
    finally:
        collector.gate.set()
        await runner.cleanup()
