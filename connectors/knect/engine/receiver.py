"""Webhooks: verified, stored, then answered; in that order.

Why: a 2xx is a promise that the hint is on disk. A hint only ever means "look at this id": the
current state is fetched, so a forged, old or repeated one can cause a read and nothing else.
Must not: act on a payload, or say why a request was refused.
"""

import hmac
import logging
from collections.abc import Callable, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from knect.ledger import Ledger, LedgerError
from knect.ledger.inbox import store_hints
from knect.ledger.instants import to_us
from knect.sdk import errors
from knect.sdk.contract import WebhookRequest, Webhooks
from knect.seams import Clock, crash_point

__all__ = ["Receiver"]

_log = logging.getLogger("knect.webhooks")

_BODY_LIMIT = 10 * 1024 * 1024


class Receiver:
    """The webhook endpoints of a worker's Connections: `/webhooks/{connection}/{secret}`.

    `paths` maps a Connection's name to the unguessable part of its path.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        webhooks: Mapping[str, Webhooks],
        paths: Mapping[str, str],
        clock: Clock,
        arrived: Callable[[str], None],
    ) -> None:
        self._ledger = ledger
        self._webhooks = webhooks
        self._paths = paths
        self._clock = clock
        self._arrived = arrived

    def routes(self) -> list[Route]:
        """Return the routes to serve."""
        return [Route("/webhooks/{connection}/{secret}", self.receive, methods=["POST"])]

    async def receive(self, request: Request) -> Response:
        """Verify, store, answer."""
        name = request.path_params["connection"]
        secret = self._paths.get(name, "")
        if not secret or not hmac.compare_digest(secret, request.path_params["secret"]):
            return PlainTextResponse("not found", status_code=404)
        body = await self._body(request)
        if body is None:
            return PlainTextResponse("too large", status_code=413)
        crash_point("inbox.read")
        received = self._clock.now()
        headers = {key.lower(): value for key, value in request.headers.items()}
        try:
            hints = self._webhooks[name].verify(
                WebhookRequest(headers=headers, body=body, received=received)
            )
        except errors.ConnectorError as error:
            _log.warning("webhook refused", extra={"connection": name, "reason": error.code})
            return PlainTextResponse("unauthorized", status_code=401)
        rows = [
            {
                "entity": hint.entity,
                "source_id": hint.id,
                "event_id": hint.event_id,
                "triggered_us": to_us(hint.triggered) if hint.triggered else None,
                "received_us": to_us(received),
            }
            for hint in hints
        ]
        try:
            if rows:
                await self._ledger.write(lambda c: store_hints(c, name, rows))
        except LedgerError as error:
            _log.error("webhook not stored", extra={"connection": name, "reason": str(error)})
            return PlainTextResponse("try again", status_code=503, headers={"Retry-After": "30"})
        crash_point("inbox.committed")
        self._arrived(name)
        response = PlainTextResponse("ok")
        crash_point("inbox.acked")
        return response

    async def _body(self, request: Request) -> bytes | None:
        parts: list[bytes] = []
        size = 0
        async for part in request.stream():
            size += len(part)
            if size > _BODY_LIMIT:
                return None
            parts.append(part)
        return b"".join(parts)
