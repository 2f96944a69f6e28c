"""A real Jaeger: built from its Go module once, started per test session on loopback.

Why: only the real thing shows whether it accepts our OTLP/JSON, groups spans under a UUIDv7 and
answers a search by `knect.key`. The module in `.ci/tools/jaeger` pins it; the binary is kept in
the cache folder, by the hash of that module's files.
Must not: be downloaded as a binary, or listen anywhere but on 127.0.0.1.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.real.go import build_commands
from tests.support.real.ports import free_ports, wait_for_http
from tests.support.real.started import Started

__all__ = ["JaegerServer", "ensure_jaeger"]


def ensure_jaeger() -> Path:
    """Return the binary, from the cache or built now (about four minutes, once)."""
    package = "github.com/jaegertracing/jaeger/cmd/all-in-one"
    return build_commands("jaeger", [package]) / "all-in-one"


class JaegerServer(Started):
    """A running Jaeger with storage in memory; a context manager.

    `otlp` is the collector's base address (traces go to `/v1/traces`), `query` the query API's.
    """

    def __init__(self) -> None:
        names = ("otlp", "otlp_grpc", "query", "query_grpc", "admin", "grpc", "http")
        self._ports = dict(zip(names, free_ports(len(names)), strict=True))
        self.otlp = f"http://127.0.0.1:{self._ports['otlp']}"
        self.query = f"http://127.0.0.1:{self._ports['query']}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until both sides answer."""

        def at(name: str) -> str:
            return f"127.0.0.1:{self._ports[name]}"

        command = [
            str(ensure_jaeger()),
            "--collector.otlp.enabled=true",
            f"--collector.otlp.http.host-port={at('otlp')}",
            f"--collector.otlp.grpc.host-port={at('otlp_grpc')}",
            f"--collector.http-server.host-port={at('http')}",
            f"--collector.grpc-server.host-port={at('grpc')}",
            f"--query.http-server.host-port={at('query')}",
            f"--query.grpc-server.host-port={at('query_grpc')}",
            f"--admin.http.host-port={at('admin')}",
            "--log-level=error",
        ]
        environment = {"PATH": os.environ["PATH"], "SPAN_STORAGE_TYPE": "memory"}
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for_http(f"{self.query}/api/services", self._process, seconds=30)
        wait_for_http(f"{self.otlp}/v1/traces", self._process, seconds=30)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()  # nothing to save; its own shutdown waits ten seconds
            self._process.wait()

    def trace(
        self, trace_id: str, *, until: Callable[[dict[str, Any]], bool], seconds: float = 10
    ) -> dict[str, Any]:
        """Return the trace as the query API gives it, once `until` holds for it."""
        deadline = time.monotonic() + seconds
        found: dict[str, Any] = {}
        while time.monotonic() < deadline:
            found = self._get(f"/api/traces/{trace_id}")
            if found and until(found):
                return found
            time.sleep(0.05)
        raise AssertionError(f"Jaeger did not show trace {trace_id} as expected; last: {found}")

    def search(self, service: str, tags: dict[str, str]) -> list[dict[str, Any]]:
        """Return the traces of a service whose spans carry all these tags."""
        query = urllib.parse.urlencode({"service": service, "tags": json.dumps(tags)})
        answer = self._ask(f"/api/traces?{query}")
        return list(answer.get("data") or [])

    def _get(self, path: str) -> dict[str, Any]:
        data = self._ask(path).get("data") or []
        return dict(data[0]) if data else {}

    def _ask(self, path: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(f"{self.query}{path}", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return {}
            raise
