"""The routes of `knect api`: who, may they, then the question or the wish.

    GET  /v1/namespaces/{namespace}/status|stuck|unmapped|activity|connections|find|explain
    GET  /v1/namespaces/{namespace}/transactions
    GET  /v1/namespaces/{namespace}/transactions/{id}
    POST /v1/namespaces/{namespace}/retry|approve|edit|replay|skip|unmapped

Why: nothing is looked at before it is known who is asking and that they may; nothing is asked of a
ledger without an end in rows, bytes and seconds. Must not: tell an error's own text to anybody,
or log what was asked for.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from msgspec import Struct, json, structs
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from knect.engine.working.requests import Request as Wanted
from knect.engine.working.requests import perform
from knect.gateway import questions, wishes
from knect.gateway.answers import Mapping, Wish
from knect.gateway.apiserver import ApiServer, Person
from knect.gateway.bounds import body_of, flag, namespace_of, number, row_or_instant, text, texts
from knect.gateway.gatekeeper import Gatekeeper, Right
from knect.gateway.gauges import Gauges
from knect.gateway.refusal import Refusal
from knect.gateway.shelf import Shelf
from knect.ledger import Ledger
from knect.ledger.instants import to_us
from knect.ledger.questions.listing import Which
from knect.seams import Clock, new_id

__all__ = ["Bounds", "Gateway"]

_log = logging.getLogger("knect.gateway")

_FARTHEST = 1_000_000
_LARGEST_PAYLOAD = 4 * 2**20
_TIDY_SECONDS = 30.0
_ALIVE_SECONDS = 5.0


class Bounds(Struct, frozen=True, kw_only=True):
    """So many requests at once, and so many seconds for each."""

    in_flight: int = 64
    seconds: float = 25.0


class _Asking(Struct, frozen=True, kw_only=True):
    """A request that was let in."""

    person: Person
    namespace: str
    request: Request


_Handler = Callable[[_Asking], Awaitable[Struct]]


class Gateway:
    """Answers people. `trace` is the template of links to traces, with `{id}`."""

    def __init__(
        self,
        api: ApiServer,
        clock: Clock,
        *,
        trace: str | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._api = api
        self._clock = clock
        self._trace = trace
        self._bounds = bounds or Bounds()
        self._keeper = Gatekeeper(api, clock)
        self._shelf = Shelf(api.ledger_of, clock)
        self._gauges = Gauges()
        self._busy = 0
        self._looked: tuple[float, str | None] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep the shelf tidy while inside; close everything after."""
        tidying = asyncio.create_task(self._tidy(), name="tidy")
        try:
            yield
        finally:
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)
            await self._shelf.close()
            await self._api.close()

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            with contextlib.suppress(Exception):  # a connection that cannot be closed is closed
                await self._shelf.tidy()

    def application(self) -> Starlette:
        """Return what is served."""
        asked: dict[str, _Handler] = {
            "activity": self._activity,
            "connections": self._connections,
            "explain": self._explain,
            "find": self._find,
            "status": self._status,
            "stuck": self._stuck,
            "transactions": self._listed,
            "unmapped": self._unmapped,
        }
        below = "/v1/namespaces/{namespace}"
        routes = [
            Route("/healthz", _healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
            Route(f"{below}/transactions/{{id}}", self._guarded("show", "get", self._show)),
            Route(
                f"{below}/unmapped",
                self._guarded("map", "update", self._map),
                methods=["POST"],
            ),
        ]
        for name, handler in asked.items():
            answer = self._guarded(name, "get", handler)
            routes.append(Route(f"{below}/{name}", answer, methods=["GET"]))
        for verb in wishes.VERBS:
            answer = self._guarded(verb, "update", self._acting(verb))
            routes.append(Route(f"{below}/{verb}", answer, methods=["POST"]))
        return Starlette(routes=routes)

    # ------------------------------------------------------------ who, may they, how long

    def _guarded(
        self, route: str, right: Right, handler: _Handler
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            began = self._clock.monotonic()
            response = await self._answer(request, right, handler)
            self._gauges.answered(route, response.status_code, self._clock.monotonic() - began)
            return response

        return answer

    async def _answer(self, request: Request, right: Right, handler: _Handler) -> Response:
        if self._busy >= self._bounds.in_flight:
            return _refused(Refusal(503, "knect api has too much to do; try again in a moment"))
        self._busy += 1
        self._gauges.in_flight.set(self._busy)
        try:
            async with asyncio.timeout(self._bounds.seconds):
                person = await self._keeper.person(request.headers.get("authorization"))
                namespace = namespace_of(request)
                await self._keeper.admit(person, right, namespace)
                asking = _Asking(person=person, namespace=namespace, request=request)
                return _json(await handler(asking))
        except Refusal as refusal:
            return _refused(refusal)
        except TimeoutError:
            late = f"no answer within {self._bounds.seconds:.0f} s"
            if right == "update":
                late += "; it may still be done, look before you ask again"
            return _refused(Refusal(504, late))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody outside reads it
            _log.error("a request failed", exc_info=error)
            return _refused(Refusal(500, f"knect api itself failed: {type(error).__name__}"))
        finally:
            self._busy -= 1
            self._gauges.in_flight.set(self._busy)

    # ------------------------------------------------------------ questions

    async def _find(self, asking: _Asking) -> Struct:
        query = asking.request.query_params
        key = text(query, "key")
        if not key:
            raise Refusal(400, "say what to find: key=")
        async with self._shelf.reading(asking.namespace) as book:
            found = await questions.find(
                book,
                key,
                limit=number(query, "limit", most=questions.FEW, otherwise=questions.FEW),
                offset=number(query, "offset", most=_FARTHEST, otherwise=0),
            )
        return structs.replace(found, trace=self._trace)

    async def _explain(self, asking: _Asking) -> Struct:
        sku = text(asking.request.query_params, "sku")
        if not sku:
            raise Refusal(400, "say what to explain: sku=")
        async with self._shelf.reading(asking.namespace) as book:
            return await questions.explain(book, sku)

    async def _show(self, asking: _Asking) -> Struct:
        identifier: str = asking.request.path_params["id"]
        texts(identifier)
        payload = flag(asking.request.query_params, "payload")
        async with self._shelf.reading(asking.namespace) as book:
            shown = await questions.show(
                book, identifier, payload=payload, largest=_LARGEST_PAYLOAD
            )
        return structs.replace(shown, trace=self._trace)

    async def _stuck(self, asking: _Asking) -> Struct:
        async with self._shelf.reading(asking.namespace) as book:
            return await questions.stuck(
                book,
                text(asking.request.query_params, "pipeline"),
                now_us=to_us(self._clock.now()),
                **_page(asking),
            )

    async def _listed(self, asking: _Asking) -> Struct:
        query = asking.request.query_params
        which = Which(
            pipeline=text(query, "pipeline"),
            fates=tuple(filter(None, (text(query, "fate") or "").split(","))),
            because=text(query, "because"),
            stopped=flag(query, "stopped"),
            replaced=flag(query, "replaced"),
            since_us=row_or_instant(query, "since_us"),
            before=row_or_instant(query, "before"),
        )
        limit = _page(asking)["limit"]
        async with self._shelf.reading(asking.namespace) as book:
            found = await questions.listed(book, which, limit=limit)
        return structs.replace(found, trace=self._trace)

    async def _unmapped(self, asking: _Asking) -> Struct:
        async with self._shelf.reading(asking.namespace) as book:
            return await questions.unmapped(book, **_page(asking))

    async def _activity(self, asking: _Asking) -> Struct:
        async with self._shelf.reading(asking.namespace) as book:
            return await questions.activity(book, **_page(asking))

    async def _connections(self, asking: _Asking) -> Struct:
        since = row_or_instant(asking.request.query_params, "since_us")
        if since is None:
            raise Refusal(400, "say since when calls are to be counted: since_us=")
        async with self._shelf.reading(asking.namespace) as book:
            now_us = to_us(self._clock.now())
            return await questions.connections(book, since_us=since, now_us=now_us)

    async def _status(self, asking: _Asking) -> Struct:
        pipeline = text(asking.request.query_params, "pipeline")
        async with self._shelf.reading(asking.namespace) as book:
            return await questions.status(book, pipeline, now_us=to_us(self._clock.now()))

    # ------------------------------------------------------------ wishes

    def _acting(self, verb: str) -> _Handler:
        async def act(asking: _Asking) -> Struct:
            wish = await body_of(asking.request, Wish)
            edits = (said for one in wish.edits for said in (one.path, one.value))
            texts(*wish.words, wish.because, wish.pipeline, wish.reason, *edits)
            async with self._shelf.reading(asking.namespace) as book:
                done = await wishes.act(
                    book, verb, wish, actor=asking.person.name, carry=self._carrier(asking, book)
                )
            if not wish.dry_run:
                self._note(asking, verb, done.count)
            return done

        return act

    async def _map(self, asking: _Asking) -> Struct:
        wish = await body_of(asking.request, Mapping)
        texts(wish.kind, wish.value, wish.mapped, wish.destination, wish.reason)
        async with self._shelf.reading(asking.namespace) as book:
            mapped = await wishes.map_value(
                book, wish, actor=asking.person.name, carry=self._carrier(asking, book)
            )
        self._note(asking, "map", mapped.woke)
        return mapped

    def _carrier(self, asking: _Asking, reading: Ledger) -> wishes.Carry:
        """Count on a connection that cannot write; write only what is meant."""

        async def carry(wanted: Wanted) -> dict[str, Any]:
            now = to_us(await reading.server_time() or self._clock.now())
            if wanted.dry_run:
                return await reading.read(lambda c: perform(c, wanted, now_us=now, new_id=new_id))
            async with self._shelf.writing(asking.namespace) as book:
                return await book.write(lambda c: perform(c, wanted, now_us=now, new_id=new_id))

        return carry

    def _note(self, asking: _Asking, verb: str, count: int) -> None:
        who = {"person": asking.person.name, "namespace": asking.namespace}
        _log.info("acted", extra={**who, "verb": verb, "count": count})

    # ------------------------------------------------------------ the process itself

    async def _readyz(self, _request: Request) -> Response:
        """Ready is who can ask the cluster; asked at most every few seconds."""
        now = self._clock.monotonic()
        if self._looked is None or now - self._looked[0] > _ALIVE_SECONDS:
            trouble = None
            try:
                await self._api.alive()
            except Refusal as refusal:
                trouble = str(refusal)
            self._looked = (now, trouble)
        trouble = self._looked[1]
        return PlainTextResponse(trouble or "ok", status_code=503 if trouble else 200)

    async def _metrics(self, _request: Request) -> Response:
        page = self._gauges.page(len(self._shelf))
        return Response(page, media_type="application/openmetrics-text; version=1.0.0")


async def _healthz(_request: Request) -> Response:
    return PlainTextResponse("ok")


def _page(asking: _Asking) -> dict[str, int]:
    query = asking.request.query_params
    return {
        "limit": number(query, "limit", most=questions.MANY, otherwise=questions.MANY),
        "offset": number(query, "offset", most=_FARTHEST, otherwise=0),
    }


def _json(value: Struct | dict[str, str], status: int = 200) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(
        json.encode(value), status_code=status, media_type="application/json", headers=headers
    )


def _refused(refusal: Refusal) -> Response:
    response = _json({"error": str(refusal)}, refusal.status)
    if refusal.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="knect"'
    if refusal.status == 503:
        response.headers["Retry-After"] = "2"
    return response
