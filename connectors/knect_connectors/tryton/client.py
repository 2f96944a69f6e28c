"""Calls to one Tryton database, and the few facts every call needs.

Must not: retry, cache records, or know what a sale means.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from knect.sdk.contract import ConnectorContext
from knect.sdk.errors import Fatal, UnexpectedAnswer
from knect.sdk.http import Response, read_http_date
from knect_connectors.tryton.config import Config
from knect_connectors.tryton.lately import Lately
from knect_connectors.tryton.refusals import error_of
from knect_connectors.tryton.session import TrytonSession
from knect_connectors.tryton.wire import from_wire, to_wire

__all__ = ["Facts", "TrytonClient", "as_read"]

_CONTEXT = {"language": "en"}  # refusals are told apart by their English sentences


class Facts(Struct, frozen=True, kw_only=True):
    """What does not change while a worker runs: ids of our user, its company and the shop.

    `zone` is where the company's days begin.
    """

    user: int
    company: int
    shop: int
    warehouse: int | None
    tax_rounding: str  # document or line
    zone: str = "UTC"
    currency: str = ""


class TrytonClient:
    """JSON-RPC of one database."""

    def __init__(self, context: ConnectorContext, config: Config) -> None:
        self._config = config
        self.clock = context.clock
        self.payment_journal = config.paymentJournal
        own = config.certificateAuthority
        self._session = TrytonSession(
            context.http, config.url, config.database, context.secrets, authority=own
        )
        self._http = context.http.open(config.url, auth=self._session, authority=own)
        self._open_http = context.http.open(config.url, authority=own)
        self._path = f"/{config.database}/rpc/"
        self._facts: Facts | None = None
        self._models: frozenset[str] | None = None
        #: Answers of a look-up by its call's idempotency key, and sales just made by the id of the
        #: transaction and of the sale: what another transaction made of it is not known here.
        self.looked_up: Lately[str, Any] = Lately(context.clock)
        self.just_made: Lately[tuple[str, int], dict[str, Any]] = Lately(context.clock)
        self._writes = asyncio.Semaphore(config.parallelWrites)
        self._one_at_a_time = asyncio.Lock()

    @property
    def config(self) -> Config:
        """What the Connection is configured with."""
        return self._config

    async def call(
        self, method: str, *params: Any, context: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a reading method with our context as last parameter; return the result."""
        facts = self._facts
        ours = dict(_CONTEXT) if facts is None else {**_CONTEXT, "company": facts.company}
        return await self._rpc(method, [*params, {**ours, **(context or {})}])

    async def write(
        self, method: str, *params: Any, context: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a method that changes something, at most `config.parallelWrites` at a time.

        Tryton takes numbers from a row it reads before SQLite locks anything, so two writers at
        once draw the same one (seen on 8.2 with party codes, which are then refused; sale numbers
        come from the same place and would pass). PostgreSQL locks the row.
        """
        async with self._writes:
            return await self.call(method, *params, context=context)

    async def search_read(
        self, model: str, domain: Sequence[Any], fields: Sequence[str], **more: Any
    ) -> list[dict[str, Any]]:
        """Search and read in one call; `order`, `limit`, `offset` and `context` as Tryton's."""
        rows: list[dict[str, Any]] = await self.call(
            f"model.{model}.search_read",
            domain,
            more.get("offset", 0),
            more.get("limit"),
            more.get("order"),
            list(fields),
            context=more.get("context"),
        )
        return rows

    async def read(
        self, model: str, ids: Sequence[int], fields: Sequence[str]
    ) -> dict[int, dict[str, Any]]:
        """Read records that exist, by id; those that do not are left out."""
        domain = [["id", "in", list(ids)]]
        hidden = {"active_test": False}
        rows = await self.search_read(model, domain, fields, context=hidden)
        return {row["id"]: row for row in rows}

    async def has_model(self, name: str) -> bool:
        """Tell whether a module that has this model is activated; asked once."""
        if self._models is None:
            rows = await self.search_read("ir.model", [], ["name"])
            self._models = frozenset(row["name"] for row in rows)
        return name in self._models

    async def version(self) -> str:
        """Return the server's series, e.g. 8.2; needs no log-in."""
        body = {"id": 1, "method": "common.server.version", "params": []}
        response = await self._open_http.request("POST", "/rpc/", template="/rpc/", json=body)
        return str(_result("common.server.version", response))

    async def server_time(self) -> datetime:
        """Return the server's clock in UTC, to the second, rounded down."""
        body = {"id": 1, "method": "common.server.version", "params": []}
        response = await self._open_http.request("POST", "/rpc/", template="/rpc/", json=body)
        instant = read_http_date(response.headers.get("date"))
        if instant is None:
            raise UnexpectedAnswer("Tryton's answer carries no Date header to read the time from")
        return instant.astimezone(UTC)

    async def facts(self) -> Facts:
        """Return what every write needs; asked once. Raises Fatal when the set-up is wrong."""
        async with self._one_at_a_time:
            if self._facts is None:
                self._facts = await self._find_facts()
            return self._facts

    async def close(self) -> None:
        """Close all pools."""
        await self._http.close()
        await self._open_http.close()
        await self._session.close()

    async def _find_facts(self) -> Facts:
        preferences = await self.call("model.res.user.get_preferences", True)  # noqa: FBT003 - RPC
        company = await self._company(preferences)
        in_company = {"company": company["id"]}
        name = self._config.webShop
        fields = ["company", "warehouses"]
        shops = await self.search_read(
            "web.shop", [["name", "=", name]], fields, context=in_company
        )
        if not shops:
            raise Fatal(
                f"Tryton has no active web shop called {name!r}; create it, or correct"
                " config.webShop",
                code="NoWebShop",
            )
        rounding = await self.call(
            "model.account.configuration.read", [1], ["tax_rounding"], context=in_company
        )
        return Facts(
            user=self._session.user_id,
            company=company["id"],
            shop=shops[0]["id"],
            warehouse=next(iter(shops[0]["warehouses"]), None),
            tax_rounding=str(rounding[0]["tax_rounding"] or "document"),
            zone=self._config.timeZone or company["timezone"] or "UTC",
            currency=(company.get("currency.") or {}).get("code", ""),
        )

    async def _company(self, preferences: Mapping[str, Any]) -> dict[str, Any]:
        wanted = self._config.company
        mine = preferences.get("company")
        domain = [["party.name", "=", wanted]] if wanted else [["id", "=", mine or -1]]
        companies = await self.search_read(
            "company.company", domain, ["party", "timezone", "currency.code"]
        )
        if not companies:
            raise Fatal(
                f"Tryton has no company called {wanted!r}; correct config.company"
                if wanted
                else "Knect's user in Tryton has no company; give it one, or set config.company",
                code="NoCompany",
            )
        return companies[0]

    async def _rpc(self, method: str, params: list[Any]) -> Any:
        body = {"id": 1, "method": method, "params": to_wire(params)}
        response = await self._http.request(
            "POST", self._path, template=f"/{{database}}/rpc/ {method}", json=body
        )
        return _result(method, response)


def as_read(model: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the context of a write that is done only if nobody has written these rows since they
    were read (with `_timestamp`). It is refused as RetryLater otherwise.
    """
    return {"_timestamp": {f"{model},{row['id']}": row["_timestamp"] for row in rows}}


def _result(method: str, response: Response) -> Any:
    match response.data:
        case {"error": error}:
            raise error_of(method, error)
        case {"result": result}:
            try:
                return from_wire(result)
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                raise UnexpectedAnswer(f"Tryton's answer to {method}: {error}") from None
        case _:
            pass
    raise UnexpectedAnswer(f"Tryton's answer to {method} has neither a result nor an error")
