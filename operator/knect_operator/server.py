"""The operator's own pages: /healthz, /readyz, /metrics.

Must not: answer 200 because a server lives; the parts of `Health` decide.
"""

from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from knect_operator.health import Health
from knect_operator.metrics import Metrics

__all__ = ["pages", "server_for"]


class _QuietServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one way to stop."""

    def install_signal_handlers(self) -> None:
        """Install none."""


def pages(health: Health, metrics: Metrics, waits_for: Callable[[], str]) -> Starlette:
    """Return the application; `waits_for` says what keeps it from working, nothing on a standby."""

    async def healthz(_request: Request) -> Response:
        troubles = list(health.troubles())
        return PlainTextResponse("; ".join(troubles) or "ok", status_code=500 if troubles else 200)

    async def readyz(_request: Request) -> Response:
        trouble = waits_for()
        return PlainTextResponse(trouble or "ok", status_code=503 if trouble else 200)

    async def show_metrics(_request: Request) -> Response:
        return Response(
            metrics.page(), media_type="application/openmetrics-text; version=1.0.0; charset=utf-8"
        )

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
        ]
    )


def server_for(application: Starlette, listen: str) -> uvicorn.Server:
    """Return a server for `host:port`."""
    host, _, port = listen.rpartition(":")
    return _QuietServer(
        uvicorn.Config(
            application,
            host=host.strip("[]"),
            port=int(port),
            log_config=None,
            access_log=False,
            lifespan="off",
        )
    )
