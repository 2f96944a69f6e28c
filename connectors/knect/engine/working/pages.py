"""The pages of a process: /healthz, /readyz, /status, /metrics, /run-now, and the webhooks' door.

Why: they stand before there is a ledger and after it went away, so that whoever asks gets an answer
instead of a refused connection. Must not: know what is behind them; they are handed in.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_address

from msgspec import DecodeError, Struct, ValidationError, json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

__all__ = ["Pages", "RunNow"]

_TOKEN_BODY = 16 * 1024


class RunNow(Struct, frozen=True, kw_only=True):
    """`POST /run-now`: read a pipeline's source now; `token` is echoed when that is done."""

    pipeline: str
    token: str


class Pages:
    """Everything a process answers. `receive` is set while there is somebody to take webhooks.

    Args:
        alive: a sentence when the process is to be restarted, else None.
        ready: a sentence while it is not ready, else None.
        report: `/status`, as JSON; None: it has none.
        metrics: `/metrics`.
        run_now: carries a wish out; returns a status and a sentence. None: nothing can be run.
    """

    def __init__(
        self,
        *,
        alive: Callable[[], str | None],
        ready: Callable[[], str | None],
        metrics: Callable[[], Awaitable[bytes]],
        report: Callable[[], str] | None = None,
        run_now: Callable[[RunNow], tuple[int, str]] | None = None,
    ) -> None:
        self.receive: Callable[[Request], Awaitable[Response]] | None = None
        self._alive = alive
        self._ready = ready
        self._metrics = metrics
        self._report = report
        self._run_now = run_now

    def application(self) -> Starlette:
        """Return what is served."""
        routes = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics_page),
            Route("/webhooks/{connection}/{secret}", self._webhook, methods=["POST"]),
        ]
        if self._report is not None:
            routes.append(Route("/status", self._status))
        if self._run_now is not None:
            routes.append(Route("/run-now", self._wish, methods=["POST"]))
        return Starlette(routes=routes)

    async def _healthz(self, _request: Request) -> Response:
        return _answer(self._alive(), otherwise=500)

    async def _readyz(self, _request: Request) -> Response:
        return _answer(self._ready(), otherwise=503)

    async def _status(self, _request: Request) -> Response:
        assert self._report is not None
        return Response(self._report(), media_type="application/json")

    async def _metrics_page(self, _request: Request) -> Response:
        page = await self._metrics()
        return Response(page, media_type="application/openmetrics-text; version=1.0.0")

    async def _webhook(self, request: Request) -> Response:
        if self.receive is None:
            headers = {"Retry-After": "30"}
            return PlainTextResponse("later", status_code=503, headers=headers)
        return await self.receive(request)

    async def _wish(self, request: Request) -> Response:
        assert self._run_now is not None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":  # which a page of somebody else's cannot send unasked
            sentence = f"the body has to be application/json, not {kind or 'nothing named'}"
            return JSONResponse({"message": sentence}, status_code=415)
        host = request.url.hostname or ""
        if not _is_ours(host):
            sentence = f"{host or 'no name'} may lead anywhere; ask by address, or as localhost"
            return JSONResponse({"message": sentence}, status_code=421)
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _TOKEN_BODY:
                return JSONResponse({"message": "too large"}, status_code=413)
        try:
            wish = json.decode(body, type=RunNow)
        except (DecodeError, ValidationError) as error:
            sentence = f'the body has to be {{"pipeline": NAME, "token": TOKEN}}: {error}'
            return JSONResponse({"message": sentence}, status_code=400)
        status, sentence = self._run_now(wish)
        return JSONResponse({"message": sentence}, status_code=status)


def _is_ours(host: str) -> bool:
    """Tell whether nobody outside can have given a name its address: a browser's page may be served
    by a name that leads here a moment later, and its script speaks as if it were from here.
    """
    with suppress(ValueError):
        return bool(ip_address(host))
    return "." not in host or host.endswith((".svc", ".svc.cluster.local"))


def _answer(trouble: str | None, *, otherwise: int) -> Response:
    return PlainTextResponse(trouble or "ok", status_code=200 if trouble is None else otherwise)
