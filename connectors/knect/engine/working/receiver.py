"""Webhooks: verified, stored, then answered; in that order.

Why: a 2xx is a promise that the hint is on disk. A hint only ever means "look at this id": the
current state is fetched, so a forged, old or repeated one can cause a read and nothing else.
Must not: act on a payload, or say why a request was refused.
"""

import asyncio
import hmac
import logging
from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from knect.ledger import Connection, Ledger, LedgerError
from knect.ledger.inbox import crowded, store_hints
from knect.ledger.instants import to_us
from knect.sdk import errors
from knect.sdk.contract import LONGEST_ID, WebhookRequest, Webhooks
from knect.seams import Clock, crash_point

__all__ = ["Receiver"]

_log = logging.getLogger("knect.webhooks")

_BODY_LIMIT = 10 * 1024 * 1024
#: Bodies held at once, in all; more is asked to come again.
_BODIES_LIMIT = 64 * 1024 * 1024
#: A sender has to finish its body within this many seconds.
_BODY_SECONDS = 10.0
#: Platforms wait five seconds for an answer; the ledger has this long.
_STORE_SECONDS = 4.0
#: A ledger known to be away is tried all the same, so that its return is seen; but few wait for it.
_AWAY_SECONDS = 1.0
#: So many hints nobody looked at mean that nobody looks; the poll behind will find it all.
_MOST_OPEN = 200_000
_LOOK_EVERY = 5.0


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
        arrived: Callable[[str], None] = lambda _: None,
        count: Callable[[str, str], None] = lambda _name, _answer: None,
    ) -> None:
        self._count = count
        self._held = 0
        self._looked: dict[str, float] = {}
        self._full_until: dict[str, float] = {}
        self._ledger = ledger
        self._webhooks = webhooks
        self._paths = paths
        self._clock = clock
        self._arrived = arrived

    async def receive(self, request: Request) -> Response:
        """Verify, store, answer."""
        name = request.path_params["connection"]
        secret = self._paths.get(name, "")
        if not hmac.compare_digest(secret.encode(), request.path_params["secret"].encode()):
            return PlainTextResponse("not found", status_code=404)
        if name not in self._webhooks or not secret:
            return PlainTextResponse("not found", status_code=404)
        size = _declared(request)
        if size > _BODY_LIMIT:
            return self._answer(name, "too large", 413)
        if self._held + size > _BODIES_LIMIT:
            return self._answer(name, "later", 503, retry=5)
        held = bytearray()
        try:
            return await self._receive(name, request, held)
        finally:
            self._held -= len(held)

    async def _receive(self, name: str, request: Request, held: bytearray) -> Response:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await self._body(request, held)
        except (TimeoutError, ClientDisconnect):
            return self._answer(name, "cut short", 408)
        if body is None:
            return self._answer(name, "too large", 413)
        crash_point("inbox.read")
        received = self._clock.now()
        headers = {key.lower(): value for key, value in request.headers.items()}
        try:
            hints = self._webhooks[name].verify(
                WebhookRequest(headers=headers, body=body, received=received)
            )
        except errors.SecretMissing as error:
            # nothing can be said of it yet; the sender keeps it and comes again
            _log.warning("webhook cannot be verified", extra={"connection": name, "reason": error})
            return self._answer(name, "later", 503, retry=30)
        except errors.ConnectorError as error:
            _log.warning("webhook refused", extra={"connection": name, "reason": error.code})
            return self._answer(name, "unauthorized", 401)
        except Exception as error:  # noqa: BLE001 - whatever was sent, the sender learns nothing
            _log.error("defect while verifying", exc_info=error, extra={"connection": name})
            return self._answer(name, "unauthorized", 401)
        if odd := [one for one in hints if max(len(one.id), len(one.event_id)) > LONGEST_ID]:
            # no id of a record, nor of an event; what there is of it, the poll finds
            _log.warning("hints passed over", extra={"connection": name, "count": len(odd)})
            hints = [one for one in hints if one not in odd]
        rows: list[dict[str, object]] = [
            {
                "entity": hint.entity,
                "source_id": hint.id,
                "event_id": hint.event_id,
                "triggered_us": to_us(hint.triggered) if hint.triggered else None,
                "received_us": to_us(received),
            }
            for hint in hints
        ]
        if rows and self._full_until.get(name, 0.0) > self._clock.monotonic():
            _log.error("the inbox is full", extra={"connection": name})
            return self._answer(name, "later", 503, retry=60)
        try:
            is_away = self._ledger.trouble is not None
            async with asyncio.timeout(_AWAY_SECONDS if is_away else _STORE_SECONDS):
                await self._store(name, rows)
        except (LedgerError, TimeoutError) as error:
            _log.error("webhook not stored", extra={"connection": name, "reason": str(error)})
            return self._answer(name, "later", 503, retry=30)
        crash_point("inbox.committed")
        self._arrived(name)
        response = self._answer(name, "ok", 200)
        crash_point("inbox.acked")
        return response

    async def _store(self, name: str, rows: list[dict[str, object]]) -> None:
        """Store hints; now and then, see in the same commit whether anybody looks at them."""
        if not rows:
            return
        now = self._clock.monotonic()
        looks = now - self._looked.get(name, float("-inf")) >= _LOOK_EVERY
        if looks:
            self._looked[name] = now

        def unit(connection: Connection) -> bool:
            store_hints(connection, name, rows)
            return looks and crowded(connection, name, _MOST_OPEN)

        if await self._ledger.write(unit):
            self._full_until[name] = now + _LOOK_EVERY

    async def _body(self, request: Request, held: bytearray) -> bytes | None:
        """Return the body, of which `held` is what has come; None if it is too large."""
        async for part in request.stream():
            self._held += len(part)
            held += part
            if len(held) > _BODY_LIMIT:
                return None
        return bytes(held)

    def _answer(self, name: str, word: str, status: int, *, retry: int | None = None) -> Response:
        self._count(name, word)
        headers = None if retry is None else {"Retry-After": str(retry)}
        return PlainTextResponse(word, status_code=status, headers=headers)


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 16 else 0
