"""Asking `knect api` from afar: the same questions and wishes as beside a ledger.

Must not: ask twice what may have been done, or say more than the server said.
"""

from collections.abc import Mapping as Query
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec import DecodeError, Struct, ValidationError, json, structs

from knect.gateway.answers import (
    Activity,
    Connections,
    Done,
    Explanation,
    Found,
    Groups,
    Listed,
    Mapped,
    Mapping,
    Shown,
    Sums,
    Values,
    Wish,
)
from knect.gateway.refusal import Refusal
from knect.ledger.questions.activity import Action
from knect.ledger.questions.listing import Which
from knect.ledger.questions.queries import Summary
from knect.ledger.questions.stopped import StuckGroup
from knect.ledger.questions.waits import UnmappedValue
from knect.sdk.errors import ConnectorError
from knect.sdk.http import Client

__all__ = ["GatewayClient"]

T = TypeVar("T")


class _Error(Struct):
    error: str


class GatewayClient:
    """Asks about one namespace. Every method raises Refusal."""

    def __init__(self, http: Client, namespace: str) -> None:
        self._http = http
        self._below = f"/v1/namespaces/{quote(namespace, safe='')}"

    async def find(self, key: str) -> Found:
        """Return what a key leads to."""
        return await self._get(Found, "/find", {"key": key})

    async def explain(self, sku: str) -> Explanation:
        """Return what the numbers behind a SKU were made of."""
        return await self._get(Explanation, "/explain", {"sku": sku})

    async def listed(self, which: Which, *, limit: int | None = None) -> Listed:
        """Return the first page of what is so, or all of it, page by page."""
        if limit is not None:
            return await self._get(Listed, "/transactions", _asked_for(which, limit))
        items: list[Summary] = []
        while True:
            page = await self._get(Listed, "/transactions", _asked_for(which))
            items += page.items
            if not (page.truncated and page.items):
                return structs.replace(page, items=items, truncated=False)
            which = structs.replace(which, before=page.items[-1].seq)

    async def show(self, identifier: str, *, payload: bool) -> Shown:
        """Return all of one transaction."""
        path = f"/transactions/{quote(identifier.strip(), safe='')}"
        return await self._get(Shown, path, {"payload": "true"} if payload else {})

    async def status(self, pipeline: str | None) -> Sums:
        """Return the equation per pipeline."""
        return await self._get(Sums, "/status", _named(pipeline))

    async def stuck(self, pipeline: str | None, *, limit: int | None = None) -> Groups:
        """Return the largest groups of what is stopped, or all of them, page by page."""
        if limit is not None:
            return await self._get(Groups, "/stuck", {**_named(pipeline), "limit": str(limit)})
        items: list[StuckGroup] = []
        while True:
            query = {**_named(pipeline), "offset": str(len(items))}
            page = await self._get(Groups, "/stuck", query)
            items += page.items
            if not (page.truncated and page.items):
                return structs.replace(page, items=items, truncated=False)

    async def unmapped(self, *, limit: int | None = None) -> Values:
        """Return the values that are most wanted, or all of them, page by page."""
        if limit is not None:
            return await self._get(Values, "/unmapped", {"limit": str(limit)})
        items: list[UnmappedValue] = []
        more = True
        while more:
            page = await self._get(Values, "/unmapped", {"offset": str(len(items))})
            items += page.items
            more = page.truncated and bool(page.items)
        return Values(items=items)

    async def activity(self, *, limit: int | None = None) -> Activity:
        """Return what people did last, or all of it, page by page."""
        if limit is not None:
            return await self._get(Activity, "/activity", {"limit": str(limit)})
        items: list[Action] = []
        more = True
        while more:
            page = await self._get(Activity, "/activity", {"offset": str(len(items))})
            items += page.items
            more = page.truncated and bool(page.items)
        return Activity(items=items)

    async def connections(self, since_us: int) -> Connections:
        """Return how each Connection is, with its calls since then."""
        return await self._get(Connections, "/connections", {"since_us": str(since_us)})

    async def act(self, verb: str, wish: Wish) -> Done:
        """Retry, let pass, edit, replay or skip."""
        return await self._call(Done, "POST", f"/{verb}", content=json.encode(wish))

    async def map_value(self, wish: Mapping) -> Mapped:
        """Say what a value means."""
        return await self._call(Mapped, "POST", "/unmapped", content=json.encode(wish))

    # ------------------------------------------------------------ the wire

    async def _get(self, kind: type[T], path: str, query: Query[str, str]) -> T:
        return await self._call(kind, "GET", path, params=dict(query))

    async def _call(self, kind: type[T], method: str, path: str, **content: Any) -> T:
        if "content" in content:
            content["headers"] = {"Content-Type": "application/json"}
        try:
            answer = await self._http.request(
                method,
                self._below + path,
                template=path,
                accept=range(300, 600),
                expects_json=False,
                **content,
            )
        except ConnectorError as error:
            raise Refusal(503, f"knect api does not answer: {error.message}") from None
        try:
            if answer.status >= 300:
                raise Refusal(answer.status, json.decode(answer.body, type=_Error).error)
            return json.decode(answer.body, type=kind)
        except (DecodeError, ValidationError):
            raise Refusal(
                502,
                f"what answered (status {answer.status}) is no knect api of this version; look at "
                "the address, and compare `knect --version` with the chart's appVersion",
            ) from None


def _asked_for(which: Which, limit: int | None = None) -> dict[str, str]:
    asked = {
        "pipeline": which.pipeline, "because": which.because, "fate": ",".join(which.fates) or None,
        "stopped": "true" if which.stopped else None,
        "replaced": "true" if which.replaced else None,
        "since_us": which.since_us, "before": which.before, "limit": limit,
    }  # fmt: skip
    return {name: str(value) for name, value in asked.items() if value is not None}


def _named(pipeline: str | None) -> dict[str, str]:
    return {} if pipeline is None else {"pipeline": pipeline}
